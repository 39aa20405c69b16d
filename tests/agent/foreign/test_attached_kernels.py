"""A real agent attaches real kernels that it has not started."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import msgspec
import pytest
import zmq

from kernelyard.cli.ending import end_kernels
from kernelyard.model.records import RecordKind
from kernelyard.wire import link
from kernelyard.wire.foreign import Deposit, foreign_connection

from tests.support.agent_process import (
    AgentProcess,
    end_of,
    ended,
    last_body,
    of_kind,
    says,
    stdout_of,
    wait_until,
)
from tests.support.foreign_kernel import PORTS, ForeignKernel

QUICKLY = 5.0
LONGER_THAN_IT_MAY_BE_SILENT = 1.5


@pytest.fixture
def short() -> Iterator[Path]:
    """A directory whose path is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="ky-") as path:
        yield Path(path)


@pytest.fixture
def kernel(tmp_path: Path) -> Iterator[ForeignKernel]:
    with ForeignKernel(tmp_path / "kernel.json") as kernel:
        yield kernel


async def attach(agent: AgentProcess, content: bytes, *, wait: float = 60.0, **how: object) -> str:
    kernel_id = str(uuid4())
    deposit = Deposit(kernel_id=kernel_id, connection=foreign_connection(content), **how)
    await agent.done(deposit)
    order = {"kernel_id": kernel_id, "owned": False, "start_timeout_seconds": wait}
    await agent.launch("python3", provider="foreign", restart_policy="on-death", **order)
    return kernel_id


async def taken_in(agent: AgentProcess, kernel: ForeignKernel, **how: object) -> str:
    """Attach a kernel and wait until it is ready."""
    kernel_id = await attach(agent, kernel.file.read_bytes(), **how)
    await agent.records(kernel_id, until=of_kind(RecordKind.KERNEL_READY))
    return kernel_id


async def test_it_runs_tasks_and_is_let_go_of_with_its_variables(
    agent: AgentProcess, kernel: ForeignKernel
) -> None:
    mine = await taken_in(agent, kernel)
    endless = "print('endless begins', flush=True)\nwhile True: pass"
    await agent.submit(mine, "x = 6 * 7\nprint('hello')", "1 / 0", endless)
    records = await agent.records(mine, until=says("endless begins"))
    assert stdout_of(records, 1) == "hello\n", records
    assert end_of(records, 2)["error"]["name"] == "ZeroDivisionError"
    await agent.ask(link.Interrupt(mine))
    interrupted = await agent.records(mine, until=ended(3))
    assert end_of(interrupted, 3)["error"]["name"] == "KeyboardInterrupt"
    await agent.done(link.Stop(mine, "detached by ann"))
    end = last_body(await agent.records(mine))
    assert (end["cause"], end["reason"]) == ("asked", "detached by ann; it goes on")
    assert kernel.alive
    assert kernel.says("x") == "42"
    await wait_until(lambda: kernel.key not in everything_kept(agent, mine))


async def test_one_over_unix_sockets_is_attached_too(agent: AgentProcess, short: Path) -> None:
    with ForeignKernel.over_ipc(short) as kernel:
        mine = await taken_in(agent, kernel)
        await agent.submit(mine, "print('over ipc')")
        assert stdout_of(await agent.records(mine, until=ended(1)), 1) == "over ipc\n"
        await agent.done(link.Stop(mine, "enough"))
        await agent.records(mine)
        assert kernel.says("1 + 1") == "2"
        again = await taken_in(agent, kernel)
        kernel.kill()
        assert last_body(await agent.records(again))["cause"] == "died"


async def test_who_has_sent_the_signal_that_ended_it_is_told(
    agent: AgentProcess, kernel: ForeignKernel
) -> None:
    mine = await taken_in(agent, kernel, pid=kernel.pid)
    assert await agent.ask(link.Signal(mine, 9, "ann")) == link.Signalled(delivered=True)
    end = last_body(await agent.records(mine))
    assert end["cause"] == "died"
    assert "SIGKILL was sent to it by ann just before" in end["reason"]


