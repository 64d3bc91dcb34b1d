"""What payment files refer to: each a catalog file that is imported by command alone."""

from __future__ import annotations

from ingestd.formats.rows.catalog import (
    catalog_format,
    choice,
    identifier,
    number,
    pledges,
    text,
)

# Lengths of what payment files refer to. Source: spec/payment-files.txt.
_GL_ACCOUNT_CHARACTERS_MAX = 18
_MERCHANT_CHARACTERS_MAX = 18
_TAX_CODE_CHARACTERS_MAX = 3
_APPEAL_CODE_CHARACTERS_MAX = 4

# What payment files write for an optional field without a value; zero in the fee format alone.
_NULL = ("null",)
_NULL_OR_ZERO = ("null", "0")

GL_ACCOUNTS = catalog_format(
    "gl_accounts",
    identifier(
        "gl_account",
        "What payment files name it by.",
        mandatory=True,
        length_max=_GL_ACCOUNT_CHARACTERS_MAX,
        reserved=_NULL,
    ),
    text("name", "What people call it."),
    choice("status", "Whether payments may go to it.", *("open", "closed")),
    choice("requires_donor", "Whether a payment to it names a donor.", *("yes", "no")),
    choice("requires_appeal", "Whether a payment to it names an appeal.", *("yes", "no")),
)

TAX_CODES = catalog_format(
    "tax_codes",
    identifier(
        "tax_code",
        "What payment files name it by.",
        mandatory=True,
        length_max=_TAX_CODE_CHARACTERS_MAX,
    ),
    text("name", "What people call it."),
)

MERCHANTS = catalog_format(
    "merchants",
    identifier(
        "merchant_id",
        "The number that the bank gave.",
        mandatory=True,
        length_max=_MERCHANT_CHARACTERS_MAX,
        reserved=_NULL_OR_ZERO,
    ),
    text("description", "What the bank calls it."),
    choice(
        "settle",
        "Whether its batches settle when somebody confirms them, or at once.",
        *("on_confirm", "on_import"),
    ),
    identifier(
        "other_gl_account",
        "Where other amounts of fee payments go.",
        length_max=_GL_ACCOUNT_CHARACTERS_MAX,
        reserved=_NULL,
    ),
)

DONORS = catalog_format(
    "donors",
    number("donor_number", "What payment files name the donor by.", mandatory=True),
    text("name", "The donor's name."),
    pledges("pledges", "The numbers of what the donor promised to give, and the sums."),
    identifier(
        "appeals",
        "The codes of the appeals that the donor answers.",
        length_max=_APPEAL_CODE_CHARACTERS_MAX,
        reserved=_NULL,
        is_list=True,
    ),
)
