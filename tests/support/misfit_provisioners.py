"""A cast of kernel provisioners as strangers write them, each strange in one way.

They are installed as packages are: by an entry point in a directory on the path.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, ClassVar

from jupyter_client.provisioning import KernelProvisionerBase, LocalProvisioner
from traitlets import Unicode

CAST = {
    "blocks": "BlocksItsThread",
    "configured": "Configured",
    "foreign": "StartsElsewhere",
    "hasty": "TellsOfFalseEnds",
    "hangs": "HangsInLaunch",
    "lies": "LiesAboutPorts",
    "text-key": "TellsItsKeyAsText",
    "raises": "RaisesBeforeLaunch",
    "returns-nothing": "LaunchesNothing",
    "tied": "TiedToALoop",
    "unkillable": "KillsNothing",
}


def install(place: Path, cast: dict[str, str] | None = None) -> Path:
    """Write a package's metadata into a directory, which is to be on the path."""
    info = place / "misfit_provisioners-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: misfit-provisioners\nVersion: 1.0\n"
    )
    lines = [f"{name} = {__name__}:{member}" for name, member in (cast or CAST).items()]
    (info / "entry_points.txt").write_text(
        "\n".join(["[jupyter_client.kernel_provisioners]", *lines, ""])
    )
    return place


class Configured(LocalProvisioner):
    """Leaves word of what it was given, and changes the command line as environments' do."""

    flavour = Unicode("plain").tag(config=True)

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        assert self.kernel_spec is self.parent.kernel_spec
        self.kernel_spec.argv[:] = [*self.kernel_spec.argv, "--Application.log_level=30"]
        kwargs["env"]["FLAVOUR"] = self.flavour
        self.log.info("it tastes %s", self.flavour)
        return await super().pre_launch(**kwargs)


class StartsElsewhere(KernelProvisionerBase):
    """Not of the local family: its own process, a method where a property should be, a ``poll`` that
    never tells, a ``wait`` that does not wait, and no default for ``cleanup``."""

    process: subprocess.Popen[bytes] | None = None

    def has_process(self) -> bool:
        return self.connection_info != {}

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        kwargs = await super().pre_launch(**kwargs)
        self.parent.write_connection_file()
        return {**kwargs, "cmd": self.parent.format_kernel_cmd()}

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> dict[str, Any]:
        self.process = subprocess.Popen(  # noqa: ASYNC220 - as strangers do
            cmd,
            env=kwargs["env"],
            cwd=kwargs["cwd"],
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        self.connection_info = self.parent.get_connection_info()
        return self.connection_info

    async def poll(self) -> int | None:
        return None

    async def wait(self) -> int | None:
        return None

    async def send_signal(self, signum: int) -> None:
        os.killpg(self._pid, signum)

    async def kill(self, restart: bool = False) -> None:
        await self.send_signal(signal.SIGKILL)

    async def terminate(self, restart: bool = False) -> None:
        await self.send_signal(signal.SIGTERM)

    async def cleanup(self, restart: bool) -> None:
        if self.process is not None:
            self.process.wait()

    async def get_provisioner_info(self) -> dict[str, Any]:
        return {**await super().get_provisioner_info(), "pid": self._pid}

    async def load_provisioner_info(self, provisioner_info: dict[str, Any]) -> None:
        await super().load_provisioner_info(provisioner_info)
        self.found_pid = provisioner_info["pid"]

    @property
    def _pid(self) -> int:
        return self.found_pid if self.process is None else self.process.pid


class TellsOfFalseEnds(StartsElsewhere):
    """Takes its kernel for dead whenever that does not answer in time."""

    asked = 0

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> dict[str, Any]:
        self.place = Path(kwargs["cwd"])
        return await super().launch_kernel(cmd, **kwargs)

    async def poll(self) -> int | None:
        self.asked += 1
        if self.asked > 3:
            (self.place / "asked").touch()
        return 0 if self.asked <= 3 else None


class BlocksItsThread(LocalProvisioner):
    """Waits in a coroutine as if it had the thread for itself, when it is signalled."""

    async def send_signal(self, signum: int) -> None:
        if signum == signal.SIGINT:
            threading.Event().wait(30)
        await super().send_signal(signum)


class KillsNothing(LocalProvisioner):
    async def kill(self, restart: bool = False) -> None:
        raise RuntimeError("no such thing")

    async def terminate(self, restart: bool = False) -> None:
        raise RuntimeError("no such thing")


class RaisesBeforeLaunch(LocalProvisioner):
    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        raise RuntimeError("The queue 'night' is closed. Choose another.")


class HangsInLaunch(LocalProvisioner):
    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        await super().launch_kernel(cmd, **kwargs)
        (Path(kwargs["cwd"]) / "begun").write_text(str(self.pid))
        await asyncio.Event().wait()


class LaunchesNothing(LocalProvisioner):
    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        return {}


class TiedToALoop(LocalProvisioner):
    """Has something of which there is one in a process, at home in the loop where it was made."""

    home: ClassVar[asyncio.AbstractEventLoop | None] = None

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if TiedToALoop.home is None:
            TiedToALoop.home = asyncio.get_running_loop()

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        assert TiedToALoop.home is not None
        answer = asyncio.run_coroutine_threadsafe(asyncio.sleep(0), TiedToALoop.home)
        await asyncio.wrap_future(answer)
        return await super().launch_kernel(cmd, **kwargs)


class LiesAboutPorts(LocalProvisioner):
    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        info = await super().launch_kernel(cmd, **kwargs)
        (Path(kwargs["cwd"]) / "begun").write_text(str(self.pid))
        return {**info, "shell_port": 0, "iopub_port": 70000}


class TellsItsKeyAsText(LocalProvisioner):
    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        info = await super().launch_kernel(cmd, **kwargs)
        return {**info, "key": info["key"].decode()}


def kernel_json(provisioner: str, **config: object) -> dict[str, Any]:
    """A kernelspec of ipykernel that is started by a provisioner."""
    stanza = {"provisioner_name": provisioner, "config": config}
    return {
        "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": f"By {provisioner}",
        "language": "python",
        "env": {"FROM_SPEC": "spec", "BOTH": "spec"},
        "metadata": {"kernel_provisioner": stanza},
    }


def write_kernelspec(jupyter: Path, name: str, content: dict[str, Any]) -> None:
    """Write a kernelspec into a directory of the Jupyter path."""
    directory = jupyter / "kernels" / name
    directory.mkdir(parents=True)
    (directory / "kernel.json").write_text(json.dumps(content))
