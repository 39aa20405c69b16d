"""A kernel's log: offsets never change their meaning, and space is given back while it is written."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kernelyard.agent.endings import start_failed
from kernelyard.agent.holes import begin_of_data, can_free, free_head
from kernelyard.agent.kernel_log import LEAST, MOST_AT_ONCE, KernelLog
from kernelyard.agent.log_keeping import LogKeeper
from kernelyard.agent.logs import Log
from kernelyard.model.errors import Invalid
from kernelyard.model.records import RecordKind
from kernelyard.wire import link

from tests.support.agent_process import AgentProcess, ended, last_body, of_kind, says, wait_until

LIMIT = 256 * 1024


def refuse(descriptor: int, end: int) -> int:
    """Free the head of a file as a file system does that cannot."""
    raise OSError(errno.EOPNOTSUPP, "Operation not supported")


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Callable[[bytes], int]]:
    """A process that appends to the log, whatever others do to the file."""
    descriptor = os.open(tmp_path / "kernel.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    yield lambda data: os.write(descriptor, data)
    os.close(descriptor)


def lines(first: int, last: int) -> bytes:
    return b"".join(b"%09d\n" % number for number in range(first, last))


@pytest.mark.parametrize("free", [free_head, refuse], ids=["holes", "without holes"])
def test_what_is_over_the_limit_is_given_back_and_offsets_stay(
    tmp_path: Path, writer: Callable[[bytes], int], free: Callable[[int, int], int]
) -> None:
    log = KernelLog(tmp_path / "kernel.log", free)
    for begin in range(0, 200_000, 20_000):
        writer(lines(begin, begin + 20_000))
        assert log.size == (begin + 20_000) * 10
        if log.is_over(LIMIT):
            log.trim(LIMIT)
        again = KernelLog(tmp_path / "kernel.log", free)
        part = again.read(None, 100)
        assert (part.size, part.end) == (log.size, log.size)
        assert part.data == lines(begin + 19_990, begin + 20_000)
        kept = again.read(part.kept_from, MOST_AT_ONCE)
        assert part.size - LIMIT <= part.kept_from <= part.size - LIMIT // 2
        assert kept.data == lines(0, begin + 20_000)[kept.begin :]
        assert again.read(0, 10) == again.read(part.kept_from, 10)
    assert (tmp_path / "kernel.log").stat().st_blocks * 512 <= LIMIT + 2 * 4096


def test_a_log_within_its_limit_or_without_one_is_left_alone(
    tmp_path: Path, writer: Callable[[bytes], int]
) -> None:
    log = KernelLog(tmp_path / "kernel.log")
    writer(b"x" * (LEAST + 1))
    assert log.is_over(1)
    assert not log.is_over(0)
    assert not log.is_over(2 * LEAST)
    log.trim(2 * LEAST)
    assert log.read(0, 10).kept_from == 0


def test_the_tail_is_made_of_what_was_printed_since(
    tmp_path: Path, writer: Callable[[bytes], int]
) -> None:
    log = KernelLog(tmp_path / "kernel.log")
    assert log.tail(0) == ""
    writer(b"old\n")
    begin = log.size
    writer(lines(0, 1000) + b"torn \xff")
    assert log.tail(begin).splitlines()[-2:] == ["000000999", "torn \N{REPLACEMENT CHARACTER}"]
    assert log.tail(begin + 10_000) == "torn \N{REPLACEMENT CHARACTER}"
    assert log.tail(log.size) == ""
    log.path.unlink()
    assert log.tail(begin) == ""


def test_reading_from_outside_the_log_is_refused(
    tmp_path: Path, writer: Callable[[bytes], int]
) -> None:
    writer(b"0123456789")
    log = KernelLog(tmp_path / "kernel.log")
    assert log.read(10, 5).data == b""
    for begin in (11, -1):
        with pytest.raises(Invalid, match="10 bytes"):
            log.read(begin, 5)
    assert len(log.read(0, -7).data) == 1
    assert len(log.read(0, 10**12).data) == 10


@pytest.mark.parametrize("kind", ["link", "pipe", "directory"])
def test_only_an_ordinary_file_is_read(tmp_path: Path, kind: str) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"s" * (2 * LEAST))
    place = tmp_path / "kernel.log"
    {
        "link": lambda: place.symlink_to(secret),
        "pipe": lambda: os.mkfifo(place),
        "directory": place.mkdir,
    }[kind]()
    log = KernelLog(place)
    log.trim(1)
    assert log.read(None, 100).data == b""
    assert log.size == 0
    assert log.tail(0) == ""
    assert secret.stat().st_size == 2 * LEAST
    assert secret.stat().st_blocks * 512 >= 2 * LEAST


def test_holes_can_be_punched_and_found_again_here(tmp_path: Path) -> None:
    assert can_free(tmp_path)
    assert not can_free(tmp_path / "missing")
    assert list(tmp_path.iterdir()) == []
    path = tmp_path / "file"
    path.write_bytes(b"x" * 10_000)
    with path.open("rb+") as file:
        assert free_head(file.fileno(), 4095) == 0
        assert free_head(file.fileno(), 9000) == begin_of_data(file.fileno()) == 8192
        assert free_head(file.fileno(), 12_288) == 12_288
        assert begin_of_data(file.fileno()) == 10_000
    assert path.read_bytes() == bytes(10_000)


async def test_logs_that_live_and_those_that_have_just_ended_are_looked_at(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("one", "two")]
    living = [(KernelLog(path), LIMIT) for path in paths]
    keeper = LogKeeper(lambda: living, Log())
    await keeper.look()
    del living[1]
    for path in paths:
        path.write_bytes(b"x" * 10 * LIMIT)
    await keeper.look()
    assert [path.stat().st_blocks * 512 < 2 * LIMIT for path in paths] == [True, True]


async def test_a_kernel_that_floods_its_log_keeps_the_end_of_it(agent: AgentProcess) -> None:
    kernel = await agent.launch(log_bytes_limit=LIMIT)
    flood = "import os\nfor n in range(20_000): os.write(2, b'%099d\\n' % n)"
    await agent.submit(kernel, flood)
    await agent.records(kernel, until=ended(1))
    file = agent.folder(kernel) / "kernel.log"
    await wait_until(lambda: file.stat().st_blocks * 512 <= LIMIT)
    part = await agent.ask(link.Log(kernel, most=500))
    assert isinstance(part, link.LogPart)
    assert part.data.endswith(b"19999\n")
    assert part.size - part.kept_from <= LIMIT < part.size
    agent.kill()
    await agent.start()
    assert await agent.ask(link.Log(kernel, most=500)) == part
    beyond = await agent.ask(link.Log(kernel, begin=part.size + 1))
    assert isinstance(beyond, link.Fault)
    assert beyond.code == "invalid"


async def test_what_is_printed_while_no_agent_runs_is_there(
    agent: AgentProcess, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    kernel = await agent.launch(log_bytes_limit=LIMIT)
    wait = (
        f"import os, time\nprint('waits')\nwhile not os.path.exists({str(go)!r}): time.sleep(0.01)"
    )
    flood = "for n in range(20_000): os.write(2, b'%099d\\n' % n)"
    await agent.submit(kernel, f"{wait}\n{flood}")
    await agent.records(kernel, until=says("waits"))
    agent.kill()
    go.touch()
    file = agent.folder(kernel) / "kernel.log"
    await wait_until(lambda: file.read_bytes().endswith(b"19999\n"))
    await agent.start()
    await wait_until(lambda: file.stat().st_blocks * 512 <= LIMIT)
    part = await agent.ask(link.Log(kernel, most=6))
    assert isinstance(part, link.LogPart)
    assert part.data == b"19999\n"


async def test_why_a_kernel_died_is_told_from_the_end_of_its_log(agent: AgentProcess) -> None:
    kernel = await agent.launch(log_bytes_limit=LEAST)
    die = (
        "import os\nfor n in range(30_000): os.write(1, b'%099d\\n' % n)\n"
        "os.write(2, b'no more\\n')\nos._exit(7)"
    )
    await agent.submit(kernel, die)
    reason = str(last_body(await agent.records(kernel))["reason"])
    assert reason.startswith("exited by itself with code 7")
    assert reason.endswith("29999\nno more")
    part = await agent.ask(link.Log(kernel, most=8))
    assert isinstance(part, link.LogPart)
    assert part.data == b"no more\n"


async def test_a_kernel_nobody_knows_has_no_log(agent: AgentProcess) -> None:
    reply = await agent.ask(link.Log("6f1c0de2-4a53-4c0f-9d1e-0f5a2b7c8d90"))
    assert isinstance(reply, link.Fault)
    assert reply.code == "kernel_not_found"
    kernel = await agent.launch()
    await agent.records(kernel, until=of_kind(RecordKind.KERNEL_READY))
    assert isinstance(await agent.ask(link.Log(kernel, begin=0)), link.LogPart)


def test_what_was_raised_last_is_told_however_much_was_printed_after_it(tmp_path: Path) -> None:
    frame = '  File "x.py", line 1, in <module>\n    ' + "x" * 300 + "\n"
    trace = f"Traceback (most recent call last):\n{frame * 9}OSError: octave not found\n"
    log = tmp_path / "log"
    for after in ("", "noise\n" * 30, ("n" * 300 + "\n") * 30):
        log.write_text(trace + after)
        reason = start_failed("no answer", KernelLog(log).tail(0)).reason
        assert "\nOSError: octave not found" in reason
        assert len(reason) < 3000
    log.write_text(trace.replace("not found", "not found" + "!" * 5000))
    assert "OSError: octave not found" in start_failed("", KernelLog(log).tail(0)).reason
