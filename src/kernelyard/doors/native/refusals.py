"""Requests that do not fit their shapes, told as sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kernelyard.doors._asgi.operations import Misfit
from kernelyard.model.errors import Invalid

_KINDS = {
    "string_type": "text",
    "string_unicode": "text in valid Unicode",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a smaller whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "dict_type": "an object of names and values",
    "list_type": "a list",
    "name_or_number": "a name or a whole number",
}
_BODY = (
    "The body must be one JSON object. Send it with 'Content-Type: application/json'; "
    "'/docs' shows an example for every request."
)
_WHERE = frozenset({"body", "query", "header", "path"})
_LONGEST_FIELD = 100


def refusal(error: Misfit) -> Invalid:
    """Return the error to answer with: the first thing that does not fit."""
    first: Mapping[str, Any] = error.errors[0]
    kind, location = str(first["type"]), [str(part) for part in first["loc"]]
    if kind == "json_invalid":
        why = first.get("ctx", {}).get("error", "")
        return Invalid(f"The body is not valid JSON (at character {location[-1]}: {why}).")
    path = location[1:] if location[0] in _WHERE else location
    if not path:
        return Invalid(_BODY)
    field = ".".join(path)[:_LONGEST_FIELD]
    return Invalid(f"'{field}' {_must(kind, first.get('ctx', {}), str(first['msg']))}", field=field)


def _must(kind: str, context: Mapping[str, Any], message: str) -> str:
    if kind in _KINDS:
        return f"must be {_KINDS[kind]}."
    match kind:
        case "missing":
            return "is needed and was not sent."
        case "extra_forbidden":
            return "is not a field of this request. Correct its spelling or leave it out."
        case "greater_than_equal":
            return f"must be at least {context['ge']}."
        case "less_than_equal":
            return f"must be at most {context['le']}."
        case "literal_error" | "enum":
            return f"must be one of {context['expected']}."
        case "string_too_long":
            return f"must have at most {context['max_length']} characters."
        case "string_pattern_mismatch":
            return "must have printable ASCII characters only, and at least one."
        case _:
            return f"does not fit: {message}."
