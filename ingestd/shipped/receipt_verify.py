#!/usr/bin/env python3
"""Check the receipts of an ingestd ledger, offline, without trusting whoever keeps the books.

    python receipt_verify.py --key VKEY [--key VKEY ...] PATH [PATH ...]

VKEY is your account's verifier key, on paper from your operator. PATH is a receipt (.json), a
checkpoint (.checkpoint), or a folder with them. This file alone is enough, with Python 3.11 and
the package `cryptography`; it shares no code with ingestd. The exit code says:

    0  every file holds, and all continue each other: they are of one history
    1  a file is broken, or the history is forked: keep all files, they are the evidence
    2  every file holds, but not all could be linked: lines that begin with `gap` say what to do
    3  nothing could be checked: wrong arguments, no files, files that cannot be read

How it works. All batches of an account's books are the leaves of a Merkle tree (RFC 9162). After
each batch the tree's size and root are signed: a checkpoint. A receipt holds what was done, from
which its batch's leaf is computed here; a proof that this leaf is in the signed tree; and a proof
that this tree continues that of the receipt before. So whoever rewrites an old batch cannot make
trees any more that continue those of the receipts that you have.
"""

from __future__ import annotations

import argparse
import base64
import json
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

try:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
except ImportError:
    sys.exit("receipt-verify needs the package `cryptography`: pip install cryptography")

HOLD, BROKEN, GAPS, UNCHECKED = range(4)
FILE_BYTES_MAX = 16 << 20
ORIGIN = "[A-Za-z0-9._-]+/([A-Za-z0-9_-]+)(?:/[1-9][0-9]{0,8})?"  # NAME/ACCOUNT, NAME/ACCOUNT/2
RECEIPT = (
    "receipt_version upload_id account filename format sha256 size_bytes received_at finished_at"
    " status rows applied_amount findings findings_omitted findings_by_code seal"
)
ROWS = "total applied duplicate conflict rejected"
BATCH_TOTAL = "merchant_id batch_num rows amount"
FINDING = "row line column code value message"

Keys = dict[tuple[str, bytes], Ed25519PublicKey]


class BrokenError(Exception):
    """A file does not hold; the message says why."""


@dataclass
class Pinned:
    """What a file that holds pins: a signed tree, maybe a batch in it, maybe an older tree."""

    path: str
    origin: str
    size: int
    root: bytes
    signed_by: list[str]
    batch_no: int | None = None
    leaf: bytes | None = None
    old_size: int = 0  # 0: it continues nothing
    proof: list[bytes] = field(default_factory=list)


# --- Trees: the roots that proofs lead to (RFC 9162, section 2.1) -------------------------------


