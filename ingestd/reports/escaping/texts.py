"""Text of other people in lines of ours: nothing in it can end a line, or hide."""

from __future__ import annotations


def shown(text: str, *, also: str = "") -> str:
    """Return text with what cannot be printed, and the characters of `also`, escaped by number.

    What is written has no line break and no control or bidirectional character, and is UTF-8.
    """
    if text.isprintable() and not (also and any(char in text for char in also)):
        return text
    return "".join(
        char if char.isprintable() and char not in also else f"\\u{ord(char):04x}" for char in text
    )
