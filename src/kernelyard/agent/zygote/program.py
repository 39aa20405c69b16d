"""The zygote's own program: run by its path, by a kernel's interpreter, with what ipykernel is told.

It imports what its kernels need, and forks one when asked; it has one thread, and makes nothing that two
kernels must not share. Its standard input is a socket to the spawner. First comes a frame, a little-endian
u32 length and a JSON object ``{"preload": [module, ...], "sources": file}``; then one byte for each kernel, and with it the
descriptors of its *cord*, of its log, and of the control group that it is made in, if there is one. It says lines of JSON: ``{"state": "booting", "reason"}``,
``{"state": "ready", "modules", "booted_ms"}`` or ``{"state": "unfit", "reason"}``.

Along the cord, a socket, the kernel is told its job in such a frame (``argv``, ``env``, ``cwd``,
``groups``, ``limits``, ``connection_file``), answers with a line ``{"pid"}``, ``{"errno", "problem"}`` or
``{"no_zygote": reason}``, and waits for one more byte until it becomes a kernel. So it is known before it
does anything, whoever is killed meanwhile: if the cord is cut on either side, there is no kernel.

A kernel that is forked ahead is told such a frame without a job (``token``, ``groups``, ``sockets``, ``log``), says
a line ``{"ahead_pid"}`` when it waits, and is then told its job, before which comes a byte with its log.
"""

import os
import sys
from importlib.util import module_from_spec, spec_from_file_location

OLDEST = (3, 9)
"""Older ones cannot take descriptors from a socket; this file is one that they can read."""
PACKAGE = "kernelyard_zygote"
"""By this name the files beside this one find each other; it is forgotten before a kernel is forked."""


def main() -> bool:
    """Load what is beside this file, under a name that clashes with nothing, and run it."""
    if sys.version_info < OLDEST:
        return _refuse()
    here = os.path.dirname(os.path.realpath(__file__))  # noqa: PTH120 - pathlib may be shadowed yet
    # As with '-m', the directory of this file is not to be on the path.
    if os.path.realpath(sys.path[0]) == here:
        del sys.path[0]
    spec = spec_from_file_location(
        PACKAGE,
        os.path.join(here, "__init__.py"),  # noqa: PTH118
        submodule_search_locations=[here],
    )
    assert spec is not None and spec.loader is not None  # noqa: PT018, S101 - it is a file of ours
    package = sys.modules[PACKAGE] = module_from_spec(spec)
    spec.loader.exec_module(package)
    from kernelyard_zygote.serving import live  # type: ignore[import-not-found]

    return bool(live())


def _refuse() -> bool:
    import json
    import socket

    reason = "its Python {}.{} is older than {}.{}".format(*sys.version_info[:2], *OLDEST)
    with socket.socket(fileno=os.dup(0)) as channel:
        channel.sendall(json.dumps({"state": "unfit", "reason": reason}).encode() + b"\n")
    return False


if __name__ == "__main__" and not main():
    # What is done at the exit of a kernel is not to be done here.
    sys.stdout.flush()
    os._exit(0)
