"""The office's pages, each with its right: reports, families, money, the books, the catalog."""

from __future__ import annotations

from ingestd.console.door.rights import Asked, Right
from ingestd.console.office.catalog import Catalog
from ingestd.console.office.deeds.pages import Deeds
from ingestd.console.office.desk import Desk
from ingestd.console.office.ledger import Ledger
from ingestd.console.office.parties import Parties
from ingestd.console.office.payments import Payments
from ingestd.console.office.reports.pages import Reports
from ingestd.console.office.trails import Trails
from ingestd.service.daemon.supervisor import Surroundings
from ingestd.service.files.kept_files import KeptFiles

RECEIPTING, BOOKS = "Receipting", "Books"
SEE, ACT = Right.SEE, Right.ACT


def office_pages(surroundings: Surroundings) -> tuple[Asked, ...]:
    """Return the office's pages in the menu's order."""
    desk = Desk.of(surroundings.installation)
    kept = KeptFiles(receiver=surroundings.receiver, clock=surroundings.installation.clock)
    catalog = Catalog(desk, kept)
    return (
        *_money_pages(desk, catalog),
        *_book_pages(desk),
        *_catalog_pages(catalog),
        *_deed_pages(desk),
    )


def _money_pages(desk: Desk, catalog: Catalog) -> tuple[Asked, ...]:
    payments, parties = Payments(desk), Parties(desk)
    merchants = "/receipting/merchants"
    return (
        Asked(
            path="/payments", right=SEE, answer=payments.list, entry="Payments", section=RECEIPTING
        ),
        Asked(path="/payments/{payment_id:path}", right=SEE, answer=payments.show),
        Asked(
            path="/batches", right=SEE, answer=payments.batches, entry="Batches", section=RECEIPTING
        ),
        Asked(path="/batches/{merchant}/{batch:path}", right=SEE, answer=payments.batch),
        Asked(
            path=merchants,
            right=SEE,
            answer=catalog.merchants,
            entry="Merchants",
            section=RECEIPTING,
        ),
        Asked(path=merchants, right=ACT, answer=catalog.keep_merchant, method="POST"),
        Asked(path="/parties", right=SEE, answer=parties.list, entry="Families", section=BOOKS),
        Asked(path="/parties/{party:path}", right=SEE, answer=parties.show),
        Asked(path="/letters/{kind}", right=SEE, answer=parties.letter),
    )


def _book_pages(desk: Desk) -> tuple[Asked, ...]:
    reports, trails, ledger = Reports(desk), Trails(desk), Ledger(desk)
    return (
        Asked(path="/reports", right=SEE, answer=reports.list, entry="Reports", section=BOOKS),
        Asked(path="/reports/{name}", right=SEE, answer=reports.show),
        Asked(path="/ledger", right=SEE, answer=ledger.show, entry="Ledger", section=BOOKS),
        Asked(path="/ledger/export", right=SEE, answer=ledger.export),
        Asked(path="/ledger/checkpoint", right=SEE, answer=ledger.checkpoint),
        Asked(path="/ledger/lines", right=SEE, answer=trails.lines),
        Asked(path="/ledger/batches/{batch_no}", right=SEE, answer=trails.batch),
        Asked(path="/trace/{tracking_id:path}", right=SEE, answer=trails.charge),
    )


def _catalog_pages(catalog: Catalog) -> tuple[Asked, ...]:
    importing = "/catalog/{kind}/import"
    return (
        Asked(path="/catalog", right=SEE, answer=catalog.kinds, entry="Catalog", section=BOOKS),
        Asked(path="/catalog/{kind}", right=SEE, answer=catalog.list),
        Asked(path=importing, right=ACT, answer=catalog.form),
        Asked(path=importing, right=ACT, answer=catalog.look, method="POST"),
        Asked(path=f"{importing}/file", right=ACT, answer=catalog.drop, method="POST"),
        Asked(path=f"{importing}/take", right=ACT, answer=catalog.take, method="POST"),
        Asked(path="/catalog/{kind}/{key:path}", right=SEE, answer=catalog.history),
    )


def _deed_pages(desk: Desk) -> tuple[Asked, ...]:
    deeds = Deeds(desk)
    return (
        Asked(path="/deeds/{deed}", right=ACT, answer=deeds.form),
        Asked(path="/deeds/{deed}", right=ACT, answer=deeds.foretell, method="POST"),
        Asked(path="/deeds/{deed}/do", right=ACT, answer=deeds.perform, method="POST"),
    )
