"""The client: one server, and everything on it."""

from __future__ import annotations

import os
from types import TracebackType
from typing import Self

import httpx

from kernelyard.client._async.events import AsyncEvents
from kernelyard.client._async.http import AsyncHttp
from kernelyard.client._async.images import AsyncImages
from kernelyard.client._async.kernels import AsyncKernels
from kernelyard.client._async.pools import AsyncPools
from kernelyard.client._async.quotas import AsyncQuotas
from kernelyard.client._async.tasks import AsyncTasks
from kernelyard.client._async.templates import AsyncTemplates
from kernelyard.client._async.tokens import AsyncTokens
from kernelyard.client._async.users import AsyncAudit, AsyncUsers
from kernelyard.client.decoding import decode
from kernelyard.client.faults import error_of
from kernelyard.client.people_types import WhoAmI
from kernelyard.client.retrying import RetryPolicy
from kernelyard.client.settings import find_server
from kernelyard.client.types import Health
from kernelyard.client.zygote_types import ZygoteList


class AsyncClient:
    """A client of one kernelyard server.

    Without arguments it uses ``KERNELYARD_URL`` and ``KERNELYARD_TOKEN``, or else the server that
    runs on this machine.

    ::

        async with AsyncClient() as yard:
            kernel = await yard.kernels.create(image="python3")
            task = await kernel.submit("print('hello')")
            async for output in task.follow():
                print(output.text, end="")
            result = await task.wait()

    Kernels and tasks live on when the client is closed; get them again by their ids.
    """

    def __init__(
        self,
        url: str | None = None,
        token: str | None = None,
        *,
        data_dir: str | os.PathLike[str] | None = None,
        timeout: float = 30.0,
        retries: RetryPolicy | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """``data_dir`` finds the local server of that data directory; ``timeout`` is how many
        seconds a connection may stay silent; ``transport`` replaces the network in tests."""
        self._http = AsyncHttp(
            find_server(url, token, data_dir=data_dir),
            timeout=timeout,
            retries=retries or RetryPolicy(),
            transport=transport,
        )
        self.kernels = AsyncKernels(self._http)
        self.tasks = AsyncTasks(self._http)
        self.events = AsyncEvents(self._http)
        self.images = AsyncImages(self._http)
        self.templates = AsyncTemplates(self._http)
        self.pools = AsyncPools(self._http)
        self.quotas = AsyncQuotas(self._http)
        self.tokens = AsyncTokens(self._http)
        self.users = AsyncUsers(self._http)
        self.audit = AsyncAudit(self._http)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.url}>"

    @property
    def url(self) -> str:
        """The server's address."""
        return self._http.address.url

    @property
    def is_local(self) -> bool:
        """Whether the server is on this machine, as far as its address tells."""
        return self._http.address.is_loopback

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections to the server; nothing there ends by this."""
        await self._http.close()

    async def whoami(self) -> WhoAmI:
        """Return whom the server takes us for, and its version."""
        return decode(await self._http.get("/v1/whoami"), WhoAmI)

    async def zygotes(self) -> ZygoteList:
        """Return the processes from which kernels are forked; for administrators."""
        return decode(await self._http.get("/v1/zygotes"), ZygoteList)

    async def health(self) -> Health:
        """Return whether the server can work; asks once and needs no token.

        Raises ConnectionFailedError if nothing answers.
        """
        status, body = await self._http.glance("/readyz")
        if status == 200:
            return Health(ready=True)
        error = error_of(status, {}, body, f"{self.url}/readyz")
        if status == 503:
            return Health(ready=False, detail=error.detail)
        raise error
