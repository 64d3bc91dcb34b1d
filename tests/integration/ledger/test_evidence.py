"""Evidence: signed with the batch, the same again, and against whoever has the books."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ingestd.ledger.audit.against import Held, hold_against, read_outside
from ingestd.ledger.audit.verify import Difference, verify_ledger
from ingestd.ledger.entries.author import Author, Command
from ingestd.ledger.entries.entry import Entry, write_entry
from ingestd.ledger.evidence.checkpoints import continue_from, read_newest_note
from ingestd.ledger.evidence.seals import heading_of
from ingestd.ledger.evidence.signing import SignedTree
from ingestd.ledger.evidence.tree_log import read_leaves, read_signed_tree
from ingestd.ledger.proof.checkpoint import Checkpoint
from ingestd.ledger.proof.frontier import Frontier
from ingestd.ledger.proof.note import Signer, VerifierKey, open_note, read_note
from ingestd.ledger.proof.proofs import proves_consistency, proves_inclusion
from ingestd.ledger.proof.receipt_seal import ReceiptSeal
from ingestd.ledger.proof.seal_hash import SealedChunk, hash_seal
from ingestd.ledger.proof.tree import HASH_BYTES
from ingestd.service.evidence.signed_trees import SignedTreeFiles
from ingestd.shipped import receipt_verify
from ingestd.values.errors import LedgerRefusal, LedgerRolledBackError, StorageError
from ingestd.values.identifiers import AccountId
from tests.integration.ledger.conftest import SEED, SPRINGFIELD, Books
from tests.integration.ledger.test_seal_chain import ROWS, _drop_guards, chunks_of, seals

OTHER_SEED = bytes(reversed(range(32)))
ORIGIN = "ledger.example/SPRINGFIELD"


def keys_of(origin: str) -> list[VerifierKey]:
    return [Signer(origin, seed).key for seed in (SEED, OTHER_SEED)]


def post(books: Books, key: str) -> Path:
    """Send a file with one charge; return its receipt."""
    outcome = books.post(f"WALLET,{key},S1,MEAL,,1.00")
    books.deliver(outcome.upload_id)
    [path] = books.folders.receipts(SPRINGFIELD).glob(f"*{outcome.upload_id}.json")
    return path


def command(books: Books, *, signed: bool = True) -> None:
    """Write a batch that no upload asked for."""
    signing = books.signing if signed else None

    def nothing(_entry: Entry) -> None:
        return None

    write_entry(
        books.database,
        books.clock,
        books.account,
        event="test",
        author=Author(command=Command.LEDGER_CLOSE, entered_by="clerk"),
        work=nothing,
        signing=signing,
    )


def seal_in(receipt: Path) -> ReceiptSeal:
    return ReceiptSeal.from_fields(json.loads(receipt.read_bytes())["seal"])


def held(books: Books, connection: Connection, receipts: Sequence[Path]) -> list[Held]:
    batches = verify_ledger(connection, SPRINGFIELD, decimals=2).batches
    outside = [read_outside(path.name, path.read_bytes()) for path in receipts]
    return hold_against(outside, SPRINGFIELD, batches, keys_of)


def test_receipts_are_proven_and_linked_across_commands(books: Books) -> None:
    """A receipt pins all that came before it, whatever happened between two files."""
    books = books.signed()
    receipts = [post(books, "A")]
    for number in range(5):
        command(books)
        receipts.append(post(books, f"B{number}"))
    roots: dict[int, bytes] = {}
    for receipt in receipts:
        seal = seal_in(receipt)
        text, _ = open_note(seal.proof.note, keys_of(ORIGIN))
        said = Checkpoint.from_text(text)
        leaf = read_outside("", receipt.read_bytes()).leaf
        assert leaf is not None
        path = seal.proof.proof
        assert proves_inclusion(leaf.hash(), leaf.index, said.size, said.root, path)
        if seal.continues is not None:
            old = seal.continues.size
            assert proves_consistency(old, roots[old], said.size, said.root, seal.continues.proof)
        roots[said.size] = said.root
    assert list(roots) == [3, 5, 7, 9, 11, 13]
    assert seal_in(receipts[0]).continues is None
    key = Signer(ORIGIN, SEED).key.to_text()
    assert receipt_verify.main(["--key", key, *map(str, receipts)]) == 0


def test_a_receipt_made_again_has_the_same_bytes(books: Books) -> None:
    """Whatever came later, and whoever signs by now: what a district has is what there is."""
    books = books.signed()
    receipts = {path: path.read_bytes() for path in (post(books, "A"), post(books, "B"))}
    books = books.signed(OTHER_SEED)
    command(books)
    post(books, "C")
    for path, content in receipts.items():
        path.unlink()
        upload_id = json.loads(content)["upload_id"]
        books.deliver(upload_id)
        assert path.read_bytes() == content


def test_while_a_key_takes_over_either_one_is_enough(books: Books) -> None:
    """Nobody's verifier key stops working from one file to the next."""
    books = books.signed(SEED, OTHER_SEED)
    note = seal_in(post(books, "A")).proof.note
    for key in keys_of(ORIGIN):
        assert open_note(note, [key])[1] == [key]


