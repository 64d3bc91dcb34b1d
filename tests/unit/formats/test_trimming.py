"""Spaces around values: taken off in every column, told of once for each, never a difference."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestd.formats.checking import RowBatch
from ingestd.formats.findings.codes import Code
from ingestd.formats.kinds.catalog import CatalogKind
from ingestd.formats.names import FormatName
from ingestd.formats.rules import FileRules
from tests.judging import (
    check_catalog_file,
    check_charge_file,
    check_payment_file,
    check_refund_file,
)
from tests.verdicts import RULES

Check = Callable[[Iterable[bytes], FileRules], Iterator[RowBatch[Any]]]

CHARGES = (
    "account_type,charge_tracking_id,student_id,billing_code,note,amount,"
    "transaction_occurred_time\n"
    "LIABILITY,T-1,00042,LOST_BOOK,Atlas of it all,18.50,2026-03-02T14:38:02Z\n"
    "WALLET,T-2,00043,MEAL,,,\n"
)
REFUNDS = "charge_tracking_id,tx_item_rowid,note\nT-1,7,found again\nT-2,,\n"
FEES = (
    "2007-07-11 08:10:10,15.00,M1,5,657575,COLL001,12.00,2.50,0.50,0\n"
    "2007-07-11,5.00,null,5,0,COTT001,5.00,0,0,0.00\n"
)
SUNDRY = "2011-07-15,11.00,M1,5,7,Gil Guest,null,,,,IL,,,Hire,GL,10.00,1.00,GST,7,ROOF,70\n" * 2
STUDENTS = "student_id,name,parent_code,status\n00042,Ann Lee,P1,enrolled\n00043,,,\n"
FILES: dict[str, tuple[Check, str]] = {
    "charges": (check_charge_file, CHARGES),
    "refunds": (check_refund_file, REFUNDS),
    "fees": (partial(check_payment_file, FormatName.FEE_PAYMENTS), FEES),
    "sundry": (partial(check_payment_file, FormatName.SUNDRY_PAYMENTS), SUNDRY),
    "students": (partial(check_catalog_file, CatalogKind.STUDENTS), STUDENTS),
}


def judged(check: Check, text: str) -> tuple[list[tuple[Any, ...]], Counter[tuple[Code, str]]]:
    """Return the rows as they are handed on, and how often each column was told of."""
    batches = list(check([text.encode()], RULES))
    assert not any(batch.rejected or batch.is_refused for batch in batches)
    told = Counter((f.code, f.column or "") for batch in batches for f in batch.findings)
    return [tuple(row) for batch in batches for row in batch.rows], told


@pytest.mark.parametrize("name", FILES)
@settings(deadline=None, max_examples=40)
@given(st.data())
def test_spaces_around_values_change_no_row(name: str, data: st.DataObject) -> None:
    """A school whose export begins to pad its columns is told of duplicates, not of conflicts."""
    check, text = FILES[name]
    pads = st.sampled_from(["", "", " ", "    "])
    padded = "".join(
        ",".join(data.draw(pads) + field + data.draw(pads) for field in line.split(",")) + "\n"
        for line in text.splitlines()
    )
    plain, _ = judged(check, text)
    rows, told = judged(check, padded)
    assert rows == plain
    assert {code for code, _ in told} <= {Code.IDENTIFIER_TRIMMED, Code.VALUE_TRIMMED}
    assert set(told.values()) <= {1}


def test_a_column_is_told_of_once_in_a_file_of_any_length() -> None:
    """A padded export of a whole district is no receipt of a million warnings."""
    header, row, _ = CHARGES.splitlines()
    rows = [row.replace("T-1", f"T-{number}").replace(",18.50", ", 18.50") for number in range(5)]
    lines = [row.replace("T-1", f"U-{number}") for number in range(20_000)]
    content = "".join(f"{line}\n" for line in (header, *lines, *rows, *rows)).encode()
    findings = [f for batch in check_charge_file([content], RULES) for f in batch.findings]
    assert [(f.code, f.row, f.column, f.value) for f in findings] == [
        (Code.VALUE_TRIMMED, 20_002, "amount", " 18.50")
    ]


@pytest.mark.parametrize("space", ["\u00a0", "\t", "\u2003"])
def test_another_space_is_no_padding(space: str) -> None:
    """What cannot be told from a space by looking at it is not guessed away."""
    content = CHARGES.replace("18.50", f"18.50{space}").replace("T-2", f"{space}T-2").encode()
    [batch] = check_charge_file([content], RULES)
    assert [f.code for f in batch.findings] == [Code.AMOUNT_INVALID, Code.IDENTIFIER_CHARACTER]
