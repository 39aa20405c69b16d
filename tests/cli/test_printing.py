"""What commands print: each output to its stream, tables for pipes, data as JSON."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from typing import Any

import pytest
import typer

from kernelyard.cli.live import LivePrinter
from kernelyard.cli.pairs import pairs
from kernelyard.cli.showing import (
    GrowingTable,
    first_line,
    human_size,
    plain,
    show_fields,
    show_table,
)
from kernelyard.client import Output, TaskInfo

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def an_output(kind: str, **content: Any) -> Output:
    return Output(number=1, at=NOW, task=1, kind=kind, content=content)


def printed(*outputs: Output, terminal: bool = False) -> tuple[str, str]:
    out, err = (Terminal(), Terminal()) if terminal else (io.StringIO(), io.StringIO())
    printer = LivePrinter(out, err)
    for output in outputs:
        printer.show(output)
    printer.finish()
    return out.getvalue(), err.getvalue()


def test_each_stream_goes_to_its_own() -> None:
    assert printed(
        an_output("stream", name="stdout", text="a\n"),
        an_output("stream", name="stderr", text="b\n"),
        an_output("stream", name="stdout", text="c\n"),
    ) == ("a\nc\n", "b\n")


def test_a_piped_stream_is_not_changed_by_a_byte() -> None:
    assert printed(an_output("stream", name="stdout", text="no newline")) == ("no newline", "")


def test_a_result_begins_on_a_line_of_its_own() -> None:
    out, _ = printed(
        an_output("stream", name="stdout", text="x"),
        an_output("execute_result", data={"text/plain": "42"}, metadata={}),
    )
    assert out == "x\n42\n"


def test_a_picture_is_named_on_a_terminal_and_told_as_text_in_a_pipe() -> None:
    picture = an_output(
        "display_data", data={"image/png": "A" * 16_000, "text/plain": "<Figure>"}, metadata={}
    )
    assert printed(picture, terminal=True)[0] == "[image/png, 12 kB]\n"
    assert printed(picture)[0] == "<Figure>\n"


def test_a_traceback_goes_to_stderr_without_colours_when_piped() -> None:
    error = an_output("error", ename="E", evalue="v", traceback=["\x1b[31mE\x1b[0m: v"])
    assert printed(error) == ("", "E: v\n")
    assert "\x1b[31m" in printed(error, terminal=True)[1]


def test_marks_of_a_usual_run_are_not_printed() -> None:
    marks = [an_output(kind) for kind in ("started", "ended", "kernel_ready", "clear_output")]
    assert printed(*marks) == ("", "")


def test_what_was_cut_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    printed(an_output("cut", bytes=2_000_000, messages=3))
    assert "2 MB of output over the task's limit" in capsys.readouterr().err


def test_a_table_in_a_pipe_is_tab_separated(capsys: pytest.CaptureFixture[str]) -> None:
    show_table(("ID", "NAME"), [("1", "a\tb\n"), ("2", None)], empty="none")
    assert capsys.readouterr().out == "id\tname\n1\ta b \n2\t\n"


def test_a_table_that_grows_is_tab_separated_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    table = GrowingTable({"ID": 4, "WHY": 0})
    table.add((1, "a\nb"))
    table.add((22222, None))
    assert capsys.readouterr().out == "id\twhy\n1\ta b\n22222\t\n"


def test_a_table_that_grows_has_columns_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    table = GrowingTable({"ID": 4, "WHY": 0})
    table.add((1, "so"))
    table.add((22222, None))
    assert terminal.getvalue() == "ID    WHY\n1     so\n22222\n"


def test_fields_that_say_nothing_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    show_fields({"id": "1", "name": None, "labels": {}, "env": {"A": "1", "B": "2"}, "gone": False})
    assert capsys.readouterr().out == "id    1\nenv   A=1, B=2\ngone  no\n"


def test_data_of_the_client_becomes_json_as_the_api_says_it() -> None:
    info = TaskInfo(id="t", kernel_id="k", state="queued", created_at=NOW, labels={"a": "b"})
    told = json.loads(json.dumps(plain(info)))
    assert told["created_at"] == "2026-01-02T03:04:05.678901Z"
    assert (told["labels"], told["error"], told["cancel_requested"]) == ({"a": "b"}, None, False)


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (999, "999 B"), (12_345, "12 kB"), (5e12, "5.0 TB")]
)
def test_sizes_are_said_as_people_say_them(count: int, text: str) -> None:
    assert human_size(count) == text


def test_the_first_line_that_says_something_stands_for_the_code() -> None:
    assert first_line("\n\n  x = 1\ny = 2") == "x = 1"
    assert first_line("a" * 60, 10) == "a" * 9 + "…"
    assert first_line("") == ""


def test_pairs_need_an_equals_sign() -> None:
    assert pairs(["A=1", "B=", "C=x=y"], "--env") == {"A": "1", "B": "", "C": "x=y"}
    for bad in ("A", "=1"):
        with pytest.raises(typer.BadParameter):
            pairs([bad], "--env")
