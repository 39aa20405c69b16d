"""What is said at the end of reading: how a task ended, what is missing, where it ran."""

from __future__ import annotations

import pytest

from kernelyard.cli.remarks import (
    MISSING,
    gap_line,
    how_it_ended,
    say_how_it_ended,
    say_what_is_missing,
    say_where_it_ran,
)
from kernelyard.client import TaskError, TaskInfo


@pytest.mark.parametrize(
    ("state", "reason", "error", "line"),
    [
        ("succeeded", None, None, None),
        ("running", None, None, None),
        ("failed", None, "KeyError: 'a'", "failed: KeyError: 'a'"),
        ("failed", "asked for input", "E: v", "failed: asked for input"),
        ("lost", "killed by SIGKILL", None, "lost: killed by SIGKILL"),
        ("cancelled", None, None, "cancelled: no reason was given"),
    ],
)
def test_an_end_without_success_is_told_with_its_reason(
    state: str, reason: str | None, error: str | None, line: str | None
) -> None:
    assert how_it_ended(state, reason, error) == line


def test_a_task_says_how_it_ended(capsys: pytest.CaptureFixture[str]) -> None:
    error = TaskError(name="KeyError", value="'a'")
    say_how_it_ended(TaskInfo(id="t", kernel_id="k", state="failed", error=error))
    assert capsys.readouterr().err == "Task failed: KeyError: 'a'\n"


def test_output_that_is_missing_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    say_what_is_missing(cut_bytes=2_000_000, gaps=1)
    err = capsys.readouterr().err
    assert "2 MB over the task's limit were dropped" in err
    assert MISSING in err
    say_what_is_missing()
    assert capsys.readouterr().err == ""


def test_a_gap_is_told_with_its_times() -> None:
    line = gap_line({"from": 1_767_225_600_000_000, "to": 1_767_225_605_000_000})
    assert ":00:00 to " in line
    assert line.endswith(":00:05]")
    assert gap_line({}) == "[output may be missing here: nobody listened for a while]"


def test_a_file_or_module_that_was_not_found_tells_where_the_code_runs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in ("FileNotFoundError", "ModuleNotFoundError"):
        say_where_it_ran(TaskError(name=name))
        assert "the kernel's own work directory, not in" in capsys.readouterr().err
    say_where_it_ran(TaskError(name="KeyError"))
    say_where_it_ran(None)
    assert capsys.readouterr().err == ""
