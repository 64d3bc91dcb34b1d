"""What `ingestd ledger verify` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from ingestd.cli.terminal.options import Output
from ingestd.cli.terminal.output import print_csv, print_json, print_list, print_table
from ingestd.values.money import format_amount

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingestd.ledger.audit.against import Held
    from ingestd.ledger.audit.verify import Verification

_DIFFERENCES = ("check", "batch", "upload_id", "difference")


def _as_differences(held: Sequence[Held]) -> list[dict[str, object]]:
    return [
        {
            "check": "against",
            "batch": one.size,
            "upload_id": None,
            "difference": f"{one.place}: {one.message}",
        }
        for one in held
        if not one.holds
    ]


def print_verified(
    account: str,
    head: str,
    verification: Verification,
    held: Sequence[Held] | None,
    output: Output,
    decimals: int,
    *,
    wide: bool,
) -> None:
    """Print what was checked, every difference, the identities, and what old roots say.

    `held` is None where nothing was to be held against.
    """
    against = [
        {
            "file": one.place,
            "origin": one.origin,
            "size": one.size,
            "holds": one.holds,
            "answer": one.message,
        }
        for one in held or ()
    ]
    holds = verification.holds and all(one.holds for one in held or ())
    differences: list[dict[str, object]] = [
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
                    "holds": holds,
                    "checked": dict(verification.checked),
                    "identities": identities,
                    "differences": differences,
                    **({} if held is None else {"against": against}),
                }
            )
        case Output.CSV:
            print_csv(differences + _as_differences(held or ()), _DIFFERENCES)
        case Output.TABLE:
            counts = [f"{name} {n}" for name, n in verification.checked.items()]
            print_list([f"checked {counts[0]}", *counts[1:]], wide=wide)
            if differences:
                print_table(differences, _DIFFERENCES, wide=wide)
            for identity in identities:
                sign = "=" if identity["holds"] else "≠"
                typer.echo(f"{identity['identity']} {identity['left']} {sign} {identity['right']}")
            for one in held or ():
                typer.echo(f"{one.place}: {one.message}")
            typer.echo("the books are right" if holds else "the books are NOT right")
            typer.echo(f"ledger head {head}")
