"""Public keys of every kind, the same in every run, and the ways in which they get spoilt."""

from __future__ import annotations

import base64
import string

from asyncssh.packet import String
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import strategies as st

SK_ED25519 = "sk-ssh-ed25519@openssh.com"
SK_ECDSA = "sk-ecdsa-sha2-nistp256@openssh.com"
_BASE64 = string.ascii_letters + string.digits + "+/="


def line_of(blob: bytes, *, says: str | None = None) -> str:
    key_type = says or blob[4 : 4 + int.from_bytes(blob[:4], "big")].decode()
    return f"{key_type} {base64.b64encode(blob).decode()} it@district"


def blob_of(key_type: str, *fields: bytes) -> bytes:
    return b"".join(String(field) for field in (key_type.encode(), *fields))


def fields_of(blob: bytes) -> list[bytes]:
    fields = []
    while blob:
        length = int.from_bytes(blob[:4], "big")
        fields.append(blob[4 : 4 + length])
        blob = blob[4 + length :]
    return fields


def ed25519_blob(number: int) -> bytes:
    """Return a key of its own for each number, the same in every run."""
    private = Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32)
    return blob_of("ssh-ed25519", private.public_key().public_bytes_raw())


def ed448_blob(number: int) -> bytes:
    private = Ed448PrivateKey.from_private_bytes(bytes([number]) * 57)
    return blob_of("ssh-ed448", private.public_key().public_bytes_raw())


def ecdsa_blob(curve: ec.EllipticCurve, name: str, number: int = 4711) -> bytes:
    public = ec.derive_private_key(number, curve).public_key()
    point = public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return blob_of(f"ecdsa-sha2-{name}", name.encode(), point)


# Made by ssh-keygen: primes cannot be had from a number.
RSA_1024 = base64.b64decode(
    "AAAAB3NzaC1yc2EAAAADAQABAAAAgQCyFZ4nkJSKBAIR4YEZrqlcqcTIlcCEo3HWwoC+IjqfP4QK9u5r40/WnKJS"
    "OlMbOYwI4oHlXaf6gYv4WCJCNajSXQ5+KzJ4QQq3PI3IRFscZ6hb4YibjTaDkwJm4H1/3sF9WGh0mNYnTP1eJ/EJ"
    "DEVRFNJ6ztQNQxIiIpGvwcppcQ=="
)
RSA = base64.b64decode(
    "AAAAB3NzaC1yc2EAAAADAQABAAABAQCdFydfHSZzw0CEV5nu4tu6lTjfHk4zvisZk9j57pdfppfZTHhpRhijqI3I"
    "CrR1KJMl6DIvRdM5IycuQnSTQpc6l4mJg1lg899ijXRFBYq1USJTfxjTzCSYTzhV5EejqZvtddvdNUjm8L2Ghacp"
    "7ADssaMdCAwfbTxSx//78JuZSMHnQgWAIcXetqZ/FFvW74mw9W3FKdHQMQLtudYA//eexwyu3+AW4N4onlTqgJML"
    "IDBWEUTIX5JjFi0yD4QXtV99mAe8r6sVClhGg46d6ero4Y3KLd6drK3wM9HMUO9FUIaiTNZ5NiRyZdSAwl4FN/k8"
    "0rb4OCPS7Lpk+BvTpTJv"
)
MODULUS = int.from_bytes(fields_of(RSA)[2], "big")
ED25519 = ed25519_blob(1)
ED448 = ed448_blob(1)
POINT = fields_of(ED25519)[1]
ECDSA = ecdsa_blob(ec.SECP256R1(), "nistp256")
ECDSA_384 = ecdsa_blob(ec.SECP384R1(), "nistp384")
KINDS = [
    ED25519,
    ED448,
    RSA,
    RSA_1024,
    ECDSA,
    ECDSA_384,
    ecdsa_blob(ec.SECP521R1(), "nistp521"),
    blob_of(SK_ED25519, POINT, b"ssh:"),
    blob_of(SK_ECDSA, *fields_of(ECDSA)[1:], b"ssh:district"),
]


@st.composite
def spoilt_lines(draw: st.DrawFn) -> str:
    """Draw the line of a good key with a few bits flipped, or letters changed, lost or doubled."""
    blob = bytearray(draw(st.sampled_from(KINDS)))
    for position in draw(st.lists(st.integers(0, 8 * len(blob) - 1), max_size=3)):
        blob[position // 8] ^= 1 << position % 8
    line = list(line_of(bytes(blob), says=_type_in(bytes(blob))))
    for _ in range(draw(st.integers(0, 2))):
        position = draw(st.integers(0, len(line) - 1))
        changed = draw(st.sampled_from(["", line[position] * 2, *_BASE64]))
        line[position] = changed
    return "".join(line)


def _type_in(blob: bytes) -> str:
    """Return the type that a blob says, however spoilt."""
    length = min(int.from_bytes(blob[:4], "big"), 64)
    return blob[4 : 4 + length].decode("latin-1")
