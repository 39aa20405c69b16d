# Generated from src/kernelyard/client/_async/quotas.py by tools/generate_sync.py: do not edit.
# ruff: noqa: RUF100, SIM117, UP028
"""Quotas: how much everybody uses, and may use."""

from __future__ import annotations

from kernelyard.client._sync.http import Http
from kernelyard.client.decoding import decode, encode, segment
from kernelyard.client.quota_types import Quota, QuotaList


class Quotas:
    """Quotas, as ``yard.quotas``. One's own can be read by anybody; all else is for administrators."""

    def __init__(self, http: Http) -> None:
        self._http = http

    def get(self, user: str = "me") -> Quota:
        """Return what a user uses and may use; yours unless said otherwise."""
        return decode(self._http.get(f"/v1/quotas/{segment(user)}"), Quota)

    def list(self) -> QuotaList:
        """Return what all use together, and each user who has anything."""
        return decode(self._http.get("/v1/quotas"), QuotaList)

    def set(
        self,
        user: str,
        *,
        kernels: int | None = None,
        cpu: float | None = None,
        memory: int | str | None = None,
        gpu: int | None = None,
        queued_tasks: int | None = None,
        stored_bytes: int | str | None = None,
    ) -> Quota:
        """Say what one user may use, instead of all that was said of him before.

        ::

            yard.quotas.set("ada", kernels=4, memory="16GiB")

        What is left out is as the server's settings say; 0 is no limit.
        """
        said = {
            "kernels": kernels,
            "cpu": cpu,
            "memory": memory,
            "gpu": gpu,
            "queued_tasks": queued_tasks,
            "stored_bytes": stored_bytes,
        }
        body = encode({name: value for name, value in said.items() if value is not None})
        return decode(self._http.put(f"/v1/quotas/{segment(user)}", body), Quota)

    def reset(self, user: str) -> None:
        """Let a user have what the server's settings say."""
        self._http.delete(f"/v1/quotas/{segment(user)}")
