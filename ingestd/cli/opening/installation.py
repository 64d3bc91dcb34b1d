"""Opening an installation for a command, and saying which mistakes it works around.

A question is answered from what was good last; what changes something is more careful.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ingestd.cli.terminal.options import config_path
from ingestd.cli.terminal.output import complain

if TYPE_CHECKING:
    from ingestd.service.in_force.access_look import AccessLook
    from ingestd.service.in_force.need import Need
    from ingestd.service.installation.bootstrap import Installation


@contextmanager
def installation_for(
    need: Need, config: Path | None, account: str | None = None
) -> Iterator[Installation]:
    """Lend the installation that a command works with; name what is wrong with its files.

    With an account it is the shard that keeps the account's books.
    """
    from ingestd.service.installation.bootstrap import prepared_installation

    with prepared_installation(config_path(config), need, account) as installation:
        tell_mistakes(installation.look)
        yield installation


@contextmanager
def shards_for(
    need: Need, config: Path | None, account: str | None
) -> Iterator[tuple[Installation, ...]]:
    """Lend the shard that keeps an account's books, or all of them for None."""
    if account is not None:
        with installation_for(need, config, account) as installation:
            yield (installation,)
        return
    from ingestd.service.installation.bootstrap import prepared_shards

    with prepared_shards(config_path(config), need) as shards:
        tell_mistakes(shards[0].look)
        yield shards


def tell_mistakes(look: AccessLook) -> None:
    """Say on stderr what is wrong with the access files, and that older ones are in force."""
    for mistake in look.mistakes:
        complain(str(mistake))
    for seen, good in ((look.accounts, look.good.accounts), (look.allowlist, look.good.allowlist)):
        if seen.mistakes and good is None:
            complain(f"Nothing of {seen.path.name} was ever in force: nobody may connect.")
        elif seen.mistakes:
            complain(f"Worked with what was last in force of {seen.path.name}.")
    if look.good.trouble:
        complain(f"Not compared with what is in force: {look.good.trouble}")
