# Generated from src/kernelyard/client/_async/kernels.py by tools/generate_sync.py: do not edit.
# ruff: noqa: RUF100, SIM117, UP028
"""Kernels: make them, find them again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from os import PathLike
from typing import Any, Literal
from uuid import uuid4

from kernelyard.client._sync.http import Http
from kernelyard.client._sync.kernel import Kernel
from kernelyard.client._sync.pages import every, filters_of
from kernelyard.client._sync.tasks import LONG_POLL
from kernelyard.client.connection_files import content_of
from kernelyard.client.decoding import decode, encode, segment
from kernelyard.client.errors import NotFoundError, WaitTimeoutError
from kernelyard.client.retrying import Deadline
from kernelyard.client.types import CreatedMark, KernelInfo, Page


class Kernels:
    """All kernels that the token may see, as ``yard.kernels``."""

    def __init__(self, http: Http) -> None:
        self._http = http

    def create(  # noqa: PLR0913 - one parameter per field
        self,
        image: str = "python3",
        *,
        template: str = "default",
        name: str | None = None,
        display_name: str = "",
        environment: Mapping[str, str] | None = None,
        parameters: Mapping[str, Any] | None = None,
        path: str | None = None,
        labels: Mapping[str, str] | None = None,
        priority: int = 0,
        idempotency_key: str | None = None,
    ) -> Kernel:
        """Make a kernel and return at once, while it starts; code can be submitted already.

        ::

            kernel = yard.kernels.create("python3", environment={"SEED": "1"})

        ``environment`` wins over the template's. ``parameters`` are values for what the image's own
        ``parameters`` declare; ``path`` is the notebook that the kernel is for; a
        directory before ``/./`` in it is where the kernel starts, instead of its work directory.
        ``name`` is unique among your live kernels. Of kernels that wait for room those of a larger
        ``priority`` are first; yours may be lowered, and raised by administrators.
        """
        order = {
            "image": image,
            "template": template,
            "name": name,
            "display_name": display_name,
            "environment": dict(environment or {}),
            "parameters": dict(parameters or {}),
            "path": path,
            "labels": dict(labels or {}),
            **({"priority": priority} if priority else {}),
        }
        return self._made(order, idempotency_key)

    def get_or_create(  # noqa: PLR0913 - the same
        self,
        name: str,
        *,
        image: str = "python3",
        template: str = "default",
        display_name: str = "",
        environment: Mapping[str, str] | None = None,
        parameters: Mapping[str, Any] | None = None,
        path: str | None = None,
        labels: Mapping[str, str] | None = None,
        priority: int = 0,
        idempotency_key: str | None = None,
    ) -> Kernel:
        """Return your live kernel of this name, or make it; ``created`` tells which.

        ::

            kernel = yard.kernels.get_or_create("nightly", image="python3")
            if kernel.created:
                kernel.run("import pandas")
        """
        order = {
            "image": image,
            "template": template,
            "name": name,
            "display_name": display_name,
            "environment": dict(environment or {}),
            "parameters": dict(parameters or {}),
            "path": path,
            "labels": dict(labels or {}),
            "get_or_create": True,
            **({"priority": priority} if priority else {}),
        }
        return self._made(order, idempotency_key)

    def attach(  # noqa: PLR0913 - each says one thing about the kernel
        self,
        connection: str | PathLike[str] | Mapping[str, object],
        *,
        name: str | None = None,
        template: str = "default",
        display_name: str = "",
        labels: Mapping[str, str] | None = None,
        pid: int | None = None,
        interrupt_by: Literal["message", "signal"] = "message",
        idempotency_key: str | None = None,
    ) -> Kernel:
        """Take in a kernel that somebody else has started, by its connection file or its content.

        ::

            kernel = yard.kernels.attach("/run/user/1000/jupyter/kernel-1.json", name="theirs")
            result = kernel.run("dir()")
            kernel.terminate()  # lets go of it: it goes on, with all its variables

        It must run on the machine of the server's kernels, or be reachable from there. One that is
        attached already is returned; ``created`` tells. ``pid`` is its process, where you know it.
        Raises ConnectionFileError.
        """
        order = {
            "connection": content_of(connection),
            "template": template,
            "name": name,
            "display_name": display_name,
            "labels": dict(labels or {}),
            "pid": pid,
            "interrupt_by": interrupt_by,
        }
        return self._made(order, idempotency_key, path="/v1/kernels/attach")

    def get(self, kernel_id: str) -> Kernel:
        """Return the handle of a kernel, from whatever process made it."""
        data = self._http.get(f"/v1/kernels/{segment(kernel_id)}")
        return Kernel(self._http, decode(data, KernelInfo))

    def wait_gone(self, kernel_id: str, timeout: float | None = None) -> None:
        """Wait until nothing is left of a kernel that was deleted, and what it used is free.

        ::

            kernel.delete()
            yard.kernels.wait_gone(kernel.id)

        It does not delete it. Raises WaitTimeoutError after ``timeout``.
        """
        deadline = Deadline(timeout)
        while True:
            seconds = deadline.at_most(LONG_POLL)
            try:
                self._http.get(
                    f"/v1/kernels/{segment(kernel_id)}",
                    (("wait", "gone"), ("timeout", f"{seconds:.3f}")),
                    patience=deadline.at_most(self._http.retries.following),
                    read_timeout=seconds + 30.0,
                )
            except NotFoundError:
                return
            if deadline.passed:
                raise WaitTimeoutError(
                    f"Kernel {kernel_id} is still there after {deadline}. Wait again; if nobody has "
                    "deleted it, do so."
                )

    def list(
        self,
        *,
        state: str | Iterable[str] | None = None,
        label: Mapping[str, str] | None = None,
        name: str | None = None,
        page_size: int = 100,
    ) -> Iterator[Kernel]:
        """Yield kernels, newest first, reading page after page as they are used.

        ::

            for kernel in yard.kernels.list(state=["idle", "busy"], label={"team": "a"}):
                print(kernel.id, kernel.info.queued_tasks)
        """
        filters = filters_of(state=state, label=label, name=name)
        infos = every(self._http, "/v1/kernels", Page[KernelInfo], filters, page_size=page_size)
        for info in infos:
            yield Kernel(self._http, info)

    def _made(
        self, order: Mapping[str, object], key: str | None, path: str = "/v1/kernels"
    ) -> Kernel:
        data = self._http.post(path, encode(order), key=key or uuid4().hex)
        mark = decode(data, CreatedMark)
        return Kernel(self._http, decode(data, KernelInfo), created=mark.created)
