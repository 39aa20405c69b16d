"""A kernel outlives its server: the queue goes on, and every line is there, once and in order."""

from __future__ import annotations

import threading

from kernelyard import Client

from tests.support.live_server import LiveServer, alive, wait_until

LINES = 60
PRINTING = f"import time\nfor i in range({LINES}):\n    print(f'line {{i}}', flush=True)\n    time.sleep(0.05)"
EXPECTED = "".join(f"line {i}\n" for i in range(LINES))


def test_a_running_task_and_the_queue_behind_it_go_on_while_no_server_is_there(
    own: LiveServer,
) -> None:
    with own.client() as yard:
        kernel = yard.kernels.create(image="python3")
        kernel.run("x = 20")
        first = kernel.submit(PRINTING)
        second = kernel.submit("x += 1")
        third = kernel.submit("print('x is', x * 2)")
        wait_until(lambda: first.stdout())
    kernel_pid = own.kernel_pid(kernel.id)

    own.kill()
    journal = own.data_dir / "agent" / "kernels" / kernel.id / "journal"
    wait_until(lambda: b"x is" in journal.read_bytes(), 30)
    assert alive(kernel_pid)
    own.start()

    with own.client() as yard:
        results = [yard.tasks.get(task.id).wait(timeout=30) for task in (first, second, third)]
        assert [result.state for result in results] == ["succeeded"] * 3
        assert results[0].stdout == EXPECTED
        assert results[2].stdout == "x is 42\n"
        numbers = [output.number for output in yard.tasks.get(first.id).follow()]
        assert numbers == sorted(set(numbers))
    assert own.kernel_pid(kernel.id) == kernel_pid


def test_a_follower_sees_neither_a_hole_nor_a_repeat_across_a_kill(own: LiveServer) -> None:
    with own.client() as yard:
        task = yard.kernels.create(image="python3").submit(PRINTING)
        seen: list[str] = []
        numbers: list[int] = []

        def follow() -> None:
            with Client(data_dir=own.data_dir) as follower:
                for output in follower.tasks.get(task.id).follow():
                    numbers.append(output.number)
                    if output.kind == "stream":
                        seen.append(output.text or "")

        thread = threading.Thread(target=follow)
        thread.start()
        wait_until(lambda: len(seen) >= 5)
    own.kill()
    own.start()
    thread.join(timeout=50)
    assert not thread.is_alive()
    assert "".join(seen) == EXPECTED
    assert numbers == sorted(set(numbers))


def test_a_task_acknowledged_just_before_the_kill_runs_exactly_once(own: LiveServer) -> None:
    with own.client() as yard:
        kernel = yard.kernels.create(image="python3")
        kernel.run("runs = []")
        task = kernel.submit("runs.append(1)", idempotency_key="just-once")
    own.kill()
    own.start()
    with own.client() as yard:
        kernel = yard.kernels.get(kernel.id)
        again = kernel.submit("runs.append(1)", idempotency_key="just-once")
        assert again.id == task.id
        again.wait(timeout=30)
        assert kernel.run("print(len(runs))", timeout=30).stdout == "1\n"


def test_an_orderly_stop_tells_that_kernels_go_on_and_a_new_start_finds_them(
    own: LiveServer,
) -> None:
    with own.client() as yard:
        kernel = yard.kernels.create(image="python3")
        kernel.run("kept = 'still here'")
    pid = own.kernel_pid(kernel.id)
    own.stop()
    assert alive(pid)
    assert "kernelyard stop --all" in own.log
    own.start()
    with own.client() as yard:
        assert yard.kernels.get(kernel.id).run("print(kept)", timeout=30).stdout == "still here\n"
