"""A client process of the suite: submits jobs, or makes short-lived kernels, and may be killed any time.

It notes what it is about to ask and what was answered. Started again it repeats, with the same
idempotency key, every request whose answer it has not noted. SIGTERM has it finish and leave.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from kernelyard.client import (
    ApiError,
    Client,
    ConflictError,
    ConnectionFailedError,
    Kernel,
    KernelyardError,
    NoServerError,
    RetryPolicy,
    Task,
    TaskResult,
    UnavailableError,
)

from tests.torture.jobs import Job, job_of
from tests.torture.ledger import Entry, Ledger, entries

PASSING = (ConnectionFailedError, NoServerError, UnavailableError)
QUEUE = 5
GIVE_UP_SECONDS = 60.0
T = TypeVar("T")


class Leaving(Exception):
    """The time to finish is over."""


class Person:
    """What all clients have: a name, a ledger, patience."""

    def __init__(self, name: str, seed: int, data_dir: Path, kernels: Path, ledger: Path) -> None:
        self.name = name
        self.seed = seed
        self.noted = entries(ledger)
        self.ledger = Ledger(ledger)
        self.stop = threading.Event()
        self._kernels = kernels
        self._data_dir = data_dir
        self._client: Client | None = None
        self._give_up = threading.Event()

    def told_to_stop(self) -> None:
        """Finish what was begun, within a minute."""
        self.stop.set()
        timer = threading.Timer(GIVE_UP_SECONDS, self._give_up.set)
        timer.daemon = True
        timer.start()

    @property
    def client(self) -> Client:
        """The client; a server must be there when it is made."""
        if self._client is None:
            policy = RetryPolicy(total=5.0, following=90.0)
            self._client = Client(data_dir=self._data_dir, retries=policy)
        return self._client

    def ask(self, what: str, request: Callable[[], T]) -> T:
        """Repeat a request until it is answered by something else than 'not now'."""
        while True:
            try:
                return request()
            except PASSING as error:
                if isinstance(error, ApiError):
                    self.ledger.note(
                        not_now=what, status=error.status, code=error.code, detail=error.detail
                    )
                if self._give_up.is_set():
                    self.ledger.note(wrong=f"{what} was never answered: {error}")
                    raise Leaving from error
                self._give_up.wait(0.3)

    def places(self) -> list[str]:
        """Ids of the kernels that may be given work."""
        return list(json.loads(self._kernels.read_text()))


class Submitter(Person):
    """Submits one job after the other to kernels that others made."""

    def run(self) -> None:
        answered = {entry["key"] for entry in self.noted if "task" in entry or "refused" in entry}
        meant = [entry for entry in self.noted if "meant" in entry]
        for entry in meant:
            if entry["key"] not in answered:
                self._submit(entry["kernel"], job_of(entry["key"]))
        number = len(meant)
        while not self.stop.is_set():
            dice = random.Random(f"{self.seed}/{self.name}/{number}")  # noqa: S311
            places = self.places()
            kernel_id = dice.choice(places) if places else None
            if kernel_id is None or self._busy(kernel_id):
                self.stop.wait(0.2)
                continue
            job = job_of(f"{self.seed}-{self.name}-{number}")
            self.ledger.note(meant=number, key=job.key, kernel=kernel_id)
            number += 1
            task_id = self._submit(kernel_id, job)
            if task_id is not None and dice.random() < 0.25:
                again = self._submit(kernel_id, job)
                if again != task_id:
                    self.ledger.note(wrong=f"job {job.key} is task {task_id}, repeated {again}")
            elif task_id is not None and dice.random() < 0.12:
                self.stop.wait(dice.choice([0.0, 0.5, 2.0]))
                self._cancel(task_id)
            self.stop.wait(dice.uniform(0, 0.5))

    def _busy(self, kernel_id: str) -> bool:
        try:
            info = self.client.kernels.get(kernel_id).info
        except PASSING:
            return True
        return info.queued_tasks >= QUEUE or info.is_final

    def _submit(self, kernel_id: str, job: Job) -> str | None:
        try:
            task = self.ask("submit", lambda: self._send(kernel_id, job))
        except ConflictError as error:
            self.ledger.note(refused=error.code, key=job.key, kernel=kernel_id)
            return None
        self.ledger.note(task=task.id, key=job.key, kernel=kernel_id)
        return task.id

    def _cancel(self, task_id: str) -> None:
        self.ledger.note(cancel=task_id)
        try:
            self.ask("cancel", lambda: self.client.tasks.get(task_id).cancel())
        except ConflictError as error:
            self.ledger.note(too_late=error.code, cancelled=task_id)

    def _send(self, kernel_id: str, job: Job) -> Task:
        kernel = self.client.kernels.get(kernel_id)
        return kernel.submit(job.code, labels={"job": job.key}, idempotency_key=job.key)


class Visitor(Person):
    """Makes a kernel, runs two jobs on it, looks at what they said, deletes it; again and again.

    One kernel in four is deleted while it starts.
    """

    def run(self) -> None:
        made = [entry for entry in self.noted if "visit" in entry]
        done = {entry["left"] for entry in self.noted if "left" in entry}
        for entry in made:
            if entry["visit"] not in done:
                self._visit(entry["visit"])
        number = len(made)
        while not self.stop.is_set():
            self.ledger.note(visit=number)
            self._visit(number)
            number += 1
            self.stop.wait(0.5)

    def _visit(self, number: int) -> None:
        key = f"{self.seed}-{self.name}-{number}"

        def create() -> Kernel:
            return self.client.kernels.create("python3", labels={"visit": key}, idempotency_key=key)

        kernel = self.ask("create", create)
        self.ledger.note(made=kernel.id, visit_key=key)
        again = self.ask("create", create)
        if again.id != kernel.id:
            self.ledger.note(wrong=f"kernel {key} is {kernel.id}, repeated {again.id}")
        for part in "" if number % 4 == 3 else "ab":
            job = job_of(f"{key}{part}", "lines" if part == "a" else "pictures")
            try:
                task = self.ask("submit", lambda job=job: self._begin(kernel, job))
                self._compare(job, self.ask("wait", lambda task=task: task.wait(timeout=60)))
            except ConflictError as error:
                self.ledger.note(refused=error.code, key=job.key, kernel=kernel.id)
        self.ask("delete", lambda: self._delete(kernel))
        self.ledger.note(left=number, deleted=kernel.id)

    def _begin(self, kernel: Kernel, job: Job) -> Task:
        return kernel.submit(job.code, idempotency_key=job.key)

    def _delete(self, kernel: Kernel) -> None:
        try:
            kernel.delete()
        except ApiError as error:
            if error.status != 404:
                raise

    def _compare(self, job: Job, result: TaskResult) -> None:
        self.ledger.note(visited=job.key, state=result.state, gaps=result.gaps)
        if result.state not in ("succeeded", "lost") or (
            result.state == "lost" and not result.gaps
        ):
            self.ledger.note(odd=f"job {job.key} is {result.state}: {result.task.reason}")
        elif not result.gaps and not result.cut_bytes and result.stdout != job.stdout:
            self.ledger.note(wrong=f"job {job.key} said {result.stdout!r}")


def main() -> None:
    """Be one client until told to stop."""
    parser = argparse.ArgumentParser()
    parser.add_argument("role", choices=["submitter", "visitor"])
    parser.add_argument("--name", required=True)
    parser.add_argument("--seed", type=int, required=True)
    for name in ("--data-dir", "--kernels", "--ledger"):
        parser.add_argument(name, type=Path, required=True)
    given = parser.parse_args()
    kind = Submitter if given.role == "submitter" else Visitor
    person = kind(given.name, given.seed, given.data_dir, given.kernels, given.ledger)
    signal.signal(signal.SIGTERM, lambda *_: person.told_to_stop())
    person.ledger.note(here=os.getpid())
    try:
        person.run()
    except Leaving:
        pass
    except KernelyardError as error:
        person.ledger.note(wrong=f"{type(error).__name__}: {error}", **_details(error))


def _details(error: KernelyardError) -> Entry:
    if not isinstance(error, ApiError):
        return {}
    return {"status": error.status, "code": error.code, "request": error.request_id}


if __name__ == "__main__":
    main()