@pytest.mark.parametrize("known", [True, False])
async def test_its_death_is_told_at_once_and_it_is_not_started_again(
    agent: AgentProcess, kernel: ForeignKernel, *, known: bool
) -> None:
    # Who stands between does not hold the socket that the kernel does.
    mine = await taken_in(agent, kernel, pid=kernel.pid if known else None)
    await agent.submit(mine, "print('here', flush=True)\nwhile True: pass", "never")
    await agent.records(mine, until=says("here"))
    begin = time.monotonic()
    kernel.kill()
    records = await agent.records(mine)
    assert time.monotonic() - begin < QUICKLY
    end = last_body(records)
    assert (end["cause"], end["exit_code"], end["signal"]) == ("died", None, None)
    assert f"its process {kernel.pid} ended" in end["reason"]
    assert end_of(records, 1)["state"] == "lost"
    assert end_of(records, 2)["state"] == "cancelled"
    assert not list(filter(of_kind(RecordKind.KERNEL_RESTARTING), records))


async def test_what_others_run_there_belongs_to_no_task_of_ours(
    agent: AgentProcess, kernel: ForeignKernel
) -> None:
    mine = await taken_in(agent, kernel)
    await agent.submit(mine, "import time\nprint('mine')\ntime.sleep(1)\nprint('still mine')")
    await agent.records(mine, until=says("mine"))
    other = kernel.client()
    other.execute("print('theirs')\n1 / 0")
    records = await agent.records(mine, until=says("theirs"))
    other.stop_channels()
    await agent.submit(mine, "print('after')", first=2)
    records = await agent.records(mine, until=ended(2))
    assert stdout_of(records, 1) == "mine\nstill mine\n"
    assert end_of(records, 1)["state"] == "succeeded"
    assert stdout_of(records, 2) == "after\n"
    theirs = [one for one in records if one.seq == 0 and b"theirs" in one.body]
    assert theirs


async def test_one_that_is_busy_when_it_is_attached_is_waited_for(
    agent: AgentProcess, kernel: ForeignKernel, tmp_path: Path
) -> None:
    flag = tmp_path / "go"
    other = kernel.client()
    other.execute(f"import os, time\nwhile not os.path.exists({str(flag)!r}): time.sleep(0.01)")
    await wait_until(lambda: other.get_iopub_msg(timeout=30)["msg_type"] == "execute_input")
    other.stop_channels()
    mine = await attach(agent, kernel.file.read_bytes(), wait=1.0)
    await agent.submit(mine, "print('at last')")
    await agent.records(mine, until=of_kind(RecordKind.KERNEL_LAUNCHED))
    begin = time.monotonic()
    await wait_until(lambda: time.monotonic() - begin > LONGER_THAN_IT_MAY_BE_SILENT)
    assert mine in (await agent.ask(link.Hello())).kernels
    flag.touch()
    assert stdout_of(await agent.records(mine, until=ended(1)), 1) == "at last\n"


async def test_an_agent_that_was_killed_finds_it_again(
    agent: AgentProcess, kernel: ForeignKernel, tmp_path: Path
) -> None:
    flag = tmp_path / "go"
    mine = await taken_in(agent, kernel)
    await agent.submit(
        mine,
        "import os, time\nprint('before', flush=True)\n"
        f"while not os.path.exists({str(flag)!r}): time.sleep(0.01)\n"
        "print('after')",
        "print('queued')",
    )
    await agent.records(mine, until=says("before"))
    agent.kill()
    await agent.start()
    assert mine in (await agent.ask(link.Hello())).kernels
    flag.touch()
    records = await agent.records(mine, until=ended(2))
    assert stdout_of(records, 1) == "before\nafter\n"
    assert stdout_of(records, 2) == "queued\n"
    assert list(filter(of_kind(RecordKind.GAP), records))
    agent.kill()
    assert end_kernels(agent.data_dir) == 0, "it is not among what is to be ended"
    kernel.kill()
    await agent.start()
    assert last_body(await agent.records(mine))["cause"] == "died"
    await wait_until(lambda: kernel.key not in everything_kept(agent, mine))


