"""Messages and attachments made from what a kernel has said.

- what is printed at once is one message, also where the kernel has sent it in two pieces
- lines that come one after the other are messages of their own
- only streams and things displayed are messages
- a message has a stream or a display, never both
- values are in base64 on top of Jupyter's own encoding; what is no text is JSON first
- what is displayed is an attachment, with all its forms
"""

from __future__ import annotations

import base64
import json

from hypothesis import given
from hypothesis import strategies as st

from kernelyard.doors.h2o.messages import (
    ONE_LINE_MICROS,
    Message,
    Messages,
    encoded,
    fitting,
    output,
)
from kernelyard.model.json import JsonValue
from kernelyard.model.outputs import Aggregation
from kernelyard.model.records import Record, RecordKind
from kernelyard.testing.stores.builders import NOON, a_kernel, a_task

NAME = "workspaces/default/kernels/k/tasks/t"
PNG = base64.b64encode(b"\x89PNG").decode()


def a_record(number: int, kind: RecordKind, at: int = 0, **body: JsonValue) -> Record:
    """A record ``at`` microseconds after noon."""
    return Record(number, NOON + at, 1, kind, json.dumps(body).encode())


def printed(number: int, text: str, at: int = 0, name: str = "stdout") -> Record:
    """A piece of a stream."""
    return a_record(number, RecordKind.STREAM, at, name=name, text=text)


def shown(number: int, **data: JsonValue) -> Record:
    """Something displayed."""
    bundle: JsonValue = {key.replace("_", "/"): value for key, value in data.items()}
    return a_record(number, RecordKind.DISPLAY_DATA, data=bundle, metadata={})


def made(*records: Record) -> list[Message]:
    """The messages of these records."""
    messages = Messages()
    messages.add_all(records)
    return messages.made


def texts(*records: Record) -> list[tuple[str, str]]:
    """Stream and text of each message."""
    return [(one.stream, "".join(one.texts)) for one in made(*records)]


def test_what_is_printed_at_once_is_one_message() -> None:
    assert texts(printed(2, "x\n")) == [("stdout", "x\n")]
    (message,) = made(printed(2, "x"), printed(3, "\n", at=300_000))
    assert message.texts == ["x", "\n"]
    assert (message.first, message.last) == (2, 3)


def test_lines_that_come_one_after_the_other_are_messages_of_their_own() -> None:
    assert texts(printed(2, "a\n"), printed(3, "b\n", at=1)) == [
        ("stdout", "a\n"),
        ("stdout", "b\n"),
    ]


def test_a_line_that_goes_on_later_or_elsewhere_is_another_message() -> None:
    late = printed(3, "b", at=ONE_LINE_MICROS + 1)
    other = printed(3, "b", name="stderr")
    assert len(made(printed(2, "a"), late)) == 2
    assert texts(printed(2, "a"), other) == [("stdout", "a"), ("stderr", "b")]
    assert len(made(printed(2, "a"), shown(3, text_plain="x"), printed(4, "b"))) == 3


def test_a_line_that_never_ends_is_cut_into_messages_of_a_moment() -> None:
    pieces = [printed(number, ".", at=number * 200_000) for number in range(50)]
    messages = made(*pieces)
    assert 5 < len(messages) < 12
    assert "".join(text for one in messages for text in one.texts) == "." * 50


def test_only_streams_and_things_displayed_are_messages() -> None:
    silent = [
        a_record(1, RecordKind.STARTED, task_id="t"),
        a_record(2, RecordKind.ERROR, ename="KeyboardInterrupt", evalue="", traceback=[]),
        a_record(3, RecordKind.CLEAR_OUTPUT, wait=False),
        a_record(4, RecordKind.CUT, bytes=10),
        a_record(5, RecordKind.DISPLAY_DATA, data={}, metadata={}),
        printed(6, ""),
        a_record(7, RecordKind.ENDED, task_id="t", state="succeeded"),
    ]
    assert made(*silent) == []


