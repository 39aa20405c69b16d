"""The executed copy of a notebook: outputs put into their cells as they come, saved at any moment."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat as untyped_nbformat

from kernelyard.cli.complaints import USAGE, Complaint
from kernelyard.client import Output, TaskInfo

nbformat: Any = untyped_nbformat
SKIPPED_TAG = "skip-execution"
MAY_FAIL_TAG = "raises-exception"
_MARKS = {
    "cut": "[kernelyard: output over the task's limit was dropped here]\n",
    "gap": "[kernelyard: nobody listened for a while; output may be missing here]\n",
}


@dataclass(frozen=True, slots=True)
class CodeCell:
    """A cell to run."""

    index: int
    """Its place among all cells of the notebook."""
    code: str
    may_fail: bool
    """Whether its author expects an exception (the tag ``raises-exception``)."""


class ExecutedNotebook:
    """A notebook on its way from source to result."""

    def __init__(self, notebook: Any) -> None:
        self._notebook = notebook
        self._displays: dict[str, list[Any]] = {}
        self._clear_next: set[int] = set()

    @classmethod
    def read(cls, path: Path) -> ExecutedNotebook:
        """Read a notebook of any format version and empty its outputs. Raises Complaint."""
        try:
            notebook = nbformat.read(path, as_version=4)
            _, notebook = nbformat.validator.normalize(notebook)
            nbformat.validate(notebook)
        except OSError as error:
            raise Complaint(f"{path} cannot be read: {error.strerror}", status=USAGE) from error
        except Exception as error:
            said = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise Complaint(f"{path} is not a valid notebook: {said}", status=USAGE) from error
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
        return cls(notebook)

    @property
    def kernel_name(self) -> str | None:
        """The kernel that the notebook was written for, as it says itself."""
        name = self._notebook.metadata.get("kernelspec", {}).get("name")
        return str(name) if name else None

    def code_cells(self) -> Iterator[CodeCell]:
        """The cells to run, in order: code that is not empty and not tagged to be skipped."""
        for index, cell in enumerate(self._notebook.cells):
            tags = cell.metadata.get("tags", [])
            if cell.cell_type == "code" and cell.source.strip() and SKIPPED_TAG not in tags:
                yield CodeCell(index, cell.source, MAY_FAIL_TAG in tags)

    def apply(self, index: int, output: Output) -> None:
        """Put one output into its cell, as a notebook front end would."""
        outputs = self._notebook.cells[index].outputs
        content = output.content
        if output.kind == "clear_output":
            self._clear(index, later=bool(content.get("wait")))
            return
        if output.kind == "update_display_data":
            for shown in self._displays.get(output.display_id or "", ()):
                shown.data, shown.metadata = _node(output.data), _node(output.metadata)
            return
        node = _output_node(output)
        if node is None:
            return
        if index in self._clear_next:
            self._clear(index, later=False)
        if node.output_type == "stream" and outputs and _same_stream(outputs[-1], node):
            outputs[-1].text += node.text
            return
        outputs.append(node)
        if output.display_id:
            self._displays.setdefault(output.display_id, []).append(node)

    def settle(self, index: int, info: TaskInfo) -> None:
        """Note how the cell's task ended."""
        cell = self._notebook.cells[index]
        cell.execution_count = info.execution_count
        if info.state in ("cancelled", "lost") and info.started_at is not None:
            text = f"[kernelyard: {info.state}: {info.reason or 'no reason was given'}]\n"
            cell.outputs.append(_stream("stderr", text))

    def describe_language(self, language_info: dict[str, Any] | None) -> None:
        """Note the language, where the notebook does not say it yet."""
        if language_info and "language_info" not in self._notebook.metadata:
            self._notebook.metadata["language_info"] = _node(language_info)

    def save(self, path: Path) -> None:
        """Write the notebook as it is now; ``path`` never holds half of it."""
        text = nbformat.writes(self._notebook)
        descriptor, part = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text if text.endswith("\n") else text + "\n")
            Path(part).chmod(0o666 & ~_umask())
            Path(part).replace(path)
        except BaseException:
            Path(part).unlink(missing_ok=True)
            raise

    def _clear(self, index: int, *, later: bool) -> None:
        if later:
            self._clear_next.add(index)
            return
        self._clear_next.discard(index)
        outputs = self._notebook.cells[index].outputs
        gone = {id(one) for one in outputs}
        for shown in self._displays.values():
            shown[:] = [one for one in shown if id(one) not in gone]
        outputs.clear()


def executed_path(source: Path) -> Path:
    """Where the executed copy of a notebook goes if nobody says: beside it."""
    return source.with_name(f"{source.stem}.executed.ipynb")


def _output_node(output: Output) -> Any:
    content = output.content
    match output.kind:
        case "stream":
            return _stream(str(content.get("name", "stdout")), output.text)
        case "display_data":
            return nbformat.v4.new_output(
                "display_data", data=_node(output.data), metadata=_node(output.metadata)
            )
        case "execute_result":
            return nbformat.v4.new_output(
                "execute_result",
                data=_node(output.data),
                metadata=_node(output.metadata),
                execution_count=content.get("execution_count"),
            )
        case "error":
            return nbformat.v4.new_output(
                "error",
                ename=str(content.get("ename", "")),
                evalue=str(content.get("evalue", "")),
                traceback=[str(line) for line in content.get("traceback") or []],
            )
        case "cut" | "gap":
            return _stream("stderr", _MARKS[output.kind])
        case _:
            return None


def _stream(name: str, text: str) -> Any:
    return nbformat.v4.new_output("stream", name=name, text=text)


def _same_stream(last: Any, node: Any) -> bool:
    return bool(last.output_type == "stream" and last.name == node.name)


def _node(value: dict[str, Any]) -> Any:
    return nbformat.from_dict(value)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
