"""``kernelyard-provisioner``: what jupyter_client calls to start and end a kernel."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from typing import Any, TypeVar

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning.provisioner_base import KernelProvisionerBase
from traitlets import Dict, Float, Unicode

from kernelyard.client import KernelyardError
from kernelyard.provisioner.tie import Tie, Wish, exit_code_of

T = TypeVar("T")
POLL_SECONDS = 0.1
SHUTDOWN_SECONDS = 20.0
"""The yard asks, tells and then kills a kernel, and takes its time for each."""


class YardProvisioner(KernelProvisionerBase):
    """Starts the kernel of a Jupyter application in a yard.

    ``kernelyard kernelspec install`` writes a kernelspec that names it. What may stand in the
    ``config`` there may also be set in the application's own configuration.
    """

    url = Unicode(
        help="The server's address. Without it KERNELYARD_URL counts, or else the server that runs "
        "on this machine."
    ).tag(config=True)
    token = Unicode(
        help="The token. Better left out, since kernelspecs can be read by others: KERNELYARD_TOKEN "
        "counts, or the one that a server on this machine has left for its user."
    ).tag(config=True)
    data_dir = Unicode(help="Use the local server of this data directory.").tag(config=True)
    image = Unicode("python3", help="What the kernel is started from.").tag(config=True)
    template = Unicode("default", help="Resources and limits of the kernel.").tag(config=True)
    parameters = Dict(help="Values for the launch parameters of the image.").tag(config=True)
    start_timeout = Float(60.0, help="Seconds that the kernel may take to be ready.").tag(
        config=True
    )

    _tie: Tie | None = None
    _running = False
    _between = False
    """Whether it was asked to restart and is not launched again yet."""

    @property
    def has_process(self) -> bool:
        """Whether there is a kernel of ours."""
        return self._running

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Settle the environment; there is no command to be run here."""
        kwargs = await super().pre_launch(**kwargs)
        return {**kwargs, "cmd": []}

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Start the kernel in the yard and wait until it answers."""
        del cmd
        try:
            if self._tie is None:
                wish = self._wish(kwargs.get("env") or {}, kwargs.get("cwd"))
                self._tie = await asyncio.to_thread(Tie, wish)
            info: Any = await self._started(self._tie)
        except KernelyardError as error:
            await self.cleanup()
            # Applications show the text of this one.
            raise RuntimeError(f"The kernel could not be started in the yard: {error}") from error
        finally:
            self._between = False
        self._running = True
        self.log.info("Kernel %s runs in the yard %s", self._tie.id, self._tie.url)
        # jupyter_client compares keys as bytes.
        self.connection_info = info | {"key": str(info["key"]).encode()}
        return self.connection_info

    async def poll(self) -> int | None:
        """None while it lives; a server that cannot be reached says nothing of its kernels.

        A kernel that was deleted, or that is not ours to see any more, has ended for us.
        """
        if self._tie is None or not self._running or self._between:
            return 0
        try:
            info = await asyncio.to_thread(self._tie.glance)
        except KernelyardError as error:
            self.log.warning("The kernel %s of the yard is lost: %s", self._tie.id, error)
            self._running = False
            return 1
        return None if info is None else exit_code_of(info)

    async def wait(self) -> int | None:
        """Wait for its end; return its exit code."""
        while (code := await self.poll()) is None:  # noqa: ASYNC110 - the server is asked
            await asyncio.sleep(POLL_SECONDS)
        if not self._between:
            self._running = False
        return code

    async def send_signal(self, signum: int) -> None:
        """Interrupt it, or send it another signal."""
        tie = self._tie
        if tie is None or not self._running or signum == 0:
            return
        if signum == signal.SIGINT:
            await self._ask(tie.interrupt)
        else:
            await self._ask(lambda: tie.signal(signum))

    async def kill(self, restart: bool = False) -> None:
        """End it. What is launched after that is another kernel of the yard."""
        del restart
        await self._end()

    async def terminate(self, restart: bool = False) -> None:
        """End it."""
        del restart
        await self._end()

    async def shutdown_requested(self, restart: bool = False) -> None:
        """End it, or restart it under its id: the kernel itself never sees the request."""
        if self._tie is None or not self._running:
            return
        if restart:
            await self._ask(self._tie.restart)
            self._between = True
        else:
            await self._end()

    async def cleanup(self, restart: bool = False) -> None:
        """Leave nothing running, unless it is to be launched again."""
        if restart or self._tie is None:
            return
        tie, self._tie = self._tie, None
        running, self._running = self._running, False
        if running:
            await self._ask(tie.terminate)
        await asyncio.to_thread(tie.close)

    def get_shutdown_wait_time(self, recommended: float = 5.0) -> float:
        """Give the yard the time that it gives a kernel."""
        return max(recommended, SHUTDOWN_SECONDS)

    def get_stable_start_time(self, recommended: float = 10.0) -> float:
        """A kernel is ready when it is launched."""
        return max(recommended, self.start_timeout)

    async def get_provisioner_info(self) -> dict[str, Any]:
        """What another process needs to take up the kernel; no token is in it."""
        info = await super().get_provisioner_info()
        return {**info, "yard_kernel_id": None if self._tie is None else self._tie.id}

    async def load_provisioner_info(self, provisioner_info: dict[str, Any]) -> None:
        """Take up a kernel that another process has launched."""
        await super().load_provisioner_info(provisioner_info)
        if (kernel_id := provisioner_info["yard_kernel_id"]) is not None:
            tie = await asyncio.to_thread(Tie, self._wish({}))
            await asyncio.to_thread(tie.find, kernel_id)
            self._tie, self._running = tie, True

    async def _started(self, tie: Tie) -> dict[str, str | int]:
        starting = asyncio.ensure_future(asyncio.to_thread(tie.start))
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            # The thread goes on; what it starts must not stay behind.
            starting.add_done_callback(lambda done: done.exception())
            asyncio.get_running_loop().run_in_executor(None, tie.give_up)
            raise

    async def _end(self) -> None:
        if self._tie is not None and self._running:
            await self._ask(self._tie.terminate)

    async def _ask(self, question: Callable[[], T]) -> T | None:
        """Ask in a thread: some applications use several event loops, and blocks none of them."""
        try:
            return await asyncio.to_thread(question)
        except KernelyardError as error:
            self.log.warning("The yard refused: %s", error)
            return None

    def _wish(self, env: dict[str, str], cwd: str | None = None) -> Wish:
        spec_env = self.kernel_spec.env if self.kernel_spec is not None else {}
        return Wish(
            url=self.url,
            token=self.token,
            data_dir=self.data_dir,
            image=self.image,
            template=self.template,
            parameters=self.parameters,
            environment={name: env[name] for name in spec_env if name in env},
            path=path_in(cwd, env.get("JPY_SESSION_NAME") or ""),
            kernel_id=self.kernel_id or "",
            start_timeout=self.start_timeout,
        )


def path_in(cwd: str | None, session: str) -> str | None:
    """Return the path for the yard's kernel: its notebook, and with it where it is to start.

    That is where the application would start it: where it says so, or else where it runs itself.
    """
    name = session.rpartition("/")[2]
    try:
        directory = os.path.abspath(cwd or os.getcwd())  # noqa: PTH100, PTH109 - as text
    except FileNotFoundError:  # It was removed under us.
        return session or None
    return f"{directory.rstrip('/')}/./{name}"
