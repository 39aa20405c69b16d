"""How a kernel ended is known whoever was dead at that moment: the agent, or the one who had started it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from pathlib import Path

import pytest

from kernelyard.agent.places import spawner_path
from kernelyard.agent.spawner.line import connect
from kernelyard.model.projection import body_of
from kernelyard.model.records import Record, RecordKind
from kernelyard.providers.process_identity import start_time_of
from kernelyard.wire import link

from tests.support.agent_process import (
    AgentProcess,
    ended,
    last_body,
    of_kind,
    says,
    stdout_of,
    wait_until,
)


def pid_of(records: list[Record]) -> int:
    """The process that was launched last."""
    launched = [one for one in records if one.kind is RecordKind.KERNEL_LAUNCHED]
    return int(str(body_of(launched[-1])["pid"]))


def spawner_of(agent: AgentProcess) -> int:
    """The pid of the spawner, as the table of processes tells."""
    mark = str(agent.data_dir).encode()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if b"spawner" in line and mark in line and start_time_of(int(entry.name)):
                return int(entry.name)
    return 0


async def test_a_signal_that_came_while_the_agent_was_dead_is_told(agent: AgentProcess) -> None:
    kernel = await agent.launch()
    await agent.submit(kernel, "print('x', flush=True); import time; time.sleep(600)")
    pid = pid_of(await agent.records(kernel, until=says("x")))
    agent.kill()
    os.kill(pid, signal.SIGKILL)
    await wait_until(lambda: start_time_of(pid) is None)
    await agent.start()
    end = last_body(await agent.records(kernel))
    assert (end["cause"], end["signal"], end["exit_code"]) == ("died", "SIGKILL", None)


async def test_an_exit_while_agent_and_spawner_were_dead_is_told(
    agent: AgentProcess, tmp_path: Path
) -> None:
    flag = tmp_path / "go"
    code = (
        "import os, time\nprint('x', flush=True)\n"
        f"while not os.path.exists({str(flag)!r}): time.sleep(0.01)\n"
        "os._exit(3)"
    )
    kernel = await agent.launch()
    await agent.submit(kernel, code)
    pid = pid_of(await agent.records(kernel, until=says("x")))
    spawner = spawner_of(agent)
    agent.kill()
    flag.touch()
    await wait_until((agent.folder(kernel) / "exit-1.json").exists)
    os.kill(spawner, signal.SIGKILL)
    assert start_time_of(pid) is None
    await agent.start()
    end = last_body(await agent.records(kernel))
    assert (end["cause"], end["signal"], end["exit_code"]) == ("died", None, 3)
    assert "exited by itself with code 3" in str(end["reason"])


async def test_kernels_live_on_without_their_spawner_and_the_next_gets_another(
    agent: AgentProcess,
) -> None:
    first = await agent.launch()
    await agent.submit(first, "x = 1")
    records = await agent.records(first, until=ended(1))
    spawner = spawner_of(agent)
    os.kill(spawner, signal.SIGKILL)
    second = await agent.launch()
    await agent.submit(second, "print('from another')")
    assert stdout_of(await agent.records(second, until=ended(1)), 1) == "from another\n"
    assert spawner_of(agent) not in (0, spawner)
    await agent.submit(first, "print(x)", first=2)
    assert stdout_of(await agent.records(first, until=ended(2)), 2) == "1\n"
    os.kill(pid_of(records), signal.SIGKILL)
    end = last_body(await agent.records(first))
    assert (end["cause"], end["signal"], end["exit_code"]) == ("died", None, None)
    assert "not known" in str(end["reason"])


async def test_an_agent_that_comes_later_uses_the_spawner_that_is_there(
    agent: AgentProcess,
) -> None:
    kernel = await agent.launch()
    await agent.records(kernel, until=of_kind(RecordKind.KERNEL_READY))
    spawner = spawner_of(agent)
    agent.kill()
    await agent.start()
    await agent.submit(kernel, "import os; os._exit(4)")
    end = last_body(await agent.records(kernel))
    assert end["exit_code"] == 4
    assert spawner_of(agent) == spawner


async def test_an_agent_that_ends_without_kernels_leaves_no_spawner(agent: AgentProcess) -> None:
    await wait_until(lambda: spawner_of(agent) != 0)
    spawner = spawner_of(agent)
    assert agent.terminate() == 0
    assert start_time_of(spawner) is None
    assert not spawner_path(agent.data_dir).exists()


async def test_only_its_owner_may_speak_to_a_spawner_and_kernels_get_none_of_our_settings(
    tmp_path: Path,
) -> None:
    agent = AgentProcess(tmp_path / "data", env={"KERNELYARD_TOKEN": "secret"})
    await agent.start()
    try:
        assert spawner_path(agent.data_dir).stat().st_mode & 0o777 == 0o600
        kernel = await agent.launch()
        code = "import os; print([k for k in os.environ if k.startswith('KERNELYARD')])"
        await agent.submit(kernel, code)
        records = await agent.records(kernel, until=ended(1))
        assert stdout_of(records, 1) == "['KERNELYARD_KERNEL_ID']\n"
        environ = await asyncio.to_thread(Path(f"/proc/{spawner_of(agent)}/environ").read_bytes)
        assert b"secret" not in environ
    finally:
        await agent.clean_up()


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="Linux only")
async def test_what_kernels_orphan_is_reaped_at_once(agent: AgentProcess) -> None:
    kernel = await agent.launch()
    code = (
        "import subprocess, sys\n"
        "out = subprocess.run([sys.executable, '-c', "
        '\'import subprocess, sys; p = subprocess.Popen([sys.executable, "-c", "input()"], '
        "stdin=subprocess.PIPE, stdout=subprocess.DEVNULL); print(p.pid, flush=True)'], "
        "capture_output=True, text=True)\n"
        "print(out.stdout)"
    )
    await agent.submit(kernel, code)
    orphan = int(stdout_of(await agent.records(kernel, until=ended(1)), 1))
    await wait_until(lambda: not Path(f"/proc/{orphan}").exists())


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="Linux only")
async def test_a_daemon_lives_as_long_as_the_kernel_of_the_code_that_has_started_it(
    agent: AgentProcess,
) -> None:
    kernel = await agent.launch()
    program = (
        "import os, time\n"
        "if os.fork(): os._exit(0)\n"
        "os.setsid()\n"
        "if pid := os.fork(): print(os.getpid(), pid, flush=True); os._exit(0)\n"
        "os.close(1); time.sleep(600)"
    )
    code = (
        "import subprocess, sys\n"
        "go_between = subprocess.Popen(\n"
        f"    [sys.executable, '-c', {program!r}],\n"
        "    stdout=subprocess.PIPE, text=True)\n"
        "print(go_between.communicate()[0])"
    )
    await agent.submit(kernel, code)
    told = stdout_of(await agent.records(kernel, until=ended(1)), 1)
    leader, daemon = map(int, told.split())
    await wait_until(lambda: not Path(f"/proc/{leader}").exists())
    assert start_time_of(daemon) is not None
    await agent.done(link.Stop(kernel, "enough"))
    await agent.records(kernel)
    await wait_until(lambda: start_time_of(daemon) is None)


async def test_word_of_ends_says_whose_they_are(agent: AgentProcess) -> None:
    kernel = await agent.launch()
    await agent.submit(kernel, "import os; os._exit(9)")
    records = await agent.records(kernel)
    said = json.loads((agent.folder(kernel) / "exit-1.json").read_bytes())
    assert (said["exit"], said["code"], said["signal"]) == (pid_of(records), 9, None)
    assert (agent.folder(kernel) / "exit-1.json").stat().st_mode & 0o777 == 0o600


async def test_one_that_talks_nonsense_to_the_spawner_is_hung_up_on(agent: AgentProcess) -> None:
    place = str(spawner_path(agent.data_dir))
    for nonsense in (b"\xff\xff\xff\xff", b"\x02\x00\x00\x00[]", b"\x01\x00\x00\x00{"):
        reader, writer = await asyncio.open_unix_connection(place)
        writer.write(nonsense)
        async with asyncio.timeout(20):
            await reader.read()
            while await reader.read(4096):
                pass
        writer.close()
    line = await connect(spawner_path(agent.data_dir))
    assert not line.lost
    line.close()
