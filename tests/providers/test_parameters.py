"""Launch parameters: what is declared, what is safe to offer, what is given."""

from __future__ import annotations

import pytest

from kernelyard.model.errors import ImageNotReady, Invalid
from kernelyard.providers.launcher import Launcher
from kernelyard.providers.parameters import (
    LARGEST_SCHEMA,
    LARGEST_VALUES,
    BadSchema,
    Schema,
    filled,
    offered,
    schema_of,
    settled,
    why_hidden,
    with_blanks,
)
from kernelyard.providers.provider import LaunchPlan

LEVEL = {"type": "string", "enum": ["low", "high"], "default": "low"}
FREE = {"type": "string"}
FREE_WITH_DEFAULT = {"type": "string", "default": "as it is"}


def schema(**properties: object) -> Schema:
    return schema_of({"properties": properties})


def given(declared: Schema, *, allow_insecure: bool = False, **values: object) -> dict[str, object]:
    return settled(declared, values, allow_insecure=allow_insecure)


def test_defaults_are_filled_in_and_what_is_given_wins() -> None:
    declared = schema(level=LEVEL, count={"type": "integer", "default": 2})
    assert given(declared) == {"level": "low", "count": 2}
    assert given(declared, level="high") == {"level": "high", "count": 2}


@pytest.mark.parametrize(
    ("values", "field", "says"),
    [
        ({"level": "middle"}, "parameters.level", "'middle' is not one of"),
        ({"count": "2"}, "parameters.count", "not of type 'integer'"),
        ({"list": [1, "x"]}, "parameters.list[1]", "not of type 'integer'"),
        ({"colour": "red"}, "parameters.colour", "It has: count, level, list"),
    ],
)
def test_a_wrong_value_is_refused_by_its_path(
    values: dict[str, object], field: str, says: str
) -> None:
    whole = {"type": "array", "items": {"type": "integer"}, "default": []}
    declared = schema(level=LEVEL, count={"type": "integer", "default": 2}, list=whole)
    with pytest.raises(Invalid) as wrong:
        given(declared, **values)
    assert wrong.value.field == field
    assert says in wrong.value.message


def test_what_has_no_default_must_be_given() -> None:
    declared = schema(level={"enum": ["low", "high"]})
    with pytest.raises(Invalid, match=r"'level' has no default.*\"low\", \"high\""):
        given(declared)
    assert given(declared, level="low") == {"level": "low"}


def test_an_image_without_parameters_takes_none() -> None:
    with pytest.raises(Invalid, match="takes no parameters"):
        given({}, level="low")
    assert given({}) == {}


@pytest.mark.parametrize(
    ("rule", "is_sure"),
    [
        ({"enum": ["a"]}, True),
        ({"const": 1}, True),
        ({"type": "boolean"}, True),
        ({"type": "integer"}, True),
        ({"type": ["number", "null"]}, True),
        ({"type": "string"}, False),
        ({"type": ["integer", "string"]}, False),
        ({"type": "string", "format": "uri"}, False),
        ({"type": "string", "pattern": "[a-z]"}, False),
        ({"type": "string", "pattern": "^[a-z]+$"}, True),
        ({"type": "string", "pattern": "^a|.*$"}, False),
        ({"type": "string", "pattern": "^(a|[b|])$"}, True),
        ({"type": "string", "pattern": "^abc\\$"}, False),
        ({"type": "string", "pattern": "^abc\\\\$"}, True),
        ({"type": "string", "pattern": "^[]|)]a[^]|]$"}, True),
        ({"type": "string", "pattern": "^[(]|.*[)]$"}, False),
        ({"type": "array"}, False),
        ({"type": "array", "items": {"type": "integer"}}, True),
        ({"type": "array", "items": {"type": "string"}}, False),
        ({"type": "object"}, False),
        ({"type": "object", "properties": {"a": {"enum": [1]}}}, False),
        (
            {"type": "object", "properties": {"a": {"enum": [1]}}, "additionalProperties": False},
            True,
        ),
        ({"anyOf": [{"enum": [1]}, {"type": "string"}]}, False),
        ({"oneOf": [{"enum": [1]}, {"type": "boolean"}]}, True),
        ({"allOf": [{"enum": ["x"]}, {"type": "string"}]}, True),
        ({"$ref": "#/$defs/x"}, False),
        ({}, False),
        (True, False),
    ],
)
def test_an_image_is_hidden_if_a_value_without_default_may_be_anything(
    rule: object, is_sure: bool
) -> None:
    assert (why_hidden(schema(x=rule)) is None) is is_sure
    if isinstance(rule, dict):
        assert why_hidden(schema(x={**rule, "default": 1})) is None


