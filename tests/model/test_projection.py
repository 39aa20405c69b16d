"""What records mean: folding a journal gives the same, whole or in any pieces."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernelyard.model.json import JsonObject
from kernelyard.model.kernel_phases import Phase
from kernelyard.model.projection import Projection, TaskChange, body_of, project
from kernelyard.model.records import EndCause, Record, RecordKind
from kernelyard.model.tasks import TaskError, TaskState

from tests.support.records import a_journal, a_record

K = RecordKind
RAISED: JsonObject = {"name": "ValueError", "value": "no", "traceback": ["line 1", "line 2"]}


def ended(state: TaskState, **more: object) -> JsonObject:
    return {"task_id": "t", "state": state.value, "reason": None, "error": None, **more}  # type: ignore[dict-item]


def test_a_task_that_starts_is_running() -> None:
    change = project(a_journal((4, K.STARTED, {"task_id": "t"})))
    assert change.tasks == (
        TaskChange(seq=4, state=TaskState.RUNNING, id="t", started_at=1000, first_number=1),
    )
    assert (change.started_seq, change.last_number, change.last_activity_at) == (4, 1, 1000)


def test_a_task_that_starts_and_ends_keeps_both_times() -> None:
    records = a_journal(
        (4, K.STARTED, None),
        (4, K.STREAM, {"name": "stdout", "text": "x"}),
        (4, K.ENDED, ended(TaskState.FAILED, error=RAISED, execution_count=7, reason="why")),
    )
    change = project(records)
    assert change.tasks == (
        TaskChange(
            seq=4,
            state=TaskState.FAILED,
            id="t",
            started_at=1000,
            first_number=1,
            ended_at=3000,
            last_number=3,
            reason="why",
            error=TaskError(name="ValueError", value="no", traceback=("line 1", "line 2")),
            execution_count=7,
        ),
    )
    assert change.started_seq is None


def test_a_task_may_end_without_having_started() -> None:
    (task,) = project(a_journal((2, K.ENDED, ended(TaskState.CANCELLED)))).tasks
    assert (task.state, task.started_at, task.first_number) == (TaskState.CANCELLED, None, None)


@pytest.mark.parametrize("broken", [{}, {"state": None}, {"state": 3}])
def test_an_end_that_does_not_say_how_counts_as_lost(broken: JsonObject) -> None:
    (task,) = project(a_journal((2, K.ENDED, broken))).tasks
    assert task.state is TaskState.LOST


def test_output_is_activity_and_changes_nothing_else() -> None:
    for kind in (K.STREAM, K.DISPLAY_DATA, K.EXECUTE_RESULT, K.CLEAR_OUTPUT, K.ERROR, K.CUT):
        change = project([a_record(kind, number=9, at=70, seq=1)])
        assert change == Projection(last_number=9, last_activity_at=70, size=change.size)


def test_what_the_kernel_itself_says_is_no_activity() -> None:
    assert project([a_record(K.GAP, number=9)]).last_activity_at is None


def test_a_kernels_life_is_a_run_of_phases() -> None:
    change = project(
        a_journal(
            (0, K.KERNEL_LAUNCHED, {"attempt": 1, "pid": 5}),
            (0, K.KERNEL_READY, {"attempt": 1, "info": {"implementation": "x"}}),
            (0, K.KERNEL_RESTARTING, {"attempt": 2, "reason": "asked"}),
            (0, K.KERNEL_LAUNCHED, {"attempt": 2, "pid": 6}),
            (0, K.KERNEL_READY, {"attempt": 2, "info": {}, "started": "exec"}),
            (0, K.KERNEL_STOPPING, {"cause": "asked", "reason": "by ada"}),
            (0, K.KERNEL_ENDED, {"cause": "asked", "reason": "by ada"}),
        )
    )
    assert [phase.phase for phase in change.phases] == [
        Phase.CONNECTING,
        Phase.READY,
        Phase.CONNECTING,
        Phase.CONNECTING,
        Phase.READY,
        Phase.STOPPING,
        Phase.STOPPED,
    ]
    assert [phase.at for phase in change.phases] == [1000 * n for n in range(1, 8)]
    assert (change.ran_attempt, change.info, change.closed) == (2, {}, True)
    assert change.started == "exec"
    assert (change.phases[2].reason, change.phases[-1].reason) == ("asked", "by ada")


@pytest.mark.parametrize(
    ("cause", "phase"),
    [
        (EndCause.ASKED, Phase.STOPPED),
        (EndCause.IDLE, Phase.STOPPED),
        (EndCause.DIED, Phase.FAILED),
        (EndCause.START_FAILED, Phase.FAILED),
        (EndCause.AGENT_LOST, Phase.FAILED),
    ],
)
def test_the_cause_of_an_end_decides_between_stopped_and_failed(
    cause: EndCause, phase: Phase
) -> None:
    change = project(a_journal((0, K.KERNEL_ENDED, {"cause": cause.value, "reason": "x"})))
    assert [one.phase for one in change.phases] == [phase]
    assert change.closed


@pytest.mark.parametrize("body", [b"[]", b"3", b"null"])
def test_a_body_that_is_no_object_is_an_error(body: bytes) -> None:
    with pytest.raises(TypeError, match="record 5"):
        body_of(Record(5, 0, 0, K.STREAM, body))


@st.composite
def journals(draw: st.DrawFn) -> list[Record]:
    """Journals as an agent writes them: tasks one after the other, perhaps cut off by an end."""
    parts: list[tuple[int, RecordKind, JsonObject | None]] = []
    for seq in range(1, draw(st.integers(1, 5))):
        if draw(st.booleans()):
            parts.append((seq, K.STARTED, None))
            parts += [(seq, K.STREAM, {"text": "x"})] * draw(st.integers(0, 2))
        state = draw(st.sampled_from([s for s in TaskState if s.is_final]))
        parts.append((seq, K.ENDED, ended(state)))
        if draw(st.booleans()):
            parts.append((0, K.KERNEL_READY, {"attempt": seq, "info": {}}))
    if draw(st.booleans()):
        parts.append((0, K.KERNEL_ENDED, {"cause": "died", "reason": "x"}))
    return a_journal(*parts, (0, K.GAP, None))


class Row:
    """What a store keeps of one kernel, after one projection or many."""

    def __init__(self) -> None:
        self.tasks: dict[int, dict[str, object]] = {}
        self.phases: list[Phase] = []
        self.current: int | None = None
        self.closed = False
        self.last = 0
        self.active: int | None = None

    def take(self, change: Projection) -> None:
        for task in change.tasks:
            news = {name: getattr(task, name) for name in TaskChange.__slots__}
            kept = {name: value for name, value in news.items() if value is not None}
            self.tasks.setdefault(task.seq, {}).update(kept)
        self.phases += [phase.phase for phase in change.phases]
        self.current = change.current_after(self.current)
        self.closed = self.closed or change.closed
        self.active = change.last_activity_at or self.active
        self.last = change.last_number


@given(journals(), st.data())
def test_a_journal_means_the_same_whole_and_in_pieces(
    records: list[Record], data: st.DataObject
) -> None:
    whole, pieces = Row(), Row()
    whole.take(project(records))
    at = 0
    while at < len(records):
        size = data.draw(st.integers(1, len(records) - at))
        pieces.take(project(records[at : at + size]))
        at += size
    assert vars(pieces) == vars(whole)


@given(journals())
def test_the_running_task_is_the_one_that_started_and_has_not_ended(records: list[Record]) -> None:
    row, running = Row(), None
    for record in records:
        row.take(project([record]))
        if record.kind is K.STARTED:
            running = record.seq
        elif record.kind is K.KERNEL_ENDED or (record.kind is K.ENDED and record.seq == running):
            running = None
        assert row.current == running
