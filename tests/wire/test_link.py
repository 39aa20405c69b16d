"""What server and agent say to each other arrives as it was said."""

from __future__ import annotations

import typing

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernelyard.model import errors
from kernelyard.model.errors import YardError
from kernelyard.model.exits import InterruptOutcome
from kernelyard.model.images import FoundImage
from kernelyard.model.kernels import LaunchOrder
from kernelyard.model.tasks import Assignment
from kernelyard.model.templates import StartWay
from kernelyard.wire import foreign, framing, link, relaying
from kernelyard.wire.connections import Connection
from kernelyard.wire.interventions import Claim
from kernelyard.wire.zygotes import ZygoteFact, ZygoteList, Zygotes, ZygoteState

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
MICROS = st.integers(0, 2**60)
ENVIRONMENTS = st.dictionaries(TEXT, TEXT, max_size=3)
ORDERS = st.builds(
    LaunchOrder,
    kernel_id=TEXT,
    attempt=st.integers(1, 2**31),
    provider=TEXT,
    image=TEXT,
    environment=ENVIRONMENTS,
    milli_cpu_limit=st.integers(0, 10**6),
    memory_bytes_limit=st.integers(0, 2**63 - 1),
    max_idle_seconds=st.none() | st.floats(0, 1e8),
    start_timeout_seconds=st.floats(0, 1e5),
    preload=st.lists(TEXT, max_size=2).map(tuple),
    start=st.sampled_from(StartWay),
    trust=TEXT,
)
TASKS = st.lists(
    st.builds(
        Assignment,
        task_id=TEXT,
        seq=st.integers(1, 2**31),
        code=TEXT,
        output_limit_bytes=st.integers(0, 2**40),
    ),
    max_size=3,
)
IMAGES = st.lists(
    st.builds(
        FoundImage,
        provider=TEXT,
        name=TEXT,
        display_name=TEXT,
        language=TEXT,
        version=st.none() | TEXT,
        interrupt_mode=st.sampled_from(["signal", "message"]),
        resources=st.lists(TEXT, max_size=2).map(tuple),
        problem=st.none() | TEXT,
        metadata=ENVIRONMENTS,
        parameters=ENVIRONMENTS,
        own=st.booleans(),
        start=st.sampled_from(["fork", "exec"]),
        start_reason=TEXT,
    ),
    max_size=3,
)
CONNECTIONS = st.builds(
    Connection,
    transport=st.sampled_from(["ipc", "tcp"]),
    ip=TEXT,
    shell_port=st.integers(0, 65_535),
    iopub_port=st.integers(0, 65_535),
    stdin_port=st.integers(0, 65_535),
    control_port=st.integers(0, 65_535),
    hb_port=st.integers(0, 65_535),
    key=TEXT,
)
EXTERNAL = st.lists(st.builds(foreign.ExternalKernel, TEXT, TEXT, TEXT), max_size=2)
REFUSED = st.lists(st.builds(foreign.RefusedFile, TEXT, TEXT), max_size=2)
REQUESTS: dict[type, st.SearchStrategy[link.Request]] = {
    link.Hello: st.builds(link.Hello),
    link.Images: st.builds(link.Images, st.booleans()),
    link.NewImages: st.builds(link.NewImages, st.integers(0, 2**60), st.floats(0, 1e5)),
    link.Parameters: st.builds(link.Parameters, TEXT, TEXT, ENVIRONMENTS),
    link.Resource: st.builds(link.Resource, TEXT, TEXT, TEXT),
    link.Launch: st.builds(link.Launch, ORDERS),
    Claim: st.builds(Claim, ORDERS),
    link.Submit: st.builds(link.Submit, TEXT, TASKS),
    link.Cancel: st.builds(link.Cancel, TEXT, TEXT, st.integers(1, 2**31), TEXT),
    link.Interrupt: st.builds(link.Interrupt, TEXT, TEXT, TEXT),
    link.Signal: st.builds(link.Signal, TEXT, st.integers(1, 64), TEXT, TEXT),
    link.Restart: st.builds(link.Restart, TEXT, st.integers(1, 2**31), TEXT, TEXT),
    link.Stop: st.builds(link.Stop, TEXT, TEXT, st.booleans()),
    link.Forget: st.builds(link.Forget, TEXT),
    foreign.Deposit: st.builds(
        foreign.Deposit,
        kernel_id=TEXT,
        connection=CONNECTIONS,
        pid=st.none() | st.integers(1, 2**22),
        interrupt_by=st.sampled_from(["message", "signal"]),
    ),
    foreign.DepositFile: st.builds(foreign.DepositFile, TEXT, TEXT, TEXT, TEXT),
    foreign.ExternalFiles: st.builds(foreign.ExternalFiles, TEXT),
    link.Follow: st.builds(link.Follow, TEXT, st.integers(0, 2**63 - 1)),
    link.Attach: st.builds(link.Attach, TEXT, st.floats(0, 1e8)),
    link.Stored: st.builds(link.Stored, TEXT, st.integers(0, 2**63 - 1)),
    link.Log: st.builds(link.Log, TEXT, st.none() | st.integers(0, 2**60), st.integers(1, 2**20)),
    link.Bridge: st.builds(link.Bridge, TEXT, st.booleans()),
    Zygotes: st.just(Zygotes()),
    link.Facts: st.builds(link.Facts),
    relaying.Relay: st.builds(relaying.Relay, TEXT, TEXT, TEXT, st.integers(0, 2**60)),
    link.Quit: st.builds(link.Quit, st.booleans()),
}
REPLIES: dict[type, st.SearchStrategy[link.Reply]] = {
    link.Done: st.builds(link.Done),
    link.AgentInfo: st.builds(
        link.AgentInfo,
        st.integers(1, 9),
        TEXT,
        st.integers(1, 2**22),
        st.integers(0, 2**60),
        st.lists(TEXT, max_size=3),
    ),
    link.ImageList: st.builds(
        link.ImageList,
        IMAGES,
        st.lists(st.builds(link.BrokenProvider, TEXT, TEXT, st.none() | MICROS), max_size=2),
        st.lists(st.builds(link.SlowProvider, TEXT, MICROS), max_size=2),
        st.lists(st.builds(link.HiddenImage, TEXT, TEXT), max_size=2),
        MICROS,
        MICROS,
    ),
    link.Content: st.builds(link.Content, st.binary(max_size=100)),
    link.LogPart: st.builds(link.LogPart, st.binary(max_size=100), *[st.integers(0, 2**60)] * 4),
    foreign.ExternalList: st.builds(
        foreign.ExternalList, EXTERNAL, REFUSED, st.lists(TEXT, max_size=2), st.none() | TEXT
    ),
    link.Bridged: st.builds(link.Bridged, CONNECTIONS),
    link.Interrupted: st.builds(link.Interrupted, st.sampled_from(InterruptOutcome)),
    link.Signalled: st.builds(link.Signalled, st.booleans()),
    ZygoteList: st.builds(
        ZygoteList,
        st.lists(
            st.builds(
                ZygoteFact,
                name=TEXT,
                images=st.lists(TEXT, max_size=2),
                preload=st.lists(TEXT, max_size=2),
                trust=TEXT,
                state=st.sampled_from(typing.get_args(ZygoteState)),
                started_at=st.none() | MICROS,
            ),
            max_size=2,
        ),
        most=st.integers(0, 100),
        pressure=TEXT,
    ),
    link.FactList: st.builds(
        link.FactList, st.lists(st.builds(link.LimitFact, TEXT, TEXT, TEXT), max_size=2)
    ),
    link.Fault: st.builds(link.Fault, TEXT, TEXT, st.none() | TEXT),
}
FAULTS: list[type[YardError]] = [
    errors.AgentUnavailable,
    errors.Conflict,
    errors.ImageNotFound,
    errors.ImageNotReady,
    errors.Invalid,
    errors.KernelEnded,
    errors.KernelNotFound,
    errors.KernelNotRunning,
    errors.RecordsGone,
    errors.ResourceNotFound,
    errors.StorageFull,
    errors.TaskFinished,
]


