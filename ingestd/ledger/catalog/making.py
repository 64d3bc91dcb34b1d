"""Statements about tables of the catalog, made from what is declared of each.

They are written as PostgreSQL reads them, as those in files are. A row as a fact has it is JSON
without spaces, its columns in the order of the declaration, those that are NULL left out: the same
bytes on both databases. Its key is that of its table; of two columns with a space between them.
"""

from __future__ import annotations

from ingestd.database.bulk import Temporary
from ingestd.database.statements import KNOWN_PREFIX, Statement
from ingestd.ledger.catalog.declared import STUDENT, CatalogTable

# SQLite would rather walk all batches from the last one back than look a row's facts up.
_BY_KEY = " /* sqlite: INDEXED BY ix_catalog_fact_kind */"
# The last fact of each row, up to a batch or of all. They are put in order once, so that no plan
# looks a row's other facts up one by one, whatever a database believes of the table's size.
_LAST = """\
FROM (
  SELECT g.account, g.row_key, g.batch_no, g.columns,
    ROW_NUMBER() OVER (PARTITION BY g.row_key ORDER BY g.batch_no DESC) AS place
  FROM catalog_fact g{by_key}
  WHERE g.account = :account AND g.kind = '{kind}'{known}
) f
WHERE f.place = 1 AND f.columns IS NOT NULL"""
# Students whom a charge file registered: the party is the fact, until an import says more.
_REGISTERED = """
  UNION ALL
  SELECT y.party_code,
    '{"student_id":' || CAST(TO_JSON(y.party_code) AS TEXT) || ',"name":"","status":"enrolled"}',
    y.batch_no, -1
  FROM party y
  WHERE y.account = :account AND y.kind = 'student'
    AND NOT EXISTS (SELECT 1 FROM catalog_fact g
      WHERE g.account = y.account AND g.kind = 'students' AND g.row_key = y.party_code)"""


def added_or_changed(table: CatalogTable) -> Statement:
    """Return what writes a fact of each staged row that is not what its last fact says."""
    return Statement(
        name=f"add_{table.kind}",
        purpose="Rows of the catalog that the staged ones are about, as they are by now, where "
        "their last fact says something else. Binds :account, :batch_no. "
        "sqlite: joins in this order",
        sql=f"""\
INSERT INTO catalog_fact (account, batch_no, kind, row_key, columns)
SELECT CAST(:account AS TEXT), :batch_no, '{table.kind}', n.row_key, n.columns
FROM (
  SELECT {_key_of(table)} AS row_key, {_json_of(table)} AS columns
  FROM (SELECT DISTINCT row_key FROM stage_catalog) s
    JOIN {table.table} t ON t.account = :account AND t.{table.owner} = s.row_key
) n
WHERE n.columns IS DISTINCT FROM (
  SELECT f.columns FROM catalog_fact f{_BY_KEY}
  WHERE f.account = :account AND f.kind = '{table.kind}' AND f.row_key = n.row_key
  ORDER BY f.batch_no DESC LIMIT 1)""",
    )


def removed(table: CatalogTable) -> Statement:
    """Return what writes a fact of each row that went of those that the staged ones are about."""
    return Statement(
        name=f"remove_{table.kind}",
        purpose="Rows that are no more in the catalog, of whoever the staged ones are about. "
        "Binds :account, :batch_no. sqlite: joins in this order",
        sql=f"""\
INSERT INTO catalog_fact (account, batch_no, kind, row_key, columns)
SELECT CAST(:account AS TEXT), :batch_no, '{table.kind}', f.row_key, NULL
FROM (SELECT DISTINCT row_key FROM stage_catalog) s
  JOIN catalog_fact f{_BY_KEY} ON f.account = :account AND f.kind = '{table.kind}'
    AND f.row_key > s.row_key || ' ' AND f.row_key < s.row_key || '!'
WHERE f.columns IS NOT NULL
  AND f.batch_no = (SELECT MAX(g.batch_no) FROM catalog_fact g{_BY_KEY}
    WHERE g.account = :account AND g.kind = '{table.kind}' AND g.row_key = f.row_key)
  AND NOT EXISTS (SELECT 1 FROM {table.table} t
    WHERE t.account = :account AND t.{table.owner} = s.row_key AND {_key_of(table)} = f.row_key)""",
    )


