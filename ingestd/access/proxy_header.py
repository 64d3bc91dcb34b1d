"""The PROXY header, in which a load balancer says for whom it speaks: bytes → peer or fault.

Source: The PROXY protocol, versions 1 and 2 (HAProxy's `proxy-protocol.txt`, revision 2020/03/05).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address

from ingestd.access.allowlist import Address, plain_address

_BEGIN_V1 = b"PROXY "
_BEGIN_V2 = b"\r\n\r\n\x00\r\nQUIT\n"
# The shortest header is `PROXY UNKNOWN` and its line end: so much never reaches beyond one.
_SHORTEST_BYTES = 15
_LINE_BYTES_MAX = 107  # section 2.1, its line end included
_LINE_END = b"\r\n"
_LINE = re.compile(
    rb"PROXY (?:(?P<unknown>UNKNOWN)(?: [^\r\n]*)?|TCP(?P<version>[46])"
    rb" (?P<source>[0-9A-Fa-f.:]+) (?P<target>[0-9A-Fa-f.:]+)"
    rb" (?P<ports>(?:0|[1-9][0-9]{0,4}) (?:0|[1-9][0-9]{0,4})))\r\n"
)
_PORT_MAX = 65535

_FIXED_BYTES = 16
_VERSION, _COMMAND_LOCAL, _COMMAND_PROXY = 2, 0, 1
_TCP_V4, _TCP_V6 = 0x11, 0x21
# What each family's addresses and ports take (section 2.2); UNSPEC has none.
_ADDRESSES_BYTES = {0x00: 0, 0x11: 12, 0x12: 12, 0x21: 36, 0x22: 36, 0x31: 216, 0x32: 216}
# The specification wants headers within 536 bytes; certificates' names may make them longer.
_BLOCK_BYTES_MAX = 4096
_TLV_BYTES = 3
_TLV_CRC32C, _TLV_SSL, _TLV_UNIQUE_ID = 0x03, 0x20, 0x05
_CRC_BYTES, _SSL_BYTES, _UNIQUE_ID_BYTES_MAX = 4, 5, 128


class ProxyFault(StrEnum):
    """Why what arrived is no header that names a peer."""

    NOT_A_HEADER = "not_a_header"
    TOO_LONG = "too_long"
    LINE_INVALID = "line_invalid"
    VERSION_UNKNOWN = "version_unknown"
    FAMILY_UNKNOWN = "family_unknown"
    NOT_TCP = "not_tcp"
    NO_ADDRESS = "no_address"
    LENGTH_WRONG = "length_wrong"
    CHECKSUM_WRONG = "checksum_wrong"


@dataclass(frozen=True, slots=True, kw_only=True)
class BytesWanted:
    """Not the whole header yet: at least `count` more bytes belong to it."""

    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxiedPeer:
    """A whole header. `address` is None when the balancer speaks for itself: a health check."""

    address: Address | None


def read_proxy_header(received: bytes) -> ProxiedPeer | BytesWanted | ProxyFault:
    """Judge what a connection began with. Whoever reads no more than is wanted reads no SSH.

    A header that names no peer over TCP is a fault: no rule could be applied to it.
    """
    if received[: len(_BEGIN_V2)] == _BEGIN_V2[: len(received)]:
        return _read_v2(received)
    if received[: len(_BEGIN_V1)] == _BEGIN_V1[: len(received)]:
        return _read_v1(received)
    return ProxyFault.NOT_A_HEADER


def _read_v1(received: bytes) -> ProxiedPeer | BytesWanted | ProxyFault:
    """Read a line. Its end is the first carriage return, which a line feed must follow."""
    end = received.find(b"\r")
    if end < 0 or end == len(received) - 1:
        # One more may be the line end's last byte, or else there must be at least two.
        wanted = 1 if end >= 0 else max(2, _SHORTEST_BYTES - len(received))
        too_long = len(received) + wanted > _LINE_BYTES_MAX
        return ProxyFault.TOO_LONG if too_long else BytesWanted(count=wanted)
    line = _LINE.fullmatch(received)
    if line is None:
        return ProxyFault.LINE_INVALID
    if line["unknown"]:
        return ProxyFault.NO_ADDRESS
    kind = IPv4Address if line["version"] == b"4" else IPv6Address
    try:
        source, _target = (kind(line[name].decode()) for name in ("source", "target"))
    except ValueError:
        return ProxyFault.LINE_INVALID
    if any(int(port) > _PORT_MAX for port in line["ports"].split()):
        return ProxyFault.LINE_INVALID
    return ProxiedPeer(address=plain_address(source))


def _read_v2(received: bytes) -> ProxiedPeer | BytesWanted | ProxyFault:
    """Read a binary header: twelve bytes that begin it, four that describe it, and its block."""
    if len(received) < _FIXED_BYTES:
        # Nothing yet may become either version; one byte tells which.
        shortest_bytes = _FIXED_BYTES if received else _SHORTEST_BYTES
        return BytesWanted(count=shortest_bytes - len(received))
    version, command = divmod(received[12], 16)
    block_bytes = int.from_bytes(received[14:_FIXED_BYTES], "big")
    if version != _VERSION or command not in {_COMMAND_LOCAL, _COMMAND_PROXY}:
        return ProxyFault.VERSION_UNKNOWN
    if block_bytes > _BLOCK_BYTES_MAX:
        return ProxyFault.TOO_LONG
    missing_bytes = _FIXED_BYTES + block_bytes - len(received)
    if missing_bytes:
        return BytesWanted(count=missing_bytes) if missing_bytes > 0 else ProxyFault.LENGTH_WRONG
    if command == _COMMAND_LOCAL:
        return ProxiedPeer(address=None)  # whatever the block says is to be ignored
    return _peer_of(received)


def _peer_of(header: bytes) -> ProxiedPeer | ProxyFault:
    family = header[13]
    addresses_bytes = _ADDRESSES_BYTES.get(family)
    if addresses_bytes is None:
        return ProxyFault.FAMILY_UNKNOWN
    fault = _check_tlvs(header, _FIXED_BYTES + addresses_bytes)
    if fault is not None:
        return fault
    if family == _TCP_V4:
        return ProxiedPeer(address=IPv4Address(header[16:20]))
    if family == _TCP_V6:
        return ProxiedPeer(address=plain_address(IPv6Address(header[16:32])))
    return ProxyFault.NO_ADDRESS if family in {0x00, 0x31, 0x32} else ProxyFault.NOT_TCP


def _check_tlvs(header: bytes, start: int) -> ProxyFault | None:
    """Check what follows the addresses: every length, and the checksum if there is one."""
    tlvs = _cut_tlvs(header, start)
    if tlvs is None:
        return ProxyFault.LENGTH_WRONG
    checksums = [place for kind, place in tlvs if kind == _TLV_CRC32C]
    for kind, place in tlvs:
        size_bytes = place.stop - place.start
        if kind == _TLV_CRC32C and (size_bytes != _CRC_BYTES or len(checksums) > 1):
            return ProxyFault.LENGTH_WRONG
        if kind == _TLV_UNIQUE_ID and size_bytes > _UNIQUE_ID_BYTES_MAX:
            return ProxyFault.LENGTH_WRONG
        if kind == _TLV_SSL and _cut_tlvs(header[: place.stop], place.start + _SSL_BYTES) is None:
            return ProxyFault.LENGTH_WRONG
    for place in checksums:
        blank = header[: place.start] + bytes(_CRC_BYTES) + header[place.stop :]
        if crc32c(blank) != int.from_bytes(header[place.start : place.stop], "big"):
            return ProxyFault.CHECKSUM_WRONG
    return None


def _cut_tlvs(header: bytes, start: int) -> list[tuple[int, range]] | None:
    """Return each TLV's type and where its value lies; None when they do not end at the end.

    A `start` behind the end is none, either.
    """
    found: list[tuple[int, range]] = []
    while start + _TLV_BYTES <= len(header):
        value = start + _TLV_BYTES
        end = value + int.from_bytes(header[start + 1 : value], "big")
        found.append((header[start], range(value, end)))
        start = end
    return found if start == len(header) else None


def crc32c(content: bytes) -> int:
    """Return the CRC-32 of Castagnoli (RFC 4960, appendix B), as the headers carry it."""
    crc = 0xFFFFFFFF
    for byte in content:
        crc = _CRC_TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def _crc_of_byte(byte: int) -> int:
    for _ in range(8):
        byte = (byte >> 1) ^ (0x82F63B78 if byte & 1 else 0)
    return byte


_CRC_TABLE = tuple(_crc_of_byte(byte) for byte in range(256))
