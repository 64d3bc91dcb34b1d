"""A payment file's good rows as payments: received, and settled where the merchant says so."""

from __future__ import annotations

import sqlalchemy as sa

from ingestd.database.bulk import latest, ordered
from ingestd.formats.names import FormatName
from ingestd.formats.student_billing import AccountType
from ingestd.ledger.allocations import SUNDRY_SALE
from ingestd.ledger.chart import CHARGED, PartyKind
from ingestd.ledger.entry import Entry
from ingestd.ledger.open_charges import open_new_charges
from ingestd.ledger.payment_stage import PAYMENTS
from ingestd.ledger.payments import PartKind, post_received
from ingestd.ledger.periods import open_from
from ingestd.ledger.post import post_lines
from ingestd.ledger.settlement import settle_payments
from ingestd.ledger.verdicts import Posted, counted

_STAGE = PAYMENTS.name
_SALE = "sale"
_APPLIED = "NOT EXISTS (SELECT 1 FROM stage_repeat r WHERE r.row = s.row)"
_KINDS = {
    FormatName.FEE_PAYMENTS: "fee_account",
    FormatName.SUNDRY_PAYMENTS: SUNDRY_SALE,
    FormatName.ENROLMENT_PAYMENTS: "enrolment",
}
# A row that is a sale and its payment together: its own charge, which its own money pays.
_IS_SALE = "(s.payer_name IS NOT NULL AND COALESCE(s.receipt_type, 'G') = 'G')"


def post_staged_payments(entry: Entry, format_name: FormatName) -> Posted:
    """Write the payments that the stage still holds, and all that they bring; count every verdict.

    A sundry payment, and an enrolment payment that is income, are a sale and its payment
    together. Batches of merchants that settle on import settle at once.
    """
    head = entry.head
    payments_before, charges_before = head.payments, head.charges
    _add_parties(entry, format_name)
    _insert_sales(entry, format_name)
    _insert_payments(entry, format_name, charges_before=charges_before)
    _insert_parts(entry, payments_before=payments_before)
    post_received(entry, payments_before=payments_before)
    settle_payments(
        entry,
        chosen=(
            "SELECT p.payment_no FROM payment p JOIN merchant m"
            "  ON m.account = p.account AND m.merchant_id = p.merchant_id"
            " WHERE p.account = :account AND p.payment_no > :payments_before"
            " AND m.settle = 'on_import'"
        ),
        values={"payments_before": payments_before},
    )
    amount = entry.connection.execute(
        sa.text(
            "SELECT COALESCE(SUM(amount), 0) FROM payment"
            " WHERE account = :account AND payment_no > :payments_before"
        ),
        {"account": head.account, "payments_before": payments_before},
    ).scalar_one()
    return counted(
        entry.connection, applied=head.payments - payments_before, applied_amount=int(amount)
    )


def _add_parties(entry: Entry, format_name: FormatName) -> None:
    """Give everybody a number who pays or is charged for the first time."""
    if format_name is FormatName.SUNDRY_PAYMENTS:
        # Guests are never merged by name: each payment has its own.
        code = "'GUEST-' || CAST(:upload_id AS TEXT) || '-' || CAST(s.row AS TEXT)"
        before = entry.head.parties
        _add_kind(entry, PartyKind.GUEST, code)
        _add_guests(entry, parties_before=before)
        return
    _add_kind(entry, PartyKind.PARENT, "s.parent_code")
    if format_name is FormatName.ENROLMENT_PAYMENTS:
        _add_kind(entry, PartyKind.STUDENT, "s.student_id")


def _add_kind(entry: Entry, kind: PartyKind, code: str) -> None:
    result = entry.connection.execute(
        ordered(
            entry.connection,
            "INSERT INTO party (account, party_no, kind, party_code, batch_no)"
            " SELECT CAST(:account AS TEXT), :parties + ROW_NUMBER() OVER (ORDER BY n.code),"
            " CAST(:kind AS TEXT), n.code, :batch_no"
            f" FROM (SELECT DISTINCT {code} AS code FROM {_STAGE} s WHERE {_APPLIED}) n"
            " WHERE NOT EXISTS (SELECT 1 FROM party y WHERE y.account = :account"
            "  AND y.kind = :kind AND y.party_code = n.code)",
        ),
        {
            "account": entry.head.account,
            "parties": entry.head.parties,
            "kind": kind.value,
            "batch_no": entry.batch.batch_no,
            **({"upload_id": entry.batch.upload_id} if kind is PartyKind.GUEST else {}),
        },
    )
    entry.head.parties += result.rowcount


