"""Pictures: bars drawn on the server, that need no script, and say in words what they show."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from markupsafe import Markup

from ingestd.reports.escaping.markup import Html, element, joined

_DAY = timedelta(days=1)
_DAY_WIDTH, _HALF, _LABEL = 2, 90, 16
_BAR_WIDTH, _BAR_HEIGHT, _BAR_STEP, _LETTER = 300, 16, 26, 7


def draw_year(
    days: Sequence[tuple[date, int, int]], *, first: date, last: date, title: str, about: str
) -> Markup:
    """Return a picture of days: two amounts of each, one upward, one downward."""
    width = ((last - first).days + 1) * _DAY_WIDTH
    high = max((max(up, down) for _, up, down in days), default=0) or 1
    bars = [
        _rect((day - first).days * _DAY_WIDTH, top, _DAY_WIDTH, tall, kind)
        for day, up, down in days
        for top, tall, kind in _halves(_scaled(up, high), _scaled(down, high))
    ]
    months = [first + n * _DAY for n in range((last - first).days + 1)]
    labels = [
        element(
            "text",
            f"{day:%b}",
            x=str((day - first).days * _DAY_WIDTH),
            y=str(2 * _HALF + _LABEL - 2),
            class_="label",
        )
        for day in months
        if day.day == 1
    ]
    middle = element("path", d=f"M0 {_HALF}H{width}", class_="axis")
    return _picture(width, 2 * _HALF + _LABEL, title, about, *bars, middle, *labels)


def draw_bars(bars: Sequence[tuple[str, int, str]], *, title: str, about: str) -> Markup:
    """Return a picture of bars: each a name, a size that sets its length, and a text behind it."""
    high = max((size for _, size, _ in bars), default=0) or 1
    names = max((len(name) for name, _, _ in bars), default=0) * _LETTER + _LETTER
    parts: list[Html] = []
    for place, (name, size, text) in enumerate(bars):
        top = place * _BAR_STEP + 4
        width = size * _BAR_WIDTH / high
        base = str(top + _BAR_HEIGHT - 4)
        parts += [
            element("text", name, x="0", y=base, class_="label"),
            _rect(names, top, width, _BAR_HEIGHT, "charged"),
            element("text", text, x=f"{names + width + 6:.0f}", y=base, class_="label"),
        ]
    return _picture(names + _BAR_WIDTH + 130, len(bars) * _BAR_STEP + 4, title, about, *parts)


def _halves(up: float, down: float) -> list[tuple[float, float, str]]:
    halves = [(_HALF - up, up, "charged"), (_HALF, down, "came")]
    return [half for half in halves if half[1]]


def _scaled(amount: int, high: int) -> float:
    # What there is, is seen: a bar has half a unit at least.
    return max(amount * _HALF / high, 0.5) if amount else 0.0


def _rect(x: float, y: float, width: float, height: float, kind: str) -> Html:
    return element(
        "rect",
        x=f"{x:g}",
        y=f"{y:.1f}",
        width=f"{width:.1f}",
        height=f"{height:.1f}",
        class_=kind,
    )


def _picture(width: int, height: int, title: str, about: str, *parts: Html) -> Markup:
    name = title.lower().replace(" ", "-").replace(",", "")
    drawn = element(
        "svg",
        element("title", title, id=f"{name}-title"),
        element("desc", about, id=f"{name}-about"),
        joined(*parts),
        viewBox=f"0 0 {width} {height}",
        role="img",
        class_="picture",
        aria_labelledby=f"{name}-title {name}-about",
    )
    return Markup(drawn.text)  # noqa: S704 - put together from elements, whose texts are escaped
