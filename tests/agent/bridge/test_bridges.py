"""The bridges of an agent: a key that somebody has taken back opens nothing any more."""

from __future__ import annotations

from pathlib import Path

import zmq

from kernelyard.agent.bridge.bridges import FILE, Bridges
from kernelyard.agent.logs import Log


async def test_one_that_could_not_be_opened_again_is_closed_for_good(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("{}")
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    await Bridges(context, Log()).close("k", tmp_path)
    context.term()
    assert not (tmp_path / FILE).exists()
