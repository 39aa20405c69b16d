"""The executed copy: outputs in their cells as a notebook front end would put them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nbformat
import pytest

from kernelyard.cli.complaints import Complaint
from kernelyard.cli.executed_notebook import ExecutedNotebook, executed_path
from kernelyard.client import Output, TaskInfo

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def an_output(kind: str, **content: Any) -> Output:
    return Output(number=1, at=NOW, task=1, kind=kind, content=content)


def a_stream(text: str, name: str = "stdout") -> Output:
    return an_output("stream", name=name, text=text)


def a_display(text: str, display_id: str | None = None, kind: str = "display_data") -> Output:
    transient = {"display_id": display_id} if display_id else {}
    return an_output(kind, data={"text/plain": text}, metadata={}, transient=transient)


def a_task(state: str = "succeeded", **fields: Any) -> TaskInfo:
    return TaskInfo(id="t", kernel_id="k", state=state, started_at=NOW, **fields)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    v4 = nbformat.v4
    skipped = v4.new_code_cell("raise SystemExit", metadata={"tags": ["skip-execution"]})
    failing = v4.new_code_cell("1/0", metadata={"tags": ["raises-exception"]})
    old = v4.new_code_cell("1", outputs=[v4.new_output("stream", text="stale")], execution_count=9)
    notebook = v4.new_notebook(
        cells=[v4.new_markdown_cell("# Title"), old, v4.new_code_cell("  \n"), skipped, failing],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
    )
    path = tmp_path / "book.ipynb"
    nbformat.write(notebook, path)
    return path


@pytest.fixture
def notebook(source: Path) -> ExecutedNotebook:
    return ExecutedNotebook.read(source)


def saved(notebook: ExecutedNotebook, source: Path) -> Any:
    target = executed_path(source)
    notebook.save(target)
    found = nbformat.read(target, as_version=4)
    nbformat.validate(found)
    return found


def outputs_of(notebook: ExecutedNotebook, source: Path) -> list[Any]:
    return list(saved(notebook, source).cells[1].outputs)


def test_empty_and_skipped_cells_are_not_run(notebook: ExecutedNotebook) -> None:
    cells = list(notebook.code_cells())
    assert [(cell.index, cell.code, cell.may_fail) for cell in cells] == [
        (1, "1", False),
        (4, "1/0", True),
    ]
    assert notebook.kernel_name == "python3"


def test_stale_outputs_are_gone_from_the_beginning(
    notebook: ExecutedNotebook, source: Path
) -> None:
    cell = saved(notebook, source).cells[1]
    assert (cell.outputs, cell.execution_count) == ([], None)


def test_chunks_of_one_stream_become_one_output(notebook: ExecutedNotebook, source: Path) -> None:
    for chunk in (a_stream("a\n"), a_stream("b\n"), a_stream("!", "stderr"), a_stream("c\n")):
        notebook.apply(1, chunk)
    found = outputs_of(notebook, source)
    assert [(one.name, one.text) for one in found] == [
        ("stdout", "a\nb\n"),
        ("stderr", "!"),
        ("stdout", "c\n"),
    ]


def test_results_displays_and_errors_keep_their_form(
    notebook: ExecutedNotebook, source: Path
) -> None:
    data = {"text/html": "<b>1</b>", "application/json": {"a": [1]}}
    notebook.apply(1, an_output("execute_result", data=data, metadata={}, execution_count=3))
    notebook.apply(1, an_output("error", ename="E", evalue="v", traceback=["x", "y"]))
    notebook.settle(1, a_task("failed", execution_count=3))
    cell = saved(notebook, source).cells[1]
    assert cell.execution_count == 3
    assert cell.outputs[0].data["application/json"] == {"a": [1]}
    assert (cell.outputs[0].execution_count, cell.outputs[1].ename) == (3, "E")


def test_an_update_changes_the_display_it_names_and_adds_nothing(
    notebook: ExecutedNotebook, source: Path
) -> None:
    notebook.apply(1, a_display("0 %", "bar"))
    notebook.apply(1, a_display("other"))
    notebook.apply(4, a_display("100 %", "bar", kind="update_display_data"))
    found = outputs_of(notebook, source)
    assert [one.data["text/plain"] for one in found] == ["100 %", "other"]


def test_clear_output_clears_at_once_or_with_the_next_output(
    notebook: ExecutedNotebook, source: Path
) -> None:
    notebook.apply(1, a_stream("old"))
    notebook.apply(1, an_output("clear_output", wait=True))
    assert [one.text for one in outputs_of(notebook, source)] == ["old"]
    notebook.apply(1, a_stream("new"))
    assert [one.text for one in outputs_of(notebook, source)] == ["new"]
    notebook.apply(1, an_output("clear_output", wait=False))
    assert outputs_of(notebook, source) == []


def test_what_was_cut_or_lost_is_said_in_the_notebook(
    notebook: ExecutedNotebook, source: Path
) -> None:
    notebook.apply(1, an_output("cut", bytes=5, messages=1))
    notebook.settle(1, a_task("lost", reason="killed by SIGKILL"))
    text = "".join(one.text for one in outputs_of(notebook, source))
    assert "dropped" in text
    assert "killed by SIGKILL" in text


def test_a_cell_that_never_ran_has_no_outputs(notebook: ExecutedNotebook, source: Path) -> None:
    notebook.settle(1, TaskInfo(id="t", kernel_id="k", state="cancelled", reason="asked"))
    assert outputs_of(notebook, source) == []


def test_saving_leaves_nothing_but_the_notebook(notebook: ExecutedNotebook, source: Path) -> None:
    saved(notebook, source)
    assert sorted(path.name for path in source.parent.iterdir()) == [
        "book.executed.ipynb",
        "book.ipynb",
    ]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"nbformat": 4}', "print('no notebook')"])
def test_what_is_no_notebook_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.ipynb"
    path.write_text(text)
    with pytest.raises(Complaint, match=r"bad\.ipynb is not a valid notebook"):
        ExecutedNotebook.read(path)


@pytest.mark.filterwarnings("ignore::Warning")
def test_a_notebook_of_an_old_format_is_brought_up_to_date(tmp_path: Path) -> None:
    path = tmp_path / "old.ipynb"
    old = nbformat.v3.new_notebook(
        worksheets=[nbformat.v3.new_worksheet(cells=[nbformat.v3.new_code_cell(input="1 + 1")])]
    )
    path.write_text(nbformat.v3.writes_json(old))
    notebook = ExecutedNotebook.read(path)
    assert [cell.code for cell in notebook.code_cells()] == ["1 + 1"]
    notebook.save(tmp_path / "new.ipynb")
    nbformat.validate(nbformat.read(tmp_path / "new.ipynb", as_version=4))
