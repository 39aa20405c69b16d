"""Reading what is to be checked: the API's answers, and the journals on the disk."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from kernelyard.agent.checkpoint import first_behind_hole
from kernelyard.agent.holes import begin_of_data
from kernelyard.wire import journal as wire

from tests.torture.checks import Seen, Settled
from tests.torture.house import House

PAGE = 1000


class Api:
    """Plain requests to the server; none is repeated."""

    def __init__(self, house: House) -> None:
        headers = {"Authorization": f"Bearer {house.token}"}
        self._http = httpx.Client(base_url=house.url, headers=headers, timeout=60, trust_env=False)

    def close(self) -> None:
        self._http.close()

    def get(self, path: str, **params: Any) -> Any:
        """Return what is at ``path``; None if there is nothing."""
        answer = self._http.get(f"/v1/{path}", params=params)
        if answer.status_code == 404:
            return None
        assert answer.is_success, f"{path} answered {answer.status_code}: {answer.text}"
        return answer.json()

    def post(self, path: str, body: Any, key: str) -> tuple[int, dict[str, Any]]:
        """Post with an idempotency key; return status and answer."""
        answer = self._http.post(f"/v1/{path}", json=body, headers={"Idempotency-Key": key})
        return answer.status_code, answer.json()

    def delete(self, path: str) -> int:
        """Delete; return the status."""
        return self._http.delete(f"/v1/{path}").status_code

    def records(self, kernel_id: str, after: int = 0) -> list[Seen]:
        """Everything that happened on a kernel after a number."""
        found: list[Seen] = []
        while True:
            page = self.get(f"kernels/{kernel_id}/outputs", after=after, limit=PAGE)
            items = [_seen(one) for one in page["items"]]
            if not items:
                return found
            found += items
            after = items[-1].number

    def tasks(self, kernel_id: str) -> dict[str, list[Settled]]:
        """The tasks of a kernel by the keys of their jobs."""
        found: dict[str, list[Settled]] = {}
        for one in self.pages(f"kernels/{kernel_id}/tasks"):
            error = one.get("error") or {}
            told = f"{error.get('name')}: {error.get('value')}" if error else None
            task = Settled(one["id"], one["number"], one["state"], one.get("reason"), told)
            found.setdefault(one["labels"].get("job", one["id"]), []).append(task)
        return found

    def pages(self, path: str) -> Iterator[dict[str, Any]]:
        """Every item of a list."""
        cursor: dict[str, str] = {}
        while True:
            page = self.get(path, limit=200, **cursor)
            yield from page["items"]
            if not page.get("next_cursor"):
                return
            cursor = {"cursor": page["next_cursor"]}


def journal_of(data_dir: Path, kernel_id: str) -> list[Seen]:
    """Every record that lies on the disk; the head may have been cut away after it was stored."""
    path = data_dir / "agent" / "kernels" / kernel_id / "journal"
    with path.open("rb") as file:
        if begin_of_data(file.fileno()):
            first = first_behind_hole(file.fileno())
            file.seek(first[1] if first else 0, os.SEEK_SET)
        data = file.read()
    records, taken = wire.split(data)
    assert taken == len(data), f"the journal of {kernel_id} ends in the middle of a record"
    return [Seen(one.number, one.seq, one.kind.value, json.loads(one.body)) for one in records]


def _seen(item: dict[str, Any]) -> Seen:
    return Seen(item["number"], item["task"], item["kind"], item["content"])
