"""Sales: what was charged for, what of it was taken back, and what nobody expects any more."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from types import MappingProxyType

from sqlalchemy.engine import Connection

from ingestd.database.statements import Statements
from ingestd.reports.figures.report import Question, Reading, Report, Row, answer
from ingestd.reports.figures.sums import Sums
from ingestd.reports.known.products import Products, read_products
from ingestd.values.days import day_text

_SQL = Statements(__file__)


class By(StrEnum):
    """What the rows are sums of."""

    PRODUCT = "product"
    SOURCE = "source"
    VENDOR = "vendor"
    GL_ACCOUNT = "gl_account"
    DAY = "day"


_KEYS: Mapping[By, str] = MappingProxyType(
    {
        By.PRODUCT: "billing_code",
        By.SOURCE: "source",
        By.VENDOR: "vendor",
        By.GL_ACCOUNT: "gl_account",
        By.DAY: "day",
    }
)
_SUMS = ("charged", "voided", "net", "written_off", "tax")
COLUMNS = ("billing_code", *_SUMS)


def report_sales(connection: Connection, question: Question) -> Report:
    """Return one row for each key that was charged, taken back or written off on the days asked.

    Keys are products, or as `by` says the place of sale, the product's vendor or its account in
    the general ledger as they were known, or the day; an empty one stands for what has none.
    Amounts include tax. Rows are read as they are asked for: the connection must stay open.
    """
    columns = (_KEYS[By(question.by or By.PRODUCT)], *_SUMS)
    return answer(connection, question, name="sales", columns=columns, rows=_rows)


def _rows(reading: Reading) -> Iterator[Row]:
    question = reading.question
    by = By(question.by or By.PRODUCT)
    needs_sources = by is By.SOURCE or question.source is not None
    name = "add_up_sales_of_sources" if needs_sources else "add_up_sales"
    products = read_products(
        reading.connection, question.account, known_batch=reading.extent.batch_no
    )
    key_of = _key_of(by, products)
    sums = Sums(_SUMS)
    bound = reading.bound() | {"by_day": int(by is By.DAY)}
    for row in _SQL.run(reading.connection, name, bound):
        # PostgreSQL sums whole numbers to decimals.
        charged, voided = int(row.charged), int(row.voided)
        amounts = (charged, voided, charged - voided, int(row.written_off), int(row.tax))
        sums.add(key_of(row.billing_code, row.day, row.source), amounts)
    yield from sums.rows(_KEYS[by], question)
    reading.totals.update(sums.totals(question))


def _key_of(by: By, products: Products) -> Callable[[str, int, str], str]:
    def key(code: str, day: int, source: str) -> str:
        match by:
            case By.PRODUCT:
                return code
            case By.SOURCE:
                return source
            case By.VENDOR:
                return products[code].vendor
            case By.GL_ACCOUNT:
                return products[code].gl_account
            case By.DAY:
                return day_text(day)

    return key
