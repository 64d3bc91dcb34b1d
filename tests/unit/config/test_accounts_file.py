"""accounts.toml: what is taken, and every way in which it can be wrong."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from ingestd.config.accounts_file import read_accounts
from ingestd.config.authorized_keys import parse_authorized_key
from ingestd.config.mistakes import InvalidValueError
from ingestd.values.errors import ConfigError
from ingestd.values.identifiers import AccountId

HASH = "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHRzb21l$c29tZWhhc2hzb21laGFzaHNvbWVoYXNoc29tZWhhc2g"
DISTRICT = 'name = "A District"\ntimezone = "America/Chicago"\n'


def _field(content: bytes) -> bytes:
    return len(content).to_bytes(4, "big") + content


def _line(key_type: str, *fields: bytes, inner_type: str | None = None) -> str:
    blob = b"".join(_field(field) for field in ((inner_type or key_type).encode(), *fields))
    return f"{key_type} {base64.b64encode(blob).decode()} it@district"


def _ed25519(filler: int = 1) -> str:
    return _line("ssh-ed25519", bytes([filler]) * 32)


def _rsa(bits: int) -> str:
    modulus = (1 << (bits - 1) | 1).to_bytes(bits // 8 + 1, "big")
    return _line("ssh-rsa", b"\x01\x00\x01", modulus)


def _write(folder: Path, text: str) -> Path:
    path = folder / "accounts.toml"
    path.write_text(text, encoding="utf-8")
    return path


def _mistakes(folder: Path, text: str) -> list[str]:
    path = _write(folder, text)
    with pytest.raises(ConfigError) as caught:
        read_accounts(path)
    return [str(mistake).removeprefix(f"{path}:") for mistake in caught.value.mistakes]


def test_a_whole_account_is_read(tmp_path: Path) -> None:
    """What the contract shows is what loads."""
    file = read_accounts(
        _write(
            tmp_path,
            f"[SPRINGFIELD]\n{DISTRICT}currency = 'EUR'\nauthorized_keys = ['{_ed25519()}']\n"
            f"password_hash = '{HASH}'\n[SPRINGFIELD.policy]\nstudents = 'register'\n"
            "encoding = 'windows-1252'\ndelimiter = \"\\t\"\n",
        )
    )
    entry = file.accounts[AccountId("SPRINGFIELD")]
    assert entry.timezone.key == "America/Chicago"
    assert entry.authorized_keys[0].line == _ed25519()
    assert entry.policy.delimiter == "\t"
    assert entry.policy.file == "partial"
    assert HASH not in repr(entry)


def test_comments_alone_are_no_accounts(tmp_path: Path) -> None:
    """A fresh installation starts, with nobody in it."""
    assert read_accounts(_write(tmp_path, "# none yet\n")).accounts == {}


def test_every_mistake_of_every_account_is_told_at_once(tmp_path: Path) -> None:
    """An admin who adds ten districts corrects the file once."""
    found = _mistakes(
        tmp_path,
        'title = "x"\n[A]\nname = ""\ntimezone = "America/Chicgo"\ncurrency = "usd"\n'
        'pasword_hash = "sesame"\npassword_hash = "sesame"\n'
        '[A.policy]\nstudents = "all"\ndelimiter = ":"\nencoding = "utf-16"\nstudent = 1\n'
        '["B C"]\n' + DISTRICT + "[a]\nname = 5\n",
    )
    assert [entry.split(" ")[0] for entry in found] == [
        *("1:", "3:", "4:", "5:", "6:", "7:", "9:", "10:", "11:", "12:", "13:", "16:", "16:", "17:")
    ]
    told = "\n".join(found)
    assert "Did you mean America/Chicago?" in told
    assert 'Write "USD".' in told
    assert "Did you mean password_hash?" in told
    assert "Did you mean students?" in told
    assert "'roster' or 'register'" in told
    assert "differs from account A only in case" in told
    assert "a.timezone: is missing" in told
    assert "sesame" not in told


def test_options_before_a_key_are_a_mistake(tmp_path: Path) -> None:
    """To pass over `from=` would let the key in from everywhere."""
    key = f'from="10.0.0.1",command="a b" {_ed25519()}'
    (mistake,) = _mistakes(tmp_path, f"[A]\n{DISTRICT}authorized_keys = ['{key}']\n")
    assert "options before a key are not supported" in mistake


def test_one_key_in_two_accounts_is_a_mistake(tmp_path: Path) -> None:
    """A key that opens two districts' doors is a leak between them."""
    (mistake,) = _mistakes(
        tmp_path,
        f"[A]\n{DISTRICT}authorized_keys = ['{_ed25519()}']\n"
        f"[B]\n{DISTRICT}authorized_keys = ['{_ed25519(2)}',\n'{_ed25519()}']\n",
    )
    assert mistake.startswith("9: B.authorized_keys: the key SHA256:")
    assert "account A's" in mistake