def test_a_result_and_an_update_are_displays() -> None:
    bundle: JsonValue = {"text/plain": "42"}
    kinds = (RecordKind.EXECUTE_RESULT, RecordKind.UPDATE_DISPLAY_DATA)
    records = [a_record(number, kind, data=bundle) for number, kind in enumerate(kinds, 1)]
    assert [one.display for one in made(*records)] == [{"text/plain": "NDI="}] * 2


def test_a_message_has_a_stream_or_a_display_and_never_both() -> None:
    stream, display = (
        one.told(NAME)
        for one in made(printed(7, "warning\n", name="stderr"), shown(9, image_png=PNG))
    )
    assert stream == {
        "name": f"{NAME}/messages/m7",
        "createTime": "2025-06-15T15:06:40.000000Z",
        "stream": {"type": "TYPE_STDERR", "data": "warning\n"},
    }
    assert set(display) == {"name", "createTime", "display"}


def test_a_picture_is_in_base64_twice() -> None:
    (message,) = made(shown(1, image_png=PNG, text_plain="<Figure>"))
    data = message.display
    assert base64.b64decode(base64.b64decode(data["image/png"])) == b"\x89PNG"
    assert base64.b64decode(data["text/plain"]) == b"<Figure>"


@given(st.dictionaries(st.text(), st.integers() | st.text() | st.lists(st.booleans())))
def test_what_is_no_text_is_json_first(value: dict[str, JsonValue]) -> None:
    told = encoded({"application/json": value})["application/json"]
    back = base64.b64decode(told, validate=True).decode()
    if json.dumps(value, ensure_ascii=False).isascii():
        assert json.loads(back) == value


def test_halves_of_surrogate_pairs_do_not_break_an_answer() -> None:
    assert encoded({"text/plain": "a\ud800"}) == {"text/plain": base64.b64encode(b"a?").decode()}
    assert texts(printed(1, "a\ud800\n")) == [("stdout", "a?\n")]


def test_a_page_ends_after_so_many_messages_or_bytes_and_has_at_least_one() -> None:
    messages = made(*(printed(number, "x" * 10 + "\n") for number in range(1, 6)))
    assert len(fitting(messages, 3, 1000)) == 3
    assert len(fitting(messages, 10, 25)) == 2
    assert len(fitting(messages, 10, 1)) == 1
    assert len(fitting(messages, 10, 1000)) == 5
    assert fitting([], 10, 1000) == []


PIECES = st.lists(
    st.tuples(
        st.sampled_from(["a", "a\n", "\n", "display"]),
        st.sampled_from(["stdout", "stderr"]),
        st.integers(0, ONE_LINE_MICROS),
    )
)


@given(PIECES, st.integers(1, 5), st.integers(1, 10))
def test_pages_have_the_same_messages_whatever_their_size(
    pieces: list[tuple[str, str, int]], most: int, most_bytes: int
) -> None:
    records, at = [], 0
    for number, (text, stream, pause) in enumerate(pieces, 1):
        at += pause
        shows = text == "display"
        records.append(
            a_record(number, RecordKind.DISPLAY_DATA, at, data={"text/plain": "x"})
            if shows
            else printed(number, text, at, stream)
        )
    paged: list[Message] = []
    while True:
        after = paged[-1].last if paged else 0
        page = fitting(made(*(one for one in records if one.number > after)), most, most_bytes)
        if not page:
            break
        paged += page
    assert paged == made(*records)


def test_all_that_was_said_is_joined_and_what_was_displayed_is_attached() -> None:
    whole = Aggregation()
    whole.add_all(
        [
            printed(1, "a\n"),
            printed(2, "w\n", name="stderr"),
            shown(3, image_png=PNG, text_plain="<Figure>"),
            printed(4, "b\n"),
        ]
    )
    told = output(NAME, whole.result(a_task(a_kernel())))
    encoded_png = base64.b64encode(PNG.encode()).decode()
    assert told == {
        "name": f"{NAME}/output",
        "stdout": "a\nb\n",
        "stderr": "w\n",
        "attachments": [
            {
                "data": [
                    {"mimeType": "image/png", "data": encoded_png},
                    {"mimeType": "text/plain", "data": base64.b64encode(b"<Figure>").decode()},
                ]
            }
        ],
    }
