"""Public keys: what is taken will work in a login, and what could not is told when it is saved."""

from __future__ import annotations

import re

import asyncssh
import pytest
from asyncssh.packet import Byte, MPInt, String, UInt32
from hypothesis import given
from hypothesis import strategies as st

from ingestd.config.judging.authorized_keys import LINE_CHARACTERS_MAX, parse_authorized_key
from ingestd.config.judging.key_material import ASK_FOR_ED25519, PASTE_AGAIN, RSA_BITS_MAX
from ingestd.config.toml.mistakes import InvalidValueError
from tests.public_keys import (
    ECDSA,
    ECDSA_384,
    ED448,
    ED25519,
    KINDS,
    MODULUS,
    POINT,
    SK_ED25519,
    blob_of,
    fields_of,
    line_of,
    spoilt_lines,
)

# All heights of the points of order eight on the curve of Ed25519, lowest byte first.
OF_ORDER_EIGHT = (
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
)


def _rsa(exponent: int, modulus: int) -> bytes:
    return String("ssh-rsa") + MPInt(exponent) + MPInt(modulus)


def _ecdsa(*fields: bytes) -> bytes:
    return blob_of("ecdsa-sha2-nistp256", *fields)


@pytest.mark.parametrize("blob", KINDS, ids=lambda blob: str(len(blob)))
def test_keys_of_every_kind_are_taken(blob: bytes) -> None:
    """Whatever ssh-keygen makes may be pasted."""
    key = parse_authorized_key(f"  {line_of(blob)}  ")
    assert (key.blob, key.label) == (blob, "it@district")
    assert key.fingerprint == asyncssh.import_public_key(line_of(blob)).get_fingerprint()


@pytest.mark.parametrize("comment", ["", "it  @ home", "Schlüssel der Bücherei", "ключ"])
def test_a_comment_may_be_anything_that_can_be_read(comment: str) -> None:
    """A name in the district's own letters must not keep its key out."""
    line = line_of(ED25519).replace("it@district", comment)
    key = parse_authorized_key(line.replace(" ", "\t", 1))
    assert (key.blob, key.label) == (ED25519, comment or None)


def test_a_comment_may_fill_its_line() -> None:
    """Some tools write a whole history there."""
    line = line_of(ED25519).ljust(LINE_CHARACTERS_MAX, "x")
    assert parse_authorized_key(line).blob == ED25519


def test_one_key_has_one_form() -> None:
    """A number written with zeros before it is the same number, and so the same key."""
    padded = String("ssh-rsa") + String(b"\0\1\0\1") + String(b"\0\0" + MODULUS.to_bytes(256))
    assert parse_authorized_key(line_of(padded)).blob == _rsa(65537, MODULUS)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (5, "text in quotes"),
        ("", "no public key"),
        ("ssh-ed25519", "no public key"),
        ("ssh-ed25519 AAAA", "cut off"),
        ("ssh-ed25519 A", "base64"),
        ("ssh-ed25519 AAAA… it@springfield", "base64"),
        (line_of(ED25519)[:60], "cut off"),
        (line_of(ED25519)[:40] + "-" + line_of(ED25519)[40:], "base64"),
        (line_of(ED25519, says="ssh-rsa"), 'says ssh-rsa, but the key itself says "ssh-ed25519"'),
        (line_of(b"\0\0\0\1\xff", says="ssh-rsa"), "itself says"),
        (line_of(ED25519).ljust(LINE_CHARACTERS_MAX + 1, "x"), "one line"),
        (line_of(ED25519) + "\n" + line_of(ED25519), "one line"),
        (line_of(ED25519) + "\u2028more", "one line"),
        ("\ufeff" + line_of(ED25519), "U+FEFF"),
        (line_of(ED25519) + "\x1b[2J", "U+001B"),
        (line_of(ED25519) + " \u202egnp.exe", "U+202E"),
        (line_of(ED25519).replace(" ", "\xa0", 1), "U+00A0"),
        ("ssh-dss AAAA", "DSA"),
        (
            "ssh-magic AAAA",
            '"ssh-magic" is no key type that ingestd knows. Known: ssh-ed25519, ',
        ),
        ("no-pty ssh-magic AAAA", "key type"),
        (f"cert-authority {line_of(ED25519)}", "certificate_authorities"),
        ("ssh-ed25519-cert-v01@openssh.com AAAA", "certificate"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----", "private key"),
        ("PuTTY-User-Key-File-3: ssh-ed25519", "PuTTY"),
        ("---- BEGIN SSH2 PUBLIC KEY ----", "ssh-keygen -i"),
    ],
)
def test_what_is_no_line_of_a_key_is_refused(line: object, said: str) -> None:
    """A key spoilt by copying is found when it is saved, not when the upload fails."""
    with pytest.raises(InvalidValueError) as caught:
        parse_authorized_key(line)
    assert said in f"{caught.value.message} {caught.value.remedy}"
    assert re.fullmatch(r"[A-Z].*\.", caught.value.remedy)


