"""`ingestd catalog`: what charges and payments refer to, from the district's files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ingestd.cli.books.following import Answer, follow
from ingestd.cli.books.known import AsKnownOption
from ingestd.cli.opening.desk import ReasonOption, WhoOption
from ingestd.cli.opening.installation import installation_for
from ingestd.cli.opening.who import who_runs_this
from ingestd.cli.terminal.options import (
    AccountOption,
    ConfigOption,
    Output,
    OutputOption,
    WideOption,
)
from ingestd.cli.terminal.output import complain, print_csv, print_json, print_rows, print_table
from ingestd.formats.kinds.catalog import CatalogKind
from ingestd.service.in_force.need import Need
from ingestd.values.errors import EXIT_ANSWER_IS_NO

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from ingestd.reports.trails.drill import Inquiry

app = typer.Typer(name="catalog", help="What charges and payments refer to.", no_args_is_help=True)


KindArgument = Annotated[CatalogKind, typer.Argument(help="Which catalog.")]


@app.command("import")
def import_command(
    kind: Annotated[CatalogKind, typer.Argument(help="What the file holds.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV with a header.")],
    account: AccountOption,
    who: WhoOption = None,
    reason: ReasonOption = None,
    output: OutputOption = Output.TABLE,
    wide: WideOption = False,
    config: ConfigOption = None,
) -> None:
    """Take good rows into the catalog, by key; name the others. Exit 1 when there are others."""
    from ingestd.ledger.entries.author import Author, Command
    from ingestd.service.office.catalog import import_file

    author = Author(
        command=Command.CATALOG_IMPORT,
        entered_by=who_runs_this() if who is None else who,
        reason=reason,
    )
    with installation_for(Need.CHANGING, config, account) as installation:
        result = import_file(installation, installation.account(account), kind, file, author=author)
    counts = {
        "kind": kind.value,
        "rows": result.records,
        "rejected": result.rejected,
        "added": result.imported.added,
        "changed": result.imported.changed,
        "unchanged": result.imported.unchanged,
    }
    findings = [
        {
            "row": finding.row,
            "line": finding.line,
            "column": finding.column,
            "code": finding.code.value,
            "value": finding.value,
            "message": finding.message,
        }
        for finding in result.findings
    ]
    if output is Output.JSON:
        print_json(counts | {"findings": findings})
    else:
        print_rows([counts], tuple(counts), output, wide=wide)
        for finding in findings:
            complain(_one_line(file, finding))
    if result.is_refused or result.rejected:
        raise typer.Exit(EXIT_ANSWER_IS_NO)


@app.command("list")
def list_command(
    kind: KindArgument,
    account: AccountOption,
    as_known: AsKnownOption = None,
    output: OutputOption = Output.TABLE,
    wide: WideOption = False,
    config: ConfigOption = None,
) -> None:
    """List what a catalog holds, or held as known by then; the CSV is a file to import."""
    from ingestd.reports.trails.catalog_list import columns_of, list_catalog

    def ask(connection: Connection, inquiry: Inquiry) -> Answer:
        return list_catalog(connection, inquiry, kind)

    answer = follow(ask, account, as_known, config)
    _print(answer, answer["rows"], columns_of(kind), output, wide=wide)


@app.command("history")
def history(
    kind: KindArgument,
    key: Annotated[str, typer.Argument(metavar="KEY", help="Such as a student's ID.")],
    account: AccountOption,
    as_known: AsKnownOption = None,
    output: OutputOption = Output.TABLE,
    wide: WideOption = False,
    config: ConfigOption = None,
) -> None:
    """Tell every change of one row of a catalog: in which batch, when, and by whom."""
    from ingestd.reports.trails.catalog_history import CHANGE_COLUMNS, follow_catalog_row

    def ask(connection: Connection, inquiry: Inquiry) -> Answer:
        return follow_catalog_row(connection, inquiry, kind, key)

    answer = follow(ask, account, as_known, config)
    lines = [change | _written(change) for change in answer["changes"]]
    _print(answer, lines, CHANGE_COLUMNS, output, wide=wide)


def _print(
    answer: Mapping[str, object],
    lines: Sequence[Mapping[str, object]],
    columns: Sequence[str],
    output: Output,
    *,
    wide: bool,
) -> None:
    match output:
        case Output.JSON:
            print_json(answer)
        case Output.CSV:
            print_csv(lines, columns)
        case Output.TABLE:
            print_table(lines, columns, wide=wide)
            typer.echo(f"ledger head {answer['ledger_head']}")


def _written(change: Mapping[str, Any]) -> dict[str, str | None]:
    """Return both sides of a change, each as one text; `-` stands in a column that is empty."""
    was, became = change["was"], change["became"]
    is_change = was is not None and became is not None
    return {
        "was": _one_text(was, tells_empty=is_change),
        "became": _one_text(became, tells_empty=is_change),
    }


def _one_text(columns: Mapping[str, object] | None, *, tells_empty: bool) -> str | None:
    if columns is None:
        return None
    return " · ".join(
        f"{name} {'-' if value is None else value}"
        for name, value in columns.items()
        if value is not None or tells_empty
    )


def _one_line(file: Path, finding: Mapping[str, object]) -> str:
    place = f"{file.name}:{finding['line']}" if finding["line"] else file.name
    column = f" {finding['column']}:" if finding["column"] else ""
    return f"{place}:{column} {finding['message']} ({finding['code']})"
