"""``kernelyard tail``: read what a task or a kernel said, and go on reading while it speaks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from kernelyard.cli.command_app import command_app
from kernelyard.cli.complaints import Complaint
from kernelyard.cli.connection import DataDirOption, kernel_of, open_client
from kernelyard.cli.showing import Format, FormatOption, first_line, note, show_json_line

if TYPE_CHECKING:
    from kernelyard.cli.live import LivePrinter
    from kernelyard.client import Client, Kernel, Output, Task

app = command_app()
_PAGE = 500

_TOLD = frozenset(
    {"kernel_restarting", "kernel_interrupted", "kernel_signalled", "kernel_ending_soon"}
)
"""What everybody who follows a kernel is told in a line of its own."""


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
    0 succeeded, 1 raised, 3 lost, 130 cancelled. How it ended and what is missing is said on
    standard error.

    Examples:

      kernelyard tail 6f1c1b0e-2f61-4b4e-8c55-4f2a9d3f6a10

      kernelyard tail -f 6f1c1b0e-2f61-4b4e-8c55-4f2a9d3f6a10

      kernelyard tail nightly -f -o json
    """
    with open_client(data_dir) as yard:
        found = _find(yard, identity)
        reader = _Reader(form)
        if follow:
            status = _follow(yard, found, after, reader)
            if not reader.shown:
                _say_if_removed(yard, found)
            raise typer.Exit(status)
        _read(found, after, reader)
        if not reader.shown:
            _say_if_removed(yard, found)


class _JsonLines:
    """Prints each output as one line of JSON."""

    def show(self, output: Output) -> None:
        show_json_line(output)

    def note(self, text: str) -> None:
        """Headings have no place among JSON lines."""

    def finish(self) -> None:
        """Each line is whole already."""


class _Reader:
    """Prints outputs and remembers what has to be said at the end."""

    def __init__(self, form: Format) -> None:
        from kernelyard.cli.live import LivePrinter

        self.printer: LivePrinter | _JsonLines = (
            _JsonLines() if form is Format.JSON else LivePrinter(program=True)
        )
        self._gaps = 0
        self.shown = False
        """Whether there was anything to print."""

    def show(self, output: Output) -> None:
        """Print one output."""
        self.shown = True
        self.printer.show(output)
        self._gaps += output.kind == "gap"
        if output.kind == "cut" and isinstance(self.printer, _JsonLines):
            from kernelyard.cli.remarks import say_what_is_missing

            say_what_is_missing(cut_bytes=int(output.content.get("bytes", 0)))

    def show_with_end(self, output: Output) -> None:
        """Print one output of a kernel; what was done to it, and ends without success, are said."""
        from kernelyard.cli.remarks import how_it_ended

        self.show(output)
        if output.kind in _TOLD:
            self.printer.note(f"[kernel] {output.content.get('reason')}")
        if output.kind != "ended":
            return
        told, error = output.content, output.content.get("error") or {}
        said = ": ".join(str(error[key]) for key in ("name", "value") if error.get(key))
        line = how_it_ended(str(told.get("state")), told.get("reason"), said)
        if line is not None:
            self.printer.finish()
            note(f"[{output.task}] {line}")

    def finish(self) -> None:
        """End a line that was begun, and say it if nobody listened for a while."""
        from kernelyard.cli.remarks import say_what_is_missing

        self.printer.finish()
        say_what_is_missing(gaps=self._gaps)


def _find(yard: Client, identity: str) -> Task | Kernel:
    from kernelyard.client import NotFoundError

    try:
        return yard.tasks.get(identity)
    except NotFoundError:
        pass
    try:
        return kernel_of(yard, identity)
    except NotFoundError as error:
        raise Complaint(f"There is no task or kernel '{identity}'.") from error


def _follow(yard: Client, found: Task | Kernel, after: int, reader: _Reader) -> int:
    from kernelyard.cli.remarks import say_how_it_ended
    from kernelyard.cli.script_exit import program_status
    from kernelyard.client import Task

    if not isinstance(found, Task):
        for output in found.follow(after=after):
            reader.show_with_end(output)
        reader.finish()
        _say_why(found)
        return 0
    for output in found.follow(after=after):
        reader.show(output)
    reader.finish()
    status = program_status(found, yard.kernels.get(found.kernel_id))
    if found.state == "failed" and not found.info.reason and status:
        say_how_it_ended(found.info)
    return status


def _read(found: Task | Kernel, after: int, reader: _Reader) -> None:
    from kernelyard.cli.remarks import say_how_it_ended
    from kernelyard.client import Task

    if isinstance(found, Task):
        _read_task(found, after, reader)
        say_how_it_ended(found.refresh().info)
        reader.finish()
        return
    for task in reversed(list(found.tasks())):
        if task.info.started_at is not None:
            reader.printer.note(f"[{task.info.number}] {first_line(task.info.code)}")
            _read_task(task, after, reader)
        say_how_it_ended(task.info, f"[{task.info.number}] ")
    reader.finish()
    _say_why(found)


def _read_task(task: Task, after: int, reader: _Reader) -> None:
    last = after
    while True:
        page = task.outputs(after=last, limit=_PAGE)
        for output in page.items:
            reader.show(output)
        if page.complete or not page.items:
            reader.printer.finish()
            return
        last = page.last


def _say_if_removed(yard: Client, found: Task | Kernel) -> None:
    from kernelyard.cli.remarks import say_what_was_removed
    from kernelyard.client import Task

    kernel = yard.kernels.get(found.kernel_id) if isinstance(found, Task) else found
    say_what_was_removed(kernel.info)


def _say_why(kernel: Kernel) -> None:
    """Say it if a kernel is not as it was made, such as failed."""
    if kernel.info.reason:
        note(f"The kernel is {kernel.state}: {kernel.info.reason}")
