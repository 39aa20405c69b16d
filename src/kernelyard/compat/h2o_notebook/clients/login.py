"""``login()``: the way to a server, and the clients for each kind of thing there."""

from __future__ import annotations

from types import TracebackType
from typing import NoReturn, Self

from kernelyard.client import Client
from kernelyard.compat.h2o_notebook.clients.connecting import (
    TokenProvider,
    client_of,
    context_of,
)
from kernelyard.compat.h2o_notebook.clients.home import Home
from kernelyard.compat.h2o_notebook.clients.kernel.client import KernelClient
from kernelyard.compat.h2o_notebook.clients.kernel_image.client import KernelImageClient
from kernelyard.compat.h2o_notebook.clients.kernel_task.client import KernelTaskClient
from kernelyard.compat.h2o_notebook.clients.kernel_template.client import KernelTemplateClient
from kernelyard.compat.h2o_notebook.clients.notebook_kernel_spec.client import (
    NotebookKernelSpecClient,
)
from kernelyard.compat.h2o_notebook.exception import NotSupportedException, of_the_guide


class Clients:
    """A client for each kind of thing. What they make lives on when they are closed.

    ::

        with h2o_notebook.login() as clients:
            print(clients.kernel_client.list_all_kernels())
    """

    def __init__(self, yard: Client) -> None:
        self._yard = yard
        home = Home(yard)
        self.kernel_image_client = KernelImageClient(home)
        self.kernel_template_client = KernelTemplateClient(home)
        self.kernel_client = KernelClient(home)
        self.kernel_task_client = KernelTaskClient(home)
        self.notebook_kernel_spec_client = NotebookKernelSpecClient()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._yard.url}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections to the server; nothing there ends by this."""
        self._yard.close()


@of_the_guide
def login(
    environment: str | None = None,
    token_provider: TokenProvider | None = None,
    platform_token: str | None = None,
    config_path: str | None = None,
    verify_ssl: bool = True,
    ssl_ca_cert: str | None = None,
) -> Clients:
    """Find the server, see that it lets us in, and return the clients.

    ::

        h2o_notebook.login()  # as the rest of kernelyard finds it, on this machine without a word
        h2o_notebook.login("https://yard.example", platform_token=token)

    ``environment`` is its address. Without it ``KERNELYARD_URL`` counts, or ``H2O_CLOUD_ENVIRONMENT``, or
    the ``Endpoint`` of a configuration file (``config_path`` or ``H2OCONFIG``), or the server that runs
    on this machine. ``token_provider`` is called for each request; otherwise the token is
    ``platform_token``, or what goes with the address: ``KERNELYARD_TOKEN``,
    ``H2O_CLOUD_CLIENT_PLATFORM_TOKEN``, ``PlatformToken``. ``ssl_ca_cert`` is a file of certificates.

    Raises LoginException, ConnectionException and CustomApiException.
    """
    context = context_of(verify_ssl, ssl_ca_cert)
    yard = client_of(environment, token_provider, platform_token, config_path, context)
    try:
        yard.whoami()
    except BaseException:
        yard.close()
        raise
    return Clients(yard)


def login_custom(*args: object, **kwargs: object) -> NoReturn:
    """Signing in at another service's token endpoint is not for a yard; use ``login``."""
    del args, kwargs
    raise NotSupportedException(
        "login_custom() trades a token at an issuer, and a yard takes its own tokens as they are. Use "
        "login(environment=<address>, platform_token=<token>), or token_provider= for tokens of an "
        "identity provider."
    )
