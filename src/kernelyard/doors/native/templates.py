"""Templates: resources and limits, made once and used by many kernels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from kernelyard.doors.native import examples, pod_shapes, shapes, translate
from kernelyard.doors.native.answers import answers
from kernelyard.doors.native.asking import asked_by, asking_operations
from kernelyard.doors.native.orders import NewTemplate, TemplateChanges
from kernelyard.doors.native.parameters import Cursor, Limit
from kernelyard.model.errors import (
    AlreadyExists,
    Conflict,
    CursorMalformed,
    Forbidden,
    Invalid,
    TemplateNotFound,
    TooLarge,
)
from kernelyard.model.templates import (
    QueuePolicy,
    RestartPolicy,
    StartWay,
    Template,
    TemplateSpec,
)

router = asking_operations(prefix="/v1/templates", tags=["templates"])


@router.post(
    "",
    operation_id="create_template",
    summary="Make a template",
    status_code=201,
    response_model=shapes.Template,
    responses=answers(
        Invalid, Forbidden, AlreadyExists, TooLarge, example=examples.TEMPLATE, status=201
    ),
)
async def create(order: NewTemplate, request: Request) -> Response:
    """Sizes and durations may be written with units. `engine_options` are for administrators."""
    asked = asked_by(request)
    template = Template(
        name=order.name,
        display_name=order.display_name,
        disabled=order.disabled,
        spec=_changed(TemplateSpec(), order),
    )
    made = await asked.yard.templates.create(asked.who, template)
    return translate.answer(translate.template(made), 201)


@router.get(
    "",
    operation_id="list_templates",
    summary="List templates",
    response_model=shapes.TemplateList,
    responses=answers(Invalid, CursorMalformed, example=examples.TEMPLATES),
)
async def every(request: Request, cursor: Cursor = None, limit: Limit = None) -> Response:
    """By name."""
    asked = asked_by(request)
    templates, following = await asked.yard.templates.list(asked.who, cursor, limit)
    body: shapes.TemplateList = {
        "items": [translate.template(template) for template in templates],
        "next_cursor": following,
    }
    return translate.answer(body)


@router.get(
    "/{name:path}",
    operation_id="get_template",
    summary="Get a template",
    response_model=shapes.Template,
    responses=answers(TemplateNotFound, example=examples.TEMPLATE),
)
async def get(name: str, request: Request) -> Response:
    """The template as it is now."""
    asked = asked_by(request)
    return translate.answer(translate.template(await asked.yard.templates.get(asked.who, name)))


@router.patch(
    "/{name:path}",
    operation_id="update_template",
    summary="Change a template",
    response_model=shapes.Template,
    responses=answers(Invalid, Forbidden, TemplateNotFound, TooLarge, example=examples.TEMPLATE),
)
async def update(name: str, changes: TemplateChanges, request: Request) -> Response:
    """What is left out stays. Kernels made with it before keep what they had."""
    asked = asked_by(request)
    yard, who = asked.yard, asked.who
    template = await yard.templates.get(who, name)
    said = changes.model_fields_set
    changed = await yard.templates.update(
        who,
        name,
        display_name=changes.display_name if "display_name" in said else None,
        disabled=changes.disabled if "disabled" in said else None,
        spec=_changed(template.spec, changes),
    )
    return translate.answer(translate.template(changed))


@router.delete(
    "/{name:path}",
    operation_id="delete_template",
    summary="Delete a template",
    status_code=204,
    response_class=Response,
    responses=answers(Forbidden, TemplateNotFound, Conflict, status=204, description="Gone."),
)
async def delete(name: str, request: Request) -> Response:
    """Kernels made with it keep what they had. The default template stays."""
    asked = asked_by(request)
    await asked.yard.templates.delete(asked.who, name)
    return Response(status_code=204)


_FIELDS = {
    "milli_cpu_limit": "milli_cpu_limit",
    "cpu_seconds_limit": "cpu_seconds_limit",
    "memory_bytes_limit": "memory_bytes_limit",
    "processes_limit": "processes_limit",
    "file_bytes_limit": "file_bytes_limit",
    "gpu": "gpu",
    "storage_bytes": "storage_bytes",
    "environment": "environment",
    "max_idle_duration": "max_idle_seconds",
    "max_life_duration": "max_life_seconds",
    "attached_keeps_alive": "attached_keeps_alive",
    "restart_policy": "restart_policy",
    "queue_on_death": "queue_on_death",
    "preload": "preload",
    "start": "start",
    "engine_options": "engine_options",
    "pod": "pod",
}
"""Fields of a request and what they are in the model."""
_KINDS: dict[str, Callable[[Any], object]] = {
    "restart_policy": RestartPolicy,
    "queue_on_death": QueuePolicy,
    "preload": tuple,
    "start": StartWay,
    "pod": pod_shapes.ordered,
}


def _changed(spec: TemplateSpec, changes: TemplateChanges) -> TemplateSpec:
    said = {
        inner: getattr(changes, outer)
        for outer, inner in _FIELDS.items()
        if outer in changes.model_fields_set
    }
    for field, kind in _KINDS.items():
        if field in said:
            said[field] = kind(said[field])
    return replace(spec, **said)
