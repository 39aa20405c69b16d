"""The real jupyter console, and a client that blocks, join kernels by the file that the command writes."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from kernelyard import Client, Kernel

from tests.support.live_server import LiveServer

CONSOLE = ("-m", "jupyter_console", "--simple-prompt")
BLOCKING = """
import json, sys
from jupyter_client import BlockingKernelClient
client = BlockingKernelClient(connection_file=sys.argv[1])
client.load_connection_file()
client.start_channels()
client.wait_for_ready(timeout=30)
client.execute_interactive("y = x + 1; print('blocking', y)", timeout=30)
client.stop_channels()
"""


@pytest.fixture
def kernel(yard: Client) -> Iterator[Kernel]:
    with yard.kernels.create() as made:
        made.run("x = 41").raise_for_error()
        yield made


@pytest.fixture
def file(live: LiveServer, kernel: Kernel, tmp_path: Path) -> Path:
    written = tmp_path / "kernel.json"
    told = live.cli("connection-info", kernel.id, "--output", str(written))
    assert (told.returncode, told.stdout.strip()) == (0, str(written)), told.stderr
    return written


def test_the_file_is_for_its_owner_only_and_the_key_is_in_no_log(
    live: LiveServer, kernel: Kernel, file: Path
) -> None:
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    info = json.loads(file.read_text())
    assert info == kernel.connection_info()
    assert info["kernel_id"] == kernel.id
    logs = [live.log, *(one.read_text() for one in live.data_dir.rglob("*.log"))]
    assert not [log for log in logs if info["key"] in log]
    rows = (live.data_dir / "kernelyard.db").read_bytes()
    assert info["key"].encode() not in rows


def test_the_real_console_joins_asks_fails_and_survives_a_restart(
    live: LiveServer, kernel: Kernel, file: Path
) -> None:
    console = pexpect.spawn(
        sys.executable, [*CONSOLE, "--existing", str(file)], encoding="utf-8", timeout=40
    )
    try:
        console.expect(r"In \[\d+\]:")
        console.sendline("print('answer', x + 1)")
        console.expect("answer 42")
        console.expect(r"In \[\d+\]:")
        console.sendline("z = input('who? ')")
        console.expect("who?")
        console.sendline("ada")
        console.expect(r"In \[\d+\]:")
        assert kernel.run("print(z)").stdout == "ada\n"
        console.sendline("1 / 0")
        console.expect("ZeroDivisionError")
        console.expect(r"In \[\d+\]:")
        kernel.restart().wait_ready(40)
        kernel.run("x = 1").raise_for_error()
        console.sendline("print('after', x + 1)")
        console.expect("after 2")
        console.expect(r"In \[\d+\]:")
        console.sendline("exit")
        console.expect(pexpect.EOF)
    finally:
        console.close(force=True)
    assert kernel.run("print(x)").raise_for_error().stdout == "1\n"


def test_a_console_with_piped_input_and_a_blocking_client_join(
    live: LiveServer, kernel: Kernel, file: Path
) -> None:
    piped = subprocess.run(
        [sys.executable, *CONSOLE, "--existing", str(file)],
        input="print('piped', x + 1)\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "piped 42" in piped.stdout, piped.stderr
    blocking = subprocess.run(
        [sys.executable, "-c", BLOCKING, str(file)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert blocking.stdout == "blocking 42\n", blocking.stderr
    assert kernel.run("print(y)").stdout == "42\n"


def test_a_closed_connection_is_void_and_the_kernel_goes_on(
    live: LiveServer, kernel: Kernel, file: Path
) -> None:
    told = live.cli("connection-info", kernel.id, "--close")
    assert told.returncode == 0, told.stderr
    before = json.loads(file.read_text())
    assert kernel.run("print(x)").stdout == "41\n"
    assert kernel.connection_info()["key"] != before["key"]
