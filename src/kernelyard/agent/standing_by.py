"""Kernels that wait for somebody must not be older than their environment.

Packages may be installed or removed while a kernel waits. It is then started anew: whoever looks after its
pool sees that and replaces it, and if it was given to somebody meanwhile, that is harmless.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from kernelyard.agent.kernel import Kernel
from kernelyard.agent.logs import Log
from kernelyard.agent.places import kernel_dir
from kernelyard.agent.registry import Registry
from kernelyard.agent.zygote.fingerprint import Fingerprint
from kernelyard.agent.zygote.sources import sources_of

LOOK_SECONDS = 5.0


class StandingBy:
    """Looks at the environments of kernels that wait, now and then."""

    def __init__(self, registry: Registry, data_dir: Path, log: Log) -> None:
        self._registry = registry
        self._data_dir = data_dir
        self._log = log

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            for kernel in self._registry.waiting:
                changed = await asyncio.to_thread(self._changed, kernel)
                if changed and kernel.order.pooled:
                    self._log.info("kernel.outdated", kernel_id=kernel.id, changed=changed)
                    kernel.restart(kernel.order.attempt + 1, f"{changed} has changed")

    def _changed(self, kernel: Kernel) -> str:
        """What of its environment has changed since it was started; empty if nothing is known to."""
        incarnation = kernel.ready_incarnation
        pid = incarnation.launcher.resources.pid if incarnation is not None else None
        if pid is None:
            return ""
        try:
            noted = kernel_dir(self._data_dir, kernel.id) / "process.json"
            begun = noted.stat().st_mtime
            program = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0].decode()
        except (OSError, UnicodeDecodeError):
            return ""
        near = sources_of(noted.with_name("none"), [program], {}).near
        return Fingerprint.taken(near, ()).changed_since(begun)
