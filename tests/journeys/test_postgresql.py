"""A server that keeps its rows in PostgreSQL may be killed, and so may PostgreSQL: nothing is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.support.live_server import LiveServer, wait_until
from tests.support.postgres import TEMPLATE, PostgresServer, running_server

LINES = 60
PRINTING = f"import time\nfor i in range({LINES}):\n    print(f'line {{i}}', flush=True)\n    time.sleep(0.05)"
EXPECTED = "".join(f"line {i}\n" for i in range(LINES))
SECRET = "sesame-open"
_numbers = count(1)


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    with running_server() as server:
        yield server


@pytest.fixture
def own(tmp_path: Path, postgres: PostgresServer) -> Iterator[LiveServer]:
    """A server of the test's own on a database of its own."""
    name = f"journey_{next(_numbers)}"
    asyncio.run(postgres.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}"))
    url = postgres.url(name).replace("@", f":{SECRET}@")
    environment = {"KERNELYARD_STORE": "postgresql", "KERNELYARD_STORE_URL": url}
    try:
        with LiveServer(tmp_path / "data", env=environment) as server:
            yield server
    finally:
        asyncio.run(postgres.execute(f"DROP DATABASE {name} WITH (FORCE)"))


def test_a_run_is_whole_after_its_server_was_killed_and_started_again(own: LiveServer) -> None:
    with own.client() as yard:
        kernel = yard.kernels.create(image="python3")
        kernel.run("x = 20")
        first = kernel.submit(PRINTING)
        second = kernel.submit("print('x is', x + 1)")
        wait_until(lambda: first.stdout())
    own.kill()
    journal = own.data_dir / "agent" / "kernels" / kernel.id / "journal"
    wait_until(lambda: b"x is" in journal.read_bytes(), 30)
    own.start()
    with own.client() as yard:
        results = [yard.tasks.get(task.id).wait(timeout=30) for task in (first, second)]
        assert [result.state for result in results] == ["succeeded"] * 2
        assert [result.stdout for result in results] == [EXPECTED, "x is 21\n"]
        numbers = [output.number for output in yard.tasks.get(first.id).follow()]
        assert numbers == sorted(set(numbers))
    assert not list(own.data_dir.glob("*.db*"))


def test_a_run_is_whole_after_its_database_was_killed_and_started_again(
    own: LiveServer, postgres: PostgresServer
) -> None:
    with own.client() as yard:
        kernel = yard.kernels.create(image="python3")
        first = kernel.submit(PRINTING)
        second = kernel.submit("print('all there')")
        wait_until(lambda: first.stdout())
        postgres.kill()
        journal = own.data_dir / "agent" / "kernels" / kernel.id / "journal"
        wait_until(lambda: b"all there" in journal.read_bytes(), 30)
        postgres.start()
        results = [yard.tasks.get(task.id).wait(timeout=30) for task in (first, second)]
        assert [result.stdout for result in results] == [EXPECTED, "all there\n"]
        assert kernel.run("print(6 * 7)", timeout=30).stdout == "42\n"


def test_the_password_of_the_database_is_neither_told_nor_handed_on(own: LiveServer) -> None:
    with own.client() as yard:
        kernel = yard.kernels.create(image="python3")
        shown = kernel.run("import os; print(dict(os.environ))").stdout
    agent = Path(f"/proc/{own.agent_pid()}/environ").read_text()
    doctor = own.cli("doctor", "-o", "json", "--data-dir", str(own.data_dir)).stdout
    assert '"store_url"' in doctor
    logs = "".join(path.read_text(errors="replace") for path in own.data_dir.rglob("*.log"))
    for told in (shown, agent, doctor, logs, own.log):
        assert SECRET not in told
