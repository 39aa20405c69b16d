"""Forking a kernel when the spawner asks for it."""

import errno
import os
import signal
import socket

from .channel import say

_DESCRIPTORS = 2


def serve(channel: socket.socket) -> "tuple[socket.socket, int] | None":
    """Fork when asked; return None when nobody can ask any more, and in each child its cord and its log."""
    # The processes in between end at once, and nobody here waits for them.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        asked, descriptors, _, _ = socket.recv_fds(channel, 1, _DESCRIPTORS)
        if not asked:
            return None
        if len(descriptors) != _DESCRIPTORS:
            for one in descriptors:
                os.close(one)
            continue
        cord = socket.socket(fileno=descriptors[0])
        if _is_kernel(cord):
            channel.close()
            return cord, descriptors[1]
        cord.close()
        os.close(descriptors[1])


def _is_kernel(cord: socket.socket) -> bool:
    """Fork twice, so that the kernel's parent is the spawner, which adopts what others leave behind."""
    try:
        if os.fork():
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


def _refuse(cord: socket.socket, error: OSError) -> None:
    say(cord, {"errno": error.errno or errno.EAGAIN, "problem": error.strerror or str(error)})
