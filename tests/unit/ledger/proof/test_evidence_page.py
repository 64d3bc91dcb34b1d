"""docs/evidence.md says what the program computes: whoever follows it comes to the same values."""

from __future__ import annotations

import re
from pathlib import Path

from ingestd.ledger.proof.digest import CHUNK_ROWS, ColumnKind
from ingestd.ledger.proof.leaf import FIRST_LINE
from ingestd.ledger.proof.malformed import write_base64
from ingestd.ledger.proof.note import Signer, read_note, sign_note
from ingestd.ledger.proof.seal_hash import FIRST_WORD
from ingestd.ledger.proof.statement import FINDINGS_MAX

PAGE = (Path(__file__).parents[4] / "docs" / "evidence.md").read_text("utf-8")
VECTORS = dict(re.findall(r"^\| ([^|`]+) \| `([^`]+)` \|$", PAGE, re.MULTILINE))
SEED = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")


def test_the_page_has_every_vector_that_the_program_is_tested_with() -> None:
    """A program written from the page is right when it comes to the values on the page."""
    tests = "".join(path.read_text("utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    for name in (
        *("statement", "leaf", "verifier key", "digest"),
        *("seal of three chunks", "seal of one chunk with this digest"),
    ):
        assert f'"{VECTORS[name]}"' in tests, name
    name = "ledger.example/SPRINGFIELD"
    root = write_base64(bytes.fromhex(VECTORS["leaf"]))
    note = sign_note(f"{name}\n1\n{root}\n", [Signer(name, SEED)])
    assert read_note(note).signatures[0].to_line() == VECTORS["signature's line"] + "\n"
    assert f"\n{name}\n1\n{root}\n\n— {name} D9Eh" in PAGE


def test_the_page_names_every_word_and_number_of_the_formats() -> None:
    """First lines, kinds and limits are those of the program."""
    assert f"\n{FIRST_LINE}\n" in PAGE
    assert f'["{FIRST_WORD}",' in PAGE
    assert f"{FINDINGS_MAX:,} findings at most" in " ".join(PAGE.split())
    assert f"A chunk is {CHUNK_ROWS:,} rows" in " ".join(PAGE.split())
    for kind in ColumnKind:
        assert f"\n| `{kind}` | " in PAGE
