"""``python -m kernelyard.agent --data-dir DIR``: run an agent in the foreground."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

from kernelyard.agent.lock import AlreadyRunning
from kernelyard.agent.logs import Log, set_up_logging
from kernelyard.agent.process import AgentSettings, run_agent


def main(arguments: list[str] | None = None) -> int:
    """Run an agent; return its exit status: 0, or 3 if another agent is there already."""
    parser = argparse.ArgumentParser(
        prog="python -m kernelyard.agent",
        description="Runs the kernels of one data directory. 'kernelyard serve' starts it.",
    )
    parser.add_argument("--data-dir", type=Path, required=True, help="where everything is kept")
    parser.add_argument(
        "--idle-exit-seconds",
        type=float,
        default=300.0,
        help="end after so long without a kernel and a connection (default: %(default)s)",
    )
    parser.add_argument(
        "--image-refresh-seconds",
        type=float,
        default=60.0,
        help="look again what is installed after so long at the latest (default: %(default)s)",
    )
    # By which whoever starts it has locked agent.lock already.
    parser.add_argument("--lock-descriptor", type=int, help=argparse.SUPPRESS)
    _add_zygotes(parser)
    parser.add_argument(
        "--allow-insecure-parameters",
        action="store_true",
        help="let launch parameters be set that may be anything",
    )
    parser.add_argument("--log-json", action="store_true", help="write the log as JSON lines")
    parser.add_argument(
        "--providers-file",
        type=Path,
        help="TOML or JSON with a table of settings for each provider, which is looked at again when "
        "it changes (default: agent/providers.json in the data directory, written by the server)",
    )
    parser.add_argument(
        "--quirks-file",
        type=Path,
        help="TOML with what is peculiar about kernels, which is looked at again when it changes "
        "(default: quirks.toml in the data directory)",
    )
    return _serve(parser.parse_args(arguments))


def _serve(given: argparse.Namespace) -> int:
    """Run an agent to its end; return what the process is to exit with."""
    set_up_logging(as_json=given.log_json)
    settings = AgentSettings(
        data_dir=given.data_dir.absolute(),
        idle_exit_seconds=given.idle_exit_seconds,
        image_refresh_seconds=given.image_refresh_seconds,
        zygotes=given.zygotes,
        zygote_ahead=given.zygote_ahead,
        zygote_age_seconds=given.zygote_age_seconds,
        zygote_boot_seconds=given.zygote_boot_seconds,
        allow_insecure_parameters=given.allow_insecure_parameters,
        providers_file=given.providers_file,
        quirks_file=given.quirks_file,
        lock_descriptor=given.lock_descriptor,
    )
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(run_agent(settings, Log()))
    except AlreadyRunning as error:
        sys.stderr.write(f"{error}\n")
        return 3
    return 0


def _add_zygotes(parser: argparse.ArgumentParser) -> None:
    """The options about processes that kernels are forked from."""
    parser.add_argument(
        "--zygotes",
        type=int,
        default=4,
        help="how many processes are kept to fork kernels from; 0 starts each kernel as a new program "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--zygote-ahead",
        type=int,
        choices=(0, 1),
        default=1,
        help="whether each of them forks one kernel before it is asked for (default: %(default)s)",
    )
    parser.add_argument(
        "--zygote-age-seconds",
        type=float,
        default=86_400.0,
        help="replace such a process when it is so old (default: %(default)s)",
    )
    parser.add_argument(
        "--zygote-boot-seconds",
        type=float,
        default=60.0,
        help="give such a process up if it is not ready after so long (default: %(default)s)",
    )


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """The fast event loop where it is installed; it costs a megabyte and saves a fifth of the work."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


if __name__ == "__main__":
    sys.exit(main())
