"""Receipting > Electronic receipts: payment files by hand, with their control totals."""

from __future__ import annotations

import asyncio
import html
import re
from pathlib import Path

import pytest

from ingestd.service.people.roles import Role, RoleKind
from ingestd.spool.queue import list_uploads
from tests.integration.console.conftest import SPRINGFIELD, Console
from tests.integration.console.pipeline import drop, process, take_catalog
from tests.integration.console.test_queued_charges import deed, numbers, read_preview

PAGE = "/receipting/electronic-receipts"
OFFICE = frozenset({Role(RoleKind.OFFICE, SPRINGFIELD)})
ROW = "2026-03-01 10:00:00,100.00,{merchant},7,R{number},COLL001,100.00,0.00,0.00,0.00\n"


def rows(*numbers: int, merchant: str = "ABCDE371") -> bytes:
    return "".join(ROW.format(number=number, merchant=merchant) for number in numbers).encode()


async def test_a_payment_file_shows_its_control_totals_before_and_after(
    console: Console, tmp_path: Path
) -> None:
    """They are held against the bank's before anything counts, and are the same afterwards."""
    take_catalog(console, tmp_path)
    ada = await console.let_in("ada", OFFICE)
    answer = await drop(ada, PAGE, rows(1, 2, 2), "bank export.csv", format="fee_payments")
    preview = await read_preview(ada, answer.way)
    assert numbers(preview.text)[:6] == [3, 2, 1, 0, 0, 2]
    assert "200.00 USD" in preview.text
    queued = await ada.post(deed(answer.way, "queue"))
    await asyncio.to_thread(process, console)
    story = (await ada.get(queued.way)).text
    assert numbers(story)[:5] == [3, 2, 1, 0, 0]
    assert "<td>ABCDE371</td><td>7</td>" in story
    listed = (await ada.get(PAGE)).text
    assert "fee_payments_bank export.csv" in html.unescape(listed)
    assert "fee_payments_bank" not in (await ada.get("/billing/queued-charges")).text
    with console.database.reading() as connection:
        [upload] = list_uploads(connection, SPRINGFIELD, status=None, limit=9)
    assert (upload.format, upload.source, upload.sent_by) == ("fee_payments", "console", "ada")


async def test_a_file_that_names_an_unknown_merchant_is_sent_again_once_there_is_one(
    console: Console, tmp_path: Path
) -> None:
    """The file was refused whole; mending the catalog and one press bring it in."""
    take_catalog(console, tmp_path)
    ada = await console.let_in("ada", OFFICE)
    answer = await drop(ada, PAGE, rows(1, merchant="NEW"), format="fee_payments")
    preview = await read_preview(ada, answer.way)
    assert "<code>merchant_unknown</code>" in preview.text
    queued = await ada.post(deed(answer.way, "queue"))
    await asyncio.to_thread(process, console)
    assert "refused" in (await ada.get(queued.way)).text
    take_catalog(console, tmp_path, merchants="NEW,Card,on_confirm\n")
    again = await ada.post(deed(queued.way, "again"))
    assert again.status == 303
    assert again.way != queued.way
    await asyncio.to_thread(process, console)
    assert numbers((await ada.get(again.way)).text)[:5] == [1, 1, 0, 0, 0]
    once_more = await ada.post(deed(again.way, "again"))
    assert once_more.status == 409


@pytest.mark.parametrize("told", ["student_billing", "products", "", "<b>"])
async def test_a_form_cannot_choose_a_format_that_is_none_of_the_page(
    console: Console, told: str
) -> None:
    """A payment is never taken for a charge, whatever a program sends."""
    ada = await console.let_in("ada", OFFICE)
    answer = await drop(ada, PAGE, rows(1), format=told)
    preview = await read_preview(ada, answer.way)
    assert re.search(r"fee_payments_export\.csv", preview.text)
