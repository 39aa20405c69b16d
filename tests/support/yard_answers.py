"""Answers as a server gives them, for tests of the client."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from tests.support.flaky_server import Reply, Request

KERNEL_ID = "0197a3b2-0000-7000-8000-00000000000a"
TASK_ID = "0197a3b2-0000-7000-8000-00000000000b"
AT = "2026-01-02T03:04:05.678901Z"
Json = dict[str, object]


def a_kernel(**fields: object) -> Json:
    return {
        "id": KERNEL_ID,
        "state": "idle",
        "name": None,
        "image": {"name": "python3", "reference": "kernelspec/python3"},
        "template": {"name": "default"},
        "created_at": AT,
        **fields,
    }


def a_task(**fields: object) -> Json:
    return {
        "id": TASK_ID,
        "kernel_id": KERNEL_ID,
        "number": 1,
        "code": "1",
        "labels": {},
        "state": "succeeded",
        "error": None,
        "created_at": AT,
        **fields,
    }


def a_result(**fields: object) -> Json:
    return {"task": a_task(), "stdout": "", "stderr": "", "results": [], "cut_bytes": 0, **fields}


def an_output(number: int, text: str = "x") -> Json:
    return {
        "number": number,
        "at": AT,
        "task": 1,
        "kind": "stream",
        "content": {"name": "stdout", "text": text},
    }


def say(value: object, status: int = 200, **headers: str) -> Reply:
    return Reply(json.dumps(value).encode(), status=status, headers=headers)


def refuse(status: int, code: str, detail: str = "No.", **headers: str) -> Reply:
    problem = {"status": status, "code": code, "detail": detail, "request_id": "r1"}
    return say(problem, status, **headers)


def event(output: Json) -> bytes:
    data = json.dumps(output).encode()
    return b"id: %d\nevent: stream\ndata: %b\n\n" % (output["number"], data)


def end_event(word: str = "task", value: Json | None = None) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (word.encode(), json.dumps(value or a_task()).encode())


@dataclass(frozen=True)
class Fault:
    """How one stream fails."""

    cut: int | None = None
    repeat: int = 0
    """Outputs before the asked ones that come again."""
    chunked: bool = True
    status: int = 200
    greets: bool = False


class Journal:
    """Serves numbered outputs as a stream of events, each stream with the next fault."""

    def __init__(self, outputs: Sequence[Json], faults: Sequence[Fault] = ()) -> None:
        self.outputs = list(outputs)
        self.faults = list(faults)
        self.end = end_event()

    def __call__(self, request: Request) -> Reply:
        fault = self.faults.pop(0) if self.faults else Fault()
        if fault.status != 200:
            return refuse(fault.status, "unavailable")
        first = request.after - fault.repeat
        body = b": ready\n\n" if fault.greets else b""
        body += b"".join(event(one) for one in self.outputs if _number(one) > first)
        return Reply(
            body + self.end,
            content_type="text/event-stream; charset=utf-8",
            cut=fault.cut,
            chunked=fault.chunked,
        )


def _number(output: Json) -> int:
    number = output["number"]
    assert isinstance(number, int)
    return number
