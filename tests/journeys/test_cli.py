"""The real command line against a real server, agent and kernels."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

from kernelyard.cli.runtime_files import lock_holder

from tests.support.live_server import processes_of, wait_until

SLOW = "import time\nfor i in range(60):\n    print('line', i, flush=True); time.sleep(0.25)"


class Shell:
    """Runs ``kernelyard`` on a data directory of its own."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self._env = {k: v for k, v in os.environ.items() if not k.startswith("KERNELYARD_")}
        self._env["KERNELYARD_DATA_DIR"] = str(data_dir)

    def __call__(self, *words: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "kernelyard.cli", *words],
            env=self._env,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )

    def json(self, *words: str) -> Any:
        told = self(*words, "-o", "json")
        assert told.returncode == 0, told.stderr
        return json.loads(told.stdout)

    def begin(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "kernelyard.cli", *words],
            env=self._env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    shell = Shell(tmp_path_factory.mktemp("cli") / "data")
    # Whichever test comes first finds a server: only some commands start one.
    begun = shell("run", "-c", "1")
    assert begun.returncode == 0, begun.stderr
    yield shell
    ended = shell("stop", "--all")
    assert ended.returncode == 0, ended.stderr
    assert processes_of(shell.data_dir) == []


@pytest.fixture
def notebook(tmp_path: Path) -> Callable[..., Path]:
    def write(*cells: str) -> Path:
        path = tmp_path / "book.ipynb"
        v4 = nbformat.v4
        nbformat.write(v4.new_notebook(cells=[v4.new_code_cell(one) for one in cells]), path)
        return path

    return write


def test_run_starts_a_server_by_itself_and_prints_what_the_code_says(shell: Shell) -> None:
    told = shell("run", "-c", "import sys; print(6 * 7); print('!', file=sys.stderr); 'value'")
    assert (told.returncode, told.stdout) == (0, "42\n'value'\n")
    assert "!\n" in told.stderr


def test_a_file_and_standard_input_are_sources_too(shell: Shell, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text("print('grüß dich')")
    assert shell("run", str(program)).stdout == "grüß dich\n"
    assert shell("run", "-", stdin="print('from stdin')").stdout == "from stdin\n"


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["-c", "1/0"], 1, "ZeroDivisionError"),
        (["-c", "import os; os._exit(3)"], 3, "exited by itself with code 3"),
        (["-c", "1", "--image", "no-such-image"], 3, "no-such-image"),
        (["-c", "input()"], 1, "nobody can answer a prompt"),
        (["-c", "import sys; sys.exit()"], 0, ""),
        (["-c", "import sys; sys.exit(4)"], 4, ""),
        (["-c", "import sys; sys.exit('no data')"], 1, "no data\n"),
        (["-c", "open('no-such-file')"], 1, "the kernel's own work directory"),
        (["-c", "while True: pass", "--timeout", "3"], 124, "Not finished after 3 s"),
    ],
)
def test_the_exit_status_is_that_of_the_run(
    shell: Shell, arguments: list[str], status: int, said: str
) -> None:
    told = shell("run", *arguments)
    assert told.returncode == status
    assert said in told.stderr
    assert told.stdout == ""
    assert "To exit: use" not in told.stderr
    assert "SystemExit" not in told.stderr


def test_run_ends_its_kernel_and_keeps_what_it_said(shell: Shell) -> None:
    whole = shell.json("run", "-c", "print('kept')")
    kernel = shell.json("kernels", "show", whole["task"]["kernel_id"])
    assert kernel["state"] in ("terminating", "terminated")
    assert shell("tail", whole["task"]["id"]).stdout == "kept\n"


def test_a_detached_run_is_read_by_its_id(shell: Shell) -> None:
    left = shell("run", "--detach", "-c", "for i in range(3): print(i)")
    assert left.returncode == 0
    read = shell("tail", "-f", left.stdout.strip())
    assert (read.returncode, read.stdout) == (0, "0\n1\n2\n")
    again = [
        json.loads(line)
        for line in shell("tail", left.stdout.strip(), "-o", "json").stdout.splitlines()
    ]
    numbers = [one["number"] for one in again]
    assert numbers == sorted(set(numbers))


