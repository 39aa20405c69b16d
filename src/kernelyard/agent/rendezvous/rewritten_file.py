"""Reading a connection file again until the kernel has written its ports into it.

The kernel removes the file and makes it anew, so it may be missing, empty or half written when it is
looked at.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from kernelyard.agent.connection import read_connection
from kernelyard.wire.connections import Connection

LOOK_SECONDS = 0.01


async def rewritten(file: Path, key: str) -> Connection:
    """Return what ``file`` says, once it has our ``key`` and five ports."""
    while True:
        found = read_connection(file)
        if found is not None and found.key == key:
            return found
        await asyncio.sleep(LOOK_SECONDS)
