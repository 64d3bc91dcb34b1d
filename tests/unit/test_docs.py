"""The pages say what the program does: names, commands, settings and links are held to it."""

from __future__ import annotations

import importlib
import re
import shlex
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from pydantic import BaseModel
from typer.testing import CliRunner

import ingestd
from ingestd.cli.app import build_app
from ingestd.config.files.accounts_file import AccountEntry, PolicyEntry
from ingestd.config.files.settings import Settings
from ingestd.config.toml.validation import fields_of, section_of
from ingestd.formats.fields import Kind
from ingestd.formats.findings.codes import Code
from ingestd.formats.kinds.catalog import CATALOG_FORMATS, CatalogKind
from ingestd.formats.kinds.column_tables import render_columns
from ingestd.formats.kinds.student_billing import STUDENT_BILLING
from ingestd.formats.kinds.student_refunds import STUDENT_REFUNDS
from ingestd.formats.names import FormatName
from ingestd.formats.rules import FileRules
from ingestd.ledger.audit.verify import AGREEMENTS
from ingestd.reports.asking.kinds import REPORTS
from ingestd.telemetry.events import Event
from ingestd.telemetry.metrics import Metrics
from tests.judging import PAYMENT_FORMATS, check_payment_file

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("deploy/**/*.md")])
GENERATED = {ROOT / "docs" / "findings.md", ROOT / "docs" / "schema.md"}
PROSE_CHARACTERS_MAX = 100
LIMITED = {Kind.IDENTIFIER, Kind.DIGITS, Kind.TEXT}

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
_FIRST_CELL = re.compile(r"^\| `([^`]+)` \| ([^|]*) \|", re.MULTILINE)
# Who runs it, and where it stands, are not part of the command.
_COMMAND = re.compile(r"(?:\$ )?(?:sudo -u ingestd )?(?:/opt/ingestd/bin/)?ingestd (.+)")


def _text(page: str) -> str:
    return (ROOT / page).read_text("utf-8")


def _name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def _anchors(page: Path) -> set[str]:
    """Return what links to a page may end in, as Markdown readers make it from headings."""
    headings = _HEADING.findall(_FENCE.sub("", page.read_text("utf-8")))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _commands() -> Iterator[tuple[str, str]]:
    for page in PAGES:
        for language, block in _FENCE.findall(page.read_text("utf-8")):
            if language in {"sh", "console"}:
                for line in re.sub(r"\\\n\s*", "", block).splitlines():
                    if found := _COMMAND.fullmatch(line):
                        yield _name(page), found[1]


def _leaves(model: type[BaseModel]) -> Iterator[str]:
    for key in fields_of(model):
        section = section_of(model, key)
        yield from [key] if section is None else _leaves(section)


def _shipped_defaults() -> dict[str, object]:
    values = tomllib.loads(_text("config/ingestd.toml"))
    defaults: dict[str, object] = {}
    for key, value in values.items():
        defaults.update(value if isinstance(value, dict) else {key: value})
    return defaults


def test_every_event_has_its_section_and_every_section_its_event() -> None:
    """Whoever meets a name in the log finds it, and finds no name that never comes."""
    sections = re.findall(r"^### `(\w+)`$", _text("docs/events.md"), re.MULTILINE)
    assert sorted(sections) == sorted(event.value for event in Event)


def test_every_metric_has_its_row_and_every_row_its_metric() -> None:
    """A dashboard is built from the page, and shows something."""
    names = {
        family.name + ("_total" if family.type == "counter" else "")
        for family in Metrics().registry.collect()
    }
    rows = {name for name, _ in _FIRST_CELL.findall(_text("docs/operate/metrics.md"))}
    assert {row for row in rows if row.startswith("ingestd_")} == names


def test_every_setting_has_its_row() -> None:
    """An admin finds every setting, and what stands in the commented file, on one page."""
    rows = {key for key, _ in _FIRST_CELL.findall(_text("docs/config.md"))}
    assert {*_leaves(Settings), *_shipped_defaults()} <= rows
    assert (AccountEntry.model_fields.keys() - {"policy"}) | PolicyEntry.model_fields.keys() <= rows


def test_defaults_on_the_page_are_those_of_the_commented_file() -> None:
    """A default that the page tells is the one that applies."""
    told = {
        key: tomllib.loads(f"value = {cell.strip(' `')}")["value"]
        for key, cell in _FIRST_CELL.findall(_text("docs/config.md"))
        if key in _shipped_defaults() and key != "listen"  # two sections have one
    }
    shipped = _shipped_defaults()
    assert told == {key: shipped[key] for key in told}


def test_every_column_is_on_its_page() -> None:
    """Whoever writes an export or a catalog file finds all of its columns."""
    for file_format in (STUDENT_BILLING, STUDENT_REFUNDS):
        rows = {key for key, _ in _FIRST_CELL.findall(_text(f"docs/formats/{file_format.name}.md"))}
        assert set(file_format.column_names) <= rows


