"""Ways to meet a kernel: what is settled first, then what was learned, then what may be hoped for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq

from kernelyard.agent.logs import Log
from kernelyard.agent.rendezvous.experience import MOST, Experience, key_of
from kernelyard.agent.rendezvous.registrar import Registrar
from kernelyard.agent.rendezvous.rendezvous import NotMet
from kernelyard.agent.rendezvous.ways import Start, Ways
from kernelyard.providers.provider import LaunchPlan
from kernelyard.providers.quirks import Quirks

START = Start(ipc_prefix="/tmp/x", kernel_id="k", kernel_name="n", seconds=60)


def a_plan(version: str | None = None, program: str = "nobodys-kernel") -> LaunchPlan:
    return LaunchPlan(argv=[program, "{connection_file}"], kernel_protocol_version=version)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "meetings.json"


@pytest.fixture
def registrar() -> Iterator[Registrar]:
    with zmq.Context() as context:
        yield Registrar(context, Log())


@pytest.fixture
def ways(registrar: Registrar, file: Path) -> Ways:
    return Ways(registrar, Experience(file, Log()))


def names(ways: Ways, plan: LaunchPlan, quirks: Quirks | None = None) -> list[str]:
    return [way.name for way in ways.of(plan, quirks or Quirks())]


def test_what_is_settled_holds_and_nothing_else(ways: Ways) -> None:
    settled = Quirks(meets=("classic", "ipc"))
    assert names(ways, a_plan("5.6"), settled) == ["classic", "ipc"]


def test_a_stranger_is_met_over_unix_sockets_or_at_our_ports(ways: Ways) -> None:
    for version in (None, "5.5", "5.3.0", "rubbish", ""):
        assert names(ways, a_plan(version)) == ["ipc", "classic"]


@pytest.mark.parametrize("version", ["5.6", "5.6.0", "5.10", "6.0"])
def test_a_stranger_that_claims_to_register_is_believed_at_first(ways: Ways, version: str) -> None:
    expected = ["handshake_a", "handshake_b", "ipc", "classic"]
    assert names(ways, a_plan(version)) == expected


def test_registering_and_writing_the_file_are_one_start_where_both_are_possible(
    ways: Ways,
) -> None:
    settled = Quirks(meets=("ipc", "read_back", "handshake_a", "classic"))
    assert names(ways, a_plan(), settled) == ["ipc", "handshake_a", "classic"]


def test_what_was_learned_of_a_stranger_goes_first_also_for_a_later_agent(
    ways: Ways, registrar: Registrar, file: Path
) -> None:
    classic = ways.of(a_plan(), Quirks())[-1]
    ways.met(a_plan(), Quirks(), classic)
    assert names(ways, a_plan()) == ["classic", "ipc"]
    later = Ways(registrar, Experience(file, Log()))
    assert names(later, a_plan()) == ["classic", "ipc"]
    assert names(later, a_plan(program="another")) == ["ipc", "classic"]
    assert file.stat().st_mode & 0o777 == 0o600


def test_nothing_is_learned_of_a_kernel_that_is_settled(ways: Ways, file: Path) -> None:
    settled = Quirks(meets=("classic",))
    ways.met(a_plan(), settled, ways.of(a_plan(), settled)[0])
    assert not file.exists()


def test_a_program_that_was_installed_anew_is_a_stranger_again(tmp_path: Path) -> None:
    program = tmp_path / "kernel"
    program.touch(0o700)
    before = key_of(a_plan(program=str(program)))
    assert key_of(a_plan(program=str(program))) == before
    os.utime(program, (1, 1))
    assert key_of(a_plan(program=str(program))) != before


def test_only_so_much_is_remembered(file: Path) -> None:
    experience = Experience(file, Log())
    for number in range(MOST + 5):
        experience.learn(a_plan(program=f"kernel-{number}"), "classic")
    later = Experience(file, Log())
    assert later.of(a_plan(program="kernel-4")) is None
    assert later.of(a_plan(program="kernel-5")) == "classic"


@pytest.mark.parametrize("content", ["", "{", "[]", '{"x": 3}', '{"x": "pigeon"}'])
def test_a_file_of_experience_that_is_broken_is_as_none(
    registrar: Registrar, file: Path, content: str
) -> None:
    file.write_text(content)
    assert names(Ways(registrar, Experience(file, Log())), a_plan()) == ["ipc", "classic"]


def test_a_way_learned_that_is_none_any_more_is_passed_over(ways: Ways, file: Path) -> None:
    experience = Experience(file, Log())
    experience.learn(a_plan(), "pigeon")
    assert names(ways, a_plan()) == ["ipc", "classic"]


@pytest.mark.parametrize("prefix", [None, "/tmp/" + "x" * 100])
def test_unix_sockets_are_barred_where_their_path_is_too_long(
    ways: Ways, prefix: str | None
) -> None:
    ipc, classic = ways.of(a_plan(), Quirks())
    barred = Start(ipc_prefix=prefix, kernel_id="k", kernel_name="n")
    with pytest.raises(NotMet, match="unix sockets"):
        ipc.go(barred)
    assert classic.go(barred).name == "classic"
