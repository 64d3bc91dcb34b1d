"""`ingestd ledger key`, `checkpoint` and `resume`: what others hold the books to."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ingestd.cli.opening.installation import installation_for, shards_for
from ingestd.cli.opening.who import who_runs_this
from ingestd.cli.terminal.options import (
    AccountOption,
    ConfigOption,
    Output,
    OutputOption,
    WideOption,
)
from ingestd.cli.terminal.output import complain, print_rows
from ingestd.service.in_force.need import Need
from ingestd.values.errors import EXIT_ANSWER_IS_NO, LedgerRefusal, UsageError

_RESUMED = (
    *("account", "origin", "batch_no", "lost_origin", "lost_size", "lost_root", "resumed_by"),
    "reason",
)
_REASON_CHARACTERS_MAX = 255


def print_keys(
    account: Annotated[
        str | None, typer.Option("--account", help="Whose; by default those of all.")
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Print the verifier keys, one a line: hand them out on paper.

    While a key takes over each account has two.
    """
    from ingestd.ledger.proof.note import Signer
    from ingestd.service.evidence.ledger_key import read_seeds, write_public_keys

    keys: list[str] = []
    with shards_for(Need.READING, config, account) as shards:
        for shard in shards:
            one = None if account is None else shard.account(account).account_id
            path = shard.folders.ledger_key
            seeds = read_seeds(path)
            if not seeds:
                raise LedgerRefusal(
                    f"There is no key {path} yet: the daemon makes it when it starts."
                )
            origins = shard.origins(one)
            write_public_keys(path, origins)
            keys += [Signer(origin, seed).key.to_text() for origin in origins for seed in seeds]
    for key in keys:
        typer.echo(key)


def write_checkpoint(
    account: AccountOption,
    output: Annotated[Path, typer.Option("--output", metavar="FILE", help="Where to write it.")],
    since: Annotated[
        str | None,
        typer.Option(
            "--since",
            metavar="SIZE|FILE",
            help="With the proof that it continues this tree: a number of batches, or a receipt "
            "or checkpoint.",
        ),
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Write the newest signed checkpoint of an account's books to a file."""
    from ingestd.ledger.evidence.checkpoints import continue_from, read_newest_note
    from ingestd.ledger.evidence.tree_log import note_signed
    from ingestd.service.evidence.outside import read_kept
    from ingestd.spool.files import write_durably

    size, root = None, None
    if since is not None and since.isascii() and since.isdigit():
        size = int(since)
    elif since is not None:
        [kept] = read_kept([Path(since)])
        size, root = kept.checkpoint.size, kept.checkpoint.root
    with installation_for(Need.READING, config, account) as installation:
        found = installation.account(account).account_id
        signed_trees = installation.signed_trees
        with installation.database.reading() as connection:
            if size is None:
                text = read_newest_note(connection, found)
            else:
                text = continue_from(connection, found, size, root=root).to_text()
            note_signed(connection, found, signed_trees)
    if not output.parent.is_dir():
        raise UsageError(f"There is no folder {output.parent}.")
    write_durably(output, text.encode())


def resume_books(
    reason: Annotated[str, typer.Option("--reason", help="Why these books stay; kept for ever.")],
    account: Annotated[str | None, typer.Option("--account", help="Whose books.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Those of all accounts.")] = False,
    output: OutputOption = Output.TABLE,
    wide: WideOption = False,
    config: ConfigOption = None,
) -> None:
    """Go on with books that do not continue what was signed, such as a restored database.

    The tree begins anew under another origin; its first batch says what was lost. Exit 1 when
    the books are those that were signed.
    """
    if every == (account is not None):
        raise UsageError("Name whose books: --account ID, or --all.")
    if not (reason.strip() and reason.isprintable() and len(reason) <= _REASON_CHARACTERS_MAX):
        raise UsageError(f"Write a reason of 1 to {_REASON_CHARACTERS_MAX} printable characters.")
    from ingestd.service.evidence.resume import resume_account

    rows = []
    with shards_for(Need.CHANGING, config, account) as shards:
        for shard in shards:
            accounts = shard.own_accounts
            if account is not None:
                accounts = [shard.account(account).account_id]
            signing = shard.signing()
            if signing is None:
                raise UsageError(
                    f"The key {shard.folders.ledger_key} is not here, or not yours to read. "
                    "Resume where the daemon runs, as its user."
                )
            for one in accounts:
                answer = resume_account(
                    shard.database,
                    shard.clock,
                    signing,
                    one,
                    by=who_runs_this(),
                    reason=reason.strip(),
                )
                if answer is not None:
                    rows.append(answer)
    print_rows(rows, _RESUMED, output, wide=wide)
    if not rows:
        complain("The books continue what was signed: there is nothing to resume.")
        raise typer.Exit(EXIT_ANSWER_IS_NO)
