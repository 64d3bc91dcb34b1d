"""What the ledger decides without a database."""

from __future__ import annotations

import re

import pytest

from ingestd.formats.kinds.student_billing import AccountType
from ingestd.ledger.books.chart import BALANCE, CHARGED, LedgerAccount
from ingestd.ledger.outcomes.file_outcomes import FileStatus, RowCounts, status_of
from ingestd.ledger.taking import messages


@pytest.mark.parametrize(
    ("applied", "duplicate", "conflict", "rejected", "status"),
    [
        (0, 0, 0, 0, FileStatus.PROCESSED),
        (3, 0, 0, 0, FileStatus.PROCESSED),
        (1, 2, 0, 0, FileStatus.PROCESSED),
        (1, 0, 1, 0, FileStatus.PROCESSED_WITH_FINDINGS),
        (1, 0, 0, 1, FileStatus.PROCESSED_WITH_FINDINGS),
    ],
)
def test_a_file_has_findings_when_a_row_was_not_taken(
    applied: int, duplicate: int, conflict: int, rejected: int, status: FileStatus
) -> None:
    """The office looks at a receipt only where there is something to do."""
    rows = RowCounts(applied=applied, duplicate=duplicate, conflict=conflict, rejected=rejected)
    assert status_of(rows) is status
    assert rows.total == applied + duplicate + conflict + rejected


def test_every_account_type_has_its_receivable_and_its_credit() -> None:
    """A charge is owed on the account on which its payment will be looked for."""
    for account_type in AccountType:
        assert CHARGED[account_type].debit is BALANCE[account_type].receivable
        assert CHARGED[account_type].credit is LedgerAccount.DEFERRED_REVENUE
    assert (
        len({accounts for each in BALANCE.values() for accounts in (each.receivable, each.credit)})
        == 4
    )


def test_the_numbers_of_the_chart_never_change() -> None:
    """They are stored with every posting for ever."""
    assert [account.value for account in LedgerAccount] == [
        *(1000, 1050, 1060, 1100, 1110, 1120, 1130, 2000, 2010, 2015, 2050, 2060, 2090, 2100),
        *(2110, 2200, 2300, 2310, 2320, 2330, 4000, 4900, 4950),
    ]


def test_messages_ask_for_what_their_statement_fills_in() -> None:
    """No district ever reads `{row}` in a receipt."""
    for repeated in (messages.CHARGE_REPEATED, messages.REFUND_REPEATED):
        assert _asked(repeated.conflict_with_ledger) == {"upload", "row"}
        assert _asked(repeated.conflict_in_file) == {"row"}
        assert _asked(repeated.duplicate_in_file) == {"row"}
    refused = (messages.REFUSED_CONFLICT, messages.REFUSED_DUPLICATE)
    of_rows = (messages.KEYS_ALIKE, messages.KEY_REPEATED, *refused)
    assert all(_asked(text) == {"row"} for text in of_rows)
    assert _asked(messages.ALL_OR_NOTHING) == {"rows"}
    filled = (*of_rows, messages.ALL_OR_NOTHING)
    plain = [
        text for name, text in vars(messages).items() if name.isupper() and isinstance(text, str)
    ]
    assert all(not _asked(text) for text in plain if text not in filled)


def _asked(text: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", text))
