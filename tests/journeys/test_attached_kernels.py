"""Kernels that nobody here has started: attached, watched in a directory, and always let live."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kernelyard.client import (
    AsyncClient,
    Client,
    ConflictError,
    ConnectionFileError,
    KernelEndedError,
    KernelInfo,
)

from tests.support.foreign_kernel import ForeignKernel
from tests.support.live_server import LiveServer, wait_until


@pytest.fixture
def foreign(tmp_path: Path) -> Iterator[ForeignKernel]:
    with ForeignKernel(tmp_path / "kernel.json") as kernel:
        yield kernel


def no_trace_of(secret: str, live: LiveServer, *besides: str) -> None:
    """See that a secret stands nowhere on the disk, but in the files ``besides``."""
    places = [live.data_dir, live.data_dir.parent / "server-output.txt"]
    for place in places:
        for path in place.rglob("*") if place.is_dir() else [place]:
            if path.is_file() and path.name not in besides:
                assert secret.encode() not in path.read_bytes(), path


def test_a_kernel_is_attached_and_detached_from_the_command_line(
    own: LiveServer, foreign: ForeignKernel
) -> None:
    made = own.cli("attach", str(foreign.file), "--name", "theirs", "--label", "a=b")
    assert made.returncode == 0, made.stderr
    kernel_id = made.stdout.strip()
    shown = json.loads(own.cli("kernels", "show", "theirs", "-o", "json").stdout)
    assert (shown["id"], shown["owned"], shown["labels"]) == (kernel_id, False, {"a": "b"})
    assert shown["image"]["reference"] == "foreign/kernel"
    ran = own.cli("submit", "theirs", "-c", "x = 42\nprint('from the yard')", "-f")
    assert "from the yard" in ran.stdout
    again = own.cli("attach", str(foreign.file))
    assert (again.returncode, again.stdout.strip()) == (0, kernel_id)
    assert "attached already as 'theirs'" in again.stderr
    refused = own.cli("kernels", "restart", "theirs")
    assert refused.returncode != 0
    assert "Somebody else has started this kernel" in refused.stderr
    told = own.cli("detach", "theirs")
    assert told.returncode == 0, told.stderr
    assert foreign.says("x") == "42"
    no_trace_of(foreign.key, own, "foreign.json", "connection-1.json")

    missing = own.cli("attach", str(foreign.file.parent / "nothing.json"))
    assert "cannot be read" in missing.stderr
    half = foreign.file.parent / "half.json"
    half.write_bytes(foreign.file.read_bytes()[:-30])
    broken = own.cli("attach", str(half))
    assert "is no connection file" in broken.stderr
    assert foreign.key not in broken.stderr + broken.stdout

    by_name = own.cli("attach", str(foreign.file), "--name", "again")
    assert by_name.returncode == 0, by_name.stderr
    ended = own.cli("kernels", "terminate", "again", "--shut-down")
    assert ended.returncode == 0, ended.stderr
    assert foreign.wait() == 0


def test_an_attached_kernel_outlives_servers_agents_and_the_whole_yard(
    own: LiveServer, foreign: ForeignKernel, tmp_path: Path
) -> None:
    flag = tmp_path / "go"
    with own.client() as yard:
        kernel = yard.kernels.attach(foreign.file, name="theirs").wait_ready(timeout=40)
        task = kernel.submit(
            "import os, time\n"
            f"while not os.path.exists({str(flag)!r}): print('ticks', flush=True); time.sleep(0.1)\n"
            "print('over')"
        )
        before = next(task.follow()).number
    agent = own.agent_pid()
    own.kill()
    os.kill(agent, signal.SIGKILL)
    own.start()
    wait_until(lambda: own.agent_pid() != agent)
    with own.client() as yard:
        kernel = yard.kernels.get(kernel.id)
        task = yard.tasks.get(task.id)
        heard = (one for one in task.follow(after=before) if one.kind == "gap")
        assert next(heard).number > before
        flag.touch()
        assert task.wait(timeout=40).stdout.split()[-1] == "over"
        kernel.run("y = 7").raise_for_error()
        ours = yard.kernels.create().wait_ready(timeout=40)
    own.stop()
    stop_all(own)
    assert foreign.says("y") == "7"
    own.start()
    with own.client() as yard:
        assert yard.kernels.get(ours.id).wait_ended(timeout=40).info.cause == "asked"
        let_go = yard.kernels.get(kernel.id).wait_ended(timeout=40).info
        assert (let_go.state, let_go.cause) == ("terminated", "asked")
        assert let_go.reason is not None
        assert let_go.reason.endswith("it goes on")
    no_trace_of(foreign.key, own)


async def test_a_death_is_told_and_nobody_there_is_told(
    own: LiveServer, foreign: ForeignKernel
) -> None:
    content = foreign.content
    async with AsyncClient(url=own.url, token=own.token) as yard:
        kernel = await yard.kernels.attach(content)
        await kernel.wait_ready(timeout=40)
        with pytest.raises(ConflictError, match="attached this kernel already") as refused:
            await yard.kernels.attach(content, name="another")
        assert refused.value.code == "already_attached"
        foreign.kill()
        ended = (await kernel.wait_ended(timeout=10)).info
        assert (ended.state, ended.cause, ended.exit_code) == ("failed", "died", None)
        vain = await yard.kernels.attach(content)
        with pytest.raises(KernelEndedError, match="nobody listens at tcp"):
            await vain.wait_ready(timeout=10)
        with pytest.raises(ConnectionFileError):
            await yard.kernels.attach(own.data_dir / "nothing")


def test_a_watched_directory_lists_kernels_as_they_come_and_go(tmp_path: Path) -> None:
    place = tmp_path / "runtime"
    place.mkdir()
    flags = ("--external-connection-dir", str(place))
    with (
        ForeignKernel(place / "kernel-1.json") as first,
        LiveServer(tmp_path / "data", *flags) as live,
    ):
        with live.client() as yard:
            one = lists(yard, 1)[0]
            assert one.display_name == "kernel-1.json"
            live.kill()
        live.start()
        with live.client() as yard, ForeignKernel(place / "kernel-2.json") as second:
            (place / "kernel-2.json").chmod(0o600)
            two, one_again = lists(yard, 2)
            assert one_again.id == one.id
            assert yard.kernels.get(two.id).run("1 + 1").text == "2"
            second.kill()
            assert [info.id for info in lists(yard, 1)] == [one.id]
            assert yard.kernels.get(two.id).info.cause == "died"
            first.file.rename(tmp_path / "away.json")
            lists(yard, 0)
            gone = yard.kernels.get(one.id).wait_ended(timeout=10).info
            assert gone.reason == "its connection file kernel-1.json has disappeared; it goes on"
            assert first.alive
        # The agent tells of the end, and then clears up.
        wait_until(lambda: not list(live.data_dir.rglob("foreign.json")))
        no_trace_of(json.loads((tmp_path / "away.json").read_text())["key"], live)


def stop_all(live: LiveServer) -> None:
    command = [sys.executable, "-m", "kernelyard.cli", "stop", "--all"]
    whole = [*command, "--data-dir", str(live.data_dir)]
    told = subprocess.run(whole, check=True, timeout=60, capture_output=True, text=True).stdout
    assert "Ended 1 kernel." in told, "what goes on was not ended"


def lists(yard: Client, count: int) -> list[KernelInfo]:
    """The kernels that live, once there are so many."""
    found: list[KernelInfo] = []

    def counted() -> bool:
        found[:] = [one.info for one in yard.kernels.list(state=["idle", "busy"])]
        return len(found) == count

    wait_until(counted, 20.0, lambda: str(found))
    return found
