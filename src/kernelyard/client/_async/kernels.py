"""Kernels: make them, find them again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from os import PathLike
from typing import Any, Literal
from uuid import uuid4

from kernelyard.client._async.http import AsyncHttp
from kernelyard.client._async.kernel import AsyncKernel
from kernelyard.client._async.pages import every, filters_of
from kernelyard.client._async.tasks import LONG_POLL
from kernelyard.client.connection_files import content_of
from kernelyard.client.decoding import decode, encode, segment
from kernelyard.client.errors import NotFoundError, WaitTimeoutError
from kernelyard.client.retrying import Deadline
from kernelyard.client.types import CreatedMark, KernelInfo, Page


class AsyncKernels:
    """All kernels that the token may see, as ``yard.kernels``."""

    def __init__(self, http: AsyncHttp) -> None:
        self._http = http

    async def create(  # noqa: PLR0913 - one parameter per field
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
    ) -> AsyncKernel:
        """Make a kernel and return at once, while it starts; code can be submitted already.

        ::

            kernel = await yard.kernels.create("python3", environment={"SEED": "1"})

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
        return await self._made(order, idempotency_key)

    async def get_or_create(  # noqa: PLR0913 - the same
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
    ) -> AsyncKernel:
        """Return your live kernel of this name, or make it; ``created`` tells which.

        ::

            kernel = await yard.kernels.get_or_create("nightly", image="python3")
            if kernel.created:
                await kernel.run("import pandas")
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
        return await self._made(order, idempotency_key)

    async def attach(  # noqa: PLR0913 - each says one thing about the kernel
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
    ) -> AsyncKernel:
        """Take in a kernel that somebody else has started, by its connection file or its content.

        ::

            kernel = await yard.kernels.attach("/run/user/1000/jupyter/kernel-1.json", name="theirs")
            result = await kernel.run("dir()")
            await kernel.terminate()  # lets go of it: it goes on, with all its variables

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
        return await self._made(order, idempotency_key, path="/v1/kernels/attach")

    async def get(self, kernel_id: str) -> AsyncKernel:
        """Return the handle of a kernel, from whatever process made it."""
        data = await self._http.get(f"/v1/kernels/{segment(kernel_id)}")
        return AsyncKernel(self._http, decode(data, KernelInfo))

    async def wait_gone(self, kernel_id: str, timeout: float | None = None) -> None:
        """Wait until nothing is left of a kernel that was deleted, and what it used is free.

        ::

            await kernel.delete()
            await yard.kernels.wait_gone(kernel.id)

        It does not delete it. Raises WaitTimeoutError after ``timeout``.
        """
        deadline = Deadline(timeout)
        while True:
            seconds = deadline.at_most(LONG_POLL)
            try:
                await self._http.get(
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

    async def list(
        self,
        *,
        state: str | Iterable[str] | None = None,
        label: Mapping[str, str] | None = None,
        name: str | None = None,
        page_size: int = 100,
    ) -> AsyncIterator[AsyncKernel]:
        """Yield kernels, newest first, reading page after page as they are used.

        ::

            async for kernel in yard.kernels.list(state=["idle", "busy"], label={"team": "a"}):
                print(kernel.id, kernel.info.queued_tasks)
        """
        filters = filters_of(state=state, label=label, name=name)
        infos = every(self._http, "/v1/kernels", Page[KernelInfo], filters, page_size=page_size)
        async for info in infos:
            yield AsyncKernel(self._http, info)

    async def _made(
        self, order: Mapping[str, object], key: str | None, path: str = "/v1/kernels"
    ) -> AsyncKernel:
        data = await self._http.post(path, encode(order), key=key or uuid4().hex)
        mark = decode(data, CreatedMark)
        return AsyncKernel(self._http, decode(data, KernelInfo), created=mark.created)
