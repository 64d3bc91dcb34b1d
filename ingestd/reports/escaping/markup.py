"""HTML put together from elements: text of other people can never become a tag."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass

from ingestd.reports.escaping.texts import shown

# Zero-width joiners belong to how some scripts and many emoji are written, and hide nothing.
_JOINERS = re.compile("([\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}])")
_SPACES = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Html:
    """Text that is HTML already; every other text is escaped."""

    text: str


def element(tag: str, *inside: Html | str, **attributes: str) -> Html:
    """Return an element around texts and elements; `class_` and its like lose the underscore."""
    written = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{html.escape(readable(value))}"'
        for name, value in attributes.items()
    )
    return Html(f"<{tag}{written}>{joined(*inside).text}</{tag}>")


def joined(*inside: Html | str) -> Html:
    """Return texts and elements one behind the other."""
    return Html(
        "".join(
            part.text if isinstance(part, Html) else html.escape(readable(part)) for part in inside
        )
    )


def foreign(text: str) -> Html:
    """Return text of somebody else: it may run from right to left without turning ours around."""
    return element("bdi", text)


def readable(text: str) -> str:
    """Return text on one line, with what cannot be seen written out by number."""
    line = _SPACES.sub(" ", text)
    return "".join(
        part if _JOINERS.fullmatch(part) else shown(part) for part in _JOINERS.split(line)
    )
