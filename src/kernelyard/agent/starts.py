"""What the journal is told of a start."""

from __future__ import annotations

import msgspec

from kernelyard.agent.endings import body
from kernelyard.agent.incarnation import Incarnation
from kernelyard.wire.messages import clean_content


def launched_body(incarnation: Incarnation, pid: int | None) -> bytes:
    """The process exists."""
    return body(attempt=incarnation.attempt, pid=pid, forked=incarnation.forked)


def ready_body(incarnation: Incarnation, info: bytes) -> bytes:
    """It has answered, and says who it is."""
    return body(
        attempt=incarnation.attempt,
        info=msgspec.Raw(clean_content(info)),
        started="fork" if incarnation.forked else "exec",
    )
