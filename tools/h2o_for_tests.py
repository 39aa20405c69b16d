"""See that the published client of H2O's Kernel API is there for the tests in tests/h2o.

Each release that is tested has an environment of its own, made from its lock file with pip alone. What is
there already is left as it is. `make setup` calls this and goes on without them, and so do the tests, which
fail if they cannot be had.
"""

from __future__ import annotations

import fcntl
import subprocess
import sys
from pathlib import Path

from tools.side_environment import SideEnvironment

ROOT = Path(__file__).parents[1]
NEW = SideEnvironment(ROOT / "build" / "h2o", ROOT / "requirements" / "h2o.lock")
"""Release 0.6.5, the protocol of 0.5.0 and all later ones."""
OLD = SideEnvironment(ROOT / "build" / "h2o-0.4", ROOT / "requirements" / "h2o-0.4.lock")
"""Release 0.4.1, with the older layout of addresses."""


def main() -> None:
    """Look, and install what can be installed."""
    for environment in (NEW, OLD):
        try:
            python_of(environment)
        except (subprocess.CalledProcessError, OSError) as error:
            print(f"That did not work, so the tests of the H2O door will try again: {error}")


def python_of(environment: SideEnvironment) -> Path:
    """Return the interpreter of an environment, which is made first if it is not there.

    Raises CalledProcessError or OSError if it cannot be made.
    """
    if not environment.is_current:
        environment.place.parent.mkdir(exist_ok=True)
        # Two runs of the tests may come here at once.
        with environment.place.with_name(f"{environment.place.name}.making").open("w") as making:
            fcntl.flock(making, fcntl.LOCK_EX)
            if not environment.is_current:
                told = f"Installing h2o-notebook for tests into build/{environment.place.name}."
                print(told, file=sys.stderr, flush=True)
                environment.make()
    return environment.place / "bin" / "python"


if __name__ == "__main__":
    main()
