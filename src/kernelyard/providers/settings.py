"""What users set for providers: a table for each by its name, made into what its class declares."""

from __future__ import annotations

import dataclasses
import difflib
import json
import re
import threading
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import msgspec

from kernelyard.model.errors import ImageNotFound
from kernelyard.model.images import FoundImage
from kernelyard.providers.launcher import LaunchRequest
from kernelyard.providers.provider import LaunchPlan, Provider

Table = Mapping[str, object]
ENABLED = "enabled"
"""The one key that every provider has: ``false`` leaves it out."""
_LARGEST_FILE = 4 * 1024 * 1024
_PLACE = re.compile(r"(.*) - at `\$\.?(.*)`", re.DOTALL)


class WrongSettings(Exception):
    """A provider's settings are not what it declares; the text says which and how to mend them."""


@dataclasses.dataclass(frozen=True, slots=True)
class _Found:
    """What the file holds, or why that is not known."""

    tables: Mapping[str, object]
    problem: str | None = None


class ProviderSettings:
    """The tables in a file, JSON or TOML; read anew whenever the file has changed.

    So an agent that outlives its server follows what the next server is told.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._looking = threading.Lock()
        self._seen: tuple[int, int, int] | None = None
        self._found = _Found({})

    def of(self, provider: str) -> Table:
        """Return the table of one provider. Raises WrongSettings."""
        found = self._look()
        if found.problem is not None:
            raise WrongSettings(found.problem)
        table = found.tables.get(provider, {})
        if not isinstance(table, Mapping):
            raise WrongSettings(
                f"'providers.{provider}' in the settings is no table. "
                f"Write its settings under [providers.{provider}]."
            )
        return table

    def strangers(self, known: Iterable[str]) -> list[tuple[str, str]]:
        """Return the names that have settings and are none of ``known``, each with what to do."""
        tables, names = self._look().tables, sorted(known)
        return [(name, _not_installed(name, names)) for name in tables if name not in names]

    def _look(self) -> _Found:
        if self._file is None:
            return self._found
        with self._looking:
            try:
                status = self._file.stat()
                seen = (status.st_mtime_ns, status.st_size, status.st_ino)
            except OSError:
                seen = None
            if seen != self._seen:
                self._found = _Found({}) if seen is None else _read(self._file)
                self._seen = seen
            return self._found


def make(kind: type[Provider], name: str, table: Table) -> Provider:
    """Return a provider of a class with the settings of a table. Raises WrongSettings."""
    values = {key: value for key, value in table.items() if key != ENABLED}
    if kind.Settings is None:
        if values:
            raise WrongSettings(_wrong(name, f"it has no setting {min(values)!r}"))
        return kind()
    return kind(checked(kind.Settings, name, values))  # type: ignore[call-arg]  # as it declares


def is_left_out(name: str, table: Table) -> bool:
    """Whether a provider is switched off; it is not even loaded then. Raises WrongSettings."""
    enabled = table.get(ENABLED, True)
    if not isinstance(enabled, bool):
        raise WrongSettings(_wrong(name, f"'{ENABLED}' must be true or false"))
    return not enabled


def checked(declared: type[Any], name: str, values: Table) -> object:
    """Return ``values`` as an object of a declared dataclass or Struct. Raises WrongSettings."""
    fields = _fields_of(declared)
    for key in values:
        if key not in fields:
            near = difflib.get_close_matches(key, fields, n=1, cutoff=0.5)
            meant = f" Did you mean '{near[0]}'?" if near else ""
            known = ", ".join([*fields, ENABLED])
            raise WrongSettings(_wrong(name, f"it has no setting '{key}'.{meant} It has: {known}"))
    try:
        return msgspec.convert(dict(values), declared, dec_hook=_decoded)
    except msgspec.ValidationError as error:
        placed = _PLACE.fullmatch(str(error))
        said, place = (placed[1], f"'{placed[2]}': ") if placed else (str(error), "")
        raise WrongSettings(_wrong(name, f"{place}{said[:1].lower()}{said[1:]}")) from error


def _read(file: Path) -> _Found:
    try:
        with file.open("rb") as stream:
            data = stream.read(_LARGEST_FILE).decode()
        found: object = tomllib.loads(data) if file.suffix == ".toml" else json.loads(data)
    except (OSError, ValueError, RecursionError) as error:
        return _Found({}, f"The providers' settings {file} cannot be read: {error}.")
    if isinstance(found, dict) and isinstance(found.get("providers"), dict):
        found = found["providers"]
    if not isinstance(found, dict):
        return _Found({}, f"The providers' settings {file} do not hold a table for each provider.")
    return _Found(found)


def _fields_of(declared: type[Any]) -> list[str]:
    if dataclasses.is_dataclass(declared):
        return [field.name for field in dataclasses.fields(declared) if field.init]
    return [field.encode_name for field in msgspec.structs.fields(declared)]


def _decoded(kind: type[Any], value: object) -> object:
    """Make what JSON and TOML have no word for."""
    if issubclass(kind, Path) and isinstance(value, str):
        return Path(value).expanduser()
    raise ValueError(f"expected `{kind.__name__}`, got `{type(value).__name__}`")


def _wrong(name: str, problem: str) -> str:
    return (
        f"The settings of the provider '{name}' are wrong: {problem.rstrip('.')}. "
        f"Correct [providers.{name}] in the server's settings."
    )


def _not_installed(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    meant = f"Did you mean '{near[0]}'? " if near else ""
    return (
        f"There are settings for a provider '{name}', and no such provider is installed where "
        f"kernels run. {meant}Correct [providers.{name}], or install its package there."
    )


def left_out(provider: str) -> Provider:
    """Return what stands for a provider that is switched off: it has no images, and says why."""

    class LeftOut(Provider):
        """Stands for a provider that is not wanted."""

        name: ClassVar[str] = provider

        def find(self) -> list[FoundImage]:
            return []

        def prepare(self, name: str, request: LaunchRequest) -> LaunchPlan:
            del request
            raise ImageNotFound(
                f"There is no image {name[:80]!r}: the provider '{provider}' is switched off. "
                f"Remove 'enabled = false' from [providers.{provider}]."
            )

    return LeftOut()
