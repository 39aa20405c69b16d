"""Notebooks: which code to run, and an executed copy that is always valid nbformat."""

from __future__ import annotations

import json
import os
import re
import tempfile
import warnings
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from kernelyard.client.errors import KernelyardError
from kernelyard.client.outputs import Output
from kernelyard.client.types import TaskInfo

_JSON_MIME = re.compile(r"application/(.*\+)?json")
_ENDS = {"cancelled": "TaskCancelled", "lost": "TaskLost", "failed": "TaskFailed"}


@dataclass(frozen=True, slots=True)
class CodeCell:
    """A cell that has code to run."""

    index: int
    """Its place among all cells of the notebook."""
    source: str
    may_raise: bool
    """Whether it has the tag ``raises-exception``: an error in it is part of the notebook."""


class NotebookRun:
    """A notebook that is being run, cell by cell.

    ::

        run = NotebookRun.read("digits.ipynb")
        run.clear()
        for cell in run.code_cells():
            task = kernel.submit(cell.source)
            for output in task.follow():
                run.add(cell.index, output)
            run.end(cell.index, task.info)
            run.save("digits.executed.ipynb")
    """

    def __init__(self, notebook: Any) -> None:
        """``notebook`` is a notebook of nbformat 4 as ``nbformat.read`` returns it."""
        self.notebook = notebook
        self._clear_next: set[int] = set()
        self._displays: dict[str, list[dict[str, Any]]] = {}

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> NotebookRun:
        """Read a notebook file of any nbformat version. Raises KernelyardError, OSError."""
        data = Path(path).read_bytes()
        try:
            return cls(_parsed(data.decode("utf-8-sig")))
        except Exception as error:
            raise _no_notebook(os.fspath(path), error) from error

    @classmethod
    def from_text(cls, text: str) -> NotebookRun:
        """Read a notebook from its JSON text. Raises KernelyardError."""
        try:
            return cls(_parsed(text))
        except Exception as error:
            raise _no_notebook("This", error) from error

    @property
    def kernel_name(self) -> str | None:
        """The kernelspec that the notebook names."""
        name = self.notebook.metadata.get("kernelspec", {}).get("name")
        return name if isinstance(name, str) and name else None

    def code_cells(self) -> Iterator[CodeCell]:
        """Yield the cells that have code to run, in order; not those tagged ``skip-execution``."""
        for index, cell in enumerate(self.notebook.cells):
            tags = cell.metadata.get("tags", [])
            if cell.cell_type == "code" and cell.source.strip() and "skip-execution" not in tags:
                yield CodeCell(index, cell.source, "raises-exception" in tags)

    def clear(self) -> None:
        """Remove what an earlier run left in the cells."""
        self._clear_next.clear()
        self._displays.clear()
        for cell in self.notebook.cells:
            if cell.cell_type == "code":
                cell.outputs = []
                cell.execution_count = None
                cell.metadata.pop("execution", None)

    def add_all(self, index: int, outputs: Iterable[Output]) -> None:
        """Take in outputs of the cell, in order."""
        for output in outputs:
            self.add(index, output)

    def add(self, index: int, output: Output) -> None:
        """Take in one output of the cell."""
        match output.kind:
            case "stream":
                self._stream(index, output.stream or "stdout", output.text)
            case "display_data" | "execute_result":
                self._display(index, output)
            case "update_display_data":
                self._update(output)
            case "clear_output":
                self._clear(index, wait=bool(output.content.get("wait")))
            case "error":
                self._append(index, _error(output.content))
            case "cut":
                lost = output.content.get("bytes", "some")
                self._note(index, f"{lost} bytes over the task's limit were dropped here")
            case "gap":
                self._note(index, "nobody listened for a while; output may be missing here")
            case _:
                pass

    def end(self, index: int, task: TaskInfo) -> None:
        """The cell's task has ended. If it did not end well and no error output says so, one is made.

        A cell that never ran is left as it is.
        """
        cell = self.notebook.cells[index]
        cell.execution_count = task.execution_count
        times = {"iopub.execute_input": task.started_at, "shell.execute_reply": task.ended_at}
        said = {key: _written(at) for key, at in times.items() if at is not None}
        if said:
            cell.metadata["execution"] = said
        told = any(one["output_type"] == "error" for one in cell.outputs)
        never_ran = task.state == "cancelled" and task.started_at is None
        if task.state in _ENDS and not told and not never_ran:
            self._clear_next.discard(index)
            self._append(index, _end(task))

    def describe_language(self, info: dict[str, Any] | None) -> None:
        """Note the language, as ``kernel.info.language_info`` has it, unless it is there."""
        if info and "language_info" not in self.notebook.metadata:
            self.notebook.metadata["language_info"] = _node(info)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the notebook as it is now; a reader never sees half of it."""
        import nbformat

        text: str = nbformat.writes(self.notebook)  # type: ignore[no-untyped-call]
        target = Path(path)
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text if text.endswith("\n") else text + "\n")
            Path(name).chmod(0o666 & ~_umask())
            Path(name).replace(target)
        except BaseException:
            with suppress(OSError):
                Path(name).unlink()
            raise

    def _outputs(self, index: int) -> list[dict[str, Any]]:
        outputs: list[dict[str, Any]] = self.notebook.cells[index].outputs
        return outputs

    def _append(self, index: int, node: dict[str, Any]) -> dict[str, Any]:
        outputs = self._outputs(index)
        if index in self._clear_next:
            self._clear_next.discard(index)
            self._empty(index)
        outputs.append(_node(node))
        return outputs[-1]

    def _stream(self, index: int, name: str, text: str) -> None:
        outputs = self._outputs(index)
        last = outputs[-1] if outputs and index not in self._clear_next else None
        if last is not None and last["output_type"] == "stream" and last["name"] == name:
            last["text"] += text
        else:
            self._append(index, {"output_type": "stream", "name": name, "text": text})

    def _note(self, index: int, text: str) -> None:
        self._stream(index, "stderr", f"[kernelyard: {text}]\n")

    def _display(self, index: int, output: Output) -> None:
        node: dict[str, Any] = {
            "output_type": output.kind,
            "data": _bundle(output.data),
            "metadata": output.metadata,
        }
        if output.kind == "execute_result":
            count = output.content.get("execution_count")
            node["execution_count"] = count if isinstance(count, int) else None
        kept = self._append(index, node)
        if output.display_id is not None:
            self._displays.setdefault(output.display_id, []).append(kept)

    def _update(self, output: Output) -> None:
        for node in self._displays.get(output.display_id or "", []):
            node["data"] = _node(_bundle(output.data))
            node["metadata"] = _node(output.metadata)

    def _clear(self, index: int, *, wait: bool) -> None:
        if wait:
            self._clear_next.add(index)
        else:
            self._clear_next.discard(index)
            self._empty(index)

    def _empty(self, index: int) -> None:
        """Remove the cell's outputs; updates no longer find them."""
        outputs = self._outputs(index)
        gone = {id(one) for one in outputs}
        for shown in self._displays.values():
            shown[:] = [one for one in shown if id(one) not in gone]
        outputs.clear()


