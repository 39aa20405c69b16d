"""Code goes in, the client leaves, every output is there later."""

from __future__ import annotations

import base64
import itertools
import os
import signal
import time

import pytest

from kernelyard import Client, KernelyardError

from tests.support.live_server import LiveServer, wait_until


def test_tasks_are_taken_while_the_kernel_starts_and_run_in_order(yard: Client) -> None:
    kernel = yard.kernels.create(image="python3")
    tasks = [kernel.submit(f"print({n})") for n in range(5)]
    assert [task.info.number for task in tasks] == [1, 2, 3, 4, 5]
    results = [task.wait(timeout=30) for task in tasks]
    assert [result.stdout for result in results] == [f"{n}\n" for n in range(5)]
    started = [result.task.started_at for result in results]
    assert all(a < b for a, b in itertools.pairwise(started) if a and b)


def test_a_closed_client_changes_nothing_and_another_reads_everything(live: LiveServer) -> None:
    with live.client() as first:
        task = first.kernels.create(image="python3").submit(
            "import time\nfor i in range(20):\n    print(i, flush=True); time.sleep(0.05)"
        )
    with live.client() as second:
        text = "".join(
            o.text or "" for o in second.tasks.get(task.id).follow() if o.kind == "stream"
        )
    assert text == "".join(f"{i}\n" for i in range(20))


def test_an_exception_fails_its_task_and_not_those_behind_it(yard: Client) -> None:
    kernel = yard.kernels.create(image="python3")
    bad, good = kernel.submit("1/0"), kernel.submit("print('on we go')")
    failed = bad.wait(timeout=30)
    assert failed.state == "failed"
    assert failed.error is not None
    assert (failed.error.name, failed.error.value) == ("ZeroDivisionError", "division by zero")
    assert any("1/0" in line or "ZeroDivisionError" in line for line in failed.error.traceback)
    assert good.wait(timeout=30).stdout == "on we go\n"


def test_displays_results_updates_and_streams_keep_their_order(yard: Client) -> None:
    code = (
        "import sys\nfrom IPython.display import display, HTML, clear_output\n"
        "print('one'); print('two', file=sys.stderr)\n"
        "handle = display(HTML('<b>1</b>'), display_id=True)\n"
        "handle.update(HTML('<b>2</b>'))\nprint('three')\n42"
    )
    task = yard.kernels.create(image="python3").submit(code)
    result = task.wait(timeout=30)
    assert (result.stdout, result.stderr) == ("one\nthree\n", "two\n")
    assert [r.kind for r in result.results] == ["display_data", "execute_result"]
    assert result.results[0].html == "<b>2</b>"
    assert result.results[1].text == "42"
    kinds = [output.kind for output in task.follow()]
    assert kinds.index("update_display_data") > kinds.index("display_data")
    assert kinds.index("execute_result") > kinds.index("update_display_data")


def test_an_image_arrives_byte_for_byte(yard: Client) -> None:
    png = base64.b64encode(b"\x89PNG\r\n\x1a\n" + os.urandom(2000)).decode()
    code = f"from IPython.display import publish_display_data as p\np({{'image/png': '{png}', 'text/plain': 'a picture'}})"
    result = yard.kernels.create(image="python3").run(code, timeout=30)
    assert result.results[0].png == base64.b64decode(png)


