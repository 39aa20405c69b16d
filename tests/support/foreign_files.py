"""Contents of connection files of kernels that somebody else has started."""

from __future__ import annotations

from kernelyard.model.json import JsonObject

SECRET = "c0ffee-the-key-that-nobody-else-may-know"


def connection_file(**changes: str | int) -> JsonObject:
    """The content of a connection file; nothing listens there."""
    return {
        "transport": "tcp",
        "ip": "127.0.0.1",
        "shell_port": 50_001,
        "iopub_port": 50_002,
        "stdin_port": 50_003,
        "control_port": 50_004,
        "hb_port": 50_005,
        "key": SECRET,
        "signature_scheme": "hmac-sha256",
        "kernel_name": "python3",
        **changes,
    }
