"""Files and functions stay small enough to be read at one go."""

from __future__ import annotations

from tests.architecture.sources import TREES, functions, python_files

SOURCE_LINES = 400
TEST_LINES = 500
FUNCTION_LINES = 60

LONGER_FILES: dict[str, int] = {}
"""Files that may be longer, with the lines they have now. The list and its numbers only shrink."""


def test_no_file_is_longer_than_its_limit() -> None:
    too_long = {}
    for source in python_files(*TREES):
        limit = TEST_LINES if source.name.startswith("tests/") else SOURCE_LINES
        lines = source.text.count("\n")
        if lines > LONGER_FILES.get(source.name, limit):
            too_long[source.name] = lines
    assert not too_long


def test_the_list_of_longer_files_only_shrinks() -> None:
    lines = {source.name: source.text.count("\n") for source in python_files(*TREES)}
    slack = {
        name: lines.get(name) for name, most in LONGER_FILES.items() if lines.get(name) != most
    }
    assert not slack, "write the present number of lines, or take the file off the list"


def test_no_function_is_longer_than_sixty_lines() -> None:
    too_long = {
        f"{source.name}:{node.lineno} {node.name}": length
        for source in python_files(*TREES)
        for node in functions(source.tree)
        if (length := (node.end_lineno or node.lineno) - node.lineno + 1) > FUNCTION_LINES
    }
    assert not too_long
