"""See that the peers of `make bench` are there: in `build/peers`, from `requirements/peers.lock`.

What cannot be had is told, and the benchmarks run without it; this never fails.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tools.side_environment import SideEnvironment

ROOT = Path(__file__).parents[1]
PEERS = SideEnvironment(ROOT / "build" / "peers", ROOT / "requirements" / "peers.lock")


def main() -> None:
    """Look, and install what is not there."""
    if PEERS.is_current:
        return
    print("Installing jupyter_kernel_gateway for the benchmarks into build/peers.", flush=True)
    try:
        PEERS.make()
    except (subprocess.CalledProcessError, OSError) as error:
        print(f"That did not work, so we are measured without a peer: {error}", file=sys.stderr)


if __name__ == "__main__":
    main()
