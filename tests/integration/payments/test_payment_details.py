"""What else a payment's row says is kept with it, as it stands in the file, and sealed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy.engine import Connection

from ingestd.ledger.audit.verify import verify_ledger
from ingestd.ledger.evidence.layouts import SEALED_COLUMNS
from tests.integration.payments.conftest import (
    ENROLMENT,
    FEES,
    SUNDRY,
    PaymentOffice,
    counts,
    enrolment_row,
    fee_row,
    sundry_row,
)

COLUMNS = [
    name
    for name in SEALED_COLUMNS["payment_detail"]
    if name not in {"account", "payment_no", "batch_no"}
]
PAYER = {
    "received_from": "Gil Guest",
    "address_1": "1 Elm St",
    "town": "Springfield",
    "state": "IL",
    "postcode": "62701",
    "country": "USA",
    "comment": "Hall hire",
}
NOTHING = dict.fromkeys(COLUMNS)


def details(office: PaymentOffice) -> dict[str, dict[str, object]]:
    """Return what is kept of each payment, by its receipt."""
    rows = office.rows(
        f"SELECT p.receipt_num, d.{', d.'.join(COLUMNS)} FROM payment_detail d"
        " JOIN payment p ON p.account = d.account AND p.payment_no = d.payment_no"
        " AND p.batch_no = d.batch_no WHERE d.account = :account"
    )
    return {receipt: dict(zip(COLUMNS, kept, strict=True)) for receipt, *kept in rows}


def differences(office: PaymentOffice, connection: Connection) -> list[tuple[str, int | None]]:
    """Return what verifying finds, but for what these tests refer to and no import brought."""
    found = verify_ledger(connection, office.books.account.account_id, decimals=2)
    return [(each.check, each.batch_no) for each in found.differences if each.check != "catalog"]


@pytest.mark.parametrize("apart_bytes_min", [0, 1 << 40], ids=["apart", "here"])
def test_all_that_a_row_says_is_kept(office: PaymentOffice, apart_bytes_min: int) -> None:
    """A receipt for the tax office and a letter of thanks are written from what the file said."""
    office.books = replace(office.books, apart_bytes_min=apart_bytes_min)
    lines = sundry_row("R2", donor="7").replace("1 Elm St,null,,", "1 Elm St,Flat 2,c/o Ann,")
    gift = sundry_row("R1", "50.00", "0.00", tax_code="FRE", donor="007", appeal="ROOF")
    office.send(SUNDRY, gift.removesuffix("null") + "70", lines)
    office.send(ENROLMENT, enrolment_row("R3", "A", "200.00", "20.00"))
    assert details(office) == {
        "R1": NOTHING
        | PAYER
        | {"gl_account": "HIRE", "tax_code": "FRE", "nett": 5000, "tax": 0}
        | {"donor_number": "7", "appeal_code": "ROOF", "pledge_number": "70"},
        "R2": NOTHING
        | PAYER
        | {"address_2": "Flat 2", "address_3": "c/o Ann", "donor_number": "7"}
        | {"gl_account": "HIRE", "tax_code": "GST", "nett": 10000, "tax": 1000},
        "R3": NOTHING
        | PAYER
        | {"gl_account": "HIRE", "tax_code": "FRE", "nett": 20000, "tax": 2000}
        | {"par_code": "COLL001", "student_code": "S1", "receipt_type": "A"},
    }
    with office.books.database.reading() as connection:
        assert differences(office, connection) == []


def test_fee_payments_have_no_more_to_keep(office: PaymentOffice) -> None:
    """Most payments are for fees: their row is kept whole with the payment itself."""
    assert counts(office.send(FEES, fee_row("R1"))) == (1, 0, 0, 0)
    assert details(office) == {}


def test_what_is_not_applied_leaves_nothing(office: PaymentOffice) -> None:
    """A repeat, a conflict and a bad row add no second address to a payment."""
    office.send(SUNDRY, sundry_row("R1"))
    kept = details(office)
    rows = (sundry_row("R1"), sundry_row("R1", "5.00"), sundry_row("R2", account="NONE"))
    assert counts(office.send(SUNDRY, *rows)) == (0, 1, 1, 1)
    assert details(office) == kept
    assert list(kept) == ["R1"]


@pytest.mark.parametrize("column", COLUMNS)
def test_a_detail_that_was_changed_is_found_out(office: PaymentOffice, column: str) -> None:
    """Nobody makes a gift somebody else's afterwards."""
    office.send(SUNDRY, sundry_row("R1", donor="7"))
    other = 1 if column in {"nett", "tax"} else "'other'"
    with office.books.database.connection() as connection, connection.begin() as transaction:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("DROP TRIGGER payment_detail_refuses_update")
        connection.exec_driver_sql(f"UPDATE payment_detail SET {column} = {other}")
        changed = connection.exec_driver_sql("SELECT batch_no FROM payment_detail").scalar_one()
        assert differences(office, connection) == [("seal", changed)]
        transaction.rollback()
