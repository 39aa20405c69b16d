"""A page of outputs as an answer: whole when it is small, piece by piece when it is large."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from starlette.responses import Response

from kernelyard.doors.native.splice import PIECE, joined, page_pieces
from kernelyard.doors.native.stream import Streamed
from kernelyard.model.outputs import OutputPage

_JSON = "application/json"


def page_answer(page: OutputPage) -> Response:
    """Return the answer that carries ``page``; the bytes of a large one are never held twice."""
    if sum(len(record.body) for record in page.records) <= PIECE:
        return Response(b"".join(page_pieces(page)), media_type=_JSON)
    return Streamed(_pieces(page), _JSON)


async def _pieces(page: OutputPage) -> AsyncGenerator[bytes, None]:
    for piece in joined(page_pieces(page)):
        yield piece
