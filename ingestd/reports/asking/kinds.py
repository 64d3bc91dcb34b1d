"""The reports that there are: what each is about, and what it can be asked."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from ingestd.reports.figures.report import Question, Report


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A report: in which wing of `reports` it stands, what it narrows to, what it groups by."""

    about: str
    wing: str = "figures"
    narrows_to: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    by: tuple[str, ...] = ()
    is_letter: bool = False
    has_since: bool = False
    has_days: bool = True


_WHOM = ("party", "family")

REPORTS: Mapping[str, Kind] = MappingProxyType(
    {
        "sales": Kind(
            about="What was charged, taken back and written off, by day posted.",
            narrows_to=("product", "source"),
            by=("product", "source", "vendor", "gl_account", "day"),
        ),
        "payments": Kind(
            about="Who paid what, by day received, and what became of it.",
            narrows_to=(*_WHOM, "source"),
            statuses=("pending", "settled", "returned", "voided"),
        ),
        "items": Kind(
            about="Every charge, by day occurred: what of it is paid and open, its file and row.",
            narrows_to=(*_WHOM, "product", "source"),
            statuses=("unpaid", "partial", "paid", "void", "written_off"),
        ),
        "balances": Kind(
            about="What each party has in credit, less what it owes; between two days: "
            "what changed.",
            narrows_to=_WHOM,
        ),
        "revenue": Kind(
            about="What of each product's sales is realised by settled money, by day posted.",
            narrows_to=("product",),
            by=("product", "gl_account"),
        ),
        "aging": Kind(about="What is owed, by how many days ago it occurred.", narrows_to=_WHOM),
        "arrears": Kind(
            about="Who owes for how long, how they are reached, when they last paid; of one "
            "family also as a letter.",
            wing="families",
            narrows_to=_WHOM,
            is_letter=True,
            has_days=False,
        ),
        "statement": Kind(
            about="All that moved a family's balance, or one party's, line by line; also as a "
            "letter.",
            wing="families",
            narrows_to=_WHOM,
            is_letter=True,
        ),
        "collections": Kind(
            about="The money that came in, settled, came back or went out, by day, method, batch.",
            wing="money",
            narrows_to=(*_WHOM, "source"),
            by=("settled", "received", "returned", "paid_out", "deposited"),
        ),
        "payouts": Kind(
            about="Who was given money back, how, whether it left the bank, what is owed back.",
            wing="money",
            narrows_to=(*_WHOM, "source"),
            statuses=("pending", "cleared", "voided"),
        ),
        "held": Kind(
            about="What is held for others, and for whom or what; between two days: what came.",
            wing="money",
            narrows_to=_WHOM,
            by=("gl_account", "tax_code", "party"),
        ),
        "pledges": Kind(about="What donors promised, and what of it came."),
        "changes": Kind(
            about="Which batches came since an instant, who made each and why, and what reports "
            "differ by.",
            has_since=True,
        ),
        "tax": Kind(
            about="What was sold with tax, what of the tax was collected, given back, is due.",
            wing="money",
        ),
    }
)


def ask(name: str, connection: Connection, question: Question, **more: object) -> Report:
    """Ask one report; only its module is loaded. Its rows are read while the connection is open."""
    module = importlib.import_module(f"ingestd.reports.{REPORTS[name].wing}.{name}")
    report: Report = getattr(module, f"report_{name}")(connection, question, **more)
    return report
