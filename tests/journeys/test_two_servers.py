"""Two servers on one PostgreSQL serve the same kernels; either may be killed or frozen at any moment."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from math import inf
from pathlib import Path

import pytest

from kernelyard import Client, FollowInterruptedError, Kernel

from tests.support.kernelspecs import install, wait_until_images_are_watched
from tests.support.live_server import alive, processes_of, wait_until
from tests.support.postgres import PostgresServer, running_server
from tests.support.two_servers import Member, TwoServers, two_servers

LINES = 100
PRINTING = f"import time\nfor i in range({LINES}):\n    print(f'line {{i}}', flush=True)\n    time.sleep(0.05)"
EXPECTED = "".join(f"line {i}\n" for i in range(LINES))


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    with running_server() as server:
        yield server


@pytest.fixture
def two(tmp_path: Path, postgres: PostgresServer) -> Iterator[TwoServers]:
    with two_servers(tmp_path, postgres) as servers:
        yield servers


class Follower:
    """Follows a task through one server in a thread, from a number on."""

    def __init__(self, server: Member, task_id: str, after: int = 0, patience: float = 90) -> None:
        self._client = server.client()
        self._task_id = task_id
        self.read: list[tuple[int, str]] = []
        self._thread = threading.Thread(target=self._follow, args=(after, patience))
        self._thread.start()

    def at_end(self) -> bool:
        return not self._thread.is_alive()

    def text(self, until: float = inf) -> str:
        """What was read, up to a number."""
        return "".join(text for number, text in self.read if number <= until)

    def whole(self) -> bool:
        """Whether it has read to the end, every line once and in order."""
        wait_until(self.at_end, 60)
        assert self.text() == EXPECTED
        numbers = [number for number, _ in self.read]
        return numbers == sorted(set(numbers))

    def _follow(self, after: int, patience: float) -> None:
        try:
            task = self._client.tasks.get(self._task_id)
            for output in task.follow(after=after, patience=patience):
                self.read.append((output.number, output.text or ""))
        except FollowInterruptedError:
            pass  # What is missing tells.


def made_by(server: Member, code: str = "runs = []") -> Kernel:
    """A kernel that is ready; its caretaker is in this server."""
    kernel = server.client().kernels.create(image="python3")
    assert kernel.run(code, timeout=60).ok
    return kernel


def test_what_is_asked_through_either_is_seen_through_both(two: TwoServers) -> None:
    kernel = made_by(two.a)
    with two.b.client() as other:
        there = other.kernels.get(kernel.id)
        first = there.submit(PRINTING)
        followers = [Follower(server, first.id) for server in (two.a, two.b)]
        tasks = [(kernel, there)[n % 2].submit(f"runs.append({n})") for n in range(20)]
        assert all(one.whole() for one in followers)
        assert all(other.tasks.get(task.id).wait(timeout=30).ok for task in tasks)
        assert there.run("print(runs)", timeout=30).stdout == f"{list(range(20))}\n"


def test_both_together_let_in_no_more_than_a_quota_and_one_goes_on_alone(two: TwoServers) -> None:
    a, b = two.a.client(), two.b.client()
    a.quotas.set("admin", kernels=2)
    assert b.quotas.get().kernels.limit == 2
    with ThreadPoolExecutor(6) as pool:
        made = list(pool.map(lambda n: (a, b)[n % 2].kernels.create("python3"), range(6)))
    assert b.quotas.get().waiting == 4
    tasks = [b.kernels.get(kernel.id).submit("print('ran')") for kernel in made]
    two.a.kill()
    for _ in made:
        wait_until(lambda: any(task.refresh().state == "succeeded" for task in tasks), 60)
        done = next(task for task in tasks if task.refresh().state == "succeeded")
        tasks.remove(done)
        quota = b.quotas.get()
        assert quota.kernels.used <= 2
        b.kernels.get(done.info.kernel_id).terminate()
    assert not tasks
    assert b.quotas.get().waiting == 0


@pytest.mark.parametrize("killed", ["its caretaker's", "the other"])
def test_a_follower_sees_every_line_once_when_a_server_is_killed(
    two: TwoServers, killed: str
) -> None:
    kernel = made_by(two.a)
    task = kernel.submit(PRINTING)
    gone, left = (two.a, two.b) if killed == "its caretaker's" else (two.b, two.a)
    moved, stays = Follower(gone, task.id, patience=1), Follower(left, task.id)
    wait_until(lambda: len(moved.read) >= 5 and len(stays.read) >= 5)
    gone.kill()
    seen = moved.read[-1][0]
    goes_on = Follower(left, task.id, after=seen)
    assert stays.whole()
    wait_until(lambda: goes_on.at_end() and moved.at_end(), 60)
    assert moved.text(seen) + goes_on.text() == EXPECTED
    with left.client() as yard:
        again = yard.kernels.get(kernel.id)
        assert again.run("print('still here')", timeout=60).stdout == "still here\n"


def test_a_task_that_the_killed_server_acknowledged_runs_once(two: TwoServers) -> None:
    kernel = made_by(two.a)
    tasks = [kernel.submit("runs.append(1)", idempotency_key=f"once {n}") for n in range(5)]
    two.a.kill()
    with two.b.client() as yard:
        there = yard.kernels.get(kernel.id)
        again = [there.submit("runs.append(1)", idempotency_key=f"once {n}") for n in range(5)]
        assert [one.id for one in again] == [one.id for one in tasks]
        assert all(one.wait(timeout=60).ok for one in again)
        assert there.run("print(len(runs))", timeout=30).stdout == "5\n"


def test_a_kernel_asked_for_by_the_killed_server_starts_all_the_same(two: TwoServers) -> None:
    with two.a.client() as yard:
        kernel = yard.kernels.create(image="python3")
    two.a.kill()
    with two.b.client() as yard:
        assert yard.kernels.get(kernel.id).run("print(1)", timeout=60).stdout == "1\n"
    assert len(list(two.journals.glob("*/process.json"))) == 1


def test_one_that_ends_in_order_leaves_its_kernels_at_once(two: TwoServers) -> None:
    kernel = made_by(two.a)
    task = kernel.submit(PRINTING)
    follower = Follower(two.b, task.id)
    wait_until(lambda: len(follower.read) >= 5)
    two.a.stop()
    assert "Another server goes on" in two.a.log
    assert follower.whole()
    with two.client() as found:
        assert found.kernels.get(kernel.id).run("print(1)", timeout=60).stdout == "1\n"


def test_the_same_request_to_both_at_once_makes_one_kernel(two: TwoServers) -> None:
    clients = [two.a.client(), two.b.client()]

    def with_key(n: int) -> str:
        made = clients[n % 2].kernels.create(image="python3", idempotency_key="the same")
        return made.id

    def by_name(n: int) -> str:
        made = clients[n % 2].kernels.get_or_create("work", image="python3")
        return made.id

    for ask in (with_key, by_name):
        with ThreadPoolExecutor(6) as pool:
            assert len(set(pool.map(ask, range(6)))) == 1
    with two.b.client() as yard:
        kernels = list(yard.kernels.list())
        assert len(kernels) == 2
        assert all(kernel.run("print(1)", timeout=60).stdout == "1\n" for kernel in kernels)


def test_who_does_not_hold_the_lease_cancels_terminates_restarts_and_deletes(
    two: TwoServers,
) -> None:
    kernel, second = made_by(two.a), made_by(two.a)
    with two.b.client() as yard:
        there = yard.kernels.get(kernel.id)
        running, queued = there.submit("import time; time.sleep(600)"), there.submit("print(2)")
        wait_until(lambda: yard.tasks.get(running.id).info.state == "running")
        for task in (queued, running):
            yard.tasks.get(task.id).cancel()
            assert yard.tasks.get(task.id).wait(timeout=30).state == "cancelled"
        there.restart()
        assert there.wait_ready(timeout=60).info.state == "idle"
        assert there.run("print('runs' in dir())", timeout=30).stdout == "False\n"
        pid = two.a.kernel_pid(kernel.id)
        there.terminate()
        assert there.wait_ended(timeout=30).info.state == "terminated"
        assert not alive(pid)
        yard.kernels.get(second.id).delete()
        wait_until(lambda: not (two.journals / second.id).exists())


def test_a_server_that_slept_longer_than_its_lease_repeats_nothing(two: TwoServers) -> None:
    kernel = made_by(two.a)
    task = kernel.submit(PRINTING)
    follower, asleep = Follower(two.b, task.id), Follower(two.a, task.id)
    wait_until(lambda: len(follower.read) >= 5)
    two.a.freeze()
    assert follower.whole()
    with two.b.client() as yard:
        there = yard.kernels.get(kernel.id)
        tasks = [there.submit(f"runs.append({n})") for n in range(5)]
        assert all(one.wait(timeout=60).ok for one in tasks)
        two.a.thaw()
        tasks += [yard.kernels.get(kernel.id).submit(f"runs.append({n})") for n in range(5, 10)]
        through_a = two.a.client().kernels.get(kernel.id).submit("runs.append(10)")
        assert all(yard.tasks.get(one.id).wait(timeout=60).ok for one in (*tasks, through_a))
        assert there.run("print(runs)", timeout=60).stdout == f"{list(range(11))}\n"
        assert asleep.whole()
        numbers = [output.number for output in yard.tasks.get(task.id).follow()]
        assert numbers == sorted(set(numbers))
    assert two.journal(kernel.id).count(b"line 50") == 1
    assert len(list(two.journals.glob("*/process.json"))) == 1


def test_either_can_be_killed_after_the_other_was_started_again(two: TwoServers) -> None:
    kernel = made_by(two.a)
    for turn, (gone, left) in enumerate([(two.a, two.b), (two.b, two.a)]):
        with two.client() as found:
            task = found.kernels.get(kernel.id).submit(f"runs.append({turn}); print({turn})")
        gone.kill()
        with left.client() as yard:
            assert yard.tasks.get(task.id).wait(timeout=60).stdout == f"{turn}\n"
        gone.start()
    with two.client() as found:
        assert found.kernels.get(kernel.id).run("print(runs)", timeout=60).stdout == "[0, 1]\n"


def test_doctor_and_stop_see_both(two: TwoServers) -> None:
    made_by(two.a)
    doctor = two.a.cli("doctor", "-o", "json", "--data-dir", str(two.data_dir))
    assert f"others with pid {two.b.pid}" in doctor.stdout
    two.a.kill()
    wait_until(lambda: two.a.runtime()["pid"] == two.b.pid)
    two.a.start()
    stopped = two.b.cli("stop", "--all", "--data-dir", str(two.data_dir))
    assert stopped.stdout.count("Ended the server") == 2
    for server in (two.a, two.b):
        server.ended()
    assert processes_of(two.data_dir) == []


def test_a_new_image_is_told_once_and_through_both(
    tmp_path: Path, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "share"
    monkeypatch.setenv("JUPYTER_PATH", str(place))
    with two_servers(tmp_path, postgres) as two:
        clients = [member.client() for member in (two.a, two.b)]
        wait_until_images_are_watched(clients[0], place)
        directory = install(place, "fresh")

        def told(client: Client) -> list[str]:
            events = client.events.list(about="images")
            return [event.state for event in events if event.image == "fresh"]

        for client in clients:
            wait_until(lambda client=client: told(client), 40)
        (directory / "kernel.json").unlink()
        for client in clients:
            wait_until(lambda client=client: told(client)[-1] == "gone", 40)
            assert told(client) == ["found", "gone"]
