"""`ingestd invoice` from outside: the page, the PDF, and mail over a real SMTP server."""

from __future__ import annotations

import datetime
import email
import email.policy
import io
import ipaddress
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pypdf
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.libraries import need_pdf

if TYPE_CHECKING:
    from tests.acceptance.conftest import Done, School

_PARENT = "margery@example.org"
_SERVER = Path(__file__).with_name("mail_server.py")


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A running mail server: its port, the mail that it took, and the authority that it has."""

    port: int
    folder: Path
    authority: Path

    @property
    def mails(self) -> list[EmailMessage]:
        return [
            email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
            for path in sorted(self.folder.glob("*.eml"))
        ]

    @property
    def envelopes(self) -> list[dict[str, Any]]:
        return [json.loads(path.read_bytes()) for path in sorted(self.folder.glob("*.json"))]


NewMailbox = Callable[..., Mailbox]


@pytest.fixture
def new_mailbox(billed: School, tmp_path: Path) -> Iterator[NewMailbox]:
    """Start mail servers and make the installation use the last one."""
    authority = tmp_path / "authority.pem"
    _write_certificate(authority)
    with ExitStack() as stack:

        def start(*options: str, **settings: object) -> Mailbox:
            folder = tmp_path / f"mail-{len(list(tmp_path.glob('mail-*')))}"
            folder.mkdir()
            port = stack.enter_context(_served(folder, "--certificate", str(authority), *options))
            defaults: dict[str, object] = {"tls": "none", "from": "office@example.org"}
            given = defaults | {"host": "127.0.0.1", "port": port} | settings
            billed.set(**{f"mail__{key}": value for key, value in given.items()})
            return Mailbox(port, folder, authority)

        yield start


@contextmanager
def _served(folder: Path, *options: str) -> Iterator[int]:
    server = subprocess.Popen(
        [sys.executable, str(_SERVER), str(folder), *options], stdout=subprocess.PIPE, text=True
    )
    with server:
        try:
            assert server.stdout is not None
            yield int(server.stdout.readline())
        finally:
            server.kill()


def _write_certificate(path: Path) -> None:
    """Write a certificate for this machine that is its own authority, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mail")])
    now = datetime.datetime.now(datetime.UTC)
    hosts = [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(hosts), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


def _invoice(school: School, *options: str, party: str = "P-77") -> Done:
    return school.run("invoice", "--account", school.account, "--party", party, *options)


def _forget_pdf(school: School, folder: Path) -> None:
    """Run commands from now on as on a machine where Pango is missing."""
    (folder / "weasyprint.py").write_text(
        'print("noise")\nraise OSError("cannot load library libpango")\n', encoding="utf-8"
    )
    search = [str(folder), *filter(None, sys.path)]
    school.environment["PYTHONPATH"] = ":".join(search)


def test_an_invoice_shows_a_familys_open_items_and_pending_payments(billed: School) -> None:
    """The office prints one page, and the family knows what it owes and why."""
    done = _invoice(billed, party="00043")
    assert (done.returncode, done.stderr) == (0, "")
    page = done.stdout
    told = (
        *("<!DOCTYPE html>", "Springfield School District", "Margery Okonkwo", "P-77"),
        *("2026-03-01", "Lisa Marchetti", "Lost book", "18.50", "T1"),
        *("2026-03-02", "Bartholomew Ochoa", "Late fee", "5.00", "T2"),
        *("23.50 USD", "Payments pending", "E1", "10.00 USD"),
    )
    assert [words for words in told if words not in page] == []
    assert page.index("Lost book") < page.index("Late fee")


def test_an_invoice_is_written_to_a_file_that_not_everybody_reads(
    billed: School, tmp_path: Path
) -> None:
    """What a family owes lies open to the service's group and nobody else."""
    path = tmp_path / "invoice.html"
    path.write_text("older")
    path.chmod(0o644)
    done = _invoice(billed, "--to", str(path))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert path.stat().st_mode & 0o777 == 0o640
    assert path.read_text(encoding="utf-8").endswith("</html>\n")
    assert _invoice(billed, "--to", str(tmp_path / "no" / "x.html")).returncode == 3


def test_an_invoice_is_written_as_a_pdf(billed: School, tmp_path: Path) -> None:
    """The same invoice can be filed and attached."""
    need_pdf()
    path = tmp_path / "invoice.pdf"
    done = _invoice(billed, "--output", "pdf", "--to", str(path))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    content = path.read_bytes()
    assert content.startswith(b"%PDF")
    text = "".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(content)).pages)
    for words in ("Margery Okonkwo", "Lost book", "23.50 USD", "Payments pending"):
        assert words in text