def _add_guests(entry: Entry, *, parties_before: int) -> None:
    entry.connection.execute(
        ordered(
            entry.connection,
            "INSERT INTO guest (account, party_no, name, address, batch_no)"
            f" SELECT y.account, y.party_no, s.payer_name, s.address, :batch_no FROM {_STAGE} s"
            f" JOIN party y ON y.account = :account AND y.kind = '{PartyKind.GUEST}'"
            "  AND y.party_code = 'GUEST-' || CAST(:upload_id AS TEXT) || '-'"
            "   || CAST(s.row AS TEXT)"
            f" WHERE y.party_no > :parties_before AND {_APPLIED}",
        ),
        {
            "account": entry.head.account,
            "parties_before": parties_before,
            "batch_no": entry.batch.batch_no,
            "upload_id": entry.batch.upload_id,
        },
    )


def _insert_sales(entry: Entry, format_name: FormatName) -> None:
    """Charge what was sold with the payment; its ledger account stands for the product."""
    if format_name is FormatName.FEE_PAYMENTS:
        return
    connection, head = entry.connection, entry.head
    charges_before = head.charges
    result = connection.execute(
        ordered(
            connection,
            "INSERT INTO charge (account, charge_no, tracking_id, content_hash, party_no,"
            " account_type, billing_code, amount, note, occurred_at, effective_on, batch_no,"
            " upload_id, row)"
            " SELECT CAST(:account AS TEXT), :charges + ROW_NUMBER() OVER (ORDER BY s.row),"
            f" s.row_key, s.content_hash, y.party_no, '{AccountType.LIABILITY}', s.gl_account,"
            f" s.fee, s.comment, s.submitted_at, {_day(entry)}, :batch_no,"
            " CAST(:upload_id AS TEXT), s.row"
            f" FROM {_STAGE} s JOIN party y ON y.account = :account AND {_is_customer(format_name)}"
            f" WHERE {_APPLIED} AND {_IS_SALE}",
        ),
        {**_bound(entry), "charges": charges_before},
    )
    head.charges += result.rowcount
    movement = CHARGED[AccountType.LIABILITY]
    post_lines(
        connection,
        head,
        entry.batch,
        event=_SALE,
        values={"charges_before": charges_before},
        lines=(
            "SELECT c.charge_no AS position, 1 AS side, c.effective_on AS effective_on,"
            f" {movement.debit:d} AS debit_account, {movement.credit:d} AS credit_account,"
            " c.amount AS amount, c.party_no AS debit_party_no,"
            " CAST(NULL AS BIGINT) AS credit_party_no, c.charge_no AS charge_no,"
            " CAST(NULL AS BIGINT) AS payment_no, c.billing_code AS billing_code,"
            " CAST(NULL AS BIGINT) AS reverses_posting_no FROM charge c"
            " WHERE c.account = :account AND c.charge_no > :charges_before AND c.amount > 0"
        ),
    )
    open_new_charges(connection, head, charges_before=charges_before)


