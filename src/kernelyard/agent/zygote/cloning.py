"""Forking into a control group at once.

To move a process from one control group to another the system waits until no processor is in the middle of
a fork, which takes it milliseconds, one move after the other. A process that is made in its group needs no move.

What is made here serves for nothing but to be the parent of a kernel: the C library knows nothing of it, and
Python's own fork, with all that belongs to it, comes after.
"""

import ctypes
import os
import signal
import struct
from typing import Any

_CLONE3 = 435
_MACHINES = ("x86_64", "aarch64", "riscv64", "ppc64le", "s390x", "loongarch64")
"""On these the system call has that number."""
_CLONE_INTO_CGROUP = 0x200000000
_ARGUMENTS = struct.Struct("=11Q")
"""flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup"""


def _system_call() -> Any:
    if os.uname().machine not in _MACHINES:
        return None
    # Not let go of the interpreter meanwhile, for the child is in the middle of it, too.
    return getattr(ctypes.PyDLL(None), "syscall", None)


_CALL = _system_call()


def fork_into(group: int) -> "int | None":
    """Fork into the control group, of version 2, that a descriptor is of; None where that cannot be."""
    if _CALL is None:
        return None
    told = _ARGUMENTS.pack(_CLONE_INTO_CGROUP, 0, 0, 0, signal.SIGCHLD, 0, 0, 0, 0, 0, group)
    place = ctypes.create_string_buffer(told, len(told))
    pid = int(_CALL(ctypes.c_long(_CLONE3), place, ctypes.c_size_t(len(told))))
    return None if pid < 0 else pid
