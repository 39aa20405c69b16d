"""What a kernel's process prints is read with the real thing, and what was kept long enough goes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from kernelyard import Client

from tests.support.live_server import LiveServer, wait_until

NOISE = "import os\nfor n in range(3): os.write(2, b'from below %d\\n' % n)\nprint('said')"


def test_a_log_is_read_and_followed_to_the_kernels_end(live: LiveServer, yard: Client) -> None:
    kernel = yard.kernels.create(image="python3")
    assert kernel.run(NOISE).stdout == "said\n"
    log = kernel.logs()
    assert "from below 2\n" in log.text
    assert (log.end, log.more) == (log.size, False)
    told = live.cli("logs", kernel.id, "-n", "1")
    assert (told.returncode, told.stdout) == (0, "from below 2\n")
    command = [sys.executable, "-m", "kernelyard.cli", "logs", kernel.id, "-f"]
    command += ["--data-dir", str(live.data_dir)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as following:
        kernel.run("os.write(1, b'the last\\n')")
        kernel.terminate()
        out, _ = following.communicate(timeout=30)
    assert following.returncode == 0
    assert "from below 2\nthe last\n" in out
    assert kernel.logs(after=log.end).text == "the last\n"


def test_outputs_and_files_go_and_the_story_stays(tmp_path: Path) -> None:
    with LiveServer(tmp_path / "data") as server:
        with server.client() as yard:
            kernel = yard.kernels.create(image="python3", name="old")
            task = kernel.submit("open('result', 'w').write('x')\nprint('said')")
            assert task.wait(timeout=60).stdout == "said\n"
            kernel.terminate().wait_ended(timeout=30)
        folder = server.data_dir / "agent" / "kernels" / kernel.id
        assert (folder / "work" / "result").exists()
        server.stop()
    with (
        LiveServer(tmp_path / "data", "--keep-outputs", "10ms") as server,
        server.client() as yard,
    ):
        wait_until(lambda: yard.kernels.get(kernel.id).info.outputs_removed_at is not None, 60)
        assert not folder.exists()
        # The mark is set before the first output goes; until then they are told.
        wait_until(lambda: yard.tasks.get(task.id).wait(timeout=30).outputs_removed)
        result = yard.tasks.get(task.id).wait(timeout=30)
        assert (result.state, result.stdout, result.outputs_removed) == ("succeeded", "", True)
        assert list(yard.tasks.get(task.id).follow()) == []
        assert yard.kernels.get(kernel.id).logs().text == ""
        told = server.cli("tail", "-f", task.id)
        assert told.returncode == 0
        assert "outputs were removed" in told.stderr
