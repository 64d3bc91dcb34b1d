"""Public keys as `authorized_keys` lines: taken apart so far that each will work, or is a mistake.

A key with a letter lost in copying must be told of when the file is saved, not when the
district's nightly upload fails. Source: sshd(8), "AUTHORIZED_KEYS FILE FORMAT"; RFC 4253,
section 6.6; RFC 5656, section 3.1; OpenSSH's PROTOCOL.u2f.
"""

from __future__ import annotations

import base64
import binascii

from ingestd.config.judging.key_material import ASK_FOR_ED25519, PASTE_AGAIN, check_material
from ingestd.config.toml.mistakes import InvalidValueError, shown
from ingestd.values.public_keys import PublicKey

LINE_CHARACTERS_MAX = 16_384

_TYPES = (
    "ssh-ed25519",
    "ssh-ed448",
    "ssh-rsa",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
)
_TYPE_STARTS = ("ssh-", "ecdsa-", "sk-")  # no option is spelled so
_FORMS = (
    ("PRIVATE KEY", "this is a private key, which must never leave its owner.", "Paste the .pub."),
    ("PuTTY-User-Key", "this is a PuTTY private key.", "Paste PuTTYgen's OpenSSH public key."),
    ("BEGIN SSH2", "this key is in RFC 4716 form.", "Convert it with `ssh-keygen -i -f FILE`."),
)


def parse_authorized_key(value: object) -> PublicKey:
    """Return the key of one line. Raises InvalidValueError, which never shows the key."""
    if isinstance(value, PublicKey):
        return value
    if not isinstance(value, str):
        raise InvalidValueError("a key must be a text in quotes.", PASTE_AGAIN)
    for sign, message, remedy in _FORMS:
        if sign in value:
            raise InvalidValueError(message, remedy)
    line = value.strip().replace("\t", " ")
    _check_characters(line)
    key_type, encoded, label = _words(line)
    try:
        blob = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidValueError("the key is not whole base64.", PASTE_AGAIN) from None
    fields = _fields(blob)
    inner_type = fields[0].decode("ascii", "replace") if fields else ""
    if inner_type != key_type:
        raise InvalidValueError(
            f"the line says {key_type}, but the key itself says {shown(inner_type)}.", PASTE_AGAIN
        )
    return PublicKey(blob=check_material(key_type, blob, fields), label=label)


def _check_characters(line: str) -> None:
    if len(line) > LINE_CHARACTERS_MAX or len(line.splitlines()) > 1:
        raise InvalidValueError("a key must be one line.", PASTE_AGAIN)
    for char in line:
        if not char.isprintable():
            # It would reach the log with the key's comment, or hide in its type.
            raise InvalidValueError(
                f"the line holds the invisible character U+{ord(char):04X}.", PASTE_AGAIN
            )


def _words(line: str) -> tuple[str, str, str | None]:
    """Return a line's key type, its base64, and its comment."""
    words = line.split(maxsplit=2)
    if not line.startswith(_TYPE_STARTS) and any(word in _TYPES for word in line.split()):
        # To take the key and pass over `from=` would admit more than the line says.
        raise InvalidValueError(
            "options before a key are not supported.",
            "Keep the key alone: addresses are listed in allowlist.toml, authorities under "
            "certificate_authorities.",
        )
    if len(words) < 2:
        raise InvalidValueError(
            "this is no public key.", 'Write "ssh-ed25519 AAAA… comment", as in the .pub file.'
        )
    key_type, encoded = words[:2]
    if key_type == "ssh-dss":
        raise InvalidValueError("DSA keys are broken.", ASK_FOR_ED25519)
    if "-cert-v01@" in key_type:
        raise InvalidValueError(
            "this is a certificate, which runs out.",
            "List the key that signed it under certificate_authorities.",
        )
    if key_type not in _TYPES:
        raise InvalidValueError(
            f"{shown(key_type)} is no key type that ingestd knows.", f"Known: {', '.join(_TYPES)}."
        )
    return key_type, encoded, words[2] if len(words) > 2 else None


def _fields(blob: bytes) -> list[bytes]:
    """Return the length-prefixed fields of a key (RFC 4251, section 5: `string`)."""
    fields = []
    while blob:
        length = int.from_bytes(blob[:4], "big")
        if len(blob) < 4 + length:
            raise InvalidValueError("the key is cut off.", PASTE_AGAIN)
        fields.append(blob[4 : 4 + length])
        blob = blob[4 + length :]
    return fields
