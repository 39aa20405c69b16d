"""Kernels wait for room and start in their turn, with real servers, agents and kernels."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed

from kernelyard import Client
from kernelyard.client import ApiError, LimitReachedError, WaitTimeoutError

from tests.support.channel_client import ChannelClient
from tests.support.live_server import LiveServer, wait_until


def test_one_that_waits_survives_the_server_and_starts_when_there_is_room(tmp_path: Path) -> None:
    with LiveServer(tmp_path / "data", "--max-cpu", "1.5", "--max-memory", "8GiB") as server:
        with server.client() as yard:
            yard.templates.create("one", milli_cpu_limit=1000, memory_bytes_limit="1GiB")
            yard.templates.create("two", milli_cpu_limit=2000)
            with pytest.raises(ApiError, match="asks for 2 CPU") as refused:
                yard.kernels.create(template="two")
            assert refused.value.code == "never_fits"
            first = yard.kernels.create(template="one")
            assert first.run("print('first')").stdout == "first\n"
            second = yard.kernels.create(template="one")
            assert (second.info.state, second.info.reason) == (
                "starting",
                "waiting for 1 CPU; 1 of 1.5 in use",
            )
            task = second.submit("print('second')")
        server.kill()
        server.start()
        with server.client() as yard:
            assert yard.kernels.get(second.id).info.state == "starting"
            yard.kernels.get(first.id).terminate()
            assert yard.tasks.get(task.id).wait(timeout=60).stdout == "second\n"


def test_quotas_are_set_and_shown_on_the_command_line(own: LiveServer) -> None:
    with own.client() as administrator:
        token = administrator.tokens.create("ada").token
    told = own.cli("quota", "set", "ada", "--kernels", "1", "--memory", "2GiB")
    assert told.returncode == 0, told.stderr
    with Client(url=own.url, token=token) as ada:
        first = ada.kernels.create(image="python3")
        second = ada.kernels.create(image="python3")
        assert second.info.reason == "waiting for 1 kernel; 1 of your 1 in use"
        mine = ada.quotas.get()
        assert (mine.user, mine.kernels.used, mine.kernels.limit, mine.waiting) == ("ada", 1, 1, 1)
        with pytest.raises(WaitTimeoutError, match="still starting .waiting for 1 kernel"):
            second.wait_ready(timeout=0.01)
        shown = own.cli("quota", "show", "ada").stdout
        assert "kernels\t1\t1\tfor this user" in shown
        assert "waiting kernels\t1" in shown
        own.cli("quota", "set", "admin", "--kernels", "1")
        made = [own.cli("kernels", "create") for _ in range(2)]
        assert "starts when there is room: it is waiting for 1 kernel" in made[1].stderr
        assert made[0].stderr == ""
        own.cli("kernels", "terminate", *(one.stdout.strip() for one in made))
        assert own.cli("quota", "reset", "admin").returncode == 0
        assert own.cli("quota", "reset", "ada").returncode == 0
        assert second.run("print('in')").stdout == "in\n"
        listed = json.loads(own.cli("quota", "list", "-o", "json").stdout)
        used = {one["user"]: one["kernels"]["used"] for one in listed["items"]}
        assert used["ada"] == 2
        for kernel in (first, second):
            kernel.terminate()
            kernel.wait_ended(timeout=60)


def test_too_many_queued_tasks_are_refused(tmp_path: Path) -> None:
    with (
        LiveServer(tmp_path / "data", "--user-max-queued-tasks", "2") as server,
        server.client() as yard,
    ):
        kernel = yard.kernels.create(image="python3")
        running = kernel.submit("input()")
        wait_until(lambda: yard.tasks.get(running.id).info.state == "running", 60)
        queued = [kernel.submit("1") for _ in range(2)]
        with pytest.raises(LimitReachedError, match="2 queued tasks at a time"):
            kernel.submit("1")
        queued[0].cancel()
        wait_until(lambda: yard.tasks.get(queued[0].id).info.state == "cancelled", 60)
        kernel.submit("1")
        kernel.terminate()


def test_stored_bytes_bind_who_speaks_with_a_kernel_himself(tmp_path: Path) -> None:
    with (
        LiveServer(tmp_path / "data", "--user-max-stored-bytes", "1MiB") as server,
        server.client() as yard,
    ):
        kernel = yard.kernels.create(image="python3").wait_ready(timeout=60)
        with ChannelClient(server, kernel.id) as client:
            client.run("print('x' * 2_000_000)")
            with pytest.raises(ConnectionClosed) as closed:
                while True:
                    client.run("1")
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4429
        with ChannelClient(server, kernel.id) as client, pytest.raises(ConnectionClosed) as closed:
            client.socket.recv(20)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4429
        assert "Delete kernels" in closed.value.rcvd.reason
        kernel.terminate()
