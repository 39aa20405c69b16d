"""The journal: numbered without holes, whole after any cut, read by followers as it grows."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernelyard.agent.following import follow
from kernelyard.agent.journal import INDEX_STEP, Entry, Journal
from kernelyard.agent.recovery import recover
from kernelyard.model.errors import Invalid
from kernelyard.model.records import Record, RecordKind
from kernelyard.wire.journal import HEADER_SIZE, split

ENTRIES = st.tuples(
    st.integers(0, 3),
    st.sampled_from([RecordKind.STREAM, RecordKind.ERROR]),
    st.binary(max_size=60),
)
BATCHES = st.lists(st.lists(ENTRIES, max_size=4), max_size=8)
END: Entry = (0, RecordKind.KERNEL_ENDED, b"{}")


def opened(path: Path) -> tuple[Journal, list[Record]]:
    """Open a journal; return it and what is in it."""
    found: list[Record] = []
    return recover(path, found.append)[0], found


def written(path: Path, batches: Sequence[Sequence[Entry]]) -> bytes:
    """Write a journal and return the bytes of its file."""
    journal, _ = opened(path)
    for batch in batches:
        journal.append(batch)
    journal.close()
    return path.read_bytes()


async def read_all(journal: Journal, after: int = 0) -> list[Record]:
    """Follow a journal that is complete."""
    gone: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
    records: list[Record] = []
    async with aclosing(follow(journal.read_after(after), alive_seconds=60, gone=gone)) as chunks:
        async for chunk in chunks:
            found, taken = split(chunk)
            assert taken == len(chunk)
            records += found
    return records


@given(BATCHES, st.data())
def test_a_cut_anywhere_keeps_the_whole_records_before_it(
    batches: list[list[Entry]], data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "journal"
        content = written(path, batches)
        whole, _ = split(content)
        cut = data.draw(st.integers(0, len(content)))
        path.write_bytes(content[:cut])
        journal, found = opened(path)
        kept, size = split(content[:cut])
        assert found == kept == whole[: len(kept)]
        assert path.stat().st_size == journal.size == size
        assert journal.last_number == len(kept)
        journal.append([(1, RecordKind.STREAM, b"after")])
        journal.close()
        again, found = opened(path)
        again.close()
        assert [record.number for record in found] == list(range(1, len(kept) + 2))
        assert found[-1].body == b"after"


@given(BATCHES.filter(lambda batches: any(batches)), st.data())
def test_damage_in_the_middle_cuts_there_and_keeps_the_rest_aside(
    batches: list[list[Entry]], data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "journal"
        content = written(path, batches)
        whole, _ = split(content)
        victim = data.draw(st.integers(0, len(whole) - 1))
        begin = sum(HEADER_SIZE + len(record.body) for record in whole[:victim])
        spot = begin + data.draw(st.integers(4, HEADER_SIZE + len(whole[victim].body) - 1))
        damaged = bytearray(content)
        damaged[spot] ^= data.draw(st.integers(1, 255))
        path.write_bytes(damaged)
        journal, found = opened(path)
        journal.close()
        assert found == whole[:victim]
        assert path.stat().st_size == begin
        assert path.with_name("journal.corrupt-1").read_bytes() == bytes(damaged[begin:])


STEPS = st.lists(
    st.one_of(
        st.lists(ENTRIES, max_size=3),
        st.integers(0, 20).map(lambda number: ("follow", number)),
        st.just("turn"),
    ),
    max_size=20,
)


@given(STEPS)
def test_every_follower_sees_every_record_once_in_any_interleaving(
    steps: list[list[Entry] | tuple[str, int] | str],
) -> None:
    async def play(path: Path) -> None:
        journal, _ = opened(path)
        followers: list[tuple[int, asyncio.Task[list[Record]]]] = []
        for step in steps:
            if isinstance(step, list):
                journal.append(step)
            elif isinstance(step, tuple):
                after = min(step[1], journal.last_number)
                followers.append((after, asyncio.create_task(read_all(journal, after))))
            else:
                await asyncio.sleep(0)
        last = asyncio.create_task(read_all(journal))
        await asyncio.sleep(0)
        journal.append([END])
        everything = await last
        assert [record.number for record in everything] == list(range(1, len(everything) + 1))
        assert [(r.seq, r.kind, r.body) for r in everything] == [
            entry for step in steps if isinstance(step, list) for entry in step
        ] + [END]
        for after, task in followers:
            assert await task == everything[after:]
        assert not journal.is_open

    with tempfile.TemporaryDirectory() as place:
        asyncio.run(play(Path(place) / "journal"))


async def test_following_begins_anywhere_in_a_long_journal(tmp_path: Path) -> None:
    journal, _ = opened(tmp_path / "journal")
    body = b"x" * 5000
    for number in range(1, 601):
        journal.append([(1, RecordKind.STREAM, b"%d %s" % (number, body))])
    journal.append([END])
    journal.listeners.add(lambda: None)  # somebody else reads it, so that it stays open
    assert journal.size > 8 * INDEX_STEP
    assert len(journal.index) > 8
    for after in (0, 1, 51, 52, 53, 299, 599, 600, 601):
        records = await read_all(journal, after)
        assert [record.number for record in records] == list(range(after + 1, 602))
    journal.close()


async def test_a_record_larger_than_a_chunk_is_read_whole(tmp_path: Path) -> None:
    journal, _ = opened(tmp_path / "journal")
    large = b"y" * 5_000_000
    journal.append([(1, RecordKind.STREAM, b"a"), (1, RecordKind.STREAM, large)])
    journal.append([END])
    assert [len(record.body) for record in await read_all(journal)] == [1, 5_000_000, 2]
    again, found = opened(tmp_path / "journal")
    again.close()
    assert [len(record.body) for record in found] == [1, 5_000_000, 2]


def test_following_from_beyond_the_end_is_refused(tmp_path: Path) -> None:
    journal, _ = opened(tmp_path / "journal")
    journal.append([(1, RecordKind.STREAM, b"a")])
    for number in (2, -1):
        with pytest.raises(Invalid):
            journal.offset_after(number)
    journal.close()


def test_nothing_is_appended_behind_the_end(tmp_path: Path) -> None:
    journal, _ = opened(tmp_path / "journal")
    journal.append([END, (1, RecordKind.STREAM, b"late")])
    journal.append([(1, RecordKind.STREAM, b"later")])
    journal.close()
    again, found = opened(tmp_path / "journal")
    again.append([(1, RecordKind.STREAM, b"latest")])
    again.close()
    assert [record.kind for record in found] == [RecordKind.KERNEL_ENDED]
    assert again.closed
    assert again.last_number == 1


def test_times_never_go_backwards(tmp_path: Path) -> None:
    journal, _ = opened(tmp_path / "journal")
    journal.last_at = future = 2**52
    journal.append([(1, RecordKind.STREAM, b"a")])
    journal.close()
    again, found = opened(tmp_path / "journal")
    again.close()
    assert [record.at for record in found] == [future]


async def test_records_wait_with_their_numbers_while_the_disk_is_full(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    import signal

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    journal, _ = opened(tmp_path / "journal")
    try:
        journal.append([(1, RecordKind.STREAM, b"first")])
        resource.setrlimit(resource.RLIMIT_FSIZE, (journal.size + 40, before[1]))
        journal.append([(1, RecordKind.STREAM, b"x" * 100)])
        journal.append([(1, RecordKind.STREAM, b"third")])
        assert journal.last_number == 1
        assert journal.backlog > 100
        assert (tmp_path / "journal").stat().st_size == journal.size
        written = asyncio.Event()
        journal.listeners.add(written.set)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    await asyncio.wait_for(written.wait(), 10)
    journal.listeners.clear()
    assert journal.backlog == 0
    journal.append([END])
    records = await read_all(journal)
    assert [record.number for record in records] == [1, 2, 3, 4]
    assert records[2].body == b"third"


async def test_a_quiet_journal_gives_signs_of_life_until_its_reader_is_gone(tmp_path: Path) -> None:
    journal, _ = opened(tmp_path / "journal")
    gone: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
    chunks: list[bytes] = []
    async with aclosing(follow(journal.read_after(0), alive_seconds=0.01, gone=gone)) as following:
        async for chunk in following:
            chunks.append(chunk)
            if len(chunks) == 3:
                gone.set_result(b"")
    assert chunks == [b"", b"", b""]
    assert not journal.listeners
    journal.close()
