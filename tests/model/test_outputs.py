"""All outputs of a task put together: whole streams, displays with their updates, what was cut."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kernelyard.model.json import JsonObject
from kernelyard.model.outputs import Aggregate, Aggregation, Display
from kernelyard.model.records import Record, RecordKind
from kernelyard.model.tasks import Task

from tests.support.records import a_record

K = RecordKind
TASK = Task(no=1, id="t", kernel_no=1, kernel_id="k", owner="ada", seq=1, code="x", created_at=0)


def of(*records: Record) -> Aggregate:
    aggregation = Aggregation()
    aggregation.add_all(records)
    return aggregation.result(TASK)


def stream(text: str, name: str = "stdout") -> Record:
    return a_record(K.STREAM, {"name": name, "text": text}, seq=1)


def shown(text: str, kind: RecordKind = K.DISPLAY_DATA, display_id: str | None = None) -> Record:
    transient: JsonObject = {"display_id": display_id} if display_id else {}
    body: JsonObject = {
        "data": {"text/plain": text},
        "metadata": {"about": text},
        "transient": transient,
    }
    return a_record(kind, body, seq=1)


def cleared(*, wait: bool) -> Record:
    return a_record(K.CLEAR_OUTPUT, {"wait": wait}, seq=1)


def texts(result: Aggregate) -> list[object]:
    return [display.data["text/plain"] for display in result.displays]


def test_a_task_that_said_nothing_has_empty_outputs() -> None:
    assert of() == Aggregate(task=TASK, stdout="", stderr="", displays=[], cut_bytes=0)


@given(st.lists(st.tuples(st.sampled_from(["stdout", "stderr"]), st.text(max_size=10))))
def test_each_stream_is_whole_and_in_order(chunks: list[tuple[str, str]]) -> None:
    result = of(*(stream(text, name) for name, text in chunks))
    for name in ("stdout", "stderr"):
        assert getattr(result, name) == "".join(text for stream, text in chunks if stream == name)


def test_displays_and_results_keep_their_order_and_count() -> None:
    result = a_record(
        K.EXECUTE_RESULT, {"data": {"text/plain": "2"}, "metadata": {}, "execution_count": 5}
    )
    got = of(shown("1"), result)
    assert texts(got) == ["1", "2"]
    assert [(d.kind, d.execution_count) for d in got.displays] == [
        (K.DISPLAY_DATA, None),
        (K.EXECUTE_RESULT, 5),
    ]


def test_an_update_changes_every_display_of_its_id_in_place() -> None:
    update = shown("new", K.UPDATE_DISPLAY_DATA, "a")
    got = of(
        shown("1", display_id="a"), shown("2", display_id="b"), shown("3", display_id="a"), update
    )
    assert texts(got) == ["new", "2", "new"]
    assert got.displays[0].metadata == {"about": "new"}


def test_an_update_of_nothing_shown_adds_nothing() -> None:
    got = of(
        shown("1"), shown("new", K.UPDATE_DISPLAY_DATA), shown("new", K.UPDATE_DISPLAY_DATA, "z")
    )
    assert texts(got) == ["1"]


def test_clearing_removes_what_was_shown_at_once() -> None:
    assert texts(of(shown("1"), cleared(wait=False), shown("2"))) == ["2"]
    assert texts(of(shown("1"), cleared(wait=False))) == []


def test_clearing_may_wait_for_the_next_output() -> None:
    assert texts(of(shown("1"), cleared(wait=True))) == ["1"]
    assert texts(of(shown("1"), cleared(wait=True), shown("2"), shown("3"))) == ["2", "3"]
    assert texts(of(shown("1"), cleared(wait=True), stream("done"))) == []


def test_streams_stay_whole_when_displays_are_cleared() -> None:
    assert of(stream("a"), cleared(wait=False), stream("b")).stdout == "ab"


def test_what_was_cut_is_counted() -> None:
    got = of(stream("x"), a_record(K.CUT, {"bytes": 100, "messages": 2}), a_record(K.CUT, {}))
    assert got.cut_bytes == 100


def test_content_that_is_not_as_expected_is_left_out() -> None:
    strange: list[JsonObject] = [
        {},
        {"text": 5},
        {"data": "x", "metadata": [], "transient": 3, "execution_count": "7"},
    ]
    got = of(*(a_record(kind, body) for kind in K for body in strange))
    assert got.stdout == got.stderr == ""
    assert all(
        d.data == {} and d.metadata == {} and d.execution_count is None for d in got.displays
    )


def test_what_was_returned_does_not_change_when_more_comes() -> None:
    aggregation = Aggregation()
    aggregation.add(shown("1", display_id="a"))
    first = aggregation.result(TASK)
    aggregation.add(shown("new", K.UPDATE_DISPLAY_DATA, "a"))
    aggregation.add(cleared(wait=False))
    assert [type(display) for display in first.displays] == [Display]
    assert texts(first) == ["1"]
