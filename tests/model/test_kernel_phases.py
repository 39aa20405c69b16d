"""One pure function says the next step, for every input, and following it always comes to an end."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from kernelyard.model.kernel_phases import (
    KernelState,
    Phase,
    Step,
    Wanted,
    next_step,
    public_state,
    wants_more,
)

ATTEMPTS = st.integers(0, 5)
EVERY_INPUT = list(itertools.product(Wanted, Phase, range(4), range(4)))


def test_there_is_a_next_step_for_every_input() -> None:
    steps = {
        next_step(wanted, phase, attempt=attempt, ran_attempt=ran)
        for wanted, phase, attempt, ran in EVERY_INPUT
    }
    assert steps == set(Step)


def test_users_see_a_state_for_every_input() -> None:
    states = {
        public_state(wanted, phase, attempt=attempt, ran_attempt=ran, busy=busy)
        for wanted, phase, attempt, ran in EVERY_INPUT
        for busy in (False, True)
    }
    assert states == set(KernelState)


def test_the_state_that_users_see_is_final_exactly_when_the_phase_is() -> None:
    for wanted, phase, attempt, ran in EVERY_INPUT:
        state = public_state(wanted, phase, attempt=attempt, ran_attempt=ran, busy=False)
        assert state.is_final == phase.is_final


@pytest.mark.parametrize("phase", Phase)
def test_a_kernel_that_is_to_go_is_removed_wherever_it_is(phase: Phase) -> None:
    assert next_step(Wanted.GONE, phase, attempt=1, ran_attempt=0) is Step.REMOVE
    assert next_step(Wanted.STOP, phase, attempt=1, ran_attempt=0) is not Step.REMOVE


def test_a_kernel_that_no_agent_knows_is_settled_in_the_store() -> None:
    assert next_step(Wanted.STOP, Phase.REQUESTED, attempt=1, ran_attempt=0) is Step.SETTLE


@pytest.mark.parametrize("phase", [Phase.LAUNCHING, Phase.CONNECTING, Phase.READY, Phase.STOPPING])
def test_a_kernel_that_an_agent_may_know_is_stopped_there(phase: Phase) -> None:
    assert next_step(Wanted.STOP, phase, attempt=1, ran_attempt=1) is Step.STOP


@given(attempt=ATTEMPTS, ran=ATTEMPTS)
def test_a_restart_is_due_only_when_more_starts_are_asked_than_ran(attempt: int, ran: int) -> None:
    step = next_step(Wanted.RUN, Phase.READY, attempt=attempt, ran_attempt=ran)
    assert step is (Step.RESTART if attempt > ran else Step.NOTHING)


@given(ran=st.integers(1, 5), busy=st.booleans())
def test_idle_and_busy_are_seen_only_on_a_ready_kernel_that_is_to_run(ran: int, busy: bool) -> None:
    state = public_state(Wanted.RUN, Phase.READY, attempt=ran, ran_attempt=ran, busy=busy)
    assert state is (KernelState.BUSY if busy else KernelState.IDLE)
    ends = public_state(Wanted.STOP, Phase.READY, attempt=ran, ran_attempt=ran, busy=busy)
    assert ends is KernelState.TERMINATING


def test_a_first_start_is_starting_and_a_later_one_restarting() -> None:
    first = public_state(Wanted.RUN, Phase.CONNECTING, attempt=1, ran_attempt=0, busy=False)
    later = public_state(Wanted.RUN, Phase.CONNECTING, attempt=2, ran_attempt=1, busy=False)
    assert (first, later) == (KernelState.STARTING, KernelState.RESTARTING)


def test_what_is_wanted_only_moves_downwards() -> None:
    order = [Wanted.RUN, Wanted.STOP, Wanted.GONE]
    for (i, wanted), (j, asked) in itertools.product(enumerate(order), enumerate(order)):
        assert wants_more(wanted, asked) == (j > i)


_HAPPENS = {
    Step.LAUNCH: (Phase.CONNECTING, Phase.FAILED),
    Step.RESTART: (Phase.CONNECTING, Phase.FAILED),
    Step.STOP: (Phase.STOPPING, Phase.STOPPED, Phase.FAILED),
    Step.SETTLE: (Phase.STOPPED,),
}


class KernelLife(RuleBasedStateMachine):
    """Owners ask, reconciling does the next step, agents tell what happened: in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.wanted, self.phase = Wanted.RUN, Phase.REQUESTED
        self.attempt, self.ran = 1, 0
        self.removed = False

    @property
    def step(self) -> Step:
        return next_step(self.wanted, self.phase, attempt=self.attempt, ran_attempt=self.ran)

    @rule(asked=st.sampled_from(Wanted))
    def ask(self, asked: Wanted) -> None:
        if wants_more(self.wanted, asked):
            self.wanted = asked

    @precondition(lambda self: self.wanted is Wanted.RUN and self.phase is Phase.READY)
    @rule()
    def ask_for_a_restart(self) -> None:
        self.attempt = self.ran + 1

    @precondition(lambda self: self.step in _HAPPENS)
    @rule(data=st.data())
    def do_the_step(self, data: st.DataObject) -> None:
        self.phase = data.draw(st.sampled_from(_HAPPENS[self.step]))

    @precondition(lambda self: self.phase is Phase.CONNECTING)
    @rule()
    def the_kernel_answers(self) -> None:
        self.phase, self.ran = Phase.READY, self.attempt

    @precondition(lambda self: not self.phase.is_final and self.phase is not Phase.REQUESTED)
    @rule()
    def the_kernel_dies(self) -> None:
        self.phase = Phase.FAILED

    @precondition(lambda self: self.step is Step.REMOVE)
    @rule()
    def remove(self) -> None:
        self.removed = True

    @invariant()
    def an_ended_kernel_is_never_started(self) -> None:
        if self.phase.is_final:
            assert self.step in (Step.NOTHING, Step.REMOVE)

    @invariant()
    def only_what_nobody_wants_is_removed(self) -> None:
        assert not self.removed or self.wanted is Wanted.GONE

    @invariant()
    def stopping_from_here_always_comes_to_an_end(self) -> None:
        phase = self.phase
        for _ in range(3):
            step = next_step(Wanted.STOP, phase, attempt=self.attempt, ran_attempt=self.ran)
            if step is Step.NOTHING:
                break
            phase = Phase.STOPPED if phase in (Phase.STOPPING, Phase.REQUESTED) else Phase.STOPPING
        assert phase.is_final


TestKernelLife = KernelLife.TestCase
TestKernelLife.settings = settings(stateful_step_count=20)
