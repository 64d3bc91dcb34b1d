"""Leaf, statement, seal, note, checkpoint: the published vectors, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestd.ledger.proof.checkpoint import (
    Checkpoint,
    Continuation,
    InclusionProof,
    is_ledger_name,
    origin_of,
)
from ingestd.ledger.proof.digest import ColumnKind, hash_chunk
from ingestd.ledger.proof.leaf import BatchLeaf
from ingestd.ledger.proof.malformed import MalformedError, UntrustedError
from ingestd.ledger.proof.note import (
    Note,
    Signature,
    Signer,
    VerifierKey,
    open_note,
    read_note,
    sign_note,
)
from ingestd.ledger.proof.receipt_seal import ReceiptSeal, SinceReceipt
from ingestd.ledger.proof.seal_hash import (
    FIRST_PREVIOUS_HASH,
    SealedChunk,
    SealHeading,
    hash_seal,
)
from ingestd.ledger.proof.statement import (
    StatedFinding,
    StatedRows,
    StatedTotal,
    Statement,
)

# RFC 8032, section 7.1, test 1.
SEED = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
NAME = "ledger.example/SPRINGFIELD"
VKEY = "ledger.example/SPRINGFIELD+0fd12139+AddamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea"
UPLOAD = "01K" + 23 * "0"
STATEMENT = Statement(
    upload_id=UPLOAD,
    account="SPRINGFIELD",
    filename="a.csv",
    format="student_billing",
    sha256="cd" * 32,
    size_bytes=120,
    received_at="2026-01-01T00:00:00Z",
    finished_at="2026-01-01T00:00:00Z",
    status="processed",
    rows=StatedRows(1, 1, 0, 0, 0),
    applied_amount="18.50",
    totals=None,
    findings=[],
    findings_omitted=0,
)
LEAF = BatchLeaf(
    account="SPRINGFIELD",
    batch_no=1,
    event="upload",
    upload_id=UPLOAD,
    sealed_at=1767225600000000,
    rows_sealed=9,
    amount_posted=1850,
    seal_hash="ab" * 32,
    statement=STATEMENT.hash(),
)
HEADING = SealHeading(
    previous_hash=FIRST_PREVIOUS_HASH,
    batch_no=1,
    event="upload",
    upload_id=UPLOAD,
    sealed_at=1767225600000000,
)
# The example of c2sp.org/signed-note.
EXAMPLE_VKEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
EXAMPLE_NOTE = (
    "This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONnc"
    "AlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)


def test_the_published_statement_leaf_and_signature() -> None:
    """Whoever writes a program of his own starts from these values of docs/evidence.md."""
    assert STATEMENT.hash() == "8d53e2cbbba8e0bc77e7823cef12b2451a073ca063e3986a5e6b06b5a60fbe9b"
    assert LEAF.hash().hex() == "3fbb6d0d280c300d90f87cb5cdfae86a5ad061444654730885e74a678b32e7b4"
    signer = Signer(NAME, SEED)
    assert signer.key.to_text() == VKEY
    checkpoint = Checkpoint(origin=NAME, size=1, root=LEAF.hash())
    note = sign_note(checkpoint.to_text(), [signer])
    assert note.endswith(
        "\n\n— ledger.example/SPRINGFIELD D9EhOZk+wAvvh0eSBRGigki2Szms86czkyezp2Urc16w5+iGBXfOyV"
        "QcpumpXf3sSGW39UgafDdSVt0AQ6OVsLjEJw8=\n"
    )
    text, signers = open_note(note, [VerifierKey.from_text(VKEY)])
    assert Checkpoint.from_text(text) == checkpoint
    assert signers == [signer.key]


def test_the_published_seals() -> None:
    """One with made-up digests, and one with the digest of a real chunk."""
    made_up = [
        SealedChunk("file_outcome", 1, "11" * 32),
        SealedChunk("charge", 1, "22" * 32),
        SealedChunk("charge", 5001, "33" * 32),
    ]
    assert (
        hash_seal(HEADING, made_up)
        == "403f34d123fd8e391483ff914f70c4f7080fe605dc427e0ea036ee2d472e734a"
    )
    real = hash_chunk(
        1,
        [
            (ColumnKind.NUMBER, [5001, None, -1]),
            (ColumnKind.TEXT, ["destiny-1001", "", "Café"]),
            (ColumnKind.OCTETS, [bytes(range(16)), None, b""]),
            (ColumnKind.FLAG, [True, None, False]),
        ],
    )
    assert hash_seal(HEADING, [SealedChunk("charge", 1, real)]) == (
        "191e16bf0e00f493e295e49d9fc0bc891fadf38c14f75fb2450388dbf2d555c2"
    )


def test_everything_in_a_heading_and_a_chunk_counts() -> None:
    """A batch cannot be taken for another one, nor a table's rows for another table's."""
    chunk = SealedChunk("charge", 1, "22" * 32)
    seals = [
        hash_seal(HEADING, [chunk]),
        hash_seal(replace(HEADING, previous_hash="1" * 64), [chunk]),
        hash_seal(replace(HEADING, batch_no=2), [chunk]),
        hash_seal(replace(HEADING, event="settled"), [chunk]),
        hash_seal(replace(HEADING, upload_id=None), [chunk]),
        hash_seal(replace(HEADING, sealed_at=1), [chunk]),
        hash_seal(HEADING, []),
        hash_seal(HEADING, [chunk, chunk]),
        hash_seal(HEADING, [chunk._replace(table="refund")]),
        hash_seal(HEADING, [chunk._replace(first_row=2)]),
        hash_seal(HEADING, [chunk._replace(digest="23" * 32)]),
    ]
    assert len(set(seals)) == len(seals)


def test_a_statement_is_the_array_that_the_page_describes() -> None:
    """A district's own script makes the same bytes with any JSON library."""
    statement = replace(
        STATEMENT,
        filename="caf\u00e9 \udce9\\.csv",
        rows=None,
        totals=[StatedTotal("M1", "B7", 2, 3150)],
        findings=[StatedFinding(4, 5, None, "amount_invalid", "1E+2", "Write the amount.")],
        findings_omitted=3,
    )
    assert (
        statement.to_bytes()
        == (
            f'["{UPLOAD}","SPRINGFIELD","café \\udce9\\\\.csv","student_billing","{"cd" * 32}",120,'
            '"2026-01-01T00:00:00Z","2026-01-01T00:00:00Z","processed",null,"18.50",'
            '[["M1","B7",2,3150]],[[4,5,null,"amount_invalid","1E+2","Write the amount."]],3]'
        ).encode()
    )
    assert json.loads(statement.to_bytes())[2] == "caf\u00e9 \udce9\\.csv"
    assert statement.hash() == sha256(statement.to_bytes()).hexdigest()