def test_a_reader_is_told_how_it_ended(shell: Shell) -> None:
    shell("run", "-c", "print('before'); {}['a']")
    task = shell.json("tasks", "list", "--limit", "1")[0]
    for words in (["tail"], ["tail", "-f"], ["tasks", "result"]):
        read = shell(*words, task["id"])
        assert read.stdout == "before\n"
        assert read.stderr.endswith("Task failed: KeyError: 'a'\n")
    of_kernel = shell("tail", task["kernel_id"])
    assert "[1] failed: KeyError: 'a'\n" in of_kernel.stderr
    assert "[1] failed: KeyError: 'a'\n" in shell("tail", "-f", task["kernel_id"]).stderr


def test_the_first_ctrl_c_leaves_the_run_alone_and_says_how_to_come_back(shell: Shell) -> None:
    process = shell.begin("run", "-c", SLOW)
    assert process.stdout is not None
    assert process.stdout.readline() == "line 0\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 75
    task = err.split("kernelyard tail -f ")[1].split()[0]
    assert "within 2 s cancels it" in err
    assert f"kernels terminate {shell.json('tasks', 'show', task)['kernel_id']}" in err
    assert shell.json("tasks", "show", task)["state"] == "running"
    shell("tasks", "cancel", task)
    read = shell("tail", "-f", task)
    assert read.returncode == 130
    assert read.stdout.startswith(f"line 0\n{out}")


def test_the_second_ctrl_c_cancels(shell: Shell) -> None:
    process = shell.begin("run", "-c", SLOW)
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    while "Detached" not in process.stderr.readline():
        pass
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 130
    assert shell.json("tasks", "list", "--limit", "1")[0]["state"] == "cancelled"


def test_the_executed_copy_grows_cell_by_cell(shell: Shell, notebook: Callable[..., Path]) -> None:
    source = notebook("print('one')", "import time; time.sleep(3); 2 * 21")
    target = source.with_name("out.ipynb")
    process = shell.begin("run", str(source), "--output", str(target))

    def has_first_output() -> bool:
        return target.exists() and bool(nbformat.read(target, 4).cells[0].outputs)

    wait_until(has_first_output)
    half = nbformat.read(target, 4)
    assert [len(cell.outputs) for cell in half.cells] == [1, 0]
    process.communicate(timeout=30)
    assert process.returncode == 0
    whole = nbformat.read(target, 4)
    nbformat.validate(whole)
    assert whole.cells[1].outputs[0].data["text/plain"] == "42"
    assert [cell.execution_count for cell in whole.cells] == [1, 2]


def test_a_notebook_stops_at_the_first_failing_cell_unless_told_otherwise(
    shell: Shell, notebook: Callable[..., Path]
) -> None:
    cells = ("x = 1", "1/0", "import time; time.sleep(60)", "print(x)")
    source = notebook(*cells)
    stopped = shell("run", str(source))
    assert stopped.returncode == 1
    copy = nbformat.read(source.with_name("book.executed.ipynb"), 4)
    assert copy.cells[1].outputs[0].ename == "ZeroDivisionError"
    assert copy.cells[3].outputs == []
    source = notebook("x = 1", "1/0", "print(x)")
    went_on = shell("run", str(source), "--continue-on-error")
    assert went_on.returncode == 1
    copy = nbformat.read(source.with_name("book.executed.ipynb"), 4)
    assert copy.cells[2].outputs[0].text == "1\n"


def test_a_failing_cell_stops_a_notebook_that_nobody_attends(
    shell: Shell, notebook: Callable[..., Path]
) -> None:
    source = notebook("x = 1", "1/0", "print(x)", "print(x)")
    left = shell.json("run", str(source), "--detach")
    wait_until(lambda: shell.json("tasks", "show", left["tasks"][-1])["state"] == "cancelled")
    tasks = [shell.json("tasks", "show", task) for task in left["tasks"]]
    assert [one["state"] for one in tasks] == ["succeeded", "failed", "cancelled", "cancelled"]
    assert [one["started_at"] for one in tasks[2:]] == [None, None]
    assert tasks[2]["needs"] == tasks[1]["id"]
    assert tasks[2]["reason"] == "the task it needs did not succeed (failed)"
    back = shell("run", str(source), "--resume", left["kernel"])
    assert back.returncode == 1
    copy = nbformat.read(source.with_name("book.executed.ipynb"), 4)
    assert copy.cells[1].outputs[0].ename == "ZeroDivisionError"
    assert [cell.outputs for cell in copy.cells[2:]] == [[], []]


