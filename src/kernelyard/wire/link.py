"""The agent link: what server and agent say to each other over a stream socket.

A connection carries frames (``wire.framing``). The client sends one JSON request per frame and reads one JSON reply per frame, in order; a ``follow`` request that is
answered with ``done`` turns the rest of the connection into a one-way stream of frames that hold
whole journal records (``wire.journal``), with an empty frame now and then as a sign of life. Every
request may be repeated.
"""

from __future__ import annotations

import msgspec

from kernelyard.model.errors import (
    AgentUnavailable,
    Conflict,
    ImageNotFound,
    ImageNotReady,
    Invalid,
    KernelEnded,
    KernelNotFound,
    KernelNotRunning,
    LimitReached,
    RecordsGone,
    ResourceNotFound,
    StorageFull,
    TaskFinished,
    YardError,
)
from kernelyard.model.images import FoundImage
from kernelyard.model.kernels import LaunchOrder
from kernelyard.model.tasks import Assignment, Cancellation
from kernelyard.wire.connections import Connection
from kernelyard.wire.foreign import Deposit, DepositFile, ExternalFiles, ExternalList
from kernelyard.wire.interventions import Claim, Interrupt, Interrupted, Signal, Signalled
from kernelyard.wire.relaying import Relay
from kernelyard.wire.zygotes import ZygoteList, Zygotes

LINK_VERSION = 4


class Hello(msgspec.Struct, tag="hello", frozen=True):
    """Who is there."""


class Images(msgspec.Struct, tag="images", frozen=True):
    """What can run here. ``refresh`` looks again instead of using a cached list."""

    refresh: bool = False


class NewImages(msgspec.Struct, tag="new_images", frozen=True):
    """The same, as soon as it is another than version ``than``, or after so many seconds. ``than`` is of an earlier answer of the same agent; an agent that is asked so keeps looking."""

    than: int
    seconds: float


class Parameters(msgspec.Struct, tag="parameters", frozen=True):
    """Whether a kernel of an image may be started with these values: ``invalid`` names the wrong one."""

    provider: str
    image: str
    values: dict[str, object]


class Resource(msgspec.Struct, tag="resource", frozen=True):
    """A file of an image, such as its logo."""

    provider: str
    image: str
    file: str


class Launch(msgspec.Struct, tag="launch", frozen=True):
    """Start a kernel, unless this attempt of it was started already."""

    order: LaunchOrder


class Submit(msgspec.Struct, tag="submit", frozen=True):
    """Put tasks into a kernel's queue; those known already are left alone."""

    kernel_id: str
    tasks: list[Assignment]


class Cancel(msgspec.Struct, tag="cancel", frozen=True):
    """Take a task out of the queue, or interrupt it. A task not known yet will be cancelled on arrival."""

    kernel_id: str
    task_id: str
    seq: int
    reason: str
    how: Cancellation = Cancellation()


class Restart(msgspec.Struct, tag="restart", frozen=True):
    """Start the kernel's process anew, unless attempt ``attempt`` was begun already."""

    kernel_id: str
    attempt: int
    reason: str
    by: str = ""


class Stop(msgspec.Struct, tag="stop", frozen=True):
    """End the kernel and its open tasks. An unknown kernel gets a journal that says it ended.

    A kernel that somebody else has started is let go of, and is ended only with ``shut_down``.
    """

    kernel_id: str
    reason: str
    shut_down: bool = False


class Forget(msgspec.Struct, tag="forget", frozen=True):
    """Remove every trace of an ended kernel: journal, queue, work directory, logs."""

    kernel_id: str


class Follow(msgspec.Struct, tag="follow", frozen=True):
    """Stream the kernel's journal from the record after number ``after``, until it is closed.

    ``after_at`` is the time of that record, as far as the caller knows: if the journal has another
    record there, or none, because the disk lost its end, the answer is the fault ``invalid``. If the
    journal was cut behind it, because somebody had stored what came after, it is ``records_gone``.
    """

    kernel_id: str
    after: int
    after_at: int | None = None


class Attach(msgspec.Struct, tag="attach", frozen=True):
    """A client is attached to the kernel: do not count it as idle for so many seconds."""

    kernel_id: str
    seconds: float


class Stored(msgspec.Struct, tag="stored", frozen=True):
    """The records up to a number are stored safely: the journal need not keep them.

    The last of them is kept all the same, for ``follow`` to be checked against.
    """

    kernel_id: str
    number: int


class Log(msgspec.Struct, tag="log", frozen=True):
    """What the kernel's process printed beside the protocol, from a byte on; of its last bytes, some.

    Without ``begin`` the last ``most`` bytes.
    """

    kernel_id: str
    begin: int | None = None
    most: int = 65_536


class Bridge(msgspec.Struct, tag="bridge", frozen=True):
    """Let plain Jupyter clients on the agent's machine join the kernel, from now on until it ends.

    One that is open already stays as it is. With ``close`` it is closed, and its key is worth nothing.
    """

    kernel_id: str
    close: bool = False


class Facts(msgspec.Struct, tag="facts", frozen=True):
    """Which limits hold on the agent's machine."""


