"""``kernelyard tail``: read what a task or a kernel said, and go on reading while it speaks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from kernelyard.cli.command_app import command_app
from kernelyard.cli.connection import DataDirOption, kernel_of, open_client
from kernelyard.cli.showing import Format, FormatOption, first_line, show_json_line

if TYPE_CHECKING:
    from kernelyard.cli.live import LivePrinter
    from kernelyard.client import Client, Kernel, Output, Task

app = command_app()
_PAGE = 500


@app.command()
def tail(
    identity: Annotated[
        str, typer.Argument(metavar="ID", help="Id of a task, or id or name of a kernel.")
    ],
    follow: Annotated[
        bool, typer.Option("-f", "--follow", help="Go on until the task or kernel ends.")
    ] = False,
    after: Annotated[
        int, typer.Option(metavar="NUMBER", min=0, help="Begin after the output of this number.")
    ] = 0,
    data_dir: DataDirOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Print what a task said, and with -f what is still to come.

    Of a kernel, prints the tasks one after the other. With '-o json' each output is one line.
    Ctrl-C stops reading and nothing else. With -f the exit status of a task is that of its run:
    0 succeeded, 1 raised, 3 lost, 130 cancelled.

    Examples:

      kernelyard tail 6f1c1b0e-2f61-4b4e-8c55-4f2a9d3f6a10

      kernelyard tail -f 6f1c1b0e-2f61-4b4e-8c55-4f2a9d3f6a10

      kernelyard tail nightly -f -o json
    """
    with open_client(data_dir) as yard:
        found = _find(yard, identity)
        show = _shower(form)
        if follow:
            raise typer.Exit(_follow(yard, found, after, show))
        _read(found, after, show)
        show.finish()


class _JsonLines:
    """Prints each output as one line of JSON."""

    def show(self, output: Output) -> None:
        show_json_line(output)

    def note(self, text: str) -> None:
        """Headings have no place among JSON lines."""

    def finish(self) -> None:
        """Each line is whole already."""


def _shower(form: Format) -> LivePrinter | _JsonLines:
    from kernelyard.cli.live import LivePrinter

    return _JsonLines() if form is Format.JSON else LivePrinter()


def _find(yard: Client, identity: str) -> Task | Kernel:
    from kernelyard.client import NotFoundError

    try:
        return yard.tasks.get(identity)
    except NotFoundError:
        return kernel_of(yard, identity)


def _follow(yard: Client, found: Task | Kernel, after: int, show: LivePrinter | _JsonLines) -> int:
    from kernelyard.cli.attending import status_of
    from kernelyard.client import Task

    for output in found.follow(after=after):
        show.show(output)
    show.finish()
    return status_of(found, yard.kernels.get(found.kernel_id)) if isinstance(found, Task) else 0


def _read(found: Task | Kernel, after: int, show: LivePrinter | _JsonLines) -> None:
    from kernelyard.client import Task

    if isinstance(found, Task):
        _read_task(found, after, show)
        return
    for task in reversed(list(found.tasks())):
        if task.info.started_at is not None:
            show.note(f"[{task.info.number}] {first_line(task.info.code)}")
            _read_task(task, after, show)


def _read_task(task: Task, after: int, show: LivePrinter | _JsonLines) -> None:
    last = after
    while True:
        page = task.outputs(after=last, limit=_PAGE)
        for output in page.items:
            show.show(output)
        if page.complete or not page.items:
            return
        last = page.last
