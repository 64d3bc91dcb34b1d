"""Taxes: which part of an amount that is paid, taken back or written off is tax."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True, kw_only=True)
class TaxShares:
    """Deals a charge's tax out to one amount after the other, so that it adds up exactly.

    `charged` is the charge's amount, tax included, `charged_tax` the tax in it. `done` and
    `done_tax` are what was dealt out before in the same way, `open_amount` and `open_tax` what is
    left of the charge. All in minor units.
    """

    charged: int
    charged_tax: int
    done: int
    done_tax: int
    open_amount: int
    open_tax: int

    def take(self, amount: int) -> int:
        """Take an amount of what is open; return how much of it is tax.

        Its share is what it adds to the tax of all that was dealt out, rounded down; never more
        than the tax that is open, nor less than what is left when all else is taken.
        """
        share = self.charged_tax * (self.done + amount) // self.charged - self.done_tax
        share = max(share, 0, amount - (self.open_amount - self.open_tax))
        share = min(share, amount, self.open_tax)
        self.done += amount
        self.done_tax += share
        self.open_amount -= amount
        self.open_tax -= share
        return share
