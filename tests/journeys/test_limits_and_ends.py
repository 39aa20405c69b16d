"""Limits, stops and deaths, as a user meets them through server, SDK and command line."""

from __future__ import annotations

import json
import os
import signal

from kernelyard import Client

from tests.support.live_server import LiveServer, alive, wait_until

DEAF = """
import signal, time
signal.signal(signal.SIGINT, lambda *_: print('no', flush=True))
print('begun', flush=True)
time.sleep(600)
"""


def test_a_task_over_its_time_fails_and_what_is_behind_it_runs(yard: Client) -> None:
    kernel = yard.kernels.create("python3")
    late = kernel.submit("import time\nprint('begun')\ntime.sleep(600)", time_limit="1s")
    behind = kernel.submit("print('behind')")
    assert behind.wait(40).stdout == "behind\n"
    assert late.refresh().state == "failed"
    assert (late.info.cause, late.info.stopped_by) == ("time_limit", "interrupt")
    assert late.info.state_preserved is True
    assert late.result().stdout == "begun\n"
    kernel.delete()


def test_a_cancellation_tells_what_it_took(live: LiveServer, yard: Client) -> None:
    kernel = yard.kernels.create("python3")
    task = kernel.submit(DEAF)
    wait_until(task.stdout, 40)
    done = live.cli("tasks", "cancel", "--allow-restart", "--grace", "500ms", task.id)
    assert done.returncode == 0, done.stderr
    assert task.wait(40).state == "cancelled"
    assert (task.refresh().info.stopped_by, task.info.state_preserved) == ("restart", False)
    assert task.info.reason == "cancelled by admin"
    assert "restart" in live.cli("tasks", "show", task.id).stdout
    assert kernel.run("print('again')", timeout=40).stdout == "again\n"
    assert kernel.refresh().info.restarts == 1
    kernel.delete()


def test_a_restart_may_take_the_queue_with_it(yard: Client) -> None:
    kernel = yard.kernels.create("python3")
    running = kernel.submit(DEAF)
    waiting = kernel.submit("1")
    wait_until(running.stdout, 40)
    kernel.restart(cancel_queued=True)
    assert waiting.wait(40).state == "cancelled"
    assert running.wait(40).state == "cancelled"
    assert running.refresh().info.cause == "restarted"
    assert kernel.run("print(1)", timeout=40).stdout == "1\n"
    kernel.delete()


def test_a_kernel_that_died_is_back_under_its_id_and_its_queue_goes_on(
    live: LiveServer, yard: Client
) -> None:
    yard.templates.create("tough", restart_policy="on-death")
    kernel = yard.kernels.create("python3", template="tough", name="tough")
    task = kernel.submit("import time\nprint('begun', flush=True)\ntime.sleep(600)")
    behind = kernel.submit("print('behind')")
    wait_until(task.stdout, 40)
    os.kill(live.kernel_pid(kernel.id), signal.SIGKILL)
    assert behind.wait(40).stdout == "behind\n"
    assert task.refresh().state == "lost"
    assert "killed by SIGKILL" in (task.info.reason or "")
    kernel.refresh()
    assert (kernel.state, kernel.info.restarts, kernel.info.signal) == ("idle", 1, "SIGKILL")
    (mark,) = [one for one in kernel.info.history if one.state == "restarting"]
    assert mark.cause == "died"
    kernel.delete()


def test_idle_kernels_end_while_no_server_runs_and_working_ones_do_not(own: LiveServer) -> None:
    with own.client() as yard:
        yard.templates.create("short", max_idle_duration="4s")
        idle = yard.kernels.create("python3", template="short")
        works = yard.kernels.create("python3", template="short")
        silent = yard.kernels.create("python3", template="short")
        idle.run("1", timeout=40)
        works.run(
            "import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', 'while True: pass'])",
            timeout=40,
        )
        silent.submit("import time\ntime.sleep(600)")
        wait_until(lambda: silent.refresh().state == "busy", 40)
        assert idle.refresh().info.will_stop_because is not None
        assert silent.info.will_stop_at is None
        pids = {kernel.id: own.kernel_pid(kernel.id) for kernel in (idle, works, silent)}
    own.kill()
    wait_until(lambda: not alive(pids[idle.id]), 40)
    journal = own.data_dir / "agent" / "kernels" / works.id / "journal"
    wait_until(lambda: b"uses the processor" in journal.read_bytes(), 40)
    assert alive(pids[works.id])
    assert alive(pids[silent.id])
    own.start()
    with own.client() as yard:
        ended = yard.kernels.get(idle.id).wait_ended(20)
        assert (ended.state, ended.info.cause) == ("terminated", "idle")
        lines = own.cli("events", "-o", "json").stdout.splitlines()
        events = [json.loads(line) for line in lines]
        mine = [one for one in events if one["kernel_id"] == idle.id and not one["task_id"]]
        assert [one["state"] for one in mine[-3:]] == ["ending_soon", "terminating", "terminated"]
        assert yard.kernels.get(works.id).state == "idle"
        assert yard.kernels.get(silent.id).state == "busy"


def test_who_follows_a_kernel_keeps_it(own: LiveServer) -> None:
    with own.client() as yard:
        yard.templates.create("short", max_idle_duration="3s")
        kept = yard.kernels.create("python3", template="short")
        kept.run("1", timeout=40)
        for output in kept.follow():
            if output.kind == "kernel_active":
                assert output.content["because"] == "a client is attached"
                break
        assert kept.refresh().state == "idle"
