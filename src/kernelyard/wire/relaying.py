"""The part of the agent link in which clients of a server speak with a kernel."""

from __future__ import annotations

import msgspec


class Relay(msgspec.Struct, tag="relay", frozen=True):
    """Let a client speak with the kernel in the kernel protocol, as long as both are there.

    If this is answered with ``done``, the rest of the connection carries frames both ways that each hold
    one kernel message (``wire.websocket_v1``), and in the end a fault that says why nothing more comes.
    A kernel that is not known here yet is waited for, for some seconds.
    """

    kernel_id: str
    author: str
    """Who speaks; runs stand in the journal under this name."""
    session: str
    """Of one author and session the newest connection is served."""
    output_limit_bytes: int = 0
    """Bytes of output kept of a run; more is cut and counted. 0 for no limit."""
    largest_code: int = 0
    """Characters of code run at a time; more is refused. 0 for no limit."""
