"""A history written by hand: the facts, postings and seals that events leave in the books.

It follows the posting rules of the ledger, so that the reports can be asked about payments.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, time

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ingestd.database.bulk import create_temporary
from ingestd.ledger.books.batches import Batch, open_batch
from ingestd.ledger.books.charge_keys import take_keys
from ingestd.ledger.books.codes import number_code
from ingestd.ledger.books.head import Head, lock_head
from ingestd.ledger.evidence.seals import seal
from ingestd.ledger.paying.open_charges import CHANGED, refresh_open_charges
from ingestd.values.clock import to_microseconds
from ingestd.values.days import Day
from tests.integration.ledger.conftest import SPRINGFIELD, Books

FEES, WALLET, DISCOUNTS = 2010, 2000, 2015
_RECEIVABLE = {FEES: 1100, WALLET: 1110, DISCOUNTS: 1100}
_HELD = {"building": 2300, "other": 2330, "fee": FEES, "wallet": WALLET}
_NUMBERS = {
    "party": ("parties", "party_no"),
    "charge": ("charges", "charge_no"),
    "refund": ("refunds", "refund_no"),
    "payment": ("payments", "payment_no"),
    "allocation": ("allocations", "allocation_no"),
    "posting": ("postings", "posting_no"),
}


@dataclass
class History:
    """Writes one batch after the other into an account's books."""

    books: Books
    parties: dict[str, int] = field(default_factory=dict)
    charges: dict[str, dict[str, object]] = field(default_factory=dict)
    payments: dict[str, dict[str, object]] = field(default_factory=dict)
    connection: Connection = field(init=False)
    head: Head = field(init=False)
    now: Batch = field(init=False)
    day: str = field(init=False)

    @contextmanager
    def batch(self, event: str, day: str) -> Iterator[None]:
        """Put everything that is written inside into one sealed batch, known on that day."""
        zone = self.books.account.timezone
        noon = datetime.combine(datetime.fromisoformat(day), time(12), tzinfo=zone)
        with self.books.database.writing() as self.connection:
            self.head = lock_head(self.connection, SPRINGFIELD)
            self.now = open_batch(self.head, event=event, now=to_microseconds(noon))
            self.day = day
            yield
            create_temporary(self.connection, CHANGED)
            self.run(
                "INSERT INTO stage_changed (charge_no)"
                " SELECT charge_no FROM charge WHERE account = :account",
                account=SPRINGFIELD,
            )
            refresh_open_charges(self.connection, self.head)
            seal(self.connection, self.head, self.now, signing=self.books.signing)

    def insert(self, table: str, **values: object) -> int:
        """Insert a row of the open batch; return its number where the table has numbers."""
        number = 0
        values |= {"account": SPRINGFIELD, "batch_no": self.now.batch_no}
        for name in values:
            if name.endswith("_on"):
                values[name] = Day.from_text(str(values[name]))
        if table in _NUMBERS:
            counter, column = _NUMBERS[table]
            number = getattr(self.head, counter) + 1
            setattr(self.head, counter, number)
            values[column] = number
        self.run(
            f"INSERT INTO {table} ({', '.join(values)})"
            f" VALUES ({', '.join(f':{name}' for name in values)})",
            **values,
        )
        return number

    def run(self, statement: str, **values: object) -> None:
        self.connection.execute(sa.text(statement), values)

    def post(self, event: str, debit: int, credit: int, amount: int, **values: object) -> int:
        return self.insert(
            "posting",
            event=event,
            effective_on=self.day,
            debit_account=debit,
            credit_account=credit,
            amount=amount,
            **values,
        )

    def party(self, code: str, kind: str = "student") -> int:
        if code not in self.parties:
            self.parties[code] = self.insert("party", kind=kind, party_code=code)
        return self.parties[code]

    def charge(
        self,
        key: str,
        party: int,
        code: str,
        amount: int,
        *,
        credit: int = FEES,
        on: str | None = None,
        booked_on: str | None = None,
        event: str = "charge",
    ) -> None:
        """Charge a party; the charge is paid from fees credit, or from wallet credit."""
        occurred = datetime.fromisoformat(on or self.day)
        day = booked_on or on or self.day
        noon = datetime.combine(occurred, time(12), tzinfo=self.books.account.timezone)
        charge: dict[str, object] = {
            "tracking_id": key,
            "content_hash": bytes(16),
            "party_no": party,
            "receivable_account": _RECEIVABLE[credit],
            "product_no": number_code(self.connection, self.head, self.now, code),
            "amount": amount,
            "occurred_at": to_microseconds(noon),
            "effective_on": day,
        }
        charge["charge_no"] = self.insert("charge", **charge)
        take_keys(self.connection, self.head, charges_before=self.head.charges - 1)
        self.charges[key] = charge
        if amount:
            self.insert(
                "posting",
                event=event,
                effective_on=day,
                debit_account=_RECEIVABLE[credit],
                credit_account=2100,
                amount=amount,
                debit_party_no=party,
                charge_no=charge["charge_no"],
                product_no=charge["product_no"],
            )

    def pay(self, key: str, party: int, kind: str = "echeck", **parts: int) -> None:
        """Receive a payment of parts; a discount is taken off. Cash is not pending."""
        amount = sum(parts.values()) - 2 * parts.get("discount", 0)
        number = self.insert(
            "payment",
            payment_id=key,
            content_hash=bytes(16),
            kind=kind,
            party_no=party,
            amount=amount,
            submitted_at=0,
            received_on=self.day,
        )
        self.payments[key] = {"payment_no": number, "party_no": party, "amount": amount} | {
            "kind": kind
        }
        for part_no, (part, part_amount) in enumerate(parts.items(), 1):
            self.insert(
                "payment_part", payment_no=number, part_no=part_no, kind=part, amount=part_amount
            )
        if kind != "cash":
            self.post("payment", 1050, 2050, amount, credit_party_no=party, payment_no=number)

    def settle(self, key: str, party: int, **parts: int) -> None:
        """Settle a payment; `parts` are those that it was received with."""
        payment = self.payments[key]
        number, is_cash = payment["payment_no"], payment["kind"] == "cash"
        self.insert("payment_event", payment_no=number, event="settled", effective_on=self.day)
        if not is_cash:
            self.post("settled", 1000, 1050, int(str(payment["amount"])), payment_no=number)
        for part, amount in parts.items():
            if part == "discount":
                continue
            account = _HELD[part]
            has_party = {"credit_party_no": party} if account in (FEES, WALLET) else {}
            source = 1060 if is_cash else 2050
            cash = amount - (parts.get("discount", 0) if part == "fee" else 0)
            self.post("settled", source, account, cash, payment_no=number, **has_party)
            if account in (FEES, WALLET):
                self.lot(number, account, party, cash)
        if discount := parts.get("discount"):
            credited = {"payment_no": number, "credit_party_no": party}
            self.post("settled", 4900, DISCOUNTS, discount, **credited)
            self.lot(number, DISCOUNTS, party, discount)

    def lot(self, payment_no: object, account: int, party: int, amount: int) -> None:
        """Add to a credit lot, which is made where there is none."""
        self.run(
            "INSERT INTO credit_lot (account, payment_no, credit_account, party_no,"
            " settled_batch_no, available_on, remaining) VALUES (:account, :payment_no, :credit,"
            " :party, (SELECT batch_no FROM payment_event WHERE account = :account AND"
            " payment_no = :payment_no AND event = 'settled'), :day, :amount)"
            " ON CONFLICT (account, payment_no, credit_account, party_no) DO UPDATE SET"
            " remaining = credit_lot.remaining + :amount, available_on = :day"
            if amount > 0
            else "UPDATE credit_lot SET remaining = remaining + :amount WHERE account = :account"
            " AND payment_no = :payment_no AND credit_account = :credit AND party_no = :party",
            account=SPRINGFIELD,
            payment_no=payment_no,
            credit=account,
            **(
                {"party": party, "amount": amount}
                | ({"day": Day.from_text(self.day)} if amount > 0 else {})
            ),
        )

    def state(self, key: str, *, allocated: int = 0, voided: int = 0) -> None:
        charge = self.charges[key]
        self.run(
            "INSERT INTO charge_state (account, charge_no, amount, allocated, voided)"
            " VALUES (:account, :charge_no, :amount, 0, 0) ON CONFLICT DO NOTHING",
            account=SPRINGFIELD,
            charge_no=charge["charge_no"],
            amount=charge["amount"],
        )
        undone = "" if allocated >= 0 else ", open_on = :day"
        self.run(
            "UPDATE charge_state SET allocated = allocated + :allocated, voided = voided + :voided"
            f"{undone} WHERE account = :account AND charge_no = :charge_no",
            **({"day": Day.from_text(self.day)} if undone else {}),
            account=SPRINGFIELD,
            charge_no=charge["charge_no"],
            allocated=allocated,
            voided=voided,
        )

    def allocate(
        self, key: str, party: int, charge_key: str, amount: int, *, discount: int = 0
    ) -> None:
        """Let a payment's credit, held by a party, pay a charge; of it so much by discount."""
        if discount:
            self.allocate(key, party, charge_key, amount - discount)
            amount = discount
        charge, number = self.charges[charge_key], self.payments[key]["payment_no"]
        credit = FEES if charge["receivable_account"] == 1100 else WALLET
        credit = DISCOUNTS if discount else credit
        of = {"charge_no": charge["charge_no"], "payment_no": number}
        self.insert(
            "allocation",
            **of,
            credit_account=credit,
            party_no=party,
            amount=amount,
            tax=0,
            rule="oldest_first",
            effective_on=self.day,
            posting_no=self.head.postings + 1,
        )
        of["product_no"] = charge["product_no"]
        parties = {"debit_party_no": party, "credit_party_no": charge["party_no"]}
        self.post("allocation", credit, _RECEIVABLE[credit], amount, **of, **parties)
        self.post("allocation", 2100, 4000, amount, **of)
        self.state(charge_key, allocated=amount)
        self.lot(number, credit, party, -amount)

    def undo(self, event: str, where: str, **values: object) -> None:
        """Undo the live allocations that a condition on `a` chooses."""
        for a in self.connection.execute(
            sa.text(
                f"SELECT a.* FROM allocation a WHERE a.account = :account AND {where}"
                " AND a.reverses_allocation_no IS NULL AND NOT EXISTS (SELECT 1 FROM allocation r"
                " WHERE r.account = a.account AND r.reverses_allocation_no = a.allocation_no)"
                " ORDER BY a.allocation_no"
            ),
            {"account": SPRINGFIELD, **values},
        ).all():
            self.insert(
                "allocation",
                payment_no=a.payment_no,
                credit_account=a.credit_account,
                party_no=a.party_no,
                charge_no=a.charge_no,
                amount=a.amount,
                tax=0,
                rule=event,
                effective_on=self.day,
                posting_no=self.head.postings + 1,
                reverses_allocation_no=a.allocation_no,
            )
            for number in (a.posting_no, a.posting_no + 1):
                self.mirror(event, "p.posting_no = :number", number=number)
            key = next(k for k, c in self.charges.items() if c["charge_no"] == a.charge_no)
            self.state(key, allocated=-a.amount)
            self.lot(a.payment_no, a.credit_account, a.party_no, a.amount)

    def mirror(self, event: str, where: str, **values: object) -> None:
        """Reverse postings, the last one first."""
        for p in self.connection.execute(
            sa.text(
                f"SELECT p.* FROM posting p WHERE p.account = :account AND {where}"
                " AND p.reverses_posting_no IS NULL AND NOT EXISTS (SELECT 1 FROM posting r"
                " WHERE r.account = p.account AND r.reverses_posting_no = p.posting_no)"
                " ORDER BY p.posting_no DESC"
            ),
            {"account": SPRINGFIELD, **values},
        ).all():
            self.post(
                event,
                p.credit_account,
                p.debit_account,
                p.amount,
                debit_party_no=p.credit_party_no,
                credit_party_no=p.debit_party_no,
                charge_no=p.charge_no,
                payment_no=p.payment_no,
                product_no=p.product_no,
                reverses_posting_no=p.posting_no,
            )

    def give_back(self, key: str) -> None:
        """Return a settled payment: what it paid is open again, and all its postings mirrored."""
        number = self.payments[key]["payment_no"]
        self.insert("payment_event", payment_no=number, event="returned", effective_on=self.day)
        self.undo("returned", "a.payment_no = :payment_no", payment_no=number)
        self.mirror("returned", "p.payment_no = :payment_no", payment_no=number)
        self.run(
            "UPDATE credit_lot SET remaining = 0, available_on = (SELECT MAX(m.effective_on)"
            " FROM lot_move m WHERE m.account = :account AND m.payment_no = :number"
            " AND m.credit_account = credit_lot.credit_account"
            " AND m.party_no = credit_lot.party_no AND m.amount > 0)"
            " WHERE account = :account AND payment_no = :number",
            account=SPRINGFIELD,
            number=number,
        )

    def refund(self, key: str) -> None:
        """Take a charge back; what paid it from fees credit goes to the charged party's wallet."""
        charge = self.charges[key]
        number, party = charge["charge_no"], int(str(charge["party_no"]))
        paid = self.connection.execute(
            sa.text(
                "SELECT payment_no, credit_account, party_no, SUM(CASE WHEN reverses_allocation_no"
                " IS NULL THEN amount ELSE -amount END) AS amount FROM allocation"
                " WHERE account = :account AND charge_no = :charge_no"
                " AND credit_account IN (2010, 2015)"
                " GROUP BY payment_no, credit_account, party_no ORDER BY payment_no"
            ),
            {"account": SPRINGFIELD, "charge_no": number},
        ).all()
        amount = int(str(charge["amount"]))
        self.insert(
            "refund",
            charge_no=number,
            amount=amount,
            content_hash=bytes(16),
            effective_on=self.day,
        )
        self.undo("refund", "a.charge_no = :charge_no", charge_no=number)
        receivable = int(str(charge["receivable_account"]))
        if amount:
            self.post(
                "refund",
                2100,
                receivable,
                amount,
                credit_party_no=party,
                charge_no=number,
                product_no=charge["product_no"],
            )
        self.state(key, voided=amount)
        for row in paid:
            if not row.amount:
                continue
            of = {"charge_no": number, "payment_no": row.payment_no}
            if row.credit_account == DISCOUNTS:
                back = {"debit_party_no": row.party_no, **of}
                self.post("refund", DISCOUNTS, 4900, int(row.amount), **back)
                self.lot(row.payment_no, DISCOUNTS, row.party_no, -int(row.amount))
                continue
            parties = {"debit_party_no": row.party_no, "credit_party_no": party}
            self.post("refund", FEES, WALLET, int(row.amount), **parties, **of)
            self.lot(row.payment_no, FEES, row.party_no, -int(row.amount))
            self.lot(row.payment_no, WALLET, party, int(row.amount))
