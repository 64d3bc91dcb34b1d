"""The page of an invoice: every figure right, nothing of others ever more than text."""

from __future__ import annotations

import io
import re
import sys
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser

import pypdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestd.formats.kinds.student_billing import AccountType
from ingestd.ledger.books.chart import PartyKind
from ingestd.reports.invoices.invoice import Credit, Invoice, OpenItem, PendingPayment, Person
from ingestd.reports.invoices.page import render_page
from ingestd.reports.invoices.pdf import render_pdf
from ingestd.reports.invoices.plain_text import render_text
from ingestd.values.errors import LibraryMissingError
from ingestd.values.identifiers import AccountId
from tests.libraries import need_pdf

FAMILY = Person(kind=PartyKind.PARENT, code="COLL001", name="Margery Okonkwo")
LISA = Person(kind=PartyKind.STUDENT, code="S1", name="Lisa Marchetti")
BART = Person(kind=PartyKind.STUDENT, code="S2", name="")
BOOK = OpenItem(
    occurred_on=date(2025, 5, 3),
    charged_to=LISA,
    product="Lost book",
    note="Holes, by L. Sachar",
    tracking_id="C1",
    amount=1850,
    paid=0,
)
LAPTOP = replace(
    BOOK, occurred_on=date(2025, 9, 10), product="Chromebook", note="", amount=25000, paid=8150
)
MEAL = replace(LAPTOP, charged_to=BART, product="Meal", amount=2000, paid=1675)
ECHECK = PendingPayment(
    received_on=date(2026, 11, 20), payer=FAMILY, payment_id="P1", kind="echeck", amount=10000
)
IN_WALLET = Credit(account_type=AccountType.WALLET, owner=LISA, amount=1675)
INVOICE = Invoice(
    account=AccountId("SPRINGFIELD"),
    issuer="Springfield School District",
    currency="USD",
    day=date(2026, 11, 22),
    addressee=FAMILY,
    email=None,
    fees=(BOOK, LAPTOP),
    wallets=(MEAL,),
    pending=(ECHECK,),
    credits=(IN_WALLET,),
    ledger_head="0" * 64,
)
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</style></table><h1>Paid</h1>",
    "&lt;b&gt; &amp; <!-- ",
    "\u202e00.1 euD\u202c",
    "line\r\nbreak\x00\x1b[31m",
    "{{7*7}} ${x} %(y)s {0}",
)


