"""The processes of the clients: started, killed, started again, told to finish."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.support.live_server import wait_until
from tests.torture.house import ROOT, House
from tests.torture.ledger import Entry, entries

LEAVE_SECONDS = 150.0


class People:
    """Two who submit, one who makes kernels of his own, and one who follows."""

    def __init__(self, house: House, seed: int) -> None:
        self._house = house
        self._seed = seed
        self._folder = house.base / "ledgers"
        self._folder.mkdir()
        self._kernels = house.base / "kernels.json"
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self.names = ["ann", "bob", "guest", "fay"]
        self.work_on([])

    @property
    def followed(self) -> Path:
        """The folder of the followers' ledgers."""
        return self._folder / "followed"

    @property
    def pids(self) -> list[int]:
        return [one.pid for one in self._processes.values() if one.poll() is None]

    def work_on(self, kernels: list[str]) -> None:
        """Give them the list of kernels for their jobs."""
        part = self._kernels.with_suffix(".part")
        part.write_text(json.dumps(kernels))
        part.replace(self._kernels)

    def come(self) -> None:
        """Start those who are not there."""
        for name in self.names:
            self.start(name)

    def start(self, name: str) -> None:
        """Start one of them, unless he is there."""
        process = self._processes.get(name)
        if process is not None and process.poll() is None:
            return
        self.followed.mkdir(exist_ok=True)
        with (self._house.base / f"{name}-output.txt").open("ab") as output:
            self._processes[name] = subprocess.Popen(
                self._command(name),
                env=self._house.env,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    def kill(self, name: str) -> None:
        """``kill -9`` one of them."""
        process = self._processes[name]
        process.kill()
        process.wait(20)

    def finish(self) -> None:
        """Have all but the follower finish what they began."""
        leaving = [self._processes[name] for name in self.names if name != "fay"]
        # Before it says that it is there, a signal would end a client in the middle of something.
        wait_until(lambda: {one.pid for one in leaving} <= self._here(), LEAVE_SECONDS)
        for process in leaving:
            process.send_signal(signal.SIGTERM)
        for process in leaving:
            process.wait(LEAVE_SECONDS)

    def go(self) -> None:
        """End all of them."""
        for process in self._processes.values():
            if process.poll() is None:
                process.kill()
                process.wait(20)

    def noted(self) -> list[Entry]:
        """Everything that the clients noted."""
        paths = [self._folder / f"{name}.ledger" for name in self.names]
        return [entry | {"by": path.stem} for path in paths for entry in entries(path)]

    def _here(self) -> set[int]:
        return {entry["here"] for entry in self.noted() if "here" in entry}

    def _command(self, name: str) -> list[str]:
        places = ["--data-dir", str(self._house.data), "--kernels", str(self._kernels)]
        if name == "fay":
            return [
                *(sys.executable, "-m", "tests.torture.follower"),
                *(*places, "--ledgers", str(self.followed)),
            ]
        role = "visitor" if name == "guest" else "submitter"
        return [
            *(sys.executable, "-m", "tests.torture.client", role, "--name", name),
            *("--seed", str(self._seed), *places),
            *("--ledger", os.fspath(self._folder / f"{name}.ledger")),
        ]