def test_code_is_submitted_that_needs_other_code(shell: Shell) -> None:
    kernel = shell("kernels", "create").stdout.strip()
    bad = shell("submit", kernel, "-c", "1/0").stdout.strip()
    vain = shell("submit", kernel, "-c", "print('never')", "--needs", bad, "-f")
    assert (vain.returncode, vain.stdout) == (130, "")
    assert "the task it needs did not succeed (failed)" in vain.stderr
    shell("kernels", "delete", kernel)


def test_a_notebook_that_was_left_is_resumed_to_a_whole_copy(
    shell: Shell, notebook: Callable[..., Path]
) -> None:
    source = notebook("print('first')", "print('second')")
    left = shell.json("run", str(source), "--detach")
    assert len(left["tasks"]) == 2
    back = shell("run", str(source), "--resume", left["kernel"])
    assert (back.returncode, back.stdout) == (0, "first\nsecond\n")
    copy = nbformat.read(source.with_name("book.executed.ipynb"), 4)
    assert [cell.outputs[0].text for cell in copy.cells] == ["first\n", "second\n"]
    changed = shell("run", str(notebook("print('other')")), "--resume", left["kernel"])
    assert changed.returncode == 1
    assert "not given the cells of this notebook" in changed.stderr


def test_kernels_are_made_used_by_name_and_removed(shell: Shell) -> None:
    made = shell.json("kernels", "create", "--name", "nightly", "--env", "A=1", "--label", "t=x")
    again = shell("kernels", "create", "--name", "nightly")
    assert again.stdout.strip() == made["id"]
    assert (made["created"], again.stderr) == (
        True,
        f"Using the live kernel {made['id']} of that name.\n",
    )
    said = shell("submit", "nightly", "-c", "import os; print(os.environ['A'])", "-f")
    assert (said.returncode, said.stdout) == (0, "1\n")
    assert shell.json("kernels", "list", "--label", "t=x")[0]["id"] == made["id"]
    rows = [line.split("\t") for line in shell("kernels").stdout.splitlines()]
    assert rows[0][:3] == ["id", "name", "state"]
    assert [made["id"], "nightly", "idle"] in [row[:3] for row in rows]
    assert shell("kernels", "restart", "nightly").returncode == 0
    assert "terminat" in shell("kernels", "terminate", "nightly").stdout
    assert shell.json("kernels", "show", "nightly")["id"] == made["id"]
    some = shell("kernels", "delete", "nope", "nightly")
    assert (some.returncode, some.stdout) == (1, f"{made['id']} deleted\n")
    assert "There is no kernel 'nope'." in some.stderr
    gone = shell("kernels", "show", made["id"])
    assert gone.returncode == 1
    assert gone.stderr.startswith("error: ")


def test_images_are_registered_disabled_and_removed(shell: Shell) -> None:
    assert "python3" in [one["name"] for one in shell.json("images")["items"]]
    assert shell("images", "add", "my-python:3", "--from", "python3").returncode == 0
    assert shell("run", "--image", "my-python:3", "-c", "print(1)").stdout == "1\n"
    shell("images", "disable", "my-python:3")
    refused = shell("run", "--image", "my-python:3", "-c", "print(1)")
    assert refused.returncode == 3
    assert "disabled" in refused.stderr
    assert shell("images", "remove", "my-python:3").returncode == 0


def test_templates_are_created_changed_and_deleted(shell: Shell) -> None:
    made = shell.json("templates", "create", "small", "--memory", "1Gi", "--max-idle", "1h")
    assert (made["memory_bytes_limit"], made["max_idle_duration"]) == (1024**3, 3600.0)
    changed = shell.json("templates", "update", "small", "--max-idle", "none", "--gpu", "1")
    assert (changed["memory_bytes_limit"], changed["max_idle_duration"]) == (1024**3, None)
    assert "small\t" in shell("templates").stdout
    bad = shell("templates", "create", "odd", "--memory", "much")
    assert bad.returncode == 1
    assert "memory" in bad.stderr
    assert shell("templates", "delete", "small").returncode == 0


