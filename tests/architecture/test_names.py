"""A file is named for its subject and says at its top what it is."""

from __future__ import annotations

import ast

from tests.architecture.sources import TREES, python_files

MEANINGLESS = frozenset(
    {"manager", "handler", "helper", "util", "common", "base", "core", "misc", "service"}
)
ANYWHERE = frozenset({"manager", "handler", "helper", "util", "misc"})
"""Say nothing as a part of a name either: ``kernel_manager``, ``path_utils``."""


def _says_nothing(name: str) -> bool:
    stem = name.removesuffix(".py").strip("_")
    words = {word.removesuffix("s") for word in stem.split("_")}
    return stem.removesuffix("s") in MEANINGLESS or bool(words & ANYWHERE)


def test_no_module_or_folder_has_a_name_that_says_nothing() -> None:
    found = {
        source.name
        for source in python_files(*TREES)
        for part in source.name.split("/")
        if _says_nothing(part)
    }
    assert not found


def test_every_module_has_a_docstring() -> None:
    found = [source.name for source in python_files(*TREES) if not _documented(source.tree)]
    assert not found


def _documented(tree: ast.Module) -> bool:
    first_paragraph = (ast.get_docstring(tree) or "").split("\n\n")[0].rstrip()
    return first_paragraph.endswith((".", ":", "?", "…"))


def test_the_words_that_put_work_off_are_nowhere_in_the_source() -> None:
    words = ("TO" + "DO", "FIX" + "ME", "XX" + "X:")
    found = [
        f"{source.name}:{number}"
        for source in python_files(*TREES)
        for number, line in enumerate(source.text.splitlines(), 1)
        if any(word in line for word in words)
    ]
    assert not found
