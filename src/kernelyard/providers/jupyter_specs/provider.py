"""Kernelspec managers of other packages as one provider, such as conda's for Jupyter applications.

Jupyter applications have one ``KernelSpecManager`` each, named by class path in their configuration.
Here several can be named. They are a stranger's code that may block: each is asked in a thread of its
own, and one that raises or hangs costs the others nothing.
"""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, ClassVar

from kernelyard.model.errors import ImageNotReady, ResourceNotFound
from kernelyard.model.images import FoundImage
from kernelyard.providers.image_names import is_name, valid_name, with_mark
from kernelyard.providers.jupyter_specs.asking import (
    Managed,
    SpecManager,
    SpecManagerFailed,
    in_thread,
)
from kernelyard.providers.kernelspec_file import Kernelspec
from kernelyard.providers.kernelspec_images import (
    KernelspecImages,
    found_image,
    resources_of,
)
from kernelyard.providers.launcher import LaunchRequest
from kernelyard.providers.provider import LaunchPlan


@dataclass(frozen=True, slots=True)
class SpecManagersSettings:
    """The table ``[providers.spec-managers]``."""

    classes: tuple[str, ...] = ()
    """Class paths of ``KernelSpecManager`` subclasses that are installed where kernels run, such as
    ``nb_conda_kernels.CondaKernelSpecManager``."""
    config: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What a Jupyter configuration file would set for them: values by trait, by name of class."""
    time_limit: float = 8.0
    """Seconds that one of them may take for its list."""

    def __post_init__(self) -> None:
        """Refuse what is no class path, and a limit that no list could wait for."""
        for path in self.classes:
            if "." not in path or not all(part.isidentifier() for part in path.split(".")):
                raise ValueError(f"'classes' has {path!r}, which is not like package.module.Class")
        if not 0 < self.time_limit <= 9:
            raise ValueError("'time_limit' must be more than 0 and at most 9 seconds")


class SpecManagersProvider(KernelspecImages):
    """Every kernelspec of every ``KernelSpecManager`` that the settings name."""

    name: ClassVar[str] = "spec-managers"
    Settings: ClassVar[type] = SpecManagersSettings

    def __init__(self, settings: SpecManagersSettings | None = None) -> None:
        settings = settings or SpecManagersSettings()
        self._limit = settings.time_limit
        self._managers = [
            SpecManager(path, settings.config) for path in dict.fromkeys(settings.classes)
        ]

    def specs(self) -> dict[str, Kernelspec]:
        return {name: offer.managed.spec for name, offer in self._offers().items()}

    def find(self) -> list[FoundImage]:
        return [
            replace(found_image(self.name, name, offer.managed.spec), resources=offer.resources)
            for name, offer in self._offers().items()
        ]

    def prepare(self, name: str, request: LaunchRequest) -> LaunchPlan:
        """Ask the manager once more: some activate an environment only then."""
        offer = self._offers().get(name)
        listed = offer.managed.spec if offer is not None else self._known(name)
        if offer is None or listed.problem is not None:
            raise ImageNotReady(listed.problem)
        try:
            spec = offer.manager.spec(listed.name, self._limit)
        except SpecManagerFailed as error:
            raise ImageNotReady(str(error)) from error
        if spec.problem is not None:
            raise ImageNotReady(spec.problem)
        return self.plan(spec, request)

    def resource(self, name: str, file: str) -> bytes:
        """Return a file, from the manager itself if that is how it hands it out."""
        offer = self._offers().get(name)
        if offer is None or file not in offer.managed.resources:
            return super().resource(name, file)
        try:
            data = offer.manager.resource(offer.managed.spec.name, file, self._limit)
        except SpecManagerFailed as error:
            raise ResourceNotFound(str(error)) from error
        if data is None:
            raise ResourceNotFound(f"The image {name!r} has no file {file[:80]!r} just now.")
        return data

    def _offers(self) -> dict[str, _Offer]:
        """Ask all managers at once; the first of several with one name has it."""
        offers: dict[str, _Offer] = {}
        asked = [(one, in_thread(partial(one.list, self._limit))) for one in self._managers]
        for manager, answer in asked:
            for managed in sorted(_listed(manager, answer), key=lambda one: one.spec.name):
                called = managed.spec.name
                name = called if is_name(called) else valid_name(called)
                if name != called or name in offers:
                    name = with_mark(name, f"{manager.path} {called}")
                offers[name] = _Offer(manager, managed)
        return offers


@dataclass(frozen=True, slots=True)
class _Offer:
    manager: SpecManager
    managed: Managed

    @property
    def resources(self) -> tuple[str, ...]:
        return tuple(sorted({*resources_of(self.managed.spec), *self.managed.resources}))


def _listed(manager: SpecManager, answer: Future[list[Managed]]) -> list[Managed]:
    """What a manager has; one that fails is shown as an image, for those of others are good."""
    try:
        return answer.result()
    except SpecManagerFailed as error:
        name = manager.path.rpartition(".")[2]
        failed = Kernelspec(name=name, directory=None, display_name=name, problem=str(error))
        return [Managed(failed)]
