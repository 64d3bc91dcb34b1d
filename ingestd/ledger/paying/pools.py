"""Pools: whose credit pays whose charges.

Fees are paid from the family's pool: students that share a parent, and the parent. A wallet pays
its own student's charges only.
"""

from __future__ import annotations

from sqlalchemy.engine import Connection

from ingestd.database.bulk import Temporary
from ingestd.database.statements import Statements
from ingestd.ledger.books.head import Head
from ingestd.values.identifiers import AccountId

_SQL = Statements(__file__)

PAYERS = Temporary("stage_payer", {"party_no": "whole"}, key=("party_no",))
"""The parties whose families and wallets are looked at; the caller fills it."""

_FAMILIES = Temporary(
    "stage_family", {"pool": "text", "parent_code": "text?", "party_no": "whole?"}, key=("pool",)
)
_MEMBERS = Temporary(
    "stage_member",
    {"party_no": "whole", "credit_account": "whole", "pool": "text"},
    key=("party_no", "credit_account"),
)


def stage_payer(connection: Connection, party_no: int) -> None:
    """Make one party the only one in `stage_payer`."""
    _SQL.fill(connection, PAYERS, "insert_payer", {"party_no": party_no})


def stage_pools(connection: Connection, head: Head) -> None:
    """Fill `stage_member`: everybody in the families and wallets of those in `stage_payer`.

    Who belongs to a family is what the roster says now.
    """
    values = {"account": head.account}
    _SQL.fill(connection, _FAMILIES, "stage_families", values)
    _SQL.fill(connection, _MEMBERS, "stage_members", values)


def is_one_family(connection: Connection, account: AccountId, first: int, second: int) -> bool:
    """Tell whether two parties share one family's pool."""
    if first == second:
        return True
    values = {"account": account, "first": first, "second": second}
    [code, *others] = set(_SQL.run(connection, "find_family_codes", values).scalars())
    return code is not None and not others
