"""What a kernelspec may say of its provisioner, and what is made of it."""

from __future__ import annotations

import pytest

from kernelyard.model.json import JsonValue
from kernelyard.providers.provisioner.stanza import Stanza, installed, stanza_of, stanza_problem


def named(name: object, **more: object) -> JsonValue:
    return {"kernel_provisioner": {"provisioner_name": name, **more}}


@pytest.mark.parametrize(
    "metadata",
    [
        None,
        {},
        {"kernel_provisioner": {}},
        named("local-provisioner"),
        named("local-provisioner", config={}),
        named(""),
    ],
)
def test_most_kernelspecs_are_started_by_their_command(metadata: JsonValue) -> None:
    assert stanza_of(metadata, {}) is None


def test_a_provisioner_is_named_with_its_config() -> None:
    assert stanza_of(named("slurm", config={"queue": "night"}), {}) == Stanza(
        "slurm", {"queue": "night"}
    )
    assert stanza_of(named("slurm"), {}) == Stanza("slurm", {})


def test_jupyters_own_provisioner_is_used_where_it_is_configured() -> None:
    assert stanza_of(named("local-provisioner", config={"a": 1}), {}) == Stanza(
        "local-provisioner", {"a": 1}
    )


def test_the_default_of_jupyter_is_ours() -> None:
    surroundings = {"JUPYTER_DEFAULT_PROVISIONER_NAME": "slurm"}
    assert stanza_of({}, surroundings) == Stanza("slurm", {})
    assert stanza_of(named("yarn"), surroundings) == Stanza("yarn", {})
    assert stanza_of(named("local-provisioner"), surroundings) is None


@pytest.mark.parametrize(
    "metadata", [{"kernel_provisioner": "slurm"}, named(7), named("slurm", config="queue")]
)
def test_what_makes_no_sense_is_told(metadata: JsonValue) -> None:
    said = stanza_of(metadata, {})
    assert isinstance(said, str)
    assert "Mend its kernel.json" in said


@pytest.mark.parametrize(
    "name", ["existing-provisioner", "pyproject-local-kernel-provisioner", "local-provisioner"]
)
def test_an_installed_provisioner_is_found(name: str) -> None:
    assert installed(name) is not None
    assert stanza_problem(Stanza(name)) is None


def test_a_problem_names_the_entry_point_and_what_to_install() -> None:
    problem = stanza_problem(Stanza("yarn-provisioner"))
    assert problem is not None
    assert "entry point 'yarn-provisioner'" in problem
    assert "with pip" in problem
    assert "existing-provisioner" in problem


def test_a_kernelspec_that_leads_back_to_a_yard_names_its_image() -> None:
    problem = stanza_problem(Stanza("kernelyard-provisioner", {"image": "conda/science"}))
    assert problem is not None
    assert "'conda/science'" in problem
