"""The programs that a book can be written for: apart, as the command line names them first."""

from __future__ import annotations

from enum import StrEnum


class ExportFormat(StrEnum):
    """The programs that a book can be written for."""

    BEANCOUNT = "beancount"
    HLEDGER = "hledger"
