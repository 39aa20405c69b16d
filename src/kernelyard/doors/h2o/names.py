"""Names of resources: ``workspaces/default/kernels/k1/tasks/t1``, and the ids in them."""

from __future__ import annotations

import hashlib
import re
import secrets

from kernelyard.model.errors import Invalid

GLOBAL = "global"
"""The workspace of what administrators share: images, specs, templates for everybody."""
DEFAULT = "default"
"""The caller's own workspace: his kernels and templates."""
WORKSPACES = frozenset({GLOBAL, DEFAULT})
KINDS = {
    "workspaces": "Workspace",
    "kernelImages": "KernelImage",
    "kernelTemplates": "KernelTemplate",
    "notebookKernelSpecs": "NotebookKernelSpec",
    "kernels": "Kernel",
    "tasks": "KernelTask",
    "messages": "KernelTaskMessage",
}
"""Collections, as names spell them, and what they hold."""
_ID = re.compile(r"[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?")
_RANDOM_BYTES = 10
_NOT_IN_IDS = re.compile("[^a-z0-9]+")
_MOST_LETTERS, _DIGITS = 48, 8


def is_id(text: str) -> bool:
    """Whether ``text`` can be the last part of a name."""
    return _ID.fullmatch(text) is not None


def new_id(prefix: str) -> str:
    """Return an id for a resource whose maker has not chosen one."""
    return f"{prefix}-{secrets.token_hex(_RANDOM_BYTES)}"


def shown_id(name: str) -> str:
    """Return the id of what has been named elsewhere: its name, or one made of it that is an id."""
    if is_id(name):
        return name
    letters = _NOT_IN_IDS.sub("-", name.lower()).strip("-")[:_MOST_LETTERS].strip("-")
    digest = hashlib.sha256(name.encode()).hexdigest()[:_DIGITS]
    id_ = f"{letters}-{digest}"
    return id_ if is_id(id_) else f"x-{id_}"


def checked_id(text: str, *, field: str) -> str:
    """Return ``text`` if it can be an id; raise Invalid if not. ``field`` is a query parameter."""
    if not is_id(text):
        raise Invalid(
            f"validation error: invalid {field}: it must be 1 to 63 lower-case letters, digits or '-', "
            "begin with a letter and not end with '-'.",
            field=field,
        )
    return text


def name_of(workspace: str, collection: str, id: str) -> str:  # noqa: A002 - the API's own word
    """Return the name of a resource that stands directly in a workspace."""
    return f"workspaces/{workspace}/{collection}/{id}"


def parsed(name: str, collection: str) -> tuple[str, str]:
    """Return workspace and id of a name such as ``workspaces/global/kernelImages/python``.

    Raises Invalid if it is no name of that kind.
    """
    parts = name.split("/")
    fits = (
        len(parts) == 4
        and parts[0] == "workspaces"
        and parts[1] in WORKSPACES
        and parts[2] == collection
        and is_id(parts[3])
    )
    if not fits:
        kind = KINDS[collection]
        raise Invalid(
            f"validation error: invalid {kind} name {name[:200]!r}: write it as "
            f"workspaces/*/{collection}/*.",
            field=collection,
        )
    return parts[1], parts[3]
