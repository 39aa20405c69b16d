"""A notebook as one task per code cell, all queued at once; the executed copy grows cell by cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kernelyard.cli.attending import OK, attend, cancel_all, status_of
from kernelyard.cli.complaints import USAGE, Complaint
from kernelyard.cli.live import LivePrinter
from kernelyard.cli.remarks import say_what_is_missing, say_where_it_ran
from kernelyard.cli.showing import first_line, note
from kernelyard.client import Kernel, KernelyardError, Task
from kernelyard.client.notebook import CodeCell, NotebookRun

CELL_LABEL = "notebook-cell"


@dataclass(slots=True)
class AttendedNotebook:
    """A notebook whose cells are queued on a kernel."""

    kernel: Kernel
    notebook: NotebookRun
    cells: Sequence[CodeCell]
    tasks: Sequence[Task]
    target: Path
    continue_on_error: bool = False
    printer: LivePrinter | None = None
    status: int = OK
    _finished: int = 0
    _last: int = 0
    _gaps: int = 0
    _stopped: bool = field(default=False)

    def attend(self, *, come_back: str, timeout: float | None) -> int:
        """Stay with the run to its end and return the exit status."""
        self.notebook.save(self.target)
        try:
            short = attend(
                self._follow,
                cancel=self._cancel_rest,
                come_back=come_back,
                kernel_id=self.kernel.id,
                timeout=timeout,
            )
        finally:
            self.notebook.save(self.target)
        say_what_is_missing(gaps=self._gaps)
        return self.status if short is None else short

    def _follow(self) -> None:
        """Go on with the cell at which we are; may be called again after an interruption."""
        while self._finished < len(self.cells):
            cell, task = self.cells[self._finished], self.tasks[self._finished]
            if self.printer is not None and not self._last and not self._stopped:
                self.printer.note(self._heading(cell))
            for output in task.follow(after=self._last):
                self._last = output.number
                self._gaps += output.kind == "gap"
                self.notebook.add(cell.index, output)
                if self.printer is not None:
                    self.printer.show(output)
            self._settle(cell, task)

    def _settle(self, cell: CodeCell, task: Task) -> None:
        self.notebook.end(cell.index, task.info)
        self._finished, self._last = self._finished + 1, 0
        if self._finished == 1:
            self.notebook.describe_language(self.kernel.refresh().info.language_info)
        self.notebook.save(self.target)
        if self.printer is not None:
            self.printer.finish()
        if self._stopped:
            return
        expected = task.state == "failed" and (cell.may_raise or self.continue_on_error)
        status = OK if task.state == "succeeded" else status_of(task, self.kernel)
        if status != OK and not (expected and cell.may_raise):
            self.status = self.status or status
        if status != OK and not expected:
            say_where_it_ran(task.info.error)
            self._cancel_rest()

    def _cancel_rest(self) -> None:
        self._stopped = True
        rest = self.tasks[self._finished :]
        if rest:
            note(f"Cancelling the rest: {len(rest)} cell{'' if len(rest) == 1 else 's'}.")
        cancel_all(rest)

    def _heading(self, cell: CodeCell) -> str:
        return f"[{self._finished + 1}/{len(self.cells)}] {first_line(cell.source)}"


def read_notebook(path: Path) -> NotebookRun:
    """Read a notebook without its old outputs. Raises Complaint."""
    try:
        notebook = NotebookRun.read(path)
    except OSError as error:
        raise Complaint(f"{path} cannot be read: {error.strerror}", status=USAGE) from error
    except KernelyardError as error:
        raise Complaint(str(error), status=USAGE) from error
    notebook.clear()
    return notebook


def executed_path(source: Path) -> Path:
    """Where the executed copy of a notebook goes if nobody says: beside it."""
    return source.with_name(f"{source.stem}.executed.ipynb")


def submit_cells(
    kernel: Kernel, cells: Sequence[CodeCell], *, continue_on_error: bool = False
) -> list[Task]:
    """Queue every cell; from here on nobody has to stay.

    Each needs the cell before it, so that nothing runs behind a failure. A cell that may raise is
    not needed by any other.
    """
    tasks: list[Task] = []
    needed: Task | None = None
    for cell in cells:
        task = kernel.submit(cell.source, needs=needed, labels={CELL_LABEL: str(cell.index)})
        tasks.append(task)
        if not continue_on_error and not cell.may_raise:
            needed = task
    return tasks


def find_cells(kernel: Kernel, cells: Sequence[CodeCell]) -> list[Task]:
    """Return the tasks that an earlier run queued for these cells. Raises Complaint."""
    latest: dict[str, Task] = {}
    for task in kernel.tasks():
        latest.setdefault(task.info.labels.get(CELL_LABEL, ""), task)
    tasks = [latest.get(str(cell.index)) for cell in cells]
    found = [task for task in tasks if task is not None]
    same = all(task.info.code == cell.source for task, cell in zip(found, cells, strict=False))
    if len(found) < len(cells) or not same:
        raise Complaint(
            f"kernel {kernel.id} was not given the cells of this notebook as it is now: "
            "correct --resume, or run the notebook anew"
        )
    return found
