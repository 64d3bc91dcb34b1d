"""Mail: handing one message to the configured server, or saying why it did not take it."""

from __future__ import annotations

import contextlib
import smtplib
import ssl
from collections.abc import Iterator
from email.headerregistry import Address
from email.message import EmailMessage
from typing import Final

from ingestd.config.files.settings import MailSettings
from ingestd.reports.escaping.texts import shown
from ingestd.spool.files import storage_errors
from ingestd.values.errors import MailError, StorageError, UsageError

ANSWER_SECONDS_MAX: Final = 30.0
"""For how long a mail server may keep silent."""

_REPLY_CHARACTERS_MAX = 200


def sender_of(settings: MailSettings, name: str) -> Address:
    """Return who sends, under a name. Raises UsageError where `[mail]` says too little."""
    missing = [
        key for key, value in (("host", settings.host), ("from", settings.from_)) if not value
    ]
    if missing or settings.from_ is None:
        raise UsageError(
            f"Nothing can be mailed: {' and '.join(missing)} of [mail] must be set, in "
            f"ingestd.toml or as {' and '.join(f'INGESTD_MAIL__{key.upper()}' for key in missing)}."
        )
    user, _, domain = settings.from_.rpartition("@")
    return Address(display_name=shown(name), username=user, domain=domain)


def hand_over(settings: MailSettings, message: EmailMessage, *, recipient: str) -> None:
    """Give a message to the mail server; afterwards the server has taken it.

    Certificates are checked, and no password goes over an unencrypted connection. Raises
    MailError, which never holds the recipient's address.
    """
    password = _password(settings)
    with (
        _mail_errors(settings, recipient),
        contextlib.closing(_connection(settings)) as server,
    ):
        if settings.user is not None and password is not None:
            server.login(settings.user, password)
        server.send_message(message, to_addrs=[recipient])
        # The server has it: whatever happens to the farewell, it is not to be sent again.
        with contextlib.suppress(OSError):
            server.quit()


def _connection(settings: MailSettings) -> smtplib.SMTP:
    host, port, seconds = settings.host or "", settings.port, ANSWER_SECONDS_MAX
    context = ssl.create_default_context()
    match settings.tls:
        case "tls":
            return smtplib.SMTP_SSL(host, port, timeout=seconds, context=context)
        case "none":
            return smtplib.SMTP(host, port, timeout=seconds)
        case "starttls":
            server = smtplib.SMTP(host, port, timeout=seconds)
            try:
                server.starttls(context=context)
            except BaseException:
                server.close()
                raise
            return server


def _password(settings: MailSettings) -> str | None:
    if settings.user is None:
        return None
    if settings.password is not None:
        return settings.password
    path = settings.password_file
    if path is None:
        raise UsageError(
            "mail.user has no password. Set INGESTD_MAIL__PASSWORD, or password_file in [mail]."
        )
    try:
        with storage_errors(path):
            lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError as error:
        raise StorageError(f"mail.password_file {path} does not exist.") from error
    except UnicodeDecodeError as error:
        raise StorageError(f"mail.password_file {path} is not UTF-8.") from error
    return lines[0] if lines else ""


@contextlib.contextmanager
def _mail_errors(settings: MailSettings, recipient: str) -> Iterator[None]:
    """Turn what a mail server or the way to it does into a MailError that says what to do."""
    where = f"The mail server {settings.host}:{settings.port}"

    def reply(code: int, text: bytes | str) -> str:
        words = text.decode(errors="replace") if isinstance(text, bytes) else text
        said = shown(" ".join(words.split()).replace(recipient, "…"))
        return f"{code} {said[:_REPLY_CHARACTERS_MAX]}"

    try:
        yield
    except smtplib.SMTPRecipientsRefused as error:
        [(code, text)] = error.recipients.values()
        raise MailError(
            f"{where} refused the recipient: {reply(code, text)}. Correct the address."
        ) from error
    except smtplib.SMTPAuthenticationError as error:
        said = reply(error.smtp_code, error.smtp_error)
        raise MailError(f"{where} refused user and password: {said}.") from error
    except smtplib.SMTPResponseException as error:
        said = reply(error.smtp_code, error.smtp_error)
        raise MailError(f"{where} did not take the mail: {said}.") from error
    except smtplib.SMTPNotSupportedError as error:
        raise MailError(f"{where} cannot do what is asked of it: {error}") from error
    except ssl.SSLCertVerificationError as error:
        raise MailError(
            f"{where} shows a certificate that cannot be trusted: {error.verify_message}. Correct "
            "mail.host, or name the authority's file in SSL_CERT_FILE."
        ) from error
    except ssl.SSLError as error:
        raise MailError(
            f"{where} does not speak TLS as configured: {error.reason}. Correct mail.tls or port."
        ) from error
    except UnicodeEncodeError as error:
        raise MailError(f"{where}: user and password must be ASCII to log in.") from error
    except OSError as error:
        reason = error.strerror or str(error) or type(error).__name__
        raise MailError(f"{where} cannot be used: {reason}.", detail=repr(error)) from error
