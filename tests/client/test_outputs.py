"""Outputs and results give each form of what a kernel said."""

from __future__ import annotations

import base64
import json

import pytest

from kernelyard.client import (
    Output,
    Result,
    TaskCancelledError,
    TaskInfo,
    TaskLostError,
    TaskResult,
    UnexpectedAnswerError,
)
from kernelyard.client.decoding import decode

from tests.support.yard_answers import AT, a_kernel, a_result, a_task


def an_output(kind: str, content: dict[str, object]) -> Output:
    value = {"number": 3, "at": AT, "task": 1, "kind": kind, "content": content}
    return decode(json.dumps(value).encode(), Output)


def test_a_stream_chunk_has_its_text_and_stream() -> None:
    output = an_output("stream", {"name": "stderr", "text": "careful"})
    assert (output.text, output.stream, output.rich, output.is_mark) == (
        "careful",
        "stderr",
        False,
        False,
    )


def test_a_display_has_each_form() -> None:
    picture = base64.encodebytes(b"\x89PNG" * 40).decode()
    data = {
        "text/plain": "plain",
        "text/html": ["<b>", "bold</b>"],
        "text/markdown": "*m*",
        "text/latex": "$x$",
        "image/svg+xml": "<svg/>",
        "image/png": picture,
        "image/jpeg": "/9j/",
        "application/json": {"a": [1]},
    }
    output = an_output("display_data", {"data": data, "metadata": {"w": 1}, "transient": {}})
    assert output.rich
    assert output.text == "plain"
    assert output.html == "<b>bold</b>"
    assert (output.markdown, output.latex, output.svg) == ("*m*", "$x$", "<svg/>")
    assert output.png == b"\x89PNG" * 40
    assert output.jpeg == b"\xff\xd8\xff"
    assert output.json == {"a": [1]}
    assert output.gif is None
    assert output._repr_mimebundle_(include={"text/plain"}) == ({"text/plain": "plain"}, {"w": 1})


def test_an_error_shows_its_traceback() -> None:
    output = an_output("error", {"ename": "E", "evalue": "v", "traceback": ["one", "two"]})
    assert output.text == "one\ntwo"
    assert an_output("error", {"ename": "E", "evalue": "v", "traceback": []}).text == "E: v"


def test_marks_are_no_text() -> None:
    output = an_output("cut", {"bytes": 5, "messages": 1})
    assert output.is_mark
    assert output.text == ""


def test_a_kind_that_a_later_server_adds_is_read() -> None:
    assert an_output("hologram", {"data": {"text/plain": "h"}}).text == "h"


def test_numbers_and_letters_that_json_has_not_are_read_all_the_same() -> None:
    raw = (
        b'{"number": 1, "at": "2026-01-02T03:04:05Z", "task": 1, "kind": "display_data",'
        b' "content": {"data": {"application/json": NaN, "text/plain": "\\ud83d"}}}'
    )
    output = decode(raw, Output)
    assert output.json != output.json
    assert output.text == "\ud83d"


def test_fields_that_a_later_server_adds_are_passed_over() -> None:
    info = decode(json.dumps(a_task(colour="blue")).encode(), TaskInfo)
    assert info.created_at is not None
    assert info.created_at.microsecond == 678901


def test_an_answer_of_another_kind_is_told_as_such() -> None:
    with pytest.raises(UnexpectedAnswerError, match="TaskInfo"):
        decode(json.dumps(a_kernel()).encode(), TaskInfo)


@pytest.mark.parametrize(
    ("state", "error"), [("cancelled", TaskCancelledError), ("lost", TaskLostError)]
)
def test_every_bad_end_raises_its_own_error(state: str, error: type[Exception]) -> None:
    value = a_result(task=a_task(state=state, reason="because"))
    result = decode(json.dumps(value).encode(), TaskResult)
    assert not result.ok
    with pytest.raises(error, match="because"):
        result.raise_for_error()


def test_a_result_shows_itself_in_jupyter() -> None:
    shown = Result(kind="display_data", data={"text/plain": "p", "text/html": "<p>"})
    info = decode(json.dumps(a_task()).encode(), TaskInfo)
    assert TaskResult(task=info, results=(shown,))._repr_mimebundle_()[0]["text/html"] == "<p>"
    assert TaskResult(task=info, stdout="s")._repr_mimebundle_() == ({"text/plain": "s"}, {})
