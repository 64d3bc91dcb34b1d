"""Statements and reminders as letters: every figure right, nothing of another family on them."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest
from sqlalchemy.engine import Connection

from ingestd.config.files.settings import MailSettings
from ingestd.formats.kinds.catalog import CatalogKind
from ingestd.reports.figures.report import Question
from ingestd.reports.invoices.pdf import render_pdf
from ingestd.reports.letters.arrears_letter import write_arrears_letter
from ingestd.reports.letters.letter import Issuer, Letter
from ingestd.reports.letters.statement_letter import write_statement
from ingestd.service.office.letters import mail_letter
from ingestd.values.errors import NoAddressError, UsageError
from tests.integration.ledger.conftest import Books
from tests.integration.reports.history import History
from tests.integration.reports.story import tell_the_worked_example
from tests.libraries import need_pdf

Write = Callable[[Connection, Question, Issuer], Letter]
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def told(books: Books) -> Books:
    """Return books of the worked example; S1 and S2 are the family of COLL001."""
    books.load(
        CatalogKind.STUDENTS,
        [
            {"student_id": "S1", "name": "Lisa", "parent_code": "COLL001"},
            {"student_id": "S2", "name": HOSTILE, "parent_code": "COLL001"},
        ],
    )
    books.load(
        CatalogKind.PARENTS,
        [{"parent_code": "COLL001", "name": "Margery", "email": "m@example.org"}],
    )
    tell_the_worked_example(books)
    return books


def written(books: Books, write: Write, **asked: object) -> Letter:
    account = books.account
    question = Question(
        account=account.account_id,
        as_of=date(2026, 4, 30),
        as_known=datetime(2099, 1, 1, tzinfo=UTC),
        decimals=2,
        zone=account.timezone,
        **asked,  # type: ignore[arg-type]
    )
    issuer = Issuer(account=account.account_id, name=account.name, currency=account.currency)
    with books.database.reading() as connection:
        return write(connection, question, issuer)


def words(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page.split("</style>")[1]))


def test_a_statement_tells_every_line_and_where_the_family_stands(told: Books) -> None:
    """A family that calls has the same sheet before it as the office."""
    letter = written(told, write_statement, party="COLL001", since=date(2026, 4, 1))
    page = words(letter.page)
    assert "To pay 296.75 USD" in page
    assert "Balance before -196.75" in page
    assert "Balance at the end -296.75 USD" in page
    assert "2026-04-06 Margery COLL001 Payment returned" in page
    assert (letter.addressee.name, letter.email) == ("Margery", "m@example.org")
    assert "To pay: 296.75 USD" in letter.text
    assert "Balance before: -196.75 USD" in letter.text


def test_a_reminder_names_every_item_and_its_age(told: Books) -> None:
    """Nobody is reminded of a sum that cannot be followed to its items."""
    letter = written(told, write_arrears_letter, party="S1")
    page = words(letter.page)
    assert "Total owed 296.75 USD" in page
    assert "Over 90 days: 268.50 USD" in page
    assert all(key in page for key in ("C1", "C2", "C6", "M2"))
    assert "Total owed: 296.75 USD" in letter.text
    assert letter.addressee.code == "COLL001"
    assert "Nothing is owed." in words(written(told, write_arrears_letter, party="S3").page)


@pytest.mark.parametrize("write", [write_statement, write_arrears_letter])
def test_what_others_wrote_is_text_and_no_more(told: Books, write: Write) -> None:
    """A roster cannot put a program into a letter."""
    tell = History(told, parties={"S2": 3})
    with tell.batch("upload", "2026-04-07"):
        tell.charge("HOSTILE", tell.party("S2"), "LATE_FEE", 100)
    letter = written(told, write, party="COLL001")
    assert HOSTILE not in letter.page
    assert "&lt;script&gt;" in letter.page
    assert all(len(line) < 300 for line in letter.text.splitlines())


def test_a_statement_names_nobody_of_another_family(books: Books) -> None:
    """Where else a child lives is told to nobody."""
    books.load(CatalogKind.STUDENTS, [{"student_id": "S1", "parent_code": "NEWHOME"}])
    tell = History(books)
    with tell.batch("upload", "2026-03-02"):
        tell.party("OLDHOME", "parent")
        tell.party("NEWHOME", "parent")
        s1 = tell.party("S1")
        tell.charge("T1", s1, "FEE", 700, on="2026-03-01")
    with tell.batch("catalog", "2026-03-05"):
        tell.insert(
            "family_change",
            party_no=s1,
            old_parent_code="OLDHOME",
            new_parent_code="NEWHOME",
            effective_on="2026-03-05",
            open_amount=700,
            waiting_amount=0,
        )
    old, new = (written(books, write_statement, party=code) for code in ("OLDHOME", "NEWHOME"))
    assert "NEWHOME" not in old.page + old.text
    assert "OLDHOME" not in new.page + new.text
    assert "To pay 7.00 USD" in words(new.page)
    assert "In credit 0.00 USD" in words(old.page)


@pytest.mark.parametrize("write", [write_statement, write_arrears_letter])
def test_letters_are_printed_as_invoices_are(told: Books, write: Write) -> None:
    """The office hands out paper, too."""
    need_pdf()
    assert render_pdf(written(told, write, party="COLL001").page).startswith(b"%PDF")


def test_a_letter_without_an_address_is_not_sent(told: Books) -> None:
    """It goes to nobody rather than to somebody else."""
    letter = written(told, write_statement, party="G1")
    server = MailSettings.model_validate({"host": "127.0.0.1", "port": 1, "from": "a@b"})
    with pytest.raises(NoAddressError):
        mail_letter(server, told.clock, letter, to=None, needs_pdf=False)


def test_a_letter_goes_to_one_family(told: Books) -> None:
    """Everybody's arrears are nobody's letter."""
    with pytest.raises(UsageError):
        written(told, write_arrears_letter)