def test_a_missing_library_names_its_remedy(billed: School, tmp_path: Path) -> None:
    """Nobody searches for what to install, and no page is taken for a PDF."""
    _forget_pdf(billed, tmp_path)
    done = _invoice(billed, "--output", "pdf")
    assert (done.returncode, done.stdout) == (3, "")
    assert "ingestd[pdf]" in done.stderr
    assert "libpango-1.0-0" in done.stderr


def test_nobody_is_not_invoiced(billed: School) -> None:
    """A typing error is an error, not an empty invoice."""
    for name in ("P-78", "ANONYMOUS"):
        done = _invoice(billed, party=name)
        assert (done.returncode, done.stdout) == (2, "")


def test_an_invoice_is_mailed_to_the_parent_over_an_encrypted_connection(
    billed: School, new_mailbox: NewMailbox
) -> None:
    """The parent gets what the office sees: as a page, as plain text and as a PDF."""
    need_pdf()
    mailbox = new_mailbox("--tls", "starttls", "--asks-password", tls="starttls", user="billing")
    billed.environment |= {
        "SSL_CERT_FILE": str(mailbox.authority),
        "INGESTD_MAIL__PASSWORD": "sesame",
    }
    done = _invoice(billed, "--mail")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"handed to 127.0.0.1 for {_PARENT}, with a PDF\n"
    assert mailbox.envelopes == [
        {"from": "office@example.org", "to": [_PARENT], "encrypted": True, "logged_in": True}
    ]
    [mail] = mailbox.mails
    assert mail["From"] == "Springfield School District <office@example.org>"
    assert mail["To"] == _PARENT
    for name in ("Subject", "Date", "Message-ID"):
        assert mail[name]
    page, text = mail.get_body(("html",)), mail.get_body(("plain",))
    assert page is not None
    assert text is not None
    assert "23.50 USD" in page.get_content()
    assert "Total due: 23.50 USD" in text.get_content()
    [pdf] = mail.iter_attachments()
    assert pdf.get_content_type() == "application/pdf"
    assert pdf.get_content().startswith(b"%PDF")


def test_an_invoice_is_mailed_over_tls_with_a_password_from_a_file(
    billed: School, new_mailbox: NewMailbox
) -> None:
    """Providers that encrypt from the start work too, and the password stands in one place."""
    secret = billed.folder / "secret"
    secret.write_text("sesame\n", encoding="utf-8")
    mailbox = new_mailbox(
        *("--tls", "tls", "--asks-password"), tls="tls", user="billing", password_file=str(secret)
    )
    billed.environment["SSL_CERT_FILE"] = str(mailbox.authority)
    done = _invoice(billed, "--mail", "--mail-to", "jörg@example.org")
    assert (done.returncode, done.stderr) == (0, "")
    [envelope] = mailbox.envelopes
    assert envelope["to"] == ["jörg@example.org"]
    assert envelope["encrypted"]


def test_nothing_is_ever_sent_by_itself(billed: School, new_mailbox: NewMailbox) -> None:
    """Looking at an invoice, or naming an address, mails nobody."""
    mailbox = new_mailbox()
    assert _invoice(billed).returncode == 0
    assert _invoice(billed, "--mail-to", _PARENT).returncode == 2
    assert mailbox.mails == []


