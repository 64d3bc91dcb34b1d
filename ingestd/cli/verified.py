"""What `ingestd ledger verify` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from ingestd.cli.options import Output
from ingestd.cli.output import print_csv, print_json, print_table
from ingestd.values.money import format_amount

if TYPE_CHECKING:
    from ingestd.ledger.audit.verify import Verification

_DIFFERENCES = ("check", "batch", "upload_id", "difference")


def print_verified(
    account: str,
    head: str,
    verification: Verification,
    output: Output,
    decimals: int,
    *,
    wide: bool,
) -> None:
    """Print what was checked, every difference, and the identities of the books."""
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
                print_table(differences, _DIFFERENCES, wide=wide)
            for identity in identities:
                sign = "=" if identity["holds"] else "≠"
                typer.echo(f"{identity['identity']} {identity['left']} {sign} {identity['right']}")
            typer.echo("the books are right" if verification.holds else "the books are NOT right")
            typer.echo(f"ledger head {head}")