def _insert_payments(entry: Entry, format_name: FormatName, *, charges_before: int) -> None:
    connection, head = entry.connection, entry.head
    sale = (
        "(SELECT c.charge_no FROM charge c WHERE c.account = :account"
        " AND c.tracking_id = s.row_key AND c.charge_no > :charges_before)"
    )
    comes_with_sale = head.charges > charges_before
    result = connection.execute(
        ordered(
            connection,
            "INSERT INTO payment (account, payment_no, payment_id, content_hash, kind, party_no,"
            " amount, submitted_at, received_on, merchant_id, batch_num, receipt_num,"
            " for_charge_no, comment, batch_no, upload_id, row)"
            " SELECT CAST(:account AS TEXT), :payments + ROW_NUMBER() OVER (ORDER BY s.row),"
            " s.row_key, s.content_hash, CAST(:kind AS TEXT), y.party_no, s.amount,"
            f" s.submitted_at, {_day(entry)}, s.merchant_id, s.batch_num, s.receipt_num,"
            f" {sale if comes_with_sale else 'CAST(NULL AS BIGINT)'}, s.comment,"
            " :batch_no, CAST(:upload_id AS TEXT), s.row"
            f" FROM {_STAGE} s JOIN party y ON y.account = :account AND {_is_payer(format_name)}"
            f" WHERE {_APPLIED}",
        ),
        {
            **_bound(entry),
            "payments": head.payments,
            "kind": _KINDS[format_name],
            **({"charges_before": charges_before} if comes_with_sale else {}),
        },
    )
    head.payments += result.rowcount


def _insert_parts(entry: Entry, *, payments_before: int) -> None:
    """Write down what each payment is for; parts of nothing are left out."""
    nett = (
        f"CASE s.receipt_type WHEN 'D' THEN '{PartKind.DEPOSIT}'"
        f" WHEN 'A' THEN '{PartKind.ADVANCE}' ELSE '{PartKind.FEE}' END"
    )
    other = (
        "(SELECT m.other_gl_account FROM merchant m"
        " WHERE m.account = p.account AND m.merchant_id = p.merchant_id)"
    )
    parts = (
        (1, nett, "s.fee - s.discount", "s.gl_account"),
        (2, f"'{PartKind.DISCOUNT}'", "s.discount", "NULL"),
        (3, f"'{PartKind.BUILDING}'", "s.building", "NULL"),
        (4, f"'{PartKind.OTHER}'", "s.other", other),
        (5, f"'{PartKind.TAX}'", "s.tax", "s.gl_account"),
    )
    kinds, amounts, gl_accounts = (
        f"CASE n.part_no {' '.join(f'WHEN {part[0]} THEN {part[place]}' for part in parts)} END"
        for place in (1, 2, 3)
    )
    numbers = " UNION ALL ".join(f"SELECT {part[0]} AS part_no" for part in parts)
    # Payment by payment, all its parts: the table is appended to.
    entry.connection.execute(
        ordered(
            entry.connection,
            "INSERT INTO payment_part (account, payment_no, part_no, kind, amount, party_no,"
            " gl_account, tax_code, batch_no)"
            f" SELECT p.account, p.payment_no, n.part_no, {kinds}, {amounts}, p.party_no,"
            f" {gl_accounts}, s.tax_code, :batch_no"
            f" FROM payment p JOIN {_STAGE} s ON s.row = p.row JOIN ({numbers}) n ON TRUE"
            " WHERE p.account = :account AND p.payment_no > :payments_before"
            f" AND {amounts} > 0",
        ),
        {
            "account": entry.head.account,
            "batch_no": entry.batch.batch_no,
            "payments_before": payments_before,
        },
    )


def _day(entry: Entry) -> str:
    """Return the SQL of the day that a row is posted on: its own, or the first open one."""
    return latest(entry.connection, "s.received_on", "CAST(:open_from AS TEXT)")


def _bound(entry: Entry) -> dict[str, object]:
    return {
        "account": entry.head.account,
        "batch_no": entry.batch.batch_no,
        "upload_id": entry.batch.upload_id,
        "open_from": open_from(entry.connection, entry.head.account),
    }


def _is_guest() -> str:
    return (
        f"y.kind = '{PartyKind.GUEST}' AND y.party_code ="
        " 'GUEST-' || CAST(:upload_id AS TEXT) || '-' || CAST(s.row AS TEXT)"
    )


def _is_payer(format_name: FormatName) -> str:
    if format_name is FormatName.SUNDRY_PAYMENTS:
        return _is_guest()
    return f"y.kind = '{PartyKind.PARENT}' AND y.party_code = s.parent_code"


def _is_customer(format_name: FormatName) -> str:
    if format_name is FormatName.SUNDRY_PAYMENTS:
        return _is_guest()
    return f"y.kind = '{PartyKind.STUDENT}' AND y.party_code = s.student_id"
