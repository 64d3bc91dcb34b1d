"""What a command needs of the config: apart, as commands name it before anything is loaded."""

from __future__ import annotations

from enum import StrEnum


class Need(StrEnum):
    """What must hold of accounts.toml and allowlist.toml for what is to be done.

    Source: the contract, section 2.
    """

    READING = "reading"
    """A question works on the last good copies: a slip in a file takes no answer away."""

    CHANGING = "changing"
    """What writes the books needs accounts.toml as it is meant to be."""

    EDITING = "editing"
    """What writes one of the two files must not build on a mistake in either."""

    SERVING = "serving"
    """The daemon needs something of each to put in force."""