def test_what_was_sealed_without_a_key_is_signed_by_who_has_one(books: Books) -> None:
    """A command on another host leaves no hole in what is signed."""
    books = books.signed()
    post(books, "A")
    command(books, signed=False)
    command(books, signed=False)
    with books.database.reading() as connection:
        signed = read_signed_tree(connection, SPRINGFIELD)
        assert signed is not None
        assert signed.size == 3
    post(books, "B")
    with books.database.reading() as connection:
        sizes = connection.execute(sa.text("SELECT size FROM checkpoint ORDER BY size")).scalars()
        assert list(sizes) == [1, 2, 3, 4, 5, 6]
        assert verify_ledger(connection, SPRINGFIELD, decimals=2, keys_of=keys_of).holds


TAMPERINGS = {
    "changed": "UPDATE charge SET note = 'x' WHERE tracking_id = 'B'",
    "deleted": "DELETE FROM charge WHERE tracking_id = 'B'",
    "inserted": "INSERT INTO finding (account, upload_id, finding_no, code, verdict, message)"
    " SELECT account, upload_id, 1, 'x', 'warning', 'x' FROM file_outcome WHERE batch_no = 4",
    "swapped": "UPDATE charge SET amount = CASE tracking_id WHEN 'B' THEN 150 ELSE 50 END"
    " WHERE tracking_id IN ('B', 'B2')",
}


@pytest.mark.parametrize("way", TAMPERINGS)
def test_books_that_were_sealed_again_are_named_by_one_old_receipt(books: Books, way: str) -> None:
    """Who has the database, and all that we publish, still cannot make the old receipts fit."""
    books = books.signed()
    receipts = [post(books, "A")]
    outcome = books.post("WALLET,B,S1,MEAL,,1.00", "WALLET,B2,S1,MEAL,,1.00")
    books.deliver(outcome.upload_id)
    receipts += books.folders.receipts(SPRINGFIELD).glob(f"*{outcome.upload_id}.json")
    receipts.append(post(books, "C"))
    with books.database.connection() as connection, connection.begin() as transaction:
        _drop_guards(connection)
        connection.exec_driver_sql(TAMPERINGS[way])
        named = {one.batch_no for one in verify(connection) if one.check == "seal"}
        assert 4 in named
        seal_again(connection)
        # Held against themselves, they are right but for what was signed.
        assert {one.check for one in verify(connection)} <= {
            *("checkpoint", "head", "charge_postings", "charge_keys", "open_charges"),
            *(["seal"] if way == "deleted" else []),  # the numbers have a hole
        }
        first, second, third = held(books, connection, receipts)
        assert first.message == "sound"
        assert second.message == "batch 4 is not the one that this receipt was given for"
        assert not third.holds
        [newest] = held(books, connection, receipts[2:])
        assert newest.message == "batch 5 is not the one that this receipt was given for"
        transaction.rollback()


def verify(connection: Connection) -> Sequence[Difference]:
    return verify_ledger(connection, SPRINGFIELD, decimals=2, keys_of=keys_of).differences


def seal_again(connection: Connection) -> None:
    """Compute all that is computed from the rows again, as the pages say."""
    previous, frontier = "0" * 64, Frontier()
    for sealed in seals(connection):
        batch = replace(sealed.batch, previous_hash=previous)
        chunks = chunks_of(connection, batch)
        previous = hash_seal(
            heading_of(batch),
            [SealedChunk(chunk.table, chunk.first_row, chunk.digest) for chunk in chunks],
        )
        of_batch = {"account": SPRINGFIELD, "batch_no": batch.batch_no}
        run(connection, "DELETE FROM chunk WHERE batch_no = :batch_no", **of_batch)
        for chunk in chunks:
            run(
                connection,
                "INSERT INTO chunk VALUES (:account, :batch_no, :table, :first, :rows, 1, :digest)",
                **of_batch,
                table=chunk.table,
                first=chunk.first_row,
                rows=chunk.rows,
                digest=chunk.digest,
            )
        run(
            connection,
            "UPDATE seal SET previous_hash = :previous, hash = :hash, rows_sealed = :rows"
            " WHERE batch_no = :batch_no",
            previous=batch.previous_hash,
            hash=previous,
            rows=sum(chunk.rows for chunk in chunks),
            **of_batch,
        )
        checked = verify_ledger(connection, SPRINGFIELD, decimals=2).batches
        leaf = checked[batch.batch_no - 1].leaf
        assert leaf is not None
        run(
            connection,
            "UPDATE leaf SET hash = :leaf WHERE batch_no = :batch_no",
            leaf=leaf.hash(),
            **of_batch,
        )
        frontier = frontier.append(leaf.hash())
    run(
        connection,
        "UPDATE seal_head SET hash = :hash, frontier = :frontier",
        hash=previous,
        frontier=frontier.to_bytes(),
    )


