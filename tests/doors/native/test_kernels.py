"""Kernels over HTTP."""

from __future__ import annotations

from tests.support.http_house import House


async def test_making_a_kernel_answers_at_once(house: House) -> None:
    made = await house.client.post(
        "/v1/kernels",
        json={"image": "slow", "display_name": "Mine", "labels": {"team": "vision"}},
    )
    assert made.status_code == 201
    body = made.json()
    assert (body["created"], body["state"], body["owner"]) == (True, "starting", "admin")
    assert body["image"]["reference"] == "kernelspec/slow"
    assert body["template"]["name"] == "default"
    assert body["labels"] == {"team": "vision"}
    assert body["ready_at"] is None


async def test_a_ready_kernel_tells_its_language_and_its_steps(house: House) -> None:
    kernel = await house.kernel()
    assert kernel["state"] == "idle"
    assert kernel["language_info"] == {"name": "python", "version": "3.12.3"}
    assert [step["state"] for step in kernel["history"]][-1] == "idle"
    assert kernel["ready_at"].endswith("Z")


async def test_a_busy_kernel_tells_its_task_and_how_many_wait(house: House) -> None:
    kernel = await house.kernel()
    first = await house.submit(kernel, "print:on", "hang")
    await house.submit(kernel, "print:1")
    async with house.talk(f"/v1/tasks/{first['id']}/outputs?stream=true") as talk:
        await talk.until("on")
    busy = (await house.client.get(f"/v1/kernels/{kernel['id']}")).json()
    assert (busy["state"], busy["current_task"]) == ("busy", first["id"])
    assert (busy["current_task_number"], busy["queued_tasks"]) == (1, 1)


async def test_get_or_create_tells_whether_it_created(house: House) -> None:
    order = {"image": "python3", "name": "lab", "get_or_create": True}
    first = await house.client.post("/v1/kernels", json=order)
    again = await house.client.post("/v1/kernels", json=order)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["created"] is False
    assert again.json()["id"] == first.json()["id"]


async def test_a_name_is_taken_once_among_live_kernels(house: House) -> None:
    kernel = await house.kernel(name="lab")
    refused = await house.client.post("/v1/kernels", json={"image": "python3", "name": "lab"})
    assert (refused.status_code, refused.json()["code"]) == (409, "name_taken")
    await house.client.post(f"/v1/kernels/{kernel['id']}/terminate")
    assert (await house.kernel(name="lab"))["id"] != kernel["id"]


async def test_an_idempotency_key_makes_one_kernel(house: House) -> None:
    key = {"Idempotency-Key": "once, please"}
    first = await house.client.post("/v1/kernels", json={"image": "python3"}, headers=key)
    again = await house.client.post("/v1/kernels", json={"image": "python3"}, headers=key)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["id"] == again.json()["id"]


async def test_a_terminated_kernel_keeps_its_tasks_and_a_deleted_one_is_gone(house: House) -> None:
    kernel = await house.kernel()
    task = await house.end(await house.submit(kernel, "print:kept"))
    path = f"/v1/kernels/{kernel['id']}"
    assert (await house.client.post(f"{path}/terminate")).status_code == 200
    ended = (await house.client.get(f"{path}?wait=ended")).json()
    assert ended["state"] == "terminated"
    assert (await house.client.get(f"/v1/tasks/{task['id']}/stdout")).text == "kept\n"
    assert (await house.client.delete(path)).status_code == 204
    assert (await house.client.get(path)).json()["code"] == "kernel_not_found"
    assert (await house.client.get(f"{path}?wait=gone")).status_code == 404
    assert (await house.client.get(f"/v1/tasks/{task['id']}")).json()["code"] == "task_not_found"


async def test_a_restarted_kernel_keeps_its_id_and_its_queue(house: House) -> None:
    kernel = await house.kernel()
    running = await house.submit(kernel, "print:on", "hang")
    queued = await house.submit(kernel, "print:later")
    async with house.talk(f"/v1/tasks/{running['id']}/outputs?stream=true") as talk:
        await talk.until("on")
        restarted = await house.client.post(f"/v1/kernels/{kernel['id']}/restart")
        await talk.rest()
    assert restarted.json()["restarts"] == 1
    assert (await house.end(running))["state"] == "cancelled"
    assert (await house.end(queued))["state"] == "succeeded"


async def test_an_interrupt_raises_in_the_running_code(house: House) -> None:
    kernel = await house.kernel()
    task = await house.submit(kernel, "print:on", "hang")
    async with house.talk(f"/v1/tasks/{task['id']}/outputs?stream=true") as talk:
        await talk.until("on")
        answer = await house.client.post(f"/v1/kernels/{kernel['id']}/interrupt")
        await talk.rest()
    assert answer.json() == {"outcome": "effective", "restarting": False}
    assert (await house.end(task))["error"]["name"] == "KeyboardInterrupt"


async def test_a_signal_is_sent_by_name_and_what_is_none_is_refused(house: House) -> None:
    kernel = await house.kernel()
    await house.client.get(f"/v1/kernels/{kernel['id']}?wait=ready")
    place = f"/v1/kernels/{kernel['id']}/signal"
    answer = await house.client.post(place, json={"signal": "SIGUSR1", "reason": "to see"})
    assert answer.json() == {"delivered": True}
    for wrong in ({"signal": "SIGNOTHING"}, {"signal": 0}, {"signal": None}, {"signal": True}, {}):
        refused = (await house.client.post(place, json=wrong)).json()
        assert (refused["code"], refused["field"]) == ("invalid", "signal")


async def test_kernels_are_listed_by_state_name_and_label(house: House) -> None:
    first = await house.kernel(name="one", labels={"team": "a"})
    second = await house.kernel(labels={"team": "b"})
    await house.client.post(f"/v1/kernels/{second['id']}/terminate")
    await house.client.get(f"/v1/kernels/{second['id']}?wait=ended")

    async def ids(query: str) -> list[str]:
        listed = (await house.client.get(f"/v1/kernels?{query}")).json()
        return [kernel["id"] for kernel in listed["items"]]

    assert await ids("") == [second["id"], first["id"]]
    assert await ids("state=idle,busy") == [first["id"]]
    assert await ids("state=terminated&state=failed") == [second["id"]]
    assert await ids("name=one") == [first["id"]]
    assert await ids("label=team=b") == [second["id"]]


async def test_a_kernel_that_dies_at_its_start_says_why(house: House) -> None:
    kernel = await house.kernel("stillborn")
    assert kernel["state"] == "failed"
    assert "exited by itself with code 1" in kernel["reason"]


async def test_users_see_their_own_kernels_only(house: House) -> None:
    mine = await house.kernel()
    made = await house.client.post("/v1/tokens", json={"name": "ada"})
    ada = {"Authorization": f"token {made.json()['token']}"}
    assert (await house.client.get("/v1/kernels", headers=ada)).json()["items"] == []
    hidden = await house.client.get(f"/v1/kernels/{mine['id']}", headers=ada)
    assert hidden.json()["code"] == "kernel_not_found"
    await house.client.post("/v1/kernels", json={"image": "python3"}, headers=ada)
    assert len((await house.client.get("/v1/kernels")).json()["items"]) == 2


async def test_an_absent_agent_is_told_as_such(house: House) -> None:
    kernel = await house.kernel()
    house.agent.absent = True
    refused = await house.client.post(f"/v1/kernels/{kernel['id']}/interrupt")
    assert (refused.status_code, refused.json()["code"]) == (503, "agent_unavailable")
    assert refused.headers["retry-after"] == "1"
