"""Charges: which staged rows become charges, and what the others are. All set-based.

The caller holds the account's head locked, so nothing can come between a check and its insert.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy.engine import Connection, Row

from ingestd.access.accounts import (
    Account,
    AnonymousPolicy,
    FilePolicy,
    Policy,
    StudentPolicy,
)
from ingestd.database.bulk import ANALYSED_ROWS_MIN, analyse, copy_sorted, empty_temporary
from ingestd.database.statements import Statements
from ingestd.ledger.books.batches import Batch
from ingestd.ledger.books.head import Head
from ingestd.ledger.books.postings import post
from ingestd.ledger.entries.entry import Entry
from ingestd.ledger.evidence.seals import Written
from ingestd.ledger.paying.allocations import allocate
from ingestd.ledger.paying.open_charges import open_new_charges
from ingestd.ledger.paying.pools import PAYERS
from ingestd.ledger.paying.terms import read_terms
from ingestd.ledger.taking.charge_files.cash_sales import pay_cash_sales
from ingestd.ledger.taking.charge_files.charge_stage import (
    CHARGES,
    KEYS,
    KNOWN,
    PLACES,
    ChargeStager,
)
from ingestd.ledger.taking.charge_files.charged_names import add_students, number_names
from ingestd.ledger.taking.messages import (
    BILLING_CODE_RESERVED,
    BILLING_CODE_UNKNOWN,
    CHARGE_REPEATED,
    KEYS_ALIKE,
    PRICE_MISSING,
    STUDENT_RESERVED,
    STUDENT_UNKNOWN,
)
from ingestd.ledger.taking.stage import REPEATS
from ingestd.ledger.taking.taking import Taking, Weight
from ingestd.ledger.taking.verdicts import (
    Posted,
    any_bad_row,
    counted,
    reject_everything,
    reject_found,
    tell_repeats_in_file,
)

if TYPE_CHECKING:
    from ingestd.ledger.taking.charge_files.charge_writing import Deciding

_SQL = Statements(__file__)
_KEY_COLUMN = "charge_tracking_id"
# From so many rows on they are hashed from their columns; fewer are sooner read back.
LARGE_ROWS = 5_000


def judge_staged_charges(connection: Connection, head: Head, policy: Policy) -> None:
    """Sort the stage: what cannot be charged is rejected, what was charged before is a repeat.

    Afterwards exactly the rows in `stage_charge` are to be applied, and `stage_key` has their
    keys in order; where files are taken whole or not at all, that is none as soon as one row is
    bad.
    """
    _reject_unknown(connection, head, policy)
    copy_sorted(connection, CHARGES, KEYS, order="row_key, row")
    repeats = _find_repeats_of_ledger(connection, head) if head.charges else 0
    doubts = _SQL.run(connection, "find_doubts").one()
    if doubts.is_any_key_twice:
        repeats += _SQL.run(connection, "find_repeats_in_file").rowcount
        tell_repeats_in_file(connection, column=_KEY_COLUMN, messages=CHARGE_REPEATED)
    if doubts.has_folded_keys:
        _SQL.run(connection, "find_keys_alike", {"message": KEYS_ALIKE})
    if repeats:
        _SQL.run(connection, "name_rows")
    if policy.file is FilePolicy.ALL_OR_NOTHING and any_bad_row(connection):
        reject_everything(connection, CHARGES)
        empty_temporary(connection, KEYS)
    elif repeats:
        _take_out_repeats(connection, repeats)


def weigh_staged_charges(connection: Connection, head: Head) -> Weight:
    """Return how many charges the stage holds still, and what they come to."""
    weighed = _SQL.run(connection, "weigh_charges", {"account": head.account}).one()
    return Weight(rows=int(weighed.charges), amount=int(weighed.amount))


def post_staged_charges(entry: Entry, folders: Sequence[Path]) -> Posted:
    """Write the charges that the stage holds still, and their postings; count every verdict.

    Credit that waits pays the new charges at once, and so does the cash of anonymous sales.
    `folders` have the columns of a large file.
    """
    connection, head, batch = entry.connection, entry.head, entry.batch
    if entry.account.policy.students is StudentPolicy.REGISTER:
        add_students(connection, head)
    staged = _SQL.run(connection, "count_staged").one()
    applied = int(staged.staged)
    number_names(
        connection,
        head,
        batch,
        lacks_parties=staged.lacks_parties,
        lacks_codes=staged.lacks_codes,
    )
    terms = read_terms(connection, head)
    values = {
        "account": head.account,
        "charges": head.charges,
        "charges_before": head.charges,
        "batch_no": batch.batch_no,
        "open_from": terms.open_from,
        "rows_before": (staged.first_row or 0) - 1,
        "end": head.charges + applied + 1,
    }
    is_gapless = applied and staged.last_row - staged.first_row == applied - 1
    deciding = None
    if folders and applied >= LARGE_ROWS:
        # Loaded only now: a daemon at rest does without arrays.
        from ingestd.ledger.taking.charge_files.charge_writing import read_deciding  # noqa: PLC0415

        deciding = read_deciding(
            connection,
            head,
            folders=folders,
            charges_before=head.charges,
            open_from=terms.open_from,
            applied=applied,
        )
    is_copied = deciding is not None and connection.dialect.name != "sqlite"
    insert, take_keys = "insert_charges", "take_keys"
    if applied and not is_gapless:
        _SQL.run(connection, "stage_places")
        analyse(connection, PLACES)
        insert, take_keys = "insert_charges_by_place", "take_keys_by_place"
    if applied:
        if not is_copied:
            _SQL.run(connection, insert, values)
        _SQL.run(connection, take_keys, values)
    head.charges += applied
    if deciding is None:
        post(connection, head, batch, _SQL, "post_charges", values)
        written = None
    else:
        written = _write(connection, head, batch, deciding, values)
    open_new_charges(
        connection, head, charges_before=batch.charges_before, has_sorts=terms.has_sorts
    )
    # Of a large file nobody is looked for in vain.
    if terms.credit_waits:
        _SQL.fill(connection, PAYERS, "stage_payers", values)
        allocate(connection, head, batch)
    if entry.account.policy.anonymous_sales is AnonymousPolicy.CASH:
        pay_cash_sales(entry)
    if written is not None and head.postings - batch.postings_before != written.tables[1].rows:
        # Other postings came behind: all of them are read back, and added up by the database.
        written = Written(tables=written.tables[:1], totals=None)
    amount = _amount_of(connection, staged, values)
    return counted(connection, applied=applied, applied_amount=amount, written=written)


def _amount_of(connection: Connection, staged: Row[Any], values: Mapping[str, object]) -> int:
    """Return what the new charges come to; what the catalog's prices do is known only now."""
    if staged.priced == staged.staged:
        return int(staged.amount)
    return int(_SQL.run(connection, "sum_charges", values).scalar_one())


