"""Column types that mean the same in SQLite's STRICT tables and in PostgreSQL."""

from __future__ import annotations

import sqlalchemy as sa

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""A 64-bit whole number: an amount in minor units, a count, an instant in microseconds."""

# "C" compares bytes, as SQLite does: both databases sort alike, whatever their locale.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
"""Text; days are written `YYYY-MM-DD`, so that they sort and compare as text."""

METADATA = sa.MetaData()

STRICT = {"sqlite_strict": True, "sqlite_with_rowid": False}
"""SQLite: types are checked, and rows lie in the order of their key."""
