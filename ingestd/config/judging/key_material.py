"""What stands in a public key: judged by `cryptography`, and where that takes anything, by rule.

A key that a library chokes on breaks the login that it is used in; one that anybody can sign
for opens the account to everybody. Neither gets past here.
"""

from __future__ import annotations

import base64
import math
from dataclasses import dataclass

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_ssh_public_key,
)

from ingestd.config.toml.mistakes import InvalidValueError

PASTE_AGAIN = "Paste the whole line of the .pub file again."
ASK_FOR_ED25519 = "Ask for an ssh-ed25519 key."
RSA_BITS_MIN = 1024  # as OpenSSH's RequiredRSASize
RSA_BITS_MAX = 16_384
# OpenSSL verifies nothing with a longer exponent once the modulus has more than 3072 bits.
_RSA_EXPONENT_BITS_MAX = 64
# NIST SP 800-89, section 5.3.3: no modulus has a prime factor below 752. Of moduli with a letter
# changed, four in five have one.
_SMALL_PRIMES = math.prod(n for n in range(2, 752) if all(n % d for d in range(2, n)))

_Key = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey | Ed448PublicKey


@dataclass(frozen=True, slots=True, kw_only=True)
class _EdwardsCurve:
    """The curve a·x² + y² = 1 + d·x²·y² over the integers modulo `prime`."""

    prime: int
    a: int
    d: int

    def has(self, y: int) -> bool:
        """Tell whether the curve has a point at this height (RFC 8032, section 5.1.3)."""
        p = self.prime
        x_squared = (1 - y * y) * pow(self.a - self.d * y * y, -1, p)
        return y < p and pow(x_squared, (p - 1) // 2, p) in (0, 1)

    def is_of_small_order(self, y: int) -> bool:
        """Tell whether the points at this height come back to zero within eight steps.

        With such a key a signature can be written without any private key. Twice a point of
        order eight has height 0, and so a·x² = y².
        """
        p = self.prime
        order_four = y in (0, 1, p - 1)
        return order_four or (self.d * pow(self.a, -1, p) * y**4 - 2 * y * y + 1) % p == 0


# RFC 8032, sections 5.1 and 5.2.
_ED25519_PRIME = 2**255 - 19
_ED25519 = _EdwardsCurve(
    prime=_ED25519_PRIME, a=-1, d=-121665 * pow(121666, -1, _ED25519_PRIME) % _ED25519_PRIME
)
_ED448 = _EdwardsCurve(prime=2**448 - 2**224 - 1, a=1, d=-39081)


def check_material(key_type: str, blob: bytes, fields: list[bytes]) -> bytes:
    """Return the canonical form of a key's blob.

    `fields` are the blob's, its type first. Raises InvalidValueError for a key that no client can
    log in with, or that anybody could.
    """
    damaged = InvalidValueError(f"the {key_type} key is cut off or damaged.", PASTE_AGAIN)
    try:
        key = _load(key_type, blob, fields)
        if key_type.startswith("sk-"):
            fields[-1].decode("utf-8")  # the application that the key was made for
    except (ValueError, UnsupportedAlgorithm, NotImplementedError):
        raise damaged from None
    match key:
        case RSAPublicKey():
            return _check_rsa(key, damaged)
        case Ed25519PublicKey():
            _check_edwards(_ED25519, key, damaged)
        case Ed448PublicKey():
            _check_edwards(_ED448, key, damaged)
    return blob


def _load(key_type: str, blob: bytes, fields: list[bytes]) -> _Key:
    if key_type == "ssh-ed448":  # which OpenSSH does not know, and so its file format neither
        (point,) = fields[1:]
        return Ed448PublicKey.from_public_bytes(point)
    line = f"{key_type} {base64.b64encode(blob).decode('ascii')}"
    key = load_ssh_public_key(line.encode("ascii"))
    if not isinstance(key, _Key):
        raise UnsupportedAlgorithm("a type that is refused by its name already")
    return key


def _check_rsa(key: RSAPublicKey, damaged: InvalidValueError) -> bytes:
    if not RSA_BITS_MIN <= key.key_size <= RSA_BITS_MAX:
        raise InvalidValueError(
            f"an RSA key of {key.key_size} bits; {RSA_BITS_MIN} to {RSA_BITS_MAX} are taken.",
            "Ask for an ssh-ed25519 key, or RSA with 3072 bits.",
        )
    numbers = key.public_numbers()
    if math.gcd(numbers.n, _SMALL_PRIMES) != 1 or numbers.e.bit_length() > _RSA_EXPONENT_BITS_MAX:
        raise damaged
    line = key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    return base64.b64decode(line.split()[1])


def _check_edwards(
    curve: _EdwardsCurve, key: Ed25519PublicKey | Ed448PublicKey, damaged: InvalidValueError
) -> None:
    # Libraries take any bytes of the right length for a point, and find out when they verify.
    encoded = key.public_bytes_raw()
    y = int.from_bytes(encoded, "little") & ((1 << (8 * len(encoded) - 1)) - 1)  # less x's sign
    if not curve.has(y):
        raise damaged
    if curve.is_of_small_order(y):
        raise InvalidValueError("this key is one that anybody could sign for.", ASK_FOR_ED25519)
