"""The executed copy of a notebook is valid at every moment and shows what a reader would have seen."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernelyard.client import KernelyardError, Output, TaskError, TaskInfo
from kernelyard.client.notebook import NotebookRun

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def a_run(*sources: str) -> NotebookRun:
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    return NotebookRun.from_text(nbformat.writes(nbformat.v4.new_notebook(cells=cells)))


def said(kind: str, **content: object) -> Output:
    return Output(number=1, at=AT, task=1, kind=kind, content=content)


def printed(text: str, name: str = "stdout") -> Output:
    return said("stream", name=name, text=text)


def shown(text: str, display_id: str | None = None, kind: str = "display_data") -> Output:
    transient = {"display_id": display_id} if display_id else {}
    return said(kind, data={"text/plain": text}, metadata={}, transient=transient)


def texts(run: NotebookRun, index: int = 0) -> list[str]:
    nbformat.validate(run.notebook)
    return [
        one["text"] if one["output_type"] == "stream" else one["data"]["text/plain"]
        for one in run.notebook.cells[index].outputs
    ]


def a_task(state: str, **fields: object) -> TaskInfo:
    return TaskInfo(id="t", kernel_id="k", state=state, **fields)  # type: ignore[arg-type]


def test_code_cells_are_those_with_code_to_run() -> None:
    notebook = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_markdown_cell("# title"),
            nbformat.v4.new_code_cell("1"),
            nbformat.v4.new_code_cell("  \n"),
            nbformat.v4.new_code_cell("2", metadata={"tags": ["skip-execution"]}),
            nbformat.v4.new_code_cell("3", metadata={"tags": ["raises-exception"]}),
        ]
    )
    cells = list(NotebookRun(notebook).code_cells())
    assert [(cell.index, cell.source, cell.may_raise) for cell in cells] == [
        (1, "1", False),
        (4, "3", True),
    ]


def test_chunks_of_one_stream_become_one_output() -> None:
    run = a_run("x")
    run.add_all(0, [printed("a"), printed("b"), printed("!", "stderr"), printed("c")])
    assert texts(run) == ["ab", "!", "c"]


def test_results_displays_and_errors_keep_their_form() -> None:
    run = a_run("x")
    data = {"text/html": "<b>1</b>", "application/json": {"a": [1]}}
    run.add(0, said("execute_result", data=data, metadata={}, execution_count=3))
    run.add(0, said("error", ename="E", evalue="v", traceback=["x", "y"]))
    run.end(0, a_task("failed", execution_count=3, started_at=AT))
    cell = run.notebook.cells[0]
    assert cell.execution_count == 3
    assert cell.outputs[0].data["application/json"] == {"a": [1]}
    assert (cell.outputs[0].execution_count, cell.outputs[1].ename) == (3, "E")
    assert len(cell.outputs) == 2
    nbformat.validate(run.notebook)


def test_an_update_changes_the_display_wherever_it_is() -> None:
    run = a_run("x", "y")
    run.add_all(0, [shown("0 %", "bar"), shown("other", "else")])
    run.add(1, shown("100 %", "bar", kind="update_display_data"))
    assert texts(run, 0) == ["100 %", "other"]
    assert texts(run, 1) == []


def test_an_update_leaves_alone_what_was_cleared() -> None:
    run = a_run("x")
    run.add_all(0, [shown("0 %", "bar"), said("clear_output", wait=True), shown("1 %", "bar")])
    run.add(0, shown("2 %", "bar", kind="update_display_data"))
    assert texts(run) == ["2 %"]


def test_clear_output_clears_now_or_with_the_next_output() -> None:
    run = a_run("x")
    run.add_all(0, [printed("a"), said("clear_output", wait=False), printed("b")])
    assert texts(run) == ["b"]
    run.add(0, said("clear_output", wait=True))
    assert texts(run) == ["b"]
    run.add(0, printed("c"))
    assert texts(run) == ["c"]


def test_a_second_run_begins_with_nothing() -> None:
    run = a_run("x")
    run.add(0, printed("a"))
    run.end(0, a_task("succeeded", execution_count=4, started_at=AT, ended_at=AT))
    cell = run.notebook.cells[0]
    assert cell.execution_count == 4
    assert cell.metadata["execution"]["shell.execute_reply"] == "2026-01-02T03:04:05Z"
    run.clear()
    assert (cell.outputs, cell.execution_count) == ([], None)


def test_what_was_cut_is_said() -> None:
    run = a_run("x")
    run.add(0, said("cut", bytes=77, messages=2))
    assert "77 bytes" in texts(run)[0]
    assert "dropped" in texts(run)[0]


def test_an_end_without_an_error_output_is_told_as_one() -> None:
    run = a_run("x", "y")
    run.end(0, a_task("lost", reason="killed by SIGKILL"))
    (error,) = run.notebook.cells[0].outputs
    assert (error.ename, error.evalue) == ("TaskLost", "killed by SIGKILL")
    assert error.traceback == ["TaskLost: killed by SIGKILL"]
    run.add(1, said("error", ename="E", evalue="v", traceback=["t"]))
    run.end(1, a_task("failed", error=TaskError(name="E", value="v", traceback=("t",))))
    assert len(run.notebook.cells[1].outputs) == 1
    nbformat.validate(run.notebook)


def test_a_cell_that_never_ran_has_no_outputs() -> None:
    run = a_run("x", "y")
    run.end(0, a_task("cancelled", reason="the task it needs did not succeed (failed)"))
    assert texts(run) == []
    run.end(1, a_task("cancelled", reason="cancelled by Ada", started_at=AT))
    (error,) = run.notebook.cells[1].outputs
    assert (error.ename, error.evalue) == ("TaskCancelled", "cancelled by Ada")


def test_a_cancelled_cell_keeps_what_was_to_be_cleared_with_the_next_output() -> None:
    run = a_run("x")
    run.add_all(0, [printed("half"), said("clear_output", wait=True)])
    run.end(0, a_task("cancelled", reason="no", started_at=AT))
    stream, error = run.notebook.cells[0].outputs
    assert (stream.text, error.ename) == ("half", "TaskCancelled")


kinds = st.one_of(
    st.builds(printed, st.text(max_size=5), st.sampled_from(["stdout", "stderr"])),
    st.builds(shown, st.text(max_size=5), st.sampled_from([None, "a", "b"])),
    st.builds(shown, st.text(max_size=5), st.just("a"), st.just("update_display_data")),
    st.builds(shown, st.text(max_size=5), st.none(), st.just("execute_result")),
    st.builds(lambda wait: said("clear_output", wait=wait), st.booleans()),
    st.just(said("error", ename="E", evalue="v", traceback=["t"])),
    st.just(said("display_data", data={"application/x-own": {"a": 1}, "application/json": [1]})),
    st.just(said("started", task_id="t")),
)


@given(st.lists(kinds, max_size=12))
def test_any_outputs_make_a_valid_notebook(outputs: list[Output]) -> None:
    run = a_run("x")
    run.add_all(0, outputs)
    run.end(0, a_task("succeeded"))
    nbformat.validate(run.notebook)


def test_it_is_saved_whole_and_can_be_read_again(tmp_path: Path) -> None:
    run = a_run("x")
    run.add(0, printed("grüße"))
    run.describe_language({"name": "python"})
    target = tmp_path / "out.ipynb"
    run.save(target)
    run.save(target)
    assert [path.name for path in tmp_path.iterdir()] == ["out.ipynb"]
    again = NotebookRun.read(target)
    assert texts(again) == ["grüße"]
    assert again.kernel_name is None


def test_a_notebook_that_is_no_object_is_told_so_in_words() -> None:
    with pytest.raises(KernelyardError, match="no JSON object with cells"):
        NotebookRun.from_text("[]")


def test_cells_without_ids_are_read_without_a_warning() -> None:
    # Warnings are errors in these tests.
    cell = '{"cell_type": "code", "source": "1", "metadata": {}, "outputs": [], "execution_count": null}'
    text = f'{{"cells": [{cell}], "metadata": {{}}, "nbformat": 4, "nbformat_minor": 5}}'
    assert [code.source for code in NotebookRun.from_text(text).code_cells()] == ["1"]


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"{}",
        b"[]",
        b"print(1)",
        b"\xff\xfe",
        b'{"nbformat": 4}',
        b'{"nbformat": 4, "cells": 1}',
    ],
)
def test_what_is_no_notebook_is_refused(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "bad.ipynb"
    path.write_bytes(text)
    with pytest.raises(KernelyardError, match=r"bad\.ipynb is not a valid notebook: "):
        NotebookRun.read(path)


def test_a_notebook_names_its_kernel() -> None:
    spec = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    assert NotebookRun(nbformat.v4.new_notebook(metadata=spec)).kernel_name == "python3"


@pytest.mark.filterwarnings("ignore::Warning")
def test_an_old_notebook_is_brought_up_to_date(tmp_path: Path) -> None:
    old = {"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": []}
    assert list(NotebookRun.from_text(json.dumps(old)).code_cells()) == []
    path = tmp_path / "old.ipynb"
    v3 = nbformat.v3.new_notebook(
        worksheets=[nbformat.v3.new_worksheet(cells=[nbformat.v3.new_code_cell(input="1 + 1")])]
    )
    path.write_text(nbformat.v3.writes_json(v3))
    run = NotebookRun.read(path)
    assert [cell.source for cell in run.code_cells()] == ["1 + 1"]
    run.save(tmp_path / "new.ipynb")
    nbformat.validate(nbformat.read(tmp_path / "new.ipynb", as_version=4))
