"""Each example runs as it stands in the repository."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import nbformat

from tests.support.live_server import LiveServer

EXAMPLES = Path(__file__).parents[2] / "examples"


def run(live: LiveServer, name: str, *arguments: str) -> str:
    told = subprocess.run(
        [sys.executable, str(EXAMPLES / name), *arguments],
        env={"KERNELYARD_URL": live.url, "KERNELYARD_TOKEN": live.token, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    return told.stdout


def test_hello(live: LiveServer) -> None:
    told = run(live, "hello.py").splitlines()
    assert told[0].startswith("hello from /")
    assert told[1] == "the last line was worth 42"


def test_queue_and_walk_away_then_resume_from_another_process(live: LiveServer) -> None:
    ids = run(live, "queue_and_walk_away.py").split()
    assert len(ids) == 3
    told = run(live, "resume_from_another_process.py", *ids).splitlines()
    assert told == [
        "prepared 5 numbers",
        f"-- {ids[0]} succeeded",
        *(f"working on {number}" for number in range(5)),
        f"-- {ids[1]} succeeded",
        "the sum is 10",
        f"-- {ids[2]} succeeded",
    ]


def test_agent_loop(live: LiveServer) -> None:
    told = [line.split() for line in run(live, "agent_loop.py").splitlines()]
    assert [line[0] for line in told] == [
        "succeeded",
        "failed",
        "succeeded",
        "cancelled",
        "succeeded",
    ]
    assert told[2][-1] == "3.875"
    assert told[4][-1] == "4"


def test_the_demo_notebook_is_valid_and_stores_no_outputs() -> None:
    notebook = nbformat.read(EXAMPLES / "digits.ipynb", as_version=4)
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)
