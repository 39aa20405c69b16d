"""Numbers for monitoring, in the text format of Prometheus."""

from __future__ import annotations

import asyncio
import re

import httpx

from kernelyard.doors._asgi.metrics import text_of
from kernelyard.wire.zygotes import ZygoteFact, ZygoteList
from kernelyard.yard.metrics import Metric, gauge

from tests.support.http_house import House

LINE = re.compile(
    r"(# (HELP|TYPE) [a-z_]+ .+)"
    r"|([a-z_]+(\{([a-z_]+=\"[^\"\n]*\",?)+\})? -?[0-9.e+-]+)"
)


async def numbers(client: httpx.AsyncClient) -> dict[str, float]:
    answer = await client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    lines = answer.text.splitlines()
    assert answer.text.endswith("\n")
    assert not [line for line in lines if not LINE.fullmatch(line)]
    told = [line.rpartition(" ") for line in lines if not line.startswith("#")]
    return {name: float(number) for name, _, number in told}


async def test_a_token_is_needed_and_any_will_do(house: House) -> None:
    made = (await house.client.post("/v1/tokens", json={"name": "prometheus"})).json()
    for given, status in (
        ({"Authorization": ""}, 401),
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Authorization": f"Bearer {made['token']}"}, 200),
    ):
        answer = await house.client.get("/metrics", headers=given)
        assert answer.status_code == status
        if status == 401:
            assert answer.headers["www-authenticate"].startswith("Bearer")
            assert answer.json()["code"] == "unauthenticated"


async def test_the_server_its_kernels_and_its_zygotes_are_counted(house: House) -> None:
    await house.kernel()
    one = ZygoteFact(
        name="a", images=["kernelspec/python3"], preload=[], trust="ann", state="ready"
    )
    other = ZygoteFact(name="b", images=[], preload=["numpy"], trust="", state="unfit", pss_bytes=9)
    house.agent.zygotes = ZygoteList([one, other], most=4, forked=3, executed=1, failed=2)
    told = await numbers(house.client)
    expected = {
        'kernelyard_info{version="1.2.3"}': 1,
        "kernelyard_kernels_live": 1,
        "kernelyard_agent_up": 1,
        'kernelyard_zygotes{state="ready"}': 1,
        'kernelyard_zygotes{state="unfit"}': 1,
        'kernelyard_zygotes{state="booting"}': 0,
        "kernelyard_zygotes_limit": 4,
        "kernelyard_zygotes_pss_bytes": 9,
        "kernelyard_zygotes_memory_pressure": 0,
        'kernelyard_kernel_starts_total{way="fork"}': 3,
        'kernelyard_kernel_starts_total{way="exec"}': 1,
        "kernelyard_fork_failures_total": 2,
        'kernelyard_collected{part="agent"}': 1,
    }
    assert {name: told.get(name) for name in expected} == expected
    assert told["process_cpu_seconds_total"] > 0
    assert not [name for name in told if "ann" in name or "numpy" in name]


async def test_without_an_agent_the_rest_is_told_and_none_is_started(house: House) -> None:
    await house.kernel()
    house.agent.absent = True
    told = await numbers(house.client)
    assert (told["kernelyard_agent_up"], told["kernelyard_kernels_live"]) == (0, 1)
    assert "kernelyard_zygotes_limit" not in told


async def test_one_who_fails_takes_nothing_from_the_others(house: House) -> None:
    async def fails() -> list[Metric]:
        raise OSError("the disk is gone")

    async def mine() -> list[Metric]:
        await asyncio.sleep(0)
        return [gauge("mine", "Mine.", 1.5)]

    house.yard.metrics.add("broken", fails)
    house.yard.metrics.add("mine", mine)
    told = await numbers(house.client)
    assert (told['kernelyard_collected{part="broken"}'], told["mine"]) == (0, 1.5)
    assert told["kernelyard_kernels_live"] == 0


def test_what_would_break_a_line_is_escaped() -> None:
    values = {('a"b\\c\nd',): 2.0, ("",): 1e20}
    assert text_of([Metric("m", "First\nsecond \\", "counter", values, ("of",))]) == (
        "# HELP m First\\nsecond \\\\\n"
        "# TYPE m counter\n"
        'm{of="a\\"b\\\\c\\nd"} 2\n'
        'm{of=""} 100000000000000000000\n'
    )
