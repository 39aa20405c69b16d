"""Tasks over HTTP."""

from __future__ import annotations

import pytest

from tests.support.http_house import House


async def test_code_goes_in_and_its_end_comes_back(house: House) -> None:
    task = await house.run("print:hello", "result:42")
    assert task["state"] == "succeeded"
    assert task["number"] == 1
    assert task["execution_count"] == 1
    assert task["started_at"] < task["ended_at"]
    result = (await house.client.get(f"/v1/tasks/{task['id']}/result")).json()
    assert result["stdout"] == "hello\n"
    assert result["results"] == [
        {
            "kind": "execute_result",
            "data": {"text/plain": "42"},
            "metadata": {},
            "execution_count": 1,
        }
    ]
    assert result["task"] == task


async def test_code_may_be_queued_while_the_kernel_still_starts(house: House) -> None:
    made = (await house.client.post("/v1/kernels", json={"image": "slow"})).json()
    first = await house.submit(made, "print:1")
    second = await house.submit(made, "print:2")
    assert (first["number"], second["number"]) == (1, 2)
    assert (first["state"], second["ahead"]) == ("queued", 1)
    house.agent.gates.release("start")
    assert (await house.end(second))["state"] == "succeeded"


async def test_an_exception_is_told_and_does_not_abort_what_is_behind_it(house: House) -> None:
    kernel = await house.kernel()
    bad = await house.submit(kernel, "raise:ZeroDivisionError")
    good = await house.submit(kernel, "print:still here")
    bad = await house.end(bad)
    assert bad["state"] == "failed"
    assert bad["error"]["name"] == "ZeroDivisionError"
    assert bad["error"]["traceback"] == ["ZeroDivisionError: as scripted"]
    assert (await house.end(good))["state"] == "succeeded"


async def test_a_queued_task_is_taken_out(house: House) -> None:
    kernel = await house.kernel()
    running = await house.submit(kernel, "wait:go")
    queued = await house.submit(kernel, "print:never")
    cancelled = await house.client.post(f"/v1/tasks/{queued['id']}/cancel")
    assert cancelled.status_code == 200
    assert cancelled.json()["cancel_requested"] is True
    assert (await house.end(queued))["state"] == "cancelled"
    house.agent.gates.release("go")
    assert (await house.end(running))["state"] == "succeeded"


async def test_a_running_task_is_interrupted_keeps_its_output_and_the_next_one_runs(
    house: House,
) -> None:
    kernel = await house.kernel()
    running = await house.submit(kernel, "print:kept", "hang")
    behind = await house.submit(kernel, "print:next")
    async with house.talk(f"/v1/tasks/{running['id']}/outputs?stream=true") as talk:
        await talk.until("kept")
        await house.client.post(f"/v1/tasks/{running['id']}/cancel")
        await talk.rest()
    assert (await house.end(running))["state"] == "cancelled"
    assert (await house.client.get(f"/v1/tasks/{running['id']}/stdout")).text == "kept\n"
    assert (await house.end(behind))["state"] == "succeeded"


async def test_cancelling_a_finished_task_is_a_clear_error(house: House) -> None:
    task = await house.run("print:done")
    refused = await house.client.post(f"/v1/tasks/{task['id']}/cancel")
    assert refused.status_code == 409
    assert refused.json()["code"] == "task_finished"


async def test_a_task_tells_what_it_needs_and_ends_with_it(house: House) -> None:
    kernel = await house.kernel()
    bad = await house.submit(kernel, "wait:go", "raise:Oops")
    good = await house.submit(kernel, "print:alone")
    needing = await house.submit(kernel, "print:never", needs=bad["id"])
    assert (bad["needs"], needing["needs"]) == (None, bad["id"])
    house.agent.gates.release("go")
    ended = await house.end(needing)
    assert (ended["state"], ended["started_at"]) == ("cancelled", None)
    assert ended["reason"] == "the task it needs did not succeed (failed)"
    assert ended["needs"] == bad["id"]
    assert (await house.end(good))["state"] == "succeeded"
    met = await house.submit(kernel, "print:next", needs=good["id"])
    assert (await house.end(met))["state"] == "succeeded"


async def test_a_task_of_another_kernel_cannot_be_needed(house: House) -> None:
    first = await house.submit(await house.kernel(), "print:1")
    path = f"/v1/kernels/{(await house.kernel())['id']}/tasks"
    refused = await house.client.post(path, json={"code": "print:2", "needs": first["id"]})
    assert (refused.status_code, refused.json()["field"]) == (400, "needs")


