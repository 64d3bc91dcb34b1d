"""A real browser before a running installation, and the people who sit before it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

from tests.libraries import install_node_packages, missing

if TYPE_CHECKING:
    from tests.acceptance.conftest import School

PASSWORD = "correct horse battery"
PATIENCE_MS = 30_000
DESK: ViewportSize = {"width": 1280, "height": 800}
PHONE: ViewportSize = {"width": 320, "height": 568}


@dataclass(slots=True, kw_only=True)
class Person:
    """Somebody at a browser of their own. `troubles` is what the browser complained about."""

    page: Page
    address: str
    axe: str
    troubles: list[str]

    def go(self, path: str) -> Page:
        """Open a page; the console answers with one, whatever it is."""
        answer = self.page.goto(self.address + path)
        assert answer is not None
        assert answer.status < 500, path
        return self.page

    def violations(self) -> list[str]:
        """Return what of the page somebody could not use who sees, hears or types otherwise."""
        # Not by a script element, which the page's own rules forbid.
        self.page.evaluate(self.axe + ";0")
        found: dict[str, Any] = self.page.evaluate("axe.run()")
        return [
            f"{each['id']}: {node['html'][:200]}"
            for each in found["violations"]
            for node in each["nodes"]
        ]

    def overflow(self) -> int:
        """Return by how many pixels the page is wider than the window."""
        width: int = self.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        return width


LetIn = Callable[..., Person]


@pytest.fixture
def chromium() -> Iterator[Browser]:
    """Lend a browser, for one test: its loop runs in this thread, where others want theirs."""
    program = shutil.which("chromium")
    if program is None:
        missing("chromium is not installed")
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program)
        try:
            yield browser
        finally:
            browser.close()


@pytest.fixture(scope="session")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The program that finds what people cannot use."""
    folder = install_node_packages(Path(__file__).parent / "node", tmp_path_factory.mktemp("axe"))
    return (folder / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


@pytest.fixture
def let_in(chromium: Browser, axe: str) -> Iterator[LetIn]:
    """Lend a way to let people in: each has a browser that knows nothing of the others."""
    with ExitStack() as stack:
        people: list[Person] = []

        def let_in(
            school: School,
            name: str,
            *roles: str,
            viewport: ViewportSize = DESK,
            scripts: bool = True,
        ) -> Person:
            context = chromium.new_context(
                viewport=viewport, java_script_enabled=scripts, locale="en-US"
            )
            stack.callback(context.close)
            context.set_default_timeout(PATIENCE_MS)
            page = context.new_page()
            person = Person(
                page=page,
                address=f"http://127.0.0.1:{school.http_port}",
                axe=axe,
                troubles=[],
            )
            people.append(person)
            page.on("pageerror", lambda error: person.troubles.append(str(error)))
            page.on(
                "console",
                lambda told: (
                    person.troubles.append(told.text)
                    if told.type == "error" and "the server responded" not in told.text
                    else None
                ),
            )
            person.go(invite(school, name, *roles).removeprefix(person.address))
            page.get_by_label("Password, of at least").fill(PASSWORD)
            page.get_by_label("Once more").fill(PASSWORD)
            page.get_by_role("button", name="Keep it and sign in").click()
            page.get_by_role("heading", level=1).wait_for()
            return person

        yield let_in
        for person in people:
            assert person.troubles == []


def invite(school: School, name: str, *roles: str) -> str:
    """Let somebody in by the command, and return the link."""
    words = [word for role in roles for word in ("--role", role)]
    if {"office", "reader"} & set(roles):
        words += ["--account", school.account]
    done = school.run("user", "add", name, *words, "--output", "csv")
    assert done.returncode == 0, done.stderr
    return done.stdout.split()[-1].rsplit(",", 1)[-1]
