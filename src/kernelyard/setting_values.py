"""How values of settings are written: sizes and durations with units, and tables."""

from __future__ import annotations

import json
import tomllib
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from kernelyard.model.quantities import parse_duration, parse_size


def _size(value: object, info: Any) -> object:
    return parse_size(value, field=info.field_name) if isinstance(value, str) else value


def _seconds(value: object, info: Any) -> object:
    return parse_duration(value, field=info.field_name) if isinstance(value, str) else value


def as_written(text: str) -> Any:
    """A default in the form in which people write it; it is parsed like any other value."""
    return text


def tables_of(value: Any) -> Any:
    """A table for each provider: as it is in the file, or written as TOML or JSON."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value) if value.lstrip().startswith("{") else tomllib.loads(value)
    except ValueError as error:
        raise ValueError(f"write TOML or JSON ({error})") from error


Size = Annotated[int, BeforeValidator(_size), Field(ge=0)]
Seconds = Annotated[float, BeforeValidator(_seconds), Field(gt=0)]
Keeping = Annotated[float, BeforeValidator(_seconds), Field(ge=0)]
"""How long something is kept; 0 is for ever."""
Tables = Annotated[dict[str, dict[str, Any]], BeforeValidator(tables_of)]
"""A table of settings for each of several plugins."""
