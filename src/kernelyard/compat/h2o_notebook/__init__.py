"""The Kernel API of H2O's guide, on a yard: the same calls with one import changed.

::

    from kernelyard.compat import h2o_notebook

    clients = h2o_notebook.login()
    kernel = clients.kernel_client.create_kernel(
        kernel_image_id="python", kernel_template_id="my-template"
    )

Things are named by their ids, as in that guide. The published package of this name is another one;
it works unmodified with the server's H2O door, and nothing here stands in its way.
"""

from __future__ import annotations

from kernelyard.compat.h2o_notebook.clients.login import Clients, login, login_custom

__all__ = ["Clients", "login", "login_custom"]