async def test_ending_everything_lets_go_of_it(agent: AgentProcess, kernel: ForeignKernel) -> None:
    mine = await taken_in(agent, kernel)
    await agent.done(link.Restart(mine, 2, "nobody may ask for this"))
    ours = await agent.launch()
    await agent.records(ours, until=of_kind(RecordKind.KERNEL_READY))
    await agent.done(link.Quit(stop_kernels=True))
    await agent.wait()
    assert kernel.says("'alive'") == "'alive'"
    await wait_until(lambda: kernel.key not in everything_kept(agent, mine))


async def test_it_is_shut_down_by_name_even_if_it_is_busy(
    agent: AgentProcess, kernel: ForeignKernel
) -> None:
    mine = await taken_in(agent, kernel)
    await agent.submit(mine, "print('here', flush=True)\nwhile True: pass")
    await agent.records(mine, until=says("here"))
    await agent.done(link.Stop(mine, "shut down by ann", shut_down=True))
    end = last_body(await agent.records(mine))
    assert (end["cause"], end["reason"]) == ("asked", "shut down by ann")
    assert kernel.wait() == 0


async def test_it_is_let_go_of_when_its_time_is_over(
    agent: AgentProcess, kernel: ForeignKernel
) -> None:
    kernel_id = str(uuid4())
    connection = foreign_connection(kernel.file.read_bytes())
    await agent.done(Deposit(kernel_id=kernel_id, connection=connection))
    await agent.launch(kernel_id=kernel_id, owned=False, max_idle_seconds=0.5)
    end = last_body(await agent.records(kernel_id))
    assert end["cause"] == "idle"
    assert end["reason"].endswith("it goes on")
    assert kernel.says("1") == "1"


async def test_a_task_that_does_not_stop_costs_it_nothing(
    agent: AgentProcess, kernel: ForeignKernel
) -> None:
    mine = await taken_in(agent, kernel)
    code = (
        "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "print('deaf', flush=True)\nimport time\ntime.sleep(1.5)"
    )
    (task,) = await agent.submit(mine, code)
    await agent.records(mine, until=says("deaf"))
    how = link.Cancellation(allow_restart=True, grace_seconds=0.1)
    await agent.done(link.Cancel(mine, task.task_id, 1, "enough", how))
    records = await agent.records(mine, until=ended(1))
    assert not list(filter(of_kind(RecordKind.KERNEL_RESTARTING), records))
    assert kernel.alive


async def test_it_is_interrupted_by_a_signal_where_that_is_wanted(
    agent: AgentProcess, kernel: ForeignKernel
) -> None:
    mine = await taken_in(agent, kernel, interrupt_by="signal")
    await agent.submit(mine, "print('here', flush=True)\nwhile True: pass")
    await agent.records(mine, until=says("here"))
    await agent.ask(link.Interrupt(mine))
    records = await agent.records(mine, until=ended(1))
    assert end_of(records, 1)["error"]["name"] == "KeyboardInterrupt"


async def test_a_wrong_pid_is_refused_and_never_signalled(
    agent: AgentProcess, kernel: ForeignKernel
) -> None:
    mine = await attach(agent, kernel.file.read_bytes(), pid=os.getpid(), interrupt_by="signal")
    end = last_body(await agent.records(mine))
    assert end["cause"] == "start_failed"
    assert f"process {os.getpid()} does not listen at its address" in end["reason"]
    assert f"process {kernel.pid} does" in end["reason"]


