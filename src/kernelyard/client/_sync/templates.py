# Generated from src/kernelyard/client/_async/templates.py by tools/generate_sync.py: do not edit.
# ruff: noqa: RUF100, SIM117, UP028
"""Templates: resources and limits that kernels are made with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, TypedDict, Unpack

from kernelyard.client._sync.http import Http
from kernelyard.client._sync.pages import every
from kernelyard.client.decoding import decode, encode, segment
from kernelyard.client.types import Page, Template


class TemplateFields(TypedDict, total=False):
    """What a template can say. What is left out stays as it is, or without limit."""

    display_name: str
    milli_cpu_limit: int
    """Thousandths of a processor."""
    cpu_seconds_limit: int
    """Processor time that one process may use in all."""
    memory_bytes_limit: int | str
    """Bytes, or a size such as ``1Gi``, ``512MiB``, ``4g``."""
    processes_limit: int
    """Processes and threads at once."""
    file_bytes_limit: int | str
    """Size of any one file."""
    gpu: int
    storage_bytes: int | str
    environment: Mapping[str, str]
    max_idle_duration: float | str | None
    """Seconds, or a duration such as ``1h``, ``90s``; None for no limit."""
    max_life_duration: float | str | None
    """Counted from the first launch."""
    attached_keeps_alive: bool
    """Whether a client that follows the kernel keeps it from being idle."""
    restart_policy: Literal["never", "on-death"]
    """Whether a kernel whose process died is started again."""
    queue_on_death: Literal["keep", "cancel"]
    """What becomes of queued tasks when it is started again."""
    preload: Sequence[str]
    """Modules that the process has imported from which kernels are forked."""
    start: Literal["auto", "exec"]
    """``exec``: each kernel is started as a new program."""
    engine_options: Mapping[str, Any]
    """For administrators."""
    pod: Mapping[str, Any]
    """For engines that run kernels in pods: ``milli_cpu_request``, ``memory_bytes_request``,
    ``gpu_resource``, ``storage_class`` and ``manifest``, a part of a pod's in YAML."""
    disabled: bool


class Templates:
    """All templates, as ``yard.templates``. Changes are for administrators."""

    def __init__(self, http: Http) -> None:
        self._http = http

    def create(self, name: str, **fields: Unpack[TemplateFields]) -> Template:
        """Make a template.

        ::

            yard.templates.create("small", memory_bytes_limit="1Gi", max_idle_duration="1h")
        """
        body = encode({"name": name, **fields})
        return decode(self._http.post("/v1/templates", body), Template)

    def get(self, name: str) -> Template:
        """Return one template."""
        return decode(self._http.get(_path(name)), Template)

    def list(self, *, page_size: int = 100) -> Iterator[Template]:
        """Yield all templates, reading page after page as they are used."""
        return every(self._http, "/v1/templates", Page[Template], [], page_size=page_size)

    def update(self, name: str, **fields: Unpack[TemplateFields]) -> Template:
        """Change what is given; kernels that exist keep what they were made with."""
        return decode(self._http.patch(_path(name), encode(fields)), Template)

    def delete(self, name: str) -> None:
        """Remove a template; kernels that exist keep what they were made with."""
        self._http.delete(_path(name))


def _path(name: str) -> str:
    return f"/v1/templates/{segment(name)}"
