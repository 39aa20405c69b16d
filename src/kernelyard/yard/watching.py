"""Watching: reading again whenever the bell rings, and now and then without it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from kernelyard.model.errors import Unavailable
from kernelyard.yard.sharing import Batch, Crowds, E, Followed, N

SIGN_OF_LIFE_SECONDS = 15.0
_SOON_SECONDS = 0.02
LEAVING = "This server is stopping. Follow again with the last number; nothing is lost."


async def watch(
    crowds: Crowds[N, E],
    followed: Followed[N, E],
    after: int,
    *,
    poll: float = SIGN_OF_LIFE_SECONDS,
    pace: float = 0.0,
    sign: float = SIGN_OF_LIFE_SECONDS,
) -> AsyncGenerator[Batch[N, E], None]:
    """Yield what comes after number ``after``; an empty batch every ``sign`` seconds of silence.

    It is read when the topic rings, at the latest after ``poll`` seconds, and again after a read has
    brought something; once for all who follow the same and stand at the same number.
    However often the topic rings, ``pace`` seconds lie between two reads that bring nothing, and the
    more listen to the topic, the less often they read. The last batch is the one that has an end.
    Raises Unavailable when the server is about to stop.
    """
    topic, bell = followed.topic, crowds.bell
    now = asyncio.get_running_loop().time
    spoke, earliest = now(), 0.0
    with crowds.joined(followed) as crowd:
        while True:
            batch = await crowd.read(after, earliest)
            mark, began, more, ended = batch.mark, batch.began, batch.more, batch.end is not None
            if batch:
                after = batch[-1].number
            told = bool(batch) or ended or now() - spoke >= sign
            if told:
                yield batch
                spoke = now()
            # While it waits, a follower holds nothing of what it was given.
            del batch
            if ended:
                return
            if told:
                pause = crowds.pace(topic)
                earliest = 0.0 if more else began + pause
                # That was mostly all there is: few wait for a ring, many for the read that they share.
                if not more and 2 * pause < _SOON_SECONDS:
                    await bell.wait(topic, mark, _SOON_SECONDS)
            elif bell.muffled:
                raise Unavailable(LEAVING)
            elif await bell.wait(topic, mark, min(poll, spoke + sign - now())):
                earliest = began + max(pace, crowds.pace(topic))
