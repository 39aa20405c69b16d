"""Notebook kernel specs: which image and which template belong together."""

from __future__ import annotations

from dataclasses import replace

from kernelyard.doors.h2o import image_ids, paging, reading, template_ids
from kernelyard.doors.h2o.names import GLOBAL, checked_id, name_of, new_id
from kernelyard.doors.h2o.routing import Call, Routes
from kernelyard.doors.h2o.writing import time, time_or_none
from kernelyard.model.errors import AlreadyExists, Invalid, NotebookSpecNotFound
from kernelyard.model.json import JsonObject
from kernelyard.model.notebook_specs import NotebookSpec
from kernelyard.yard.access import only_admin

routes = Routes()
COLLECTION = "notebookKernelSpecs"
_SPECS = f"workspaces/*/{COLLECTION}"
_SPEC = f"{_SPECS}/*"
_PATHS = {
    "display_name": "displayName",
    "kernel_image": "kernelImage",
    "kernel_template": "kernelTemplate",
    "disabled": "disabled",
}


@routes.get(_SPECS)
async def every(call: Call) -> JsonObject:
    """List specs, the newest first."""
    wanted = paging.asked(call.query, COLLECTION)
    specs = await call.yard.notebook_specs.list(call.who) if call.workspace == GLOBAL else []
    part, after = paging.cut(specs, wanted, lambda spec: (spec.created_at, spec.name))
    return paging.page(COLLECTION, COLLECTION, [_told(spec) for spec in part], after)


@routes.get(_SPEC)
async def get(call: Call) -> JsonObject:
    """Tell about one spec."""
    return {"notebookKernelSpec": _told(await _addressed(call))}


@routes.post(_SPECS)
async def create(call: Call) -> JsonObject:
    """Make a spec of an image and a template that exist."""
    only_admin(call.who)
    if call.workspace != GLOBAL:
        raise Invalid("Notebook kernel specs are made in workspaces/global only.")
    given = call.query.get("notebookKernelSpecId")
    id_ = checked_id(given, field="notebook_kernel_spec_id") if given else new_id("spec")
    blank = NotebookSpec(name=id_, image="", template="")
    spec = await _changed(call, blank, frozenset(_PATHS.values()))
    try:
        made = await call.yard.notebook_specs.create(call.who, spec)
    except AlreadyExists as error:
        raise AlreadyExists(
            f"There is a notebook kernel spec '{id_}'. Choose another id, or update it."
        ) from error
    return {"notebookKernelSpec": _told(made)}


@routes.patch(_SPEC)
async def update(call: Call) -> JsonObject:
    """Change what the mask names."""
    only_admin(call.who)
    fields = reading.masked(call.query, _PATHS)
    changed = await _changed(call, await _addressed(call), fields)
    return {"notebookKernelSpec": _told(await call.yard.notebook_specs.replace(call.who, changed))}


@routes.delete(_SPEC)
async def delete(call: Call) -> JsonObject:
    """Remove a spec."""
    only_admin(call.who)
    await call.yard.notebook_specs.delete(call.who, (await _addressed(call)).name)
    return {}


async def _addressed(call: Call) -> NotebookSpec:
    if call.workspace != GLOBAL:
        raise NotebookSpecNotFound("Notebook kernel specs are in workspaces/global.")
    return await call.yard.notebook_specs.get(call.who, call.ids[1])


async def _changed(call: Call, spec: NotebookSpec, fields: frozenset[str]) -> NotebookSpec:
    body = call.body
    if "displayName" in fields:
        spec = replace(spec, display_name=reading.display_name(body))
    if "disabled" in fields:
        spec = replace(spec, disabled=reading.flag(body, "disabled"))
    if "kernelImage" in fields:
        image = await image_ids.named(call, reading.text(body, "kernelImage"))
        spec = replace(spec, image=image.name)
    if "kernelTemplate" in fields:
        template = await template_ids.named(call, reading.text(body, "kernelTemplate"))
        spec = replace(spec, template=template.name)
    return spec


def _told(spec: NotebookSpec) -> JsonObject:
    return {
        "name": name_of(GLOBAL, COLLECTION, spec.name),
        "displayName": spec.display_name,
        "kernelImage": spec.image,
        "kernelTemplate": spec.template,
        "disabled": spec.disabled,
        "createTime": time(spec.created_at),
        "updateTime": time_or_none(spec.updated_at),
    }
