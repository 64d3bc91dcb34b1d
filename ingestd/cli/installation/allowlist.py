"""`ingestd allowlist`: what the list says of an address, and which line of it decides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ingestd.cli.opening.installation import tell_mistakes
from ingestd.cli.terminal.options import ConfigOption, Output, OutputOption, WideOption, config_path
from ingestd.cli.terminal.output import print_rows
from ingestd.service.in_force.need import Need
from ingestd.values.errors import EXIT_ANSWER_IS_NO, UsageError

if TYPE_CHECKING:
    from ingestd.access.accounts import Access
    from ingestd.access.allowlist import Address, Decision
    from ingestd.values.identifiers import AccountId

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
    from ingestd.service.in_force.config_check import look_around, require

    look = look_around(config_path(config))
    # Without a list in force, "nobody" would be an answer about a file that nobody could read.
    require(look, Need.SERVING)
    tell_mistakes(look)
    access = look.access
    peer = _address(address)
    account_id = None if account is None else _known_account(account, access)
    decision = access.allowlist.decide(peer, account_id)
    print_rows([_row(peer, account_id, decision)], _COLUMNS, output, wide=wide)
    if not decision.admitted:
        raise typer.Exit(EXIT_ANSWER_IS_NO)


def _address(text: str) -> Address:
    from ingestd.access.allowlist import parse_address

    try:
        return parse_address(text)
    except ValueError:
        raise UsageError(f"{text} is not an address. Write one such as 203.0.113.17.") from None


def _known_account(name: str, access: Access) -> AccountId:
    from ingestd.config.toml.mistakes import suggest
    from ingestd.values.identifiers import AccountId

    account_id = AccountId(name)
    if account_id not in access.accounts:
        raise UsageError(f"There is no account {name}. {suggest(name, access.accounts)}".strip())
    return account_id


def _row(peer: Address, account: AccountId | None, decision: Decision) -> dict[str, object]:
    rule = decision.rule
    return {
        "address": str(peer),
        "account": account,
        "admitted": decision.admitted,
        "reason": decision.reason,
        "network": None if rule is None else str(rule.network),
        "listed_in": None if rule is None else rule.listed_in,
        "line": None if rule is None else rule.line,
    }
