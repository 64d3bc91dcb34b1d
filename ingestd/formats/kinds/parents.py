"""Parents: who pays, where invoices go, and where they are called."""

from __future__ import annotations

from ingestd.formats.names import FormatName
from ingestd.formats.rows.catalog import catalog_format, identifier, text

FORMAT = catalog_format(
    FormatName.PARENTS,
    identifier("parent_code", "The family's code.", mandatory=True),
    text("name", "The parent's name."),
    text("email", "Where invoices go."),
    text("phone", "Where the parent is called."),
)
