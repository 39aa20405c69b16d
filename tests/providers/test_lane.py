"""A lane has room for some questions at once, and gets that room back."""

from __future__ import annotations

import threading

import pytest

from kernelyard.providers.lane import MOST_OPEN, Lane

from tests.support.misfit_providers import entry


async def test_a_question_for_which_there_is_no_thread_takes_no_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lane = Lane(entry("good", "WellBehaved"))

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        for _ in range(MOST_OPEN):
            with pytest.raises(RuntimeError, match="new thread"):
                await lane.call(lambda provider: provider.name, 5)
    assert await lane.call(lambda provider: provider.name, 5) == "good"
