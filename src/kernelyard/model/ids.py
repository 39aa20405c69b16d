"""Ids and names: what may stand in a path, a file name or a label."""

from __future__ import annotations

import re

from kernelyard.model.errors import Invalid

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._:-]{0,126}[A-Za-z0-9])?")
_ENVIRONMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LABEL_KEY = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._/-]{0,126}[A-Za-z0-9])?")
LABEL_COUNT = 64
LABEL_LENGTH = 256
ENVIRONMENT_COUNT = 512
ENVIRONMENT_LENGTH = 32_768


def is_uuid(text: str) -> bool:
    """Whether ``text`` is a UUID in its usual lower-case form: the form of kernel and task ids."""
    return _UUID.fullmatch(text) is not None


def external_id(dialect: str, text: str) -> str:
    """The id ``text`` of a dialect as rows keep it: what two dialects call by one id are two things."""
    return f"{dialect}/{text}"


def own_id(dialect: str, external: str | None) -> str | None:
    """The reverse: the id in a dialect; None for what was not given one there."""
    prefix = f"{dialect}/"
    return external[len(prefix) :] if external and external.startswith(prefix) else None


def checked_name(text: str, *, field: str) -> str:
    """Return ``text`` if it can be a name of an image, template or kernel; raise Invalid if not."""
    if _NAME.fullmatch(text) is None or ".." in text:
        raise Invalid(
            f"'{field}' must be 1 to 128 letters, digits or any of '. _ : -', beginning and ending "
            "with a letter or digit, without '..'.",
            field=field,
        )
    return text


def checked_environment(environment: dict[str, str], *, field: str) -> dict[str, str]:
    """Return ``environment`` if a process can be given it; raise Invalid if not."""
    if len(environment) > ENVIRONMENT_COUNT:
        raise Invalid(f"'{field}' may have at most {ENVIRONMENT_COUNT} variables.", field=field)
    for key, value in environment.items():
        if _ENVIRONMENT.fullmatch(key) is None:
            raise Invalid(
                f"'{field}' has the variable name {key[:80]!r}; names are letters, digits and '_', "
                "and do not begin with a digit.",
                field=field,
            )
        if "\0" in value or len(value) > ENVIRONMENT_LENGTH:
            raise Invalid(
                f"The value of {key!r} in '{field}' has a NUL byte or more than "
                f"{ENVIRONMENT_LENGTH} characters.",
                field=field,
            )
    return environment


def checked_labels(labels: dict[str, str], *, field: str = "labels") -> dict[str, str]:
    """Return ``labels`` if they are few, short and well named; raise Invalid if not."""
    if len(labels) > LABEL_COUNT:
        raise Invalid(f"'{field}' may have at most {LABEL_COUNT} entries.", field=field)
    for key, value in labels.items():
        if _LABEL_KEY.fullmatch(key) is None or len(value) > LABEL_LENGTH:
            raise Invalid(
                f"'{field}' has the entry {key[:80]!r}; keys are letters, digits and '. _ / -', "
                f"values have at most {LABEL_LENGTH} characters.",
                field=field,
            )
    return labels
