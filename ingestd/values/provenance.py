"""Provenance: where a file came from, told once and carried from the door to the ledger."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Who sent a file, when, from where, and which bytes: what every figure is followed back to.

    `source` is `sftp`, `console`, `api` or `folder` (copied in by hand: then nobody is known as the
    sender). `sent_by` is the user or token that sent it by HTTP; by SFTP the account itself did.
    `received_at` is in microseconds since 1970; `node` names the data folder that holds it.
    """

    filename: str
    format: str | None
    source: str
    size_bytes: int
    sha256: str | None
    received_at: int
    peer: str | None = None
    session_id: str | None = None
    key_fingerprint: str | None = None
    client_version: str | None = None
    sent_by: str | None = None
    node: str