def test_tokens_are_made_told_once_and_revoked(shell: Shell) -> None:
    token = shell("token", "create", "ada").stdout.strip()
    assert token.startswith("ky_")
    assert token not in shell("token", "list", "-o", "json").stdout
    assert shell("token", "revoke", "ada").returncode == 0
    assert shell("user", "disable", "ada").returncode == 0
    first = shell.json("user")[0]
    assert (first["name"], first["disabled"]) == ("ada", True)
    done = [one["action"] for one in shell.json("audit", "--subject", "ada")]
    assert done == ["user.update"]
    assert shell("user", "remove", "ada").returncode == 0
    assert shell("token", "show").stdout.strip() == (
        (shell.data_dir / "admin-token").read_text().strip()
    )


def test_the_background_log_holds_no_token(shell: Shell) -> None:
    token = (shell.data_dir / "admin-token").read_text().strip()
    assert token not in (shell.data_dir / "server.log").read_text()


def test_doctor_finds_everything_well(shell: Shell) -> None:
    shell("run", "-c", "1")
    report = shell.json("doctor")
    assert report["healthy"] is True
    assert {"name": "store", "value": "sqlite", "source": "default"} in report["settings"]
    assert "python3" in [one["name"] for one in report["images"]]
    assert report["kernel"]["state"] == "ok"
    assert report["forking"]["state"] == "ok", report["forking"]
    assert report["server"]["state"] == "ok"


def test_a_second_server_is_refused(shell: Shell) -> None:
    shell("run", "-c", "1")
    refused = shell("serve", "--port", "0")
    assert refused.returncode == 1
    assert "already uses" in refused.stderr


def test_a_server_ends_and_comes_back_while_the_kernel_goes_on(tmp_path: Path) -> None:
    own = Shell(tmp_path / "data")
    try:
        left = own.json(
            "run", "--detach", "-c", "import time; time.sleep(1.5); print('still here')"
        )
        ended = own("stop")
        assert "Ended the server" in ended.stdout
        assert processes_of(own.data_dir) != []
        assert own("kernels").returncode == 1
        server = own.begin("serve", "--port", "0")
        wait_until((own.data_dir / "server.json").exists)
        read = own("tail", "-f", left["tasks"][0])
        assert (read.returncode, read.stdout) == (0, "still here\n")
        server.send_signal(signal.SIGINT)
        out, _ = server.communicate(timeout=30)
        assert server.returncode == 0
        assert (
            f"1 kernel goes on under the agent; end it with: kernelyard stop --all --data-dir {own.data_dir}"
            in out
        )
    finally:
        told = own("stop", "--all")
    assert "Ended 1 kernel." in told.stdout
    assert processes_of(own.data_dir) == []
    assert "Nothing was running" in own("stop", "--all").stdout


def test_a_name_is_free_again_once_everything_was_stopped(tmp_path: Path) -> None:
    own = Shell(tmp_path / "data")
    try:
        assert own("run", "--name", "mine", "--keep", "-c", "x = 1").returncode == 0
        assert "Ended 1 kernel." in own("stop", "--all").stdout
        again = own("run", "--name", "mine", "--keep", "-c", "print('x' in globals())")
        assert (again.returncode, again.stdout) == (0, "False\n"), again.stderr
        ended = own.json("kernels", "list")[-1]
        assert "everything here was stopped" in ended["reason"]
    finally:
        own("stop", "--all")


def test_a_server_that_is_just_starting_is_ended_too(tmp_path: Path) -> None:
    own = Shell(tmp_path / "data")
    server = own.begin("serve", "--port", "0")
    try:
        wait_until(lambda: lock_holder(own.data_dir) == server.pid)
        told = own("stop", "--all")
        assert f"Ended the server (pid {server.pid})." in told.stdout
        server.communicate(timeout=30)
        assert processes_of(own.data_dir) == []
    finally:
        server.kill()
        server.communicate()


def test_kernels_end_with_the_server_where_that_is_wanted(tmp_path: Path) -> None:
    own = Shell(tmp_path / "data")
    try:
        server = own.begin("serve", "--port", "0", "--stop-kernels-on-exit")
        wait_until((own.data_dir / "server.json").exists)
        assert own("kernels", "create").returncode == 0
        wait_until(lambda: own.json("kernels")[0]["state"] == "idle")
        server.send_signal(signal.SIGTERM)
        server.communicate(timeout=40)
        assert server.returncode == 0
        wait_until(lambda: processes_of(own.data_dir) == [])
    finally:
        own("stop", "--all")
