"""A task moves only forward, and a settled task never moves again."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from kernelyard.model.tasks import TaskState, may_become

ENDS = {TaskState.SUCCEEDED, TaskState.FAILED, TaskState.CANCELLED, TaskState.LOST}


class TaskLife(RuleBasedStateMachine):
    """Tries every move at every state and takes those that are allowed."""

    def __init__(self) -> None:
        super().__init__()
        self.path = [TaskState.QUEUED]

    @property
    def state(self) -> TaskState:
        return self.path[-1]

    @rule(other=st.sampled_from(TaskState))
    def try_to_move(self, other: TaskState) -> None:
        if may_become(self.state, other):
            self.path.append(other)

    @precondition(lambda self: self.state.is_final)
    @rule(other=st.sampled_from(TaskState))
    def settled_stays_settled(self, other: TaskState) -> None:
        assert not may_become(self.state, other)

    @invariant()
    def no_state_comes_twice(self) -> None:
        assert len(self.path) == len(set(self.path))
        assert len(self.path) <= 3

    @invariant()
    def an_end_comes_last(self) -> None:
        assert not any(state.is_final for state in self.path[:-1])


TestTaskLife = TaskLife.TestCase
TestTaskLife.settings = settings(stateful_step_count=12)


def test_the_ends_are_final_and_nothing_else_is() -> None:
    assert {state for state in TaskState if state.is_final} == ENDS


def test_every_state_is_reachable() -> None:
    reached = {TaskState.QUEUED}
    while more := {o for s in reached for o in TaskState if may_become(s, o)} - reached:
        reached |= more
    assert reached == set(TaskState)


def test_every_state_that_is_no_end_leads_to_every_end() -> None:
    for state in set(TaskState) - ENDS:
        assert {other for other in TaskState if may_become(state, other)} >= ENDS


def test_a_running_task_is_never_queued_again() -> None:
    assert not may_become(TaskState.RUNNING, TaskState.QUEUED)
