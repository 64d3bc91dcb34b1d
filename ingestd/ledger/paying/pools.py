"""Pools: whose credit pays whose charges.

Fees are paid from the family's pool: students that share a parent, and the parent. A wallet pays
its own student's charges only.
"""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ingestd.database.bulk import Temporary, analyse, create_temporary, ordered
from ingestd.formats.kinds.student_billing import AccountType
from ingestd.ledger.books.chart import BALANCE, PartyKind
from ingestd.ledger.books.head import Head
from ingestd.values.identifiers import AccountId

_FAMILY = Temporary(
    "stage_family", {"pool": "text", "parent_code": "text?", "party_no": "whole?"}, key=("pool",)
)
MEMBERS = Temporary(
    "stage_member",
    {"party_no": "whole", "account_type": "text", "credit_account": "whole", "pool": "text"},
    key=("party_no", "account_type"),
)

PARENT_CODE = (
    f"CASE y.kind WHEN '{PartyKind.PARENT}' THEN y.party_code"
    f" WHEN '{PartyKind.STUDENT}' THEN (SELECT st.parent_code FROM student st"
    "  WHERE st.account = y.account AND st.student_id = y.party_code) END"
)
"""SQL for the parent code of a party `y`'s family; NULL for a party that is its own family."""


def stage_pools(
    connection: Connection, head: Head, *, parties: str, values: Mapping[str, object]
) -> None:
    """Fill `stage_member`: everybody in the families and wallets of some parties.

    `parties` is a SELECT of party numbers, one column named `party_no`. Who belongs to a family
    is what the roster says now.
    """
    liability, wallet = BALANCE[AccountType.LIABILITY], BALANCE[AccountType.WALLET]
    bound = {**values, "account": head.account}
    create_temporary(connection, _FAMILY, MEMBERS)
    connection.execute(
        ordered(
            connection,
            "INSERT INTO stage_family (pool, parent_code, party_no)"
            " SELECT DISTINCT CASE WHEN f.parent_code IS NULL"
            "  THEN 'party:' || CAST(f.party_no AS TEXT) ELSE 'family:' || f.parent_code END,"
            " f.parent_code, CASE WHEN f.parent_code IS NULL THEN f.party_no END"
            f" FROM (SELECT y.party_no, {PARENT_CODE} AS parent_code FROM ({parties}) t"
            "  JOIN party y ON y.account = :account AND y.party_no = t.party_no) f",
        ),
        bound,
    )
    analyse(connection, _FAMILY)
    connection.execute(
        ordered(
            connection,
            "INSERT INTO stage_member (party_no, account_type, credit_account, pool)"
            f" SELECT y.party_no, '{AccountType.LIABILITY}', {liability.credit:d}, f.pool"
            " FROM stage_family f JOIN student st"
            "  ON st.account = :account AND st.parent_code = f.parent_code"
            f" JOIN party y ON y.account = :account AND y.kind = '{PartyKind.STUDENT}'"
            "  AND y.party_code = st.student_id"
            f" UNION ALL SELECT y.party_no, '{AccountType.LIABILITY}', {liability.credit:d}, f.pool"
            " FROM stage_family f JOIN party y"
            f"  ON y.account = :account AND y.kind = '{PartyKind.PARENT}'"
            "  AND y.party_code = f.parent_code"
            f" UNION ALL SELECT f.party_no, '{AccountType.LIABILITY}', {liability.credit:d}, f.pool"
            " FROM stage_family f WHERE f.party_no IS NOT NULL"
            f" UNION ALL SELECT DISTINCT t.party_no, '{AccountType.WALLET}', {wallet.credit:d},"
            f" 'wallet:' || CAST(t.party_no AS TEXT) FROM ({parties}) t",
        ),
        bound,
    )
    analyse(connection, MEMBERS)


def is_one_family(connection: Connection, account: AccountId, first: int, second: int) -> bool:
    """Tell whether two parties share one family's pool."""
    if first == second:
        return True
    codes = connection.execute(
        sa.text(
            f"SELECT {PARENT_CODE} FROM party y WHERE y.account = :account"
            " AND y.party_no IN (:first, :second)"
        ),
        {"account": account, "first": first, "second": second},
    ).scalars()
    [code, *others] = set(codes)
    return code is not None and not others