def known_table(table: CatalogTable) -> Temporary:
    """Return the temporary table that stands for a table as it was known earlier."""
    kinds = {
        name: kind if kind.startswith("text") else "whole" + "?" * kind.endswith("?")
        for name, kind in table.columns.items()
    }
    name = f"{KNOWN_PREFIX}{table.table}"
    return Temporary(name, {"account": "text", **kinds}, key=("account", *table.key))


def filled_as_known(table: CatalogTable) -> Statement:
    """Return what fills that table with its rows as they were known up to a batch."""
    columns = ", ".join(("account", *table.columns))
    values = ", ".join(_read(name, kind) for name, kind in table.columns.items())
    up_to = " AND g.batch_no <= :batch_no"
    last = _LAST.format(kind=table.kind, by_key=_BY_KEY, known=up_to)
    return Statement(
        name=f"fill_{table.table}",
        purpose="A table of the catalog as it was known up to a batch. Binds :account, :batch_no.",
        sql=f"INSERT INTO {KNOWN_PREFIX}{table.table} ({columns})\nSELECT f.account, {values}\n"
        f"{last}",
    )


def listed(table: CatalogTable) -> Statement:
    """Return what reads a table's rows in the order of their keys, its columns as declared."""
    return Statement(
        name=f"list_{table.table}",
        purpose="All rows of a table of the catalog. Binds :account.",
        sql=f"SELECT {', '.join(f't.{name}' for name in table.columns)}\n"
        f"FROM {table.table} /* as known */ t\nWHERE t.account = :account\n"
        f"ORDER BY {', '.join(f't.{name}' for name in table.key)}",
    )


def compared(table: CatalogTable) -> Statement:
    """Return what finds the rows of a table that are not what their last facts say."""
    return Statement(
        name=f"find_wrong_{table.kind}",
        purpose="Rows of the catalog that are not what their last facts make of them: 1 stands in "
        "the catalog alone, -1 in the facts alone, 0 in both, and differs. Binds :account.",
        sql=f"""\
SELECT x.row_key, MAX(x.batch_no) AS batch_no, SUM(x.side) AS side
FROM (
  SELECT {_key_of(table)} AS row_key, {_json_of(table)} AS columns,
    CAST(NULL AS BIGINT) AS batch_no, 1 AS side
  FROM {table.table} t
  WHERE t.account = :account
  UNION ALL
  SELECT f.row_key, f.columns, f.batch_no, -1
  {_LAST.format(kind=table.kind, by_key=_BY_KEY, known="")}{_REGISTERED if table is STUDENT else ""}
) x
GROUP BY x.row_key
HAVING SUM(x.side) <> 0 OR MIN(x.columns) <> MAX(x.columns)
ORDER BY x.row_key""",
    )


def _key_of(table: CatalogTable) -> str:
    return " || ' ' || ".join(_text(f"t.{name}", table.columns[name]) for name in table.key)


def _json_of(table: CatalogTable) -> str:
    pieces: list[str] = []
    for name, kind in table.columns.items():
        separator = "," if pieces else "{"
        is_text = kind.startswith("text")
        written = f"CAST(TO_JSON(t.{name}) AS TEXT)" if is_text else _text(f"t.{name}", kind)
        piece = f"""'{separator}"{name}":' || {written}"""
        if kind.endswith("?"):
            piece = f"CASE WHEN t.{name} IS NULL THEN '' ELSE {piece} END"
        pieces.append(piece)
    return " || ".join((*pieces, "'}'"))


def _text(column: str, kind: str) -> str:
    return column if kind.startswith("text") else f"CAST({column} AS TEXT)"


def _read(name: str, kind: str) -> str:
    read = f"CAST(f.columns AS JSON) ->> '{name}'"
    return read if kind.startswith("text") else f"CAST({read} AS BIGINT)"
