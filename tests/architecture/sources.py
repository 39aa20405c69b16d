"""Where the repository's own files are, for the tests of its architecture."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "kernelyard"
TREES = ("src", "tests", "tools", "benchmarks", "examples")


@dataclass(frozen=True)
class Source:
    """One Python file."""

    path: Path
    text: str

    @property
    def name(self) -> str:
        return self.path.relative_to(ROOT).as_posix()

    @property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, self.name)


def python_files(*trees: str) -> list[Source]:
    """Every Python file below the named folders of the repository."""
    found = [
        Source(path, path.read_text("utf-8"))
        for tree in trees
        for path in sorted((ROOT / tree).rglob("*.py"))
        if not any(part.startswith(".") or part == "build" for part in path.relative_to(ROOT).parts)
    ]
    assert found, f"no Python files below {trees}"
    return found


def markdown_files() -> list[Path]:
    """Every page that people read."""
    return [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function of a file, methods and inner ones too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node
