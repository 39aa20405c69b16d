"""Kernel templates: everybody's own in ``default``, and those that administrators share in ``global``."""

from __future__ import annotations

from kernelyard.doors.h2o import paging, reading, template_ids
from kernelyard.doors.h2o.names import GLOBAL, checked_id, new_id
from kernelyard.doors.h2o.routing import Call, Routes
from kernelyard.doors.h2o.template_ids import COLLECTION, Placed
from kernelyard.doors.h2o.writing import duration, int64, time
from kernelyard.model.errors import AlreadyExists, Conflict, Forbidden, Invalid
from kernelyard.model.json import JsonObject
from kernelyard.model.templates import DEFAULT_TEMPLATE, PodSpec, Template, TemplateSpec

routes = Routes()
_TEMPLATES = f"workspaces/*/{COLLECTION}"
_TEMPLATE = f"{_TEMPLATES}/*"
GPU_RESOURCE = "nvidia.com/gpu"
"""Which kind of GPU is meant where nothing is said."""
LEAST_MEMORY = 1000
"""In bytes. What is less was meant in another unit. Kernels of what is too little fail and say so."""
_LONGEST_WORD = 253
_SOMEBODY_ELSES = "Another user has a kernel template of this id. Choose another id."


@routes.get(_TEMPLATES)
async def every(call: Call) -> JsonObject:
    """List templates, the newest first: those that are shared, or the caller's own.

    An administrator's list of ``default`` has everybody's. The yard's own template is in none: lists
    have what was made.
    """
    wanted = paging.asked(call.query, COLLECTION)
    templates = [
        one
        for one in await template_ids.every(call)
        if one.workspace == call.workspace and not one.is_the_yards
    ]
    part, after = paging.cut(templates, wanted, lambda one: (one.template.created_at, one.id))
    return paging.page(COLLECTION, COLLECTION, [_told(one) for one in part], after)


@routes.get(_TEMPLATE)
async def get(call: Call) -> JsonObject:
    """Tell about one template. A user makes kernels with shared ones and does not look into them."""
    if call.workspace == GLOBAL and not call.who.is_admin:
        raise Forbidden("Only an administrator may read a kernel template of workspaces/global.")
    return {"kernelTemplate": _told(await _addressed(call))}


@routes.post(_TEMPLATES)
async def create(call: Call) -> JsonObject:
    """Make a template."""
    if call.workspace == GLOBAL and not call.who.is_admin:
        raise Invalid(
            "only an administrator makes kernel templates in workspaces/global. Make yours in "
            "workspaces/default."
        )
    given = call.query.get("kernelTemplateId")
    id_ = checked_id(given, field="kernel_template_id") if given else new_id("template")
    known = await template_ids.every(call)
    same = [
        one
        for one in known
        if (one.workspace, one.id) == (call.workspace, id_) and not one.is_the_yards
    ]
    if same:
        owned = call.who.is_admin or same[0].template.owner == call.who.name
        raise AlreadyExists(_exists(id_)) if owned else Forbidden(_SOMEBODY_ELSES)
    names = {one.template.name for one in known} | {DEFAULT_TEMPLATE}
    made = await _created(
        call,
        Template(
            name=f"h2o:{call.workspace}:{id_}" if id_ in names else id_,
            disabled=reading.flag(call.body, "disabled"),
            labels={template_ids.WORKSPACE: call.workspace, template_ids.ID: id_},
            spec=_spec(call.body),
        ),
    )
    return {"kernelTemplate": _told(template_ids.place(made, call.who))}


@routes.delete(_TEMPLATE)
async def delete(call: Call) -> JsonObject:
    """Remove a template; kernels that were made with it keep what they had."""
    if call.workspace == GLOBAL and not call.who.is_admin:
        raise Invalid("only an administrator deletes kernel templates of workspaces/global.")
    template = (await _addressed(call)).template
    try:
        await call.yard.templates.delete(call.who, template.name)
    except Conflict:
        # The yard keeps its default template; this door does not show it any more.
        labels = {**template.labels, template_ids.DELETED: "true"}
        await call.yard.templates.update(call.who, template.name, labels=labels)
    return {}


async def _addressed(call: Call) -> Placed:
    return await template_ids.found(call, call.workspace, call.ids[1])


async def _created(call: Call, template: Template) -> Template:
    try:
        return await call.yard.templates.create(call.who, template, least_memory=LEAST_MEMORY)
    except AlreadyExists as error:
        # It is one that the caller may not know of, or one that was made a moment ago.
        id_ = template.labels[template_ids.ID]
        known = {one.template.name for one in await template_ids.every(call)}
        if call.who.is_admin or template.name in known:
            raise AlreadyExists(_exists(id_)) from error
        raise Forbidden(_SOMEBODY_ELSES) from error


def _exists(id_: str) -> str:
    return f"There is a kernel template '{id_}'. Choose another id, or delete that one first."


def _spec(body: JsonObject) -> TemplateSpec:
    cpu = reading.count(body, "milliCpuLimit")
    memory = reading.byte_count(body, "memoryBytesLimit")
    return TemplateSpec(
        milli_cpu_limit=cpu,
        memory_bytes_limit=memory,
        gpu=reading.count(body, "gpu"),
        storage_bytes=reading.byte_count(body, "storageBytes"),
        environment=reading.pairs(body, "environmentalVariables"),
        max_idle_seconds=reading.seconds(body, "maxIdleDuration"),
        pod=PodSpec(
            milli_cpu_request=reading.count(body, "milliCpuRequest") or cpu,
            memory_bytes_request=reading.byte_count(body, "memoryBytesRequest") or memory,
            gpu_resource=reading.text(body, "gpuResource", longest=_LONGEST_WORD) or GPU_RESOURCE,
            storage_class=reading.text(body, "storageClassName", longest=_LONGEST_WORD),
            manifest=reading.text(body, "yamlPodTemplateSpec"),
        ),
    )


def spec_told(spec: TemplateSpec) -> JsonObject:
    """Return what templates and the kernels that remember one have in common."""
    pod = spec.pod
    return {
        "gpu": spec.gpu,
        "gpuResource": pod.gpu_resource or GPU_RESOURCE,
        "milliCpuRequest": pod.milli_cpu_request or spec.milli_cpu_limit,
        "milliCpuLimit": spec.milli_cpu_limit,
        "memoryBytesRequest": int64(pod.memory_bytes_request or spec.memory_bytes_limit),
        "memoryBytesLimit": int64(spec.memory_bytes_limit),
        "storageBytes": int64(spec.storage_bytes),
        "storageClassName": pod.storage_class,
        "yamlPodTemplateSpec": pod.manifest,
        "maxIdleDuration": duration(spec.max_idle_seconds),
    }


def _told(one: Placed) -> JsonObject:
    template = one.template
    changed = template.updated_at > template.created_at
    return {
        "name": one.name,
        **spec_told(template.spec),
        "environmentalVariables": dict(template.spec.environment),
        "disabled": template.disabled,
        "createTime": time(template.created_at),
        "updateTime": time(template.updated_at) if changed else None,
    }