class _Page(HTMLParser):
    """What a browser makes of a page: its tags in order, and its words."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.words = ""
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag != "meta":
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += f"{data} "


def _with(text: str) -> Invoice:
    """Return the invoice with every text of somebody else replaced."""
    person = replace(LISA, name=text, code=text)
    item = replace(BOOK, charged_to=person, product=text, note=text, tracking_id=text)
    return replace(
        INVOICE,
        issuer=text,
        addressee=person,
        fees=(item,),
        wallets=(item,),
        pending=(replace(ECHECK, payer=person, payment_id=text),),
        credits=(replace(IN_WALLET, owner=person),),
    )


def test_the_sums_of_an_invoice_are_those_of_its_lines() -> None:
    """A family that adds up what it reads comes to the total that it reads."""
    words = _Page(render_page(INVOICE)).words
    for amount in ("18.50", "250.00", "81.50", "168.50", "187.00 USD", "3.25 USD", "190.25 USD"):
        assert amount in words
    assert INVOICE.total_due == 1850 + 16850 + 325


def test_a_pending_payment_is_listed_and_reduces_nothing() -> None:
    """Money that may still bounce pays nothing, but nobody has to ask whether it arrived."""
    without = replace(INVOICE, pending=())
    assert without.total_due == INVOICE.total_due
    words = _Page(render_page(INVOICE)).words
    assert "Payments pending" in words
    assert "100.00 USD" in words
    assert "Payments pending" not in _Page(render_page(without)).words


def test_an_invoice_of_nothing_says_so() -> None:
    """An empty page would leave a family wondering."""
    empty = replace(INVOICE, fees=(), wallets=(), pending=(), credits=())
    for text in (_Page(render_page(empty)).words, render_text(empty)):
        assert "Nothing is due." in text
        assert "Total" not in text


@pytest.mark.parametrize(
    ("currency", "written"), [("JPY", "19025 JPY"), ("KWD", "19.025 KWD"), ("EUR", "190.25 EUR")]
)
def test_amounts_have_the_decimals_of_their_currency(currency: str, written: str) -> None:
    """Yen have no cents, and dinars have a thousand fils."""
    invoice = replace(INVOICE, currency=currency)
    assert written in _Page(render_page(invoice)).words
    assert f"Total due: {written}" in render_text(invoice)


@pytest.mark.parametrize(("currency", "paper"), [("USD", "letter"), ("EUR", "a4")])
def test_the_page_fits_the_paper_of_its_country(currency: str, paper: str) -> None:
    """An invoice is printed at home without a dialogue."""
    assert f"size: {paper};" in render_page(replace(INVOICE, currency=currency))


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text(text: str) -> None:
    """Whoever writes a note into an export writes no part of the invoice."""
    harmless, hostile = _Page(render_page(_with("x"))), _Page(render_page(_with(text)))
    assert hostile.tags == harmless.tags
    assert {name for name, _ in hostile.attributes} == {name for name, _ in harmless.attributes}
    assert not re.search("[\x00-\x09\x0b-\x1f\u202a-\u202e\u2066-\u2069]", render_page(_with(text)))


@settings(deadline=None)
@given(st.text(min_size=1))
def test_whatever_the_text_the_page_stays_the_same(text: str) -> None:
    """The rule holds for the texts that nobody thought of."""
    assert _Page(render_page(_with(text))).tags == _Page(render_page(_with("x"))).tags
    assert len(render_text(_with(text)).split("\n")) == len(render_text(_with("x")).split("\n"))


def test_names_in_any_script_are_written_as_they_are() -> None:
    """A parent finds the family's own name, joiners and all."""
    for name in ("Zoë O’Neil", "محمد علی‌پور", "נועה", "山田花子", "👩‍🏫"):
        assert name in render_page(_with(name))
        assert name in render_text(_with(name))


def test_the_page_loads_and_runs_nothing() -> None:
    """Opening an invoice tells nobody that it was opened."""
    page = render_page(INVOICE)
    parsed = _Page(page)
    assert not {"script", "img", "link", "iframe", "form", "object"} & set(parsed.tags)
    assert not {"src", "href", "style", "action"} & {name for name, _ in parsed.attributes}
    assert not re.search(r"url\(|@import|https?:", page)
    assert "default-src 'none'" in page


def test_tables_can_be_read_aloud() -> None:
    """A screen reader knows the page's language, each table's name and each column's head."""
    parsed = _Page(render_page(INVOICE))
    assert ("lang", "en") in parsed.attributes
    assert parsed.attributes.count(("scope", "col")) == 6 + 6 + 4
    labels = [value for name, value in parsed.attributes if name == "aria-labelledby"]
    assert labels == [value for name, value in parsed.attributes if name == "id"]


def test_a_pdf_says_what_the_page_says(caplog: pytest.LogCaptureFixture) -> None:
    """What is filed is what was read, tagged for those who listen; no font, no style is missed."""
    need_pdf()
    document = pypdf.PdfReader(io.BytesIO(render_pdf(render_page(INVOICE))))
    text = "\n".join(page.extract_text() for page in document.pages)
    for words in ("Springfield School District", "Lisa Marchetti", "190.25 USD", "2025-05-03"):
        assert words in text
    assert document.metadata is not None
    assert document.metadata.title == "Invoice for Margery Okonkwo, 2026-11-22"
    assert document.root_object.get("/MarkInfo") == {"/Marked": True}
    assert not [record for record in caplog.records if record.levelname == "WARNING"]


def test_a_long_invoice_repeats_its_heads_on_every_page() -> None:
    """The second page can be read without the first."""
    need_pdf()
    long = replace(INVOICE, fees=(BOOK,) * 60)
    document = pypdf.PdfReader(io.BytesIO(render_pdf(render_page(long))))
    assert len(document.pages) > 2
    assert "Amount" in document.pages[1].extract_text()


def test_without_the_library_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks for a PDF too early reads what to install."""
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    with pytest.raises(LibraryMissingError, match=r"ingestd\[pdf\]"):
        render_pdf("<p>")