def test_every_request_and_every_reply_is_tried_here() -> None:
    assert set(typing.get_args(link.Request)) == set(REQUESTS)
    assert set(typing.get_args(link.Reply)) == set(REPLIES)


@pytest.mark.parametrize("kind", REQUESTS)
@given(data=st.data())
def test_a_request_arrives_as_it_was_said(kind: type, data: st.DataObject) -> None:
    request = data.draw(REQUESTS[kind])
    assert link.decode_request(link.encode_message(request)) == request


@pytest.mark.parametrize("kind", REPLIES)
@given(data=st.data())
def test_a_reply_arrives_as_it_was_said(kind: type, data: st.DataObject) -> None:
    reply = data.draw(REPLIES[kind])
    assert link.decode_reply(link.encode_message(reply)) == reply


@given(st.binary(max_size=300))
def test_a_frame_tells_its_length(payload: bytes) -> None:
    framed = framing.frame(payload)
    head, rest = framed[: framing.LENGTH_SIZE], framed[framing.LENGTH_SIZE :]
    assert rest == payload
    assert framing.frame_length(head) == len(payload)


def test_a_frame_over_the_limit_is_refused() -> None:
    assert (
        framing.frame_length(framing.LARGEST_FRAME.to_bytes(4, "little")) == framing.LARGEST_FRAME
    )
    with pytest.raises(ValueError, match="limit"):
        framing.frame_length((framing.LARGEST_FRAME + 1).to_bytes(4, "little"))


@given(st.binary(max_size=60) | st.sampled_from([b"{}", b"null", b'{"type":"nonsense"}', b'["x"]']))
def test_what_is_no_message_is_refused(payload: bytes) -> None:
    for decode in (link.decode_request, link.decode_reply):
        with pytest.raises(msgspec.DecodeError):
            decode(payload)


def test_a_request_is_no_reply_and_a_reply_no_request() -> None:
    with pytest.raises(msgspec.DecodeError):
        link.decode_reply(link.encode_message(link.Hello()))
    with pytest.raises(msgspec.DecodeError):
        link.decode_request(link.encode_message(link.Done()))


@pytest.mark.parametrize("kind", FAULTS)
def test_an_error_arrives_as_the_error_it_was(kind: type[YardError]) -> None:
    error = link.error_of(link.fault_of(kind("what to do")))
    assert type(error) is kind
    assert error.message == "what to do"


def test_an_error_says_what_it_is_about() -> None:
    error = link.error_of(link.fault_of(errors.Invalid("wrong", field="parameters.level")))
    assert error.field == "parameters.level"


def test_an_unknown_fault_is_still_an_error() -> None:
    error = link.error_of(link.Fault("from_the_future", "a sentence"))
    assert type(error) is YardError
    assert error.message == "a sentence"


def test_records_that_are_gone_arrive_with_the_number_of_the_first_that_is_not() -> None:
    told = link.decode_reply(link.encode_message(link.fault_of(errors.RecordsGone(first=42))))
    assert isinstance(told, link.Fault)
    error = link.error_of(told)
    assert isinstance(error, errors.RecordsGone)
    assert error.first == 42
