"""What ``make demo`` runs: a notebook, a client that leaves in the middle, and no output missing.

Usage: python examples/demo.py [DIRECTORY]      (default: demo-output)
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from pathlib import Path

from kernelyard import Client, Kernel, Output, Task
from kernelyard.cli.live import LivePrinter
from kernelyard.cli.local_server import ensure_server
from kernelyard.cli.run_notebook import submit_cells
from kernelyard.cli.showing import first_line
from kernelyard.cli.stop import stop_all
from kernelyard.client.notebook import NotebookRun

NOTEBOOK = Path(__file__).with_name("digits.ipynb")
EXECUTED = "digits.executed.ipynb"
AWAY_SECONDS = 6
LEAVE_AFTER = "epoch  8/"
"""The line at which the client goes away."""


class Story:
    """Tells on the terminal what happens; plain where there is none."""

    def __init__(self) -> None:
        self._fancy = sys.stdout.isatty() and "NO_COLOR" not in os.environ

    def say(self, text: str) -> None:
        bold, normal = ("\x1b[1;36m", "\x1b[0m") if self._fancy else ("", "")
        print(f"\n{bold}==> {text}{normal}", flush=True)

    def cell(self, number: int, count: int, code: str) -> None:
        dim, normal = ("\x1b[2m", "\x1b[0m") if self._fancy else ("", "")
        print(f"{dim}[{number}/{count}] {first_line(code, 70)}{normal}", flush=True)


class Reader:
    """Reads the tasks in order, puts outputs into the notebook, and knows where it is."""

    def __init__(self, notebook: NotebookRun, story: Story, target: Path) -> None:
        self.notebook = notebook
        self.cells = list(notebook.code_cells())
        self.numbers: list[int] = []
        """The number of every output that was read, to show that none is missing or twice there."""
        self.figures: list[Path] = []
        self._story = story
        self._target = target
        self._cell = 0
        self._last = 0
        self._printer = LivePrinter(err=sys.stdout)

    def read(self, tasks: list[Task], *, until: str | None = None) -> None:
        """Print outputs live, to the end or to the first line that holds ``until``."""
        while self._cell < len(self.cells):
            cell, task = self.cells[self._cell], tasks[self._cell]
            if not self._last:
                self._story.cell(self._cell + 1, len(self.cells), cell.source)
            for output in task.follow(after=self._last):
                self._take(output)
                if until is not None and until in output.text:
                    return
            self.notebook.end(cell.index, task.info)
            self.notebook.save(self._target / EXECUTED)
            self._cell, self._last = self._cell + 1, 0
            if task.state != "succeeded":
                raise SystemExit(
                    f"cell {self._cell} {task.state}: {task.info.error or task.info.reason}"
                )

    def _take(self, output: Output) -> None:
        self._last = output.number
        self.numbers.append(output.number)
        self._printer.show(output)
        self.notebook.add(self.cells[self._cell].index, output)
        if output.png:
            figure = self._target / f"figure-{len(self.figures) + 1}.png"
            figure.write_bytes(output.png)
            self.figures.append(figure)


def main(target: Path) -> None:
    story = Story()
    # A data directory of its own, and only that: nothing of yours is touched.
    data_dir = target / "yard"
    os.environ.pop("KERNELYARD_TOKEN", None)
    clear(target, data_dir)
    try:
        run(target, data_dir, story)
    finally:
        stop_all(data_dir)


def clear(target: Path, data_dir: Path) -> None:
    """Remove what an earlier demo left."""
    stop_all(data_dir)
    shutil.rmtree(data_dir, ignore_errors=True)
    target.mkdir(parents=True, exist_ok=True)
    for old in (*target.glob("figure-*.png"), target / EXECUTED):
        old.unlink(missing_ok=True)


def run(target: Path, data_dir: Path, story: Story) -> None:
    story.say("Starting a server in the background")
    runtime, _ = ensure_server(data_dir)
    print(f"It listens on {runtime.url} (pid {runtime.pid})")
    reader = Reader(NotebookRun.read(NOTEBOOK), story, target)

    story.say(f"Queueing the {len(reader.cells)} code cells of {NOTEBOOK.name} on a fresh kernel")
    with Client(data_dir=data_dir) as yard:
        kernel = yard.kernels.create(image="python3", display_name=NOTEBOOK.name)
        task_ids = [task.id for task in submit_cells(kernel, reader.cells)]
        print(f"Kernel {kernel.id} is {kernel.state}; all cells are queued already.\n")
        reader.read([yard.tasks.get(one) for one in task_ids], until=LEAVE_AFTER)

    story.say(f"Dropping the connection in the middle of the training, for {AWAY_SECONDS} seconds")
    print("The client is closed. Nobody listens now but the agent beside the kernel.", flush=True)
    time.sleep(AWAY_SECONDS)

    story.say("Back, with a new client that knows nothing but the task ids")
    with Client(data_dir=data_dir) as yard:
        tasks = [yard.tasks.get(one) for one in task_ids]
        done = sum(task.info.is_final for task in tasks)
        running = next((task for task in tasks if not task.info.is_final), tasks[-1])
        print(
            f"{done} of {len(tasks)} cells have ended; cell {running.info.number} is {running.state}.\n"
        )
        reader.read(tasks)
        check(yard.kernels.get(kernel.id), tasks, reader)

    story.say("Stopping the kernel, the agent and the server")
    ended = stop_all(data_dir)
    print(f"Ended the server (pid {ended.server}) and the agent (pid {ended.agent}).")
    farewell(target, reader, story)


def check(kernel: Kernel, tasks: list[Task], reader: Reader) -> None:
    """Compare what was read in two halves with what is stored."""
    stored = [output.number for task in tasks for output in pages(task)]
    if reader.numbers != stored:
        raise SystemExit("outputs are missing or repeated: this must not happen; please report it")
    print(
        f"\n{len(stored)} outputs were read in two halves; kernel {kernel.id} has the same "
        f"{len(stored)}, in the same order: no hole, no repeat."
    )
    kernel.terminate()


def pages(task: Task) -> list[Output]:
    """All stored outputs of a task."""
    found: list[Output] = []
    while not (page := task.outputs(after=found[-1].number if found else 0)).complete:
        found.extend(page.items)
    return [*found, *page.items]


def farewell(target: Path, reader: Reader, story: Story) -> None:
    story.say("What you have just seen")
    print(
        "A notebook ran on a kernel that outlives whoever started it. The client left in the middle\n"
        "of a cell; what was printed meanwhile was kept, numbered, and read later by another client.\n"
        "\nIt is all in these files:"
    )
    for path in (target / EXECUTED, *reader.figures):
        print(f"  {path}")
    print(
        "\nTry it yourself (. .venv/bin/activate first, if 'kernelyard' is not found):\n"
        "  kernelyard run examples/digits.ipynb     press Ctrl-C on the way and come back\n"
        "  kernelyard run -c 'print(6 * 7)'\n"
        "  kernelyard tasks                         everything that ever ran\n"
        "  kernelyard stop --all                    when you have seen enough"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "demo-output").resolve())