@pytest.mark.parametrize(
    ("blob", "said"),
    [
        (ED25519 + b"x", "cut off"),
        (ED25519 + String(b"x"), "damaged"),
        (blob_of("ssh-ed25519", POINT[:31]), "damaged"),
        (blob_of("ssh-ed25519", b"\x02" * 32), "damaged"),  # on no point of the curve
        (blob_of("ssh-ed25519", b"\xff" * 32), "damaged"),  # higher than the field
        (blob_of("ssh-ed25519", bytes(32)), "anybody"),
        (blob_of("ssh-ed25519", b"\1" + bytes(31)), "anybody"),
        (blob_of("ssh-ed25519", (2**255 - 20).to_bytes(32, "little")), "anybody"),  # order two
        *((blob_of("ssh-ed25519", bytes.fromhex(point)), "anybody") for point in OF_ORDER_EIGHT),
        (blob_of("ssh-ed25519", (2**255 - 19).to_bytes(32, "little")), "damaged"),  # zero, again
        (blob_of("ssh-ed448", bytes(57)), "anybody"),
        (blob_of("ssh-ed448", (2**448 - 2**224 - 2).to_bytes(57, "little")), "anybody"),
        (blob_of("ssh-ed448", b"\2" * 57), "damaged"),
        (String("ssh-ed448") + UInt32(58) + fields_of(ED448)[1], "cut off"),  # by one byte
        (blob_of(SK_ED25519, bytes(32), b"ssh:"), "anybody"),
        (blob_of(SK_ED25519, POINT), "damaged"),
        (blob_of(SK_ED25519, POINT, b"ssh:\xff"), "damaged"),
        (_ecdsa(b"nistp256", b"\4" + b"x" * 64), "damaged"),  # off the curve
        (_ecdsa(b"nistp256", b"\2" + fields_of(ECDSA)[2][1:33]), "damaged"),  # compressed
        (_ecdsa(b"nistp256", b"\0"), "damaged"),  # the point at infinity
        (_ecdsa(b"nistp384", fields_of(ECDSA_384)[2]), "damaged"),
        (_ecdsa(b"nistp257", fields_of(ECDSA)[2]), "damaged"),
        (_rsa(1, MODULUS), "damaged"),
        (_rsa(65536, MODULUS), "damaged"),
        (_rsa(MODULUS + 2, MODULUS), "damaged"),
        (_rsa(2**70 + 1, MODULUS), "damaged"),
        (_rsa(65537, MODULUS - 1), "damaged"),
        (_rsa(65537, 3 * MODULUS), "damaged"),
        (_rsa(-65537, MODULUS), "damaged"),
        (_rsa(65537, -MODULUS), "damaged"),
        (_rsa(65537, 0), "damaged"),
        (_rsa(65537, MODULUS >> 1300 | 1), "748 bits"),
        (_rsa(65537, MODULUS << 15_000 | 1), "17048 bits"),
        (String("ssh-rsa") + MPInt(65537), "damaged"),
    ],
)
def test_a_key_that_could_not_work_is_refused(blob: bytes, said: str) -> None:
    """One that a library chokes on would break logins; one that anybody can sign for opens all."""
    with pytest.raises(InvalidValueError) as caught:
        parse_authorized_key(line_of(blob))
    assert said in f"{caught.value.message} {caught.value.remedy}"
    assert caught.value.remedy.startswith((PASTE_AGAIN, ASK_FOR_ED25519.removesuffix(".")))


# 2 ** 14336 + 1 has no small factors, and so the product of the two has none.
@pytest.mark.parametrize(
    "blob", [_rsa(2**63 + 1, MODULUS), _rsa(65537, MODULUS << (RSA_BITS_MAX - 2048) | MODULUS)]
)
def test_the_longest_numbers_that_work_are_taken(blob: bytes) -> None:
    """Whoever made a key with more bits than anybody needs is not sent away."""
    assert parse_authorized_key(line_of(blob)).blob == blob


@given(spoilt_lines(), st.binary(max_size=80))
def test_whatever_is_taken_can_be_logged_in_with(line: str, junk: bytes) -> None:
    """A bad key in one account once cut every login of every account off."""
    try:
        key = parse_authorized_key(line)
    except InvalidValueError:
        return
    read = asyncssh.import_public_key(line_of(key.blob))
    assert read.public_data == key.blob
    for algorithm in read.all_sig_algorithms:
        numbers = String(MPInt(7) + MPInt(9))
        for signature in (String(junk), numbers, numbers + Byte(1) + UInt32(1), b""):
            assert not read.verify(b"a session", String(algorithm) + signature)
