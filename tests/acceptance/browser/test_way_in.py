"""The way in, with a real browser: by mouse, by keyboard alone, on a phone, without scripts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.acceptance.browser.conftest import DESK, PASSWORD, PHONE, LetIn

if TYPE_CHECKING:
    from playwright.sync_api import ViewportSize

    from tests.acceptance.conftest import School


@pytest.mark.parametrize(("viewport", "scripts"), [(DESK, True), (PHONE, True), (PHONE, False)])
def test_somebody_signs_out_and_in_again_with_the_keyboard_alone(
    standing_school: School, let_in: LetIn, viewport: ViewportSize, *, scripts: bool
) -> None:
    """Nothing on the way needs a mouse, a large screen or a script."""
    name = f"ada{viewport['width']}-{scripts}".lower()
    person = let_in(standing_school, name, "office", viewport=viewport, scripts=scripts)
    page = person.page
    page.get_by_role("button", name="Sign out").press("Enter")
    page.get_by_role("heading", name="Sign in").wait_for()
    page.locator("input:focus").wait_for()  # as who types looks for the cursor first
    page.keyboard.type(name)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Overview").wait_for()
    if scripts:  # what looks for these is one
        assert person.overflow() == 0
        assert person.violations() == []


def test_whatever_is_read_needs_no_script(standing_school: School, let_in: LetIn) -> None:
    """Where scripts are forbidden every page of the menu says what it has to say."""
    roles = ("office", "contacts", "operator", "admin")
    person = let_in(standing_school, "noscript", *roles, scripts=False)
    ways = re.findall(r'<a href="([^"]+)" data-key=', person.page.content())
    assert len(ways) > 12
    for way in ways:
        page = person.go(f"{way.partition('?')[0]}?account={standing_school.account}")
        assert page.get_by_role("heading", level=1).inner_text()
        assert "Nothing here" not in page.content()
