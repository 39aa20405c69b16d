"""Limits of tasks and kernels, cancellations with a grace, and how ends are told, over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.http_house import House


async def test_limits_of_a_task_are_told_and_reach_the_agent(house: House) -> None:
    kernel = await house.kernel()
    task = await house.submit(
        kernel, "print:1", time_limit="90s", silence_limit=5, restart_if_stuck=False
    )
    assert (task["time_limit"], task["silence_limit"], task["restart_if_stuck"]) == (90, 5, False)
    ended = await house.end(task)
    assert (ended["time_limit"], ended["silence_limit"]) == (90, 5)
    assert (ended["cause"], ended["stopped_by"], ended["state_preserved"]) == (None, None, None)


@pytest.mark.parametrize(
    "order",
    [
        {"time_limit": 0},
        {"time_limit": -1},
        {"time_limit": "soon"},
        {"silence_limit": 0.01},
        {"silence_limit": True},
        {"restart_if_stuck": "yes"},
    ],
)
async def test_a_limit_that_makes_no_sense_is_refused_by_name(
    house: House, order: dict[str, Any]
) -> None:
    kernel = await house.kernel()
    path = f"/v1/kernels/{kernel['id']}/tasks"
    answer = await house.client.post(path, json={"code": "print:1", **order})
    assert answer.status_code == 400
    assert next(iter(order)) in answer.text


async def test_the_same_key_with_another_limit_is_another_request(house: House) -> None:
    kernel = await house.kernel()
    path, key = f"/v1/kernels/{kernel['id']}/tasks", {"Idempotency-Key": "k"}
    code = {"code": "print:1"}
    assert (await house.client.post(path, json=code, headers=key)).status_code == 201
    assert (await house.client.post(path, json=code, headers=key)).status_code == 200
    other = await house.client.post(path, json={**code, "time_limit": 5}, headers=key)
    assert other.json()["code"] == "idempotency_key_reused"


@pytest.mark.parametrize("body", [None, {}, {"allow_restart": True, "grace": "1s"}])
async def test_a_cancellation_may_say_how_far_it_goes(house: House, body: object) -> None:
    kernel = await house.kernel()
    task = await house.submit(kernel, "hang")
    path = f"/v1/tasks/{task['id']}/cancel"
    cancelled = (
        await house.client.post(path, json=body)
        if body is not None
        else (await house.client.post(path))
    )
    assert cancelled.status_code == 200
    assert (await house.end(task))["state"] == "cancelled"


@pytest.mark.parametrize("grace", [0, -1, "never", 1e9])
async def test_a_grace_out_of_range_is_refused(house: House, grace: object) -> None:
    kernel = await house.kernel()
    task = await house.submit(kernel, "hang")
    answer = await house.client.post(f"/v1/tasks/{task['id']}/cancel", json={"grace": grace})
    assert answer.status_code == 400
    assert "grace" in answer.text


async def test_a_restart_may_cancel_what_waits(house: House) -> None:
    kernel = await house.kernel()
    await house.submit(kernel, "hang")
    waiting = [await house.submit(kernel, "print:never") for _ in range(2)]
    path = f"/v1/kernels/{kernel['id']}/restart"
    assert (await house.client.post(path, json={"cancel_queued": True})).status_code == 200
    assert [(await house.end(one))["state"] for one in waiting] == ["cancelled", "cancelled"]
    after = await house.end(await house.submit(kernel, "print:again"))
    assert after["state"] == "succeeded"


async def test_a_template_holds_every_limit_and_gives_it_to_its_kernels(house: House) -> None:
    fields = {
        "cpu_seconds_limit": 60,
        "processes_limit": 50,
        "file_bytes_limit": "1Gi",
        "memory_bytes_limit": "1Gi",
        "max_idle_duration": "1h",
        "max_life_duration": "12h",
        "attached_keeps_alive": False,
        "restart_policy": "on-death",
        "queue_on_death": "cancel",
    }
    made = await house.client.post("/v1/templates", json={"name": "small", **fields})
    assert made.status_code == 201
    kernel = await house.kernel(template="small")
    told = kernel["template"]
    assert (told["processes_limit"], told["file_bytes_limit"]) == (50, 2**30)
    assert (told["restart_policy"], told["queue_on_death"]) == ("on-death", "cancel")
    order = house.agent.launches[-1]
    assert (order.cpu_seconds_limit, order.processes_limit) == (60, 50)
    assert (order.max_life_seconds, order.attached_keeps_alive) == (43_200, False)
    assert (order.restart_policy, order.queue_on_death) == ("on-death", "cancel")


@pytest.mark.parametrize(
    "fields",
    [
        {"restart_policy": "always"},
        {"queue_on_death": "drop"},
        {"processes_limit": -1},
        {"cpu_seconds_limit": 1.5},
        {"max_life_duration": 0.1},
        {"memory_bytes_limit": "1Mi"},
        {"attached_keeps_alive": "no"},
        {"start": "spawn"},
    ],
)
async def test_a_template_that_makes_no_sense_is_refused_by_name(
    house: House, fields: dict[str, Any]
) -> None:
    answer = await house.client.post("/v1/templates", json={"name": "bad", **fields})
    assert answer.status_code == 400
    assert next(iter(fields)) in answer.text


async def test_a_kernel_says_when_and_why_it_will_stop(house: House) -> None:
    await house.client.post("/v1/templates", json={"name": "short", "max_idle_duration": "1h"})
    kernel = await house.kernel(template="short")
    assert kernel["will_stop_because"] == "it is idle, and its template limits that"
    assert kernel["will_stop_at"] > kernel["last_activity_at"]
    await house.submit(kernel, "hang")
    busy = (await house.client.get(f"/v1/kernels/{kernel['id']}")).json()
    assert (busy["will_stop_at"], busy["will_stop_because"]) == (None, None)


async def test_a_death_is_told_by_cause_and_signal_in_rows_and_events(house: House) -> None:
    kernel = await house.kernel()
    task = await house.submit(kernel, "die")
    await house.end(task)
    path = f"/v1/kernels/{kernel['id']}"
    ended = (await house.client.get(f"{path}?wait=ended&timeout=10")).json()
    assert (ended["state"], ended["cause"], ended["signal"]) == ("failed", "died", "SIGKILL")
    events = (await house.client.get(f"/v1/events?kernel_id={kernel['id']}")).json()["items"]
    assert [one["cause"] for one in events if one["state"] == "failed"] == ["died"]
