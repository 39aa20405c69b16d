"""A notebook on its way to a kernel: what is sent for its cells, and what is refused before."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from kernelyard.cli.main import main
from kernelyard.cli.run_notebook import executed_path, read_notebook, submit_cells
from kernelyard.client import Client
from kernelyard.client.notebook import CodeCell

from tests.support.flaky_server import FlakyServer, Reply, Request, flaky_server
from tests.support.yard_answers import KERNEL_ID, a_kernel, a_task, say

CELLS = [CodeCell(1, "a", False), CodeCell(2, "b", True), CodeCell(5, "c", False)]
CELLS += [CodeCell(6, "d", False)]


def numbering() -> FlakyServer:
    """A server that calls the tasks of a kernel task-1, task-2 …"""
    count = 0

    def answer(request: Request) -> Reply:
        nonlocal count
        if request.method != "POST":
            return say(a_kernel())
        count += 1
        return say(a_task(id=f"task-{count}", state="queued"), 201)

    return answer


def sent(*, continue_on_error: bool) -> list[tuple[object, object, object]]:
    """Code, label and need of each cell, as the server gets them."""
    with flaky_server(numbering()) as server:
        with Client(server.url, "secret") as yard:
            kernel = yard.kernels.get(KERNEL_ID)
            submit_cells(kernel, CELLS, continue_on_error=continue_on_error)
        bodies = [one.json for one in server.requests if one.method == "POST"]
    return [
        (body["code"], body["labels"]["notebook-cell"], body.get("needs"))
        for body in bodies
        if isinstance(body, dict)
    ]


def test_each_cell_needs_the_one_before_but_none_that_may_raise() -> None:
    assert sent(continue_on_error=False) == [
        ("a", "1", None),
        ("b", "2", "task-1"),
        ("c", "5", "task-1"),
        ("d", "6", "task-3"),
    ]


def test_cells_that_are_to_go_on_after_an_error_need_nothing() -> None:
    assert [needs for _, _, needs in sent(continue_on_error=True)] == [None] * 4


def test_the_executed_copy_lies_beside_the_notebook() -> None:
    assert executed_path(Path("a/book.ipynb")) == Path("a/book.executed.ipynb")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"nbformat": 4}', "print('no notebook')"])
def test_what_is_no_notebook_is_wrong_usage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    path = tmp_path / "bad.ipynb"
    path.write_text(text)
    with pytest.raises(SystemExit) as exited:
        main(["run", str(path)])
    assert exited.value.code == 2
    assert "bad.ipynb is not a valid notebook" in capsys.readouterr().err


def test_a_stale_output_is_not_taken_over(tmp_path: Path) -> None:
    v4 = nbformat.v4
    old = v4.new_code_cell("1", outputs=[v4.new_output("stream", text="old")], execution_count=9)
    path = tmp_path / "book.ipynb"
    nbformat.write(v4.new_notebook(cells=[old]), path)
    cell = read_notebook(path).notebook.cells[0]
    assert (cell.outputs, cell.execution_count) == ([], None)
