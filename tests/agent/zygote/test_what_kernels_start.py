"""Processes, threads and handlers of a kernel's code work the same, however it was started."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from tests.agent.zygote.test_forked_lives import told_end
from tests.support.agent_process import wait_until
from tests.support.forked_kernels import ForkedKernel

MODULE = """
import os, sys

def work(number):
    return [number * 2, os.getpid(), "ipykernel" in sys.modules]
"""
POOL = """
import multiprocessing, os, sys
sys.path.insert(0, os.getcwd())
import worker
with multiprocessing.get_context({0!r}).Pool(2) as pool:
    done = pool.map(worker.work, range(4))
"""
FORKED = """
import os, random, uuid
ours, its = os.pipe()
child = os.fork()
if not child:
    os.write(its, (uuid.uuid4().hex + str(random.random())).encode())
    os._exit(7)
said = os.read(ours, 100).decode()
status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
differs = said != uuid.uuid4().hex + str(random.random())
"""
STARTED = """
import asyncio, subprocess, sys
plain = subprocess.run(["sh", "-c", "cat; echo $PPID; exit 3"], capture_output=True, text=True)
lines = get_ipython().getoutput("echo one; echo two")
async def ask():
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", "print(6 * 7)", stdout=-1)
    return (await process.communicate())[0].decode(), process.returncode
said = await ask()
"""
THREADS = """
import concurrent.futures, threading
one = threading.Thread(target=print)
one.start(); one.join()
with concurrent.futures.ThreadPoolExecutor(3) as pool:
    sums = list(pool.map(sum, [[1, 2], [3, 4]]))
"""
HANDLERS = """
import os, signal
heard = []
signal.signal(signal.SIGUSR1, lambda number, frame: heard.append(number))
os.kill(os.getpid(), signal.SIGUSR1)
signal.signal(signal.SIGALRM, lambda number, frame: heard.append(number))
signal.setitimer(signal.ITIMER_REAL, 0.001)
while len(heard) < 2:
    signal.pause() if not heard else None
"""
AT_EXIT = """
import atexit, weakref
class Thing: pass
thing = Thing()
def note(word):
    with open("notes", "a") as file:
        file.write(word + " ")
atexit.register(note, "first")
atexit.register(note, "second")
weakref.finalize(thing, note, "finalized")
"""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
async def test_pools_of_multiprocessing_work(any_kernel: ForkedKernel, method: str) -> None:
    (any_kernel.place / "worker.py").write_text(MODULE)
    said = await any_kernel.run(POOL.format(method))
    assert said.content["status"] == "ok", said
    done = await any_kernel.value("done")
    assert [one[0] for one in done] == [0, 2, 4, 6]
    assert any_kernel.pid not in {one[1] for one in done}
    assert {one[2] for one in done} == {method == "fork"}


async def test_code_may_fork_and_start_programs(any_kernel: ForkedKernel) -> None:
    assert (await any_kernel.run(FORKED)).content["status"] == "ok"
    assert await any_kernel.value("[status, differs, len(said) > 40]") == [7, True, True]
    said = await any_kernel.run(STARTED)
    assert said.content["status"] == "ok", said
    plain = await any_kernel.value("[plain.stdout, plain.returncode]")
    assert plain == [f"{any_kernel.pid}\n", 3]
    assert await any_kernel.value("[lines, said]") == [["one", "two"], ["42\n", 0]]
    orphan = await any_kernel.value("get_ipython().getoutput('sleep 0.01 & echo $!')[0]")
    await wait_until(lambda: not Path(f"/proc/{orphan}").exists())


async def test_what_children_print_is_the_kernels_output(any_kernel: ForkedKernel) -> None:
    await any_kernel.run("1")
    any_kernel.send("execute_request", {"code": "import os; os.system('echo from a child')"})
    assert "from a child" in (await any_kernel.published("stream"))["content"]["text"]
    assert (await any_kernel.replied())["content"]["status"] == "ok"
    any_kernel.send("execute_request", {"code": "%%bash\necho from a magic"})
    assert "from a magic" in (await any_kernel.published("stream"))["content"]["text"]


async def test_threads_signals_and_timers_work(any_kernel: ForkedKernel) -> None:
    assert (await any_kernel.run(THREADS)).content["status"] == "ok"
    assert await any_kernel.value("sums") == [3, 7]
    assert (await any_kernel.run(HANDLERS)).content["status"] == "ok"
    assert await any_kernel.value("heard") == [signal.SIGUSR1, signal.SIGALRM]


async def test_a_signal_that_code_does_not_handle_ends_it(any_kernel: ForkedKernel) -> None:
    await any_kernel.run("1")
    any_kernel.signal(signal.SIGTERM)
    any_kernel.abandon()
    assert await told_end(any_kernel) == (None, signal.SIGTERM)


async def test_what_is_to_be_done_at_exit_is_done_once_and_in_order(
    any_kernel: ForkedKernel,
) -> None:
    await any_kernel.run(AT_EXIT)
    # A child that does not end by itself takes none of it over.
    await any_kernel.run("import os; child = os.fork() or os._exit(0); os.waitpid(child, 0)")
    any_kernel.abandon()
    asking = asyncio.create_task(any_kernel.control("shutdown_request", {"restart": False}))
    assert (await told_end(any_kernel))[0] == 0
    asking.cancel()
    notes = any_kernel.place / "notes"
    assert notes.read_text().split() == ["second", "first", "finalized"]


async def test_exit_ends_it_with_code_0(any_kernel: ForkedKernel) -> None:
    await any_kernel.run("1")
    any_kernel.abandon()
    any_kernel.send("execute_request", {"code": "exit()", "silent": False})
    assert (await told_end(any_kernel))[0] == 0


async def test_a_crash_in_native_code_leaves_a_trace(any_kernel: ForkedKernel) -> None:
    await any_kernel.run("1")
    any_kernel.abandon()
    any_kernel.send("execute_request", {"code": "import ctypes; ctypes.string_at(0)"})
    assert await told_end(any_kernel) == (None, signal.SIGSEGV)
    assert (
        "ctypes.string_at" in (any_kernel.place / "log").read_text()
        or "string_at" in (any_kernel.place / "log").read_text()
    )


async def test_a_cell_with_a_child_is_interrupted(any_kernel: ForkedKernel) -> None:
    await any_kernel.run("1")
    code = "import subprocess; open('runs', 'w').close(); subprocess.run(['sleep', '600'])"
    running = asyncio.create_task(any_kernel.run(code))
    await wait_until((any_kernel.place / "runs").exists)
    os.killpg(any_kernel.pid, signal.SIGINT)
    assert (await running).content["ename"] == "KeyboardInterrupt"
