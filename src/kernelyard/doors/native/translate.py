"""From the yard's nouns to this door's shapes, and to the bytes of an answer."""

from __future__ import annotations

import json
from functools import lru_cache
from time import gmtime, strftime
from typing import Literal

import msgspec
from starlette.responses import Response

from kernelyard.doors.native import image_shapes, pod_shapes, shapes
from kernelyard.model.images import Image
from kernelyard.model.kernels import EventPage, Kernel, StateChange
from kernelyard.model.logs import KernelLogPart
from kernelyard.model.outputs import Aggregate, Display
from kernelyard.model.principals import Role
from kernelyard.model.prospects import Prospect
from kernelyard.model.quantities import Micros
from kernelyard.model.resolving import Decision
from kernelyard.model.tasks import Task, TaskError
from kernelyard.model.templates import Template, TemplateSpec
from kernelyard.wire.connections import Connection
from kernelyard.yard.images import Listed

_encoder = msgspec.json.Encoder()


def answer(body: object, status: int = 200) -> Response:
    """Return ``body`` as a JSON answer."""
    return Response(json_bytes(body), status, media_type="application/json")


def json_bytes(body: object) -> bytes:
    """Return ``body`` as JSON; halves of surrogate pairs in it stay escaped, as kernels send them."""
    try:
        return _encoder.encode(body)
    except UnicodeEncodeError:
        return json.dumps(body, separators=(",", ":"), allow_nan=False).encode()


def time_text(at: Micros) -> str:
    """Return a point in time as RFC 3339 in UTC."""
    seconds, micros = divmod(at, 1_000_000)
    return f"{_second(seconds)}.{micros:06d}Z"


@lru_cache(maxsize=512)
def _second(seconds: int) -> str:
    return strftime("%Y-%m-%dT%H:%M:%S", gmtime(seconds))


def _maybe_time(at: Micros | None) -> str | None:
    return None if at is None else time_text(at)


def image(found: Image, root_path: str) -> image_shapes.Image:
    """An image, with the paths at which this server has its resources."""
    base = f"{root_path}/v1/images/{found.name}/resources"
    return {
        "name": found.name,
        "reference": found.reference,
        "display_name": found.display_name,
        "language": found.language,
        "version": found.version,
        "ready": found.problem is None and not found.disabled,
        "problem": found.problem,
        "disabled": found.disabled,
        "registered": found.registered,
        "resources": {file: f"{base}/{file}" for file in found.resources},
        "parameters": found.parameters,
        "start": found.start,
        "start_reason": found.start_reason or None,
    }


def images(listed: Listed, root_path: str) -> image_shapes.ImageList:
    """All images, and what there is to say of their providers."""
    return {
        "items": [image(one, root_path) for one in listed.images],
        "next_cursor": None,
        "broken": [
            {
                "provider": one.provider,
                "problem": one.problem,
                "listed_at": _maybe_time(one.listed_at),
            }
            for one in listed.broken
        ],
        "slow": [
            {"provider": one.provider, "listed_at": time_text(one.listed_at)} for one in listed.slow
        ],
        "hidden": [{"reference": one.reference, "reason": one.reason} for one in listed.hidden],
    }


def resolution(decision: Decision) -> image_shapes.Resolution:
    """Which image is to run a notebook."""
    return {
        "image": decision.image,
        "how": decision.how,
        "because": decision.because,
        "passed_over": list(decision.passed_over),
    }


def template(made: Template) -> shapes.Template:
    """A template."""
    return {
        "name": made.name,
        "display_name": made.display_name,
        "owner": made.owner,
        **_fields(made.spec),
        "disabled": made.disabled,
        "created_at": time_text(made.created_at),
        "updated_at": time_text(made.updated_at),
    }


def _fields(spec: TemplateSpec) -> shapes.TemplateFields:
    return {
        "milli_cpu_limit": spec.milli_cpu_limit,
        "cpu_seconds_limit": spec.cpu_seconds_limit,
        "memory_bytes_limit": spec.memory_bytes_limit,
        "processes_limit": spec.processes_limit,
        "file_bytes_limit": spec.file_bytes_limit,
        "gpu": spec.gpu,
        "storage_bytes": spec.storage_bytes,
        "environment": spec.environment,
        "max_idle_duration": spec.max_idle_seconds,
        "max_life_duration": spec.max_life_seconds,
        "attached_keeps_alive": spec.attached_keeps_alive,
        "restart_policy": spec.restart_policy,
        "queue_on_death": spec.queue_on_death,
        "preload": list(spec.preload),
        "start": spec.start,
        "engine_options": dict(spec.engine_options),
        "pod": pod_shapes.told(spec.pod),
    }


