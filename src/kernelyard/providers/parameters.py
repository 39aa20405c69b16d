"""Launch parameters (JEP 87): what an image declares, which of it may be offered, and what was given."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from kernelyard.model.errors import ImageNotReady, Invalid
from kernelyard.providers.argv import BLANK
from kernelyard.providers.patterns import fits, is_whole
from kernelyard.providers.provider import LaunchPlan

Schema = dict[str, Any]
SYSTEM_KEYS = frozenset(
    {
        "connection_file",
        "kernel_id",
        "port_range",
        "prefix",
        "public_key",
        "registration_file",
        "resource_dir",
        "response_address",
    }
)
"""Blanks that the system fills in: a parameter of this name is never put there."""
LARGEST_SCHEMA = 64 * 1024
LARGEST_VALUES = 64 * 1024
"""Bytes of JSON."""
_DEEPEST = 16
_KEYWORDS = frozenset({"$schema", "additionalProperties", "properties", "required", "type"})
_SURE_TYPES = frozenset({"boolean", "integer", "null", "number"})


class BadSchema(Exception):
    """What an image declares cannot be used; the text says why."""


def schema_of(declared: object) -> Schema:
    """Return what an image declares as a schema of an object; empty if it declares nothing.

    A bare map of names to schemas is taken, too. Raises BadSchema.
    """
    if declared is None or declared == {}:
        return {}
    if not isinstance(declared, dict):
        raise BadSchema("its parameters are no JSON object")
    try:
        size = len(json.dumps(declared))
    except (TypeError, ValueError, RecursionError) as error:
        raise BadSchema("its parameters are not what JSON can say") from error
    if size > LARGEST_SCHEMA:
        raise BadSchema(f"its parameters take more than {LARGEST_SCHEMA // 1024} KiB")
    bare = not _KEYWORDS & declared.keys()
    schema: Schema = {"properties": declared} if bare else dict(declared)
    properties = schema.get("properties") or {}
    if not properties:
        return {}
    _check(schema)
    return {**schema, "type": "object", "properties": properties, "additionalProperties": False}


def offered(schema: Schema, *, allow_insecure: bool) -> Schema:
    """Return the part of a schema that users may set.

    By the JEP's rule a value that could be anything is not theirs to set: its default is used.
    """
    if not schema or allow_insecure:
        return schema
    fixed = _fixed(schema)
    properties = {k: v for k, v in schema["properties"].items() if k not in fixed}
    if not properties:
        return {}
    shown = {**schema, "properties": properties}
    if "required" in shown:
        shown["required"] = [name for name in shown["required"] if name in properties]
    return shown


def why_hidden(schema: Schema) -> str | None:
    """Why an image is not safe to offer; None if it is."""
    free = [
        name
        for name, rule in schema.get("properties", {}).items()
        if not _is_sure(rule) and not _has_default(rule)
    ]
    if not free:
        return None
    return (
        f"Its parameter {free[0][:80]!r} may be anything and has no default, so whoever starts it "
        "could say anything to its command line. Give the parameter an 'enum', a 'pattern' from ^ "
        "to $ or a 'default', or start the server with --allow-insecure-parameters."
    )


def settled(
    schema: Schema, given: Mapping[str, object], *, allow_insecure: bool
) -> dict[str, object]:
    """Return the values to start with: those given, checked, and defaults for the others.

    Raises Invalid, which names the wrong value, and ImageNotReady for an image that is hidden.
    """
    if not schema:
        if given:
            raise Invalid("This image takes no parameters.", field="parameters")
        return {}
    if not allow_insecure and (reason := why_hidden(schema)) is not None:
        raise ImageNotReady(f"This image is hidden. {reason}")
    properties: dict[str, Any] = schema["properties"]
    _check_names(schema, given, allow_insecure=allow_insecure)
    defaults = {name: rule["default"] for name, rule in properties.items() if _has_default(rule)}
    values = {**defaults, **given}
    for name, rule in properties.items():
        if name not in values:
            raise Invalid(
                f"The parameter {name!r} has no default: give it a value. {_told(rule)}",
                field=f"parameters.{name}",
            )
    _validate(schema, values)
    return values


def filled(plan: LaunchPlan, values: Mapping[str, object]) -> LaunchPlan:
    """Return the plan with parameters in the place of their names, in command line and environment.

    What the system fills in is left to it.
    """
    texts = {name: text_of(one) for name, one in values.items() if name not in SYSTEM_KEYS}
    if not texts:
        return plan
    # A dollar sign of a value is no reference to a variable of the agent.
    escaped = {name: text.replace("$", "$$") for name, text in texts.items()}
    return replace(
        plan,
        argv=[_filled(part, texts) for part in plan.argv],
        env={key: _filled(value, escaped) for key, value in plan.env.items()},
    )


def with_blanks(plan: LaunchPlan, values: Mapping[str, object]) -> LaunchPlan:
    """Return the plan with parameters for the blanks of its command line, and in its environment.

    The command line is filled in once, with all else: what a value says is never filled in again.
    """
    if plan.launcher is not None:
        return plan  # which was asked with the values itself
    texts = {name: text_of(one) for name, one in values.items() if name not in SYSTEM_KEYS}
    return replace(filled(plan, values), argv=plan.argv, blanks={**plan.blanks, **texts})


def text_of(value: object) -> str:
    """A value as it stands in a command line: text as it is, all else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _filled(text: str, values: Mapping[str, str]) -> str:
    return BLANK.sub(lambda blank: values.get(blank[1], blank[0]), text)


