"""`ingestd token`: which programs may use the API, and what for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ingestd.cli.opening.installation import installation_for
from ingestd.cli.terminal.options import ConfigOption, Output, OutputOption, WideOption
from ingestd.cli.terminal.output import print_rows
from ingestd.service.in_force.need import Need
from ingestd.service.people.scopes import DAYS, DAYS_MAX, TokenScope
from ingestd.values.clock import format_second

if TYPE_CHECKING:
    from datetime import datetime

    from ingestd.service.installation.bootstrap import Installation
    from ingestd.service.people.audit import Doer
    from ingestd.service.people.tokens import Token, TokenKeeper

_COLUMNS = (
    *("token", "name", "state", "scopes", "accounts", "expires_at", "used_at"),
    *("created_at", "created_by"),
)
_MADE = (*_COLUMNS, "secret")

app = typer.Typer(name="token", help="Which programs may use the API.", no_args_is_help=True)


@app.command("add")
def add(
    *,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Whose it is: a program's name.")],
    account: Annotated[list[str], typer.Option("--account", metavar="ID", help="Repeatable.")],
    scope: Annotated[
        list[TokenScope], typer.Option("--scope", help="What it may do there; repeatable.")
    ],
    days: Annotated[
        int, typer.Option("--days", min=1, max=DAYS_MAX, help="After how many days it ends.")
    ] = DAYS,
    output: OutputOption = Output.TABLE,
    wide: WideOption = False,
    config: ConfigOption = None,
) -> None:
    """Make a token, and print it: it is shown this once."""
    with installation_for(Need.READING, config) as installation:
        accounts = [installation.account(each).account_id for each in account]
        made = _keeper(installation).add(name, scope, accounts, days=days, by=_doer())
        row = _row(made.token, installation.clock.now())
    if output is Output.TABLE:
        print_rows([row], _COLUMNS, output, wide=wide)
        typer.echo(f"\nThe token, which is shown this once:\n{made.written}")
    else:
        print_rows([row | {"secret": made.written}], _MADE, output, wide=wide)


@app.command("list")
def list_command(
    output: OutputOption = Output.TABLE,
    wide: WideOption = False,
    config: ConfigOption = None,
) -> None:
    """List all tokens, the newest first: what each may do, and when it was used last."""
    with installation_for(Need.READING, config) as installation:
        now = installation.clock.now()
        rows = [_row(token, now) for token in _keeper(installation).list()]
        print_rows(rows, _COLUMNS, output, wide=wide)


@app.command("revoke")
def revoke(
    token: Annotated[
        str, typer.Argument(metavar="TOKEN", help="Its public part: what stands behind ing_.")
    ],
    output: OutputOption = Output.TABLE,
    wide: WideOption = False,
    config: ConfigOption = None,
) -> None:
    """Let a token open nothing, from this moment on."""
    with installation_for(Need.READING, config) as installation:
        revoked = _keeper(installation).revoke(token, by=_doer())
        print_rows([_row(revoked, installation.clock.now())], _COLUMNS, output, wide=wide)


def _keeper(installation: Installation) -> TokenKeeper:
    from ingestd.service.people.tokens import TokenKeeper

    return TokenKeeper(installation.database, installation.clock)


def _doer() -> Doer:
    from ingestd.cli.opening.who import who_runs_this
    from ingestd.service.people.audit import Doer, Via

    return Doer(name=who_runs_this(), via=Via.COMMAND)


def _row(token: Token, now: datetime) -> dict[str, object]:
    return {
        "token": token.token_id,
        "name": token.name,
        "state": token.state(now).value,
        "scopes": " ".join(sorted(token.scopes)),
        "accounts": " ".join(sorted(token.accounts)),
        "expires_at": format_second(token.expires_at),
        "used_at": None if token.used_at is None else format_second(token.used_at),
        "created_at": format_second(token.created_at),
        "created_by": token.created_by,
    }