def _write(
    connection: Connection,
    head: Head,
    batch: Batch,
    deciding: Deciding,
    values: Mapping[str, object],
) -> Written:
    from ingestd.ledger.taking.charge_files.charge_writing import (  # noqa: PLC0415 - as above
        write_charges,
        write_postings,
    )

    charges = write_charges(connection, batch, deciding)
    postings, totals = write_postings(connection, head, batch, deciding)
    if connection.dialect.name == "sqlite":
        post(connection, head, batch, _SQL, "post_charges", values)
    else:
        head.postings += postings.rows
    return Written(tables=(charges, postings), totals=totals)


def _reject_unknown(connection: Connection, head: Head, policy: Policy) -> None:
    """Reject the rows that name what the catalog does not know."""
    account = {"account": head.account}
    terms = {
        "sells_for_cash": int(policy.anonymous_sales is AnonymousPolicy.CASH),
        "registers": int(policy.students is StudentPolicy.REGISTER),
    }
    # Most files name known ones only: then no row is looked at.
    found = 0
    if 1 in _SQL.run(connection, "look_students_up", {**account, **terms}).scalars().all():
        unknown = {"message": STUDENT_UNKNOWN, "reserved": STUDENT_RESERVED}
        found += _SQL.run(connection, "find_unknown_students", unknown).rowcount
    if 1 in _SQL.run(connection, "look_products_up", account).scalars().all():
        unknown = {"message": BILLING_CODE_UNKNOWN, "reserved": BILLING_CODE_RESERVED}
        found += _SQL.run(connection, "find_unknown_products", unknown).rowcount
    missing = {**account, "message": PRICE_MISSING}
    found += _SQL.run(connection, "find_missing_prices", missing).rowcount
    if found:
        reject_found(connection)
        _SQL.run(connection, "name_rows")
        _SQL.run(connection, "forget_rejected")


def _find_repeats_of_ledger(connection: Connection, head: Head) -> int:
    """Find the rows whose keys the ledger holds; return how many there are."""
    account = {"account": head.account}
    known = _SQL.run(connection, "find_known_keys", account).rowcount
    if not known:
        return 0
    is_large = known >= ANALYSED_ROWS_MIN
    if is_large:
        analyse(connection, KNOWN)
    _SQL.run(connection, "find_repeats_of_ledger", account)
    if is_large:
        analyse(connection, REPEATS)
    if _SQL.run(connection, "is_any_in_conflict").scalar_one():
        message = CHARGE_REPEATED.conflict_with_ledger
        _SQL.run(connection, "find_conflicts_with_ledger", {**account, "message": message})
    return known


def _take_out_repeats(connection: Connection, repeats: int) -> None:
    """Leave in the stage what is to be applied."""
    staged = _SQL.run(connection, "count_staged").one().staged
    if repeats == staged:
        empty_temporary(connection, CHARGES, KEYS)
        return
    _SQL.run(connection, "take_out_repeats")
    _SQL.run(connection, "take_out_keys_of_repeats")


def _stager(account: Account, received_at: int, is_copied: bool) -> ChargeStager:
    return ChargeStager(zone=account.timezone, received_at=received_at, is_copied=is_copied)


def _judge(connection: Connection, head: Head, account: Account) -> bool:
    judge_staged_charges(connection, head, account.policy)
    return True


TAKING = Taking(stager=_stager, judge=_judge, weigh=weigh_staged_charges, post=post_staged_charges)
