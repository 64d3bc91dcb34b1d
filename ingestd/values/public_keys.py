"""Public keys that may log in: judged when the config is read, and only compared from then on."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKey:
    """A public key in which nothing is left to go wrong.

    `blob` is the key as SSH sends it, in its one canonical form, so that equal keys are equal
    bytes (RFC 4253, section 6.6). `label` is the comment of the line that it stood in.
    """

    blob: bytes
    label: str | None = None

    @property
    def fingerprint(self) -> str:
        """The key's fingerprint, as `ssh-keygen -l` prints it."""
        digest = base64.b64encode(hashlib.sha256(self.blob).digest()).decode("ascii")
        return f"SHA256:{digest.rstrip('=')}"
