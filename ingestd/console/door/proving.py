"""Proving: whether a password is somebody's, at a few at a time, and not for guessing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from starlette.requests import Request

from ingestd.access.passwords import CHARACTERS_MAX, VERIFICATIONS_MAX, fits, hash_in_vain
from ingestd.console.door.attempts import Attempts
from ingestd.service.people.users import User
from ingestd.values.clock import Clock

P = ParamSpec("P")
T = TypeVar("T")


class Proving:
    """What all pages share that ask for a password or a code: threads, and what failed of late."""

    def __init__(self, clock: Clock) -> None:
        self.passwords = Attempts(clock.monotonic)
        self.codes = Attempts(clock.monotonic)
        """Apart: whoever knows a password may try no more codes for that."""
        self.sign_ons = Attempts(clock.monotonic)
        self._threads = ThreadPoolExecutor(VERIFICATIONS_MAX, thread_name_prefix="argon2")

    async def fits(self, user: User | None, password: str) -> bool:
        """Tell whether a password is the user's; it takes as long where there is none."""
        if user is None or user.password_hash is None or user.is_disabled:
            await self.run(hash_in_vain, None, password[:CHARACTERS_MAX])
            return False
        return await self.run(fits, user.password_hash, password[:CHARACTERS_MAX])

    async def run(self, work: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
        """Return what comes of work that hashes a password."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, lambda: work(*args, **named))


def told_to_wait(seconds: int) -> str:
    """Return how long somebody has to wait, in words."""
    minutes = -(-seconds // 60)
    return f"Too many attempts. Try again in {minutes} minute{'s'[: minutes > 1]}."


def peer_of(request: Request) -> str:
    """Return the address that a request comes from."""
    return request.client.host if request.client else ""
