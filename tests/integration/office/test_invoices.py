"""Invoices from the books, on both databases: what is due, what is pending, what waits."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from ingestd.config.files.settings import MailSettings
from ingestd.formats.kinds.catalog import CatalogKind
from ingestd.reports.invoices.invoice import Invoice, read_invoice
from ingestd.service.office.charges import Sale
from ingestd.service.office.invoices import invoice_of, mail_invoice
from ingestd.values.errors import NoAddressError, UsageError
from tests.integration.office.conftest import Office
from tests.integration.office.test_worked_example import CHARGES


def _invoice(office: Office, party: str) -> Invoice:
    books = office.books
    return invoice_of(books.database, books.clock, books.account, party)


def _fees(invoice: Invoice) -> list[tuple[str, int, int]]:
    return [(item.tracking_id, item.paid, item.open) for item in invoice.fees]


def test_a_familys_invoice_lists_what_each_student_owes_oldest_first(office: Office) -> None:
    """A parent sees every child's fees in the order in which money will pay them."""
    office.charge(*reversed(CHARGES))
    invoice = _invoice(office, "COLL001")
    assert _fees(invoice) == [
        ("C1", 0, 1850),
        ("C2", 0, 25000),
        ("C3", 0, 500),
        ("C4", 0, 8000),
    ]
    assert [item.charged_to.code for item in invoice.fees] == ["S1", "S1", "S2", "S1"]
    assert [item.tracking_id for item in invoice.wallets] == ["C5"]
    assert invoice.total_due == 35350 + 325
    assert invoice.day == date(2026, 11, 22)


def test_every_member_of_a_family_has_the_same_invoice(office: Office) -> None:
    """Fees are the family's: nobody is asked for them twice under two names."""
    office.charge(*CHARGES)
    invoice = _invoice(office, "COLL001")
    assert _invoice(office, "S1") == invoice
    assert _invoice(office, "student:S2") == invoice
    assert invoice.addressee.code == "COLL001"


def test_money_is_pending_until_it_settles_and_opens_again_when_it_bounces(office: Office) -> None:
    """The total is what the bank has confirmed, at every moment."""
    office.charge(*CHARGES)
    before = _invoice(office, "COLL001").total_due
    office.pay("P1", "COLL001", "100.00", on="2026-03-05")
    pending = _invoice(office, "COLL001")
    assert [(payment.payment_id, payment.amount) for payment in pending.pending] == [("P1", 10000)]
    assert pending.total_due == before

    office.settle("P1", on="2026-03-09")
    settled = _invoice(office, "COLL001")
    assert not settled.pending
    assert _fees(settled)[0] == ("C2", 8150, 16850)
    assert settled.total_due == before - 10000

    office.bounce("P1", on="2026-03-20")
    assert _invoice(office, "COLL001").fees == pending.fees


def test_what_was_voided_is_not_asked_for(office: Office) -> None:
    """A fee that was taken back vanishes from the next invoice."""
    office.charge(*CHARGES)
    office.void("C2")
    assert [key for key, *_ in _fees(_invoice(office, "S1"))] == ["C1", "C3", "C4"]


def test_credit_that_waits_is_told(office: Office) -> None:
    """A family that paid too much sees where its money is."""
    office.charge(*CHARGES)
    for key, payer, amount, to in (
        ("P1", "COLL001", "400.00", "LIABILITY"),
        ("P2", "S2", "50.00", "LIABILITY"),
        ("P3", "S1", "20.00", "WALLET"),
    ):
        office.pay(key, payer, amount, to=to)
        office.settle(key)
    invoice = _invoice(office, "S2")
    assert invoice.total_due == 0
    assert [
        (credit.account_type, credit.owner.code, credit.amount) for credit in invoice.credits
    ] == [
        ("LIABILITY", "COLL001", 45000 - 35350),
        ("WALLET", "S1", 2000 - 325),
    ]


def test_a_student_without_a_family_has_an_invoice_of_its_own(office: Office) -> None:
    """What others owe is nobody's business."""
    office.charge(*CHARGES, "LIABILITY,C9,S3,LATE_FEE,5.00,2026-03-01")
    invoice = _invoice(office, "S3")
    assert _fees(invoice) == [("C9", 0, 500)]
    assert (invoice.addressee.code, invoice.email) == ("S3", None)