@pytest.mark.parametrize(
    "line",
    [
        _ed25519(),
        f"  {_ed25519()}  ",
        _rsa(3072),
        _line("ecdsa-sha2-nistp256", b"nistp256", b"\x04" + b"x" * 64),
        _line("ecdsa-sha2-nistp521", b"nistp521", b"\x04" + b"x" * 132),
        _line("sk-ssh-ed25519@openssh.com", b"x" * 32, b"ssh:"),
        _line("sk-ecdsa-sha2-nistp256@openssh.com", b"nistp256", b"\x04" + b"x" * 64, b"ssh:"),
    ],
)
def test_keys_of_every_kind_are_taken(line: str) -> None:
    """Whatever ssh-keygen makes may be pasted."""
    assert parse_authorized_key(line).line == line.strip()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (5, "text in quotes"),
        ("", "no public key"),
        ("ssh-ed25519", "no public key"),
        ("ssh-ed25519 AAAA", "cut off"),
        ("ssh-ed25519 A", "base64"),
        ("ssh-ed25519 AAAA… it@springfield", "base64"),
        (_ed25519()[:60], "cut off"),
        (_line("ssh-ed25519", b"x" * 31), "damaged"),
        (_line("ssh-ed25519", b"x" * 32, b"more"), "damaged"),
        (_line("ecdsa-sha2-nistp256", b"nistp384", b"\x04" + b"x" * 96), "damaged"),
        (_line("ecdsa-sha2-nistp256", b"nistp256", b"\x02" + b"x" * 32), "damaged"),
        (_line("ssh-rsa", b"\x03", b"x" * 256, inner_type="ssh-ed25519"), "itself says"),
        (_rsa(768), "768 bits"),
        ("ssh-dss AAAA", "DSA"),
        ("ssh-magic AAAA", "key type"),
        ("no-pty ssh-magic AAAA", "key type"),
        (_ed25519() + "\n" + _ed25519(), "one line"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----", "private key"),
        ("---- BEGIN SSH2 PUBLIC KEY ----", "ssh-keygen -i"),
    ],
)
def test_a_key_that_could_never_log_in_is_refused(line: object, said: str) -> None:
    """A key spoilt by copying is found when it is saved, not when the upload fails."""
    with pytest.raises(InvalidValueError) as caught:
        parse_authorized_key(line)
    assert said in f"{caught.value.message} {caught.value.remedy}"


@pytest.mark.parametrize(
    "text",
    ["", "sesame", HASH.replace("argon2id", "argon2i"), HASH[:40], HASH + "\n"]
    + [HASH.replace("m=65536", f"m={memory}") for memory in (8, 9_999_999)],
)
def test_a_hash_that_cannot_be_checked_is_refused_unseen(tmp_path: Path, text: str) -> None:
    """A password pasted in the place of its hash must not reach the log."""
    quoted = text.replace("\n", "\\n")
    (mistake,) = _mistakes(tmp_path, f'[A]\n{DISTRICT}password_hash = "{quoted}"\n')
    assert mistake.startswith("4: A.password_hash:")
    assert not text or text not in mistake


@pytest.mark.parametrize("name", ["utf-8", "UTF8", "windows-1252", "iso-8859-1", "cp437", "ascii"])
def test_encodings_of_spreadsheets_are_taken(tmp_path: Path, name: str) -> None:
    """Districts export from many programs."""
    text = f"[A]\n{DISTRICT}[A.policy]\nencoding = '{name}'\n"
    assert read_accounts(_write(tmp_path, text)).accounts[AccountId("A")].policy.encoding == name


@pytest.mark.parametrize(
    "name", ["utf-16", "utf-7", "cp037", "rot13", "hex", "unicode_escape", "idna", "guess", ""]
)
def test_encodings_that_would_change_plain_ascii_are_refused(tmp_path: Path, name: str) -> None:
    """The CSV's own commas and quotes must read as themselves."""
    text = f"[A]\n{DISTRICT}[A.policy]\nencoding = '{name}'\n"
    (mistake,) = _mistakes(tmp_path, text)
    assert mistake.startswith("5: A.policy.encoding:")


@pytest.mark.parametrize("zone", ["America", "", "../etc/passwd", "/etc/passwd", "america/chicago"])
def test_what_is_no_time_zone_is_refused(tmp_path: Path, zone: str) -> None:
    """The day of a charge depends on it."""
    (mistake,) = _mistakes(tmp_path, f"[A]\nname = 'x'\ntimezone = '{zone}'\n")
    assert mistake.startswith("3: A.timezone:")


def test_catalogs_are_taken_over_sftp_only_where_it_is_said(tmp_path: Path) -> None:
    """Who may send charges may not, by that alone, say who is charged and what it costs."""
    text = f"[A]\n{DISTRICT}[B]\n{DISTRICT}catalog_over_sftp = true\n"
    accounts = read_accounts(_write(tmp_path, text)).accounts
    assert not accounts[AccountId("A")].catalog_over_sftp
    assert accounts[AccountId("B")].catalog_over_sftp


@pytest.mark.parametrize("value", ['"true"', "1", '"yes"', "[]"])
def test_what_is_neither_true_nor_false_opens_nothing(tmp_path: Path, value: str) -> None:
    """A text in quotes is a slip, and a slip must not let a catalog be overwritten."""
    (mistake,) = _mistakes(tmp_path, f"[A]\n{DISTRICT}catalog_over_sftp = {value}\n")
    assert mistake.startswith("4: A.catalog_over_sftp:")
    assert "true or false" in mistake
