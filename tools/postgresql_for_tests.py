"""See that a PostgreSQL server's programs are there for the tests of the PostgreSQL store.

Does nothing if they are. Else, on Debian and Ubuntu and as root, installs the package `postgresql` and
sees to it that no cluster of the system is made or started: the tests start a server of their own.
In every other case it says what to install, and changes nothing; it never fails.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

CLUSTERS = Path("/etc/postgresql-common/createcluster.conf")
NO_CLUSTER = "create_main_cluster = false"
PLACES = ("usr/lib/postgresql/*/bin", "usr/pgsql-*/bin")
WITHOUT = "KERNELYARD_TESTS_WITHOUT_POSTGRESQL=1"


def main() -> None:
    """Look, and install if that can be done."""
    if is_there():
        return
    if os.geteuid() == 0 and shutil.which("apt-get"):
        print(
            "Installing the package postgresql for the tests of the PostgreSQL store. No cluster of "
            f"the system is made or started ('{NO_CLUSTER}' in {CLUSTERS}).",
            flush=True,
        )
        try:
            install()
        except (subprocess.CalledProcessError, OSError) as error:
            print(f"That did not work: {error}")
    if not is_there():
        print(
            "The tests of the PostgreSQL store will fail, for there is no PostgreSQL server. Install "
            f"one (sudo apt-get install postgresql), or set {WITHOUT} to do without these tests."
        )


def is_there() -> bool:
    """Whether there is an initdb where the tests look for one."""
    found = [path for place in PLACES for path in Path("/").glob(f"{place}/initdb")]
    return bool(found) or shutil.which("initdb") is not None


def install() -> None:
    """Install the package with apt; its scripts ask the configuration whether to make a cluster."""
    apt("update")
    apt("install", "--yes", "--no-install-recommends", "postgresql-common")
    if CLUSTERS.exists():
        lines = CLUSTERS.read_text("utf-8").splitlines()
        kept = [line for line in lines if "create_main_cluster" not in line]
        CLUSTERS.write_text("\n".join([*kept, NO_CLUSTER]) + "\n", "utf-8")
    apt("install", "--yes", "--no-install-recommends", "postgresql")


def apt(*arguments: str) -> None:
    """Run apt-get without questions and without much talk."""
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(
        ["apt-get", "-qq", *arguments], check=True, env=environment, stdout=subprocess.DEVNULL
    )


if __name__ == "__main__":
    main()
