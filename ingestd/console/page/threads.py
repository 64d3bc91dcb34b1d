"""Threads of the console's own: what waits for the database here takes none from the door.

On SQLite a write waits for the file that is being posted; reads never wait for it, or for a write.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_reading = ThreadPoolExecutor(2, thread_name_prefix="console-read")
_reading_all = ThreadPoolExecutor(1, thread_name_prefix="console-read-all")
_writing = ThreadPoolExecutor(2, thread_name_prefix="console-write")


async def read(work: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
    """Return what a question to the database comes to."""
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_reading, partial(work, *args, **named))


async def write(work: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
    """Return what comes of a deed that the database keeps."""
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_writing, partial(work, *args, **named))


async def read_long(work: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
    """Return what a question comes to that reads everything: one at a time, beside the pages."""
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_reading_all, partial(work, *args, **named))
