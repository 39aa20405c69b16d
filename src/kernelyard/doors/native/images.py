"""Images: what kernels can be started from."""

from __future__ import annotations

from typing import Annotated

from starlette.requests import Request
from starlette.responses import Response

from kernelyard.doors._asgi.door import settings_of
from kernelyard.doors._asgi.parameters import Query
from kernelyard.doors.native import examples, image_shapes, translate
from kernelyard.doors.native.answers import answers
from kernelyard.doors.native.asking import asked_by, asking_operations
from kernelyard.doors.native.orders import ImageChanges, NewImage
from kernelyard.model.errors import (
    AgentUnavailable,
    AlreadyExists,
    Forbidden,
    ImageNotFound,
    Invalid,
    ResourceNotFound,
    TooLarge,
)
from kernelyard.model.images import Image, ImageChange

router = asking_operations(prefix="/v1/images", tags=["images"])
_MEDIA_TYPES = {
    "png": "image/png",
    "svg": "image/svg+xml",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "css": "text/css",
    "js": "text/javascript",
    "json": "application/json",
    "txt": "text/plain",
}


@router.get(
    "",
    operation_id="list_images",
    summary="List images",
    response_model=image_shapes.ImageList,
    responses=answers(Invalid, AgentUnavailable, example=examples.IMAGES),
)
async def every(
    request: Request,
    refresh: Annotated[bool, Query(description="Look again at what is installed.")] = False,
) -> Response:
    """All of them, by name. `broken` tells which providers could not list theirs, `slow` which are
    still looking, so that their last list is shown. The agent looks again by itself, too: what comes
    and goes is told by the events."""
    asked = asked_by(request)
    listed = await asked.yard.images.list(asked.who, refresh=refresh)
    return translate.answer(translate.images(listed, settings_of(request).root_path))


@router.post(
    "",
    operation_id="register_image",
    summary="Give an image a further name",
    status_code=201,
    response_model=image_shapes.Image,
    responses=answers(
        Invalid,
        Forbidden,
        ImageNotFound,
        AlreadyExists,
        TooLarge,
        AgentUnavailable,
        example={**examples.IMAGE, "name": "my-python:3", "registered": True},
        status=201,
    ),
)
async def register(request: Request, order: NewImage) -> Response:
    """For administrators."""
    asked = asked_by(request)
    image = await asked.yard.images.register(
        asked.who, order.name, order.source, ImageChange(display_name=order.display_name)
    )
    return _told(request, image, 201)


@router.get(
    "/{name:path}/resources/{file:path}",
    operation_id="get_image_resource",
    summary="Get a file of an image, such as its logo",
    response_class=Response,
    responses=answers(
        ImageNotFound,
        ResourceNotFound,
        AgentUnavailable,
        description="The file.",
        also={
            200: {
                "description": "The file.",
                "content": {
                    "application/octet-stream": {
                        "schema": {"type": "string", "format": "binary"},
                        "example": "(bytes of logo-64x64.png)",
                    }
                },
            }
        },
    ),
)
async def resource(name: str, file: str, request: Request) -> Response:
    """The image's `resources` list what there is."""
    asked = asked_by(request)
    data = await asked.yard.images.resource(asked.who, name, file)
    suffix = file.rpartition(".")[2].lower()
    return Response(data, media_type=_MEDIA_TYPES.get(suffix, "application/octet-stream"))


@router.get(
    "/{name:path}",
    operation_id="get_image",
    summary="Get an image",
    response_model=image_shapes.Image,
    responses=answers(ImageNotFound, AgentUnavailable, example=examples.IMAGE),
)
async def get(request: Request, name: str) -> Response:
    """The image as it is now."""
    asked = asked_by(request)
    return _told(request, await asked.yard.images.get(asked.who, name))


@router.patch(
    "/{name:path}",
    operation_id="update_image",
    summary="Disable, enable or rename an image",
    response_model=image_shapes.Image,
    responses=answers(
        Invalid, Forbidden, ImageNotFound, TooLarge, AgentUnavailable, example=examples.IMAGE
    ),
)
async def update(request: Request, name: str, changes: ImageChanges) -> Response:
    """For administrators. A disabled image starts no kernel; those that run go on."""
    asked = asked_by(request)
    image = await asked.yard.images.update(
        asked.who,
        name,
        ImageChange(disabled=changes.disabled, display_name=changes.display_name),
    )
    return _told(request, image)


@router.delete(
    "/{name:path}",
    operation_id="remove_image",
    summary="Forget a registered name",
    status_code=204,
    response_class=Response,
    responses=answers(Forbidden, ImageNotFound, status=204, description="Forgotten."),
)
async def remove(name: str, request: Request) -> Response:
    """For administrators. What providers find stays and shows as found."""
    asked = asked_by(request)
    await asked.yard.images.remove(asked.who, name)
    return Response(status_code=204)


def _told(request: Request, image: Image, status: int = 200) -> Response:
    return translate.answer(translate.image(image, settings_of(request).root_path), status)
