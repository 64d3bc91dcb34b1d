"""PROXY headers: whatever bytes come, the verdict is a peer, a fault, or how much is missing."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestd.access.proxy_header import (
    BytesWanted,
    ProxiedPeer,
    ProxyFault,
    crc32c,
    read_proxy_header,
)

Sides = tuple[IPv4Address | IPv6Address, IPv4Address | IPv6Address]

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
LOCAL, PROXY = 0x20, 0x21
UNSPEC, TCP4, UDP4, TCP6, UDP6, UNIX = 0x00, 0x11, 0x12, 0x21, 0x22, 0x31
CRC32C, NOOP, UNIQUE_ID, SSL = 0x03, 0x04, 0x05, 0x20

PORTS = st.integers(0, 65535)
V4, V6 = st.ip_addresses(v=4), st.ip_addresses(v=6)
SIDES = st.tuples(V4, V4) | st.tuples(V6, V6)
# Of a type that means nothing here: some, such as checksums, have values that are judged.
OTHER_TLVS = st.lists(
    st.tuples(st.sampled_from([0x01, 0x02, NOOP, 0x30, 0xE0, 0xEE]), st.binary(max_size=60)),
    max_size=5,
)


def v1(source: object, target: object, ports: tuple[int, int]) -> bytes:
    family = "TCP4" if isinstance(source, IPv4Address) else "TCP6"
    return f"PROXY {family} {source} {target} {ports[0]} {ports[1]}\r\n".encode()


def tlv(kind: int, value: bytes) -> bytes:
    return bytes([kind]) + len(value).to_bytes(2, "big") + value


def v2(family: int, block: bytes, *, command: int = PROXY) -> bytes:
    return SIGNATURE + bytes([command, family]) + len(block).to_bytes(2, "big") + block


def v2_tcp(sides: Sides, *tlvs: bytes, checked: bool = False) -> bytes:
    """Write a header for two addresses; `checked` puts a checksum behind the TLVs."""
    family = TCP4 if isinstance(sides[0], IPv4Address) else TCP6
    block = sides[0].packed + sides[1].packed + b"\x12\x34\x08\xae" + b"".join(tlvs)
    if not checked:
        return v2(family, block)
    blank = v2(family, block + tlv(CRC32C, bytes(4)))
    return blank[:-4] + crc32c(blank).to_bytes(4, "big")


def plain(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


HEADERS = st.builds(v1, V4, V4, st.tuples(PORTS, PORTS)) | st.builds(
    lambda sides, tlvs, checked: v2_tcp(sides, *(tlv(*one) for one in tlvs), checked=checked),
    SIDES,
    OTHER_TLVS,
    st.booleans(),
)
BEGINNINGS = st.sampled_from([b"", b"PROXY ", b"PROXY TCP4 ", SIGNATURE, SIGNATURE + b"\x21\x11"])


@given(received=st.builds(bytes.__add__, BEGINNINGS, st.binary(max_size=200)) | HEADERS)
def test_any_bytes_get_a_verdict(received: bytes) -> None:
    """A scanner behind the balancer must not raise what nobody catches."""
    verdict = read_proxy_header(received)
    assert isinstance(verdict, ProxiedPeer | BytesWanted | ProxyFault)
    if isinstance(verdict, BytesWanted):
        assert 0 < verdict.count <= 16 + 4096


@given(sides=SIDES, ports=st.tuples(PORTS, PORTS))
def test_version_1_names_the_source(sides: Sides, ports: tuple[int, int]) -> None:
    """The address that counts for the allowlist is the first one, not the balancer's."""
    assert read_proxy_header(v1(*sides, ports)) == ProxiedPeer(address=plain(sides[0]))


@given(sides=SIDES, tlvs=OTHER_TLVS, checked=st.booleans())
def test_version_2_names_the_source(
    sides: Sides, tlvs: list[tuple[int, bytes]], checked: bool
) -> None:
    """Whatever a balancer adds of its own, with and without a checksum."""
    header = v2_tcp(sides, *(tlv(*one) for one in tlvs), checked=checked)
    assert read_proxy_header(header) == ProxiedPeer(address=plain(sides[0]))


@given(header=HEADERS, more=st.binary(min_size=1, max_size=20))
def test_nothing_behind_a_header_is_read(header: bytes, more: bytes) -> None:
    """What a client sent with it belongs to SSH, however the network cut it into pieces."""
    for arrived in range(len(header)):
        verdict = read_proxy_header(header[:arrived])
        assert isinstance(verdict, BytesWanted)
        assert arrived + verdict.count <= len(header)
    assert isinstance(read_proxy_header(header), ProxiedPeer)
    assert not isinstance(read_proxy_header(header + more), ProxiedPeer)