def test_a_leaf_is_ten_lines() -> None:
    """A command's batch has neither upload nor statement, and says so."""
    leaf = replace(LEAF, event="settled", upload_id=None, statement=None, amount_posted=-5)
    assert leaf.to_bytes().decode() == (
        f"ingestd-batch/v1\nSPRINGFIELD\n1\nsettled\n-\n1767225600000000\n9\n-5\n{'ab' * 32}\n-\n"
    )
    assert leaf.index == 0


@pytest.mark.parametrize(
    "change",
    [
        {"batch_no": 0},
        {"account": "A\nB"},
        {"account": "-"},
        {"event": ""},
        {"upload_id": "-"},
        {"upload_id": "01 K"},
        {"seal_hash": "AB" * 32},
        {"seal_hash": "ab"},
        {"statement": "-"},
    ],
)
def test_no_two_batches_can_share_a_leaf(change: dict[str, object]) -> None:
    """What would shift the lines, or pass for nothing, never becomes a leaf."""
    with pytest.raises(ValueError, match="leaf"):
        replace(LEAF, **change)  # type: ignore[arg-type]


def test_the_example_note_of_the_specification() -> None:
    """Keys and notes are those that other programs read and write."""
    key = VerifierKey.from_text(EXAMPLE_VKEY)
    assert key.to_text() == EXAMPLE_VKEY
    assert open_note(EXAMPLE_NOTE, [key]) == ("This is an example message.\n", [key])
    assert read_note(EXAMPLE_NOTE).to_text() == EXAMPLE_NOTE


