"""Kernels that cannot start say why, and those that need something special get it."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kernelyard.agent.belongings import ProcessTable
from kernelyard.model.records import RecordKind
from kernelyard.wire import link

from tests.support.agent_process import (
    AgentProcess,
    end_of,
    ended,
    last_body,
    says,
    stdout_of,
)

IPYKERNEL = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
ONLY_TCP = """
import json, os, sys
if json.load(open(sys.argv[1]))["transport"] != "tcp":
    sys.exit("Invalid argument")
os.execv(sys.executable, [sys.executable, "-m", "ipykernel_launcher", "-f", sys.argv[1]])
"""
# Speaks the protocol as far as it must, and signs what is no JSON.
TALKS_NONSENSE = """
import hashlib, hmac, json, sys, zmq
told = json.load(open(sys.argv[1]))
at = lambda name: (
    f"{told['transport']}://{told['ip']}"
    f"{'-' if told['transport'] == 'ipc' else ':'}{told[name + '_port']}"
)
context = zmq.Context()
shell, control, iopub = (context.socket(kind) for kind in (zmq.ROUTER, zmq.ROUTER, zmq.PUB))
for name, socket in (("shell", shell), ("control", control), ("iopub", iopub)):
    socket.bind(at(name))
key = told["key"].encode()
def say(socket, first, kind, parent, content):
    header = {"msg_id": kind, "msg_type": kind, "session": "s", "username": "u",
              "date": "2026-01-01T00:00:00Z", "version": "5.3"}
    parts = [json.dumps(one).encode() for one in (header, parent, {}, content)]
    mark = hmac.new(key, b"{" + b"".join(parts[1:]), hashlib.sha256).hexdigest().encode()
    parts[0] = b"{"
    socket.send_multipart([*first, b"<IDS|MSG>", mark, *parts])
while True:
    frames = shell.recv_multipart()
    place = frames.index(b"<IDS|MSG>")
    parent = json.loads(frames[place + 2])
    say(iopub, [b"status"], "status", parent, {"execution_state": "idle"})
    say(shell, frames[:place], "kernel_info_reply", parent, {"status": "ok"})
"""
FLOODS = "import os, sys\nwhile True: os.write(2, b'x' * 65535 + b'\\n')"
FORKS = """
import os, subprocess, sys
code = "import os, time; os.setsid(); print('child', os.getpid(), flush=True); time.sleep(600)"
for _ in range(3):
    subprocess.Popen([sys.executable, "-c", code])
child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
child.stdout.readline()
sys.exit(5)
"""
HALF_A_FILE = """
import sys, time
with open(sys.argv[1], "w") as file:
    file.write('{"shell_port": 1, "iopub_port":')
