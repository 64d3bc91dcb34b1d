"""Pictures: what they show is there in words, too, and names in them are no markup."""

from __future__ import annotations

import re
from datetime import date
from xml.etree import ElementTree as ET

from ingestd.console.office.reports.pictures import draw_bars, draw_year

SVG = ET.fromstring


def test_a_year_has_a_bar_for_each_amount_that_there_is() -> None:
    """What there is, is seen, however small; what there is not has no bar."""
    first, last = date(2026, 1, 1), date(2026, 12, 31)
    days = [(first, 100_000_000, 1), (date(2026, 1, 2), 0, 5), (last, 3, 0)]
    drawn = SVG(draw_year(days, first=first, last=last, title="A", about="B"))
    bars = [bar.attrib for bar in drawn.iter("rect")]
    assert [bar["class"] for bar in bars] == ["charged", "came", "came", "charged"]
    assert all(float(bar["height"]) >= 0.5 for bar in bars)
    _, _, width, height = map(float, drawn.attrib["viewBox"].split())
    for bar in bars:
        assert 0 <= float(bar["x"]) <= width - float(bar["width"])
        assert 0 <= float(bar["y"]) <= height - float(bar["height"])
    assert [label.text for label in drawn.iter("text")][:2] == ["Jan", "Feb"]


def test_a_picture_says_what_it_shows_and_has_no_style_of_its_own() -> None:
    """Whoever sees no picture is told; and no page allows a style or a script inside."""
    drawn = draw_bars([("<b>x", 3, "3"), ("none", 0, "0")], title="Files, by state", about="x: 3")
    picture = SVG(drawn)
    names = picture.attrib["aria-labelledby"].split()
    told = {part.attrib["id"]: part.text for part in picture if "id" in part.attrib}
    assert [told[name] for name in names] == ["Files, by state", "x: 3"]
    assert "<b>" not in drawn
    assert not re.search(r"style|script|on\w+=", drawn)


def test_a_picture_of_nothing_is_one() -> None:
    """The first day of a new district."""
    assert SVG(draw_bars([], title="A", about="B")).tag == "svg"
    assert SVG(draw_year([], first=date(2026, 1, 1), last=date(2026, 1, 1), title="A", about="B"))