def kernel(one: Kernel, prospect: Prospect | None = None) -> shapes.Kernel:
    """A kernel, and when it will be ended unless something happens."""
    info = one.info.get("language_info") if one.info else None
    return {
        "id": one.id,
        "name": one.name,
        "display_name": one.display_name,
        "owner": one.owner,
        "owned": one.owned,
        "image": {
            "name": one.image.name,
            "reference": one.image.reference,
            "display_name": one.image.display_name,
            "language": one.image.language,
        },
        "template": {"name": one.template.name, **_fields(one.template.spec)},
        "environment": one.environment,
        "parameters": dict(one.parameters),
        "path": one.path,
        "labels": one.labels,
        "priority": one.priority,
        "state": one.state,
        "reason": one.reason,
        "cause": one.cause,
        "exit_code": one.exit_code,
        "signal": one.signal,
        "will_stop_at": time_text(prospect.at) if prospect else None,
        "will_stop_because": prospect.because if prospect else None,
        "current_task": one.current_task_id,
        "current_task_number": one.current_seq,
        "queued_tasks": max(0, one.open_tasks - (one.current_seq is not None)),
        "restarts": one.attempt - 1,
        "started": one.started if one.owned else None,
        "last_number": one.stored_number,
        "language_info": dict(info) if isinstance(info, dict) else None,
        "created_at": time_text(one.created_at),
        "launched_at": _maybe_time(one.launched_at),
        "ready_at": _maybe_time(one.ready_at),
        "ended_at": _maybe_time(one.ended_at),
        "last_activity_at": _maybe_time(one.last_activity_at),
        "outputs_removed_at": _maybe_time(one.outputs_removed_at),
    }


def connection(made: Connection, kernel_id: str) -> shapes.ConnectionFile:
    """How plain Jupyter clients join a kernel."""
    return {
        "transport": made.transport,
        "ip": made.ip,
        "shell_port": made.shell_port,
        "iopub_port": made.iopub_port,
        "stdin_port": made.stdin_port,
        "control_port": made.control_port,
        "hb_port": made.hb_port,
        "key": made.key,
        "signature_scheme": made.signature_scheme,
        "kernel_name": made.kernel_name,
        "kernel_id": kernel_id,
    }


def kernel_log(part: KernelLogPart) -> shapes.KernelLog:
    """Some of a kernel's log."""
    return {
        "text": part.text,
        "begin": part.begin,
        "end": part.end,
        "size": part.size,
        "kept_from": part.kept_from,
    }


def change(step: StateChange) -> shapes.StateChange:
    """One step of a kernel's life."""
    return {
        "state": step.state,
        "reason": step.reason,
        "cause": step.cause,
        "at": time_text(step.at),
    }


def event(step: StateChange) -> shapes.Event:
    """One step of a kernel's, task's or image's life."""
    return {
        "number": step.number,
        "at": time_text(step.at),
        "kernel_id": step.kernel_id,
        "task_id": step.task_id,
        "image": step.image,
        "state": step.state,
        "reason": step.reason,
        "cause": step.cause,
    }


def event_page(page: EventPage) -> shapes.EventPage:
    """Some events."""
    return {
        "items": [event(step) for step in page.events],
        "last": page.last,
        "newest": page.newest,
    }


def task(one: Task) -> shapes.Task:
    """A task."""
    return {
        "id": one.id,
        "kernel_id": one.kernel_id,
        "number": one.seq,
        "code": one.code,
        "labels": one.labels,
        "needs": one.needs_id,
        "time_limit": one.limits.time_seconds,
        "silence_limit": one.limits.silence_seconds,
        "restart_if_stuck": one.limits.restart_if_stuck,
        "state": one.state,
        "reason": one.reason,
        "cause": one.cause,
        "stopped_by": one.stopped_by,
        "state_preserved": one.state_preserved,
        "error": _error(one.error) if one.error else None,
        "execution_count": one.execution_count,
        "ahead": one.ahead,
        "cancel_requested": one.cancel_requested,
        "created_at": time_text(one.created_at),
        "started_at": _maybe_time(one.started_at),
        "ended_at": _maybe_time(one.ended_at),
    }


def _error(raised: TaskError) -> shapes.TaskError:
    return {
        "name": raised.name,
        "value": raised.value,
        "traceback": list(raised.traceback),
    }


def result(whole: Aggregate) -> shapes.Result:
    """Everything a task said."""
    return {
        "task": task(whole.task),
        "stdout": whole.stdout,
        "stderr": whole.stderr,
        "results": [_display(display) for display in whole.displays],
        "cut_bytes": whole.cut_bytes,
        "gaps": whole.gaps,
        "outputs_removed": whole.outputs_removed,
    }


def _display(display: Display) -> shapes.Display:
    return {
        "kind": display.kind,
        "data": dict(display.data),
        "metadata": dict(display.metadata),
        "execution_count": display.execution_count,
    }


def role(of: Role) -> Literal["admin", "user"]:
    """A role by its word."""
    return "admin" if of is Role.ADMIN else "user"
