"""``kernelyard doctor`` tells what takes the disk, and no link leads it out of the data directory."""

from __future__ import annotations

import os
from pathlib import Path
from uuid import uuid4

from kernelyard.agent.folder import Folder
from kernelyard.agent.places import kernel_dir
from kernelyard.cli.disk_use import ENTRIES_OF_EACH, DiskUse, disk_use

KB = 1024


def a_kernel(data_dir: Path, *, journal: int = 0, log: int = 0, ended: bool = False) -> Path:
    """The directory of a kernel."""
    folder = Folder(kernel_dir(data_dir, str(uuid4())))
    folder.make()
    folder.journal.write_bytes(b"j" * journal)
    folder.log.write_bytes(b"l" * log)
    if ended:
        (folder.path / "ended.json").write_bytes(b"{}")
        assert folder.has_ended
    return folder.path


def looked_at(data_dir: Path, **how: float) -> DiskUse:
    use = disk_use(data_dir, **how)  # type: ignore[arg-type]
    assert use is not None
    return use


def test_each_part_is_counted_and_the_largest_kernels_come_first(tmp_path: Path) -> None:
    (tmp_path / "kernelyard.db").write_bytes(b"d" * 16 * KB)
    (tmp_path / "kernelyard.db-wal").write_bytes(b"d" * 8 * KB)
    small = a_kernel(tmp_path, journal=4 * KB, ended=True)
    large = a_kernel(tmp_path, journal=8 * KB, log=12 * KB)
    (large / "work" / "deep" / "er").mkdir(parents=True)
    (large / "work" / "deep" / "er" / "data").write_bytes(b"w" * 400 * KB)
    use = looked_at(tmp_path)
    assert (use.kernels, use.live, use.complete) == (2, 1, True)
    assert (use.database, use.journals, use.logs) == (24 * KB, 12 * KB, 12 * KB)
    assert 400 * KB <= use.work < 420 * KB
    assert use.total == use.database + use.journals + use.logs + use.work
    assert [one["id"] for one in use.largest] == [large.name, small.name]
    assert [one["live"] for one in use.largest] == [True, False]
    assert [one["log"] for one in use.largest] == [12 * KB, 0]
    assert len(looked_at(tmp_path, largest=1).largest) == 1


def test_what_was_given_back_is_not_counted(tmp_path: Path) -> None:
    kernel = a_kernel(tmp_path)
    os.truncate(kernel / "journal", 10**9)
    assert looked_at(tmp_path).journals == 0


def test_links_are_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "large").write_bytes(b"x" * 800 * KB)
    data_dir = tmp_path / "data"
    linking = a_kernel(data_dir)
    (linking / "work" / "link").symlink_to(outside)
    (linking / "work" / "loop").symlink_to(linking / "work")
    replaced = a_kernel(data_dir)
    (replaced / "work").rmdir()
    (replaced / "work").symlink_to(outside)
    (replaced / "journal").unlink()
    (replaced / "journal").symlink_to(outside / "large")
    (data_dir / "agent" / "kernels" / "other").symlink_to(outside)
    use = looked_at(data_dir)
    assert use.kernels == 2
    assert use.total < 100 * KB


def test_counting_ends_and_says_so(tmp_path: Path) -> None:
    kernel = a_kernel(tmp_path, journal=8 * KB)
    for number in range(20):
        (kernel / "work" / str(number)).mkdir()
    assert looked_at(tmp_path).complete
    late = looked_at(tmp_path, seconds=-1)
    assert not late.complete
    assert late.journals == 8 * KB
    assert ENTRIES_OF_EACH > 20


def test_without_a_data_directory_there_is_nothing_to_tell(tmp_path: Path) -> None:
    assert disk_use(tmp_path / "missing") is None
    assert looked_at(tmp_path).kernels == 0
