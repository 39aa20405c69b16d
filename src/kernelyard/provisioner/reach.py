"""Whether a kernel's bridge can be reached: it listens on the loopback of the server's machine only."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from urllib.parse import urlsplit

import zmq
from jupyter_client.localinterfaces import is_local_ip

HEARTBEAT_SECONDS = 3.0


def is_here(url: str) -> bool:
    """Whether the host of an address is this machine, as far as its names and interfaces tell."""
    host = urlsplit(url).hostname or ""
    try:
        found = socket.getaddrinfo(host, None)
    except OSError:
        return False
    addresses = {str(one[4][0]) for one in found}
    return any(
        address.startswith("127.") or address == "::1" or is_local_ip(address)
        for address in addresses
    )


def has_heartbeat(info: Mapping[str, str | int]) -> bool:
    """Whether something answers on the heartbeat port as a kernel does. Blocks for some seconds."""
    ping = b"kernelyard"
    with zmq.Context() as context, context.socket(zmq.REQ) as asking:
        asking.linger = 0
        asking.connect(f"{info['transport']}://{info['ip']}:{info['hb_port']}")
        asking.send(ping)
        return bool(asking.poll(int(HEARTBEAT_SECONDS * 1000))) and asking.recv() == ping
