"""Held: money that is in the bank and nobody's revenue, and for whom or what it is kept."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from enum import StrEnum

from sqlalchemy.engine import Connection

from ingestd.database.statements import Statements
from ingestd.ledger.books.chart import PartyKind
from ingestd.reports.figures.report import Question, Reading, Report, Row, answer
from ingestd.reports.known.families import moves_known, read_all_moves
from ingestd.values.days import Day

_SQL = Statements(__file__)

COLUMNS = ("account", "gl_account", "tax_code", "party", "family", "held")


class By(StrEnum):
    """What the rows of each account are sums of."""

    GL_ACCOUNT = "gl_account"
    TAX_CODE = "tax_code"
    PARTY = "party"


_Key = tuple[int, str, str, str, str]


def report_held(connection: Connection, question: Question) -> Report:
    """Return one row for each account and what its money is held by, where there is any.

    Tax is held by its code, building funds and other accounts of the general ledger by theirs,
    deposits and advances by party and family. `by` keeps one of these apart, and adds the others
    up. Narrowed to days, it is what came to be held on them, less what left. The connection must
    stay open while rows are read.
    """
    return answer(connection, question, name="held", columns=COLUMNS, rows=_rows)


def _rows(reading: Reading) -> Iterator[Row]:
    question = reading.question
    sums = _sums(reading, None if question.by is None else By(question.by))
    total = 0
    for key in sorted(sums):
        account, gl_account, tax_code, party, family = key
        held = sums[key]
        total += held
        if held:
            yield {
                "account": account,
                "gl_account": gl_account or None,
                "tax_code": tax_code or None,
                "party": party or None,
                "family": family or None,
                "held": question.amount(held),
            }
    reading.totals["held"] = question.amount(total)
    if reading.parties is None:
        books = _SQL.run(reading.connection, "add_up_books", reading.bound()).scalar_one()
        reading.hold("held", int(books), total)


def _sums(reading: Reading, by: By | None) -> dict[_Key, int]:
    extent = reading.extent
    moves = read_all_moves(reading.connection, extent.account)
    last = (Day.of(extent.as_of), extent.batch_no)
    sums: defaultdict[_Key, int] = defaultdict(int)
    for row in _SQL.run(reading.connection, "add_up_held", reading.bound()):
        family = row.party_code if row.kind == PartyKind.PARENT else row.parent_code
        if row.party_no in moves:
            known = moves_known(
                moves[row.party_no], roster_family=family, known_batch=extent.batch_no
            )
            family = known.family_at(*last)
        key = (
            int(row.held_account),
            row.gl_account or "" if by in {None, By.GL_ACCOUNT} else "",
            row.tax_code or "" if by in {None, By.TAX_CODE} else "",
            row.party_code or "" if by in {None, By.PARTY} else "",
            family or "" if by in {None, By.PARTY} else "",
        )
        sums[key] += int(row.held)  # PostgreSQL sums whole numbers to decimals
    return sums
