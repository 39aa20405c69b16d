"""Kernel images: everybody reads them, administrators make and change them."""

from __future__ import annotations

import json
from enum import StrEnum

from kernelyard.doors.h2o import image_ids, paging, reading
from kernelyard.doors.h2o.image_ids import COLLECTION, ImageType, Known
from kernelyard.doors.h2o.names import GLOBAL, checked_id, new_id
from kernelyard.doors.h2o.routing import Call, Routes
from kernelyard.doors.h2o.writing import time
from kernelyard.model.errors import AlreadyExists, ImageNotFound, Invalid
from kernelyard.model.images import CONTAINERS, ImageChange, container_reference
from kernelyard.model.json import JsonObject, JsonValue
from kernelyard.model.resolving import image_called
from kernelyard.yard.access import only_admin

routes = Routes()
_IMAGES = f"workspaces/*/{COLLECTION}"
_IMAGE = f"{_IMAGES}/*"
_PATHS = {
    "display_name": "displayName",
    "type": "type",
    "image": "image",
    "disabled": "disabled",
    "image_pull_policy": "imagePullPolicy",
    "image_pull_secrets": "imagePullSecrets",
}
_MOST_SECRETS = 50


class PullPolicy(StrEnum):
    """When a container image is pulled."""

    UNSPECIFIED = "IMAGE_PULL_POLICY_UNSPECIFIED"
    ALWAYS = "IMAGE_PULL_POLICY_ALWAYS"
    NEVER = "IMAGE_PULL_POLICY_NEVER"
    IF_NOT_PRESENT = "IMAGE_PULL_POLICY_IF_NOT_PRESENT"


@routes.get(_IMAGES)
async def every(call: Call) -> JsonObject:
    """List images, the newest first."""
    wanted = paging.asked(call.query, COLLECTION)
    images = await image_ids.every(call) if call.workspace == GLOBAL else []
    part, after = paging.cut(images, wanted, lambda one: (one.image.created_at, one.id))
    return paging.page(COLLECTION, COLLECTION, [_told(one) for one in part], after)


@routes.get(_IMAGE)
async def get(call: Call) -> JsonObject:
    """Tell about one image."""
    return {"kernelImage": _told(await _addressed(call))}


@routes.post(_IMAGES)
async def create(call: Call) -> JsonObject:
    """Make an image of one that the yard has, or note a container image."""
    only_admin(call.who)
    if call.workspace != GLOBAL:
        raise Invalid("Kernel images are made in workspaces/global only.")
    given = call.query.get("kernelImageId")
    id_ = checked_id(given, field="kernel_image_id") if given else new_id("image")
    change = await _change(call, frozenset(_PATHS.values()), {image_ids.ID: id_})
    taken_id = AlreadyExists(f"There is a kernel image '{id_}'. Choose another id, or update it.")
    if any(one.id == id_ for one in await image_ids.every(call)):
        raise taken_id
    taken = {image.name for image in (await call.yard.images.list(call.who)).images}
    is_container = bool(change.reference and change.reference.startswith(f"{CONTAINERS}/"))
    name = f"h2o:{id_}" if is_container or id_ in taken else id_
    try:
        await call.yard.images.register(call.who, name, "", change)
    except AlreadyExists as error:
        raise taken_id from error
    return {"kernelImage": _told(await image_ids.found(call, id_))}


@routes.patch(_IMAGE)
async def update(call: Call) -> JsonObject:
    """Change what the mask names; kernels that were made before keep what they had."""
    only_admin(call.who)
    fields = reading.masked(call.query, _PATHS)
    one = await _addressed(call)
    if "image" in fields and not one.image.registered:
        if reading.text(call.body, "image") != one.told:
            raise Invalid(
                "image: this server has found this image and knows what it is made of. Make another "
                "kernel image instead."
            )
        fields -= {"image"}
    change = await _change(call, fields, one.image.labels)
    await call.yard.images.update(call.who, one.image.name, change)
    return {"kernelImage": _told(await image_ids.found(call, one.id))}


@routes.delete(_IMAGE)
async def delete(call: Call) -> JsonObject:
    """Forget an image; kernels that were made of it go on. One that was found is hidden here only."""
    only_admin(call.who)
    one = await _addressed(call)
    if one.image.registered:
        await call.yard.images.remove(call.who, one.image.name)
    else:
        labels = {**one.image.labels, image_ids.DELETED: "true"}
        await call.yard.images.update(call.who, one.image.name, ImageChange(labels=labels))
    return {}


async def _addressed(call: Call) -> Known:
    if call.workspace != GLOBAL:
        raise ImageNotFound("Kernel images are in workspaces/global.")
    return await image_ids.found(call, call.ids[1])


async def _change(call: Call, fields: frozenset[str], labels: dict[str, str]) -> ImageChange:
    """Return what a body says of those fields; ``labels`` are those there are."""
    body, labels = call.body, dict(labels)
    if "type" in fields:
        kind = reading.choice(body, "type", ImageType, ImageType.UNSPECIFIED)
        if kind is ImageType.UNSPECIFIED:
            raise Invalid("type must be one of " + ", ".join(image_ids.LANGUAGES) + ".")
        labels[image_ids.TYPE] = kind
    if "imagePullPolicy" in fields:
        policy = reading.choice(body, "imagePullPolicy", PullPolicy, PullPolicy.UNSPECIFIED)
        labels[image_ids.PULL_POLICY] = (
            PullPolicy.ALWAYS if policy is PullPolicy.UNSPECIFIED else policy
        )
    if "imagePullSecrets" in fields:
        labels[image_ids.PULL_SECRETS] = json.dumps(_secrets(body))
    reference = None
    if "image" in fields:
        text = reading.text(body, "image")
        if not text:
            raise Invalid("image must not be empty")
        images = (await call.yard.images.list(call.who)).images
        source = image_called(images, text) or next(
            (i for i in images if i.reference == text), None
        )
        reference = source.reference if source else container_reference(text, field="image")
        labels[image_ids.IMAGE] = text
    display_name = None
    if "displayName" in fields:
        labels[image_ids.DISPLAY_NAME] = display_name = reading.display_name(body)
    return ImageChange(
        display_name=display_name,
        disabled=reading.flag(body, "disabled") if "disabled" in fields else None,
        reference=reference,
        language=image_ids.LANGUAGES[ImageType(labels[image_ids.TYPE])]
        if "type" in fields
        else None,
        labels=labels,
    )


def _secrets(body: JsonObject) -> list[str]:
    secrets = reading.texts(body, "imagePullSecrets")
    if len(secrets) > _MOST_SECRETS or any(not 0 < len(one) <= 253 for one in secrets):
        raise Invalid(
            f"imagePullSecrets must be at most {_MOST_SECRETS} names of 1 to 253 characters."
        )
    return secrets


def _told(one: Known) -> JsonObject:
    image, labels = one.image, one.image.labels
    secrets: list[JsonValue] = json.loads(labels.get(image_ids.PULL_SECRETS, "[]"))
    changed = image.updated_at > image.created_at
    return {
        "name": one.name,
        "displayName": labels.get(image_ids.DISPLAY_NAME, image.display_name),
        "type": one.type,
        "image": one.told,
        "disabled": image.disabled,
        "imagePullPolicy": labels.get(image_ids.PULL_POLICY, PullPolicy.ALWAYS),
        "imagePullSecrets": secrets,
        "createTime": time(image.created_at),
        "updateTime": time(image.updated_at) if changed else None,
    }