@given(sides=SIDES, place=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_a_flipped_bit_under_a_checksum_names_nobody_else(
    sides: Sides, place: int, bit: int
) -> None:
    """One damaged header must not let a stranger in as somebody else."""
    header = bytearray(v2_tcp(sides, tlv(UNIQUE_ID, b"a1"), checked=True))
    header[place % len(header)] ^= 1 << bit
    verdict = read_proxy_header(bytes(header))
    # One bit makes it the balancer's own word, and another makes the checksum something else.
    assert not isinstance(verdict, ProxiedPeer) or verdict.address in {None, plain(sides[0])}


def test_the_checksum_is_castagnolis() -> None:
    """The value that its specification gives (RFC 3720, appendix B.4)."""
    assert crc32c(b"123456789") == 0xE3069283
    assert crc32c(bytes(32)) == 0x8A9136AA


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n", ProxyFault.NOT_A_HEADER),
        (b"S", ProxyFault.NOT_A_HEADER),
        (b"PROXI", ProxyFault.NOT_A_HEADER),
        (b"\r\n\r\n\x00\r\nQUIP", ProxyFault.NOT_A_HEADER),
        (b"PROXY UNKNOWN\r\n", ProxyFault.NO_ADDRESS),
        (b"PROXY UNKNOWN ffff::1 ffff::1 1 2\r\n", ProxyFault.NO_ADDRESS),
        (b"PROXY UNKNOWNS\r\n", ProxyFault.LINE_INVALID),
        (b"PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n", ProxyFault.LINE_INVALID),
        (b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2 \r\n", ProxyFault.LINE_INVALID),
        (b"PROXY TCP4  1.2.3.4 5.6.7.8 1 2\r\n", ProxyFault.LINE_INVALID),
        (b"PROXY TCP4 1.2.3.4 5.6.7.8 01 2\r\n", ProxyFault.LINE_INVALID),
        (b"PROXY TCP4 1.2.3.4 5.6.7.8 65536 2\r\n", ProxyFault.LINE_INVALID),
        (b"PROXY TCP4 1.2.3.04 5.6.7.8 1 2\r\n", ProxyFault.LINE_INVALID),
        (b"PROXY TCP4 1.2.3 5.6.7.8 1 2\r\n", ProxyFault.LINE_INVALID),
        (b"PROXY TCP4 ::1 ::1 1 2\r\n", ProxyFault.LINE_INVALID),
        (b"PROXY TCP6 1.2.3.4 5.6.7.8 1 2\r\n", ProxyFault.LINE_INVALID),
        (b"PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n", ProxyFault.LINE_INVALID),
        (b"PROXY UDP4 1.2.3.4 5.6.7.8 1 2\r\n", ProxyFault.LINE_INVALID),
        (b"PROXY tcp4 1.2.3.4 5.6.7.8 1 2\r\n", ProxyFault.LINE_INVALID),
        (b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\r", ProxyFault.LINE_INVALID),
        ("PROXY TCP4 ١.2.3.4 5.6.7.8 1 2\r\n".encode(), ProxyFault.LINE_INVALID),
        (b"PROXY TCP4 " + b"1" * 96, ProxyFault.TOO_LONG),
    ],
)
def test_a_line_of_version_1_is_exact(line: bytes, fault: ProxyFault) -> None:
    """A balancer writes it in one way; whatever differs was not written by one."""
    assert read_proxy_header(line) is fault


def test_the_longest_line_is_taken() -> None:
    """Its length is fixed by the specification, so a reader may hold on to it."""
    address = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"
    line = f"PROXY TCP6 {address} {address} 65535 65535\r\n".encode()
    assert len(line) <= 107
    assert read_proxy_header(line) == ProxiedPeer(address=ip_address(address))
    longest = b"PROXY UNKNOWN " + b"x" * 91 + b"\r\n"
    assert read_proxy_header(longest) is ProxyFault.NO_ADDRESS
    assert read_proxy_header(longest[:-2]) == BytesWanted(count=2)
    assert read_proxy_header(longest[:-2] + b"x") is ProxyFault.TOO_LONG


ADDRESSES4 = bytes([1, 2, 3, 4, 5, 6, 7, 8, 0, 1, 0, 2])


@pytest.mark.parametrize(
    ("header", "fault"),
    [
        pytest.param(v2(TCP4, ADDRESSES4, command=0x11), ProxyFault.VERSION_UNKNOWN, id="v1"),
        pytest.param(v2(TCP4, ADDRESSES4, command=0x22), ProxyFault.VERSION_UNKNOWN, id="command"),
        pytest.param(v2(0x41, ADDRESSES4), ProxyFault.FAMILY_UNKNOWN, id="family"),
        pytest.param(v2(0x13, ADDRESSES4), ProxyFault.FAMILY_UNKNOWN, id="transport"),
        pytest.param(v2(UDP4, ADDRESSES4), ProxyFault.NOT_TCP, id="udp4"),
        pytest.param(v2(UDP6, bytes(36)), ProxyFault.NOT_TCP, id="udp6"),
        pytest.param(v2(UNSPEC, b""), ProxyFault.NO_ADDRESS, id="unspec"),
        pytest.param(v2(UNIX, bytes(216)), ProxyFault.NO_ADDRESS, id="unix"),
        pytest.param(v2(0x32, bytes(216)), ProxyFault.NO_ADDRESS, id="unix datagrams"),
        pytest.param(v2(TCP4, ADDRESSES4) + b"S", ProxyFault.LENGTH_WRONG, id="more behind it"),
        pytest.param(v2(TCP4, ADDRESSES4[:-1]), ProxyFault.LENGTH_WRONG, id="short"),
        pytest.param(v2(TCP6, ADDRESSES4), ProxyFault.LENGTH_WRONG, id="v4 in v6"),
        pytest.param(v2(TCP4, ADDRESSES4 + b"\x04\x00"), ProxyFault.LENGTH_WRONG, id="half a tlv"),
        pytest.param(
            v2(TCP4, ADDRESSES4 + b"\x04\x00\x02x"), ProxyFault.LENGTH_WRONG, id="tlv too long"
        ),
        pytest.param(
            v2(TCP4, ADDRESSES4 + tlv(CRC32C, b"abc")), ProxyFault.LENGTH_WRONG, id="crc length"
        ),
        pytest.param(
            v2(TCP4, ADDRESSES4 + tlv(CRC32C, bytes(4)) * 2), ProxyFault.LENGTH_WRONG, id="two crcs"
        ),
        pytest.param(
            v2(TCP4, ADDRESSES4 + tlv(CRC32C, bytes(4))), ProxyFault.CHECKSUM_WRONG, id="crc"
        ),
        pytest.param(
            v2(TCP4, ADDRESSES4 + tlv(UNIQUE_ID, bytes(129))), ProxyFault.LENGTH_WRONG, id="id"
        ),
        pytest.param(
            v2(TCP4, ADDRESSES4 + tlv(SSL, bytes(4))), ProxyFault.LENGTH_WRONG, id="ssl short"
        ),
        pytest.param(
            v2(TCP4, ADDRESSES4 + tlv(SSL, bytes(5) + b"\x21\x00\x09TLS") + tlv(NOOP, bytes(9))),
            ProxyFault.LENGTH_WRONG,
            id="ssl reaches beyond itself",
        ),
        pytest.param(v2(TCP4, bytes(4097)), ProxyFault.TOO_LONG, id="too long"),
    ],
)
def test_a_header_of_version_2_is_checked(header: bytes, fault: ProxyFault) -> None:
    """Without a peer over TCP no rule could be applied."""
    assert read_proxy_header(header) is fault


def test_no_more_is_asked_for_than_the_shortest_header_has() -> None:
    """Whatever is read too much is lost to SSH, and the client waits for ever."""
    assert read_proxy_header(b"") == BytesWanted(count=len(b"PROXY UNKNOWN\r\n"))
    for arrived in range(1, 16):
        header = v2(UNSPEC, b"")[:arrived]
        assert read_proxy_header(header) == BytesWanted(count=16 - arrived)


@pytest.mark.parametrize(
    "tlvs",
    [
        tlv(UNIQUE_ID, bytes(128)),
        tlv(NOOP, bytes(300)),
        tlv(NOOP, bytes(4096 - len(ADDRESSES4) - 3)),
    ],
)
def test_what_a_balancer_adds_may_be_as_long_as_the_rules_have_it(tlvs: bytes) -> None:
    """A certificate's names are longer than those who wrote the rules thought of."""
    expected = ProxiedPeer(address=IPv4Address("1.2.3.4"))
    assert read_proxy_header(v2(TCP4, ADDRESSES4 + tlvs)) == expected


@pytest.mark.parametrize("family", [UNSPEC, TCP4, UNIX, 0xFF])
@pytest.mark.parametrize("block", [b"", ADDRESSES4, b"\x03\x00"])
def test_a_balancers_own_word_is_a_health_check(family: int, block: bytes) -> None:
    """The specification has receivers ignore its family and block."""
    assert read_proxy_header(v2(family, block, command=LOCAL)) == ProxiedPeer(address=None)


def test_what_tls_tells_is_taken() -> None:
    """A balancer in front of TLS adds versions and names, one within the other."""
    told = bytes([7, 0, 0, 0, 0]) + tlv(0x21, b"TLSv1.3") + tlv(0x22, b"district.example")
    header = v2_tcp((IPv4Address("1.2.3.4"), IPv4Address("5.6.7.8")), tlv(SSL, told), checked=True)
    assert read_proxy_header(header) == ProxiedPeer(address=IPv4Address("1.2.3.4"))