def test_an_invoice_is_mailed_without_a_pdf_where_none_can_be_made(
    billed: School, new_mailbox: NewMailbox, tmp_path: Path
) -> None:
    """A missing library keeps no family from its invoice, unless a PDF was asked for."""
    mailbox = new_mailbox()
    _forget_pdf(billed, tmp_path)
    assert _invoice(billed, "--mail", "--output", "pdf").returncode == 3
    assert mailbox.mails == []
    done = _invoice(billed, "--mail")
    assert (done.returncode, done.stderr) == (0, "")
    assert "without a PDF" in done.stdout
    [mail] = mailbox.mails
    assert list(mail.iter_attachments()) == []


def test_a_server_that_cannot_be_trusted_gets_nothing(
    billed: School, new_mailbox: NewMailbox
) -> None:
    """Whoever sits in between learns neither the password nor what a family owes."""
    for tls in ("starttls", "tls"):
        mailbox = new_mailbox("--tls", tls, tls=tls)
        done = _invoice(billed, "--mail")
        assert (done.returncode, done.stdout) == (3, "")
        assert "certificate" in done.stderr
        assert mailbox.mails == []


def test_a_server_without_encryption_gets_nothing(billed: School, new_mailbox: NewMailbox) -> None:
    """An attacker who strips STARTTLS from the server's offers stops the mail, and no more."""
    for tls in ("starttls", "tls"):
        mailbox = new_mailbox(tls=tls)
        done = _invoice(billed, "--mail")
        assert (done.returncode, done.stdout) == (3, "")
        assert "TLS" in done.stderr
        assert mailbox.mails == []


@pytest.mark.parametrize(
    ("options", "settings", "words"),
    [
        (("--mail-to", "unknown@example.org"), {}, "550"),
        (("--mail-to", "full@example.org"), {}, "552"),
        ((), {"host": "no-such-host.invalid"}, "cannot be used"),
        ((), {"port": 1}, "refused"),
    ],
)
def test_what_a_server_refuses_is_told(
    billed: School,
    new_mailbox: NewMailbox,
    options: tuple[str, ...],
    settings: dict[str, object],
    words: str,
) -> None:
    """Mail that did not go out is never believed to have gone out."""
    mailbox = new_mailbox(**settings)
    done = _invoice(billed, "--mail", *options)
    assert (done.returncode, done.stdout) == (3, "")
    assert words in done.stderr
    assert "@" not in done.stderr
    assert mailbox.mails == []


def test_a_wrong_password_is_told_and_not_shown(billed: School, new_mailbox: NewMailbox) -> None:
    """The office learns which setting to correct, and the log no secret."""
    mailbox = new_mailbox("--tls", "starttls", "--asks-password", tls="starttls", user="billing")
    billed.environment |= {
        "SSL_CERT_FILE": str(mailbox.authority),
        "INGESTD_MAIL__PASSWORD": "open-says-me",
    }
    done = _invoice(billed, "--mail")
    assert (done.returncode, done.stdout) == (3, "")
    assert "refused user and password" in done.stderr
    assert "open-says-me" not in done.stderr
    assert mailbox.mails == []


def test_without_an_address_nothing_is_sent(billed: School, new_mailbox: NewMailbox) -> None:
    """A guest who left no address is no reason to write to somebody else."""
    sale = ("--party", "guest", "--name", "Gil Guest", "--billing-code", "LATE_FEE")
    guest = billed.ask("sales", "add", *sale)["party"]
    mailbox = new_mailbox()
    done = _invoice(billed, "--mail", party=guest)
    assert (done.returncode, done.stdout) == (1, "")
    assert "--mail-to" in done.stderr
    assert _invoice(billed, "--mail", "--mail-to", "a@b,c@d", party=guest).returncode == 2
    assert mailbox.mails == []
    assert _invoice(billed, "--mail", "--mail-to", "gil@example.org", party=guest).returncode == 0
    assert [envelope["to"] for envelope in mailbox.envelopes] == [["gil@example.org"]]


def test_without_a_server_nothing_can_be_mailed(billed: School) -> None:
    """The command says which settings are missing."""
    done = _invoice(billed, "--mail")
    assert (done.returncode, done.stdout) == (2, "")
    assert "host and from of [mail]" in done.stderr
