"""A cast of kernelspec managers as other packages have them, and some that misbehave."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from typing import Any, ClassVar

from jupyter_client.kernelspec import KernelSpec, KernelSpecManager, NoSuchKernel
from traitlets import Unicode

ARGV = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]


class Gate:
    """Where the slow one waits; tests open it, and it opens by itself before a test could hang."""

    opened: ClassVar[threading.Event] = threading.Event()
    asked: ClassVar[int] = 0


class Lazy(KernelSpecManager):
    """As conda's: names of its own, an environment that is only there at launch, a setting."""

    greeting = Unicode("hello", config=True)

    def get_all_specs(self) -> dict[str, Any]:
        spec = {"argv": ARGV, "display_name": "One [conda env]", "language": "python"}
        return {
            "conda-env-one-py": {"resource_dir": "", "spec": spec},
            "with space": {"resource_dir": "", "spec": {**spec, "interrupt_mode": "message"}},
            "torn": {"resource_dir": "", "spec": {"argv": []}},
            "none": None,
        }

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        found = self.get_all_specs().get(kernel_name)
        if found is None:
            raise NoSuchKernel(kernel_name)
        env = {"GREETING": self.greeting, "ACTIVATED": "at launch"}
        return KernelSpec(**found["spec"], env=env)


class Shy(Lazy):
    """As ``environment_kernels``: its kernelspecs tell their variables to whoever asks for these."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        class Spec(KernelSpec):
            def to_dict(self) -> dict[str, Any]:
                return {"argv": self.argv, "display_name": self.display_name}

        return Spec(argv=ARGV, env={**os.environ, "KERNELYARD_X": "secret", "ONLY": "this"})


class Remote:
    """As a gateway's: asynchronous, with files that it fetches."""

    async def get_all_specs(self) -> dict[str, Any]:
        await asyncio.sleep(0)
        spec = {"argv": ARGV, "display_name": "Far", "language": "python"}
        logo = {"logo-64x64": "/kernelspecs/far/logo-64x64.png", "kernel.json": "/x/kernel.json"}
        return {"far": {"name": "far", "spec": spec, "resources": logo}}

    async def get_kernel_spec(self, name: str) -> KernelSpec:
        return KernelSpec(argv=ARGV, display_name="Far", language="python")

    async def get_kernel_spec_resource(self, name: str, path: str) -> bytes | None:
        return b"far-away png" if path == "logo-64x64.png" else None


class Raises(KernelSpecManager):
    """Fails."""

    def get_all_specs(self) -> dict[str, Any]:
        raise ZeroDivisionError("no\nluck")


class Exits(KernelSpecManager):
    """Would end the process."""

    def get_all_specs(self) -> dict[str, Any]:
        sys.exit(3)


class Hangs(KernelSpecManager):
    """Does not answer until the gate is open."""

    def get_all_specs(self) -> dict[str, Any]:
        Gate.asked += 1
        Gate.opened.wait(30)
        return {"late": {"resource_dir": "", "spec": {"argv": ARGV}}}


class Rubbish(KernelSpecManager):
    """Answers what nobody can use."""

    def get_all_specs(self) -> Any:
        return ["python3"]


class NoManager:
    """Is something else."""
