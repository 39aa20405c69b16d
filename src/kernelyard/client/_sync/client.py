# Generated from src/kernelyard/client/_async/client.py by tools/generate_sync.py: do not edit.
# ruff: noqa: RUF100, SIM117, UP028
"""The client: one server, and everything on it."""

from __future__ import annotations

import os
from types import TracebackType
from typing import Self

import httpx

from kernelyard.client._sync.events import Events
from kernelyard.client._sync.http import Http
from kernelyard.client._sync.images import Images
from kernelyard.client._sync.kernels import Kernels
from kernelyard.client._sync.pools import Pools
from kernelyard.client._sync.quotas import Quotas
from kernelyard.client._sync.tasks import Tasks
from kernelyard.client._sync.templates import Templates
from kernelyard.client._sync.tokens import Tokens
from kernelyard.client._sync.users import Audit, Users
from kernelyard.client.decoding import decode
from kernelyard.client.faults import error_of
from kernelyard.client.people_types import WhoAmI
from kernelyard.client.retrying import RetryPolicy
from kernelyard.client.settings import find_server
from kernelyard.client.types import Health
from kernelyard.client.zygote_types import ZygoteList


class Client:
    """A client of one kernelyard server.

    Without arguments it uses ``KERNELYARD_URL`` and ``KERNELYARD_TOKEN``, or else the server that
    runs on this machine.

    ::

        with Client() as yard:
            kernel = yard.kernels.create(image="python3")
            task = kernel.submit("print('hello')")
            for output in task.follow():
                print(output.text, end="")
            result = task.wait()

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
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """``data_dir`` finds the local server of that data directory; ``timeout`` is how many
        seconds a connection may stay silent; ``transport`` replaces the network in tests."""
        self._http = Http(
            find_server(url, token, data_dir=data_dir),
            timeout=timeout,
            retries=retries or RetryPolicy(),
            transport=transport,
        )
        self.kernels = Kernels(self._http)
        self.tasks = Tasks(self._http)
        self.events = Events(self._http)
        self.images = Images(self._http)
        self.templates = Templates(self._http)
        self.pools = Pools(self._http)
        self.quotas = Quotas(self._http)
        self.tokens = Tokens(self._http)
        self.users = Users(self._http)
        self.audit = Audit(self._http)

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

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections to the server; nothing there ends by this."""
        self._http.close()

    def whoami(self) -> WhoAmI:
        """Return whom the server takes us for, and its version."""
        return decode(self._http.get("/v1/whoami"), WhoAmI)

    def zygotes(self) -> ZygoteList:
        """Return the processes from which kernels are forked; for administrators."""
        return decode(self._http.get("/v1/zygotes"), ZygoteList)

    def health(self) -> Health:
        """Return whether the server can work; asks once and needs no token.

        Raises ConnectionFailedError if nothing answers.
        """
        status, body = self._http.glance("/readyz")
        if status == 200:
            return Health(ready=True)
        error = error_of(status, {}, body, f"{self.url}/readyz")
        if status == 503:
            return Health(ready=False, detail=error.detail)
        raise error
