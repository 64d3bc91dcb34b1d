"""Refund files: which staged rows take a charge back, and what the others are. All set-based."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy.engine import Connection

from ingestd.access.accounts import Account, FilePolicy
from ingestd.database.bulk import Temporary
from ingestd.database.statements import Statements
from ingestd.formats.kinds.student_refunds import RefundRow
from ingestd.ledger.books.head import Head
from ingestd.ledger.entries.entry import Entry
from ingestd.ledger.outgoing.refunds import (
    REFUNDING,
    free_payout_id,
    post_refunds,
    refunded_amount,
)
from ingestd.ledger.taking.messages import (
    ALREADY_WRITTEN_OFF,
    CASH_SHORT,
    CHARGE_UNKNOWN,
    REFUND_REPEATED,
)
from ingestd.ledger.taking.stage import Stager
from ingestd.ledger.taking.taking import Taking, Weight
from ingestd.ledger.taking.verdicts import (
    Posted,
    any_bad_row,
    counted,
    reject_everything,
    reject_found,
    tell_repeats_in_file,
)

_SQL = Statements(__file__)

REFUNDS = Temporary(
    "stage_refund",
    {
        "row": "whole",
        "line": "whole",
        "row_key": "text",
        "tx_item_rowid": "text?",
        "note": "text?",
        "content_hash": "octets",
    },
    key=("row",),
)


class RefundStager(Stager[RefundRow]):
    """Stages refund files."""

    def __init__(self) -> None:
        super().__init__(REFUNDS)


def judge_staged_refunds(connection: Connection, head: Head, *, all_or_nothing: bool) -> None:
    """Sort the stage: of unknown charges and of given up ones none stay, and repeats are told.

    Afterwards exactly the rows that stay in `stage_refund` without a `stage_repeat` are to be
    applied; under `all_or_nothing` that is none as soon as one row is bad.
    """
    account = {"account": head.account}
    unknown = {**account, "message": CHARGE_UNKNOWN}
    found = _SQL.run(connection, "find_unknown_charges", unknown).rowcount
    written_off = {**account, "message": ALREADY_WRITTEN_OFF}
    found += _SQL.run(connection, "find_written_off", written_off).rowcount
    if found:
        reject_found(connection)
    _SQL.run(connection, "name_rows", account)
    # A rejected row does not use up its key: mended, it may come again, even later in this file.
    _SQL.run(connection, "forget_rejected")
    if _SQL.run(connection, "find_repeats_of_ledger", account).rowcount:
        told = {**account, "message": REFUND_REPEATED.conflict_with_ledger}
        _SQL.run(connection, "find_conflicts_with_ledger", told)
    if _SQL.run(connection, "find_repeats_in_file").rowcount:
        tell_repeats_in_file(connection, column="charge_tracking_id", messages=REFUND_REPEATED)
    # Cash that is not there cannot be given back.
    if _SQL.run(connection, "find_short_cash", {**account, "message": CASH_SHORT}).rowcount:
        reject_found(connection)
    _SQL.run(connection, "name_rows", account)
    _SQL.run(connection, "forget_rejected")
    if all_or_nothing and any_bad_row(connection):
        reject_everything(connection, REFUNDS)


def weigh_staged_refunds(connection: Connection, head: Head) -> Weight:
    """Return how many charges are taken back, and what is left of them."""
    _SQL.fill(connection, REFUNDING, "stage_refunding", {"account": head.account})
    weighed = _SQL.run(connection, "weigh_refunds").one()
    return Weight(rows=int(weighed.refunds), amount=int(weighed.amount))


def post_staged_refunds(entry: Entry, _folders: Sequence[Path] = ()) -> Posted:
    """Write the refunds that the stage still holds, on the entry's day; count every verdict.

    Each takes back what is left of its charge. What was paid goes to the wallet; nobody in
    particular gets cash back.
    """
    before = entry.head.refunds
    values = {"account": entry.head.account}
    applied = _SQL.fill(entry.connection, REFUNDING, "stage_refunding", values)
    given_back = _SQL.run(entry.connection, "find_cash_back", values).all()
    payout_ids: dict[int, str] = {}
    for row in given_back:
        made = free_payout_id(entry, row.tracking_id, beside=payout_ids.values())
        payout_ids[row.place] = made
    post_refunds(entry, payout_ids=payout_ids)
    return counted(
        entry.connection,
        applied=applied,
        applied_amount=refunded_amount(entry, refunds_before=before),
    )


def _stager(*_: object) -> RefundStager:
    return RefundStager()


def _judge(connection: Connection, head: Head, account: Account) -> bool:
    all_or_nothing = account.policy.file is FilePolicy.ALL_OR_NOTHING
    judge_staged_refunds(connection, head, all_or_nothing=all_or_nothing)
    return True


TAKING = Taking(stager=_stager, judge=_judge, weigh=weigh_staged_refunds, post=post_staged_refunds)
