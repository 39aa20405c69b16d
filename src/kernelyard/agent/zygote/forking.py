"""Forking a kernel when the spawner asks for it."""

import errno
import os
import signal
import socket

from . import cloning
from .channel import say

_LEAST, _MOST = 2, 3
"""Descriptors of a cord and of a log; and of a control group, if it can be made in one."""


def serve(channel: socket.socket) -> "tuple[socket.socket, int] | None":
    """Fork when asked; return None when nobody can ask any more, and in each child its cord and its log."""
    # The processes in between end at once, and nobody here waits for them.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        asked, descriptors, _, _ = socket.recv_fds(channel, 1, _MOST)
        if not asked:
            return None
        if len(descriptors) < _LEAST:
            for one in descriptors:
                os.close(one)
            continue
        cord = socket.socket(fileno=descriptors[0])
        group = descriptors[2] if len(descriptors) == _MOST else None
        if _is_kernel(cord, group):
            channel.close()
            return cord, descriptors[1]
        cord.close()
        for one in descriptors[1:]:
            os.close(one)


def _is_kernel(cord: socket.socket, group: "int | None") -> bool:
    """Fork twice, so that the kernel's parent is the spawner, which adopts what others leave behind."""
    try:
        if _first_fork(group):
            return False
    except OSError as error:
        _refuse(cord, error)
        return False
    try:
        if os.fork():
            os._exit(0)
    except OSError as error:
        _refuse(cord, error)
        os._exit(0)
    return True


def _first_fork(group: "int | None") -> int:
    pid = None if group is None else cloning.fork_into(group)
    # Where it cannot be made in its group, it moves there later.
    return os.fork() if pid is None else pid


def _refuse(cord: socket.socket, error: OSError) -> None:
    say(cord, {"errno": error.errno or errno.EAGAIN, "problem": error.strerror or str(error)})
