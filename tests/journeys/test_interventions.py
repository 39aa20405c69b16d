"""What somebody does to a kernel says what it achieved, and everybody learns of it."""

from __future__ import annotations

import json
import os
import signal

from tests.support.live_server import LiveServer, processes_of, wait_until

WAITS = """
import signal, time
heard = []
signal.signal(signal.SIGUSR1, lambda *_: heard.append(1))
print('waits', flush=True)
while not heard: time.sleep(0.01)
print('heard', flush=True)
time.sleep(600)
"""


def test_interrupts_and_signals_are_told_to_everybody(own: LiveServer) -> None:
    with own.client() as yard:
        kernel = yard.kernels.create(image="python3", name="nightly")
        task = kernel.submit(WAITS)
        following = task.follow()
        assert any("waits" in one.text for one in following)
        told = own.cli("kernels", "signal", "nightly", "SIGUSR1", "--reason", "to see")
        assert told.stdout == f"{kernel.id} delivered\n"
        assert any("heard" in one.text for one in following)
        answer = own.cli("kernels", "interrupt", "nightly", "-o", "json")
        assert [one["outcome"] for one in json.loads(answer.stdout)] == ["effective"]
        assert task.wait(timeout=30).state == "failed"
        wrong = own.cli("kernels", "signal", "nightly", "SIGNOTHING")
        assert wrong.returncode == 1
        assert "no signal of this system" in wrong.stderr
        wanted = {
            "signalled": "SIGUSR1 sent by admin: to see",
            "interrupted": "interrupted by admin (effective)",
        }

        def told_by_events() -> bool:
            events = yard.events.list(kernel=kernel.id)
            return {one.state: one.reason for one in events if one.state in wanted} == wanted

        wait_until(told_by_events)
        kernel.terminate().wait_ended(timeout=30)
        tail = own.cli("tail", "-f", kernel.id)
        assert tail.stdout == "waits\nheard\n"
        for line in wanted.values():
            assert f"[kernel] {line}\n" in tail.stderr


def test_nothing_is_left_where_server_and_agent_were_killed(own: LiveServer) -> None:
    with own.client() as yard:
        yard.kernels.create(image="python3").wait_ready(timeout=60)
    agent = json.loads((own.data_dir / "agent" / "agent.json").read_text())["pid"]
    own.kill()
    os.kill(agent, signal.SIGKILL)
    ended = own.cli("stop", "--all", "--data-dir", str(own.data_dir))
    assert ended.returncode == 0
    left = lambda: processes_of(own.data_dir)  # noqa: E731
    wait_until(lambda: not left(), say=lambda: f"left: {left()}")
    assert not list(own.data_dir.rglob("spawner.sock"))
