"""Products: what districts charge for, and at which price from which day on."""

from __future__ import annotations

from ingestd.formats.fields import Kind
from ingestd.formats.names import FormatName
from ingestd.formats.rows.catalog import catalog_format, choice, identifier, other, text

FORMAT = catalog_format(
    FormatName.PRODUCTS,
    identifier("billing_code", "What charges name it by.", mandatory=True),
    text("name", "What people call it."),
    other("price", Kind.AMOUNT, "What a charge without an amount costs."),
    other("valid_from", Kind.DATE, "The first day of the price."),
    choice(
        "repayment",
        "Whether a payment for it pays it first, or the oldest debt.",
        *("chronological", "direct"),
    ),
    other("sort", Kind.WHOLE, "Which of two charges of one time is paid first."),
    choice("installments", "Whether it may be bought despite debt.", *("yes", "no")),
    identifier("gl_account", "The account of the general ledger."),
    identifier("vendor", "Who delivers it."),
    other("first_instalment", Kind.AMOUNT, "What must be paid at once to buy it in installments."),
)
