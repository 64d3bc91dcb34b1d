"""Authors: who makes an entry, by which command, from where and why; kept beside its batch."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy.engine import Connection

from ingestd.access.accounts import Account, ReasonPolicy
from ingestd.database.statements import Statements
from ingestd.ledger.books.batches import Batch
from ingestd.values.errors import UsageError

_SQL = Statements(__file__)

TEXT_CHARACTERS_MAX = 255
NAME_CHARACTERS_MAX = 64


class Command(StrEnum):
    """What writes entries, as it is typed."""

    PAYMENTS_ADD = "payments add"
    PAYMENTS_SETTLE = "payments settle"
    PAYMENTS_RETURN = "payments return"
    PAYMENTS_VOID = "payments void"
    CHARGES_VOID = "charges void"
    CHARGES_REFUND = "charges refund"
    CHARGES_WRITE_OFF = "charges write-off"
    CHARGES_PENALTY = "charges penalty"
    SALES_ADD = "sales add"
    TRANSFERS_ADD = "transfers add"
    PAYOUTS_ADD = "payouts add"
    PAYOUTS_CLEAR = "payouts clear"
    PAYOUTS_VOID = "payouts void"
    CASH_DEPOSIT = "cash deposit"
    CATALOG_IMPORT = "catalog import"
    LEDGER_CLOSE = "ledger close"
    LEDGER_QUOTE = "ledger quote"

    @property
    def gives_away(self) -> bool:
        """Whether it takes back, gives up or moves what somebody has; an account may ask why."""
        return self in _GIVING_AWAY


_GIVING_AWAY = frozenset(
    {
        *(Command.PAYMENTS_RETURN, Command.PAYMENTS_VOID),
        *(Command.CHARGES_VOID, Command.CHARGES_REFUND, Command.CHARGES_WRITE_OFF),
        *(Command.TRANSFERS_ADD, Command.PAYOUTS_ADD, Command.PAYOUTS_VOID),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """Who makes an entry, by which command, and why; `source` is the place of sale, if named.

    As they were typed: `judged_author` says what of them can be kept.
    """

    command: Command
    entered_by: str
    reason: str | None = None
    source: str | None = None


def judged_author(account: Account, author: Author) -> Author:
    """Return an author as it is kept, without outer spaces; a blank reason or source is none.

    Raises UsageError for texts that cannot be kept, and where the account's policy demands a
    reason and there is none.
    """
    entered_by = judged_text("--who", author.entered_by, NAME_CHARACTERS_MAX)
    if entered_by is None:
        raise UsageError("--who is empty. Say who does this, or leave it out.")
    reason = judged_text("--reason", author.reason, TEXT_CHARACTERS_MAX)
    if (
        reason is None
        and author.command.gives_away
        and account.policy.reasons is ReasonPolicy.REQUIRED
    ):
        raise UsageError(
            f"Account {account.account_id} wants to know why: give {author.command} a --reason."
        )
    return Author(
        command=author.command,
        entered_by=entered_by,
        reason=reason,
        source=judged_text("--source", author.source, NAME_CHARACTERS_MAX),
    )


def judged_text(option: str, text: str | None, characters_max: int) -> str | None:
    """Return what an option says, without outer spaces; None where that is nothing.

    Raises UsageError for what is longer, or holds what cannot be seen.
    """
    said = (text or "").strip()
    if len(said) > characters_max or not said.isprintable():
        raise UsageError(f"{option} takes up to {characters_max} printable characters.")
    return said or None


def store_author(connection: Connection, batch: Batch, author: Author) -> None:
    """Keep who made a batch, as a fact of it; call it once, before the batch is sealed."""
    _SQL.run(
        connection,
        "insert_entry",
        {
            "account": batch.account,
            "batch_no": batch.batch_no,
            "command": author.command.value,
            "entered_by": author.entered_by,
            "reason": author.reason,
            "source": author.source,
        },
    )
