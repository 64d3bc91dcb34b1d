"""Mail addresses: one mailbox, plainly written, or none at all."""

from __future__ import annotations

import pytest

from ingestd.values.addresses import is_mail_address


@pytest.mark.parametrize(
    "text", ["a@b", "first.last+tag@mail.example.org", "o'neil@example.org", "jörg@bücher.example"]
)
def test_addresses_that_people_have_are_taken(text: str) -> None:
    """A parent's address is not refused for being unusual."""
    assert is_mail_address(text)


@pytest.mark.parametrize(
    "text",
    [
        *("", "a", "@b", "a@", "a@b@c", "a@-b", "a@b..c", "a b@c", "a@b,c@d", "a@b\n", "a@b;c"),
        *("A <a@b>", '"a"@b', "a@[::1]", "a@b\r\nBcc: c@d", "\u202ea@b", "a" * 65 + "@b"),
        "a@" + "b." * 130 + "c",
    ],
)
def test_what_could_be_read_as_anything_else_is_refused(text: str) -> None:
    """An invoice goes to one person, never to a second one smuggled in."""
    assert not is_mail_address(text)
