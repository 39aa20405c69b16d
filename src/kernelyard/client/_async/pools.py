"""Pools: kernels that are ready before anybody asks for them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import urlencode

from kernelyard.client._async.http import AsyncHttp
from kernelyard.client._async.pages import every
from kernelyard.client.decoding import decode, encode
from kernelyard.client.pool_types import Pool
from kernelyard.client.types import Page


class AsyncPools:
    """The pools that serve us, as ``yard.pools``. An administrator's serve everybody."""

    def __init__(self, http: AsyncHttp) -> None:
        self._http = http

    async def set(
        self,
        image: str,
        *,
        template: str = "default",
        size: int = 1,
        least: int | None = None,
        most: int | None = None,
    ) -> Pool:
        """Keep ``size`` kernels ready from now on; demand moves that between ``least`` and ``most``.

        ::

            await yard.pools.set("python3", size=4)
        """
        body = encode(
            {"image": image, "template": template, "size": size, "min": least, "max": most}
        )
        return decode(await self._http.put("/v1/pools", body), Pool)

    def list(self) -> AsyncIterator[Pool]:
        """Yield the pools that serve us; all of them for an administrator."""
        return every(self._http, "/v1/pools", Page[Pool], [], page_size=1000)

    async def remove(
        self, image: str, *, template: str = "default", owner: str | None = None
    ) -> None:
        """Keep none ready any more; what waits is ended. ``owner`` is for administrators."""
        named = {"image": image, "template": template} | ({"owner": owner} if owner else {})
        await self._http.delete(f"/v1/pools?{urlencode(named)}")
