"""Rows to nouns and back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from sqlalchemy import Row

from kernelyard.model.images import ImageSnapshot
from kernelyard.model.json import JsonObject
from kernelyard.model.kernel_phases import Phase, Wanted
from kernelyard.model.kernels import Kernel
from kernelyard.model.quotas import Resource, demand_of
from kernelyard.model.records import EndCause, Record, StoppedBy
from kernelyard.model.tasks import Cancellation, Task, TaskError, TaskLimits, TaskState
from kernelyard.model.templates import (
    PodSpec,
    QueuePolicy,
    RestartPolicy,
    StartWay,
    TemplateSnapshot,
    TemplateSpec,
)
from kernelyard.stores.transitions import is_live, is_unfinished
from kernelyard.wire.journal import KIND_CODES

Values = dict[str, Any]
_KINDS = {code: kind for kind, code in KIND_CODES.items()}
_SHIFT = 40
LARGEST_NUMBER = (1 << _SHIFT) - 1
NO_LIMITS = TaskLimits()


def output_id(kernel_no: int, number: int) -> int:
    """The key of a record: records of a kernel stand one behind the other."""
    return (kernel_no << _SHIFT) + min(number, LARGEST_NUMBER)


def record_values(kernel_no: int, record: Record) -> tuple[int, int, int, int, bytes]:
    """A record as a row of outputs."""
    kind = KIND_CODES[record.kind]
    return output_id(kernel_no, record.number), record.at, record.seq, kind, record.body


def record_of(row: Sequence[Any]) -> Record:
    """A row of outputs as a record."""
    key, at, seq, kind, body = row
    return Record(key & LARGEST_NUMBER, at, seq, _KINDS[kind], body)


_TEXT_OF = json.JSONEncoder(separators=(",", ":")).encode
"""Made once: ``json.dumps`` makes an encoder for every call that says how."""


def json_text(value: object) -> str:
    """JSON in ASCII: kernels may say what is no valid Unicode, and no database keeps that."""
    return _TEXT_OF(value)


def plain(text: str | None) -> str | None:
    """The text without what no database keeps: halves of surrogate pairs, and NUL in PostgreSQL."""
    if text is None:
        return None
    sound = text if text.isascii() else text.encode("utf-8", "replace").decode()
    return sound.replace("\0", "\N{REPLACEMENT CHARACTER}")


def new_kernel_values(kernel: Kernel) -> Values:
    """Every column of a new kernel but its number and its idempotency key."""
    return {
        "id": kernel.id,
        "owner": kernel.owner,
        "name": kernel.name,
        "display_name": kernel.display_name,
        "image": json_text(asdict(kernel.image)),
        "template": json_text(asdict(kernel.template)),
        "environment": json_text(kernel.environment),
        "labels": json_text(kernel.labels),
        "parameters": json_text(kernel.parameters) if kernel.parameters else None,
        "path": plain(kernel.path),
        "external_id": kernel.external_id,
        "owned": kernel.owned,
        "identity": kernel.identity,
        "pool_no": kernel.pool_no,
        "pool_digest": kernel.pool_digest,
        "priority": kernel.priority,
        "admitted": kernel.admitted,
        **_demand_values(kernel),
        "created_at": kernel.created_at,
        "info": json_text(kernel.info) if kernel.info is not None else None,
        **_moving_values(kernel),
    }


def _demand_values(kernel: Kernel) -> Values:
    """What it holds while it lives, to be added up by the database."""
    demand = demand_of(kernel.template.spec, owned=kernel.owned)
    return {
        "milli_cpu": demand.get(Resource.CPU, 0),
        "memory_bytes": demand.get(Resource.MEMORY, 0),
        "gpu": demand.get(Resource.GPU, 0),
    }


def claimed_kernel_values(kernel: Kernel) -> Values:
    """The columns of a kernel that come with its owner, and those that begin anew with him."""
    return {
        "owner": kernel.owner,
        "name": kernel.name,
        "display_name": kernel.display_name,
        "image": json_text(asdict(kernel.image)),
        "template": json_text(asdict(kernel.template)),
        "environment": json_text(kernel.environment),
        "labels": json_text(kernel.labels),
        "path": plain(kernel.path),
        "external_id": kernel.external_id,
        "priority": kernel.priority,
        "pool_no": None,
        "created_at": kernel.created_at,
        "launched_at": kernel.launched_at,
        "ready_at": kernel.ready_at,
        "last_activity_at": kernel.last_activity_at,
        "reason": plain(kernel.reason),
    }


def changed_kernel_values(before: Kernel, after: Kernel) -> Values:
    """The columns that are different now: writing others would write their indexes, too."""
    old, new = _moving_values(before), _moving_values(after)
    changed = {name: value for name, value in new.items() if value != old[name]}
    if after.info is not before.info:
        changed["info"] = json_text(after.info)
    return changed


def _moving_values(kernel: Kernel) -> Values:
    return {
        "wanted": kernel.wanted.value,
        "phase": kernel.phase.value,
        "reason": plain(kernel.reason),
        "attempt": kernel.attempt,
        "ran_attempt": kernel.ran_attempt,
        "current_seq": kernel.current_seq,
        "current_task_id": kernel.current_task_id,
        "open_tasks": kernel.open_tasks,
        "stored_number": kernel.stored_number,
        "journal_closed": kernel.journal_closed,
        "ready_at": kernel.ready_at,
        "ended_at": kernel.ended_at,
        "last_activity_at": kernel.last_activity_at,
        "cause": kernel.cause,
        "exit_code": _small(kernel.exit_code),
        "signal": kernel.signal,
        "stored_bytes": kernel.stored_bytes,
        "outputs_removed_at": kernel.outputs_removed_at,
        "launched_at": kernel.launched_at,
        "shut_down": kernel.shut_down,
        "started": plain(kernel.started),
        "live": is_live(kernel),
        "unfinished": is_unfinished(kernel),
    }


def kernel_of(row: Row[Any]) -> Kernel:
    """A row of kernels as a kernel."""
    template = json.loads(row.template)
    return Kernel(
        no=row.no,
        id=row.id,
        owner=row.owner,
        name=row.name,
        display_name=row.display_name,
        image=ImageSnapshot(**json.loads(row.image)),
        template=TemplateSnapshot(name=template["name"], spec=spec_of(template["spec"])),
        environment=json.loads(row.environment),
        labels=json.loads(row.labels),
        parameters=_object(row.parameters) or {},
        path=row.path,
        external_id=row.external_id,
        owned=row.owned,
        identity=row.identity,
        shut_down=row.shut_down,
        started=row.started,
        pool_no=row.pool_no,
        pool_digest=row.pool_digest,
        priority=row.priority,
        admitted=row.admitted,
        wanted=Wanted(row.wanted),
        phase=Phase(row.phase),
        reason=row.reason,
        attempt=row.attempt,
        ran_attempt=row.ran_attempt,
        current_seq=row.current_seq,
        current_task_id=row.current_task_id,
        open_tasks=row.open_tasks,
        stored_number=row.stored_number,
        journal_closed=row.journal_closed,
        info=_object(row.info),
        created_at=row.created_at,
        ready_at=row.ready_at,
        ended_at=row.ended_at,
        last_activity_at=row.last_activity_at,
        cause=_cause(row.cause),
        exit_code=row.exit_code,
        signal=row.signal,
        stored_bytes=row.stored_bytes,
        outputs_removed_at=row.outputs_removed_at,
        launched_at=row.launched_at,
    )


def spec_of(values: Values) -> TemplateSpec:
    """What a template says, from its JSON."""
    spec = TemplateSpec(**values)
    return replace(
        spec,
        restart_policy=RestartPolicy(spec.restart_policy),
        queue_on_death=QueuePolicy(spec.queue_on_death),
        preload=tuple(spec.preload),
        start=StartWay(spec.start),
        pod=PodSpec(**values.get("pod", {})),
    )


def new_task_values(task: Task) -> Values:
    """Every column of a new task but its number and its idempotency key."""
    return {
        "id": task.id,
        "kernel_no": task.kernel_no,
        "kernel_id": task.kernel_id,
        "owner": task.owner,
        "seq": task.seq,
        "code": task.code,
        "labels": json_text(task.labels),
        "needs_id": task.needs_id,
        "needs_seq": task.needs_seq,
        "limits": json_text(asdict(task.limits)) if task.limits != NO_LIMITS else None,
        "external_id": task.external_id,
        "cancel_requested": task.cancel_requested,
        "created_at": task.created_at,
        **moving_task_values(task),
    }


def moving_task_values(task: Task) -> Values:
    """The columns of a task that records change."""
    return {
        "state": task.state.value,
        "reason": plain(task.reason),
        "error": json_text(asdict(task.error)) if task.error else None,
        "execution_count": _small(task.execution_count),
        "started_at": task.started_at,
        "ended_at": task.ended_at,
        "first_number": task.first_number,
        "last_number": task.last_number,
        "cause": task.cause,
        "stopped_by": task.stopped_by,
        "state_preserved": task.state_preserved,
    }


def _small(number: int | None) -> int | None:
    """A number that a kernel made up, if a column of 32 bits holds it."""
    return number if number is None or -(2**31) <= number < 2**31 else None


def task_of(row: Row[Any], ahead: int = 0) -> Task:
    """A row of tasks as a task."""
    return Task(
        no=row.no,
        id=row.id,
        kernel_no=row.kernel_no,
        kernel_id=row.kernel_id,
        owner=row.owner,
        seq=row.seq,
        code=row.code,
        labels=json.loads(row.labels),
        needs_id=row.needs_id,
        needs_seq=row.needs_seq,
        limits=TaskLimits(**json.loads(row.limits)) if row.limits else NO_LIMITS,
        external_id=row.external_id,
        state=TaskState(row.state),
        reason=row.reason,
        error=_error(row.error),
        execution_count=row.execution_count,
        cancel_requested=row.cancel_requested,
        created_at=row.created_at,
        started_at=row.started_at,
        ended_at=row.ended_at,
        first_number=row.first_number,
        last_number=row.last_number,
        cause=_cause(row.cause),
        stopped_by=StoppedBy(row.stopped_by) if row.stopped_by else None,
        state_preserved=row.state_preserved,
        cancellation=Cancellation(**json.loads(row.cancellation)) if row.cancellation else None,
        ahead=ahead,
    )


def label_rows(no: int, labels: Mapping[str, str]) -> list[Values]:
    """Rows of a table of labels."""
    return [{"key": key, "value": value, "no": no} for key, value in labels.items()]


def _cause(word: str | None) -> EndCause | None:
    return EndCause(word) if word else None


def _error(text: str | None) -> TaskError | None:
    if text is None:
        return None
    error = json.loads(text)
    return TaskError(name=error["name"], value=error["value"], traceback=tuple(error["traceback"]))


def _object(text: str | None) -> JsonObject | None:
    if text is None:
        return None
    value: JsonObject = json.loads(text)
    return value
