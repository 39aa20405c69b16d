"""Events are told by one number, through any number of servers: no hole, no repeat."""

from __future__ import annotations

import json
import threading

from kernelyard import Client
from kernelyard.client import Event

from tests.support.live_server import LiveServer, wait_until


def test_a_follower_of_events_sees_each_once_across_a_kill(own: LiveServer) -> None:
    seen: list[Event] = []
    last_state = "terminated"

    def follow() -> None:
        with Client(data_dir=own.data_dir) as follower:
            for event in follower.events.follow():
                if event.image is not None:
                    continue  # others may install something meanwhile
                seen.append(event)
                if event.state == last_state:
                    return

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    with own.client() as yard:
        kernel = yard.kernels.create(image="python3")
        kernel.run("import time")
        tasks = [kernel.submit("time.sleep(0.3)") for _ in range(4)]
        bad = kernel.submit("1/0")
        wait_until(lambda: any(event.task_id == tasks[0].id for event in seen))
    folder = own.data_dir / "agent" / "kernels" / kernel.id
    # What has only been stored is handed to the agent when the server is back.
    wait_until(lambda: bad.id.encode() in (folder / "queue").read_bytes())

    own.kill()
    journal = folder / "journal"
    wait_until(lambda: b"ZeroDivisionError" in journal.read_bytes(), 30)
    own.start()

    with own.client() as yard:
        yard.tasks.get(bad.id).wait(timeout=30)
        yard.kernels.get(kernel.id).terminate()
        thread.join(timeout=40)
        assert not thread.is_alive()
        assert seen == [one for one in yard.events.list(page_size=3) if one.image is None]
        assert seen == list(yard.events.list(kernel=kernel.id))
        assert yard.events.newest() >= seen[-1].number
    numbers = [event.number for event in seen]
    assert numbers == sorted(set(numbers))
    for task in tasks:
        steps = [event.state for event in seen if event.task_id == task.id]
        assert steps == ["queued", "running", "succeeded"]
    assert [event.state for event in seen if event.task_id == bad.id][-1] == "failed"
    own_steps = [event.state for event in seen if event.task_id is None]
    assert own_steps == ["starting", "idle", "terminating", "terminated"]
    assert (seen[-1].reason or "").startswith("terminated by")

    printed = own.cli("events", "--after", str(numbers[1]), "-o", "json")
    told = [json.loads(line) for line in printed.stdout.splitlines()]
    told = [one for one in told if one["image"] is None]
    assert [one["number"] for one in told] == numbers[2:]
    rows = own.cli("events", "--kernel", kernel.id).stdout.splitlines()
    assert rows[0].split("\t") == ["number", "at", "kernel", "task", "image", "state", "reason"]
    assert len(rows) == len(seen) + 1
