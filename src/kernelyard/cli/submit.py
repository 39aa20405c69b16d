"""``kernelyard submit``: queue code on a kernel that exists."""

from __future__ import annotations

from typing import Annotated

import typer

from kernelyard.cli.command_app import command_app
from kernelyard.cli.connection import DataDirOption, kernel_of, open_client
from kernelyard.cli.pairs import LabelOption, pairs
from kernelyard.cli.showing import Format, FormatOption, show_json
from kernelyard.cli.sources import CodeOption, FileArgument, code_of, notebook_of

app = command_app()

NeedsOption = Annotated[
    str | None,
    typer.Option(metavar="TASK", help="Run it only if this earlier task of the kernel succeeds."),
]

TimeLimitOption = Annotated[
    str | None,
    typer.Option(metavar="DURATION", help="Stop it when it has run so long, such as 30m."),
]
SilenceLimitOption = Annotated[
    str | None,
    typer.Option(metavar="DURATION", help="Stop it when it has said nothing for so long."),
]


@app.command()
def submit(  # noqa: PLR0913 - one parameter per flag
    kernel: Annotated[str, typer.Argument(help="Id or name of the kernel.")],
    file: FileArgument = None,
    code: CodeOption = None,
    needs: NeedsOption = None,
    time_limit: TimeLimitOption = None,
    silence_limit: SilenceLimitOption = None,
    label: LabelOption = None,
    follow: Annotated[
        bool, typer.Option("-f", "--follow", help="Print what it says until its end.")
    ] = False,
    data_dir: DataDirOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Queue code on a kernel and print the task's id.

    It runs after what is queued already.

    Examples:

      kernelyard submit nightly step2.py

      kernelyard submit nightly -c 'model.score(x, y)' -f

      kernelyard tail -f $(kernelyard submit nightly step3.py)

      kernelyard submit nightly step4.py --needs $(kernelyard submit nightly step3.py)
    """
    if notebook_of(file, code) is not None:
        raise typer.BadParameter("a notebook has many tasks: use 'kernelyard run NOTEBOOK'")
    text = code_of(file, code)
    with open_client(data_dir) as yard:
        handle = kernel_of(yard, kernel)
        task = handle.submit(
            text,
            needs=needs,
            time_limit=time_limit,
            silence_limit=silence_limit,
            labels=pairs(label, "--label"),
        )
        if follow:
            from kernelyard.cli.live import LivePrinter
            from kernelyard.cli.run_code import follow_task

            printer = None if form is Format.JSON else LivePrinter(program=True)
            status = follow_task(task, handle, printer=printer)
            if form is Format.JSON:
                show_json(task.result())
            raise typer.Exit(status)
        if form is Format.JSON:
            show_json(task.info)
        else:
            typer.echo(task.id)
