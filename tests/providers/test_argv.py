"""Blanks in a kernel's command line and environment are filled as Jupyter fills them."""

from __future__ import annotations

import sys

import pytest

from kernelyard.providers.argv import expand_environment, fill, with_own_python

VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"


def test_the_blanks_that_jupyter_knows_are_filled() -> None:
    argv = ["{resource_dir}/run", "-f", "{connection_file}", "--home={prefix}"]
    filled = fill(argv, connection_file="/c.json", resource_dir="/r")
    assert filled == ["/r/run", "-f", "/c.json", f"--home={sys.prefix}"]
    assert argv[0] == "{resource_dir}/run"


@pytest.mark.parametrize("word", ["{unknown}", "{}", "{a b}", "{{x}}", "}{", "${HOME}", "{0.name}"])
def test_other_braces_stay_as_they_are(word: str) -> None:
    assert fill([word], connection_file="/c", resource_dir="/r") == [word]


def test_what_is_filled_in_is_not_filled_again() -> None:
    assert fill(["{connection_file}"], connection_file="{prefix}", resource_dir=None) == [
        "{prefix}"
    ]


def test_a_missing_resource_directory_leaves_its_blank() -> None:
    assert fill(["{resource_dir}"], connection_file="", resource_dir=None) == ["{resource_dir}"]


def test_variables_are_taken_from_the_surroundings() -> None:
    env = {"PATH": "/new:${PATH}", "A": "$B", "C": "${NONE}", "D": "100$", "E": "$$x"}
    expanded = expand_environment(env, {"PATH": "/bin", "B": "b"})
    assert expanded == {"PATH": "/new:/bin", "A": "b", "C": "${NONE}", "D": "100$", "E": "$x"}


@pytest.mark.parametrize("word", ["python", "python3", f"python{VERSION}"])
def test_the_running_python_is_meant_by_its_plain_names(word: str) -> None:
    assert with_own_python([word, "-m", "x"]) == [sys.executable, "-m", "x"]


@pytest.mark.parametrize("word", ["python2", "python3.2", "/usr/bin/python3", "pypy", "bash"])
def test_another_program_is_not_replaced(word: str) -> None:
    assert with_own_python([word, "python"]) == [word, "python"]


def test_an_empty_command_stays_empty() -> None:
    assert with_own_python([]) == []