def test_outputs_are_readable_from_any_number_while_the_task_runs(yard: Client) -> None:
    task = yard.kernels.create(image="python3").submit(
        "import time\nfor i in range(100):\n    print(i, flush=True); time.sleep(0.02)"
    )
    wait_until(lambda: task.stdout())
    assert not task.refresh().info.is_final
    whole = [output.number for output in task.follow()]
    middle = whole[len(whole) // 2]
    assert [output.number for output in task.follow(after=middle)] == [
        number for number in whole if number > middle
    ]


def test_cancelling_a_queued_task_takes_it_out(yard: Client) -> None:
    kernel = yard.kernels.create(image="python3")
    slow, queued = (
        kernel.submit("import time; time.sleep(1); print('done')"),
        kernel.submit("print('never')"),
    )
    queued.cancel()
    assert queued.wait(timeout=30).state == "cancelled"
    assert slow.wait(timeout=30).stdout == "done\n"
    assert queued.stdout() == ""


def test_cancelling_a_running_task_keeps_its_output_and_the_next_one_runs(yard: Client) -> None:
    kernel = yard.kernels.create(image="python3")
    running = kernel.submit("import time\nprint('begun', flush=True)\ntime.sleep(600)")
    after = kernel.submit("print('next')")
    wait_until(lambda: running.stdout())
    running.cancel()
    result = running.wait(timeout=30)
    assert (result.state, result.stdout) == ("cancelled", "begun\n")
    assert [o.kind for o in running.follow() if o.kind == "error"] == []
    assert after.wait(timeout=30).stdout == "next\n"
    with pytest.raises(KernelyardError, match="already ended"):
        running.cancel()


def test_terminating_keeps_outputs_and_deleting_removes_them(
    yard: Client, live: LiveServer
) -> None:
    kernel = yard.kernels.create(image="python3")
    done = kernel.submit("print('kept')")
    done.wait(timeout=30)
    open_task = kernel.submit("import time; time.sleep(600)")
    directory = live.data_dir / "agent" / "kernels" / kernel.id
    kernel.terminate()
    kernel.wait_ended(timeout=30)
    assert kernel.refresh().state == "terminated"
    assert open_task.wait(timeout=30).state == "cancelled"
    assert yard.tasks.get(done.id).stdout() == "kept\n"
    with pytest.raises(KernelyardError, match="create a new kernel"):
        kernel.submit("print('too late')")
    kernel.delete()
    with pytest.raises(KernelyardError):
        yard.tasks.get(done.id)
    wait_until(lambda: not directory.exists())


def test_a_restart_keeps_id_and_work_directory_and_forgets_variables(yard: Client) -> None:
    kernel = yard.kernels.create(image="python3")
    kernel.run("x = 1; open('note.txt', 'w').write('kept')", timeout=30)
    running = kernel.submit("import time; time.sleep(600)")
    behind = kernel.submit("print('x' in globals(), open('note.txt').read())")
    wait_until(lambda: running.refresh().state == "running")
    kernel.restart()
    assert running.wait(timeout=30).state == "cancelled"
    assert behind.wait(timeout=30).stdout == "False kept\n"
    assert kernel.refresh().info.restarts == 1


def test_an_idle_kernel_is_terminated_after_its_limit_and_keeps_its_outputs(yard: Client) -> None:
    yard.templates.create("short-lived", max_idle_duration="1s")
    kernel = yard.kernels.create(image="python3", template="short-lived")
    result = kernel.run("import time; time.sleep(2); print('busy is not idle')", timeout=30)
    assert result.state == "succeeded"
    kernel.wait_ended(timeout=30)
    assert kernel.refresh().state == "terminated"
    assert "idle" in (kernel.info.reason or "")


def test_environments_are_united_and_the_kernels_own_wins(yard: Client) -> None:
    yard.templates.create("with-env", environment={"A": "template", "B": "template"})
    kernel = yard.kernels.create(image="python3", template="with-env", environment={"B": "kernel"})
    result = kernel.run("import os; print(os.environ['A'], os.environ['B'])", timeout=30)
    assert result.stdout == "template kernel\n"


def test_get_or_create_tells_whether_it_created(yard: Client) -> None:
    first = yard.kernels.get_or_create("only-one", image="python3")
    second = yard.kernels.get_or_create("only-one", image="python3")
    assert (first.created, second.created) == (True, False)
    assert first.id == second.id


def test_a_hundred_megabytes_arrive_whole(yard: Client) -> None:
    code = "import sys\nfor i in range(100):\n    sys.stdout.write(chr(97 + i % 26) * 1_000_000)\n    sys.stdout.flush()"
    task = yard.kernels.create(image="python3").submit(code)
    assert task.wait(timeout=50).state == "succeeded"
    text = task.stdout()
    assert len(text) == 100_000_000
    assert all(text[i * 1_000_000] == chr(97 + i % 26) for i in range(100))


def test_ten_thousand_outputs_come_in_order_without_a_hole(yard: Client) -> None:
    code = "from IPython.display import publish_display_data as p\nfor i in range(10_000):\n    p({'text/plain': str(i)})"
    task = yard.kernels.create(image="python3").submit(code)
    seen = [int(o.text or "-1") for o in task.follow() if o.kind == "display_data"]
    assert seen == list(range(10_000))


def test_a_frozen_follower_delays_nobody(yard: Client, live: LiveServer) -> None:
    task = yard.kernels.create(image="python3").submit(
        "for i in range(20000):\n    print('x' * 500, flush=i % 100 == 0)"
    )
    lazy = task.follow()
    next(lazy)
    begun = time.monotonic()
    with live.client() as other:
        assert other.tasks.get(task.id).wait(timeout=40).state == "succeeded"
    assert time.monotonic() - begun < 40
    lazy.close()


def test_a_kernel_killed_in_the_middle_says_so_and_its_task_is_lost(
    yard: Client, live: LiveServer
) -> None:
    kernel = yard.kernels.create(image="python3")
    task = kernel.submit("import time\nprint('said before', flush=True)\ntime.sleep(600)")
    behind = kernel.submit("print('never')")
    wait_until(lambda: task.stdout())
    os.kill(live.kernel_pid(kernel.id), signal.SIGKILL)
    result = task.wait(timeout=30)
    assert (result.state, result.stdout) == ("lost", "said before\n")
    assert "SIGKILL" in (result.task.reason or "")
    assert behind.wait(timeout=30).state == "cancelled"
    kernel.wait_ended(timeout=30)
    assert kernel.refresh().state == "failed"
    assert "killed by SIGKILL" in (kernel.info.reason or "")


def test_a_kernel_that_exits_by_itself_tells_its_code(yard: Client) -> None:
    kernel = yard.kernels.create(image="python3")
    result = kernel.run("print('bye', flush=True)\nimport os; os._exit(3)", timeout=30)
    assert result.state == "lost"
    kernel.wait_ended(timeout=30)
    assert "code 3" in (kernel.refresh().info.reason or "")


def test_input_is_refused_with_a_sentence(yard: Client) -> None:
    result = yard.kernels.create(image="python3").run("name = input('who? ')", timeout=30)
    assert result.state == "failed"
    assert "input" in (result.task.reason or "")
