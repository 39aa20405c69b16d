"""Kernels of several languages, how each is started, and how the same thing is said in each."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

ENVIRONMENT = Path(__file__).parents[2] / ".venv" / "kernels" / "bin"
_PYTHON = str(ENVIRONMENT / "python")


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """One kernel."""

    name: str
    language: str
    argv: list[str]
    source: Literal["python", "r"] | None
    """Where it comes from: an environment with kernels from the Python package index, or Debian's R."""
    says: dict[str, str]
    """Code by what it does: prints six times seven, raises, runs for minutes, dies and so on."""
    error: str
    """The name of the error that the code that raises is known by."""
    forked: bool = False
    """Whether its kernels are forked, and not started as new programs."""

    @property
    def title(self) -> str:
        """What tests of it are called."""
        return f"{self.name}-forked" if self.forked else self.name


_PYTHON_CODE = {
    "prints": "print(6 * 7)",
    "keeps": "kept = 'kept'",
    "shows": "print(kept)",
    "raises": "raise ValueError('boom')",
    "runs on": "import time\nprint('begun', flush=True)\ntime.sleep(600)",
    "exits": "import os; os._exit(3)",
    "dies": "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
    "asks": "input('name? ')",
    "writes to its descriptor": "import os; os.write(1, b'by descriptor\\n')",
}
IPYKERNEL = Language(
    name="ipykernel",
    language="python",
    argv=[sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
    source=None,
    says=_PYTHON_CODE,
    error="ValueError",
)
FORKED_IPYKERNEL = replace(IPYKERNEL, forked=True)
XEUS_PYTHON = Language(
    name="xeus-python",
    language="python",
    argv=[_PYTHON, "-m", "xpython_launcher", "-f", "{connection_file}"],
    source="python",
    says=_PYTHON_CODE,
    error="<class 'ValueError'>",
)
BASH = Language(
    name="bash",
    language="bash",
    argv=[_PYTHON, "-m", "bash_kernel", "-f", "{connection_file}"],
    source="python",
    error="",
    says={
        "prints": "echo $((6 * 7))",
        "keeps": "kept=kept",
        "shows": "echo $kept",
        "raises": "ls /nonexistent/boom",
        "runs on": "echo begun; sleep 600",
        "exits": "kill -TERM $PPID; sleep 600",
        "dies": "kill -KILL $PPID; sleep 600",
        "asks": "echo begun; cat",
        "writes to its descriptor": "echo by descriptor > /proc/$PPID/fd/1",
    },
)
IRKERNEL = Language(
    name="irkernel",
    language="R",
    argv=["R", "--slave", "-e", "IRkernel::main()", "--args", "{connection_file}"],
    source="r",
    error="ERROR",
    says={
        "prints": "cat(6 * 7, '\\n', sep = '')",
        "keeps": "kept <- 'kept'",
        "shows": "cat(kept, '\\n', sep = '')",
        "raises": "stop('boom')",
        "runs on": "cat('begun\\n'); flush.console(); Sys.sleep(600)",
        "exits": ".Internal(quit('no', 3L, FALSE))",
        "dies": "tools::pskill(Sys.getpid(), 9)",
        "asks": "cat('begun\\n'); flush.console(); readline('name? ')",
        "writes to its descriptor": "system('echo by descriptor')",
    },
)
DENO = Language(
    name="deno",
    language="typescript",
    argv=[str(ENVIRONMENT / "deno"), "jupyter", "--kernel", "--conn", "{connection_file}"],
    source="python",
    error="TypeError",
    says={
        "prints": "console.log(6 * 7)",
        "keeps": "const kept: string = 'kept'",
        "shows": "console.log(kept)",
        "raises": "throw new TypeError('boom')",
        "runs on": "console.log('begun'); while (true) {}",
        "exits": "Deno.exit(3)",
        "dies": "Deno.kill(Deno.pid, 'SIGKILL')",
        "asks": "prompt('name? ')",
        "writes to its descriptor": "Deno.stdout.writeSync(new TextEncoder().encode('by descriptor\\n'))",
    },
)
LANGUAGES = (IPYKERNEL, XEUS_PYTHON, BASH, IRKERNEL, DENO)
