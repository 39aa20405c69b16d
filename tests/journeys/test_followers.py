"""Many follow one task, some never read, some are cut again and again; each is told everything once."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import psutil

from kernelyard import AsyncClient, Client

from tests.support.cutting_proxy import cutting_proxy
from tests.support.live_server import LiveServer
from tests.support.raw_followers import RawFollower, Told

MEGABYTE = 1_000_000
PRINTING = "import time\nfor i in range({count}): print(i, flush=True); time.sleep({pause})"
FLOODING = "for i in range(800): print('x' * 50_000, flush=True)"
"""Under a thousand messages: more at once may overflow the kernel's own socket, which throws them away."""


def in_order(told: Told) -> bool:
    """Whether no number is missing and none comes twice."""
    return told.numbers == list(range(told.numbers[0], told.numbers[0] + len(told.numbers)))


def memory_of(pid: int) -> int:
    return int(psutil.Process(pid).memory_info().rss)


async def test_two_hundred_followers_of_one_task_are_each_told_every_line_once(
    live: LiveServer, yard: Client
) -> None:
    kernel = yard.kernels.create(image="python3").wait_ready()
    task = kernel.submit(PRINTING.format(count=300, pause=0.01))
    following = []
    for _ in range(200):
        follower = await RawFollower.of(live.url, live.token, task.id)
        following.append(asyncio.create_task(follower.read_on()))
    for told in await asyncio.gather(*following):
        assert told.end == "succeeded"
        assert in_order(told)
        assert told.text == "".join(f"{i}\n" for i in range(300))
    kernel.delete()


async def test_followers_that_never_read_cost_no_memory_and_delay_nobody(
    live: LiveServer, yard: Client
) -> None:
    kernel = yard.kernels.create(image="python3").wait_ready()
    warm = await RawFollower.of(live.url, live.token, kernel.submit(FLOODING).id)
    await warm.read_on()
    before = memory_of(live.pid)

    task = kernel.submit(FLOODING)
    async with AsyncExitStack() as stack:
        stuck = [await RawFollower.of(live.url, live.token, task.id, room=65536) for _ in range(20)]
        for follower in stuck:
            stack.callback(follower.hang_up)
        reading = await RawFollower.of(live.url, live.token, task.id)
        told = await reading.read_on()
        assert told.end == "succeeded"
        assert in_order(told)
        assert told.text.count("x") == 40 * MEGABYTE
        # 800 MB for all of them, if what they do not take were kept.
        assert memory_of(live.pid) - before < 200 * MEGABYTE
        late = await stuck[0].read_on()
    assert (late.end, late.numbers) == ("succeeded", told.numbers)
    assert late.text == told.text
    kernel.delete()


async def test_a_proxy_that_cuts_every_connection_again_and_again_loses_nothing(
    live: LiveServer, yard: Client
) -> None:
    kernel = yard.kernels.create(image="python3").wait_ready()
    task_id = kernel.submit(PRINTING.format(count=300, pause=0.01)).id

    async def followed(url: str) -> tuple[list[int], str]:
        numbers, text = [], ""
        async with AsyncClient(url, live.token) as client:
            async for output in (await client.tasks.get(task_id)).follow():
                numbers.append(output.number)
                text += output.text or "" if output.kind == "stream" else ""
        return numbers, text

    async with cutting_proxy(live.url, every=0.4) as proxy:
        everybody = await asyncio.gather(*(followed(proxy.url) for _ in range(10)))
        assert proxy.cuts > 20
    for numbers, text in everybody:
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        assert text == "".join(f"{i}\n" for i in range(300))
    kernel.delete()
