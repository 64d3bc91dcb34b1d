"""`ingestd catalog`: what charges and payments refer to, from the district's files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from ingestd.cli.opening.installation import installation_for
from ingestd.cli.terminal.options import (
    AccountOption,
    ConfigOption,
    Output,
    OutputOption,
    WideOption,
)
from ingestd.cli.terminal.output import complain, print_json, print_rows
from ingestd.formats.kinds.catalog import CatalogKind
from ingestd.service.in_force.need import Need
from ingestd.values.errors import EXIT_ANSWER_IS_NO

app = typer.Typer(name="catalog", help="What charges and payments refer to.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Keep the group a group while it has one command."""


@app.command("import")
def import_command(
    kind: Annotated[CatalogKind, typer.Argument(help="What the file holds.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV with a header.")],
    account: AccountOption,
    output: OutputOption = Output.TABLE,
    wide: WideOption = False,
    config: ConfigOption = None,
) -> None:
    """Take good rows into the catalog, by key; name the others. Exit 1 when there are others."""
    from ingestd.service.office.catalog import import_file

    with installation_for(Need.CHANGING, config) as installation:
        result = import_file(installation, installation.account(account), kind, file)
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


def _one_line(file: Path, finding: Mapping[str, object]) -> str:
    place = f"{file.name}:{finding['line']}" if finding["line"] else file.name
    column = f" {finding['column']}:" if finding["column"] else ""
    return f"{place}:{column} {finding['message']} ({finding['code']})"
