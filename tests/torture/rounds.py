"""A run of the suite: rounds of load and faults, each followed by the checks, and the teardown."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Sequence

from tests.support.live_server import processes_of, wait_until
from tests.torture import leftovers
from tests.torture.books import Books, Charge, require
from tests.torture.faults import Torturer
from tests.torture.house import House
from tests.torture.people import People
from tests.torture.plan import QUIET_SECONDS, plan, steps
from tests.torture.reading import Api
from tests.torture.verdict import Judge

KERNELS = 3
PHOENIX = "phoenix"
LIFE_ROUNDS = 5
LARGEST_JOURNAL = 20_000


class Run:
    """One run, from an empty data directory to an empty process table."""

    def __init__(self, house: House, books: Books, kinds: Sequence[str]) -> None:
        self._house = house
        self._books = books
        self._kinds = list(kinds)
        self.people = People(house, books.seed)
        self._restarting = False
        self._torturer = Torturer(house, self.people, books)

    def round(self) -> None:
        """Work and faults, then quiet, then the checks."""
        self._books.round += 1
        self._populate()
        self.people.work_on([one.id for one in self._books.charges.values()])
        self.people.come()
        self._torture()
        self._calm()
        self._judge()
        self._books.counts["rounds"] += 1

    def finish(self, store_url: str | None) -> None:
        """Delete some kernels, stop everything, and look for what is left."""
        self.people.go()
        with_api = Api(self._house)
        for charge in list(self._books.charges.values())[:2]:
            self._delete(with_api, charge)
        with_api.close()
        told = self._house.stop_all()
        require([] if told.startswith("status 0") else [told], "kernelyard stop --all")
        self._house.end_server(signal.SIGKILL)
        self._books.tell(told.strip().replace("\n", " "))
        require(leftovers.of_everything(self._house.data), "left behind by stop --all")
        deleted = self._deleted()
        require(leftovers.of_kernels(self._house.data, deleted), "left of deleted kernels")
        require(leftovers.of_rows(self._house.data, store_url, deleted), "left in the store")

    def _populate(self) -> None:
        """Retire kernels that are dead or old, and make new ones, each asked for twice."""
        self._house.await_server()
        api = Api(self._house)
        for charge in list(self._books.charges.values()):
            old = self._books.round - charge.born >= LIFE_ROUNDS
            dead = charge.killed and not charge.restarts
            if dead or old or len(charge.records) > LARGEST_JOURNAL:
                self._delete(api, charge)
        if self._books.round == 1:
            self._offer_to_restart(api)
        number = 0
        while len(self._books.charges) < KERNELS:
            number += 1
            self._make(api, f"{self._books.seed}-{self._books.round}-{number}")
        api.close()

    def _offer_to_restart(self, api: Api) -> None:
        """Make a template whose kernels are started again when they die, where there is such a thing."""
        spec = {"name": PHOENIX, "restart_policy": "on-death", "queue_on_death": "keep"}
        status, told = api.post("templates", spec, PHOENIX)
        self._restarting = status == 201 and told.get("restart_policy") == "on-death"
        if not self._restarting:
            self._books.tell(f"no kernel is started again after a death: {status}")

    def _make(self, api: Api, key: str) -> None:
        phoenix = self._restarting and not any(c.restarts for c in self._books.charges.values())
        order = {"image": "python3"} | ({"template": PHOENIX} if phoenix else {})
        status, kernel = api.post("kernels", order, key)
        again, same = api.post("kernels", order, key)
        fits = status == 201 and again == 200 and kernel["id"] == same["id"]
        require([] if fits else [f"{status}, then {again}: {kernel} {same}"], f"kernel {key}")
        ready = ("idle", "busy")
        told: dict[str, object] = {}

        def is_ready() -> bool:
            told.update(api.get(f"kernels/{kernel['id']}"))
            return told["state"] in ready

        wait_until(is_ready, 60, lambda: f"a new kernel is not ready: {told}")
        pid = self._house.kernel_pid(kernel["id"])
        assert pid is not None
        charge = Charge(kernel["id"], self._books.round, pid, restarts=phoenix)
        self._books.charges[charge.id] = charge
        self._books.counts["kernels"] += 1

    def _delete(self, api: Api, charge: Charge) -> None:
        status = api.delete(f"kernels/{charge.id}")
        require([] if status in (202, 204) else [f"status {status}"], f"deleting {charge.id}")
        del self._books.charges[charge.id]
        self._books.deleted.append(charge.id)
        left = lambda: leftovers.of_kernels(self._house.data, [charge.id])  # noqa: E731
        wait_until(lambda: not left(), 30, lambda: "\n".join(left()))
        gone = api.get(f"kernels/{charge.id}") is None
        require([] if gone else ["it is still there"], f"deleted kernel {charge.id}")

    def _torture(self) -> None:
        alarm = threading.Event()
        begun = time.monotonic()
        planned = steps(plan(self._books.seed, self._books.round, self._kinds))
        for step in planned:
            alarm.wait(max(0.0, begun + step.at - time.monotonic()))
            if step.begins:
                self._torturer.begin(step.fault)
            else:
                self._torturer.undo(step.fault)
        alarm.wait(QUIET_SECONDS)

    def _calm(self) -> None:
        """Everything is undone: have the clients finish what they began."""
        self._house.await_server()
        self.people.come()
        self.people.finish()

    def _judge(self) -> None:
        api = Api(self._house)
        judge = Judge(self._house, self.people, self._books, api)
        judge.clients()
        for charge in self._books.charges.values():
            judge.kernel(charge)
        api.close()
        wait_until(lambda: not self._strangers(), 30, lambda: f"strangers: {self._strangers()}")
        visits = [one for one in self.people.noted() if "left" in one]
        self._books.counts["kernels of visitors"] = len(visits)
        left = lambda: leftovers.of_kernels(self._house.data, self._deleted())  # noqa: E731
        wait_until(lambda: not left(), 30, lambda: f"left of deleted kernels: {left()}")
        self._books.tell(f"all is well: {dict(self._books.counts)}")

    def _strangers(self) -> list[int]:
        """Processes of the data directory that should not be there."""
        house = self._house
        ours = {house.server_pid, house.agent_pid(), house.spawner_pid(), *self.people.pids}
        ours |= {one.pid for one in self._books.charges.values()}
        return [pid for pid in processes_of(house.data) if pid not in ours]

    def _deleted(self) -> list[str]:
        noted = [one["deleted"] for one in self.people.noted() if "deleted" in one]
        return [*self._books.deleted, *noted]
