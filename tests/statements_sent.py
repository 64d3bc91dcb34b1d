"""What a database is sent, as its driver sends it: whoever asks, by whatever way."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import sqlalchemy as sa

from ingestd.database.engine import Database

# A line of libpq's trace: when, from whom (F is us), how long, what, and the rest of the message.
_MESSAGE = re.compile(
    r"^(\S+ [\d:.]+)\t([FB])\t\d+\t(\w+)(.*?)(?=^\S+ [\d:.]+\t[FB]\t|\Z)", re.MULTILINE | re.DOTALL
)
_PARSED = re.compile(r'\t? ?"([^"]*)" "(.*)" \d+[\d ]*\n?\Z', re.DOTALL)
_BOUND = re.compile(r'\t? ?"[^"]*" "([^"]*)"')
_VALUES = re.compile(r"\bVALUES\b.*", re.DOTALL)

Take = Callable[[], list[str]]


@contextmanager
def statements_sent(database: Database) -> Iterator[Take]:
    """Lend a look at all statements that were sent since the last one, in their order.

    A BEGIN, a COMMIT, a COPY and a question whether the connection lives are statements like the
    others; several in one text, or one for many rows, are one: they cost one wait for an answer.
    """
    traces: list[_Trace] = []

    def connected(connection: Any, _record: object) -> None:
        traces.append(_SqliteTrace(connection) if database.is_embedded else _PqTrace(connection))

    def take() -> list[str]:
        found = [entry for trace in traces for entry in trace.take()]
        return [statement for _, statement in sorted(found, key=lambda entry: entry[0])]

    with ExitStack() as stack:
        # What is connected already would not be heard.
        database.engine.dispose()
        sa.event.listen(database.engine, "connect", connected)
        stack.callback(sa.event.remove, database.engine, "connect", connected)
        stack.callback(lambda: [trace.close() for trace in traces])
        stack.callback(database.engine.dispose)
        yield take


class _SqliteTrace:
    """One connection to SQLite; each statement comes with its values in it."""

    def __init__(self, connection: Any) -> None:
        self._statements: list[str] = []
        connection.set_trace_callback(self._statements.append)

    def take(self) -> list[tuple[str, str]]:
        taken, self._statements[:] = list(self._statements), []
        found: list[str] = []
        before = ""
        for statement in taken:
            # A trigger's statements are told as comments. One for many rows is told for each.
            shape = _VALUES.sub("VALUES", statement)
            if not statement.startswith("--") and (shape == statement or shape != before):
                found.append(statement)
            before = shape
        return [("", statement) for statement in found]

    def close(self) -> None:
        """Nothing is open."""


class _PqTrace:
    """One connection to PostgreSQL, read from what libpq tells of each message."""

    def __init__(self, connection: Any) -> None:
        self._file = os.memfd_create("trace")
        self._read = 0
        self._prepared: dict[str, str] = {}
        connection.pgconn.trace(self._file)

    def take(self) -> list[tuple[str, str]]:
        content = os.pread(self._file, os.fstat(self._file).st_size - self._read, self._read)
        self._read += len(content)
        found: list[tuple[str, str]] = []
        before = ""
        for when, sender, kind, rest in _MESSAGE.findall(content.decode()):
            if sender == "B":
                continue
            if kind == "Query":
                found.append((when, rest.strip().strip('"')))
            elif kind == "Parse":
                name, statement = _matched(_PARSED, rest)
                self._prepared[name] = statement
            elif kind == "Bind":
                [name] = _matched(_BOUND, rest)
                # One for many rows is bound for each, without a Sync between: one wait for all.
                if self._prepared[name] != before:
                    found.append((when, self._prepared[name]))
                before = self._prepared[name]
            elif kind == "Sync":
                before = ""
        return found

    def close(self) -> None:
        os.close(self._file)


_Trace = _SqliteTrace | _PqTrace


def _matched(pattern: re.Pattern[str], text: str) -> tuple[str, ...]:
    found = pattern.match(text)
    assert found is not None, text
    return found.groups()
