"""The values that a config file writes as text: sizes, networks, listening addresses, URLs.

Each `parse_` function returns the value or raises InvalidValueError with what to write instead.
"""

from __future__ import annotations

import os
import re
import shlex
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from urllib.parse import urlsplit

from ingestd.config.toml.mistakes import InvalidValueError, shown
from ingestd.values.addresses import is_mail_address

Network = IPv4Network | IPv6Network

_SIZE = re.compile(r"([0-9]{1,18}) ?(B|KiB|MiB|GiB|TiB|kB|MB|GB|TB)", re.ASCII)
_UNITS = {"B": 1}
_UNITS |= {unit: 2 ** (10 * power) for power, unit in enumerate(["KiB", "MiB", "GiB", "TiB"], 1)}
_UNITS |= {unit: 10 ** (3 * power) for power, unit in enumerate(["kB", "MB", "GB", "TB"], 1)}
_HOST_NAME = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})*", re.ASCII)
_LEDGER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,252}", re.ASCII)
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", re.ASCII)
_PREFIX_PART = re.compile(r"(?!\.+/?$)[A-Za-z0-9._-]+", re.ASCII)
_PREFIX = re.compile(r"[0-9]{1,3}", re.ASCII)
_POSTGRESQL_SCHEMES = {"postgresql", "postgres", "postgresql+psycopg"}
# What one prefix may span before it needs a word of its own: a /8 is the largest block that
# anybody was ever given, and a /19 of IPv6 the largest that a registry hands out.
_PREFIX_MIN = {4: 8, 6: 19}
_PRIVATE = (IPv6Network("fc00::/7"), IPv6Network("fe80::/10"))  # IPv4's are no wider than a /8
_MAPPED_PREFIX = 96  # RFC 4291, section 2.5.5.2: ::ffff:0:0/96 holds the IPv4 addresses


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenAddress:
    """A host and port to listen on; port 0 stands for any free port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_size(value: object) -> int:
    """Return the bytes that a whole number, or a text such as `512 MiB`, stands for."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    found = _SIZE.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise InvalidValueError(
            f"{shown(value)} is not a size.", 'Write whole bytes, or a text such as "512 MiB".'
        )
    return int(found[1]) * _UNITS[found[2]]


def parse_listen(value: object) -> ListenAddress:
    """Return the address that `host:port` or `[IPv6]:port` names."""
    if isinstance(value, ListenAddress):
        return value
    remedy = 'Write "host:port", such as "0.0.0.0:2222" or "[::]:2222".'
    if not isinstance(value, str):
        raise InvalidValueError(f"{shown(value)} is not a listening address.", remedy)
    host, _, port = value.rpartition(":")
    if not (port.isascii() and port.isdigit() and int(port) <= 65535):  # RFC 793: 16 bits
        raise InvalidValueError(f"{shown(value)} has no port between 0 and 65535.", remedy)
    if host.startswith("[") and host.endswith("]") and _is_address(host[1:-1]):
        return ListenAddress(host=host[1:-1], port=int(port))
    if ":" in host:
        raise InvalidValueError(f"{shown(value)} is ambiguous.", 'Write IPv6 as "[::]:2222".')
    if not _is_address(host) and (not _HOST_NAME.fullmatch(host) or host[-1].isdigit()):
        raise InvalidValueError(f"{shown(value)} names no host.", remedy)
    return ListenAddress(host=host, port=int(port))


def parse_network(value: object) -> Network:
    """Return the network that `address/prefix` or a bare address names, host bits clear."""
    if isinstance(value, IPv4Network | IPv6Network):
        return value
    remedy = 'Write a text such as "203.0.113.16/28" or "2001:db8:51::/48".'
    if not isinstance(value, str):
        raise InvalidValueError(f"{shown(value)} is not an address or network.", remedy)
    try:
        network = ip_network(value.strip(), strict=False)
    except ValueError:
        raise InvalidValueError(f"{shown(value)} is not an address or network.", remedy) from None
    address, slash, prefix = value.partition("/")
    if slash and ip_address(address.strip()) != network.network_address:
        raise InvalidValueError(
            f"{shown(value)} has host bits set.",
            f'Write "{network}", or "{address.strip()}" for that one address.',
        )
    if isinstance(network, IPv6Network) and network.network_address.ipv4_mapped is not None:
        mapped = network.network_address.ipv4_mapped
        raise InvalidValueError(
            f"{shown(value)} is IPv4 inside IPv6, which no peer is seen as.",
            f'Write "{mapped}/{max(network.prefixlen - _MAPPED_PREFIX, 0)}".',
        )
    if value != value.strip() or (slash and not _PREFIX.fullmatch(prefix)):
        raise InvalidValueError(f"{shown(value)} is not plainly written.", f'Write "{network}".')
    return network


def is_wide(network: Network) -> bool:
    """Tell whether a network spans more than one party can own; private ranges never do."""
    if network.prefixlen >= _PREFIX_MIN[network.version]:
        return False
    return not (isinstance(network, IPv6Network) and any(map(network.subnet_of, _PRIVATE)))


