"""Deeds: what a program writes into the books, by the functions that commands use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from starlette.responses import Response

from ingestd.console.api import answers, orders
from ingestd.console.api.answers import answer_json
from ingestd.console.api.callers import Caller, Needs
from ingestd.console.api.strictness import Name
from ingestd.console.page.threads import write
from ingestd.service.installation.bootstrap import Installation
from ingestd.service.office import charges, payments, payouts, refunds, transfers
from ingestd.service.office.bookkeeper import Answer, Bookkeeper
from ingestd.service.people.scopes import TokenScope

Clerk = Annotated[Caller, Depends(Needs(TokenScope.MONEY))]


class Deeds:
    """The endpoints that move money. Each is one sealed batch, signed by its token's name."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation

    def routes(self, router: APIRouter) -> None:
        """Add the endpoints to a router."""

        def post(path: str, answer: Callable[..., Any], told: Any) -> None:  # noqa: ANN401 - a model
            router.add_api_route(
                path, answer, methods=["POST"], response_model=told, tags=["money"]
            )

        post("/payments", self.add_payment, answers.PaymentAnswer)
        post("/payments/{payment_id:path}/void", self.void_payment, answers.PaymentAnswer)
        post("/settlements", self.settle, answers.BatchAnswer | answers.PaymentAnswer)
        post("/returns", self.return_payment, answers.PaymentAnswer)
        post("/refunds", self.refund, answers.RefundAnswer)
        post("/charges/{tracking_id:path}/void", self.void_charge, answers.RefundAnswer)
        post("/write-offs", self.write_off, answers.WriteOffAnswer)
        post("/sales", self.add_sale, answers.ChargeAnswer)
        post("/penalties", self.add_penalty, answers.ChargeAnswer)
        post("/transfers", self.add_transfer, answers.TransferAnswer)
        post("/payouts", self.add_payout, answers.PayoutAnswer)
        post("/payouts/{payout_id:path}/clear", self.clear_payout, answers.PayoutAnswer)
        post("/payouts/{payout_id:path}/void", self.void_payout, answers.PayoutAnswer)
        post("/cash-deposits", self.deposit_cash, answers.CashDepositAnswer)

    async def add_payment(self, caller: Clerk, order: orders.PaymentOrder) -> Response:
        """Write down a payment; cash settles at once."""
        payment = payments.Payment(
            payer=order.payer,
            amount=order.amount,
            method=order.method.value,
            to=order.to,
            for_charge=order.for_charge,
            for_party=order.for_party,
            key=order.id,
        )
        return await self._write(caller, order, payments.add_payment, payment)

    async def void_payment(
        self, caller: Clerk, payment_id: Name, order: orders.Order | None = None
    ) -> Response:
        """Take back a payment that has not settled."""
        return await self._write(caller, order, payments.take_back_payment, payment_id)

    async def settle(self, caller: Clerk, order: orders.SettlementOrder) -> Response:
        """Say that money is in the bank: one payment's, or a whole batch's."""
        if order.payment is not None:
            return await self._write(caller, order, payments.settle_payment, order.payment)
        return await self._write(
            caller,
            order,
            payments.settle_batch,
            order.merchant,
            order.batch,
            expected=order.expect_total,
        )

    async def return_payment(self, caller: Clerk, order: orders.ReturnOrder) -> Response:
        """Say that a settled payment bounced: exactly what it did is undone."""
        return await self._write(
            caller, order, payments.return_payment, order.payment, penalty=order.penalty
        )

    async def refund(self, caller: Clerk, order: orders.RefundOrder) -> Response:
        """Take a charge back, whole or in part; what was paid goes to the wallet, or out."""
        return await self._write(
            caller,
            order,
            refunds.refund_charge,
            order.tracking_id,
            amount=order.amount,
            to=order.to,
            key=order.id,
        )

    async def void_charge(
        self, caller: Clerk, tracking_id: Name, order: orders.Order | None = None
    ) -> Response:
        """Take back all that is left of a charge."""
        return await self._write(caller, order, refunds.void_charge, tracking_id)

    async def write_off(self, caller: Clerk, order: orders.WriteOffOrder) -> Response:
        """Give up what is open of a charge, or of a payout that is owed back."""
        return await self._write(
            caller,
            order,
            refunds.write_off_charge,
            order.tracking_id,
            amount=order.amount,
            key=order.id,
        )

    async def add_sale(self, caller: Clerk, order: orders.SaleOrder) -> Response:
        """Write down a sale. Cash pays this sale alone; otherwise it is owed like any charge."""
        sale = charges.Sale(
            party=order.party,
            billing_code=order.billing_code,
            amount=order.amount,
            tax=order.tax,
            tax_code=order.tax_code,
            paid=order.paid,
            enforces=order.enforce,
            counts_pending=order.count_pending,
            account_type=order.to,
            tracking_id=order.tracking_id,
            source=order.source,
            name=order.name,
            email=order.email,
            phone=order.phone,
        )
        return await self._write(caller, order, charges.add_sale, sale)

    async def add_penalty(self, caller: Clerk, order: orders.PenaltyOrder) -> Response:
        """Charge somebody a penalty; it is owed and paid like any other fee."""
        return await self._write(
            caller,
            order,
            charges.add_penalty,
            order.party,
            order.billing_code,
            amount=order.amount,
            tracking_id=order.tracking_id,
        )

    async def add_transfer(self, caller: Clerk, order: orders.TransferOrder) -> Response:
        """Move waiting credit; it keeps the payment it came from, and pays what is open there."""
        transfer = transfers.Transfer(
            from_party=order.from_party,
            source=order.source,
            to_party=order.to_party,
            target=order.target,
            amount=order.amount,
            for_charge=order.for_charge,
            across_families=order.across_families,
            key=order.id,
        )
        return await self._write(caller, order, transfers.add_transfer, transfer)

    async def add_payout(self, caller: Clerk, order: orders.PayoutOrder) -> Response:
        """Give waiting credit back. When its payment bounces, it is owed back."""
        payout = payouts.Payout(
            party=order.party,
            source=order.source,
            method=order.method,
            amount=order.amount,
            payee=order.payee,
            reference=order.reference,
            key=order.id,
        )
        return await self._write(caller, order, payouts.add_payout, payout)

    async def clear_payout(
        self, caller: Clerk, payout_id: Name, order: orders.Order | None = None
    ) -> Response:
        """Say that a payout left the bank."""
        return await self._write(caller, order, payouts.clear, payout_id)

    async def void_payout(
        self, caller: Clerk, payout_id: Name, order: orders.Order | None = None
    ) -> Response:
        """Take a payout back, cleared or not: its credit waits where it came from."""
        return await self._write(caller, order, payouts.void, payout_id)

    async def deposit_cash(self, caller: Clerk, order: orders.CashDepositOrder) -> Response:
        """Say that cash was brought to the bank."""
        return await self._write(
            caller,
            order,
            payouts.bring_cash,
            order.amount,
            reference=order.reference,
            key=order.id,
        )

    async def _write(
        self,
        caller: Caller,
        order: orders.Order | None,
        deed: Callable[..., Answer],
        *said: object,
        **more: object,
    ) -> Response:
        """Do a deed of the business office in its caller's name."""
        order = order or orders.Order()
        installation = self._installation

        def work() -> Answer:
            keeper = Bookkeeper(
                database=installation.database,
                clock=installation.clock,
                account=caller.account,
                entered_by=caller.token.signature,
                reason=order.reason,
                signing=installation.signing(),
            )
            return deed(keeper, *said, on=order.on, **more)

        return answer_json(await write(work))
