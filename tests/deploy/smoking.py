"""``deploy/smoke.py`` as its users start it, and what it said."""

import asyncio
import os
import sys
from dataclasses import dataclass

from tests.program import ADMIN_KEY, STACKS

DEPLOY = STACKS.parent / "deploy"


@dataclass(frozen=True)
class Smoked:
    """How it ended."""

    code: int
    said: str


async def smoke(*arguments: str, key: str | None = ADMIN_KEY) -> Smoked:
    """Run it to its end."""
    environment = {n: v for n, v in os.environ.items() if not n.startswith("HUB_")}
    if key is not None:
        environment["HUB_ADMIN_KEY"] = key
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-I", str(DEPLOY / "smoke.py")),
        *arguments,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode is not None
    return Smoked(process.returncode, said.decode())
