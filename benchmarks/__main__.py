"""``python -m benchmarks``: run every measure, print the tables, write ``benchmarks/RESULTS.md``.

It asserts no speed. Ways take turns within a run, so that figures of one run can be compared; figures of
two runs or two machines cannot. ``--quick`` is only to see that the benchmarks work.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import shlex
import signal
import sys
import traceback
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from time import perf_counter

from kernelyard import AsyncClient

from benchmarks import (
    crowd,
    floods,
    followers,
    growth,
    imports,
    kernel_start,
    load,
    memory,
    pooled,
    results,
    round_trip,
    serving,
    together,
)
from benchmarks.figures import Found
from benchmarks.machine import machine, versions
from benchmarks.peer import gateway, gateway_python
from benchmarks.quiet import Calibration, calibrate, is_busy
from benchmarks.running import Server, environment, scratch, server
from benchmarks.scene import Scene

Measure = Callable[[Scene], Awaitable[Found]]
GOALS: dict[str, Measure] = {
    "serving": serving.measure,
    # Memory first of those that use the server: at rest means before a flood has been through.
    "memory": memory.measure,
    "start": kernel_start.measure,
    "pool": pooled.measure,
    "imports": imports.measure,
    "together": together.measure,
    "round-trip": round_trip.measure,
    "floods": floods.measure,
    "crowd": crowd.measure,
}
FURTHER: dict[str, Measure] = {
    "followers": followers.measure,
    "load": load.measure,
    "growth": growth.measure,
}
MEASURES = GOALS | FURTHER


def main() -> None:
    """Read the options, start what is measured, print and write what was found."""
    options = _options()
    # So that what was started ends with us, however we are ended.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))
    begun = perf_counter()
    seed = random.randrange(10**6) if options.seed is None else options.seed
    python = None if options.without_gateway else gateway_python(options.gateway_python)
    if python is None:
        print("There is no jupyter_kernel_gateway: measuring without a peer.", file=sys.stderr)
    if is_busy() and not options.quick:
        print("This machine is busy with something else: figures mean little.", file=sys.stderr)
    calibrations = [calibrate("before the run")]
    with scratch() as home:
        # What we start in this process ourselves, the kernels spoken to straight, finds the same.
        os.environ.update(environment(home))
        with server(home) as running:
            found = asyncio.run(_measured(home, running, options, python, seed, calibrations))
    about = [*machine(), *versions(python), f"seed of the order: {seed}"]
    print(results.console(about, found, calibrations))
    if (path := _page(options)) is not None:
        command = shlex.join(["python", "-m", "benchmarks", *sys.argv[1:]])
        minutes = (perf_counter() - begun) / 60
        text = results.page(about, found, calibrations, command=command, minutes=minutes)
        path.write_text(text, "utf-8")
        print(f"\nWritten to {path}.")
    if found.failures:
        sys.exit("\n".join(found.failures))


async def _measured(
    home: Path,
    running: Server,
    options: argparse.Namespace,
    python: str | None,
    seed: int,
    calibrations: list[Calibration],
) -> Found:
    found = Found()
    async with AsyncClient(running.url, running.token) as yard, gateway(python, home) as peer:
        scene = Scene(
            home=home,
            server=running,
            yard=yard,
            gateway=peer,
            gateway_python=python,
            quick=options.quick,
            chance=random.Random(seed),
        )
        for name in _chosen(options):
            begun = perf_counter()
            print(f"measuring {name} …", end="", file=sys.stderr, flush=True)
            try:
                found.add(await MEASURES[name](scene))
            except Exception as error:
                # The others are still worth having; the run says at its end that it failed.
                traceback.print_exc()
                found.failures.append(f"{name} failed: {type(error).__name__}: {error}")
            print(f" {perf_counter() - begun:.0f} s", file=sys.stderr, flush=True)
            if not options.quick:
                calibrations.append(await asyncio.to_thread(calibrate, f"after {name}"))
    return found


def _chosen(options: argparse.Namespace) -> Sequence[str]:
    if options.only:
        return list(options.only)
    return list(MEASURES if options.all or options.quick else GOALS)


def _page(options: argparse.Namespace) -> Path | None:
    """Where the results go: a short run and a part of a run write none, unless told to."""
    if options.results is not None:
        return Path(options.results)
    return None if options.quick or options.only else results.PAGE


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few rounds; figures mean nothing")
    parser.add_argument(
        "--only", choices=MEASURES, action="append", help="this measure; repeatable"
    )
    parser.add_argument(
        "--all", action="store_true", help=f"also what has no goal: {', '.join(FURTHER)}"
    )
    parser.add_argument("--seed", type=int, help="of the order in which ways take turns")
    parser.add_argument("--results", metavar="PATH", help="write the page there")
    parser.add_argument(
        "--gateway-python",
        metavar="PATH",
        help="interpreter that has jupyter_kernel_gateway (default: build/peers, or this one)",
    )
    parser.add_argument("--without-gateway", action="store_true", help="measure without the peer")
    return parser.parse_args()


if __name__ == "__main__":
    main()