def run(connection: Connection, statement: str, **values: object) -> None:
    text = sa.text(statement)
    connection.execute(text, {name: values[name] for name in text.compile().params})


def test_an_older_copy_is_written_to_by_nobody(books: Books) -> None:
    """A key that signs two histories is a forger's."""
    books = books.signed()
    receipts = [post(books, "A"), post(books, "B")]
    assert books.signing is not None
    ahead = books.signing.signed_trees.read(SPRINGFIELD)
    assert ahead is not None
    grown = SignedTree(origin=ahead.origin, frontier=ahead.frontier.append(b"\1" * 32))
    books.signing.signed_trees.raise_to(SPRINGFIELD, grown)
    with pytest.raises(LedgerRolledBackError, match="5 batches"):
        books.post(*ROWS)
    with pytest.raises(LedgerRolledBackError):
        command(books)
    with books.database.reading() as connection:
        assert verify_ledger(connection, SPRINGFIELD, decimals=2).checked["batches"] == 4
        cut = [one for one in held(books, connection, receipts) if not one.holds]
    assert cut == []


def test_a_crash_before_the_tree_is_noted_loses_nothing(books: Books) -> None:
    """A batch that is committed is continued, though the file beside the key is behind it."""
    books = books.signed()
    post(books, "A")
    last = books.folders.last_signed / SPRINGFIELD
    noted = last.read_bytes()
    outcome = books.post("WALLET,B,S1,MEAL,,1.00")
    last.write_bytes(noted)  # what a crash right after the commit leaves
    books.deliver(outcome.upload_id)
    assert b"\n4\n" in last.read_bytes()
    last.write_bytes(noted)
    command(books)
    last.unlink()  # and a host that never noted anything
    command(books)
    with books.database.reading() as connection:
        assert verify_ledger(connection, SPRINGFIELD, decimals=2, keys_of=keys_of).holds


def test_what_is_noted_is_only_ever_raised(tmp_path: Path) -> None:
    """Two processes write the file in whatever order: the larger tree stays."""
    trees = SignedTreeFiles(tmp_path / "last_signed")
    leaves = [bytes([number]) * 32 for number in range(9)]
    grown = [
        SignedTree(origin=ORIGIN, frontier=Frontier().extend(leaves[:size])) for size in range(10)
    ]
    assert trees.read(SPRINGFIELD) is None
    for size in (3, 7, 2, 5):
        trees.raise_to(SPRINGFIELD, grown[size])
    assert trees.read(SPRINGFIELD) == grown[7]
    path = tmp_path / "last_signed" / SPRINGFIELD
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(StorageError, match="damaged"):
        trees.read(SPRINGFIELD)


def test_the_newest_checkpoint_continues_every_older_tree(books: Books) -> None:
    """Whoever lost receipts gets a proof that goes over the gap."""
    books = books.signed()
    with books.database.reading() as connection, pytest.raises(LedgerRefusal):
        read_newest_note(connection, SPRINGFIELD)
    receipts = [post(books, key) for key in "ABCDE"]
    with books.database.reading() as connection:
        newest = Checkpoint.from_text(read_note(read_newest_note(connection, SPRINGFIELD)).text)
        for receipt in receipts:
            old = read_outside("", receipt.read_bytes()).checkpoint
            found = continue_from(connection, SPRINGFIELD, old.size, root=old.root)
            proof = found.proof
            assert proves_consistency(old.size, old.root, newest.size, newest.root, proof)
        for size, root in ((8, None), (2, bytes(32))):
            with pytest.raises(LedgerRefusal):
                continue_from(connection, SPRINGFIELD, size, root=root)


def test_many_leaves_are_read_in_their_order(books: Books) -> None:
    """A receipt of a district with a hundred thousand files behind it is proven, too."""
    account = AccountId("MANY")
    leaves = [number.to_bytes(HASH_BYTES, "big") for number in range(1, 9001)]
    with books.database.writing() as connection:
        connection.execute(
            sa.text("INSERT INTO leaf (account, batch_no, hash) VALUES (:account, :no, :hash)"),
            [
                {"account": account, "no": number, "hash": leaf}
                for number, leaf in enumerate(leaves, start=1)
            ],
        )
        assert read_leaves(connection, account, until=9000) == leaves
        assert read_leaves(connection, account, after=10, until=8990) == leaves[10:8990]
        assert read_leaves(connection, account, after=8990, until=9000) == leaves[8990:]
