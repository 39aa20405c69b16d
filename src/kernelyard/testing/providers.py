"""What every provider must do, as a class of tests that its author subclasses.

::

    from kernelyard.testing import ProviderConformance

    class TestMyProvider(ProviderConformance):
        def make_provider(self):
            return MyProvider()
"""

# ruff: noqa: S101 - assertions are what it is made of

from __future__ import annotations

import json
import os
import shutil
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from kernelyard.model.errors import ImageNotFound, ImageNotReady, Invalid, ResourceNotFound
from kernelyard.model.ids import checked_environment, checked_name
from kernelyard.model.images import FoundImage
from kernelyard.model.json import JsonObject
from kernelyard.providers.argv import expand_environment, fill
from kernelyard.providers.launcher import Launcher, LaunchRequest
from kernelyard.providers.parameters import BadSchema, schema_of, settled
from kernelyard.providers.provider import LaunchPlan, Provider
from kernelyard.providers.settings import checked

STRANGE_NAMES = ("no-such-image", "", "..", "../../etc/passwd", "/etc/passwd", "a\0b", "ü" * 500)
ASKED = LaunchRequest(kernel_id="00000000-0000-4000-8000-000000000000")
LARGEST_RESOURCE = 16 * 1024 * 1024


class ProviderConformance:
    """Subclass it and write ``make_provider``; pytest finds the rest.

    It needs a machine on which the provider finds at least one image that can start a kernel.
    """

    def make_provider(self) -> Provider:
        """Return a new provider, ready to be asked."""
        raise NotImplementedError("write make_provider in the subclass")

    @pytest.fixture
    def provider(self) -> Provider:
        """The provider under test."""
        return self.make_provider()

    @pytest.fixture
    def ready(self, provider: Provider) -> list[FoundImage]:
        """The images that can start a kernel."""
        ready = [image for image in provider.find() if image.problem is None]
        assert ready, "the provider must find an image that can start a kernel where this runs"
        return ready

    def test_it_has_a_name_that_can_stand_before_a_slash(self, provider: Provider) -> None:
        """``conda`` in ``conda/science``."""
        assert isinstance(provider, Provider)
        assert checked_name(provider.name, field="name") == provider.name

    def test_it_is_made_without_looking(self) -> None:
        """Making one takes no time and needs nothing; two of them do not meet."""
        assert self.make_provider() is not self.make_provider()

    def test_its_settings_are_typed_and_all_have_a_default(self, provider: Provider) -> None:
        """``[providers.NAME]`` may be left out, and what is wrong in it is found by name."""
        if provider.Settings is not None:
            assert isinstance(checked(provider.Settings, provider.name, {}), provider.Settings)

    def test_every_image_is_well_formed(self, provider: Provider) -> None:
        """Names that users can say, texts to show, its own name as the provider's."""
        for image in provider.find():
            assert image.provider == provider.name
            assert checked_name(image.name, field="name") == image.name
            assert image.display_name.strip()
            assert image.interrupt_mode in ("signal", "message")
            assert all(isinstance(text, str) for pair in image.metadata.items() for text in pair)

    def test_no_image_is_listed_twice(self, provider: Provider) -> None:
        """A name means one image."""
        names = [image.name for image in provider.find()]
        assert len(names) == len(set(names))

    def test_looking_again_finds_the_same(self, provider: Provider) -> None:
        """Looking changes nothing."""
        assert provider.find() == provider.find()

    def test_it_may_be_asked_from_several_threads_at_once(self, provider: Provider) -> None:
        """The agent asks in threads, and does not wait for one answer before the next question."""
        expected = provider.find()
        answers: list[list[FoundImage]] = []
        threads = [
            threading.Thread(target=lambda: answers.append(provider.find())) for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=30)
        assert answers == [expected] * 4

    def test_a_ready_image_says_how_it_is_started(
        self, provider: Provider, ready: list[FoundImage]
    ) -> None:
        """A program that exists, told where its connection file is, and a fit environment."""
        for image in ready:
            plan = provider.prepare(image.name, _asked_for(image))
            assert checked_environment(plan.env, field="env") == plan.env
            assert all(checked_environment({name: ""}, field="unset") for name in plan.unset)
            assert plan.interrupt_mode == image.interrupt_mode
            if plan.launcher is not None:
                assert isinstance(plan.launcher(_asked_for(image)), Launcher)
                continue
            argv = fill(plan.argv, connection_file="/c.json", resource_dir=plan.resource_dir)
            path = expand_environment(plan.env, os.environ).get("PATH")
            assert shutil.which(argv[0], path=path), f"there is no program {argv[0]!r}"
            assert any("/c.json" in part for part in argv), "nothing tells it its connection file"

    def test_one_launch_does_not_change_the_next(
        self, provider: Provider, ready: list[FoundImage]
    ) -> None:
        """What the agent does to a plan stays with that plan."""
        image = ready[0]
        first = provider.prepare(image.name, _asked_for(image))
        copy = _comparable(replace(first, argv=list(first.argv), env=dict(first.env)))
        first.argv.append("--changed")
        first.env["CHANGED"] = "1"
        first.metadata["changed"] = True
        assert _comparable(provider.prepare(image.name, _asked_for(image))) == copy

    def test_parameters_are_a_schema_whose_defaults_fit(self, provider: Provider) -> None:
        """JSON Schema, as JSON can say it; an image whose values all have one starts without any."""
        for image in provider.find():
            schema = schema_of(image.parameters)
            rules = schema.get("properties", {}).values()
            if schema and all("default" in rule for rule in rules):
                assert settled(schema, {}, allow_insecure=True)

    def test_what_it_wants_to_be_watched_are_paths(self, provider: Provider) -> None:
        """They need not exist."""
        assert all(isinstance(path, Path) for path in provider.watched())

    def test_a_record_that_is_none_of_its_own_finds_no_kernel(self, provider: Provider) -> None:
        """What an earlier version has written, or nobody has, is no reason to fail."""
        records: list[JsonObject] = [{}, {"pid": "x"}, {"unknown": [1]}]
        for record in records:
            assert provider.find_again("no-such-image", record) is None

    def test_an_image_with_a_problem_is_not_started(self, provider: Provider) -> None:
        """The problem is a sentence, and the error repeats what is to be done."""
        for image in provider.find():
            if image.problem is not None:
                assert image.problem.strip()
                with pytest.raises(ImageNotReady):
                    provider.prepare(image.name, ASKED)

    def test_an_image_that_it_does_not_list_is_not_found(self, provider: Provider) -> None:
        """Also if the name looks like a path."""
        for name in STRANGE_NAMES:
            with pytest.raises(ImageNotFound):
                provider.prepare(name, ASKED)
            with pytest.raises((ImageNotFound, ResourceNotFound)):
                provider.resource(name, "logo-64x64.png")

    def test_every_resource_that_is_listed_can_be_read(self, provider: Provider) -> None:
        """Names without folders, bytes with content."""
        for image in provider.find():
            for file in image.resources:
                assert "/" not in file
                assert 0 < len(provider.resource(image.name, file)) <= LARGEST_RESOURCE

    def test_nothing_but_the_listed_resources_can_be_read(
        self, provider: Provider, ready: list[FoundImage]
    ) -> None:
        """A file name comes from outside and is not to be trusted."""
        listed = ready[0].resources
        for file in (*STRANGE_NAMES, "kernel.json", ".", *(f"./{name}" for name in listed)):
            with pytest.raises(ResourceNotFound):
                provider.resource(ready[0].name, file)


def _asked_for(image: FoundImage) -> LaunchRequest:
    """A request with a value for every parameter that wants one."""
    try:
        schema = schema_of(image.parameters)
        values = settled(schema, {}, allow_insecure=True) if schema else {}
    except (BadSchema, Invalid):
        values = {}
    return replace(ASKED, parameters=values)


def _comparable(plan: LaunchPlan) -> str:
    """A plan as text, without the function that makes its launcher."""
    told = (plan.argv, plan.env, plan.unset, plan.interrupt_mode, plan.resource_dir, plan.language)
    return json.dumps([*told, plan.metadata, plan.kernel_protocol_version, plan.launcher is None])