@pytest.mark.parametrize("wrong", [b"not-the-key", b""])
async def test_a_wrong_key_is_told_as_soon_as_it_is_known(
    agent: AgentProcess, kernel: ForeignKernel, wrong: bytes
) -> None:
    content = kernel.file.read_bytes().replace(kernel.key.encode(), wrong)
    begin = time.monotonic()
    end = last_body(await agent.records(await attach(agent, content)))
    assert time.monotonic() - begin < QUICKLY
    assert end["cause"] == "start_failed"
    assert "not signed with the key in its connection file" in end["reason"]
    assert kernel.says("1") == "1"


async def test_one_that_never_says_anything_is_given_up(agent: AgentProcess) -> None:
    context = zmq.Context()
    kinds = (zmq.ROUTER, zmq.PUB, zmq.ROUTER, zmq.ROUTER, zmq.ROUTER)
    sockets = [context.socket(kind) for kind in kinds]
    ports = {
        f"{name}_port": socket.bind_to_random_port("tcp://127.0.0.1")
        for name, socket in zip(PORTS, sockets, strict=True)
    }
    content = msgspec.json.encode({"key": "k", **ports})
    end = last_body(await agent.records(await attach(agent, content, wait=0.5)))
    context.destroy(linger=0)
    assert end["reason"].startswith(
        "it could not be attached: it did not answer within 0.5 s: the key"
    )


async def test_nobody_there_is_told_within_seconds(
    agent: AgentProcess, kernel: ForeignKernel, short: Path
) -> None:
    content = kernel.file.read_bytes()
    kernel.kill()
    begin = time.monotonic()
    tcp = last_body(await agent.records(await attach(agent, content)))
    (short / "k-4").touch()
    ports = {f"{name}_port": place for place, name in enumerate(PORTS, 1)}
    no_socket = {"transport": "ipc", "ip": str(short / "k"), "key": "k", **ports}
    ipc = last_body(await agent.records(await attach(agent, msgspec.json.encode(no_socket))))
    missing = {**no_socket, "ip": str(short / "other")}
    gone = last_body(await agent.records(await attach(agent, msgspec.json.encode(missing))))
    assert time.monotonic() - begin < QUICKLY
    assert "nobody listens at tcp://127.0.0.1:" in tcp["reason"]
    assert "that is no socket" in ipc["reason"]
    assert "there is no such socket" in gone["reason"]


async def test_what_is_no_kernel_is_told(agent: AgentProcess) -> None:
    async def hum(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ready\r\n")
        await reader.read()
        writer.close()

    server = await asyncio.start_server(hum, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    ports = {
        f"{name}_port": port if name == "control" else place for place, name in enumerate(PORTS, 1)
    }
    mine = await attach(agent, msgspec.json.encode({"key": "k", **ports}))
    assert "is no kernel" in last_body(await agent.records(mine))["reason"]
    server.close()


async def test_one_whose_deposit_was_lost_says_so(agent: AgentProcess) -> None:
    kernel_id = await agent.launch(provider="foreign", owned=False)
    end = last_body(await agent.records(kernel_id))
    assert "attach it again" in end["reason"]


async def test_deposits_that_nobody_came_for_are_forgotten(
    agent: AgentProcess, kernel: ForeignKernel
) -> None:
    connection = foreign_connection(kernel.file.read_bytes())
    left, kept = str(uuid4()), str(uuid4())
    for kernel_id in (left, kept):
        await agent.done(Deposit(kernel_id=kernel_id, connection=connection))
    deposit = agent.folder(left) / "foreign.json"
    assert deposit.stat().st_mode & 0o777 == 0o600
    os.utime(deposit, (0, 0))
    agent.kill()
    await agent.start()
    assert not agent.folder(left).exists()
    assert agent.folder(kept).exists()
    await agent.done(link.Forget(kept))
    assert not agent.folder(kept).exists()


def everything_kept(agent: AgentProcess, kernel_id: str) -> str:
    """All that lies in the data directory once a kernel has ended."""
    files = [path for path in agent.data_dir.rglob("*") if path.is_file()]
    assert agent.folder(kernel_id) / "journal" in files
    return "".join(path.read_bytes().decode("latin-1") for path in files)
