"""Names without workspaces, as releases 0.4.0 and 0.4.1 of the client say them.

Images and specs are those of the global workspace, templates the caller's own.
"""

from __future__ import annotations

import re

from kernelyard.doors.h2o.names import DEFAULT, GLOBAL
from kernelyard.model.json import JsonObject, JsonValue

HOMES = {
    "kernelImages": GLOBAL,
    "notebookKernelSpecs": GLOBAL,
    "kernelTemplates": DEFAULT,
}
"""Collections that were named without a workspace, and the workspace they have now."""
_NAMES = ("name", "kernelImage", "kernelTemplate")
_SHORT = re.compile(r"(kernelImages|kernelTemplates)/[^/]*")
_WORKSPACE = re.compile(r"workspaces/[^/]*/")


def full_name(name: str) -> str | None:
    """Return a path's name with its workspace; None if it is no name of that old kind."""
    collection = name.partition("/")[0]
    home = HOMES.get(collection)
    return None if home is None else f"workspaces/{home}/{name}"


def with_workspaces(body: JsonObject) -> JsonObject:
    """Return a request's body whose names of other resources have their workspaces."""
    return {key: _full(value) if key in _NAMES else value for key, value in body.items()}


def without_workspaces(answer: JsonValue) -> JsonValue:
    """Return an answer whose names have none, however deep they stand."""
    match answer:
        case dict():
            return {
                key: _short(value)
                if key in _NAMES and isinstance(value, str)
                else without_workspaces(value)
                for key, value in answer.items()
            }
        case list():
            return [without_workspaces(one) for one in answer]
        case _:
            return answer


def _full(value: JsonValue) -> JsonValue:
    if isinstance(value, str) and _SHORT.fullmatch(value):
        return full_name(value)
    return value


def _short(name: str) -> str:
    return _WORKSPACE.sub("", name, count=1)