async def test_a_killed_kernel_loses_the_running_task_and_keeps_its_output(house: House) -> None:
    kernel = await house.kernel()
    task = await house.submit(kernel, "print:last words", "die")
    behind = await house.submit(kernel, "print:never")
    task = await house.end(task)
    assert task["state"] == "lost"
    assert "SIGKILL" in task["reason"]
    assert (await house.client.get(f"/v1/tasks/{task['id']}/stdout")).text == "last words\n"
    assert (await house.end(behind))["state"] == "cancelled"
    ended = (await house.client.get(f"/v1/kernels/{kernel['id']}?wait=ended")).json()
    assert (ended["state"], ended["reason"]) == ("failed", "killed by SIGKILL")


async def test_an_ended_kernel_takes_no_more_code(house: House) -> None:
    kernel = await house.kernel()
    await house.client.post(f"/v1/kernels/{kernel['id']}/terminate")
    refused = await house.client.post(f"/v1/kernels/{kernel['id']}/tasks", json={"code": "1"})
    assert (refused.status_code, refused.json()["code"]) == (409, "kernel_ended")


async def test_the_same_idempotency_key_queues_once(house: House) -> None:
    kernel = await house.kernel()
    path, key = f"/v1/kernels/{kernel['id']}/tasks", {"Idempotency-Key": "one"}
    first = await house.client.post(path, json={"code": "print:1"}, headers=key)
    again = await house.client.post(path, json={"code": "print:1"}, headers=key)
    other = await house.client.post(path, json={"code": "print:2"}, headers=key)
    needs = {"code": "print:1", "needs": first.json()["id"]}
    needing = await house.client.post(path, json=needs, headers=key)
    assert (first.status_code, again.status_code, other.status_code) == (201, 200, 409)
    assert first.json()["id"] == again.json()["id"]
    assert other.json()["code"] == needing.json()["code"] == "idempotency_key_reused"


async def test_tasks_are_listed_newest_first_in_pages_with_filters(house: House) -> None:
    kernel = await house.kernel()
    path = f"/v1/kernels/{kernel['id']}/tasks"
    for number in range(5):
        body = {"code": f"print:{number}", "labels": {"odd": str(number % 2)}}
        await house.client.post(path, json=body)
    page = (await house.client.get(f"{path}?limit=2")).json()
    rest = (await house.client.get(path, params={"cursor": page["next_cursor"]})).json()
    assert [task["number"] for task in page["items"] + rest["items"]] == [5, 4, 3, 2, 1]
    assert rest["next_cursor"] is None
    odd = (await house.client.get("/v1/tasks?label=odd=1")).json()
    assert [task["number"] for task in odd["items"]] == [4, 2]
    await house.end(page["items"][0])
    done = (await house.client.get("/v1/tasks?state=succeeded,failed&limit=1")).json()
    assert done["items"][0]["number"] == 5
    assert (await house.client.get("/v1/tasks?state=lost")).json()["items"] == []


async def test_waiting_for_a_task_ends_when_the_time_is_over(house: House) -> None:
    task = await house.submit(await house.kernel(), "hang")
    waited = await house.client.get(f"/v1/tasks/{task['id']}?wait=0.05")
    assert waited.json()["state"] in ("queued", "running")


@pytest.mark.parametrize("name", ["stdout", "stderr"])
async def test_a_stream_is_plain_text(house: House, name: str) -> None:
    task = await house.run("print:out", "warn:err", "print:more")
    answer = await house.client.get(f"/v1/tasks/{task['id']}/{name}")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.text == {"stdout": "out\nmore\n", "stderr": "err\n"}[name]


async def test_a_run_answers_with_everything_as_the_result_tells_it_later(house: House) -> None:
    kernel = await house.kernel()
    code = "print:hello\nresult:42\nraise:Oops"
    ran = await house.client.post(f"/v1/kernels/{kernel['id']}/run", json={"code": code})
    assert ran.status_code == 200
    assert ran.json()["stdout"] == "hello\n"
    task = ran.json()["task"]
    assert (task["state"], task["error"]["name"]) == ("failed", "Oops")
    assert (await house.client.get(f"/v1/tasks/{task['id']}")).json() == task
    assert (await house.client.get(f"/v1/tasks/{task['id']}/result")).json() == ran.json()


async def test_a_run_that_takes_longer_goes_on_without_its_caller(house: House) -> None:
    kernel = await house.kernel()
    path = f"/v1/kernels/{kernel['id']}/run"
    key = {"Idempotency-Key": "k"}
    for order in ({"code": "wait:go\nprint:done"}, {"code": "wait:go\nprint:done"}):
        ran = await house.client.post(path, json=order, params={"wait": 0}, headers=key)
        assert ran.status_code == 202
        assert ran.json()["task"]["state"] in ("queued", "running")
        assert ran.json()["stdout"] == ""
    house.agent.gates.release("go")
    again = await house.client.post(path, json=order, headers=key)
    assert (again.status_code, again.json()["stdout"]) == (200, "done\n")
    assert len((await house.client.get("/v1/tasks")).json()["items"]) == 1
