"""A school's morning at the console, in a real browser, from the first file to a figure's row."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Page, expect

from tests.acceptance.browser.conftest import DESK, PHONE, LetIn, Person

if TYPE_CHECKING:
    from playwright.sync_api import ViewportSize

    from tests.acceptance.conftest import School

PICTURES = os.environ.get("INGESTD_PICTURES")
"""A folder for pictures of the pages, where somebody wants them."""

CHARGES = (
    "LIABILITY,M-1,00042,LOST_BOOK,,18.50,",
    "LIABILITY,M-2,00043,LATE_FEE,,5.00,",
    "LIABILITY,M-3,00042,YEARBOOK,,25.00,",
)
PAYMENT = "2026-03-02,23.50,BANK1,7,R1,P-77,23.50,0.00,0.00,0.00\n"


def look(person: Person, name: str) -> None:
    """Look at a page as somebody would who sees little, or has a small screen."""
    assert person.violations() == [], name
    assert person.overflow() == 0, name
    if PICTURES:
        person.page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=True)


def press(page: Page, name: str, *, role: str = "button") -> None:
    """Press a button, or follow a link, by the keyboard."""
    found = page.get_by_role("link" if role == "link" else "button", name=name, exact=True).first
    found.focus()
    page.keyboard.press("Enter")


@pytest.mark.long
@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_a_schools_morning(open_school: School, let_in: LetIn, viewport: ViewportSize) -> None:
    """One who opens no terminal takes files, mends the catalog, settles, returns and traces."""
    school = open_school
    ada = let_in(school, "ada", "office", "contacts", viewport=viewport)
    look(ada, "overview")
    go_by_keys(ada)
    drop_charges(ada, school)
    mend_catalog_and_send_again(ada)
    take_payments(ada, school)
    settle_batch(ada)
    return_payment(ada)
    trace_revenue(ada)
    change_allowlist(let_in(school, "root", "admin", viewport=viewport))


def go_by_keys(ada: Person) -> None:
    """Every page of the menu is two keys away, and one tells which."""
    page = ada.page
    page.keyboard.press("?")
    expect(page.get_by_role("heading", level=1)).to_have_text("Help")
    look(ada, "help")
    page.keyboard.press("g")
    page.keyboard.press("q")
    expect(page.get_by_role("heading", level=1)).to_have_text("Queued charges")


def drop_charges(ada: Person, school: School) -> None:
    page = ada.go("/billing/queued-charges")
    look(ada, "queued-charges")
    page.get_by_label("File", exact=True).set_input_files(school.write("monday.csv", *CHARGES))
    press(page, "Preview")
    expect(page.get_by_role("heading", level=1)).to_have_text("Preview of monday.csv")
    expect(page.get_by_text("billing_code_unknown").first).to_be_visible()
    expect(page.get_by_text("To be applied: 23.50 USD")).to_be_visible()
    assert school.items() == {}, "a preview counts for nothing"
    look(ada, "preview")
    press(page, "Queue these charges")
    expect(page.get_by_role("status")).to_contain_text("processed, with findings")
    look(ada, "upload")
    page.get_by_role("link", name="4", exact=True).click()
    expect(page.get_by_text(CHARGES[2])).to_be_visible()
    look(ada, "row")
    page.get_by_role("link", name="The upload").click()
    expect(page.get_by_role("heading", name="Findings")).to_be_visible()


def mend_catalog_and_send_again(ada: Person) -> None:
    page = ada.page
    upload = page.url
    ada.go("/catalog/products/import")
    rows = "billing_code,name,price\nYEARBOOK,Yearbook,25.00\n"
    page.get_by_label("Rows, as CSV").fill(rows)
    press(page, "Say what it would change")
    expect(page.get_by_role("heading", name="What it would change")).to_be_visible()
    look(ada, "catalog-import")
    press(page, "Take the good rows")
    expect(page.get_by_text("YEARBOOK").first).to_be_visible()
    page.goto(upload)
    press(page, "Send the file again")
    expect(page.get_by_role("status")).to_contain_text("was processed")
    counts = page.get_by_role("region", name="Rows by verdict")
    expect(counts.get_by_role("cell")).to_have_text(["3", "1", "2", "0", "0", re.compile("25.00")])


def take_payments(ada: Person, school: School) -> None:
    page = ada.go("/receipting/merchants")
    page.get_by_label("Merchant id").fill("BANK1")
    page.get_by_label("Description").fill("Springfield Savings")
    press(page, "Keep it")
    expect(page.get_by_role("cell", name="Springfield Savings")).to_be_visible()
    look(ada, "merchants")
    ada.go("/receipting/electronic-receipts")
    file = school.outbox / "bank.csv"
    file.write_text(PAYMENT, encoding="utf-8")
    page.get_by_label("Fee account payments").check()
    page.get_by_label("File", exact=True).set_input_files(file)
    press(page, "Preview")
    totals = page.get_by_role("region", name="Control totals")
    expect(totals.get_by_role("cell")).to_have_text(["BANK1", "7", "1", "23.50 USD"])
    look(ada, "preview-of-payments")
    press(page, "Queue these payments")
    expect(page.get_by_role("status")).to_contain_text("was processed")


def settle_batch(ada: Person) -> None:
    page = ada.go("/batches")
    look(ada, "batches")
    page.get_by_role("link", name="7", exact=True).first.click()
    page.get_by_label("The bank's total").fill("23.00")
    press(page, "Say what will happen")
    expect(page.get_by_role("alert")).to_contain_text("23.50")
    page.get_by_label("The bank's total").fill("23.50")
    press(page, "Say what will happen")
    expect(page.get_by_role("heading", name="What will happen")).to_be_visible()
    look(ada, "settle-batch")
    press(page, "Settle a batch")
    expect(page.get_by_role("status")).to_contain_text("Done")
    look(ada, "batch")


def return_payment(ada: Person) -> None:
    page = ada.go("/payments")
    look(ada, "payments")
    page.get_by_role("region", name="Payments").get_by_role("link").first.click()
    expect(page.get_by_text("settled").first).to_be_visible()
    press(page, "Return", role="link")
    page.get_by_label("Reason").fill("NSF")
    press(page, "Say what will happen")
    expect(page.get_by_role("heading", name="What will happen")).to_be_visible()
    look(ada, "return-payment")
    press(page, "Return a payment")
    expect(page.get_by_role("status")).to_contain_text("Done")
    expect(page.get_by_text("returned").first).to_be_visible()
    look(ada, "payment")


def trace_revenue(ada: Person) -> None:
    """From a figure to the row's own bytes in three clicks."""
    page = ada.go("/reports")
    look(ada, "reports")
    for name in ("sales", "revenue", "balances", "aging", "items"):
        ada.go(f"/reports/{name}")
        look(ada, f"report-{name}")
    page.get_by_role("link", name="M-2", exact=True).first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Charge M-2")
    look(ada, "trace")
    press(page, "The row's own bytes in its file", role="link")
    expect(page.get_by_text(CHARGES[1])).to_be_visible()
    ada.go("/parties/P-77")
    look(ada, "party")


def change_allowlist(root: Person) -> None:
    page = root.go("/allowlist")
    look(root, "allowlist")
    page.get_by_label("Address or network").fill("203.0.113.17/28")
    press(page, "Show what would change")
    expect(page.get_by_role("alert")).to_contain_text("203.0.113.16/28")
    page.get_by_label("Address or network").fill("203.0.113.16/28")
    press(page, "Show what would change")
    expect(page.get_by_text("203.0.113.16/28").first).to_be_visible()
    look(root, "allowlist-difference")
    press(page, "Save")
    expect(page.get_by_role("status").first).to_contain_text("Saved")
    root.go("/allowlist/history")
    look(root, "allowlist-history")
    page.get_by_role("link", name="1", exact=True).click()
    press(page, "Take it back: show what would change")
    expect(page.get_by_text("removed").first).to_be_visible()
    press(page, "Save")
    expect(page.get_by_role("status").first).to_contain_text("Saved")
    for path in ("/accounts", "/users", "/tokens", "/audit", "/me", "/allowlist/edit"):
        root.go(path)
        look(root, path.strip("/").replace("/", "-"))
