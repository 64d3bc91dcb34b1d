"""The key that signs the books, and the witness that keeps what was signed."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from ingestd.ledger.evidence.outbox import Outgoing
from ingestd.ledger.proof.note import Signer
from ingestd.service.evidence.ledger_key import (
    make_ledger_key,
    read_public_keys,
    read_seeds,
    write_public_keys,
)
from ingestd.service.evidence.outside import keys_of_folder
from ingestd.service.evidence.witness import CheckpointConflictError, Witness, WitnessError
from ingestd.values.errors import StorageError
from ingestd.values.identifiers import AccountId

ORIGIN = "ledger.example/SPRINGFIELD"
NOTE = Outgoing(account=AccountId("SPRINGFIELD"), origin_no=1, size=18, note="one\n")


def test_a_key_is_made_once_and_is_private(tmp_path: Path) -> None:
    """A second start signs with the same key, and nobody else can read it."""
    key = tmp_path / "ledger_key"
    assert read_seeds(key) == []
    make_ledger_key(key)
    [seed] = read_seeds(key)
    make_ledger_key(key)
    assert read_seeds(key) == [seed]
    assert (len(seed), stat.S_IMODE(key.stat().st_mode)) == (32, 0o600)
    key.chmod(0o640)
    with pytest.raises(StorageError, match="chmod 600"):
        read_seeds(key)


def test_a_key_that_is_cut_off_signs_nothing(tmp_path: Path) -> None:
    """A damaged key is told of, and not replaced by itself: districts hold its public half."""
    key = tmp_path / "ledger_key"
    make_ledger_key(key)
    key.write_bytes(b"short")
    with pytest.raises(StorageError, match="5 bytes"):
        read_seeds(key)


def test_a_key_that_took_over_leaves_the_old_one_known(tmp_path: Path) -> None:
    """Old receipts are held to the key that signed them."""
    key = tmp_path / "ledger_key"
    make_ledger_key(key)
    [old] = read_seeds(key)
    write_public_keys(key, [ORIGIN])
    coming = tmp_path / "ledger_key.next"
    make_ledger_key(coming)
    [new] = read_seeds(coming)
    assert read_seeds(key) == [old, new]
    write_public_keys(key, [ORIGIN])
    coming.rename(key)
    assert read_seeds(key) == [new]
    write_public_keys(key, [ORIGIN])
    known = {Signer(ORIGIN, seed).key for seed in (old, new)}
    assert set(read_public_keys(key)) == known
    keys_of = keys_of_folder(key)
    assert keys_of is not None
    assert set(keys_of(ORIGIN)) == known


def test_the_witness_gets_a_note_once(tmp_path: Path) -> None:
    """A note that is sent again is no harm, and a crash that cut one off is made good."""
    witness = Witness(folder=tmp_path)
    path = tmp_path / "SPRINGFIELD" / "000000000018.checkpoint"
    for left in (None, "one\n", "on", ""):
        if left is not None:
            path.write_text(left)
        witness.send(NOTE)
        assert path.read_text() == "one\n"


@pytest.mark.parametrize("kept", ["two\n", "one\ntwo\n"])
def test_another_note_at_the_witness_is_never_replaced(tmp_path: Path, kept: str) -> None:
    """Two trees of one size are the proof that somebody rewrote the books."""
    path = tmp_path / "SPRINGFIELD" / "000000000018.checkpoint"
    path.parent.mkdir()
    path.write_text(kept)
    with pytest.raises(CheckpointConflictError):
        Witness(folder=tmp_path).send(NOTE)
    assert path.read_text() == kept


def test_a_witness_that_is_not_there_is_tried_again(tmp_path: Path) -> None:
    """A volume that is not mounted gets no notes on the disk below it."""
    missing = tmp_path / "missing"
    with pytest.raises(WitnessError):
        Witness(folder=missing).send(NOTE)
    assert not missing.exists()
    for command in (("/nonexistent/keep",), ("/bin/sh", "-c", "echo no room >&2; exit 3")):
        with pytest.raises(WitnessError):
            Witness(command=command).send(NOTE)
