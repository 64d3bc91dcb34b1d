"""The console's first page: what it tells, and what it never does."""

from __future__ import annotations

from ingestd.service.http.console import STATES, render_console
from ingestd.spool.queue import UploadCount
from ingestd.values.identifiers import AccountId

WELL = {"sftp": "", "database": ""}


def count(account: str, state: str, uploads: int) -> UploadCount:
    return UploadCount(account=AccountId(account), state=state, uploads=uploads)


def test_each_account_has_a_line_with_a_figure_for_each_state() -> None:
    """The office sees at a glance which district's files were refused."""
    counts = [count("B", "processed", 1200), count("B", "rejected", 3), count("A", "waiting", 1)]
    page = render_console(version="1.2", parts=WELL, counts=counts)
    lines = page.split("Uploads")[1].split("<tr>")[2:]
    figures = [line.split("</tr>")[0].removeprefix("<td>").split("</td>")[0] for line in lines]
    assert figures == ["A", "B"]
    assert [line.count("<td>") for line in lines] == [1 + len(STATES)] * 2
    assert "<td>1200</td>" in lines[1]
    assert "All parts work." in page


def test_a_part_that_does_not_work_says_why_and_can_say_it_in_any_words() -> None:
    """An error that quotes a tag stays text, and the page still loads when the database is gone."""
    page = render_console(version="1.2", parts={"database": "<b> is & gone"}, counts=None)
    assert "Not all parts work." in page
    assert "&lt;b&gt; is &amp; gone" in page
    assert "cannot be counted" in page


def test_a_new_installation_has_no_empty_table() -> None:
    """The first look at a new installation is no riddle."""
    assert "None has arrived yet." in render_console(version="1.2", parts=WELL, counts=[])
