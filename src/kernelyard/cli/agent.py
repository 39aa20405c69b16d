"""``kernelyard agent``: the process beside kernels, in the foreground."""

from __future__ import annotations

import sys

import typer

from kernelyard.cli.command_app import command_app

app = command_app()


@app.command(
    context_settings={
        "ignore_unknown_options": True,
        "allow_extra_args": True,
        "help_option_names": [],
    },
    add_help_option=False,
)
def agent(context: typer.Context) -> None:
    """Run the agent that sits beside kernels.

    It launches kernels, runs their queues and keeps their journals. The server starts one by itself when it needs one; this is for looking at one in the foreground.
    Takes the flags of 'python -m kernelyard.agent'.

    Example:

      kernelyard agent --data-dir /var/lib/kernelyard
    """
    from kernelyard.agent.__main__ import main

    sys.exit(main(context.args))
