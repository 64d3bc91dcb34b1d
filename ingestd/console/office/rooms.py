"""The office's pages, each with its right: reports, families, money, the books, the catalog."""

from __future__ import annotations

from ingestd.console.door.rights import Asked, Right
from ingestd.console.office.desk import Desk
from ingestd.console.office.reports import Reports
from ingestd.service.daemon.supervisor import Surroundings

REPORTS = "Reports"


def office_pages(surroundings: Surroundings) -> tuple[Asked, ...]:
    """Return the office's pages in the menu's order."""
    desk = Desk(surroundings.installation)
    return (*_report_pages(desk),)


def _report_pages(desk: Desk) -> tuple[Asked, ...]:
    reports = Reports(desk)
    see = Right.SEE
    return (
        Asked(path="/reports", right=see, answer=reports.list, entry="Reports", section=REPORTS),
        Asked(path="/reports/{name}", right=see, answer=reports.show),
    )
