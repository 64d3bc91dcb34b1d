"""TLS for the HTTP port, and to whom pages with figures and names may be shown at all."""

from __future__ import annotations

import ipaddress
import ssl
from pathlib import Path

from ingestd.config.files.settings import HttpSettings
from ingestd.values.errors import ConfigError, Mistake


def may_show_console(settings: HttpSettings) -> bool:
    """Tell whether what is shown stays on this machine, or is encrypted on its way."""
    return settings.has_tls or bool(settings.trusted_proxies) or _is_loopback(settings.listen.host)


def load_tls(settings: HttpSettings, *, where: Path) -> ssl.SSLContext | None:
    """Return how the port is encrypted; None where it is not.

    `where` is the settings' file. Raises ConfigError for files that are not there, or no pair.
    """
    if settings.tls_certificate is None or settings.tls_key is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        # Of a key with a passphrase nobody is asked for it.
        context.load_cert_chain(settings.tls_certificate, settings.tls_key, password="")
    except OSError as error:  # of which SSLError is one
        raise ConfigError((_mistake(error, settings, where=where),)) from error
    return context


def _mistake(error: OSError, settings: HttpSettings, *, where: Path) -> Mistake:
    if not isinstance(error, ssl.SSLError):
        for key in ("tls_certificate", "tls_key"):
            path = getattr(settings, key)
            try:
                with path.open("rb"):
                    pass
            except OSError as reason:
                return Mistake(
                    where=str(where),
                    line=None,
                    key=f"http.{key}",
                    message=f"{path} cannot be read: {reason.strerror}.",
                    remedy="Name a PEM file that the daemon may read.",
                )
    return Mistake(
        where=str(where),
        line=None,
        key="http.tls_certificate",
        message=f"{settings.tls_certificate} and {settings.tls_key} are no pair in PEM.",
        remedy="Name the certificate with those above it, and its key without a passphrase.",
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
