"""Public keys as `authorized_keys` lines: taken apart far enough to know that they will work.

A key with a letter lost in copying must be told of when the file is saved, not when the
district's nightly upload fails. Source: sshd(8), "AUTHORIZED_KEYS FILE FORMAT"; RFC 4253,
section 6.6; RFC 5656, section 3.1; OpenSSH's PROTOCOL.u2f.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass

from ingestd.config.mistakes import InvalidValueError, shown

LINE_CHARACTERS_MAX = 16_384
RSA_BITS_MIN = 1024  # as OpenSSH's RequiredRSASize
RSA_BITS_MAX = 16_384

_CURVE_BYTES = {b"nistp256": 32, b"nistp384": 48, b"nistp521": 66}
_EDWARDS_BYTES = {"ssh-ed25519": 32, "ssh-ed448": 57}
_SECURITY_KEYS = ("sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com")
_TYPES = (
    "ssh-ed25519",
    "ssh-ed448",
    "ssh-rsa",
    *(f"ecdsa-sha2-{curve.decode()}" for curve in _CURVE_BYTES),
    *_SECURITY_KEYS,
)
_TYPE_STARTS = ("ssh-", "ecdsa-", "sk-")  # no option is spelled so
_PASTE_AGAIN = "Paste the whole line of the .pub file again."
_FORMS = (
    ("PRIVATE KEY", "this is a private key, which must never leave its owner.", "Paste the .pub."),
    ("PuTTY-User-Key", "this is a PuTTY private key.", "Paste PuTTYgen's OpenSSH public key."),
    ("BEGIN SSH2", "this key is in RFC 4716 form.", "Convert it with `ssh-keygen -i -f FILE`."),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizedKey:
    """One public key that may log in: its line, as it was written, and its bytes."""

    line: str
    blob: bytes

    @property
    def fingerprint(self) -> str:
        """The key's fingerprint, as `ssh-keygen -l` prints it."""
        digest = base64.b64encode(hashlib.sha256(self.blob).digest()).decode("ascii")
        return f"SHA256:{digest.rstrip('=')}"


def parse_authorized_key(value: object) -> AuthorizedKey:
    """Return the key of one line. Raises InvalidValueError, which never shows the key."""
    if isinstance(value, AuthorizedKey):
        return value
    if not isinstance(value, str):
        raise InvalidValueError("a key must be a text in quotes.", _PASTE_AGAIN)
    for sign, message, remedy in _FORMS:
        if sign in value:
            raise InvalidValueError(message, remedy)
    line = value.strip()
    if not line.isprintable() or len(line) > LINE_CHARACTERS_MAX:
        raise InvalidValueError("a key must be one line.", _PASTE_AGAIN)
    key_type, encoded = _type_and_base64(line)
    try:
        blob = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidValueError("the key is not whole base64.", _PASTE_AGAIN) from None
    _check_blob(key_type, blob)
    return AuthorizedKey(line=line, blob=blob)


def _type_and_base64(line: str) -> tuple[str, str]:
    words = line.split()
    if not line.startswith(_TYPE_STARTS) and any(word in _TYPES for word in words):
        # To take the key and pass over `from=` would admit more than the line says.
        raise InvalidValueError(
            "options before a key are not supported.",
            "Keep the key alone; addresses are listed in allowlist.toml.",
        )
    if len(words) < 2:
        raise InvalidValueError(
            "this is no public key.", 'Write "ssh-ed25519 AAAA… comment", as in the .pub file.'
        )
    key_type, encoded = words[:2]
    if key_type == "ssh-dss":
        raise InvalidValueError("DSA keys are broken.", "Ask for an ssh-ed25519 key.")
    if key_type not in _TYPES:
        raise InvalidValueError(
            f"{shown(key_type)} is no key type that ingestd knows.", f"Known: {', '.join(_TYPES)}."
        )
    return key_type, encoded


def _check_blob(key_type: str, blob: bytes) -> None:
    fields = _fields(blob)
    inner_type = fields[0].decode("ascii", "replace") if fields else ""
    if inner_type != key_type:
        raise InvalidValueError(
            f"the line says {key_type}, but the key itself says {shown(inner_type)}.", _PASTE_AGAIN
        )
    if not _is_whole(key_type, fields[1:]):
        raise InvalidValueError(f"the {key_type} key is cut off or damaged.", _PASTE_AGAIN)
    if key_type == "ssh-rsa":
        bits = int.from_bytes(fields[2], "big").bit_length()
        if not RSA_BITS_MIN <= bits <= RSA_BITS_MAX:
            raise InvalidValueError(
                f"an RSA key of {bits} bits; {RSA_BITS_MIN} to {RSA_BITS_MAX} are taken.",
                "Ask for an ssh-ed25519 key, or RSA with 3072 bits.",
            )


def _fields(blob: bytes) -> list[bytes]:
    """Return the length-prefixed fields of a key (RFC 4251, section 5: `string`)."""
    fields = []
    while blob:
        length = int.from_bytes(blob[:4], "big")
        if len(blob) < 4 + length:
            raise InvalidValueError("the key is cut off.", _PASTE_AGAIN)
        fields.append(blob[4 : 4 + length])
        blob = blob[4 + length :]
    return fields


def _is_whole(key_type: str, fields: list[bytes]) -> bool:
    match key_type, fields:
        case "ssh-rsa", [exponent, _modulus]:
            return int.from_bytes(exponent, "big") % 2 == 1
        case "sk-ssh-ed25519@openssh.com", [point, _application]:
            return len(point) == _EDWARDS_BYTES["ssh-ed25519"]
        case "sk-ecdsa-sha2-nistp256@openssh.com", [b"nistp256", point, _application]:
            return _is_point(b"nistp256", point)
        case _, [point] if key_type in _EDWARDS_BYTES:
            return len(point) == _EDWARDS_BYTES[key_type]
        case _, [curve, point] if key_type == f"ecdsa-sha2-{curve.decode('ascii', 'replace')}":
            return _is_point(curve, point)
    return False


def _is_point(curve: bytes, point: bytes) -> bool:
    # SEC 1, section 2.3.3: 4 announces an uncompressed point, the only form that SSH uses.
    return point[:1] == b"\x04" and len(point) == 1 + 2 * _CURVE_BYTES[curve]
