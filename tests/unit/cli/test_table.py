"""Tables on terminals of every width: what is shown is whole."""

from __future__ import annotations

import importlib
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from ingestd.cli.files.uploads import _COLUMNS as UPLOADS
from ingestd.cli.terminal.table import (
    NEEDED_LESS,
    PROSE,
    Layout,
    lay_out,
    lay_out_facts,
    lay_out_list,
)
from ingestd.reports.asking.kinds import REPORTS
from ingestd.reports.escaping.spreadsheets import NUMERIC
from ingestd.reports.figures.changes import COLUMNS as CHANGES
from ingestd.reports.figures.items import COLUMNS as ITEMS

# What became of a charge's amount is told by what is open of it, too.
MONEY = NUMERIC - {"rows", "tax", "voided", "written_off"}
COLUMNS = [
    importlib.import_module(f"ingestd.reports.{kind.wing}.{name}").COLUMNS
    for name, kind in REPORTS.items()
]
TABLES = [
    *COLUMNS,
    UPLOADS,
    ("account", "name", "timezone", "currency", "keys", "password", "catalogs", "networks"),
    ("address", "account", "admitted", "reason", "network", "listed_in", "line"),
    ("check", "ok", "what"),
    ("check", "batch", "upload_id", "difference"),
    ("what", "amount", "party", "tracking_id", "rule", "effective_on", "batch", "undone_on"),
    ("posting", "batch", "event", "debit", "credit", "amount", "payment_id", "known_at"),
]

widths = st.integers(20, 200)
amounts = st.integers(-(10**14), 10**14).map(lambda cents: f"{cents / 100:.2f}")
# Letters of one and of two cells, signs that combine, and spaces within a name.
identifiers = (
    st.text("ABab01-_/. é\u0301田中😀", min_size=1, max_size=64).map(str.strip).filter(bool)
)
sentences = st.lists(st.text("abcÄ田-", min_size=1, max_size=20), max_size=30).map(" ".join)


class Table(NamedTuple):
    columns: tuple[str, ...]
    rows: list[list[str]]

    def laid_out(self, width: int | None) -> Layout:
        return lay_out(self.columns, self.rows, width=width, right=NUMERIC)


def cells_of(column: str) -> st.SearchStrategy[str]:
    if column in MONEY:
        return amounts
    return sentences if column in PROSE else st.one_of(st.just(""), identifiers)


@st.composite
def tables(draw: st.DrawFn) -> Table:
    columns = draw(st.sampled_from(TABLES))
    row = st.tuples(*(cells_of(column) for column in columns)).map(list)
    return Table(columns, draw(st.lists(row, max_size=5)))


def parts_of(column: str, cell: str) -> list[str]:
    """Return what of a cell must stand in one line: a sentence may be broken between words."""
    return cell.split() if column in PROSE else [cell]


@given(table=tables(), width=widths)
def test_every_value_that_is_shown_stands_in_one_line_whole(table: Table, width: int) -> None:
    """Nobody copies half an identifier, or reads 1,250.00 as 1,250."""
    layout = table.laid_out(width)
    for row in table.rows:
        for column, cell in zip(table.columns, row, strict=True):
            if column not in layout.left_out:
                for part in parts_of(column, cell):
                    assert any(part in line for line in layout.lines)


@given(table=tables(), width=widths)
def test_money_and_the_key_of_a_row_are_always_shown(table: Table, width: int) -> None:
    """A narrow terminal never hides what is owed, or by whom."""
    left_out = set(table.laid_out(width).left_out)
    assert not left_out & (MONEY | {table.columns[0]})
    assert left_out <= set(NEEDED_LESS.get(table.columns[0], ()))


@given(table=tables(), width=widths)
def test_no_line_is_wider_than_the_terminal_but_for_one_value(table: Table, width: int) -> None:
    """The terminal breaks no line by itself, where it would break an amount."""
    layout = table.laid_out(width)
    values = {part for row in table.rows for cell in row for part in (cell, *cell.split())}
    for line in layout.lines:
        assert cell_len(line) <= width or (not layout.heads and line in values)


@given(table=tables())
def test_a_pipe_gets_every_column_each_row_on_one_line(table: Table) -> None:
    """What `grep` and `awk` see does not depend on the terminal that was there."""
    layout = table.laid_out(None)
    assert (layout.heads, len(layout.lines)) == (1, 1 + len(table.rows))
    assert not layout.left_out
    for row, line in zip(table.rows, layout.lines[1:], strict=True):
        assert all(cell in line for cell in row)


