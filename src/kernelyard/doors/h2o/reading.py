"""Fields of request bodies and parameters of queries, read strictly.

Each reader takes the object and the field's name as the wire spells it. A field that is absent or null
has its plain value: empty text, 0, False. All raise Invalid.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

import msgspec

from kernelyard.model.errors import Invalid
from kernelyard.model.json import JsonObject, JsonValue

LONGEST_DISPLAY_NAME = 63
LONGEST_SECONDS = 10 * 366 * 86_400
_WHOLE = re.compile(r"-?[0-9]{1,19}")
_DURATION = re.compile(r"([0-9]{1,12})(?:\.([0-9]{1,9}))?s")
_LARGEST_INT32 = 2**31 - 1
_LARGEST_INT64 = 2**63 - 1
_Enum = TypeVar("_Enum", bound=StrEnum)
_decoder = msgspec.json.Decoder()


def decoded(body: bytes) -> JsonObject:
    """Return the object in a body; an empty body is an empty object."""
    if not body.strip():
        return {}
    try:
        value = _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Invalid("The body cannot be read as JSON in UTF-8. Send one JSON object.") from error
    if not isinstance(value, dict):
        raise Invalid("The body must be one JSON object.")
    return value


def text(body: JsonObject, key: str, *, longest: int | None = None) -> str:
    """Return a text without NUL, of at most ``longest`` characters."""
    value = body.get(key)
    if value is None:
        return ""
    if not isinstance(value, str) or "\0" in value:
        raise Invalid(f"{key} must be text without NUL.", field=key)
    if longest is not None and len(value) > longest:
        raise Invalid(f"{key} must have at most {longest} characters.", field=key)
    return value


def display_name(body: JsonObject) -> str:
    """Return the name that is shown, of at most 63 characters."""
    return text(body, "displayName", longest=LONGEST_DISPLAY_NAME)


def flag(body: JsonObject, key: str) -> bool:
    """Return true or false."""
    value = body.get(key)
    if value is None:
        return False
    if not isinstance(value, bool):
        raise Invalid(f"{key} must be true or false.", field=key)
    return value


def count(body: JsonObject, key: str) -> int:
    """Return a whole number from 0 to 2147483647."""
    return _number(body.get(key), key, _LARGEST_INT32)


def byte_count(body: JsonObject, key: str) -> int:
    """Return a whole number from 0 to 2^63-1, which the wire has as text or as a number."""
    return _number(body.get(key), key, _LARGEST_INT64)


def seconds(body: JsonObject, key: str) -> float | None:
    """Return a duration such as ``3600s``; None if there is none."""
    value = body.get(key)
    if value is None or value == "":
        return None
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise Invalid(f"{key} must be a duration of 0 or more seconds such as 3600s.", field=key)
    value = float(f"{match[1]}.{match[2] or 0}")
    if value > LONGEST_SECONDS:
        raise Invalid(f"{key} must be at most {LONGEST_SECONDS}s.", field=key)
    return value


def texts(body: JsonObject, key: str) -> list[str]:
    """Return a list of texts."""
    value = body.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise Invalid(f"{key} must be a list of texts.", field=key)
    return [_plain(one, key) for one in value]


def pairs(body: JsonObject, key: str) -> dict[str, str]:
    """Return a map of names and texts, such as environment variables."""
    value = body.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Invalid(f"{key} must be an object of names and texts.", field=key)
    return {name: _plain(one, key) for name, one in value.items()}


def choice(body: JsonObject, key: str, kind: type[_Enum], default: _Enum) -> _Enum:
    """Return a member of an enumeration; ``default`` if it is absent."""
    value = body.get(key)
    if value is None or value == "":
        return default
    for member in kind:
        if member == value:
            return member
    raise Invalid(f"{key} must be one of {', '.join(kind)}.", field=key)


def masked(query: Mapping[str, str], allowed: Mapping[str, str]) -> frozenset[str]:
    """Return which fields an update changes, by the parameter ``updateMask``.

    ``allowed`` has the paths that it may name, in snake_case, and the wire's names of their fields,
    which are returned. ``*`` alone names all.
    """
    mask = query.get("updateMask", "")
    if mask == "*":
        return frozenset(allowed.values())
    paths = mask.split(",")
    unknown = [path for path in paths if path not in allowed]
    if unknown:
        known = ", ".join(allowed)
        raise Invalid(
            f"updateMask has {unknown[0][:80]!r}; name one or more of {known}, separated by commas, "
            "or *.",
            field="updateMask",
        )
    return frozenset(allowed[path] for path in paths)


def _number(value: JsonValue, key: str, largest: int) -> int:
    if value is None:
        return 0
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= largest:
        raise Invalid(f"{key} must be a whole number from 0 to {largest}.", field=key)
    return value


def _plain(value: JsonValue, key: str) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise Invalid(f"{key} must hold texts without NUL only.", field=key)
    return value
