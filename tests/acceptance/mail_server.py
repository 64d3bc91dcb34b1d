"""A mail server in a process of its own: takes mail into a folder, or refuses as real ones do.

Prints its port once it listens. Each mail that it took is a `.eml` file, its envelope the `.json`
beside it. It knows one user, nobody called `unknown`, and says no farewell.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import ssl
from pathlib import Path

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

USER, PASSWORD = "billing", "sesame"


class Letterbox:
    """What the server does with what it is told."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = itertools.count(1)

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's names
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _: list[str]
    ) -> str:
        if address.startswith("unknown@"):
            return f"550 5.1.1 <{address}>: no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        if any(address.startswith("full@") for address in envelope.rcpt_tos):
            return "552 5.2.2 mailbox full"
        path = self._folder / f"{next(self._numbers)}.eml"
        transport = server.transport
        facts = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "encrypted": transport is not None and bool(transport.get_extra_info("cipher")),
            "logged_in": session.authenticated,
        }
        path.with_suffix(".json").write_text(json.dumps(facts), encoding="utf-8")
        path.write_bytes(envelope.original_content or b"")
        return "250 2.0.0 taken"

    async def handle_QUIT(  # noqa: N802
        self, _server: SMTP, _session: Session, _envelope: Envelope
    ) -> str:
        # What was taken is taken, however rude the farewell.
        return "421 4.3.2 going down"


def _authenticate(
    _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, proof: object
) -> AuthResult:
    is_known = proof == LoginPassword(USER.encode(), PASSWORD.encode())
    return AuthResult(success=is_known, handled=is_known)


async def _serve(folder: Path, *, tls: str, certificate: Path | None, asks_password: bool) -> None:
    context = None
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)

    def session() -> SMTP:
        return SMTP(
            Letterbox(folder),
            hostname="localhost",
            tls_context=context if tls == "starttls" else None,
            require_starttls=tls == "starttls",
            authenticator=_authenticate if asks_password else None,
            auth_required=asks_password,
            auth_require_tls=tls == "starttls",
            enable_SMTPUTF8=True,
        )

    outer = context if tls == "tls" else None
    server = await asyncio.get_running_loop().create_server(session, "127.0.0.1", 0, ssl=outer)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201 - it tells its port
    await server.serve_forever()


def main() -> None:
    """Serve until ended."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tls", choices=("starttls", "tls", "none"), default="none")
    parser.add_argument("--certificate", type=Path)
    parser.add_argument("--asks-password", action="store_true")
    asked = parser.parse_args()
    asyncio.run(
        _serve(
            asked.folder,
            tls=asked.tls,
            certificate=asked.certificate,
            asks_password=asked.asks_password,
        )
    )


if __name__ == "__main__":
    main()