@pytest.mark.parametrize("kind", CATALOG_FORMATS)
def test_every_table_of_the_catalog_page_is_the_format(kind: CatalogKind) -> None:
    """Whoever sets up a nightly export reads which columns it needs, and how long they may be."""
    page = _text("docs/formats/catalogs.md")
    below = page.partition(f" (`{kind}`)\n")[2]
    section = re.split(r"^## ", below, flags=re.MULTILINE)[0]
    told = {
        column.name: ("mandatory" if column.mandatory else "optional")
        + (f", {column.length_max}" if column.kind in LIMITED else "")
        for column in CATALOG_FORMATS[kind].file.columns
    }
    assert dict(_FIRST_CELL.findall(section)) == told
    for column in CATALOG_FORMATS[kind].file.columns:
        for word in (*column.choices, *column.reserved):
            assert f"`{word}`" in section


@pytest.mark.parametrize("name", REPORTS)
def test_every_report_has_its_columns_on_the_page(name: str) -> None:
    """Whoever reads a column in a spreadsheet finds what it means, and no column that is not."""
    report = importlib.import_module(f"ingestd.reports.{REPORTS[name].wing}.{name}")
    section = _text("docs/reports.md").split(f"\n## {name}\n")[1].split("\n## ")[0]
    assert tuple(column for column, _ in _FIRST_CELL.findall(section)) == report.COLUMNS


def test_every_check_and_identity_of_the_books_is_on_the_page() -> None:
    """Whoever is told of a difference can read what was compared."""
    page = _text("docs/reports.md")
    for name in (*AGREEMENTS, "seal", "head", "unsealed"):
        assert f"\n| `{name}` | " in page
    for name in ("I1", "I2", "I3", "I4", "I5", "I6"):
        assert f"\n| {name} | " in page


@pytest.mark.parametrize("name", PAYMENT_FORMATS)
def test_every_payment_page_has_the_table_of_its_fields(name: FormatName) -> None:
    """What a provider programs from is what the program holds its files to, field by field."""
    page = _text(f"docs/formats/{name}.md")
    assert f"\n\n{render_columns(PAYMENT_FORMATS[name])}\n" in page


@pytest.mark.parametrize("name", PAYMENT_FORMATS)
def test_every_example_of_a_payment_page_is_a_good_file(name: FormatName) -> None:
    """Who copies the example and fills in other values has a file that is taken."""
    [example] = [
        block
        for language, block in _FENCE.findall(_text(f"docs/formats/{name}.md"))
        if language == "csv"
    ]
    rules = FileRules(timezone=ZoneInfo("UTC"), decimals=2, now=datetime(2026, 1, 1, tzinfo=UTC))
    [batch] = check_payment_file(name, [example.encode()], rules)
    assert not batch.findings
    assert len(batch.rows) == batch.records >= 2


@pytest.mark.parametrize("name", PAYMENT_FORMATS)
def test_the_mistakes_on_a_payment_page_are_findings(name: FormatName) -> None:
    """A code that stands on the page is one that a receipt may hold."""
    mistakes = _text(f"docs/formats/{name}.md").partition("## The commonest mistakes")[2]
    cells = re.findall(r"^\|[^|]*\| (`[a-z_`, ]+`) \|", mistakes, re.MULTILINE)
    codes = {code for cell in cells for code in re.findall(r"`(\w+)`", cell)}
    assert len(codes) > 8
    assert codes <= {code.value for code in Code}


@pytest.mark.parametrize(("page", "command"), sorted(set(_commands())))
def test_every_command_exists(page: str, command: str) -> None:
    """What a page says to type is understood."""
    arguments = shlex.split(command)
    answer = CliRunner().invoke(build_app(), [*arguments, "--help"])
    assert answer.exit_code == 0, f"{page}: ingestd {command}: {answer.output}"


def test_a_command_that_does_not_exist_would_be_found() -> None:
    """The test above is no test if anything passes it."""
    for command in ("report itmes", "report items --acount A", "catalog"):
        answer = CliRunner().invoke(build_app(), [*command.split(), "--no-such-option", "--help"])
        assert answer.exit_code != 0


def test_image_and_changelog_name_this_version() -> None:
    """An operator can tell which version an image holds, and what changed in it."""
    assert f'image.version="{ingestd.__version__}"' in _text("Dockerfile")
    assert f"image: ingestd:{ingestd.__version__}" in _text("deploy/compose.yaml")
    assert f"## {ingestd.__version__} " in _text("CHANGELOG.md")


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_link_leads_somewhere(page: Path) -> None:
    """A reader never ends up at a page or a heading that is not there."""
    for link in _LINK.findall(_FENCE.sub("", page.read_text("utf-8"))):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        if anchor:
            assert anchor in _anchors(target), link


@pytest.mark.parametrize("page", [page for page in PAGES if page not in GENERATED], ids=_name)
def test_prose_is_narrow_enough_to_read(page: Path) -> None:
    """Pages read well in a terminal, and their changes in a review."""
    prose = _FENCE.sub("", page.read_text("utf-8")).splitlines()
    long = [line for line in prose if len(line) > PROSE_CHARACTERS_MAX and line[:1] != "|"]
    assert not long


def test_every_guarantee_names_a_test_that_there_is() -> None:
    """A promise outlives no test that showed it."""
    named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", _text("docs/guarantees.md"))
    assert len(named) == _text("docs/guarantees.md").count("`tests/") > 0
    for path, test in named:
        assert re.search(rf"^(async )?def {test}\(", _text(path), re.MULTILINE), f"{path}::{test}"
