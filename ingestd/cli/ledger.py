"""`ingestd ledger`: the books themselves."""

from __future__ import annotations

import typer

from ingestd.cli.options import AccountOption, ConfigOption, Output, OutputOption, config_path
from ingestd.cli.output import print_csv, print_json, print_table
from ingestd.ledger.head import read_head_hash, read_known_at
from ingestd.ledger.verify import Verification, verify_ledger
from ingestd.service.bootstrap import prepared_installation
from ingestd.values.errors import EXIT_ANSWER_IS_NO
from ingestd.values.money import decimals_of, format_amount

_DIFFERENCES = ("check", "batch", "upload_id", "difference")

app = typer.Typer(name="ledger", help="The books themselves.", no_args_is_help=True)


@app.command("verify")
def verify(
    account: AccountOption,
    output: OutputOption = Output.TABLE,
    config: ConfigOption = None,
) -> None:
    """Check all of an account's books against their seals and themselves. Exit 1 when one differs.

    Hashes, links between batches, postings, states and credit lots are computed again from what
    is stored; every difference is told with its batch and upload.
    """
    with prepared_installation(config_path(config)) as installation:
        found = installation.account(account)
        with installation.database.reading() as connection:
            verification = verify_ledger(connection, found.account_id)
            known_at = read_known_at(connection, found.account_id) or 0
            head = read_head_hash(connection, found.account_id, known_at=known_at)
    _print(found.account_id, head, verification, output, decimals_of(found.currency))
    if not verification.holds:
        raise typer.Exit(EXIT_ANSWER_IS_NO)


def _print(
    account: str, head: str, verification: Verification, output: Output, decimals: int
) -> None:
    differences = [
        {
            "check": difference.check,
            "batch": difference.batch_no,
            "upload_id": difference.upload_id,
            "difference": difference.message,
        }
        for difference in verification.differences
    ]
    identities = [
        {
            "identity": identity.name,
            "left": format_amount(identity.left, decimals),
            "right": format_amount(identity.right, decimals),
            "holds": identity.holds,
        }
        for identity in verification.identities
    ]
    match output:
        case Output.JSON:
            print_json(
                {
                    "account": account,
                    "ledger_head": head,
                    "holds": verification.holds,
                    "checked": dict(verification.checked),
                    "identities": identities,
                    "differences": differences,
                }
            )
        case Output.CSV:
            print_csv(differences, _DIFFERENCES)
        case Output.TABLE:
            counts = " · ".join(f"{name} {n}" for name, n in verification.checked.items())
            typer.echo(f"checked {counts}")
            if differences:
                print_table(differences, _DIFFERENCES)
            for identity in identities:
                sign = "=" if identity["holds"] else "≠"
                typer.echo(f"{identity['identity']} {identity['left']} {sign} {identity['right']}")
            typer.echo("the books are right" if verification.holds else "the books are NOT right")
            typer.echo(f"ledger head {head}")
