"""Kernels that wait in a pool become somebody's at once, whatever is killed in between, and leave nothing."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kernelyard import Client
from kernelyard.client import Pool
from kernelyard.model.ids import is_uuid

from tests.support.live_server import LiveServer, alive, processes_of, wait_until

SHOW = "import os; print(os.environ.get('GREETING'), os.getcwd())"


def the_pool(yard: Client) -> Pool:
    """The only one."""
    (pool,) = yard.pools.list()
    return pool


def filled(yard: Client, size: int, image: str = "python3") -> None:
    """Keep so many ready, and wait until they are."""
    yard.pools.set(image, size=size)
    full(yard, size)


def full(yard: Client, size: int) -> None:
    """Wait until so many are ready."""

    def is_full() -> bool:
        pool = the_pool(yard)
        return (pool.ready, pool.starting) == (size, 0)

    wait_until(is_full, 60, lambda: repr(the_pool(yard)))


def kernels_of(server: LiveServer) -> list[str]:
    """Ids of all kernels that the agent has anything of."""
    folder = server.data_dir / "agent" / "kernels"
    return [path.name for path in folder.iterdir() if is_uuid(path.name)]


def test_a_kernel_is_ready_when_it_is_asked_for_and_has_what_was_asked(
    own: LiveServer, tmp_path: Path
) -> None:
    with own.client() as yard:
        filled(yard, 1)
        assert list(yard.kernels.list()) == []
        kernel = yard.kernels.create(
            image="python3", environment={"GREETING": "hello"}, path=f"{tmp_path}/./in.ipynb"
        )
        assert kernel.info.state == "idle"
        task = kernel.submit(SHOW)
        assert task.wait(timeout=60).stdout == f"hello {tmp_path}\n"
        assert yard.tasks.get(task.id).info.execution_count == 1
        full(yard, 1)
        assert (the_pool(yard).claimed, the_pool(yard).missed) == (1, 0)


def test_many_creates_at_once_share_what_is_ready(own: LiveServer) -> None:
    with own.client() as yard:
        filled(yard, 2)

        def create(number: int) -> tuple[str, str]:
            kernel = yard.kernels.create(image="python3", environment={"GREETING": str(number)})
            return kernel.id, kernel.run(SHOW, timeout=60).stdout.split()[0]

        with ThreadPoolExecutor(6) as threads:
            made = list(threads.map(create, range(6)))
        assert len({kernel_id for kernel_id, _ in made}) == 6
        assert [told for _, told in made] == [str(number) for number in range(6)]
        assert the_pool(yard).claimed >= 2


@pytest.mark.parametrize("who", ["server", "agent", "both"])
def test_a_kill_right_behind_the_claim_loses_nothing_of_what_was_asked(
    own: LiveServer, who: str
) -> None:
    with own.client() as yard:
        filled(yard, 1)
        kernel = yard.kernels.create(
            image="python3", environment={"GREETING": "hello"}, idempotency_key="once"
        )
        if who != "server":
            os.kill(own.agent_pid(), signal.SIGKILL)
        if who != "agent":
            own.kill()
            own.start()
    with own.client() as yard:
        again = yard.kernels.create(
            image="python3", environment={"GREETING": "hello"}, idempotency_key="once"
        )
        assert again.id == kernel.id
        assert again.run(SHOW, timeout=60).stdout.startswith("hello ")


def test_kernels_go_on_waiting_while_server_and_agent_are_killed(own: LiveServer) -> None:
    with own.client() as yard:
        filled(yard, 2)
    before = sorted(kernels_of(own))
    pids = [own.kernel_pid(kernel_id) for kernel_id in before]
    own.kill()
    os.kill(own.agent_pid(), signal.SIGKILL)
    own.start()
    with own.client() as yard:
        full(yard, 2)
        assert sorted(kernels_of(own)) == before
        assert all(map(alive, pids))
        kernel = yard.kernels.create(image="python3")
        assert kernel.id in before
        assert kernel.run("print(1)", timeout=60).stdout == "1\n"


def test_a_removed_pool_leaves_no_process_and_no_file(own: LiveServer) -> None:
    with own.client() as yard:
        filled(yard, 2)
        pids = [own.kernel_pid(kernel_id) for kernel_id in kernels_of(own)]
        yard.pools.remove("python3")
        wait_until(lambda: not kernels_of(own), 30)
        assert not any(map(alive, pids))


def test_the_command_line_keeps_kernels_ready(own: LiveServer) -> None:
    made = own.cli("pool", "set", "python3", "--size", "1", "--max", "2")
    assert made.returncode == 0, made.stderr
    with own.client() as yard:
        full(yard, 1)
    listed = own.cli("pool", "list")
    assert "python3" in listed.stdout
    assert "everybody" in listed.stdout
    assert own.cli("pool", "remove", "python3").returncode == 0
    assert "everybody" not in own.cli("pool", "list").stdout
    assert own.cli("pool", "remove", "python3").returncode != 0


def test_pools_of_the_settings_are_filled_when_the_server_starts(tmp_path: Path) -> None:
    env = {"KERNELYARD_POOLS": "py.image = 'python3'\npy.size = 1"}
    with LiveServer(tmp_path / "data", env=env) as server, server.client() as yard:
        full(yard, 1)
        assert the_pool(yard).declared


def test_a_server_that_ends_its_kernels_leaves_none_that_waits(tmp_path: Path) -> None:
    with LiveServer(tmp_path / "data", "--stop-kernels-on-exit") as server:
        with server.client() as yard:
            filled(yard, 2)
        server.stop()
        assert processes_of(server.data_dir) == []