time.sleep(600)
"""


SPECS = {
    "quits": {"argv": [sys.executable, "-c", "", "{connection_file}"]},
    "floods": {"argv": [sys.executable, "-c", FLOODS, "{connection_file}"]},
    "forks": {"argv": [sys.executable, "-c", FORKS, "{connection_file}"]},
    "half-a-file": {"argv": [sys.executable, "-c", HALF_A_FILE, "{connection_file}"]},
    "nonsense": {"argv": [sys.executable, "-c", TALKS_NONSENSE, "{connection_file}"]},
    "exits": {"argv": [sys.executable, "-c", "import sys; print('boom'); sys.exit(7)", "{x}"]},
    "silent": {"argv": [sys.executable, "-c", "import time; time.sleep(600)"]},
    "only-tcp": {"argv": [sys.executable, "-c", ONLY_TCP, "{connection_file}"]},
    "by-message": {"argv": IPYKERNEL, "interrupt_mode": "message"},
    "with-env": {"argv": IPYKERNEL, "env": {"COLOUR": "red-${SHADE}"}},
    "no-program": {"argv": ["/nonexistent/kernel", "{connection_file}"]},
}


@pytest.fixture
async def agent(tmp_path: Path) -> AsyncIterator[AgentProcess]:
    """An agent that finds the kernelspecs above."""
    for name, spec in SPECS.items():
        directory = tmp_path / "jupyter" / "kernels" / name
        directory.mkdir(parents=True)
        shown = {"display_name": name, "language": "python"}
        (directory / "kernel.json").write_text(json.dumps({**shown, **spec}))
    env = {"JUPYTER_PATH": str(tmp_path / "jupyter"), "SHADE": "dark"}
    process = AgentProcess(tmp_path / "data", env=env)
    try:
        await process.start()
        yield process
    finally:
        await process.clean_up()


async def test_a_kernel_that_exits_at_once_tells_code_and_log_and_ends_its_tasks(
    agent: AgentProcess,
) -> None:
    kernel = await agent.launch("exits")
    await agent.submit(kernel, "1")
    records = await agent.records(kernel)
    end = last_body(records)
    assert (end["cause"], end["exit_code"]) == ("start_failed", 7)
    assert "exited by itself with code 7" in end["reason"]
    assert "boom" in end["reason"]
    assert end_of(records, 1)["state"] == "cancelled"
    assert "never ran" in end_of(records, 1)["reason"]


async def test_a_kernel_that_never_answers_is_ended_after_its_time(agent: AgentProcess) -> None:
    kernel = await agent.launch("silent", start_timeout_seconds=1.0)
    end = last_body(await agent.records(kernel))
    assert end["cause"] == "start_failed"
    assert "did not answer within 1 s" in end["reason"]


async def test_all_ways_in_which_a_kernel_is_met_share_its_time(agent: AgentProcess) -> None:
    kernel = await agent.launch("silent", start_timeout_seconds=5.0)
    records = await agent.records(kernel)
    begun = [one.at for one in records if one.kind is RecordKind.KERNEL_LAUNCHED]
    assert len(begun) > 1
    # Some of it is used up when the last way is tried.
    assert records[-1].at - begun[-1] < 4_950_000


async def test_a_kernel_starts_in_the_directory_that_its_path_marks(
    agent: AgentProcess, tmp_path: Path
) -> None:
    for path, place in (
        (f"{tmp_path}/./notes/in.ipynb", tmp_path),
        (f"{tmp_path}/./", tmp_path),
        (f"{tmp_path}/in.ipynb", None),
        ("notes/./in.ipynb", None),
    ):
        kernel = await agent.launch(path=path)
        await agent.submit(kernel, "import os; print(os.getcwd())")
        printed = stdout_of(await agent.records(kernel, until=ended(1)), 1)
        assert printed.strip() == str(place or agent.folder(kernel) / "work")


async def test_a_directory_that_is_not_there_is_a_failed_start(
    agent: AgentProcess, tmp_path: Path
) -> None:
    kernel = await agent.launch(path=f"{tmp_path}/missing/./in.ipynb")
    end = last_body(await agent.records(kernel))
    assert end["cause"] == "start_failed"
    assert f"{tmp_path}/missing: there is no such directory" in end["reason"]


@pytest.mark.parametrize("image", ["no-program", "never-heard-of"])
async def test_an_image_that_cannot_run_is_a_failed_start(agent: AgentProcess, image: str) -> None:
    kernel = await agent.launch(image)
    records = await agent.records(kernel)
    assert [record.kind for record in records] == [RecordKind.KERNEL_ENDED]
    assert last_body(records)["cause"] == "start_failed"
    assert "could not be started" in last_body(records)["reason"]


async def test_a_kernel_that_cannot_use_unix_sockets_gets_ports(agent: AgentProcess) -> None:
    kernel = await agent.launch("only-tcp")
    await agent.submit(kernel, "print('over tcp')")
    records = await agent.records(kernel, until=ended(1))
    assert stdout_of(records, 1) == "over tcp\n"


async def test_a_kernel_that_wants_messages_is_interrupted_by_message(agent: AgentProcess) -> None:
    kernel = await agent.launch("by-message")
    code = "import time\nprint('begun', flush=True)\ntime.sleep(600)"
    tasks = await agent.submit(kernel, code, "print('next')")
    await agent.records(kernel, until=says("begun"))
    await agent.done(link.Cancel(kernel, tasks[0].task_id, 1, "no"))
    records = await agent.records(kernel, until=ended(2))
    assert end_of(records, 1)["state"] == "cancelled"
    assert stdout_of(records, 2) == "next\n"


async def test_the_environment_of_a_kernelspec_is_expanded(agent: AgentProcess) -> None:
    kernel = await agent.launch("with-env")
    await agent.submit(kernel, "import os; print(os.environ['COLOUR'])")
    records = await agent.records(kernel, until=ended(1))
    assert stdout_of(records, 1) == "red-dark\n"


async def test_a_kernel_that_exits_well_at_once_has_failed_to_start(agent: AgentProcess) -> None:
    kernel = await agent.launch("quits")
    end = last_body(await agent.records(kernel))
    assert (end["cause"], end["exit_code"]) == ("start_failed", 0)
    assert "exited by itself with code 0 before it answered" in end["reason"]


async def test_a_kernel_that_answers_in_nonsense_is_ended(agent: AgentProcess) -> None:
    kernel = await agent.launch("nonsense", start_timeout_seconds=1.5)
    end = last_body(await agent.records(kernel))
    assert end["cause"] == "start_failed"
    assert ProcessTable().processes_of(kernel, fresh=True) == set()


async def test_a_kernel_that_floods_its_log_and_never_answers_is_ended(
    agent: AgentProcess,
) -> None:
    kernel = await agent.launch("floods", start_timeout_seconds=1.0, log_bytes_limit=1_000_000)
    end = last_body(await agent.records(kernel))
    assert end["cause"] == "start_failed"
    assert len(end["reason"]) < 5000
    assert ProcessTable().processes_of(kernel, fresh=True) == set()


async def test_what_a_failed_start_has_begun_elsewhere_ends_with_it(agent: AgentProcess) -> None:
    kernel = await agent.launch("forks")
    end = last_body(await agent.records(kernel))
    assert (end["cause"], end["exit_code"]) == ("start_failed", 5)
    assert "child" in end["reason"]
    assert ProcessTable().processes_of(kernel, fresh=True) == set()


async def test_a_connection_file_that_is_half_written_is_no_connection(
    agent: AgentProcess,
) -> None:
    kernel = await agent.launch("half-a-file", start_timeout_seconds=1.0)
    end = last_body(await agent.records(kernel))
    assert end["cause"] == "start_failed"
    assert ProcessTable().processes_of(kernel, fresh=True) == set()


async def test_why_a_start_failed_is_told_as_soon_as_the_process_has_ended(
    agent: AgentProcess,
) -> None:
    kernel = await agent.launch("exits", start_timeout_seconds=600.0)
    records = await agent.records(kernel)
    said = json.loads((agent.folder(kernel) / "exit-1.json").read_bytes())
    assert 0 <= records[-1].at - said["at"] < 10_000_000
