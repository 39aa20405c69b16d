"""Which image is to run a notebook."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from kernelyard.doors.native import examples, image_shapes, translate
from kernelyard.doors.native.answers import answers
from kernelyard.doors.native.asking import asked_by, asking_operations
from kernelyard.doors.native.orders import NotebookQuestion
from kernelyard.model.errors import (
    AgentUnavailable,
    ImageDisabled,
    ImageNotFound,
    ImageNotReady,
    Invalid,
    NoImageFits,
    TooLarge,
)
from kernelyard.yard.resolving import NotebookQuestion as Asked

router = asking_operations(prefix="/v1/resolve", tags=["images"])


@router.post(
    "",
    operation_id="resolve_notebook",
    summary="Choose the image for a notebook, and say why",
    response_model=image_shapes.Resolution,
    responses=answers(
        Invalid,
        ImageNotFound,
        ImageDisabled,
        ImageNotReady,
        NoImageFits,
        TooLarge,
        AgentUnavailable,
        example=examples.RESOLUTION,
    ),
)
async def resolve(question: NotebookQuestion, request: Request) -> Response:
    """In this order: the explicit `image`, the choice remembered for `path`, the `default` of its
    directory, the kernel that the notebook names, its language and version, the only image that is
    ready. Nothing is started. Choices are remembered for each user by himself."""
    asked = asked_by(request)
    decision = await asked.yard.resolving.resolve(
        asked.who,
        Asked(
            metadata=question.metadata,
            path=question.path,
            image=question.image,
            default=question.default,
            default_source=question.default_source,
            remember=question.remember,
            forget=question.forget,
        ),
    )
    return translate.answer(translate.resolution(decision))
