"""Catalog files: what charges and payments refer to, as CSV with a header."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from ingestd.formats.kinds import parents, products, references, students
from ingestd.formats.rows.catalog import CatalogRow
from ingestd.formats.rows.judged_format import JudgedFormat


class CatalogKind(StrEnum):
    """What a catalog file holds.

    All can be imported by hand; those that `FormatName` knows, too, can be uploaded.
    """

    PRODUCTS = "products"
    STUDENTS = "students"
    PARENTS = "parents"
    GL_ACCOUNTS = "gl_accounts"
    TAX_CODES = "tax_codes"
    MERCHANTS = "merchants"
    DONORS = "donors"


CATALOG_FORMATS: Mapping[CatalogKind, JudgedFormat[CatalogRow]] = MappingProxyType(
    {
        CatalogKind.PRODUCTS: products.FORMAT,
        CatalogKind.STUDENTS: students.FORMAT,
        CatalogKind.PARENTS: parents.FORMAT,
        CatalogKind.GL_ACCOUNTS: references.GL_ACCOUNTS,
        CatalogKind.TAX_CODES: references.TAX_CODES,
        CatalogKind.MERCHANTS: references.MERCHANTS,
        CatalogKind.DONORS: references.DONORS,
    }
)
