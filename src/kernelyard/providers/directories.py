"""Where a kernel starts: its work directory, unless the path of its order marks another one.

``/./`` in a path is such a mark, as in rsync: in ``/data/project/./reports/in.ipynb`` it stands
behind ``/data/project``. A path without it only says what the kernel is for.
"""

from __future__ import annotations

import os
from pathlib import Path

from kernelyard.providers.launcher import LaunchFailed

MARK = "/./"


def marked_directory(path: str | None) -> Path | None:
    """Return the directory that a path marks, if it does. Raises LaunchFailed if it cannot be used."""
    before, mark, _ = (path or "").partition(MARK)
    if not mark:
        return None
    directory = Path(before or "/")
    if not directory.is_absolute():
        return None
    if not directory.is_dir():
        problem = "there is no such directory on the machine of the kernels"
    elif not os.access(directory, os.X_OK):
        problem = "the user who runs the kernels may not enter it"
    else:
        return directory
    raise LaunchFailed(
        f"it cannot start in {directory}: {problem}. Name another one, or leave '{MARK}' out of 'path'"
    )