def parse_database_url(value: object, *, base: Path) -> str:
    """Return the SQLAlchemy URL that a database URL stands for; `base` is for relative files.

    The value is never shown: it may hold a password.
    """
    remedy = 'Write "postgresql://user@host/name" or "sqlite:///path/ledger.db".'
    scheme, separator, rest = value.partition("://") if isinstance(value, str) else ("", "", "")
    if not separator:
        raise InvalidValueError("this is not a database URL.", remedy)
    if scheme in _POSTGRESQL_SCHEMES:
        return _postgresql_url(rest)
    if scheme != "sqlite":
        raise InvalidValueError(
            f"{shown(scheme)} is not a database that ingestd works with.", remedy
        )
    file, question, query = rest.removeprefix("/").partition("?")
    if not rest.startswith("/") or not file or file == ":memory:" or "mode=memory" in query:
        raise InvalidValueError("a ledger in memory would be lost at the next stop.", remedy)
    return f"sqlite:///{parse_folder(file, base=base)}{question}{query}"


def parse_archive_url(value: object) -> str:
    """Return the URL of a bucket, or of what is below a prefix in it.

    Source: the rules for bucket names of Amazon S3. The value is never shown: somebody may have
    written a key into it.
    """
    remedy = 'Write "s3://bucket/prefix"; credentials and endpoint are AWS_… variables.'
    try:
        parts = urlsplit(value) if isinstance(value, str) else None
    except ValueError:
        parts = None
    if parts is None or parts.scheme != "s3" or parts.query or parts.fragment:
        raise InvalidValueError("this is not the URL of an archive.", remedy)
    if not _BUCKET.fullmatch(parts.netloc) or ".." in parts.netloc:
        raise InvalidValueError("this names no bucket.", remedy)
    prefix = parts.path.strip("/")
    if not all(_PREFIX_PART.fullmatch(part) for part in prefix.split("/") if prefix):
        raise InvalidValueError(
            "the prefix has other characters than letters, digits, '.', '_' and '-'.", remedy
        )
    return f"s3://{parts.netloc}/{prefix}".rstrip("/")


def parse_folder(value: object, *, base: Path) -> Path:
    """Return the absolute path of a folder; a relative one is relative to `base`."""
    if not isinstance(value, str) or not value or not value.isprintable():
        raise InvalidValueError('must be a path in quotes: "…".')
    # Resolved as the kernel would: `..` of a linked folder is its target's parent.
    folder = Path(os.path.realpath(base / value))
    if "?" in str(folder):
        raise InvalidValueError(
            f"{shown(str(folder))} contains a question mark, which a database URL cannot hold.",
            "Choose another folder.",
        )
    return folder


def parse_file(value: object, *, base: Path) -> Path:
    """Return the absolute path of a file; a relative one is relative to `base`."""
    if not isinstance(value, str) or not value or not value.isprintable():
        raise InvalidValueError('must be a path in quotes: "…".')
    return (base / value).absolute()


def parse_host(value: object) -> str:
    """Return a host's name or address."""
    if not isinstance(value, str):
        raise InvalidValueError('must be a host in quotes: "…".')
    if not _is_address(value) and not _HOST_NAME.fullmatch(value):
        raise InvalidValueError(
            f"{shown(value)} names no host.", 'Write it without a port, such as "smtp.example.org".'
        )
    return value


def parse_ledger_name(value: object) -> str:
    """Return the name that a ledger is signed under: like a host's, which none needs to have."""
    if not isinstance(value, str) or not _LEDGER_NAME.fullmatch(value):
        raise InvalidValueError(
            f"{shown(value)} cannot be signed under.", 'Write it such as "ledger.example.org".'
        )
    return value


def parse_command(value: object) -> tuple[str, ...]:
    """Return a command's words: a list of them, or one text in which quotes hold them together.

    No shell reads it.
    """
    words = value
    if isinstance(value, str):
        with suppress(ValueError):  # a quote is open, and the text is no list
            words = shlex.split(value)
    if (
        not isinstance(words, list | tuple)
        or not words
        or not all(_is_word(word) for word in words)
    ):
        raise InvalidValueError(
            'must be a command, such as "/usr/local/bin/keep --safe".',
            "A pipe or a variable needs a script of its own.",
        )
    return tuple(words)


def _is_word(word: object) -> bool:
    return isinstance(word, str) and bool(word) and "\0" not in word


def parse_mail_address(value: object) -> str:
    """Return a single mail address without a name."""
    if not isinstance(value, str) or not is_mail_address(value):
        raise InvalidValueError(
            f"{shown(value)} is not a mail address.", 'Write one such as "billing@example.org".'
        )
    return value


def _postgresql_url(rest: str) -> str:
    try:
        parts = urlsplit(f"postgresql://{rest}")
        has_port = parts.port is None or parts.port > 0
    except ValueError:
        has_port = False
    if not has_port:
        raise InvalidValueError(
            "the database URL's host or port cannot be read.",
            "Percent-encode special characters of the password: @ is %40, / is %2F.",
        )
    return f"postgresql+psycopg://{rest}"


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
