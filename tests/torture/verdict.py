"""After a round: is everything as promised?"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

from tests.support.live_server import alive, wait_until
from tests.torture import checks
from tests.torture.books import Books, Charge, require
from tests.torture.checks import Seen, Settled
from tests.torture.follower import digest, ledger_of
from tests.torture.house import House
from tests.torture.jobs import PROBE, RUNS, job_of
from tests.torture.ledger import Entry, entries
from tests.torture.people import People
from tests.torture.reading import Api, journal_of

SETTLE_SECONDS = 90.0
CLEAR = {"storage_full", "unavailable", "agent_unavailable"}


class Judge:
    """Looks at every kernel of the suite, and at what its clients noted."""

    def __init__(self, house: House, people: People, books: Books, api: Api) -> None:
        self._house = house
        self._people = people
        self._books = books
        self._api = api
        self._noted = people.noted()

    def clients(self) -> None:
        """No client saw an answer that it must not see."""
        wrong = [f"{entry['by']}: {entry}" for entry in self._noted if "wrong" in entry]
        full = self._books.faults["fill-disk"]
        wrong += [
            f"{entry['by']}: {entry['odd']}" for entry in self._noted if "odd" in entry and not full
        ]
        for entry in self._noted:
            if "not_now" not in entry:
                continue
            if entry["code"] not in CLEAR or not entry["detail"]:
                wrong.append(f"an unclear refusal: {entry}")
            if entry["code"] == "storage_full" and not full:
                wrong.append(f"refused for want of space, and there was space: {entry}")
        require(wrong, "what clients noted")

    def kernel(self, charge: Charge) -> None:
        """Check one kernel from its first record on."""
        about = f"kernel {charge.id}, made in round {charge.born}"
        tasks = self._settled(charge)
        records = self._read(charge)
        require(checks.numbers(records), about)
        require(checks.turns(records), about)
        require(self._asked(charge, tasks), about)
        by_task: dict[int, list[Seen]] = {}
        for record in records:
            by_task.setdefault(record.task, []).append(record)
        for key, (task, *_) in tasks.items():
            if task.id not in charge.checked and key != task.id:
                self._task(charge, key, task, by_task.get(task.number, []))
        require(checks.marks(records, charge.excuses), about)
        every = [task for some in tasks.values() for task in some]
        deaths = charge.killed if charge.restarts else 0
        lost = charge.unheard + charge.killed - deaths
        require(checks.deaths(records, every, deaths, lost), about)
        self._followed(charge)
        if not charge.killed or charge.restarts:
            self._alive(charge, tasks)
        else:
            self._dead(charge)

    def _settled(self, charge: Charge) -> dict[str, list[Settled]]:
        found: dict[str, list[Settled]] = {}

        def settled() -> bool:
            nonlocal found
            found = self._api.tasks(charge.id)
            states = [task.state for tasks in found.values() for task in tasks]
            ended = not charge.killed or charge.restarts or self._state(charge) == "failed"
            return ended and all(state in checks.FINAL for state in states)

        def still() -> str:
            late = [str(task) for some in found.values() for task in some]
            late = [text for text in late if "queued" in text or "running" in text]
            return f"kernel {charge.id} is {self._state(charge)}; not settled: {late[-5:]}"

        wait_until(settled, SETTLE_SECONDS, still)
        return found

    def _state(self, charge: Charge) -> str:
        return str(self._api.get(f"kernels/{charge.id}")["state"])

    def _read(self, charge: Charge) -> list[Seen]:
        truth: list[Seen] = []

        def whole() -> bool:
            nonlocal truth
            truth = journal_of(self._house.data, charge.id)
            charge.records += self._api.records(charge.id, len(charge.records))
            return bool(truth) and len(charge.records) >= truth[-1].number

        wait_until(whole, 30, lambda: f"{charge.id}: {len(charge.records)} of {truth[-1:]} stored")
        stored = charge.records[truth[0].number - 1 :]
        require(checks.copies("the store", truth, stored), f"kernel {charge.id}")
        return charge.records

    def _asked(self, charge: Charge, tasks: dict[str, list[Settled]]) -> list[str]:
        """Each submission that was answered is one task, and no other job has a task."""
        answered = _answers(self._noted, charge.id)
        wrong = [f"job {key} has {len(some)} tasks" for key, some in tasks.items() if len(some) > 1]
        for key, ids in answered.items():
            there = {task.id for task in tasks.get(key, [])}
            if ids != there:
                wrong.append(f"job {key} was answered with {ids} and is {there}")
        refused = {one["key"] for one in self._noted if "refused" in one and "key" in one}
        meant = {one["key"] for one in self._noted if "meant" in one}
        for key, (task, *_) in tasks.items():
            if key != task.id and (key not in meant or key in refused):
                wrong.append(f"job {key} has a task that nobody asked for or that was refused")
        if not charge.killed or charge.restarts:
            wrong += [
                f"refused by a kernel that lives: {one}"
                for one in self._noted
                if one.get("kernel") == charge.id and "refused" in one
            ]
        return wrong

    def _task(self, charge: Charge, key: str, task: Settled, records: list[Seen]) -> None:
        job = job_of(key)
        asked = any(entry.get("cancel") == task.id for entry in self._noted)
        task = replace(task, cancel=asked)
        wrong = checks.settling(job, task, records, charge.excuses)
        wrong += checks.said(job, task.state, records)
        if wrong:
            shown = records if len(records) <= 30 else [*records[:15], *records[-15:]]
            wrong += ["its records:\n" + "\n".join(map(str, shown))]
        require(wrong, f"kernel {charge.id} task {task.number} ({job.kind}, {key}): {task}")
        charge.checked.add(task.id)
        counts = self._books.counts
        counts["tasks"] += 1
        counts[f"tasks {task.state}"] += 1
        counts["lines checked"] += sum(
            str(one.content.get("text", "")).count("\n") for one in records if one.kind == "stream"
        )
        counts["pictures checked"] += sum(one.kind == "display_data" for one in records)
        counts["gaps"] += sum(one.kind == "gap" for one in records)
        counts["cuts"] += sum(one.kind == "cut" for one in records)
        if not task.number % 5:
            self._whole(task, records)

    def _whole(self, task: Settled, records: list[Seen]) -> None:
        """The result put together is what the records say."""
        result = self._api.get(f"tasks/{task.id}/result")
        streams = [one.content for one in records if one.kind == "stream"]
        for name in ("stdout", "stderr"):
            text = "".join(one["text"] for one in streams if one["name"] == name)
            require([] if result[name] == text else [f"{name} differs"], f"result of {task}")

    def _followed(self, charge: Charge) -> None:
        """The follower saw every number once, whatever was killed meanwhile."""
        path = ledger_of(self._people.followed, charge.id)
        wanted = [(one.number, one.kind) for one in charge.records]

        def noted() -> list[Entry]:
            found = entries(path)
            require([str(one) for one in found if "wrong" in one], f"follower of {charge.id}")
            return [one for one in found if "number" in one]

        wait_until(
            lambda: len(noted()) >= len(wanted),
            60,
            lambda: f"follower of {charge.id}: {len(noted())} of {len(wanted)}: {noted()[-1:]}",
        )
        seen = noted()[: len(wanted)]
        found = [(one["number"], one["kind"]) for one in seen]
        first = next((i for i, pair in enumerate(wanted) if found[i] != pair), None)
        if first is not None:
            require([f"saw {found[first]} for {wanted[first]}"], f"follower of {charge.id}")
        for one, record in zip(seen, charge.records, strict=True):
            if one["digest"] != digest(record.content):
                require([f"saw something else for {record}"], f"follower of {charge.id}")

    def _alive(self, charge: Charge, tasks: dict[str, list[Settled]]) -> None:
        """Its process is the same, and each of its jobs ran once in it."""
        status, answer = self._api.post(
            f"kernels/{charge.id}/tasks", {"code": PROBE}, f"probe-{self._books.round}"
        )
        require([] if status == 201 else [f"status {status}: {answer}"], f"probe of {charge.id}")
        result = self._api.get(f"tasks/{answer['id']}/result", wait=60)
        state = result["task"]["state"]
        require(
            [] if state == "succeeded" else [f"it is {state}: {result['task']}"],
            f"probe of kernel {charge.id}",
        )
        told = json.loads(result["stdout"])
        if charge.restarts and not alive(charge.pid):
            charge.pid = self._house.kernel_pid(charge.id) or 0
            self._books.counts["kernels started again"] += 1
        same = told["pid"] == charge.pid == self._house.kernel_pid(charge.id)
        require([] if same else [f"pid {told['pid']} was {charge.pid}"], f"kernel {charge.id}")
        ran = [
            key
            for key, (task, *_) in tasks.items()
            if key != task.id and task.state in ("succeeded", "failed")
        ]
        remembered = [] if charge.killed else ran
        require(checks.once(told["seen"], remembered, "variables"), f"kernel {charge.id}")
        must = [] if charge.full else ran
        require(checks.once(self._runs(charge), must, "file"), f"kernel {charge.id}")

    def _dead(self, charge: Charge) -> None:
        kernel = self._api.get(f"kernels/{charge.id}")
        wrong = []
        if kernel["state"] != "failed" or not kernel["reason"]:
            wrong.append(f"it was killed and is {kernel['state']}: {kernel['reason']}")
        elif charge.excuses.signal_known and "SIGKILL" not in kernel["reason"]:
            wrong.append(f"its reason does not name the signal: {kernel['reason']}")
        if alive(charge.pid):
            wrong.append(f"its process {charge.pid} is alive")
        wrong += [f"job {k} ran {n} times" for k, n in self._runs(charge).items() if n > 1]
        require(wrong, f"kernel {charge.id}")

    def _runs(self, charge: Charge) -> dict[str, int]:
        file = self._house.data / "agent" / "kernels" / charge.id / "work" / RUNS
        return dict(Counter(_words(file)))


def _answers(noted: list[Entry], kernel_id: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for one in noted:
        if "task" in one and one.get("kernel") == kernel_id:
            found.setdefault(one["key"], set()).add(one["task"])
    return found


def _words(file: Path) -> list[str]:
    return [word for word in file.read_text().split("\n") if word] if file.exists() else []
