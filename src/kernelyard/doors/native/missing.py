"""Paths that lead nowhere, named by what was looked for in them."""

from __future__ import annotations

from kernelyard.model.errors import (
    ImageNotFound,
    KernelNotFound,
    NotFound,
    TaskNotFound,
    TemplateNotFound,
    TokenNotFound,
    YardError,
)
from kernelyard.model.ids import is_uuid

PREFIX = "/v1/"
_COLLECTIONS: dict[str, type[NotFound]] = {
    "images": ImageNotFound,
    "templates": TemplateNotFound,
    "kernels": KernelNotFound,
    "tasks": TaskNotFound,
    "tokens": TokenNotFound,
}


def missing(path: str) -> YardError:
    """Return the error for a path of this door that no route takes.

    An id with a slash in it makes such a path, for servers decode ``%2F`` before routing.
    """
    collection, _, rest = path.removeprefix(PREFIX).partition("/")
    not_found = _COLLECTIONS.get(collection)
    if not_found is None or not rest or is_uuid(rest.partition("/")[0]):
        return NotFound("There is nothing at this path. '/docs' shows the paths of this API.")
    return not_found()
