"""How often a small file asks the database, from its lease to its delivered receipt."""

from __future__ import annotations

import sqlalchemy as sa

from tests.integration.intake.conftest import Station
from tests.integration.ledger.conftest import charges
from tests.statements_sent import Take, statements_sent

ROWS = 20
# Of a school's file that is taken as ever: each row is good, and everybody in it is known.
# BEGIN and COMMIT are counted, too: four on PostgreSQL.
STATEMENTS_MAX = {"sqlite": 68, "postgresql": 39}


def small_file(number: int, *, students: int = 5) -> bytes:
    return charges(
        *(f"LIABILITY,t{number}-{row},S{1 + row % students},MEAL,lunch,3.25" for row in range(ROWS))
    )


def sent_by(station: Station, sent: Take, content: bytes) -> list[str]:
    """Let a worker take one file, lease to receipt; return what it sent."""
    station.books.queue(content)
    sent()
    assert station.worker().run_next()
    return sent()


def listed(statements: list[str]) -> str:
    lines = [" ".join(statement.split())[:110] for statement in statements]
    return "\n".join(f"{number:4} {line}" for number, line in enumerate(lines, start=1))


def test_a_small_file_costs_few_statements(station: Station) -> None:
    """Most files are small: what each costs, whatever is in it, is what a crowd waits for."""
    station = station.signed()
    with statements_sent(station.books.database) as take:
        for number in range(2):
            sent_by(station, take, small_file(number))
        sent = sent_by(station, take, small_file(3))
    assert station.is_delivered(3)
    kind = station.books.database.engine.dialect.name
    assert len(sent) <= STATEMENTS_MAX[kind], f"{len(sent)} statements:\n{listed(sent)}"


def test_every_statement_of_a_file_is_counted(station: Station) -> None:
    """Whatever goes past the count is the next slow way: COPY, BEGIN, what is prepared."""
    station = station.signed()
    with statements_sent(station.books.database) as take:
        sent = "\n".join(sent_by(station, take, small_file(0)))
        with station.books.database.reading() as connection:
            for number in range(7):  # from the sixth on the driver has it prepared
                connection.execute(sa.text("SELECT CAST(:number AS BIGINT)"), {"number": number})
        asked = [statement for statement in take() if "AS BIGINT" in statement]
    assert len(asked) == 7
    embedded = station.books.database.is_embedded
    for part in ("BEGIN", "COMMIT", "INSERT INTO seal", "INSERT INTO" if embedded else "COPY "):
        assert part in sent
