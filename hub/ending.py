"""Ending what is under way: a resource is closed only when nobody uses it any more.

A task that goes on behind a closed pool of connections opens new ones, which nobody closes.
"""

import asyncio
from collections.abc import Collection
from typing import Any


async def let_end(tasks: Collection[asyncio.Task[Any]], within_s: float) -> None:
    """Let them end by themselves for a while, then cancel them; they have ended afterwards."""
    tasks = list(tasks)  # a task that ends may leave the collection
    if tasks:
        await asyncio.wait(tasks, timeout=within_s)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
