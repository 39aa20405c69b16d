"""When memory is short, by what the system writes of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from kernelyard.agent.zygote.pressure import Pressure

MB = 1024 * 1024


@pytest.fixture
def pressure(tmp_path: Path) -> Pressure:
    """Of a machine with 8 GB, 4 of them free, in no group."""
    found = Pressure(
        memory=tmp_path / "meminfo",
        stalls=tmp_path / "pressure",
        own_group=tmp_path / "own",
        groups=tmp_path / "groups",
    )
    found.memory.write_text("MemTotal:        8000000 kB\nMemAvailable:    4000000 kB\n")
    found.stalls.write_text("some avg10=0.30 avg60=0.00 avg300=0.00 total=1\nfull avg10=99.0\n")
    found.own_group.write_text("0::/a/b\n")
    (found.groups / "a" / "b").mkdir(parents=True)
    return found


def limit(place: Path, most: str, used: int, cached: int = 0) -> None:
    (place / "memory.max").write_text(f"{most}\n")
    (place / "memory.current").write_text(f"{used}\n")
    (place / "memory.stat").write_text(f"anon 1\ninactive_file {cached}\n")


def test_there_is_enough(pressure: Pressure) -> None:
    limit(pressure.groups / "a" / "b", "max", 7000 * MB)
    assert pressure.reason() == ""


def test_little_is_free(pressure: Pressure) -> None:
    pressure.memory.write_text("MemTotal: 8000000 kB\nMemAvailable:    100000 kB\n")
    assert pressure.reason() == "97 MB of the machine are free, and 256 MB should be"


def test_a_small_machine_need_not_have_as_much_free(pressure: Pressure) -> None:
    pressure.memory.write_text("MemTotal: 1000000 kB\nMemAvailable:    100000 kB\n")
    assert pressure.reason() == ""


def test_programs_wait_for_memory(pressure: Pressure) -> None:
    pressure.stalls.write_text("some avg10=34.20 avg60=0.00 avg300=0.00 total=1\n")
    assert pressure.reason() == "programs wait for memory 34 % of the time"


@pytest.mark.parametrize("group", ["a", "a/b"])
def test_a_control_group_is_nearly_full(pressure: Pressure, group: str) -> None:
    limit(pressure.groups / group, str(1000 * MB), 990 * MB)
    assert "10 MB of the control group" in pressure.reason()
    limit(pressure.groups / group, str(1000 * MB), 990 * MB, cached=500 * MB)
    assert pressure.reason() == ""


def test_a_control_group_of_the_first_version_is_nearly_full(pressure: Pressure) -> None:
    pressure.own_group.write_text("4:memory:/a\n1:cpu:/\n0::/\n")
    place = pressure.groups / "memory" / "a"
    place.mkdir(parents=True)
    (place / "memory.limit_in_bytes").write_text(str(1000 * MB))
    (place / "memory.usage_in_bytes").write_text(str(999 * MB))
    assert "1 MB of the control group" in pressure.reason()


def test_what_cannot_be_read_is_not_short(tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere"
    assert Pressure(nowhere, nowhere, nowhere, nowhere).reason() == ""
