"""``python -m benchmarks``: run every measure and print one table. It asserts no speed.

Ways take turns within a run, so that figures of one run can be compared; figures of two runs or two
machines cannot. ``--quick`` is only to see that the benchmarks work.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import sys
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from pathlib import Path

from kernelyard import AsyncClient

from benchmarks import floods, followers, growth, kernel_start, load, memory, round_trip
from benchmarks.figures import Figure, table
from benchmarks.peer import gateway, gateway_python
from benchmarks.running import Server, scratch, server
from benchmarks.scene import Scene

MEASURES: dict[str, Callable[[Scene], Awaitable[list[Figure]]]] = {
    # Memory first: at rest means before a flood has been through.
    "memory": memory.measure,
    "start": kernel_start.measure,
    "round-trip": round_trip.measure,
    "floods": floods.measure,
    "followers": followers.measure,
    "load": load.measure,
    "growth": growth.measure,
}


def main() -> None:
    """Read the options, start what is measured, print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few rounds; figures mean nothing")
    parser.add_argument(
        "--only", choices=MEASURES, action="append", help="this measure; repeatable"
    )
    parser.add_argument(
        "--gateway-python",
        metavar="PATH",
        help="interpreter that has jupyter_kernel_gateway (default: this one, if it has it)",
    )
    options = parser.parse_args()
    with scratch() as home, server(home) as running:
        figures = asyncio.run(_measured(home, running, options))
    print(_machine())
    print()
    print(table(figures))


async def _measured(home: Path, running: Server, options: argparse.Namespace) -> list[Figure]:
    python = gateway_python(options.gateway_python)
    figures: list[Figure] = []
    async with (
        AsyncClient(running.url, running.token) as yard,
        gateway(python, home) as peer,
    ):
        scene = Scene(home=home, server=running, yard=yard, gateway=peer, quick=options.quick)
        for name in options.only or MEASURES:
            print(f"measuring {name} …", file=sys.stderr, flush=True)
            figures += await MEASURES[name](scene)
    return figures


def _machine() -> str:
    parts = (
        f"{os.cpu_count()} CPUs",
        platform.system(),
        f"Python {platform.python_version()}",
        *(f"{name} {version(name)}" for name in ("kernelyard", "ipykernel", "pyzmq", "uvicorn")),
    )
    return " · ".join(parts)


if __name__ == "__main__":
    main()
