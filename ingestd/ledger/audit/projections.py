"""Agreement of projections: what is kept for speed has to be what the facts come to."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from sqlalchemy.engine import Row

from ingestd.database.statements import Statements
from ingestd.ledger.audit.agreement import Check
from ingestd.values.days import Day

_SQL = Statements(__file__)


def _tell_key(row: Row[Any]) -> str:
    return f"charge {row.charge_no} does not hold its key"


def _tell_stray_key(row: Row[Any]) -> str:
    return f"a key is held for charge {row.charge_no}, which has another"


def _tell_state(row: Row[Any]) -> str:
    if row.states == 0:
        return f"charge {row.charge_no} has no state"
    if row.open_on and not (row.allocated or row.voided or row.written_off):
        return f"charge {row.charge_no}: its state says that it is open since another day"
    return (
        f"charge {row.charge_no}: its state has {row.allocated} too much allocated,"
        f" {row.voided} too much voided and {row.written_off} too much written off, in minor units"
    )


def _tell_state_amount(row: Row[Any]) -> str:
    return f"charge {row.charge_no}: its state has another amount than the charge"


def _tell_lot(row: Row[Any]) -> str:
    if row.lots == 0:
        return f"payment {row.payment_no}: there is no credit lot on {row.credit_account}"
    if row.lots == 1 and not row.remaining:
        return (
            f"payment {row.payment_no}: its credit lot on {row.credit_account} says that it is"
            " there since another day"
        )
    return (
        f"payment {row.payment_no}: its credit lot on {row.credit_account} has"
        f" {row.remaining} minor units too much"
    )


def _tell_lot_settled(row: Row[Any]) -> str:
    return f"payment {row.payment_no}: its credit lot names a batch that it did not settle in"


def _tell_open_charge(row: Row[Any]) -> str:
    differs_from = "is kept" if row.side < 0 else "the facts make of it"
    return f"charge {row.charge_no}: what is left to pay, or its place, is not what {differs_from}"


def _tell_total(row: Row[Any]) -> str:
    return (
        f"its total of {row.debit_account} / {row.credit_account} on {Day(row.effective_on)} has"
        f" {row.amount} minor units too much"
    )


def _tell_balance(row: Row[Any]) -> str:
    return (
        f"party {row.party_no}: its balance on {row.credit_account} has {row.amount}"
        " minor units too much"
    )


AGREEMENTS_OF_PROJECTIONS: Mapping[str, tuple[Check, ...]] = MappingProxyType(
    {
        "charge_keys": (
            Check(_SQL, "find_charges_without_key", _tell_key),
            Check(_SQL, "find_stray_keys", _tell_stray_key),
        ),
        "charge_states": (
            Check(_SQL, "find_wrong_states", _tell_state),
            Check(_SQL, "find_wrong_state_amounts", _tell_state_amount),
        ),
        "credit_lots": (
            Check(_SQL, "find_wrong_lots", _tell_lot),
            Check(_SQL, "find_lots_settled_elsewhere", _tell_lot_settled),
        ),
        "open_charges": (Check(_SQL, "find_wrong_open_charges", _tell_open_charge),),
        "batch_totals": (Check(_SQL, "find_wrong_totals", _tell_total),),
        "party_balances": (Check(_SQL, "find_wrong_balances", _tell_balance),),
    }
)
"""Every check of projections with the facts, by its public name."""
