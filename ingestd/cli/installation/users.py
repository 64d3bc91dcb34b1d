"""`ingestd user`: who may sign in to the console, and what they may."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ingestd.cli.opening.installation import installation_for
from ingestd.cli.terminal.options import ConfigOption, Output, OutputOption, WideOption
from ingestd.cli.terminal.output import complain, print_rows
from ingestd.service.in_force.need import Need
from ingestd.service.people.roles import RoleKind

if TYPE_CHECKING:
    from ingestd.service.installation.bootstrap import Installation
    from ingestd.service.people.audit import Doer
    from ingestd.service.people.letting_in import Doorkeeper, Invitation
    from ingestd.service.people.users import User

_COLUMNS = ("user", "roles", "email", "password", "totp", "disabled", "signed_in")
_INVITED = (*_COLUMNS, "link")

app = typer.Typer(name="user", help="Who may sign in to the console.", no_args_is_help=True)

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="What they sign in with.")]


@app.command("add")
def add(
    *,
    name: NameArgument,
    role: Annotated[
        list[RoleKind], typer.Option("--role", help="Repeatable; office and reader: in accounts.")
    ],
    account: Annotated[
        list[str] | None, typer.Option("--account", metavar="ID", help="Repeatable.")
    ] = None,
    email: Annotated[str | None, typer.Option("--email", help="Where they are reached.")] = None,
    output: OutputOption = Output.TABLE,
    wide: WideOption = False,
    config: ConfigOption = None,
) -> None:
    """Let somebody in: print a link by which they choose a password, once, within a day."""
    from ingestd.service.people.letting_in import check_email
    from ingestd.service.people.roles import roles_of

    with installation_for(Need.READING, config) as installation:
        accounts = frozenset(installation.account(each).account_id for each in account or ())
        roles = roles_of(frozenset(role), accounts)
        invitation = _keeper(installation).invite(name, roles, email=check_email(email), by=_doer())
        _print_invitation(installation, invitation, output, wide=wide)


@app.command("list")
def list_command(
    output: OutputOption = Output.TABLE,
    wide: WideOption = False,
    config: ConfigOption = None,
) -> None:
    """List who may sign in, and what they may."""
    from ingestd.service.people.users import list_users

    with installation_for(Need.READING, config) as installation:
        with installation.database.reading() as connection:
            users = list_users(connection)
        print_rows([_row(user) for user in users], _COLUMNS, output, wide=wide)


@app.command("change")
def change(
    *,
    name: NameArgument,
    role: Annotated[
        list[RoleKind] | None,
        typer.Option("--role", help="Repeatable: these roles instead of all others."),
    ] = None,
    account: Annotated[
        list[str] | None, typer.Option("--account", metavar="ID", help="Repeatable.")
    ] = None,
    email: Annotated[
        str | None, typer.Option("--email", help="Where they are reached; '' for nowhere.")
    ] = None,
    output: OutputOption = Output.TABLE,
    wide: WideOption = False,
    config: ConfigOption = None,
) -> None:
    """Give somebody other roles, or another address; it counts at once."""
    from ingestd.service.people.roles import roles_of
    from ingestd.values.errors import UsageError

    if role is None and account:
        raise UsageError("An account is for a role: name it with --role.")
    if role is None and email is None:
        raise UsageError("Say what changes: --role, with --account, or --email.")
    with installation_for(Need.READING, config) as installation:
        accounts = frozenset(installation.account(each).account_id for each in account or ())
        roles = None if role is None else roles_of(frozenset(role), accounts)
        user = _keeper(installation).change(name, by=_doer(), roles=roles, email=email)
        print_rows([_row(user)], _COLUMNS, output, wide=wide)


@app.command("disable")
def disable(
    name: NameArgument,
    output: OutputOption = Output.TABLE,
    wide: WideOption = False,
    config: ConfigOption = None,
) -> None:
    """Let somebody in no more; whoever is signed in is out at once."""
    with installation_for(Need.READING, config) as installation:
        user = _keeper(installation).disable(name, by=_doer())
        print_rows([_row(user)], _COLUMNS, output, wide=wide)


@app.command("reset")
def reset(
    name: NameArgument,
    output: OutputOption = Output.TABLE,
    wide: WideOption = False,
    config: ConfigOption = None,
) -> None:
    """Let somebody begin anew: password, sessions and codes end; print a new link."""
    with installation_for(Need.READING, config) as installation:
        invitation = _keeper(installation).reset(name, by=_doer())
        _print_invitation(installation, invitation, output, wide=wide)


def _keeper(installation: Installation) -> Doorkeeper:
    from ingestd.service.people.letting_in import Doorkeeper

    return Doorkeeper(installation.database, installation.clock)


def _doer() -> Doer:
    from ingestd.cli.opening.who import who_runs_this
    from ingestd.service.people.audit import Doer, Via

    return Doer(name=who_runs_this(), via=Via.COMMAND)


def _print_invitation(
    installation: Installation, invitation: Invitation, output: Output, *, wide: bool
) -> None:
    settings = installation.settings
    address = invitation.address(settings)
    if output is Output.TABLE:
        print_rows([_row(invitation.user)], _COLUMNS, output, wide=wide)
        typer.echo(f"\nTo choose a password, once, within 24 hours:\n{address}")
    else:
        print_rows([_row(invitation.user) | {"link": address}], _INVITED, output, wide=wide)
    if settings.console.address is None and settings.http.listen.port == 0:
        complain("[http] listen has port 0: the log's http_listening tells which one it is.")


def _row(user: User) -> dict[str, object]:
    return {
        "user": user.name,
        "roles": " ".join(sorted(map(str, user.roles))),
        "email": user.email,
        "password": "yes" if user.password_hash else "no",
        "totp": "yes" if user.has_totp else "no",
        "disabled": "yes" if user.is_disabled else "no",
        "signed_in": None
        if user.signed_in_at is None
        else f"{user.signed_in_at:%Y-%m-%dT%H:%M:%SZ}",
    }