def test_signatures_of_others_are_ignored() -> None:
    """A witness may cosign, and a key may take over, without anybody's program being changed."""
    old, new = Signer(NAME, SEED), Signer(NAME, bytes(32))
    note = sign_note("text\n", [old, new])
    witness = Signature("witness.example", b"\0\0\0\1", b"\4" * 72)
    cosigned = Note(text="text\n", signatures=[witness, *read_note(note).signatures]).to_text()
    assert open_note(cosigned, [old.key]) == ("text\n", [old.key])
    assert open_note(cosigned, [new.key]) == ("text\n", [new.key])
    assert open_note(cosigned, [old.key, new.key]) == ("text\n", [old.key, new.key])
    namesake = VerifierKey(name="witness.example", public_key=bytes(32))
    with pytest.raises(UntrustedError, match="no known key"):
        open_note(cosigned, [namesake])


def test_a_wrong_signature_by_a_known_key_rejects_the_whole_note() -> None:
    """One good signature does not excuse another that is forged."""
    old, new = Signer(NAME, SEED), Signer(NAME, bytes(32))
    forged = Signature(NAME, new.key.key_id, bytes(64))
    note = Note(text="text\n", signatures=[old.sign("text\n"), forged]).to_text()
    with pytest.raises(UntrustedError, match="wrong"):
        open_note(note, [old.key, new.key])
    assert open_note(note, [old.key])[0] == "text\n"
    with pytest.raises(UntrustedError, match="wrong"):
        open_note(note.replace("text", "test"), [old.key])


@given(st.data())
def test_a_changed_note_is_never_trusted(data: st.DataObject) -> None:
    """Every byte of text and signature counts, also those that base64 could hide."""
    signer = Signer(NAME, SEED)
    note = sign_note(Checkpoint(origin=NAME, size=1, root=LEAF.hash()).to_text(), [signer])
    place = data.draw(st.integers(0, len(note) - 1))
    char = data.draw(st.sampled_from("\nAa0+/= —é\u2028"))
    changed = note[:place] + char + note[place + 1 :]
    if changed != note:
        with pytest.raises((MalformedError, UntrustedError)):
            open_note(changed, [signer.key])


@given(st.text(alphabet="— aA+/=\n\x00\ud800", max_size=40))
def test_what_is_no_note_is_malformed(text: str) -> None:
    """Whatever lies in a file, the answer is that it is no note, never a crash."""
    with pytest.raises(MalformedError):
        open_note(text, [])


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "no key",
        VKEY.replace("0fd12139", "0fd12138"),
        VKEY.replace("0fd12139", "0FD12139"),
        VKEY.replace("SPRINGFIELD", "SHELBYVILLE"),
        VKEY[:-4],
        VKEY + "=",
        VKEY.replace("+Add", "+Bdd"),
    ],
)
def test_a_mistyped_key_is_no_key(vkey: str) -> None:
    """Keys are typed from paper: a slip is told, never taken for another key."""
    with pytest.raises(MalformedError):
        VerifierKey.from_text(vkey)


