"""The tie between a Jupyter application's kernel and the one in the yard. Every method may block."""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from kernelyard.client import (
    Client,
    ConnectionFailedError,
    Kernel,
    KernelyardError,
    LimitReachedError,
    NotFoundError,
    RetryPolicy,
    ServerError,
    UnexpectedAnswerError,
)
from kernelyard.client.types import KernelInfo
from kernelyard.provisioner.reach import has_heartbeat, is_here

RESTART_SECONDS = 2.0
"""In which a restart that was asked for by message shows itself."""
_LOOK_SECONDS = 0.05
_GLANCE = RetryPolicy(total=2.0, first_contact=2.0)
_SAYS_NOTHING = (ConnectionFailedError, LimitReachedError, ServerError, UnexpectedAnswerError)
"""What a server in trouble answers, which says nothing of its kernels."""
LABEL = "jupyter-kernel"
"""Label of the yard's kernel that has the id which the application gave it."""

ConnectionInfo = dict[str, str | int]


class NotInReach(KernelyardError):
    """The kernel runs where this process cannot join it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What kernel is to be started, and where."""

    url: str = ""
    token: str = field(default="", repr=False)
    data_dir: str = ""
    image: str = "python3"
    template: str = "default"
    parameters: Mapping[str, object] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    path: str | None = None
    kernel_id: str = ""
    """The application's."""
    start_timeout: float = 60.0


class Tie:
    """One kernel in the yard, for one application."""

    def __init__(self, wish: Wish) -> None:
        """Raises NoServerError."""
        self._wish = wish
        _keep_requests_out_of_logs()
        self._yard = self._client(RetryPolicy())
        self._glancing = self._client(_GLANCE)
        self._kernel: Kernel | None = None
        self._restarts = 0
        self._given_up = False

    @property
    def url(self) -> str:
        """The server's address."""
        return self._yard.url

    @property
    def id(self) -> str | None:
        """The kernel's id in the yard, once there is one."""
        return None if self._kernel is None else self._kernel.id

    def start(self) -> ConnectionInfo:
        """Start a kernel, or go on with one that is being restarted; return where to join it.

        If it cannot be joined it is terminated again. Raises KernelyardError.
        """
        if not is_here(self.url):
            raise NotInReach(
                f"The server {self.url} is not on this machine, and its kernels can be joined only "
                "there. Run the Jupyter application there, or use the SDK or the command line here."
            )
        if self._kernel is None or not self._goes_on(self._kernel):
            self._kernel = self._created()
        try:
            if self._given_up:
                raise NotInReach("Nobody waits for this kernel any more.")
            return self._joined(self._kernel)
        except BaseException:
            self.terminate()
            raise

    def find(self, kernel_id: str) -> None:
        """Take up a kernel that was started before. Raises KernelyardError."""
        self._kernel = self._yard.kernels.get(kernel_id)
        self._restarts = self._kernel.info.restarts

    def glance(self) -> KernelInfo | None:
        """How the kernel is; None if the server does not say so at the moment.

        Raises KernelyardError if it has no such kernel, or none for us any more.
        """
        if self._kernel is None:
            return None
        try:
            return self._glancing.kernels.get(self._kernel.id).info
        except _SAYS_NOTHING:
            return None

    def interrupt(self) -> None:
        """Interrupt what runs."""
        if self._kernel is not None:
            self._kernel.interrupt()

    def signal(self, signum: int) -> None:
        """Send a signal."""
        if self._kernel is not None:
            self._kernel.signal(signum)

    def restart(self) -> None:
        """See that the kernel is being restarted. Applications ask for that by message first."""
        kernel = self._kernel
        if kernel is None:
            return
        deadline = time.monotonic() + RESTART_SECONDS
        while time.monotonic() < deadline:
            info = kernel.refresh().info
            if info.restarts > self._restarts or info.state == "restarting" or info.is_final:
                return
            time.sleep(_LOOK_SECONDS)
        kernel.restart()

    def terminate(self) -> None:
        """End the kernel, if it has not ended; what it said stays to be read."""
        if self._kernel is not None:
            self._kernel.terminate()

    def close(self) -> None:
        """Close the connections to the server."""
        self._yard.close()
        self._glancing.close()

    def give_up(self) -> None:
        """End what ``start`` has begun in another thread, now or as soon as there is something."""
        self._given_up = True
        self.terminate()

    def _client(self, retries: RetryPolicy) -> Client:
        wish = self._wish
        return Client(
            wish.url or None, wish.token or None, data_dir=wish.data_dir or None, retries=retries
        )

    def _goes_on(self, kernel: Kernel) -> bool:
        """Whether a kernel is there to be joined; one that was deleted is not."""
        try:
            info = kernel.refresh().info
        except NotFoundError:
            return False
        return not info.is_final and info.state != "terminating"

    def _created(self) -> Kernel:
        wish = self._wish
        return self._yard.kernels.create(
            wish.image,
            template=wish.template,
            parameters=wish.parameters,
            path=wish.path,
            environment=wish.environment,
            display_name=(wish.path or "").rpartition("/")[2],
            labels={LABEL: wish.kernel_id} if wish.kernel_id else {},
        )

    def _joined(self, kernel: Kernel) -> ConnectionInfo:
        kernel.wait_ready(self._wish.start_timeout)
        self._restarts = kernel.info.restarts
        info = kernel.connection_info()
        if not has_heartbeat(info):
            raise NotInReach(
                f"The kernel {kernel.id} runs, but nothing answers at {info['ip']}, port "
                f"{info['hb_port']}. Kernels can be joined only on the machine where they run, and "
                "on Linux only by the user who runs them. Start the Jupyter application there, as "
                "that user."
            )
        return info


def _keep_requests_out_of_logs() -> None:
    """Applications that log to the screen, as papermill does, would show each of our requests."""
    log = logging.getLogger("httpx")
    if log.level == logging.NOTSET:
        log.setLevel(logging.WARNING)


def exit_code_of(info: KernelInfo) -> int | None:
    """The exit code of a kernel in the form of ``Popen.poll``: None while it lives."""
    if not info.is_final:
        return None
    if info.signal is not None and info.cause != "asked":
        number = getattr(signal, info.signal, None)
        return -int(number) if number is not None else 1
    if info.exit_code is not None:
        return info.exit_code
    return 0 if info.cause == "asked" else 1
