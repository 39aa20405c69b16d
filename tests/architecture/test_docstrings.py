"""Whoever calls or extends kernelyard finds a sentence on every public name."""

from __future__ import annotations

import ast

import pytest

from tests.architecture.sources import Source, python_files

PUBLIC_ROOMS = ("client", "compat", "testing", "ports")
_Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def _public(body: list[ast.stmt]) -> list[_Definition]:
    return [
        node
        for node in body
        if isinstance(node, _Definition) and not node.name.startswith("_") and not _is_plain(node)
    ]


PLAIN = frozenset(
    {"property", "overload", "cached_property", "setter", "override"}
    | {"rule", "invariant", "initialize", "fixture"}
)
"""Decorators of what is plain by its name and type, or is a step of a test."""


def _is_plain(node: _Definition) -> bool:
    marks = (mark.func if isinstance(mark, ast.Call) else mark for mark in node.decorator_list)
    names = {ast.unparse(mark).split(".")[-1] for mark in marks}
    return bool(names & PLAIN) or node.name.startswith("test_")


def _undocumented(source: Source) -> list[str]:
    found = []
    for node in _public(source.tree.body):
        members = _public(node.body) if isinstance(node, ast.ClassDef) else []
        for one in [node, *members]:
            text = ast.get_docstring(one)
            if not text or not text.split("\n\n")[0].rstrip().endswith((".", ":", "::", "?", ")")):
                found.append(f"{source.name}:{one.lineno} {one.name}")
    return found


@pytest.mark.parametrize("room", PUBLIC_ROOMS)
def test_public_names_have_a_docstring_that_is_a_sentence(room: str) -> None:
    files = python_files(f"src/kernelyard/{room}")
    found = [
        line
        for source in files
        if not source.path.stem.startswith("_") or source.path.stem == "__init__"
        for line in _undocumented(source)
    ]
    assert not found