def test_a_newline_is_no_way_round_a_pattern() -> None:
    word = {"type": "string", "pattern": "^[a-z]+$"}
    words = {"type": "array", "items": word}
    declared = schema(word=word, words=words)
    assert given(declared, word="abc", words=["d"]) == {"word": "abc", "words": ["d"]}
    for wrong in ({"word": "abc\n", "words": []}, {"word": "abc", "words": ["d\n"]}):
        with pytest.raises(Invalid, match="does not match"):
            given(declared, **wrong)


def test_a_hidden_image_starts_nothing_unless_that_is_allowed() -> None:
    declared = schema(any=FREE)
    with pytest.raises(ImageNotReady, match="--allow-insecure-parameters"):
        given(declared, any="x")
    assert given(declared, allow_insecure=True, any="x; rm -rf /") == {"any": "x; rm -rf /"}


def test_of_a_value_that_may_be_anything_only_the_default_is_used() -> None:
    declared = schema(any=FREE_WITH_DEFAULT, level=LEVEL)
    assert list(offered(declared, allow_insecure=False)["properties"]) == ["level"]
    assert list(offered(declared, allow_insecure=True)["properties"]) == ["any", "level"]
    assert given(declared)["any"] == "as it is"
    with pytest.raises(Invalid, match="only its default is used") as refused:
        given(declared, any="else")
    assert refused.value.field == "parameters.any"
    assert given(declared, allow_insecure=True, any="else")["any"] == "else"


def test_an_image_of_which_nothing_can_be_set_offers_nothing() -> None:
    assert offered(schema(any=FREE_WITH_DEFAULT), allow_insecure=False) == {}


def test_what_is_required_and_not_offered_is_not_shown_as_required() -> None:
    whole = {"properties": {"any": FREE_WITH_DEFAULT, "level": LEVEL}, "required": ["any", "level"]}
    assert offered(schema_of(whole), allow_insecure=False)["required"] == ["level"]


def test_a_bare_map_of_names_is_a_declaration_too() -> None:
    assert schema_of({"level": LEVEL}) == schema(level=LEVEL)


@pytest.mark.parametrize(
    ("declared", "says"),
    [
        (["level"], "no JSON object"),
        ({"properties": {"level": {"type": "nonsense"}}}, "no JSON Schema"),
        ({"properties": {"level": {"enum": ["x" * LARGEST_SCHEMA]}}}, "more than 64 KiB"),
        ({"properties": {"level": {"enum": [object()]}}}, "what JSON can say"),
    ],
)
def test_a_declaration_that_is_none_says_so(declared: object, says: str) -> None:
    with pytest.raises(BadSchema, match=says):
        schema_of(declared)


@pytest.mark.parametrize("nothing", [None, {}, {"properties": {}}, {"type": "object"}])
def test_nothing_declared_is_no_parameters(nothing: object) -> None:
    assert schema_of(nothing) == {}


def test_large_values_are_refused() -> None:
    with pytest.raises(Invalid, match="64 KiB"):
        given(schema(level=LEVEL), level="x" * LARGEST_VALUES)


def test_a_schema_is_never_fetched() -> None:
    declared = schema(x={"allOf": [{"enum": [1]}, {"$ref": "http://127.0.0.1:9/schema"}]})
    with pytest.raises(ImageNotReady, match="cannot be checked"):
        given(declared, x=1)


def test_values_fill_the_blanks_of_command_line_and_environment() -> None:
    plan = LaunchPlan(argv=["run", "--level={level}", "{n}", "{other}"], env={"A": "<{level}>"})
    done = filled(plan, {"level": "high", "n": 1.5})
    assert done.argv == ["run", "--level=high", "1.5", "{other}"]
    assert done.env == {"A": "<high>"}


def test_what_the_system_fills_in_is_not_the_users() -> None:
    plan = LaunchPlan(argv=["run", "{connection_file}", "{prefix}"], env={"A": "{resource_dir}"})
    values = {"connection_file": "/etc/passwd", "prefix": "/", "resource_dir": "/"}
    assert filled(plan, values) == plan
    assert with_blanks(plan, values).blanks == {}


def test_a_value_is_not_filled_in_again() -> None:
    plan = LaunchPlan(argv=["run", "{level}"], env={"A": "{level}"})
    done = with_blanks(plan, {"level": "${HOME} {connection_file}"})
    assert (done.argv, done.blanks) == (plan.argv, {"level": "${HOME} {connection_file}"})
    assert done.env == {"A": "$${HOME} {connection_file}"}


def test_a_plan_with_a_launcher_is_left_as_it_is() -> None:
    plan = LaunchPlan(argv=["{level}"], launcher=lambda _: Launcher())
    assert with_blanks(plan, {"level": "high"}) is plan


@pytest.mark.parametrize(
    ("value", "text"), [(True, "true"), (2, "2"), (None, "null"), ([1], "[1]")]
)
def test_what_is_no_text_stands_as_json(value: object, text: str) -> None:
    assert filled(LaunchPlan(argv=["{x}"]), {"x": value}).argv == [text]
