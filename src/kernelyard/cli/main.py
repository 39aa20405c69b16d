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

COMMANDS = {
    "run": "Run a program or notebook and print what it says.",
    "tail": "Print what a task said, and with -f what is still to come.",
    "logs": "Print the end of a kernel's log: what its process printed beside its outputs.",
    "submit": "Queue code on a kernel and print the task's id.",
    "kernels": "List, make, look at and end kernels.",
    "attach": "Attach a kernel that you did not start here, and print its id.",
    "detach": "Let go of kernels that were attached; they go on with their variables.",
    "connection-info": "Let plain Jupyter clients join a kernel: write a connection file and print its path.",
    "tasks": "List, look at, cancel and read tasks.",
    "events": "Print each state that your kernels and tasks have entered, oldest first, and what became of images.",
    "images": "List, watch, register and disable images.",
    "kernelspec": "Let JupyterLab, nbconvert, papermill and their like start kernels in a yard.",
    "resolve": "Print the image that would run a notebook; why goes to standard error.",
    "templates": "List, create, change and delete templates.",
    "zygotes": "List the processes from which kernels are forked; for administrators.",
    "pool": "Keep kernels ready, so that creating one takes no time.",
    "quota": "Show and set how much everybody may use.",
    "token": "List, create, revoke and show tokens.",
    "user": "Add, list, change, disable and remove users.",
    "audit": "Print who did what, when, from where and with which token, newest first. For administrators.",
    "serve": "Run the server until Ctrl-C; kernels outlive it.",
    "stop": "End the server, and with --all the kernels too.",
    "doctor": "Check settings, plugins, images, disk use, and whether a kernel starts.",
    "agent": "Run the agent that sits beside kernels.",
}
"""Commands with the first sentence of their help, in its order; with underscores, their modules."""


class LazyCommands(TyperGroup):
    """Imports a command when it is asked for, so that every command starts fast."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - the signature is Typer's
        return list(COMMANDS)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - the same
        """List them without importing them all."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

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
