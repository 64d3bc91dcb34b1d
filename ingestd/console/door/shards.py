"""Shards: a page about an account is answered from the database that keeps the account's books."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from starlette.requests import Request
from starlette.responses import Response

from ingestd.console.door.rights import Answering, Asked, Visit
from ingestd.service.daemon.supervisor import Surroundings
from ingestd.service.installation.bootstrap import Installation


def by_shard(
    surroundings: Surroundings, pages: Callable[[Surroundings], tuple[Asked, ...]]
) -> tuple[Asked, ...]:
    """Return pages that are about one account each, answered by those of its shard."""
    whole = surroundings.installation
    made = {shard.shard: pages(replace(surroundings, installation=shard)) for shard in whole.shards}
    main = made[whole.shard]
    if len(made) == 1:
        return main
    return tuple(
        replace(
            asked,
            answer=_of_shard(whole, {name: asked[number].answer for name, asked in made.items()}),
        )
        for number, asked in enumerate(main)
    )


def _of_shard(whole: Installation, answers: Mapping[str, Answering]) -> Answering:
    async def answer(request: Request, visit: Visit) -> Response:
        return await answers[whole.shard_of(visit.books.account_id).shard](request, visit)

    return answer
