"""Revenue: what of each product's sales is realised, because settled money paid it."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from sqlalchemy.engine import Connection

from ingestd.database.statements import Statements
from ingestd.reports.figures.report import Question, Reading, Report, Row, answer
from ingestd.reports.figures.sums import Sums
from ingestd.reports.known.products import read_products

_SQL = Statements(__file__)


class By(StrEnum):
    """What the rows are sums of."""

    PRODUCT = "product"
    GL_ACCOUNT = "gl_account"


_SUMS = ("realised", "tax")
COLUMNS = ("billing_code", *_SUMS)


def report_revenue(connection: Connection, question: Question) -> Report:
    """Return one row for each product whose realised revenue changed on the days asked for.

    Or for each of their accounts in the general ledger, as they were known. What was realised and
    came back in between is no change. Discounts, which belong to payments and not to products,
    stand in the totals, and so do bad debts: what was paid out, is owed back and was written off.
    The connection must stay open while rows are read.
    """
    key = "gl_account" if question.by == By.GL_ACCOUNT else "billing_code"
    return answer(connection, question, name="revenue", columns=(key, *_SUMS), rows=_rows)


def _rows(reading: Reading) -> Iterator[Row]:
    question = reading.question
    is_by_gl = question.by == By.GL_ACCOUNT
    products = read_products(
        reading.connection, question.account, known_batch=reading.extent.batch_no
    )
    sums = Sums(_SUMS)
    discounts = bad_debts = 0
    for row in _SQL.run(reading.connection, "add_up_revenue", reading.bound()):
        # PostgreSQL sums whole numbers to decimals.
        discounts += int(row.discounts)
        bad_debts += int(row.bad_debts)
        amounts = (int(row.realised), int(row.tax))
        if any(amounts):
            code = row.billing_code
            sums.add(products[code].gl_account if is_by_gl else code, amounts)
    yield from sums.rows("gl_account" if is_by_gl else "billing_code", question)
    totals = reading.totals
    totals.update(sums.totals(question))
    totals["discounts"] = question.amount(discounts)
    totals["bad_debts"] = question.amount(bad_debts)
    totals["net"] = question.amount(sums.total("realised") - discounts - bad_debts)
