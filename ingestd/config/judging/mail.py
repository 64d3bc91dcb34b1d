"""What `[mail]` may not hold: a password that others can read, on disk or on its way."""

from __future__ import annotations

from pathlib import Path

from ingestd.config.judging.values import parse_file
from ingestd.config.toml.mistakes import InvalidValueError, Mistakes


def check_mail(written: object, values: object, *, base: Path, mistakes: Mistakes) -> None:
    """Note what is wrong with the whole of `[mail]`, and make its `password_file` absolute.

    `written` is the table as the file has it, `values` the same with what the environment
    overrides; neither needs to be a table, which is told of elsewhere. `base` is what a relative
    path is relative to.
    """
    if isinstance(written, dict) and "password" in written:
        # The main file is readable by everybody on the machine, and ends up in tickets.
        mistakes.add(
            ("mail",),
            "the password does not belong into this file.",
            "Set INGESTD_MAIL__PASSWORD, or name a file that holds it in password_file.",
        )
    if not isinstance(values, dict):
        return
    if "password_file" in values:
        try:
            values["password_file"] = parse_file(values["password_file"], base=base)
        except InvalidValueError as error:
            mistakes.add_invalid(("mail", "password_file"), error)
            del values["password_file"]
    if values.get("tls") == "none" and "user" in values:
        mistakes.add(
            ("mail", "tls"),
            "the password would cross the network unencrypted.",
            'Write "starttls" or "tls", or remove user.',
        )
