"""Settings: every knob of the server with its meaning, and where each value came from.

Flags are stronger than the environment (``KERNELYARD_…``), which is stronger than a TOML file, which
is stronger than the defaults. A name that is not a setting is refused, wherever it stands.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import platformdirs
from pydantic import (
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
)

from kernelyard.forking_settings import ForkingSettings
from kernelyard.identity_settings import IdentitySettings
from kernelyard.model.errors import Invalid
from kernelyard.model.pools import declared_pools
from kernelyard.quota_settings import QuotaSettings
from kernelyard.setting_values import Keeping, Seconds, Size, Tables, as_written, tables_of

PREFIX = "KERNELYARD_"
CLIENT_VARIABLES = frozenset(
    {
        "KERNELYARD_URL",
        "KERNELYARD_TOKEN",
        "KERNELYARD_CONFIG",
        # What code finds, or what was asked for, where a server is started on a kernel.
        "KERNELYARD_KERNEL_ID",
        "KERNELYARD_IPYTHON_HISTORY",
    }
)
"""Names with our prefix that are not settings of the server."""
TABLES = frozenset({"providers", "pools"})
"""Settings that have a table for each of several things."""
ENVIRONMENT_ONLY = frozenset({"admin_token", "store_url"})
"""Secrets: not in a file that may be shared, nor in a command line that others can list."""


class Settings(ForkingSettings, IdentitySettings, QuotaSettings):
    """The server's settings. Frozen; only ``load`` looks at the environment and at files."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)

    data_dir: Path = Field(
        default_factory=lambda: Path(platformdirs.user_data_dir("kernelyard")),
        description="Directory that holds everything: database, journals, work directories, token.",
    )
    host: str = Field(
        "127.0.0.1",
        min_length=1,
        description="Address to listen on. Beyond loopback an administrator's token must exist.",
    )
    port: int = Field(
        8700, ge=0, le=65_535, description="Port to listen on; 0 picks a free one and prints it."
    )
    base_url: str = Field(
        "/", description="Path that all addresses begin with, such as /yard behind a proxy."
    )
    public_url: str = Field(
        "",
        pattern=r"^(https?://[^\s?#@]+)?$",
        max_length=500,
        description="Address under which clients reach this server where it is not the one that they "
        "send requests to, such as https://kernels.example.org/yard behind a proxy; with the path of "
        "base_url. It is told to clients that look for services.",
    )
    admin_token: SecretStr | None = Field(
        None,
        description="The administrator's token. Only from the environment; one is made at first "
        "start if neither this nor admin_token_file is given.",
    )
    admin_token_file: Path | None = Field(
        None, description="File that holds the administrator's token, such as a mounted secret."
    )
    log_json: bool = Field(False, description="Write logs as one JSON object per line.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="How much is logged."
    )
    stop_kernels_on_exit: bool = Field(
        False, description="End all kernels and the agent when the server ends."
    )
    body_limit: Size = Field(
        as_written("16MiB"), description="Largest request body, such as 16MiB; 0 for no limit."
    )
    websocket_message_limit: Size = Field(
        as_written("128MiB"),
        gt=0,
        le=200 * 1024 * 1024,
        description="Largest message that a WebSocket client may send, such as 128MiB; 200MiB at most.",
    )
    websocket_origins: str = Field(
        "",
        description="Origins of pages elsewhere that may open WebSockets, such as "
        "https://lab.example.org, separated by commas; * for all. Pages of this server always may.",
    )
    task_output_limit: Size = Field(
        as_written("1GiB"),
        description="Bytes of output kept per task, such as 1GiB; what is over it is cut and "
        "counted in a mark. 0 for no limit.",
    )
    kernel_log_limit: Size = Field(
        as_written("10MiB"),
        description="Bytes kept of what a kernel's process prints beside its outputs, the last ones; "
        "0 for no limit.",
    )
    keep_outputs: Keeping = Field(
        0.0,
        description="How long outputs and files of ended kernels are kept, such as 30d; then they are "
        "removed, and what became of kernels and tasks stays. 0 for ever.",
    )
    keep_outputs_bytes: Size = Field(
        0,
        description="Bytes of outputs of ended kernels that are kept, such as 50GiB; beyond that the "
        "oldest are removed with the kernel's files. 0 for no limit.",
    )
    keep_kernels: Keeping = Field(
        0.0,
        description="How long ended kernels and their tasks are kept at all, such as 365d; then they "
        "are deleted. 0 for ever.",
    )
    keep_audit: Keeping = Field(
        0.0, description="How long the audit trail is kept, such as 365d. 0 for ever."
    )
    kernel_start_timeout: Seconds = Field(
        as_written("60s"),
        description="How long a kernel may take to answer for the first time, such as 60s.",
    )
    user_pool_kernels: int = Field(
        4,
        ge=0,
        description="Most kernels that all pools of one user may keep ready together; with 0 only "
        "administrators set pools.",
    )
    external_connection_dir: Path | None = Field(
        None,
        description="Directory on the kernels' machine with connection files of kernels that others "
        "start, such as Jupyter's runtime directory: they are attached as they appear.",
    )
    store: str = Field(
        "sqlite",
        min_length=1,
        description="Where rows are kept: a name of the entry-point group kernelyard.stores.",
    )
    store_url: SecretStr | None = Field(
        None,
        description="Address of the store's database, such as postgresql://user:password@host/name. "
        "Only from the environment, for it may hold a password.",
    )
    store_url_file: Path | None = Field(
        None,
        description="File that holds the address of the store's database, such as a mounted secret.",
    )
    engine: str = Field(
        "local",
        min_length=1,
        description="Where kernels run: a name of the entry-point group kernelyard.engines.",
    )
    agent_idle_exit: Seconds = Field(
        as_written("5m"),
        description="The agent ends by itself after this long without a kernel and a server.",
    )
    providers: Tables = Field(
        as_written(""),
        description="Settings of providers, a table for each: in the file [providers.NAME], elsewhere "
        "TOML or JSON such as 'virtualenv.folders = [\"~/envs\"]'. What a flag or the environment says "
        "is added to the file's.",
    )
    pools: Tables = Field(
        as_written(""),
        description="Kernels that are kept ready for everybody, a table for each kind: in the file "
        "[pools.NAME], elsewhere TOML or JSON such as 'py.image = \"python3\"'; with image, template, "
        "size, min and max. What a flag or the environment says is added to the file's.",
    )
    image_refresh: Seconds = Field(
        as_written("60s"),
        description="The agent looks at least this often for images that are new or gone, such as 60s; "
        "where it can watch directories, at once. Holds from the agent's next start.",
    )
    allow_insecure_parameters: bool = Field(
        False,
        description="Let callers set launch parameters that may be anything, and list images that "
        "need such. Holds from the agent's next start.",
    )
    quirks_file: Path | None = Field(
        None,
        description="TOML file with what is peculiar about kernels; quirks.toml in the data directory "
        "unless given. Another file holds from the agent's next start, a changed one from the next "
        "kernel's.",
    )
    max_output_page: int = Field(
        1000, ge=1, le=100_000, description="Most outputs in one page of a task's outputs."
    )

    @field_validator(
        "data_dir", "admin_token_file", "store_url_file", "external_connection_dir", "quirks_file"
    )
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        return None if value is None else value.expanduser().resolve()

    @field_validator("base_url")
    @classmethod
    def _slashed(cls, value: str) -> str:
        """Begin and end with a slash: ``/`` or ``/yard/``."""
        inner = value.strip("/")
        if "//" in inner or any(part in {".", ".."} for part in inner.split("/")):
            raise ValueError("write a path such as / or /yard, without empty parts and dots")
        if not all(character.isalnum() or character in "/-._~" for character in inner):
            raise ValueError("write a path of letters, digits and any of / - . _ ~")
        return f"/{inner}/" if inner else "/"

    @field_validator("pools")
    @classmethod
    def _of_pools(cls, value: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        try:
            declared_pools(value)
        except Invalid as error:
            raise ValueError(error.message.removesuffix(".")) from error
        return value

    @staticmethod
    def load(
        flags: Mapping[str, Any] | None = None, *, config: Path | None = None
    ) -> LoadedSettings:
        """Return the effective settings and the source of each. Raises Invalid.

        ``flags`` that are None were not given. ``config`` is the TOML file that ``--config`` named;
        without it ``KERNELYARD_CONFIG`` and then the user's own file are looked at.
        """
        given = {name: value for name, value in (flags or {}).items() if value is not None}
        for name in given:
            _known(name, "the flags")
        file = config_file(config)
        values: dict[str, Any] = {}
        sources = dict.fromkeys(Settings.model_fields, "default")
        for source, layer in (
            (f"file {file}", _file_values(file)),
            ("environment", _environment_values()),
            ("flag", given),
        ):
            values |= _with_tables(layer, values, source)
            sources |= dict.fromkeys(layer, source)
        return LoadedSettings(settings=_built(values, sources), sources=sources, config_file=file)


@dataclass(frozen=True, slots=True)
class LoadedSettings:
    """Settings with the source of each: ``flag``, ``environment``, ``file PATH`` or ``default``."""

    settings: Settings
    sources: dict[str, str]
    config_file: Path | None = None


def config_file(named: Path | None) -> Path | None:
    """Return the TOML file to read; None if none was named and the user has none."""
    if named is None and os.environ.get("KERNELYARD_CONFIG"):
        named = Path(os.environ["KERNELYARD_CONFIG"])
    if named is not None:
        return named.expanduser()
    own = Path(platformdirs.user_config_dir("kernelyard")) / "kernelyard.toml"
    return own if own.is_file() else None


def variable_of(name: str) -> str:
    """The environment variable of a setting."""
    return PREFIX + name.upper()


def flag_of(name: str) -> str:
    """The flag of a setting."""
    return "--" + name.replace("_", "-")


def _file_values(file: Path | None) -> dict[str, Any]:
    if file is None:
        return {}
    try:
        values = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise Invalid(
            f"The settings file {file} cannot be read: {error.strerror}. "
            "Correct --config or KERNELYARD_CONFIG.",
            field="config",
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Invalid(f"The settings file {file} is not TOML: {error}.", field="config") from error
    for name in values:
        _known(name, str(file))
        if name in ENVIRONMENT_ONLY:
            raise Invalid(
                f"'{name}' may not stand in {file}: set {variable_of(name)}, or name a file of "
                f"mode 0600 with '{name}_file'.",
                field=name,
            )
    return values


def _with_tables(layer: dict[str, Any], below: Mapping[str, Any], source: str) -> dict[str, Any]:
    """Return ``layer`` with its tables laid over those below it, key by key. Raises Invalid."""
    laid = dict(layer)
    for name in TABLES & layer.keys():
        upper, lower = _tables(name, layer[name], source), below.get(name, {})
        laid[name] = lower | {key: lower.get(key, {}) | table for key, table in upper.items()}
    return laid


def _tables(name: str, value: Any, source: str) -> dict[str, dict[str, Any]]:
    """What one source says of a setting that has tables. Raises Invalid, which names that source."""
    where = _source_text(name, source)
    try:
        tables = tables_of(value)
    except ValueError as error:
        raise Invalid(f"The setting '{name}' (from {where}): {error}.", field=name) from error
    if not isinstance(tables, dict):
        raise Invalid(f"The setting '{name}' (from {where}) must be a table of tables.", field=name)
    for key, table in tables.items():
        if not isinstance(table, dict):
            raise Invalid(f"The setting '{name}.{key}' (from {where}) must be a table.", field=name)
    return tables


def _environment_values() -> dict[str, Any]:
    known = {variable_of(field) for field in Settings.model_fields} | CLIENT_VARIABLES
    for variable in os.environ:
        if variable.startswith(PREFIX) and variable not in known:
            raise Invalid(
                f"The environment variable {variable} is not a setting."
                f"{_nearest(variable, known)} Unset it or correct its name.",
                field=variable.removeprefix(PREFIX).lower(),
            )
    given = ((name, os.environ.get(variable_of(name))) for name in Settings.model_fields)
    return {name: text for name, text in given if text}


def _known(name: str, where: str) -> None:
    if name not in Settings.model_fields:
        raise Invalid(
            f"'{name}' in {where} is not a setting.{_nearest(name, set(Settings.model_fields))} "
            "Remove it or correct its name; 'kernelyard doctor' lists every setting.",
            field=name,
        )


def _nearest(name: str, known: set[str]) -> str:
    close = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.5)
    return f" Did you mean '{close[0]}'?" if close else ""


def _built(values: dict[str, Any], sources: dict[str, str]) -> Settings:
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        name = str(problem["loc"][0])
        secret = name in ENVIRONMENT_ONLY or name == "providers"
        said = "" if secret else f" is {str(values.get(name))[:80]!r}:"
        raise Invalid(
            f"The setting '{'.'.join(map(str, problem['loc']))}' (from {_source_text(name, sources[name])}){said} "
            f"{problem['msg'].removeprefix('Value error, ')}.",
            field=name,
        ) from error


def _source_text(name: str, source: str) -> str:
    match source:
        case "flag":
            return flag_of(name)
        case "environment":
            return variable_of(name)
        case _:
            return source