def test_names_products_and_the_address_come_from_the_catalog(office: Office) -> None:
    """A parent reads names, not codes."""
    office.books.load(
        CatalogKind.PARENTS,
        [{"parent_code": "COLL001", "name": "Margery", "email": "margery@example.org"}],
    )
    office.books.load(CatalogKind.STUDENTS, [{"student_id": "S1", "name": "Lisa"}])
    office.books.load(CatalogKind.PRODUCTS, [{"billing_code": "LOST_BOOK", "name": "Lost book"}])
    office.charge(CHARGES[0])
    invoice = _invoice(office, "COLL001")
    assert (invoice.addressee.name, invoice.email) == ("Margery", "margery@example.org")
    assert [(item.charged_to.name, item.product) for item in invoice.fees] == [
        ("Lisa", "Lost book")
    ]


def test_a_guest_is_invoiced_by_name(office: Office) -> None:
    """Whoever bought at the counter can be written to as well."""
    sale = Sale(party="guest", billing_code="SUMMER", name="Gil Guest", email="gil@example.org")
    guest = str(office.sell(sale)["party"])
    invoice = _invoice(office, guest)
    assert (invoice.addressee.name, invoice.email) == ("Gil Guest", "gil@example.org")
    assert invoice.total_due == 12000


@pytest.mark.parametrize(
    "address", ["no address", "a@example.org, b@example.org", "a@b\r\nBcc: c@d"]
)
def test_what_is_stored_as_an_address_and_is_none_gets_no_mail(
    office: Office, address: str
) -> None:
    """An address that was typed wrong sends a family's debts to nobody else."""
    office.books.load(CatalogKind.PARENTS, [{"parent_code": "COLL001", "email": address}])
    invoice = _invoice(office, "COLL001")
    # Nobody listens there: if anything were sent, another error would say so.
    server = MailSettings.model_validate({"host": "127.0.0.1", "port": 1, "from": "a@b"})
    with pytest.raises(NoAddressError):
        mail_invoice(server, office.books.clock, invoice, to=None, needs_pdf=False)


def test_the_day_is_the_accounts(office: Office) -> None:
    """What happened on a Sunday evening in Chicago is not billed as Monday's."""
    office.charge("LIABILITY,C1,S3,LATE_FEE,5.00,2026-03-02T03:00:00Z")
    assert _invoice(office, "S3").fees[0].occurred_on == date(2026, 3, 1)


def test_asking_for_an_invoice_writes_nothing(office: Office) -> None:
    """A question never changes the books, not even for somebody who never owed."""
    before = office.books.dump()
    invoice = _invoice(office, "S3")
    assert (invoice.total_due, invoice.fees) == (0, ())
    assert _invoice(office, "COLL001").addressee.code == "COLL001"
    assert office.books.dump() == before


def test_everything_on_it_is_of_one_moment(office: Office) -> None:
    """A payment that settles meanwhile is pending or paid, never both and never neither."""
    office.charge(*CHARGES)
    office.pay("P1", "COLL001", "100.00")
    expected = _invoice(office, "COLL001")
    with office.books.database.reading() as connection:
        account = office.books.account
        first = read_invoice(connection, account, "COLL001", day=expected.day)
        office.settle("P1")
        second = read_invoice(connection, account, "COLL001", day=expected.day)
    assert first == second == expected
    assert _invoice(office, "COLL001").total_due == expected.total_due - 10000


@pytest.mark.parametrize("name", ["ANONYMOUS", "NOBODY", ""])
def test_nobody_is_not_invoiced(office: Office, name: str) -> None:
    """A typing error is no empty invoice."""
    with pytest.raises(UsageError):
        _invoice(office, name)


def test_both_databases_answer_the_same(both_offices: tuple[Office, Office]) -> None:
    """Moving to PostgreSQL changes no figure on anybody's table."""
    for office in both_offices:
        office.charge(*CHARGES)
        office.pay("P1", "COLL001", "100.00", on="2026-03-05")
        office.pay("P2", "S1", "20.00", on="2026-03-05", to="WALLET")
        office.settle("P2", on="2026-03-06")
    first, second = (_invoice(office, "COLL001") for office in both_offices)
    assert replace(first, ledger_head=second.ledger_head) == second
