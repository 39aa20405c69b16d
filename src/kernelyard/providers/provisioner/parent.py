"""What Jupyter's kernel provisioners take for their application: a kernel manager for one kernel.

Provisioners reach into their parent: for ports, the session, the connection file, the command line.
So it is a real ``KernelManager`` of jupyter_client, in a provisioner's own thread.
"""

from __future__ import annotations

import copy
import importlib
import inspect
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

from jupyter_client.connect import LocalPortCache
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning.local_provisioner import LocalProvisioner
from jupyter_client.provisioning.provisioner_base import KernelProvisionerBase

from kernelyard.model.json import JsonValue
from kernelyard.providers.provisioner.spec import ProvisionedSpec

# Made while only one thread can be here: of two, neither would know of the other's ports.
LocalPortCache.instance()


class Parent(AsyncKernelManager):
    """The kernel manager of one launch."""

    def __init__(
        self, spec: KernelSpec, *, kernel_id: str, connection_file: Path, log: logging.Logger
    ) -> None:
        super().__init__(kernel_id=kernel_id, connection_file=str(connection_file), log=log)
        self.kernel_name = spec.name
        # After the name: a change of it forgets the kernelspec.
        self._kernel_spec = spec

    def __del__(self) -> None:
        """Leave the connection file: a kernel may outlive the agent, and be found again by it."""

    def _reconcile_connection_info(self, info: Any) -> None:
        """Take a key that is a text for the bytes which jupyter_client compares."""
        told: dict[str, Any] = dict(info)
        if isinstance(key := told.get("key"), str):
            told["key"] = key.encode()
        checked: Any = told
        super()._reconcile_connection_info(checked)

    def line(self) -> Any:
        """The socket to the kernel's control channel, which is connected once it is launched."""
        self._connect_control_socket()
        return self._control_socket


@dataclass(frozen=True, slots=True)
class Provisioned:
    """A provisioner with its parent; neither has done anything yet."""

    parent: Parent
    provisioner: KernelProvisionerBase

    @property
    def has_process(self) -> bool:
        """Whether it says that there is a kernel. Some have this as a method."""
        said: Any = self.provisioner.has_process
        return bool(said() if callable(said) else said)

    @property
    def is_local(self) -> bool:
        """Whether it starts a process of this machine in Jupyter's own way."""
        return isinstance(self.provisioner, LocalProvisioner)

    @property
    def knows_process(self) -> bool:
        """Whether what it says of the kernel's end comes from a process of this machine itself."""
        return self.is_local and type(self.provisioner).poll is LocalProvisioner.poll

    @property
    def pid(self) -> int | None:
        """Of the process that it has started on this machine, where it has."""
        process: Any = getattr(self.provisioner, "process", None) if self.is_local else None
        pid = getattr(process, "pid", None)
        return pid if isinstance(pid, int) and pid > 0 else None


def provisioned(
    spec: ProvisionedSpec,
    entry: EntryPoint,
    *,
    kernel_id: str,
    connection_file: Path,
    ordered: Mapping[str, str],
    log: logging.Logger,
) -> Provisioned:
    """Load a provisioner and make it with a parent and a kernelspec that no other launch shares.

    ``ordered`` variables win over the kernelspec's. Raises whatever the provisioner raises.
    """
    made = KernelSpec(
        name=spec.name,
        argv=list(spec.argv),
        env={key: value for key, value in spec.env.items() if key not in ordered},
        display_name=spec.display_name,
        language=spec.language,
        interrupt_mode=spec.interrupt_mode,
        metadata=copy.deepcopy(spec.metadata),
        kernel_protocol_version=spec.kernel_protocol_version,
        resource_dir=spec.resource_dir,
    )
    importlib.invalidate_caches()
    cls = entry.load()
    config: dict[str, JsonValue] = copy.deepcopy(spec.stanza.config)
    for unknown in _unknown(cls, config):
        log.warning(
            "The kernelspec %r sets %r, which the kernel provisioner %r does not know. "
            "Mend or remove it in the 'config' of its kernel.json.",
            spec.name,
            unknown,
            spec.stanza.name,
        )
    parent = Parent(made, kernel_id=kernel_id, connection_file=connection_file, log=log)
    provisioner = cls(kernel_id=kernel_id, kernel_spec=made, parent=parent, **config)
    parent.provisioner = provisioner
    return Provisioned(parent, provisioner)


def _unknown(cls: Any, config: Mapping[str, JsonValue]) -> list[str]:
    known = set(cls.class_trait_names())
    for one in inspect.getmro(cls):
        if (made := vars(one).get("__init__")) is not None:
            known.update(inspect.signature(made).parameters)
    return sorted(set(config) - known)
