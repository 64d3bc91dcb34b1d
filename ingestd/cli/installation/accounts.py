"""`ingestd account`: adding a district, and listing those there are."""

from __future__ import annotations

import codecs
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ingestd.cli.opening.installation import tell_mistakes
from ingestd.cli.terminal.options import ConfigOption, Output, OutputOption, WideOption, config_path
from ingestd.cli.terminal.output import complain, print_rows
from ingestd.service.in_force.need import Need
from ingestd.values.errors import UsageError

if TYPE_CHECKING:
    from ingestd.access.accounts import Access, Account
    from ingestd.values.public_keys import PublicKey

KEY_FILE_BYTES_MAX = 65_536
_COLUMNS = ("account", "name", "timezone", "currency", "keys", "password", "catalogs", "networks")

app = typer.Typer(name="account", help="Districts: their accounts.", no_args_is_help=True)


@app.command("add")
def add(
    *,
    account_id: Annotated[str, typer.Argument(metavar="ID", help="Also the SFTP user name.")],
    name: Annotated[str, typer.Option("--name", help="The district's name.")],
    timezone: Annotated[str, typer.Option("--timezone", help="Such as America/Chicago.")],
    currency: Annotated[str, typer.Option("--currency", help="ISO 4217.")] = "USD",
    key: Annotated[
        list[Path] | None,
        typer.Option("--key", metavar="FILE.pub", exists=True, dir_okay=False, help="Repeatable."),
    ] = None,
    allow: Annotated[
        list[str] | None, typer.Option("--allow", metavar="CIDR", help="Repeatable.")
    ] = None,
    output: OutputOption = Output.TABLE,
    wide: WideOption = False,
    config: ConfigOption = None,
) -> None:
    """Add an account, and the addresses that may try it. A running daemon takes it up at once."""
    from ingestd.cli.opening.who import who_runs_this
    from ingestd.config.editing.new_account import NewAccount, add_account
    from ingestd.service.districts.saved import keep_saved_by_command
    from ingestd.service.in_force.config_check import look_around, require
    from ingestd.service.people.audit import Doer, Via
    from ingestd.values.identifiers import AccountId

    path = config_path(config)
    require(look_around(path, to_be=account_id), Need.EDITING)
    account = NewAccount(
        account_id=account_id,
        name=name,
        timezone=timezone,
        currency=currency,
        authorized_keys=tuple(line for file in key or () for line in _key_lines(file)),
        networks=tuple(allow or ()),
    )
    changes = add_account(path.parent, account)
    access = look_around(path).access
    added = access.accounts[AccountId(account_id)]
    print_rows([_row(added, access)], _COLUMNS, output, wide=wide)
    if not added.authorized_keys:
        complain(f"{account_id} has no key yet: nobody can log in as it until accounts.toml has.")
    for key_of_it in added.authorized_keys:
        if others := _also_open(key_of_it, added, access):
            complain(f"The key {key_of_it.fingerprint} also opens {', '.join(others)}.")
    if not access.allowlist.accounts.get(added.account_id):
        complain(f"{account_id} has no address of its own yet: list it in allowlist.toml.")
    # Last: what it may wait for is not to keep anybody from what was done.
    by = Doer(name=who_runs_this(), via=Via.COMMAND)
    if why_not := keep_saved_by_command(path, changes, by=by, account=added.account_id):
        complain(f"{account_id} was added, and the audit does not say so: {why_not}")


@app.command("list")
def list_accounts(
    output: OutputOption = Output.TABLE,
    wide: WideOption = False,
    config: ConfigOption = None,
) -> None:
    """List the accounts: their keys and networks, and whether SFTP takes their catalogs."""
    from ingestd.service.in_force.config_check import look_around, require

    look = look_around(config_path(config))
    require(look, Need.READING)
    tell_mistakes(look)
    access = look.access
    rows = [_row(account, access) for account in access.accounts.values()]
    print_rows(rows, _COLUMNS, output, wide=wide)


def _row(account: Account, access: Access) -> dict[str, object]:
    rules = access.allowlist.accounts.get(account.account_id, ())
    return {
        "account": account.account_id,
        "name": account.name,
        "timezone": account.timezone.key,
        "currency": account.currency,
        "keys": len(account.authorized_keys),
        "password": "no" if account.password_hash is None else "yes",
        "catalogs": "yes" if account.catalog_over_sftp else "no",
        "networks": " ".join(str(rule.network) for rule in rules),
    }


def _also_open(key: PublicKey, account: Account, access: Access) -> list[str]:
    """Return the other accounts that a key opens."""
    return [
        other.account_id
        for other in access.accounts.values()
        if other != account and any(key.blob == each.blob for each in other.authorized_keys)
    ]


def _key_lines(file: Path) -> list[str]:
    """Return the keys of a .pub or authorized_keys file; a form that is neither, whole."""
    try:
        with file.open("rb") as opened:
            content = opened.read(KEY_FILE_BYTES_MAX + 1)
        # PowerShell's `>` writes UTF-16, and Notepad a mark before UTF-8.
        is_utf16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        text = content.decode("utf-16" if is_utf16 else "utf-8-sig")
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{file} is no text, and so no public key.") from error
    if len(content) > KEY_FILE_BYTES_MAX:
        raise UsageError(f"{file} is larger than any file of public keys.")
    if "BEGIN" in text or "PuTTY-User-Key" in text:
        return [text]
    lines = [line.strip() for line in text.replace("\r", "\n").split("\n")]
    keys = [line for line in lines if line and not line.startswith("#")]
    if not keys:
        raise UsageError(f"{file} holds no public key.")
    return keys