def _check_names(schema: Schema, given: Mapping[str, object], *, allow_insecure: bool) -> None:
    if len(json.dumps(dict(given))) > LARGEST_VALUES:
        raise Invalid(
            f"The parameters take more than {LARGEST_VALUES // 1024} KiB. Give less.",
            field="parameters",
        )
    properties = schema["properties"]
    settable = offered(schema, allow_insecure=allow_insecure).get("properties", {})
    names = ", ".join(sorted(settable)) or "none that can be set"
    for name in given:
        if name not in properties:
            raise Invalid(
                f"This image has no parameter {name[:80]!r}. It has: {names}.",
                field=f"parameters.{name[:80]}",
            )
        if name not in settable:
            raise Invalid(
                f"The parameter {name!r} may be anything, so only its default is used. It can be "
                "set where the server runs with --allow-insecure-parameters.",
                field=f"parameters.{name}",
            )


def _fixed(schema: Schema) -> set[str]:
    """Names whose values could be anything: only their defaults may be used."""
    return {name for name, rule in schema["properties"].items() if not _is_sure(rule)}


def _is_sure(rule: object, depth: int = 0) -> bool:
    """Whether a schema leaves nobody free to say what he likes."""
    if not isinstance(rule, dict) or depth > _DEEPEST:
        return False
    if "enum" in rule or "const" in rule:
        return True
    if any(_is_sure(one, depth + 1) for one in _list(rule, "allOf")):
        return True
    for word in ("anyOf", "oneOf"):
        if word in rule and all(_is_sure(one, depth + 1) for one in _list(rule, word)):
            return True
    kinds = rule.get("type")
    named = kinds if isinstance(kinds, list) else [kinds]
    return bool(named) and all(_is_sure_of(kind, rule, depth) for kind in named)


def _is_sure_of(kind: object, rule: dict[str, Any], depth: int) -> bool:
    match kind:
        case "string":
            pattern = rule.get("pattern")
            return isinstance(pattern, str) and is_whole(pattern)
        case "array":
            return "prefixItems" not in rule and _is_sure(rule.get("items"), depth + 1)
        case "object":
            inner = rule.get("properties") or {}
            closed = rule.get("additionalProperties") is False and "patternProperties" not in rule
            return closed and all(_is_sure(one, depth + 1) for one in inner.values())
        case _:
            return kind in _SURE_TYPES


def _has_default(rule: object) -> bool:
    return isinstance(rule, dict) and "default" in rule


def _list(rule: dict[str, Any], word: str) -> list[object]:
    value = rule.get(word)
    return value if isinstance(value, list) else []


def _told(rule: object) -> str:
    if isinstance(rule, dict) and isinstance(rule.get("enum"), list):
        return f"It may be one of {json.dumps(rule['enum'])[:200]}."
    return ""


def _check(schema: Schema) -> None:
    # Only what has parameters pays for the library.
    from jsonschema import validators
    from jsonschema.exceptions import SchemaError

    kind = validators.validator_for(schema, default=validators.Draft202012Validator)
    try:
        kind.check_schema(schema)
    except SchemaError as error:
        raise BadSchema(f"its parameters are no JSON Schema: {error.message[:200]}") from error
    except RecursionError as error:
        raise BadSchema("its parameters are nested too deeply") from error


def _validate(schema: Schema, values: Mapping[str, object]) -> None:
    from jsonschema import ValidationError, validators
    from jsonschema.exceptions import best_match
    from referencing import Registry

    def pattern(_: object, rule: str, value: object, __: object) -> Iterator[ValidationError]:
        if isinstance(value, str) and not fits(rule, value):
            yield ValidationError(f"{value!r} does not match {rule!r}")

    known = validators.validator_for(schema, default=validators.Draft202012Validator)
    kind = validators.extend(known, {"pattern": pattern})
    try:
        # With a registry of its own it does not follow references into the network.
        wrong = best_match(kind(schema, registry=Registry()).iter_errors(dict(values)))
    except Exception as error:
        raise ImageNotReady(
            f"The parameters of this image cannot be checked: {str(error)[:200]}. Mend its schema."
        ) from error
    if wrong is not None:
        path = "".join(
            f"[{part}]" if isinstance(part, int) else f".{part}" for part in wrong.absolute_path
        )
        raise Invalid(
            f"'parameters{path}' is not what the image takes: {wrong.message[:300]}.",
            field=f"parameters{path}",
        )
