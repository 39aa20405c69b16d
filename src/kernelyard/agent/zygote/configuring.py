"""What programs say that configure IPython: they are code of users, and may say another thing in each kernel.

IPython reads them when its application is made, which is before the fork. So they are read once more in each
kernel, with its environment and in its directory: if they say there what they have said before, the kernel goes
on; else a new program is started. What says another thing each time makes the zygote unfit.
"""

import os
from typing import Any

from .fitness import Unfit

_ID = "KERNELYARD_KERNEL_ID"


def settled(files: "tuple[tuple[str, int, int], ...]") -> "tuple[str, ...]":
    """Return what they say. Raises Unfit if that is another thing in another kernel."""
    first = said(files)
    if not first:
        return first
    place, had = os.getcwd(), os.environ.get(_ID)  # noqa: PTH109 - it is text
    try:
        os.chdir("/proc")
        os.environ[_ID] = "of another kernel"
        again = said(files)
    finally:
        os.chdir(place)
        os.environ.pop(_ID, None)
        if had is not None:
            os.environ[_ID] = had
    for (file, _, _), one, other in zip(_programs(files), first, again):  # noqa: B905 - old Pythons
        if one != other:
            raise Unfit(f"{file} does not say the same in each kernel")
    return first


def said(files: "tuple[tuple[str, int, int], ...]") -> "tuple[str, ...]":
    """Run those of the files that are programs; return what each says, or how it fails."""
    return tuple(_said(file) for file, _, _ in _programs(files))


def _programs(files: "tuple[tuple[str, int, int], ...]") -> "list[tuple[str, int, int]]":
    return [one for one in files if one[0].endswith(".py")]


def _said(file: str) -> str:
    from traitlets.config.loader import PyFileConfigLoader

    loader: Any = PyFileConfigLoader
    try:
        found = loader(os.path.basename(file), path=os.path.dirname(file)).load_config()  # noqa: PTH119, PTH120
        return repr(found)
    except Exception as error:  # noqa: BLE001 - IPython goes on without such a file, and says so
        return f"{type(error).__name__}: {error}"
