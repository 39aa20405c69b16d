"""``kernelyard stop``: end the servers of a data directory, and on demand everything else there."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated

import typer

from kernelyard.cli.command_app import command_app
from kernelyard.cli.complaints import Complaint
from kernelyard.cli.fellow_servers import servers_of
from kernelyard.cli.runtime_files import default_data_dir, remove_runtime
from kernelyard.cli.showing import Format, FormatOption, show_json

app = command_app()
_SERVER_SECONDS = 15.0
_START_SECONDS = 5.0
"""How long a server that is just starting may take until it can be ended in order."""


@dataclass(frozen=True, slots=True)
class Ended:
    """What was running and has been ended."""

    server: int | None = None
    servers: list[int] = field(default_factory=list)
    """All of them, where several shared the data directory."""
    agent: int | None = None
    kernels: int = 0


@app.command()
def stop(
    everything: Annotated[
        bool, typer.Option("--all", help="End the agent and all kernels too.")
    ] = False,
    data_dir: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Data directory of the server.")
    ] = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """End the server, and with --all the kernels too.

    Without --all, kernels go on under their agent. Outputs stay: they are readable again when the server is started again.
    Where several servers share the data directory, all of them are ended.

    Examples:

      kernelyard stop

      kernelyard stop --all --data-dir /tmp/yard
    """
    ended = stop_all(data_dir) if everything else stop_server(data_dir)
    if form is Format.JSON:
        show_json(ended)
    else:
        for line in _lines(ended, data_dir or default_data_dir(), everything=everything):
            typer.echo(line)


def stop_server(data_dir: Path | None) -> Ended:
    """End the server, if one runs, or all that share the data directory."""
    from kernelyard.cli.ending import end_process

    place = (data_dir or default_data_dir()).expanduser().resolve()
    pids = servers_of(place, patience=_START_SECONDS)
    for pid in pids:
        if not end_process(pid, patience=_SERVER_SECONDS):
            raise Complaint(f"the server (pid {pid}) of {place} does not end: look at its log")
    if pids:
        remove_runtime(place)
    return Ended(server=pids[0] if pids else None, servers=pids)


def stop_all(data_dir: Path | None) -> Ended:
    """Stop kernels while the server hears of it, then end it, so that it starts no agent; then that."""
    from kernelyard.cli.ending import end_agent, end_kernels, remove_remains, stop_kernels

    place = (data_dir or default_data_dir()).expanduser().resolve()
    kernels = stop_kernels(place) if servers_of(place, patience=0) else 0
    ended = stop_server(place)
    agent, left = end_agent(place)
    kernels += left + end_kernels(place)
    remove_remains(place)
    if not servers_of(place, patience=0):
        remove_runtime(place)
    return replace(ended, agent=agent, kernels=kernels)


def _lines(ended: Ended, data_dir: Path, *, everything: bool) -> list[str]:
    lines = []
    for pid in ended.servers:
        lines.append(f"Ended the server (pid {pid}).")
    if ended.agent is not None:
        lines.append(f"Ended the agent (pid {ended.agent}).")
    if ended.kernels:
        lines.append(f"Ended {ended.kernels} kernel{'' if ended.kernels == 1 else 's'}.")
    if not lines:
        lines.append(f"Nothing was running on {data_dir}.")
    if everything:
        lines.append("Nothing is left running. Outputs are kept in the data directory.")
    elif ended.server is not None:
        lines.append("Kernels, if there are any, go on; end them too with: kernelyard stop --all")
    return lines
