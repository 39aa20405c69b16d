"""``kernelyard``: finds the command, runs it, and turns expected errors into one line."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module, metadata
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from kernelyard.cli.collecting import collect_rarely
from kernelyard.cli.complaints import sentence_of, show

COMMANDS = (
    "run",
    "tail",
    "logs",
    "submit",
    "kernels",
    "attach",
    "detach",
    "connection-info",
    "tasks",
    "events",
    "images",
    "kernelspec",
    "resolve",
    "templates",
    "zygotes",
    "pool",
    "token",
    "serve",
    "stop",
    "doctor",
    "agent",
)
"""Names of the commands and, with underscores, of their modules, in the order of the help."""


class LazyCommands(TyperGroup):
    """Imports a command when it is asked for, so that every command starts fast."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - the signature is Typer's
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - the same
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"kernelyard.cli.{cmd_name.replace('-', '_')}")
        command = typer.main.get_command(module.app)
        command.name = cmd_name
        return command


app = typer.Typer(
    cls=LazyCommands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"kernelyard {metadata.version('kernelyard')}")
        raise typer.Exit


@app.callback()
def kernelyard(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Queue code on headless kernels, walk away, read every output later.

    Begin with: kernelyard run -c 'print(6 * 7)'
    """


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run one command and exit with its status."""
    collect_rarely()
    try:
        app(args=arguments, prog_name="kernelyard")
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as error:
        told = sentence_of(error)
        if told is None:
            raise
        show(told[0])
        sys.exit(told[1])
    sys.exit(0)
