"""Work for other processes, waited for in the event loop."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


async def in_pool(pool: Executor, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What `work` returns, or raises, in `pool`.

    Whoever is called off while it waits leaves the work to the pool, and to its `shutdown`. The event loop's own
    `run_in_executor` would cancel it: the thread of a pool that breaks at that moment stumbles over it and ends.
    """
    loop = asyncio.get_running_loop()
    ended = loop.create_future()

    def tell() -> None:
        if not ended.done():
            ended.set_result(None)

    def tell_loop(_: Future[T]) -> None:
        with contextlib.suppress(RuntimeError):  # it is closed: nobody waits any more
            loop.call_soon_threadsafe(tell)

    future = pool.submit(work, *args, **kwargs)
    future.add_done_callback(tell_loop)
    await ended
    return future.result()