def _parsed(text: str) -> Any:
    import nbformat

    if not isinstance(json.loads(text), dict):
        raise ValueError("it is no JSON object with cells")
    with warnings.catch_warnings():
        # Of cells without ids, which older notebooks have: they are given some.
        warnings.simplefilter("ignore", nbformat.warnings.MissingIDFieldWarning)
        notebook = nbformat.reads(text, as_version=4)  # type: ignore[no-untyped-call]
        _, notebook = nbformat.validator.normalize(notebook)
        nbformat.validate(notebook)
    return notebook


def _no_notebook(what: str, error: Exception) -> KernelyardError:
    said = str(error).strip().splitlines() or [type(error).__name__]
    return KernelyardError(f"{what} is not a valid notebook: {said[0]}")


def _end(task: TaskInfo) -> dict[str, Any]:
    """The end of a task as an error output."""
    if (error := task.error) is not None:
        content = {"ename": error.name, "evalue": error.value, "traceback": error.traceback}
    else:
        name, reason = _ENDS[task.state], task.reason or "no reason was given"
        content = {"ename": name, "evalue": reason, "traceback": [f"{name}: {reason}"]}
    return _error(content)


def _bundle(data: dict[str, Any]) -> dict[str, Any]:
    """The MIME bundle as nbformat allows it: text, except where the type is JSON."""
    return {
        mime: value
        if isinstance(value, str) or _JSON_MIME.fullmatch(mime) or _is_lines(value)
        else json.dumps(value)
        for mime, value in data.items()
    }


def _node(value: dict[str, Any]) -> Any:
    from nbformat import from_dict

    return from_dict(value)  # type: ignore[no-untyped-call]


def _is_lines(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(line, str) for line in value)


def _error(content: dict[str, Any]) -> dict[str, Any]:
    return {
        "output_type": "error",
        "ename": str(content.get("ename") or ""),
        "evalue": str(content.get("evalue") or ""),
        "traceback": [str(line) for line in content.get("traceback") or []],
    }


def _written(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def _umask() -> int:
    # There is no way to read it without setting it.
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
