"""From a kernelspec to the launcher of its provisioner, and from a record back to one.

What is heavy is imported only when there is something to launch.
"""

from __future__ import annotations

import functools
from dataclasses import replace

from kernelyard.model.json import JsonObject
from kernelyard.providers.launcher import Launcher, LaunchRequest
from kernelyard.providers.parameters import filled
from kernelyard.providers.provider import LaunchPlan
from kernelyard.providers.provisioner.spec import ProvisionedSpec
from kernelyard.providers.provisioner.stanza import Stanza


def provisioned_plan(
    plan: LaunchPlan, stanza: Stanza, name: str, request: LaunchRequest
) -> LaunchPlan:
    """Return the plan of a kernelspec, to be carried out by the provisioner that it names."""
    from kernelyard.providers.provisioner import launcher as _  # noqa: F401 - here it may take long

    given = filled(plan, request.parameters)
    spec = ProvisionedSpec(
        name=name,
        stanza=stanza,
        argv=list(given.argv),
        env=dict(given.env),
        unset=list(plan.unset),
        display_name=name,
        language=plan.language,
        interrupt_mode=plan.interrupt_mode,
        metadata=dict(plan.metadata),
        kernel_protocol_version=plan.kernel_protocol_version or "",
        resource_dir=plan.resource_dir or "",
    )
    return replace(plan, launcher=functools.partial(_launcher, spec))


def found_again(record: JsonObject) -> Launcher | None:
    """Return the launcher of a kernel that a provisioner of an earlier agent launched."""
    from kernelyard.providers.provisioner.launcher import ProvisionerLauncher

    return ProvisionerLauncher.find_again(record)


def _launcher(spec: ProvisionedSpec, request: LaunchRequest) -> Launcher:
    from kernelyard.providers.provisioner.launcher import ProvisionerLauncher

    return ProvisionerLauncher(spec, request)
