"""See that kernels of other languages are there for the tests in tests/languages.

Those from the Python package index go into an environment of their own, `.venv/kernels`, from
`requirements/kernels.lock`. IRkernel comes from Debian or Ubuntu, and is installed with apt if this is
run by root there. What is there already is left as it is. What cannot be had is told, and its tests are
skipped; this never fails.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from tools.side_environment import SideEnvironment, run

ROOT = Path(__file__).parents[1]
KERNELS = SideEnvironment(ROOT / ".venv" / "kernels", ROOT / "requirements" / "kernels.lock")
PACKAGE = "r-cran-irkernel"
R_LIBRARIES = ("/usr/lib/R/site-library", "/usr/local/lib/R/site-library", "/usr/lib/R/library")


def main() -> None:
    """Look, and install what can be installed."""
    if not has_python_kernels():
        print("Installing kernels of other languages for tests into .venv/kernels.", flush=True)
        attempt(KERNELS.make, "bash_kernel, xeus-python and deno")
    if not has_irkernel() and os.geteuid() == 0 and shutil.which("apt-get"):
        print(f"Installing the package {PACKAGE} for the tests of the R kernel.", flush=True)
        attempt(install_irkernel, "IRkernel")
    if not has_irkernel():
        print(
            "The tests of the R kernel will be skipped, for there is no IRkernel. "
            f"On Debian and Ubuntu 'sudo apt-get install {PACKAGE}' brings it."
        )


def has_python_kernels() -> bool:
    """Whether the environment was made from the lock file as it is now."""
    return KERNELS.is_current


def has_irkernel() -> bool:
    """Whether R can load IRkernel, by where its packages lie."""
    libraries = [*os.environ.get("R_LIBS", "").split(os.pathsep), *R_LIBRARIES]
    has_package = any((Path(place) / "IRkernel").is_dir() for place in libraries if place)
    return shutil.which("R") is not None and has_package


def install_irkernel() -> None:
    """Install the package with apt, without questions and without much talk."""
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    run(["apt-get", "-qq", "update"], environment)
    run(["apt-get", "-qq", "install", "--yes", "--no-install-recommends", PACKAGE], environment)


def attempt(make: Callable[[], None], what: str) -> None:
    """Call ``make``, and say so if it does not work."""
    try:
        make()
    except (subprocess.CalledProcessError, OSError) as error:
        print(f"That did not work, so the tests of {what} will be skipped: {error}")


if __name__ == "__main__":
    main()
