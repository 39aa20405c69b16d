"""Zygotes over HTTP."""

from __future__ import annotations

from typing import Any

from kernelyard.doors.native import zygote_shapes
from kernelyard.wire.zygotes import ZygoteFact, ZygoteList

from tests.support.http_house import House

READY = ZygoteFact(
    name="abc",
    images=["kernelspec/python3"],
    preload=["numpy"],
    trust="ann",
    state="ready",
    pid=7,
    started_at=1_700_000_000_000_000,
    forks=3,
    pss_bytes=1_000_000,
)
UNFIT = ZygoteFact(
    name="def", images=[], preload=[], trust="", state="unfit", reason="it has threads"
)
TOLD = ZygoteList([READY, UNFIT], most=4, forked=3, executed=1, failed=2)


async def a_user(house: House) -> dict[str, str]:
    made: dict[str, Any] = (await house.client.post("/v1/tokens", json={"name": "ann"})).json()
    return {"Authorization": f"Bearer {made['token']}"}


async def test_an_administrator_sees_every_zygote_and_whose_it_is(house: House) -> None:
    house.agent.zygotes = TOLD
    told = (await house.client.get("/v1/zygotes")).json()
    assert (told["most"], told["forked"], told["executed"], told["failed"]) == (4, 3, 1, 2)
    ready, unfit = told["items"]
    assert (ready["user"], ready["shared"], ready["reason"]) == ("ann", False, None)
    assert (unfit["user"], unfit["shared"], unfit["reason"]) == (None, True, "it has threads")
    assert ready["started_at"] == "2023-11-14T22:13:20.000000Z"
    assert set(ready) == set(zygote_shapes.Zygote.__annotations__)


async def test_a_user_does_not_see_what_others_have_preloaded(house: House) -> None:
    house.agent.zygotes = TOLD
    refused = await house.client.get("/v1/zygotes", headers=await a_user(house))
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")


async def test_without_an_agent_the_answer_says_so(house: House) -> None:
    house.agent.absent = True
    refused = await house.client.get("/v1/zygotes")
    assert (refused.status_code, refused.json()["code"]) == (503, "agent_unavailable")
