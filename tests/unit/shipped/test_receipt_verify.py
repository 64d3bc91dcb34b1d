"""The verifier that districts run: it holds receipts to what was signed, and to each other."""

from __future__ import annotations

import ast
import copy
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestd.ledger.proof.note import Signature, Signer, read_note
from ingestd.ledger.proof.proofs import proves_consistency, proves_inclusion
from ingestd.ledger.proof.tree import Tree, hash_leaf
from ingestd.shipped import receipt_verify
from tests.histories import SEED, History, some_receipt, write_receipt

HOLD, BROKEN, GAPS, UNCHECKED = range(4)
VERIFIER = Path(receipt_verify.__file__)


def _verify(keys: list[str], *paths: Path | str) -> tuple[int, dict[str, Any]]:
    """Run the verifier's own file, and nothing of ours, as a district does."""
    options = [option for key in keys for option in ("--key", key)]
    done = subprocess.run(
        [sys.executable, "-I", VERIFIER, *options, "--output", "json", "--", *map(str, paths)],
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert done.returncode in {HOLD, BROKEN, GAPS, UNCHECKED}, done.stderr
    answer = json.loads(done.stdout) if done.stdout else {}
    assert answer.get("exit", UNCHECKED) == done.returncode
    return done.returncode, answer


def _check(history: History, *paths: Path) -> dict[str, Any]:
    keys = dict(map(receipt_verify.read_key, history.keys))
    return receipt_verify.check(map(str, paths), keys)


def _verdicts(answer: dict[str, Any]) -> dict[str, str]:
    return {Path(file["file"]).name: file["verdict"] for file in answer["files"]}


def _write(folder: Path, receipts: list[dict[str, Any]]) -> list[Path]:
    folder.mkdir(exist_ok=True, parents=True)
    return [write_receipt(folder, receipt) for receipt in receipts]


def _some_history() -> tuple[History, list[dict[str, Any]]]:
    """Return seven receipts of eleven batches: between them, commands were given."""
    history = History()
    receipts = [history.file()]
    history.command()
    receipts += [history.file(), history.file()]
    history.command()
    history.command()
    receipts += [history.file(), history.file(), history.file(), history.file()]
    return history, receipts


def test_a_folder_of_receipts_holds(tmp_path: Path) -> None:
    """What the district fetched over a year is checked with one command."""
    history, receipts = _some_history()
    paths = _write(tmp_path / "receipts", receipts)
    (tmp_path / "receipts" / "payments.csv").write_text("not asked for", "utf-8")
    code, answer = _verify(history.keys, tmp_path / "receipts")
    assert code == HOLD
    assert [file["batch_no"] for file in answer["files"]] == [1, 3, 4, 7, 8, 9, 10]
    assert {file["verdict"] for file in answer["files"]} == {"ok"}
    assert answer["files"][0]["signed_by"] == ["ledger.example/SPRINGFIELD+" + _key_id(history)]
    assert _verify(history.keys, paths[3])[0] == HOLD


def _key_id(history: History) -> str:
    return history.keys[0].split("+")[1]


def test_the_file_works_alone(tmp_path: Path) -> None:
    """A district copies one file, reads it, and runs it where nothing of ingestd is."""
    history, receipts = _some_history()
    _write(tmp_path / "receipts", receipts)
    copied = shutil.copy(VERIFIER, tmp_path / "receipt_verify.py")
    command = [sys.executable, "-I", copied, "--key", history.keys[0], "receipts"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False, timeout=120)
    lines = done.stdout.decode().splitlines()
    assert done.returncode == HOLD, done.stderr
    assert len(lines) == 8
    assert lines[-1] == "All files hold, and all are linked."
    assert lines[0].startswith("ok      receipts/payments.01K")
    imported = {
        name.split(".")[0]
        for node in ast.walk(ast.parse(VERIFIER.read_text("utf-8")))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imported - {"cryptography"} <= sys.stdlib_module_names


def _changes(value: object, place: tuple[str | int, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield each place in a receipt with another value for it: flipped, taken out, or retyped."""
    match value:
        case dict():
            for key, held in value.items():
                yield from _changes(held, (*place, key))
        case list():
            for index, held in enumerate(value):
                yield from _changes(held, (*place, index))
            yield place, [*value, *value[:1]] if value else [1]
            if value:
                yield place, value[:-1]
        case int():
            yield from ((place, value + 1), (place, str(value)), (place, float(value)))
            yield from ((place, -value), (place, None), (place, bool(value)))
        case str():
            yield from ((place, value + "x"), (place, value[:-1]), (place, None), (place, 1))
            yield from ((place, value.swapcase()), (place, value[1:] + value[:1]))
            if "." in value:
                yield place, value.replace(".", "")
        case None:
            yield from ((place, 1), (place, "x"))


def _with(receipt: dict[str, Any], place: tuple[Any, ...], value: object) -> dict[str, Any]:
    changed = copy.deepcopy(receipt)
    held: Any = changed
    for key in place[:-1]:
        held = held[key]
    held[place[-1]] = value
    return changed


def _without(receipt: dict[str, Any], place: tuple[Any, ...]) -> dict[str, Any]:
    changed = copy.deepcopy(receipt)
    held: Any = changed
    for key in place[:-1]:
        held = held[key]
    del held[place[-1]]
    return changed


def test_whatever_is_changed_in_a_receipt_it_is_broken(tmp_path: Path) -> None:
    """Every field counts: values, types, one more or one less, down to the proofs."""
    history, receipts = _some_history()
    folder = tmp_path / "receipts"
    paths = _write(folder, receipts)
    victim = receipts[4]
    assert set(victim) == set(some_receipt(1)) | {"seal"}
    changes = list(_changes(victim))
    assert len(changes) > 150
    for place, value in changes:
        changed = _with(victim, place, value)
        if json.dumps(changed) == json.dumps(victim):
            continue
        paths[4].write_bytes(json.dumps(changed).encode())
        answer = _check(history, folder)
        assert answer["exit"] == BROKEN, (place, value)
        assert _verdicts(answer)[paths[4].name] in {"broken", "forked"}, (place, value)


def test_nothing_can_be_added_to_a_receipt_or_taken_away(tmp_path: Path) -> None:
    """What no proof covers has no place in a receipt."""
    history, receipts = _some_history()
    places = {place[:-1] for place, _ in _changes(receipts[4]) if place}
    for place in sorted(places, key=str):
        held: Any = receipts[4]
        for key in place:
            held = held[key]
        if isinstance(held, dict):
            assert _exit(history, tmp_path, _with(receipts[4], (*place, "x"), 1)) == BROKEN
            for key in held:
                if key != "continues":
                    assert _exit(history, tmp_path, _without(receipts[4], (*place, key))) == BROKEN


def _exit(history: History, folder: Path, receipt: dict[str, Any]) -> int:
    path = folder / "one.json"
    path.write_bytes(json.dumps(receipt).encode())
    return int(_check(history, path)["exit"])


def test_a_receipt_whose_link_was_taken_out_leaves_a_gap(tmp_path: Path) -> None:
    """Nobody hides a fork by making a receipt say that it continues nothing."""
    history, receipts = _some_history()
    del receipts[4]["seal"]["continues"]
    _write(tmp_path, receipts)
    code, answer = _verify(history.keys, tmp_path)
    assert code == GAPS
    assert answer["gaps"] == [
        {"origin": "ledger.example/SPRINGFIELD", "unlinked_sizes": [7, 10]},
    ]


def test_a_missing_receipt_is_a_gap_and_a_checkpoint_closes_it(tmp_path: Path) -> None:
    """A receipt that got lost accuses nobody: the operator links what is there."""
    history, receipts = _some_history()
    paths = _write(tmp_path, receipts)
    paths[2].unlink()
    done = subprocess.run(
        [sys.executable, "-I", VERIFIER, "--key", history.keys[0], tmp_path],
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == GAPS
    asked = done.stdout.decode()
    assert "gap     ledger.example/SPRINGFIELD" in asked
    assert "ingestd ledger checkpoint --account SPRINGFIELD --since 3 " in asked
    assert "ingestd ledger checkpoint --account SPRINGFIELD --since 10 " in asked
    history.command()
    for since in (3, 10):
        name = f"SPRINGFIELD-{since}.checkpoint"
        (tmp_path / name).write_text(history.continuation(since), "utf-8")
    assert _verify(history.keys, tmp_path)[0] == HOLD


@pytest.mark.parametrize("missing", [0, 6])
def test_the_oldest_and_newest_may_be_missing(tmp_path: Path, missing: int) -> None:
    """Whoever keeps receipts for a year only can still check them."""
    history, receipts = _some_history()
    del receipts[missing]
    _write(tmp_path, receipts)
    assert _verify(history.keys, tmp_path)[0] == HOLD


def test_a_witness_file_of_the_same_tree_holds_and_another_forks(tmp_path: Path) -> None:
    """Two signatures over different trees of one size prove the fork to anybody."""
    history, receipts = _some_history()
    paths = _write(tmp_path, receipts)
    witnessed = tmp_path / "000000000008.checkpoint"
    witnessed.write_text(history.note(8), "utf-8")
    assert _verify(history.keys, tmp_path)[0] == HOLD
    forger = History(leaves=[hash_leaf(b"forged"), *history.leaves[1:]])
    witnessed.write_text(forger.note(8), "utf-8")
    code, answer = _verify(history.keys, tmp_path)
    assert code == BROKEN
    forked = {name for name, verdict in _verdicts(answer).items() if verdict == "forked"}
    assert forked >= {witnessed.name, paths[4].name}
    # Even alone with one receipt of another size there is no proof that would link the two.
    witnessed.write_text(forger.note(11 - 1), "utf-8")
    assert _verify(history.keys, witnessed, paths[0])[0] == GAPS


def test_rewritten_books_do_not_continue_old_receipts(tmp_path: Path) -> None:
    """Who has the database and the key rewrites batch 2, and gives receipts as before."""
    history, receipts = _some_history()
    forger = History()
    forger.file()
    forger.command("voided")
    forger.leaves += history.leaves[2:]
    forger.frontier_at_receipt = forger.frontier_at_receipt.extend(forger.leaves[1:])
    later = forger.file()
    paths = _write(tmp_path, [*receipts, later])
    code, answer = _verify(history.keys, tmp_path)
    assert code == BROKEN
    assert _verdicts(answer)[paths[-1].name] == "forked"
    assert _verify(history.keys, paths[-1])[0] == HOLD


def test_another_receipt_for_the_same_batch_forks(tmp_path: Path) -> None:
    """Yesterday's copy was put back, and batch 10 given a second time."""
    history, receipts = _some_history()
    rolled_back = History(leaves=history.leaves[:9])
    rolled_back.frontier_at_receipt = rolled_back.frontier_at_receipt.extend(history.leaves[:9])
    again = rolled_back.file(some_receipt(99))
    paths = _write(tmp_path, [*receipts, again])
    code, answer = _verify(history.keys, tmp_path)
    assert code == BROKEN
    forked = {name for name, verdict in _verdicts(answer).items() if verdict == "forked"}
    assert forked == {paths[-2].name, paths[-1].name}


def test_books_that_were_resumed_are_a_tree_of_their_own(tmp_path: Path) -> None:
    """After a wanted restore nothing is forked, and the new origin's key has to be handed out."""
    history, receipts = _some_history()
    resumed = History(origin_no=2, leaves=history.leaves[:8])
    resumed.command("resumed")
    first = resumed.file(some_receipt(99))
    _write(tmp_path, [*receipts, first])
    assert _verify([*history.keys, *resumed.keys], tmp_path)[0] == HOLD
    assert _verify(history.keys, tmp_path)[0] == BROKEN


def test_keys_can_be_several_and_others_signatures_are_ignored(tmp_path: Path) -> None:
    """While a key takes over, notes have two signatures: either vkey is enough."""
    history = History(signers=(SEED, bytes(32)))
    [path] = _write(tmp_path, [history.file()])
    for keys in (history.keys, history.keys[:1], history.keys[1:]):
        assert _verify(keys, path)[0] == HOLD
    others = Signer("ledger.example/SPRINGFIELD", b"\7" * 32).key.to_text()
    code, answer = _verify([others], path)
    assert code == BROKEN
    assert answer["files"][0]["why"].startswith("no given key has signed it, only ledger.example")
    cosigned = read_note(history.note())
    witness = Signature("witness.example", b"\0\0\0\4", b"\4" * 72)
    checkpoint = tmp_path / "cosigned.checkpoint"
    checkpoint.write_text(cosigned.to_text() + witness.to_line(), "utf-8")
    assert _verify(history.keys[:1], checkpoint)[0] == HOLD
    forged = Signature(history.origin, bytes.fromhex(_key_id(history)), bytes(64))
    checkpoint.write_text(cosigned.to_text() + forged.to_line(), "utf-8")
    assert _verify(history.keys[:1], checkpoint)[0] == BROKEN


def test_another_accounts_key_and_receipts_prove_nothing(tmp_path: Path) -> None:
    """One private key signs for every account, each under a name of its own."""
    history, other = History(), History(account="SHELBYVILLE")
    [path] = _write(tmp_path, [history.file()])
    assert _verify(other.keys, path)[0] == BROKEN
    stolen = other.file()
    assert _exit(other, tmp_path, stolen | {"account": "SPRINGFIELD"}) == BROKEN
    assert _exit(other, tmp_path, stolen) == HOLD


@pytest.mark.parametrize(
    "receipt",
    [
        {"rows": None, "status": "rejected", "sha256": None, "format": None},
        {"findings": [], "findings_omitted": 0, "findings_by_code": {}},
        {"filename": "strange \udce9 \\udce9 \u2028 name.csv"},
        {"applied_amount": "0.00", "batches": []},
        {
            "applied_amount": "-3",
            "batches": [
                {"merchant_id": None, "batch_num": "7", "rows": 1, "amount": "-3"},
            ],
        },
        {
            "applied_amount": "0.005",
            "batches": [
                {"merchant_id": "é", "batch_num": "7", "rows": 1, "amount": "0.005"},
            ],
        },
    ],
)
def test_every_kind_of_receipt_is_understood(tmp_path: Path, receipt: dict[str, Any]) -> None:
    """Refused files, yen and dinars, names that are no UTF-8: all have receipts."""
    history = History()
    path = write_receipt(tmp_path, history.file(some_receipt(1) | receipt))
    assert _verify(history.keys, path)[0] == HOLD


def test_charge_files_have_no_batches(tmp_path: Path) -> None:
    """A receipt without control totals is whole; with them put in it is not."""
    history = History()
    receipt = some_receipt(1)
    batches = receipt.pop("batches")
    given = history.file(receipt)
    assert _exit(history, tmp_path, given) == HOLD
    forgeries: list[object] = [batches, [], None]
    for forged in forgeries:
        assert _exit(history, tmp_path, given | {"batches": forged}) == BROKEN


@pytest.mark.parametrize(
    "amount", ["3150", "315.0", "3.150", "031.50", "-31.50", "31.50 ", "٣١.٥٠", "31.5", 31.5, 3150]
)
def test_an_amount_is_written_in_one_way_only(tmp_path: Path, amount: object) -> None:
    """A point that moved is not hidden by the sum being counted in cents."""
    history = History()
    given = history.file()
    assert _exit(history, tmp_path, given | {"applied_amount": amount}) == BROKEN
    assert _exit(history, tmp_path, _with(given, ("batches", 0, "amount"), amount)) == BROKEN


HOSTILE = {
    "empty": b"",
    "no text": b"\xff\xfe\x00",
    "no json": b"{",
    "deep": b'{"seal":' + b"[" * 500_000,
    "a list": b"[]",
    "a number": b"1" * 100_000,
    "a huge number": b'{"seal": ' + b"1" * 100_000 + b"}",
    "no receipt": b"{}",
    "a key twice": b'{"account": "A", "account": "B"}',
    "no number": b'{"account": NaN}',
    "seal is a list": b'{"seal": []}',
    "too large": b"{" + b" " * (17 << 20),
    "old": b"old ",
    "old 1": b"old 1\n\n",
    "many lines": b"old 1\n" + b"AAAA\n" * 100_000,
    "a bom": b"\xef\xbb\xbf{}",
    "separators": "a\u2028b\n\n\n— a b\n".encode(),
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_hostile_files_are_broken_and_nothing_worse(tmp_path: Path, content: bytes) -> None:
    """Whatever lies in the folder, every file gets its line."""
    history = History()
    write_receipt(tmp_path, history.file())
    (tmp_path / "hostile.json").write_bytes(content)
    code, answer = _verify(history.keys, tmp_path)
    assert code == BROKEN
    assert _verdicts(answer)["hostile.json"] == "broken"
    assert len(answer["files"]) == 2


@given(st.binary(max_size=60), st.integers(0, 10**6))
def test_no_bytes_in_a_file_make_it_crash(tmp_path_factory: Any, junk: bytes, place: int) -> None:
    """Junk anywhere in a receipt or a checkpoint is answered, not traced back."""
    folder = tmp_path_factory.mktemp("junk", numbered=True)
    history = History()
    first, receipt = history.file(), history.file()
    write_receipt(folder, first)
    for name, content in {
        "a.json": json.dumps(receipt).encode(),
        "b.checkpoint": history.continuation(1).encode(),
    }.items():
        at = place % len(content)
        (folder / name).write_bytes(content[:at] + junk + content[at + len(junk) :])
    assert _check(history, folder)["exit"] in {HOLD, BROKEN, GAPS}


def test_what_cannot_be_checked_is_told_apart(tmp_path: Path) -> None:
    """A typing mistake is not taken for a verdict about the books."""
    history, receipts = _some_history()
    [path] = _write(tmp_path, receipts[:1])
    empty = tmp_path / "empty"
    empty.mkdir()
    assert _verify(history.keys, empty)[0] == UNCHECKED
    assert _verify(history.keys, tmp_path / "absent.json")[0] == UNCHECKED
    assert _verify([history.keys[0][:-2]], path)[0] == UNCHECKED
    assert _verify(["no key"], path)[0] == UNCHECKED
    assert _verify([], path)[0] == UNCHECKED
    assert _verify(history.keys)[0] == UNCHECKED


def test_names_of_files_cannot_write_over_lines(tmp_path: Path) -> None:
    """A file's name is somebody else's word; it must not look like a verdict."""
    history, _ = _some_history()
    (tmp_path / "x\n\x1b[2Kok all.json").write_bytes(b"{}")
    os.mkfifo(tmp_path / "pipe.json")
    done = subprocess.run(
        [sys.executable, "-I", VERIFIER, "--key", history.keys[0], tmp_path],
        capture_output=True,
        check=False,
        timeout=120,
    )
    lines = done.stdout.decode().splitlines()
    assert done.returncode == BROKEN
    assert len(lines) == 3
    assert b"\x1b" not in done.stdout
    assert all(line.startswith("broken") for line in lines[:2])


@given(st.integers(1, 70), st.data())
def test_it_follows_proofs_as_the_daemon_does(size: int, data: st.DataObject) -> None:
    """Two programs that share nothing agree on every proof, right or wrong."""
    tree = Tree([hash_leaf(b"%d" % number) for number in range(size)])
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size))
    proof, link = tree.inclusion_proof(index), tree.consistency_proof(old)
    leaf = hash_leaf(b"%d" % index)
    for changed in (proof, proof[1:], [*proof, tree.root()], proof[::-1]):
        try:
            found = receipt_verify.root_with_leaf(leaf, index, size, changed)
        except receipt_verify.BrokenError:
            found = b""
        expected = proves_inclusion(leaf, index, size, tree.root(), changed)
        assert (found == tree.root()) == expected
    for changed in (link, link[1:], [*link, tree.root()], link[::-1]):
        try:
            both = receipt_verify.roots_of_both(old, size, changed, tree.root(old))
        except receipt_verify.BrokenError:
            both = (b"", b"")
        expected = proves_consistency(old, tree.root(old), size, tree.root(), changed)
        assert (both == (tree.root(old), tree.root())) == expected