def test_an_origin_names_ledger_account_and_how_often_it_was_resumed() -> None:
    """From an origin it is plain whose tree it is: no part can hold a slash."""
    assert origin_of("ledger.example", "SPRINGFIELD") == NAME
    assert origin_of("ledger.example", "SPRINGFIELD", 2) == f"{NAME}/2"
    assert is_ledger_name("ledger.example")
    for name in ("", "a/b", "a b", "a+b", "-a", "é", "a\n", "a" * 254):
        assert not is_ledger_name(name)
        with pytest.raises(ValueError, match="origin"):
            origin_of(name, "SPRINGFIELD")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "o\n1\n",
        "o\n1\nAAAA\n",
        f"o\n01\n{'A' * 43}=\n",
        f"o\n1\n{'A' * 43}=",
        f"o\n1\n{'A' * 43}=\nextension\n",
        f"\n1\n{'A' * 43}=\n",
        f"o\n{2**63}\n{'A' * 43}=\n",
        f"o\n1\n{'A' * 42}B=\n",
    ],
)
def test_what_is_no_checkpoint_is_malformed(text: str) -> None:
    """One tree head has one text, and nothing beside it."""
    with pytest.raises(MalformedError):
        Checkpoint.from_text(text)


def test_proofs_are_written_and_read_back() -> None:
    """What a receipt, a witness and the command hand out is read by the programs of C2SP."""
    note = sign_note(
        Checkpoint(origin=NAME, size=2, root=bytes(32)).to_text(), [Signer(NAME, SEED)]
    )
    inclusion = InclusionProof(index=1, proof=(LEAF.hash(),), note=note)
    hash_line = "P7ttDSgMMA2Q+Hy1zfroalrQYURGVHMIhedKZ4sy57Q="
    assert inclusion.to_text() == f"c2sp.org/tlog-proof@v1\nindex 1\n{hash_line}\n\n{note}"
    assert InclusionProof.from_text(inclusion.to_text()) == inclusion
    with_extra = inclusion.to_text().replace("index", "extra AAAA\nindex")
    assert InclusionProof.from_text(with_extra) == inclusion
    continuation = Continuation(old_size=1, proof=(LEAF.hash(),), note=note)
    assert continuation.to_text() == f"old 1\n{hash_line}\n\n{note}"
    assert Continuation.from_text(continuation.to_text()) == continuation
    for text in (
        note,
        inclusion.to_text().replace("@v1", "@v2"),
        inclusion.to_text().replace("index 1", "index 01"),
        inclusion.to_text().replace("index 1", "indes 1"),
        inclusion.to_text().replace(hash_line, hash_line[1:]),
        inclusion.to_text().replace(hash_line, "\n".join([hash_line] * 65)),
        "c2sp.org/tlog-proof@v1\nindex 1\n\nno note\n",
    ):
        with pytest.raises(MalformedError):
            InclusionProof.from_text(text)
        with pytest.raises(MalformedError):
            Continuation.from_text(text)


def test_a_receipts_seal_is_read_back_as_it_was_written() -> None:
    """The daemon reads old receipts when it is asked to hold the books against them."""
    note = sign_note(
        Checkpoint(origin=NAME, size=1, root=LEAF.hash()).to_text(), [Signer(NAME, SEED)]
    )
    proof = InclusionProof(index=0, proof=(), note=note)
    for continues in (None, SinceReceipt(size=7, proof=(LEAF.hash(),))):
        seal = ReceiptSeal.of(LEAF, proof, continues)
        fields = json.loads(json.dumps(seal.to_fields()))
        assert ReceiptSeal.from_fields(fields) == seal
        assert list(fields["batch"]) == [
            *("batch_no", "sealed_at", "rows_sealed", "amount_posted", "hash"),
        ]
        assert ("continues" in fields) == (continues is not None)
    good: dict[str, Any] = ReceiptSeal.of(LEAF, proof, None).to_fields()
    for broken in (
        None,
        {},
        {**good, "proof": 1},
        {**good, "batch": {**good["batch"], "batch_no": "8"}},
        {**good, "batch": {**good["batch"], "hash": "AB"}},
        {**good, "continues": {"size": 0, "proof": []}},
        {**good, "continues": {"size": 1, "proof": [1]}},
        {**good, "continues": []},
    ):
        with pytest.raises(MalformedError):
            ReceiptSeal.from_fields(broken)