@given(table=tables(), narrow=widths, more=st.integers(0, 100))
def test_a_wider_terminal_hides_no_more(table: Table, narrow: int, more: int) -> None:
    """Whoever widens the window sees columns come, and none go, but where rows were lines."""
    tight, wide = table.laid_out(narrow), table.laid_out(narrow + more)
    if tight.heads:
        assert set(wide.left_out) <= set(tight.left_out)


def test_items_at_80_columns_show_what_is_owed() -> None:
    """The commonest question has its answer on the commonest terminal."""
    row = ["destiny-1001", "000123", "LIABILITY", "CHROMEBOOK", "2026-05-03", "250.00", "0.00"]
    row += ["0.00", "0.00", "0.00", "250.00", "unpaid", "01M80KN2P2V0CDR25HH8KNF5DC", "2"]
    layout = Table(ITEMS, [row]).laid_out(80)
    assert layout.heads == 1
    assert layout.lines[0].split() == [
        *("tracking_id", "student_id", "billing_code", "amount", "paid", "open", "status")
    ]


def test_changes_at_80_columns_say_what_happened() -> None:
    """Six sums without a word would be no answer to what changed."""
    row = ["47", "2026-06-02T15:04:05.123456Z", "write_off", "Ada Reyes", "In need", ""]
    row += ["2026-06-02", "2026-06-02", *["1,000.00"] * 6]
    layout = Table(CHANGES, [row]).laid_out(80)
    assert layout.lines[0].split()[:2] == ["batch_no", "event"]


@given(parts=st.lists(st.text("ab 1.", min_size=1), min_size=1, max_size=12), width=widths)
def test_a_list_breaks_between_its_parts_alone(parts: list[str], width: int) -> None:
    """A total is never on another line than its name."""
    lines = lay_out_list(parts, width=width)
    assert [part for line in lines for part in line.removeprefix("· ").split(" · ")] == parts
    for line in lines:
        assert cell_len(line) <= width or " · " not in line
    assert lay_out_list(parts, width=None) == [" · ".join(parts)]


def test_columns_without_a_value_are_the_first_to_go() -> None:
    """A column that nobody filled takes no room from one that says something."""
    layout = lay_out(["key", "empty", "amount"], [["A", "", "1.00"]], width=14, right=NUMERIC)
    assert layout.lines == ["key  amount", "A      1.00"]
    assert not layout.left_out


def test_prose_wraps_between_words_before_a_column_goes() -> None:
    """The doctor's advice is read to its end."""
    what = "No address is listed for SPRINGFIELD: nobody can connect as it."
    layout = lay_out(["check", "ok", "what"], [["config", "NOT OK", what]], width=50, right=NUMERIC)
    assert layout.lines == [
        "check   ok      what",
        "config  NOT OK  No address is listed for",
        "                SPRINGFIELD: nobody can connect as",
        "                it.",
    ]


def test_rows_that_fit_in_no_way_become_lines() -> None:
    """A long network on a telephone is still a network."""
    table = Table(("address", "network"), [["2001:db8:51::7", "2001:db8:51::/48"], ["::1", ""]])
    assert table.laid_out(26).lines == [
        *("address  2001:db8:51::7", "network  2001:db8:51::/48", "", "address  ::1"),
    ]
    assert table.laid_out(20).lines == [
        *("address", "2001:db8:51::7", "network", "2001:db8:51::/48", "", "address  ::1"),
    ]


@given(
    facts=st.dictionaries(st.sampled_from(UPLOADS), identifiers, min_size=1),
    width=st.one_of(st.none(), widths),
)
def test_facts_are_whole_at_any_width(facts: dict[str, str], width: int | None) -> None:
    """A hash or a fingerprint can be compared as it stands."""
    lines = lay_out_facts([facts], width=width).lines
    for name, value in facts.items():
        for part in parts_of(name, value):
            assert any(part in line for line in lines)


@pytest.mark.parametrize("columns", COLUMNS, ids=REPORTS)
def test_no_amount_is_needed_less(columns: tuple[str, ...]) -> None:
    """Whoever adds a column to a report cannot let money go by it."""
    assert not MONEY & set(NEEDED_LESS.get(columns[0], ()))