def hash_node(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node."""
    return sha256(b"\x01" + left + right).digest()


def left_half(size: int) -> int:
    """Return how many of `size` leaves stand on the left: the greatest power of two below it."""
    return 1 << (size - 1).bit_length() - 1


def root_with_leaf(leaf: bytes, index: int, size: int, proof: list[bytes]) -> bytes:
    """Return the root of the tree of `size` leaves that a proof of inclusion leads to."""
    if size == 1 and not proof:
        return leaf
    if size == 1 or not proof:
        raise BrokenError("its proof has not as many hashes as the tree asks for")
    left, sibling, rest = left_half(size), proof[-1], proof[:-1]
    if index < left:
        return hash_node(root_with_leaf(leaf, index, left, rest), sibling)
    return hash_node(sibling, root_with_leaf(leaf, index - left, size - left, rest))


def roots_of_both(
    old_size: int, size: int, proof: list[bytes], old_root: bytes | None
) -> tuple[bytes, bytes]:
    """Return the roots of the old and the new tree that a proof of consistency leads to.

    `old_root` is None in a right half, of which the proof itself has to bring the node.
    """
    if old_size == size and len(proof) == (old_root is None):
        node = proof[0] if old_root is None else old_root
        return node, node
    if old_size >= size or not proof:
        raise BrokenError("its proof has not as many hashes as the trees ask for")
    left, sibling, rest = left_half(size), proof[-1], proof[:-1]
    if old_size <= left:
        old, new = roots_of_both(old_size, left, rest, old_root)
        return old, hash_node(new, sibling)
    old, new = roots_of_both(old_size - left, size - left, rest, None)
    return hash_node(sibling, old), hash_node(sibling, new)


# --- Checkpoints: what was signed (c2sp.org/signed-note, c2sp.org/tlog-checkpoint) --------------


def read_key(text: str) -> tuple[tuple[str, bytes], Ed25519PublicKey]:
    """Read a verifier key, `NAME+KEY ID+BASE64`; its key ID tells of slips in typing."""
    name, key_id, content = ([*text.split("+", 2), "", ""])[:3]
    public_key = read_base64(content)
    computed = sha256(f"{name}\n".encode() + public_key).digest()[:4]
    if computed.hex() != key_id or len(public_key) != 33 or public_key[0] != 1:
        raise BrokenError(f"this is no verifier key, or was mistyped: {text}")
    return (name, computed), Ed25519PublicKey.from_public_bytes(public_key[1:])


def read_base64(text: object) -> bytes:
    """Return what base64 stands for, in the one way in which it is written."""
    try:
        content = base64.b64decode(text, validate=True) if isinstance(text, str) else b""
    except ValueError:
        content = b""
    if not content or base64.b64encode(content).decode() != text:
        raise BrokenError("something in it should be base64, and is not")
    return content


def read_hashes(lines: list[Any]) -> list[bytes]:
    """Return a proof's hashes; no tree that can be has a longer proof than 64."""
    hashes = [read_base64(line) for line in lines[:65]]
    if len(hashes) > 64 or any(len(node) != 32 for node in hashes):
        raise BrokenError("a proof is at most 64 hashes of 32 bytes")
    return hashes


def read_number(text: str) -> int:
    """Return a size or an index."""
    if not re.fullmatch("0|[1-9][0-9]{0,17}", text):
        raise BrokenError("a number in it is none")
    return int(text)


def open_checkpoint(path: str, note: str, keys: Keys) -> Pinned:
    """Return the tree that at least one of the keys has signed.

    Signatures by other keys, such as witnesses', are ignored; a wrong one by a given key is not.
    """
    text, _, lines = note.rpartition("\n\n")
    head, signatures = text.split("\n"), lines.split("\n")
    # A note ends with a line break, and holds no control characters beside it.
    if len(head) != 3 or signatures.pop() or re.search("[^\n -\U0010ffff]", note):
        raise BrokenError("this is no checkpoint")
    signed_by, others = [], []
    for line in signatures[:100]:
        found = re.fullmatch(r"— ([^\s+]+) (\S+)", line)
        content = read_base64(found[2] if found else None)
        name, key_id = found[1] if found else "", content[:4]
        key = keys.get((name, key_id))
        # The key is named as the tree is: another account's key signs nothing here.
        if key is None or name != head[0]:
            others.append(f"{name}+{key_id.hex()}")
            continue
        try:
            key.verify(content[4:], f"{text}\n".encode())
        except (InvalidSignature, ValueError):
            raise BrokenError(f"the signature by {name}+{key_id.hex()} is wrong") from None
        signed_by.append(f"{name}+{key_id.hex()}")
    if not signed_by:
        raise BrokenError(f"no given key has signed it, only {', '.join(others)}")
    [root] = read_hashes(head[2:])
    if not re.fullmatch(ORIGIN, head[0]):
        raise BrokenError("its origin is not written as it should be")
    return Pinned(path, head[0], read_number(head[1]), root, signed_by)


def take_apart(text: object, opening: str) -> tuple[int, list[bytes], str]:
    """Return the number, the hashes and the note of a proof that begins with `opening`."""
    if not isinstance(text, str) or not text.startswith(opening):
        raise BrokenError("its proof is none")
    head, _, note = text.removeprefix(opening).partition("\n\n")
    number, *lines = head.split("\n")
    return read_number(number), read_hashes(lines), note


# --- Receipts: from what they say to the leaf of their batch ------------------------------------


def check_receipt(path: str, receipt: dict[str, Any], keys: Keys) -> Pinned:
    """Return what a receipt pins; BrokenError where it is not as it was given, or not signed."""
    if "seal" not in receipt:
        raise BrokenError("it has no seal: nothing proves what it says")
    values_of(receipt, RECEIPT, optional=("batches",))
    batch, proof = values_of(receipt["seal"], "batch proof", optional=("continues",))
    batch_no, *sealed = values_of(batch, "batch_no sealed_at rows_sealed amount_posted hash")
    if json.dumps(receipt["receipt_version"]) != "1" or type(batch_no) is not int:
        raise BrokenError("its version or batch number is one that this program does not know")

    index, hashes, note = take_apart(proof, "c2sp.org/tlog-proof@v1\nindex ")
    pinned = open_checkpoint(path, note, keys)
    if index != batch_no - 1 or index >= pinned.size:
        raise BrokenError("its proof is another batch's")
    if pinned.origin.split("/")[1] != receipt["account"]:
        raise BrokenError("its proof is another account's")
    pinned.batch_no, pinned.leaf = batch_no, leaf_of(receipt, batch_no, sealed)
    if root_with_leaf(pinned.leaf, index, pinned.size, hashes) != pinned.root:
        raise BrokenError("what it says is not what was sealed and signed")
    if "continues" in receipt["seal"]:
        old_size, old_proof = values_of(receipt["seal"]["continues"], "size proof")
        if (
            type(old_size) is not int
            or not 0 < old_size < pinned.size
            or type(old_proof) is not list
        ):
            raise BrokenError("it continues no smaller tree")
        pinned.old_size, pinned.proof = old_size, read_hashes(old_proof)
    return pinned


def leaf_of(receipt: dict[str, Any], batch_no: int, sealed: list[Any]) -> bytes:
    """Return the hash of the leaf of a receipt's batch: ten lines."""
    *numbers, seal_hash = sealed
    names = [receipt["account"], receipt["upload_id"], seal_hash]
    # A line break, or a text for a number, would let two receipts come to one leaf.
    if any(type(number) is not int for number in numbers) or not all(
        isinstance(name, str) and re.fullmatch("[A-Za-z0-9_-]+", name) for name in names
    ):
        raise BrokenError("a name or number of its batch is none")
    account, upload_id, _ = names
    lines = ["ingestd-batch/v1", account, batch_no, "upload", upload_id, *sealed]
    lines.append(sha256(statement_of(receipt)).hexdigest())
    return sha256(b"\x00" + "".join(f"{line}\n" for line in lines).encode()).digest()


def statement_of(receipt: dict[str, Any]) -> bytes:
    """Return the statement of a receipt: a JSON array of what it says."""
    rows, amount, findings = receipt["rows"], receipt["applied_amount"], receipt["findings"]
    totals = receipt.get("batches")
    lists = isinstance(findings, list) and isinstance(receipt.get("batches", []), list)
    if not lists or not isinstance(amount, str):
        raise BrokenError("its findings, batches or amount are none")
    decimals = len(amount.partition(".")[2])
    stated_findings = [values_of(finding, FINDING) for finding in findings]
    check_codes(receipt, [str(code) for _, _, _, code, _, _ in stated_findings])
    names = "upload_id account filename format sha256 size_bytes received_at finished_at status"
    array = [
        *(receipt[name] for name in names.split()),
        None if rows is None else values_of(rows, ROWS),
        amount,
        None if totals is None else [stated_total(total, decimals) for total in totals],
        stated_findings,
        receipt["findings_omitted"],
    ]
    text = json.dumps(array, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "backslashreplace")


def stated_total(total: object, decimals: int) -> list[Any]:
    """Return a settlement batch's total as the statement has it: 31.50 is 3150."""
    *named, amount = values_of(total, BATCH_TOTAL)
    pattern = "-?(0|[1-9][0-9]*)" + (rf"\.[0-9]{{{decimals}}}" if decimals else "")
    written = amount if isinstance(amount, str) and re.fullmatch(pattern, amount) else "-0"
    units = int(written.replace(".", ""))
    if units == 0 and written.startswith("-"):
        raise BrokenError("an amount is not written as the others are")
    return [*named, units]


def check_codes(receipt: dict[str, Any], codes: list[str]) -> None:
    """Refuse `findings_by_code` that do not follow from the findings."""
    counts, omitted = receipt["findings_by_code"], receipt["findings_omitted"]
    numbers = [omitted, *counts.values()] if isinstance(counts, dict) else [None]
    if any(type(number) is not int or number < 0 for number in numbers) or 0 in numbers[1:]:
        raise BrokenError("its findings_by_code do not count")
    if sum(counts.values()) != len(codes) + omitted or Counter(codes) - Counter(counts):
        raise BrokenError("its findings_by_code are not those of its findings")


def values_of(value: object, names: str, optional: Iterable[str] = ()) -> list[Any]:
    """Return an object's values; it may have no others, which no proof would cover."""
    keys, held = names.split(), value if isinstance(value, dict) else {}
    if missing := set(keys) - held.keys():
        raise BrokenError(f"it lacks {', '.join(sorted(missing))}")
    if unknown := held.keys() - set(keys) - set(optional):
        raise BrokenError(f"it holds what no proof covers: {', '.join(sorted(unknown))}")
    return [held[key] for key in keys]


# --- All files of one origin together: one history, or several ----------------------------------


def relate(files: list[Pinned]) -> tuple[dict[str, str], list[int]]:
    """Hold files against each other.

    Return why a file is forked, by path, and the sizes of the trees that no other tree is known to
    continue. Of one history there is one such tree, the largest.
    """
    why: dict[str, str] = {}
    seen: dict[str, tuple[bytes | None, str]] = {}
    for pinned in files:
        tree, batch = f"tree of {pinned.size} batches", f"batch {pinned.batch_no}"
        for what, content in ((tree, pinned.root), (batch, pinned.leaf)):
            first, path = seen.setdefault(what, (content, pinned.path))
            if content != first:
                why[pinned.path] = f"{path} has another {what}"
                why[path] = f"{pinned.path} has another {what}"
    trees = {pinned.size: pinned for pinned in files}
    continued: set[int] = set()
    for pinned in files:
        old = trees.get(pinned.old_size)
        if why_not := why_it_does_not_continue(pinned, old):
            why[pinned.path] = why_not
        elif old and pinned.old_size < pinned.size:
            continued.add(pinned.old_size)
    return why, sorted(trees.keys() - continued - {0})


def why_it_does_not_continue(pinned: Pinned, old: Pinned | None) -> str | None:
    """Return why a file's tree does not continue the older one that it names; None if it does."""
    old_size = pinned.old_size
    # Where the old root is not known, it can be followed from the proof, but for powers of two.
    if old_size == 0 or (old is None and old_size & (old_size - 1) == 0):
        return None
    old_root = old.root if old else b""
    try:
        old_computed, computed = roots_of_both(old_size, pinned.size, pinned.proof, old_root)
    except BrokenError as error:
        return str(error)
    if computed == pinned.root and (old is None or old_computed == old_root):
        return None
    named = f"{old.path} holds" if old else "it names"
    return f"it does not continue the tree of {old_size} batches that {named}"


# --- Files, arguments, output -------------------------------------------------------------------


def find_files(paths: Iterable[str]) -> Iterator[Path]:
    """Yield the files named, and all receipts and checkpoints in the folders named."""
    for path in map(Path, paths):
        if path.is_dir():
            found = sorted(path.rglob("*"))
            yield from (file for file in found if file.suffix in {".json", ".checkpoint"})
        else:
            yield path


def check_file(path: Path, keys: Keys) -> Pinned:
    """Return what one file pins; BrokenError where it does not hold, OSError if unreadable."""
    if path.exists() and not path.is_file():
        raise BrokenError("it is no file")
    with path.open("rb") as file:
        content = file.read(FILE_BYTES_MAX + 1)
    if len(content) > FILE_BYTES_MAX:
        raise BrokenError("it is too large")
    try:
        text = content.decode("utf-8")
        if text.startswith("old "):
            old_size, proof, note = take_apart(text, "old ")
            pinned = open_checkpoint(str(path), note, keys)
            return replace(pinned, old_size=old_size, proof=proof)
        if not text.startswith("{"):
            return open_checkpoint(str(path), text, keys)
        receipt = json.loads(text, object_pairs_hook=once_each)
    except (ValueError, RecursionError):
        raise BrokenError("it is neither a receipt nor a checkpoint") from None
    return check_receipt(str(path), receipt, keys)


def once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object; where a key stands twice, other programs may read the other value."""
    if len(dict(pairs)) != len(pairs):
        raise BrokenError("a key stands twice in it")
    return dict(pairs)


def check(paths: Iterable[str], keys: Keys) -> dict[str, Any]:
    """Check files by themselves and against each other; return all that is said of them."""
    origins: dict[str, list[Pinned]] = {}
    files: dict[str, dict[str, Any]] = {}
    for path in find_files(paths):
        try:
            pinned = check_file(path, keys)
        except BrokenError as error:
            files[str(path)] = {"file": str(path), "verdict": "broken", "why": str(error)}
            continue
        files[pinned.path] = {"file": pinned.path, "verdict": "ok", "origin": pinned.origin}
        files[pinned.path] |= {"batch_no": pinned.batch_no, "size": pinned.size}
        files[pinned.path] |= {"root": pinned.root.hex(), "signed_by": pinned.signed_by}
        origins.setdefault(pinned.origin, []).append(pinned)
    gaps = []
    for origin, of_origin in origins.items():
        why, sizes = relate(of_origin)
        for name, reason in why.items():
            files[name] |= {"verdict": "forked", "why": reason}
        if not why and len(sizes) > 1:
            gaps.append({"origin": origin, "unlinked_sizes": sizes})
    bad = any(file["verdict"] != "ok" for file in files.values())
    code = UNCHECKED if not files else BROKEN if bad else GAPS if gaps else HOLD
    return {"exit": code, "files": list(files.values()), "gaps": gaps}


def lines_for_people(answer: dict[str, Any]) -> Iterator[str]:
    """Yield a line for each file, what each gap asks for, and a line that sums up."""
    for file in answer["files"]:
        what = f"batch {file['batch_no']}" if file.get("batch_no") else "checkpoint"
        signed = f"{what}, tree of {file.get('size')}, {', '.join(file.get('signed_by', []))}"
        yield f"{file['verdict']:<7} {file['file']}: {file.get('why', signed)}"
    for gap in answer["gaps"]:
        account = gap["origin"].split("/")[1]
        yield f"gap     {gap['origin']}: receipts are missing; find them, or ask your operator for"
        for size in gap["unlinked_sizes"]:
            wanted = f"--account {account} --since {size} --output {account}-{size}.checkpoint"
            yield f"        ingestd ledger checkpoint {wanted}"
    yield {
        HOLD: "All files hold, and all are linked.",
        BROKEN: "Not all files hold. Keep them as they are: they are the evidence.",
        GAPS: "All files hold, but not all are linked.",
        UNCHECKED: "There are no receipts and no checkpoints.",
    }[answer["exit"]]


def main(arguments: list[str] | None = None) -> int:
    """Check what the command line names, print what came out, and return the exit code."""
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="receipt-verify", description=__doc__, formatter_class=formatter
    )
    parser.add_argument("--key", action="append", required=True, metavar="VKEY")
    parser.add_argument("--output", choices=["text", "json"], default="text")
    parser.add_argument("paths", nargs="+", metavar="PATH")
    try:
        given = parser.parse_args(arguments)
        answer = check(given.paths, dict(map(read_key, given.key)))
    except SystemExit as stop:  # --help, or wrong arguments: 2 has another meaning here
        return UNCHECKED if stop.code else HOLD
    except (BrokenError, OSError) as error:
        sys.stderr.write(f"receipt-verify: {error}\n")
        return UNCHECKED
    if given.output == "json":
        sys.stdout.write(json.dumps(answer, indent=2) + "\n")
        return int(answer["exit"])
    for line in lines_for_people(answer):
        # Files' names are others' words: they must neither move the cursor nor hide a line.
        shown = "".join(char if char.isprintable() else "?" for char in line)
        sys.stdout.buffer.write(shown.encode() + b"\n")
    return int(answer["exit"])


if __name__ == "__main__":
    sys.exit(main())