class Quit(msgspec.Struct, tag="quit", frozen=True):
    """End the agent once its kernels have been ended (``stop_kernels``) or if it has none."""

    stop_kernels: bool = False


Request = (
    Hello
    | Images
    | NewImages
    | Parameters
    | Resource
    | Launch
    | Claim
    | Submit
    | Cancel
    | Interrupt
    | Signal
    | Restart
    | Stop
    | Forget
    | Deposit
    | DepositFile
    | ExternalFiles
    | Follow
    | Relay
    | Attach
    | Stored
    | Log
    | Bridge
    | Facts
    | Zygotes
    | Quit
)


class Done(msgspec.Struct, tag="done", frozen=True, omit_defaults=True):
    """It is done, or was done before; ``last`` says to a follow what the journal has so far."""

    last: int | None = None


class AgentInfo(msgspec.Struct, tag="agent", frozen=True):
    """The answer to hello."""

    link_version: int
    version: str
    pid: int
    started_at: int
    kernels: list[str]
    """Ids of the kernels that are alive."""


class BrokenProvider(msgspec.Struct, frozen=True):
    """A provider that could not list its images, or not all of them."""

    provider: str
    problem: str
    listed_at: int | None = None
    """When it made the list that is shown; None if none of its images is known."""


class SlowProvider(msgspec.Struct, frozen=True):
    """A provider that takes its time to look again: the last list that it made is shown."""

    provider: str
    listed_at: int


class HiddenImage(msgspec.Struct, frozen=True):
    """An image that is not listed because it is not safe to offer."""

    reference: str
    reason: str


class ImageList(msgspec.Struct, tag="image_list", frozen=True):
    """The answer to images."""

    images: list[FoundImage]
    broken: list[BrokenProvider] = []
    slow: list[SlowProvider] = []
    hidden: list[HiddenImage] = []
    began: int = 0
    """When the agent was started: versions of one agent say nothing about those of another."""
    version: int = 0
    """Grows whenever the list has become another."""


class Content(msgspec.Struct, tag="content", frozen=True):
    """The answer to resource; ``data`` travels as base64."""

    data: bytes


class LogPart(msgspec.Struct, tag="log_part", frozen=True):
    """The answer to log; ``data`` travels as base64."""

    data: bytes
    begin: int
    """Where the data begins, counted from the first byte that was ever printed."""
    end: int
    """Where it ends; ask from here on next."""
    size: int
    """How much was printed so far."""
    kept_from: int
    """What was printed before this byte is no longer kept."""


class Bridged(msgspec.Struct, tag="bridged", frozen=True):
    """The answer to bridge. It holds a secret: whoever knows the key may run code on the kernel."""

    connection: Connection


class LimitFact(msgspec.Struct, frozen=True):
    """How one limit is held on the agent's machine."""

    limit: str
    """The template's field."""
    held_by: str
    """Such as ``cgroup v1`` or ``rlimit``; empty if it is not held."""
    remark: str = ""


class FactList(msgspec.Struct, tag="fact_list", frozen=True):
    """The answer to facts."""

    limits: list[LimitFact]


class Fault(msgspec.Struct, tag="fault", frozen=True):
    """It could not be done; ``code`` is that of an error in ``model.errors``."""

    code: str
    message: str
    field: str | None = None
    """What the caller gave that was wrong."""
    first: int | None = None
    """Of ``records_gone``: the number of the first record that the journal has."""


Reply = (
    Done
    | Interrupted
    | Signalled
    | AgentInfo
    | ImageList
    | Content
    | LogPart
    | Bridged
    | ExternalList
    | FactList
    | ZygoteList
    | Fault
)

_requests: msgspec.json.Decoder[Request] = msgspec.json.Decoder(Request)
_replies: msgspec.json.Decoder[Reply] = msgspec.json.Decoder(Reply)
_encoder = msgspec.json.Encoder()

_FAULTS: dict[str, type[YardError]] = {
    error.code: error
    for error in (
        AgentUnavailable,
        Conflict,
        ImageNotFound,
        ImageNotReady,
        Invalid,
        KernelEnded,
        KernelNotFound,
        KernelNotRunning,
        LimitReached,
        ResourceNotFound,
        StorageFull,
        TaskFinished,
    )
}


def encode_message(message: Request | Reply) -> bytes:
    """Return the payload of a request or a reply."""
    return _encoder.encode(message)


def decode_request(payload: bytes) -> Request:
    """Return the request; raise msgspec.DecodeError if it is none."""
    return _requests.decode(payload)


def decode_reply(payload: bytes) -> Reply:
    """Return the reply; raise msgspec.DecodeError if it is none."""
    return _replies.decode(payload)


def fault_of(error: YardError) -> Fault:
    """Return the fault that carries ``error`` over the link."""
    first = error.first if isinstance(error, RecordsGone) else None
    return Fault(code=error.code, message=error.message, field=error.field, first=first)


def error_of(fault: Fault) -> YardError:
    """Return the error that a fault stands for."""
    if fault.code == RecordsGone.code and fault.first is not None:
        return RecordsGone(fault.message, first=fault.first)
    return _FAULTS.get(fault.code, YardError)(fault.message, field=fault.field)
