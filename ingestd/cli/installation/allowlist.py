"""`ingestd allowlist`: what the list says of an address, and which line of it decides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ingestd.cli.opening.installation import tell_mistakes
from ingestd.cli.terminal.options import ConfigOption, Output, OutputOption, WideOption, config_path
from ingestd.cli.terminal.output import print_rows
from ingestd.service.in_force.need import Need
from ingestd.values.errors import EXIT_ANSWER_IS_NO

if TYPE_CHECKING:
    from ingestd.service.districts.asking import Asked

_COLUMNS = ("address", "account", "admitted", "reason", "network", "listed_in", "line")

app = typer.Typer(name="allowlist", help="Who may connect.", no_args_is_help=True)


@app.callback()
def allowlist_group() -> None:
    """Who may connect."""


@app.command("test")
def decide(
    address: Annotated[str, typer.Argument(help="The peer's address, IPv4 or IPv6.")],
    account: Annotated[
        str | None, typer.Option("--account", help="As whom it would log in. Default: anyone.")
    ] = None,
    output: OutputOption = Output.TABLE,
    wide: WideOption = False,
    config: ConfigOption = None,
) -> None:
    """Say whether an address may connect, and which line decides; exit 1 when it is denied."""
    from ingestd.service.districts.asking import may_connect
    from ingestd.service.in_force.config_check import look_around, require

    look = look_around(config_path(config))
    # Without a list in force, "nobody" would be an answer about a file that nobody could read.
    require(look, Need.SERVING)
    tell_mistakes(look)
    asked = may_connect(look.access, address, account)
    print_rows([_row(asked)], _COLUMNS, output, wide=wide)
    if not asked.decision.admitted:
        raise typer.Exit(EXIT_ANSWER_IS_NO)


def _row(asked: Asked) -> dict[str, object]:
    rule = asked.decision.rule
    return {
        "address": str(asked.address),
        "account": asked.account,
        "admitted": asked.decision.admitted,
        "reason": asked.decision.reason,
        "network": None if rule is None else str(rule.network),
        "listed_in": None if rule is None else rule.listed_in,
        "line": None if rule is None else rule.line,
    }
