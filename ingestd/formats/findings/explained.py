"""How a finding's code is explained."""

from __future__ import annotations

from typing import NamedTuple

from ingestd.formats.findings.codes import Verdict


class Explanation(NamedTuple):
    """Why a finding appears, and what a district does about it."""

    cause: str
    remedy: str
    verdicts: tuple[Verdict, ...]


FILE = (Verdict.FILE,)
ROW = (Verdict.ROW,)
WARNING = (Verdict.WARNING,)
