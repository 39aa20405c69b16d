"""Providers whose images are kernelspecs, wherever these are from: files, environments, other programs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from kernelyard.model.errors import ImageNotFound, ImageNotReady, ResourceNotFound
from kernelyard.model.images import FoundImage
from kernelyard.model.json import JsonObject
from kernelyard.providers.activation import Activation
from kernelyard.providers.image_names import readable
from kernelyard.providers.kernelspec_file import Kernelspec, is_resource
from kernelyard.providers.launcher import Launcher, LaunchRequest
from kernelyard.providers.provider import LaunchPlan, Provider
from kernelyard.providers.provisioner.planning import found_again, provisioned_plan

LARGEST_RESOURCE = 16 * 1024 * 1024


class KernelspecImages(Provider):
    """Says everything about its images that kernelspecs say; a subclass says which there are."""

    def specs(self) -> Mapping[str, Kernelspec]:
        """Return every kernelspec by the name of its image."""
        raise NotImplementedError(f"{type(self).__name__} does not say which kernelspecs there are")

    def spec(self, name: str) -> Kernelspec | None:
        """Return the kernelspec of an image; None if there is none."""
        return self.specs().get(name)

    def activation(self, spec: Kernelspec) -> Activation:
        """Activate the environment of a kernelspec, just before a kernel starts there.

        Raises ImageNotReady.
        """
        del spec
        return Activation()

    def find(self) -> list[FoundImage]:
        return [found_image(self.name, name, spec) for name, spec in self.specs().items()]

    def prepare(self, name: str, request: LaunchRequest) -> LaunchPlan:
        spec = self._known(name)
        try:
            if spec.problem is not None:
                raise ImageNotReady(spec.problem)
            return self.plan(spec, request)
        except ImageNotReady as error:
            raise ImageNotReady(readable(error.message)) from error

    def plan(self, spec: Kernelspec, request: LaunchRequest) -> LaunchPlan:
        """Return how a kernel of a kernelspec without a problem is started. Raises ImageNotReady."""
        plan = plan_of(spec, self.activation(spec))
        return (
            plan if spec.stanza is None else provisioned_plan(plan, spec.stanza, spec.name, request)
        )

    def resource(self, name: str, file: str) -> bytes:
        data = read_resource(self._known(name), file)
        if data is None:
            raise ResourceNotFound(f"The image {name[:80]!r} has no file {file[:80]!r}.")
        return data

    def find_again(self, name: str, record: JsonObject) -> Launcher | None:
        del name
        return found_again(record)

    def _known(self, name: str) -> Kernelspec:
        spec = self.spec(name)
        if spec is None:
            raise ImageNotFound(
                f"The provider '{self.name}' finds no image {name[:80]!r} where kernels run. "
                "'kernelyard images' lists those there are."
            )
        return spec


def found_image(provider: str, name: str, spec: Kernelspec) -> FoundImage:
    """Return a kernelspec as an image."""
    own = bool(spec.argv) and spec.argv[0] == spec.home.python
    python = own and spec.language.lower() == "python"
    parameters = spec.metadata.get("parameters")
    return FoundImage(
        provider=provider,
        name=name,
        display_name=spec.display_name,
        language=spec.language,
        version=spec.version or (spec.home.version if python else None),
        interrupt_mode=spec.interrupt_mode,
        resources=tuple(resources_of(spec)),
        problem=None if spec.problem is None else readable(spec.problem),
        metadata={
            key: readable(text) for key, text in spec.metadata.items() if isinstance(text, str)
        },
        parameters=dict(parameters) if isinstance(parameters, dict) else {},
        own=own and spec.home.is_own,
    )


def plan_of(spec: Kernelspec, activation: Activation) -> LaunchPlan:
    """Return how a kernel of a kernelspec is started in its environment."""
    return LaunchPlan(
        argv=list(spec.argv),
        env=activation.beneath(spec.env),
        unset=activation.unset,
        interrupt_mode=spec.interrupt_mode,
        resource_dir=str(spec.directory) if spec.directory else None,
        language=spec.language,
        metadata=dict(spec.metadata),
        kernel_protocol_version=spec.kernel_protocol_version,
    )


def resources_of(spec: Kernelspec) -> dict[str, Path]:
    """Return names and real paths of the files that may be shown.

    Never one outside the kernelspec's directory, nor one that is too large.
    """
    if spec.directory is None:
        return {}
    try:
        root = spec.directory.resolve(strict=True)
        paths = sorted(path for path in root.iterdir() if is_resource(path.name))
        real = [(path.name, path.resolve()) for path in paths]
        inside = [(name, path) for name, path in real if path.parent == root and path.is_file()]
        return {
            name: path
            for name, path in inside
            if is_resource(path.name) and 0 < path.stat().st_size <= LARGEST_RESOURCE
        }
    except OSError:
        return {}


def read_resource(spec: Kernelspec, file: str) -> bytes | None:
    """Return the content of a file that may be shown; None if there is no such file."""
    path = resources_of(spec).get(file)
    if path is None:
        return None
    try:
        with path.open("rb") as stream:
            return stream.read(LARGEST_RESOURCE)
    except OSError:
        return None
