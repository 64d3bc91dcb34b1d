"""Dialects: SQL is written as PostgreSQL reads it; here is all that SQLite wants otherwise."""

from __future__ import annotations

import re

_HINT = re.compile(r"/\* sqlite: (.*?) \*/")
_LOCK = re.compile(r"\s+FOR UPDATE(?: SKIP LOCKED)?\b")
_INNER_JOIN = re.compile(r"(?<!LEFT )(?<!CROSS )\bJOIN\b")
_INSTANT = re.compile(
    r"TO_CHAR\(TO_TIMESTAMP\((.*?)\) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'\)"
)
_CLOCK = "CAST(EXTRACT(EPOCH FROM CLOCK_TIMESTAMP()) * 1000000 AS BIGINT)"
_SQLITE_CLOCK = "CAST((JULIANDAY('now') - 2440587.5) * 86400000000 AS INTEGER)"
_LIST_OF_NUMBERS = re.compile(r"STRING_AGG\(CAST\((.*?) AS TEXT\), ','\)")
_JSON_WRITTEN = re.compile(r"CAST\(TO_JSON\((\w[\w.]*)\) AS TEXT\)")
_JSON_READ = re.compile(r"CAST\((\w[\w.]*) AS JSON\)")
_HEX = re.compile(r"ENCODE\((\w[\w.]*), 'hex'\)")
_OCTET_LENGTH = re.compile(r"OCTET_LENGTH\((\w[\w.]*)\)")
_CALLS = {"GREATEST(": "MAX(", "LEAST(": "MIN(", "STRING_AGG(": "GROUP_CONCAT("}


def for_sqlite(sql: str, *, keeps_join_order: bool) -> str:
    """Return a statement of PostgreSQL's as SQLite reads it.

    A comment `/* sqlite: … */` becomes what stands in it, such as `INDEXED BY` behind a table.
    With `keeps_join_order` the tables of each inner join are read in the order in which they are
    written: SQLite knows nothing of how large a staged table is, and may start from the wrong
    side, a thousand times slower. Locks go: whoever writes to SQLite is alone.
    """
    sql = _LOCK.sub("", _HINT.sub(r"\1", sql))
    sql = _INSTANT.sub(r"STRFTIME('%Y-%m-%dT%H:%M:%SZ', \1, 'unixepoch')", sql)
    sql = _LIST_OF_NUMBERS.sub(r"GROUP_CONCAT(\1)", sql)
    sql = _OCTET_LENGTH.sub(r"LENGTH(CAST(\1 AS BLOB))", _HEX.sub(r"HEX(\1)", sql))
    sql = _JSON_READ.sub(r"\1", _JSON_WRITTEN.sub(r"JSON_QUOTE(\1)", sql))
    sql = sql.replace(_CLOCK, _SQLITE_CLOCK)
    for call, other in _CALLS.items():
        sql = sql.replace(call, other)
    return _INNER_JOIN.sub("CROSS JOIN", sql) if keeps_join_order else sql
