"""The command itself: help with examples, usage errors, one line for expected errors, fast."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from kernelyard.cli.main import COMMANDS, LazyCommands, app, main

runner = CliRunner()


def every_command() -> Iterator[list[str]]:
    """The words that call each command that does something."""
    root: Any = typer.main.get_command(app)
    for name in COMMANDS:
        command: Any = root.get_command(None, name)
        if hasattr(command, "commands"):
            yield from ([name, sub] for sub in command.commands)
        else:
            yield [name]


def status_of(*arguments: str) -> int:
    with pytest.raises(SystemExit) as exited:
        main(arguments)
    return int(exited.value.code or 0)


HELPED = [words for words in every_command() if words != ["agent"]]
"""``agent`` hands every flag to the agent's own program, --help too."""
ANSWERING = [words for words in HELPED if words != ["serve"]]
"""All but those that run until they are ended."""


@pytest.mark.parametrize("words", HELPED, ids=" ".join)
def test_each_command_has_help_with_an_example(words: list[str]) -> None:
    told = runner.invoke(app, [*words, "--help"])
    assert told.exit_code == 0
    assert "Example" in told.stdout
    assert f"kernelyard {' '.join(words)}" in " ".join(told.stdout.split())


@pytest.mark.parametrize("words", ANSWERING, ids=" ".join)
def test_each_command_that_answers_takes_o_json(words: list[str]) -> None:
    assert "-o, --format" in runner.invoke(app, [*words, "--help"]).stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_says_of_a_command_what_its_own_help_begins_with(name: str) -> None:
    command = LazyCommands().get_command(None, name)
    assert " ".join(command.help.split("\n\n")[0].split()) == COMMANDS[name]


def test_the_list_is_shown_without_loading_the_commands() -> None:
    code = (
        "import sys\nfrom kernelyard.cli.main import COMMANDS, main\n"
        "try:\n    main(['--help'])\nexcept SystemExit: pass\n"
        "loaded = [c for c in COMMANDS if 'kernelyard.cli.' + c.replace('-', '_') in sys.modules]\n"
        "print('loaded:', loaded)"
    )
    told = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30
    )
    assert told.stdout.endswith("loaded: []\n")


def test_the_help_lists_every_command() -> None:
    told = runner.invoke(app, ["--help"]).stdout
    assert all(f"\n  {name} " in told for name in COMMANDS)


def test_the_version_is_told() -> None:
    told = runner.invoke(app, ["--version"])
    assert told.exit_code == 0
    assert told.stdout.startswith("kernelyard 0.")


def test_an_unknown_command_is_a_usage_error() -> None:
    assert runner.invoke(app, ["rum"]).exit_code == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ["run"],
        ["run", "a.py", "-c", "1"],
        ["run", "a.py", "--output", "x.ipynb"],
        ["run", "-c", "1", "--env", "NOVALUE"],
        ["run", "-c", "1", "--timeout", "0"],
        ["run", "/nonexistent/file.py"],
        ["run", "/nonexistent/book.ipynb"],
        ["submit", "k"],
        ["kernels", "list", "--limit", "0"],
        ["tail", "x", "--after", "-1"],
        ["events", "--new"],
        ["events", "-f", "--new", "--after", "3"],
        ["serve", "--no-such-flag"],
    ],
)
def test_wrong_usage_exits_with_2_and_starts_nothing(arguments: list[str], tmp_path: Path) -> None:
    assert status_of(*arguments) == 2
    assert not (tmp_path / "data").exists()


def test_a_path_given_as_the_format_is_answered_with_what_was_meant(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert status_of("run", "book.ipynb", "-o", "out.ipynb") == 2
    said = "".join(capsys.readouterr().err.replace("│", "").split())
    assert "Didyoumean--outputout.ipynb?" in said


def test_the_help_of_run_says_where_the_code_runs() -> None:
    told = " ".join(runner.invoke(app, ["run", "--help"]).stdout.split())
    assert "in the kernel's own work directory and not in the present one" in told


def test_without_a_server_one_line_says_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert status_of("kernels", "--data-dir", str(tmp_path)) == 1
    err = capsys.readouterr().err
    assert err.startswith("error: There is no server")
    assert "kernelyard serve" in err
    assert err.count("\n") == 1


def test_a_bad_setting_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert status_of("serve", "--port", "http") == 1
    err = capsys.readouterr().err
    assert err.startswith("error: The setting 'port' (from --port)")
    assert err.count("\n") == 1


def test_an_unexpected_error_is_not_hidden() -> None:
    with pytest.raises(TypeError):
        main([1])  # type: ignore[list-item]


def test_the_command_line_starts_without_the_server_and_the_client() -> None:
    heavy = ("pydantic", "fastapi", "sqlalchemy", "httpx", "uvicorn", "nbformat", "zmq")
    code = (
        "import sys, kernelyard.cli.main\n"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    told = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30
    )
    assert told.stdout.strip() == "[]"
