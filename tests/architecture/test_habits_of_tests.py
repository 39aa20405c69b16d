"""Tests wait for what they want to see; they never sleep in the hope that it has happened."""

from __future__ import annotations

import ast

from tests.architecture.sources import Source, functions, python_files

SLEEPS = frozenset({"time.sleep", "asyncio.sleep", "anyio.sleep"})
CLOCKS = frozenset({"time", "asyncio", "anyio"})


def _called(node: ast.Call) -> str:
    return ast.unparse(node.func)


def _yields_only(node: ast.Call) -> bool:
    return (
        len(node.args) == 1 and isinstance(node.args[0], ast.Constant) and node.args[0].value == 0
    )


def _sleeps(tree: ast.AST) -> list[int]:
    calls = [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and _called(node) in SLEEPS and not _yields_only(node)
    ]
    imports = [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module in CLOCKS
        if any(name.name == "sleep" for name in node.names)
    ]
    return calls + imports


def _waits(source: Source) -> set[int]:
    """Lines of the functions that look at real processes again and again, until a deadline."""
    return {
        line
        for node in functions(source.tree)
        if node.name.startswith("wait_until") and source.name.startswith("tests/support/")
        for line in _sleeps(node)
    }


def test_no_test_outside_the_journeys_really_sleeps() -> None:
    found = [
        f"{source.name}:{line}"
        for source in python_files("tests")
        if not source.name.startswith("tests/journeys/")
        for line in sorted({*_sleeps(source.tree)} - _waits(source))
    ]
    assert not found, "wait for a condition or an event, or use the clock of the test kit"


def test_no_test_patches_our_own_code() -> None:
    found = [
        f"{source.name}:{number}"
        for source in python_files("tests")
        if source.name != "tests/architecture/test_habits_of_tests.py"
        for number, line in enumerate(source.text.splitlines(), 1)
        if "unittest.mock" in line or "mock.patch" in line or "mocker" in line
    ]
    assert not found


def test_no_test_is_there_twice_under_one_name() -> None:
    found = []
    for source in python_files("tests"):
        names = [node.name for node in functions(source.tree) if node in source.tree.body]
        found += [f"{source.name} {name}" for name in names if names.count(name) > 1]
    assert not found
