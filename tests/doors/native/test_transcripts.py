"""Whole conversations, word for word: what a client sends and what it gets.

A transcript is a text file of requests (``>>>``, with a JSON body on the next line if there is one)
and answers (``<<<``). Ids are written ``<id-1>``, ``<id-2>`` … in the order in which they first come
up, and times ``<time>``; both may be used in requests.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import httpx
import pytest

from tests.support.http_house import House

TRANSCRIPTS = {
    path.stem: path.read_text("utf-8")
    for path in sorted((Path(__file__).parent / "transcripts").glob("*.txt"))
}
REQUEST = re.compile(r"^>>> (\w+) (\S+)(?: (\S+: \S+))?\n(?:(\{.*\})\n)?", re.MULTILINE)
ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{32}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


class Names:
    """Writes ids as numbers in the order in which they come up, and reads them back."""

    def __init__(self) -> None:
        self._ids: list[str] = []

    def written(self, text: str) -> str:
        return ID.sub(self._number, TIME.sub("<time>", text))

    def read(self, text: str) -> str:
        return re.sub(r"<id-(\d+)>", lambda m: self._ids[int(m[1]) - 1], text)

    def _number(self, match: re.Match[str]) -> str:
        if match[0] not in self._ids:
            self._ids.append(match[0])
        return f"<id-{self._ids.index(match[0]) + 1}>"


async def played(client: httpx.AsyncClient, transcript: str) -> str:
    """Send the requests of a transcript; return it with the answers of now."""
    names, lines = Names(), []
    for method, path, header, body in REQUEST.findall(transcript):
        headers = dict([header.split(": ", 1)]) if header else {}
        answer = await client.request(
            method,
            names.read(path),
            json=json.loads(names.read(body)) if body else None,
            headers=headers,
        )
        lines.append(f">>> {method} {path}{' ' + header if header else ''}\n")
        lines.append(f"{body}\n" if body else "")
        kind = answer.headers.get("content-type", "")
        lines.append(f"<<< {answer.status_code} {kind}".rstrip() + "\n")
        text = json.dumps(answer.json(), indent=2) if kind.endswith("json") else answer.text
        lines.append(names.written(text).strip() + "\n\n")
    return "".join(lines)


@pytest.mark.parametrize("name", TRANSCRIPTS)
async def test_a_conversation_goes_word_for_word(house: House, name: str) -> None:
    assert await played(house.client, TRANSCRIPTS[name]) == TRANSCRIPTS[name]
