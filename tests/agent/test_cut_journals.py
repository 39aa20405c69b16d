"""A journal whose head was cut away tells the same as before, wherever it was cut and whatever crashed."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernelyard.agent.checkpoint import checkpoint_path
from kernelyard.agent.cutting import Cuts, cut_file, note_before
from kernelyard.agent.folder import Folder
from kernelyard.agent.holes import begin_of_data
from kernelyard.agent.journal import Entry, Journal, Reading
from kernelyard.agent.logs import Log
from kernelyard.agent.recall import Recollection
from kernelyard.agent.recovery import recover
from kernelyard.model.errors import Invalid, RecordsGone
from kernelyard.model.records import Record, RecordKind
from kernelyard.wire.journal import split

END: Entry = (0, RecordKind.KERNEL_ENDED, b"{}")
SIZES = st.lists(st.integers(0, 3000), max_size=5)
TASKS = st.lists(st.tuples(SIZES, st.sampled_from(["succeeded", "failed", None])), max_size=6)


def entries_of(tasks: Sequence[tuple[list[int], str | None]]) -> list[Entry]:
    """What tasks with outputs of these sizes write down; None is a task that never ends."""
    entries: list[Entry] = [(0, RecordKind.KERNEL_READY, b'{"attempt":1}')]
    for seq, (sizes, state) in enumerate(tasks, 1):
        entries.append((seq, RecordKind.STARTED, b'{"task_id":"task %d"}' % seq))
        error = {"ename": "Error", "evalue": f"\ud800 {seq}", "traceback": []}
        entries += [(seq, RecordKind.STREAM, b'{"text":"%s"}' % (b"x" * size)) for size in sizes]
        entries.append((seq, RecordKind.ERROR, json.dumps(error).encode()))
        if state is not None:
            body = {"task_id": f"task {seq}", "state": state}
            entries.append((seq, RecordKind.ENDED, json.dumps(body).encode()))
    return entries


@contextmanager
def a_folder() -> Iterator[Folder]:
    with tempfile.TemporaryDirectory() as place:
        yield Folder(Path(place))


def written(folder: Folder, entries: Sequence[Entry]) -> list[Record]:
    """Write a journal; return its records."""
    journal, _ = recover(folder.journal)
    journal.append(entries)
    journal.close()
    return kept(folder)


def opened(folder: Folder) -> tuple[Journal, Recollection, list[Record]]:
    """Open a journal; return what is known from it, and the records that are there."""
    found: list[Record] = []
    journal, memory = recover(folder.journal, found.append)
    return journal, memory, found


def kept(folder: Folder) -> list[Record]:
    """The records that are in a journal."""
    journal, _, records = opened(folder)
    journal.close()
    return records


def remembered(records: Sequence[Record]) -> Recollection:
    memory = Recollection()
    for record in records:
        memory.take_in(record)
    return memory


def cut(folder: Folder, journal: Journal, number: int, crash: str = "never") -> tuple[int, int]:
    """Cut before a record, as far as it comes before the agent dies; return where it was to be."""
    place = journal.place_to_cut(number)
    descriptor = journal.descriptor()
    try:
        if crash == "before the hole":
            note_before(folder.journal, descriptor, place)
        elif crash == "never":
            journal.cut(place)
            cut_file(journal, folder, descriptor)
    finally:
        os.close(descriptor)
    return place


def head_is_gone(folder: Folder) -> bool:
    with folder.journal.open("rb") as file:
        return begin_of_data(file.fileno()) > 0


CRASHES = st.sampled_from(["never", "before the hole", "before anything"])


@given(TASKS, st.lists(st.tuples(st.integers(1, 60), CRASHES), min_size=1, max_size=5))
def test_cut_anywhere_and_crashed_anywhere_it_tells_the_same(
    tasks: list[tuple[list[int], str | None]], cuts: list[tuple[int, str]]
) -> None:
    with a_folder() as folder:
        whole = written(folder, entries_of(tasks))
        first = 1
        for wanted, crash in cuts:
            journal, memory, found = opened(folder)
            assert memory == remembered(whole)
            assert found == whole[journal.first_number - 1 :]
            assert first <= journal.first_number
            assert not journal.damaged
            number, _ = cut(folder, journal, min(wanted, len(whole)), crash)
            if crash == "never":
                assert journal.first_number == number
                first = number
            journal.append([(1, RecordKind.STREAM, b'{"text":"%s"}' % (b"y" * wanted))])
            journal.close()
            whole = [*whole, kept(folder)[-1]]
        journal, memory, found = opened(folder)
        journal.close()
        assert memory == remembered(whole)
        assert found == whole[-len(found) :]
        assert [record.number for record in whole] == list(range(1, len(whole) + 1))


@given(TASKS, st.data())
def test_it_is_followed_from_the_cut_on_and_not_from_before(
    tasks: list[tuple[list[int], str | None]], data: st.DataObject
) -> None:
    with a_folder() as folder:
        whole = written(folder, entries_of(tasks))
        journal = opened(folder)[0]
        first = data.draw(st.integers(1, len(whole)))
        cut(folder, journal, first)
        if data.draw(st.booleans()):
            journal.close()
            journal = opened(folder)[0]
        for after, last in enumerate([None, *whole]):
            at = last.at if last else None
            if after < first and after:
                with pytest.raises(RecordsGone) as gone:
                    journal.read_after(after, at)
                assert gone.value.first == first
            elif after >= first:
                assert rest(journal.read_after(after, at)) == whole[after:]
        assert rest(journal.read_after(first - 1)) == whole[first - 1 :]
        with pytest.raises(Invalid):
            journal.read_after(len(whole) + 1)
        with pytest.raises(Invalid):
            journal.read_after(len(whole), whole[-1].at + 1)
        journal.close()


def rest(reading: Reading, most: int = 2000) -> list[Record]:
    """Read to the end, little at a time."""
    records: list[Record] = []
    while data := reading.next(most):
        found, taken = split(data)
        assert taken == len(data)
        records += found
    reading.close()
    return records


@pytest.mark.timeout(300)  # many examples take their time: records are looked for byte by byte
@given(TASKS.filter(bool), st.data())
def test_a_torn_checkpoint_costs_no_record_that_is_there_and_is_told(
    tasks: list[tuple[list[int], str | None]], data: st.DataObject
) -> None:
    with a_folder() as folder:
        whole = written(folder, entries_of(tasks))
        journal = opened(folder)[0]
        number, _ = cut(folder, journal, data.draw(st.integers(2, len(whole))))
        journal.close()
        note = checkpoint_path(folder.journal)
        content = note.read_bytes()
        note.write_bytes(content[: data.draw(st.integers(0, len(content) - 1))])
        for _ in range(2):
            journal, memory, found = opened(folder)
            assert found == whole[-len(found) :]
            assert journal.damaged == head_is_gone(folder)
            if journal.damaged:
                assert journal.first_number == found[0].number <= number
            else:
                assert (found, memory) == (whole, remembered(whole))
            journal.append([(1, RecordKind.STREAM, b'{"text":"after"}')])
            journal.close()
            whole = [*whole, kept(folder)[-1]]
        assert [record.number for record in whole] == list(range(1, len(whole) + 1))


@pytest.mark.parametrize("kind", ["link", "pipe", "directory", "endless"])
def test_only_an_ordinary_checkpoint_is_believed(kind: str, tmp_path: Path) -> None:
    with a_folder() as folder:
        whole = written(folder, entries_of([([3000] * 3, "succeeded")]))
        note = checkpoint_path(folder.journal)
        elsewhere = tmp_path / "checkpoint"
        journal = opened(folder)[0]
        cut(folder, journal, 3, "before the hole")
        journal.close()
        note.rename(elsewhere)
        {
            "link": lambda: note.symlink_to(elsewhere),
            "pipe": lambda: os.mkfifo(note),
            "directory": note.mkdir,
            "endless": lambda: note.symlink_to("/dev/zero"),
        }[kind]()
        assert kept(folder) == whole


@given(TASKS, st.data())
def test_a_disk_that_lost_the_end_of_a_cut_journal_is_found_out(
    tasks: list[tuple[list[int], str | None]], data: st.DataObject
) -> None:
    with a_folder() as folder:
        whole = written(folder, entries_of(tasks))
        journal = opened(folder)[0]
        number, _ = cut(folder, journal, data.draw(st.integers(1, len(whole))))
        size = journal.size
        journal.close()
        os.truncate(folder.journal, data.draw(st.integers(0, size)))
        journal, memory, found = opened(folder)
        last = found[-1].number if found else number - 1
        assert found == whole[number - 1 : last]
        assert journal.damaged == (not found)
        assert memory == remembered(whole[:last])
        journal.append([(1, RecordKind.STREAM, b'{"text":"after"}')])
        journal.close()
        journal, _, again = opened(folder)
        journal.close()
        assert [record.number for record in again] == list(range(number, last + 2))
        assert not journal.damaged


STEPS = st.lists(
    st.one_of(
        st.integers(0, 9000).map(lambda size: ("append", size)),
        st.integers(0, 30).map(lambda number: ("cut", number)),
        st.integers(0, 30).map(lambda number: ("open", number)),
        st.integers(0, 5).map(lambda which: ("read", which)),
    ),
    max_size=40,
)


@given(STEPS)
def test_whoever_reads_slowly_reads_everything_all_the_same(steps: list[tuple[str, int]]) -> None:
    with a_folder() as folder:
        journal, _ = recover(folder.journal)
        readers: list[tuple[int, Reading, list[Record]]] = []
        for step, number in steps:
            known = min(number, journal.last_number)
            if step == "append":
                journal.append([(1, RecordKind.STREAM, b'{"text":"%s"}' % (b"x" * number))])
            elif step == "cut" and journal.last_number:
                cut(folder, journal, known)
            elif step == "open" and known >= journal.first_number - 1:
                readers.append((known, journal.read_after(known), []))
            elif step == "read" and readers:
                _, reading, records = readers[number % len(readers)]
                records += split(reading.next(5000))[0]
        last = journal.last_number
        for after, reading, records in readers:
            records += rest(reading)
            assert [record.number for record in records] == list(range(after + 1, last + 1))
        journal.close()


def test_an_ended_journal_keeps_its_last_record_and_no_checkpoint() -> None:
    with a_folder() as folder:
        entries: list[Entry] = [(1, RecordKind.STREAM, b'{"text":"%s"}' % (b"x" * 50_000)), END]
        whole = written(folder, entries)
        journal = opened(folder)[0]
        folder.mark_ended(journal)
        cut(folder, journal, len(whole))
        journal.close()
        assert not checkpoint_path(folder.journal).exists()
        assert folder.journal.stat().st_blocks * 512 <= 8192
        ended = folder.open_ended()
        assert ended is not None
        assert rest(ended.read_after(1)) == whole[1:]
        assert not ended.is_open
        (folder.path / "ended.json").write_bytes(b"torn")
        journal, memory, found = opened(folder)
        assert journal.closed
        assert memory.closed
        assert found == whole[1:]
        journal.close()


async def test_nothing_is_cut_where_it_is_not_worth_it_or_not_there() -> None:
    with a_folder() as folder:
        whole = written(folder, entries_of([([3000] * 5, "succeeded")]))
        journal = opened(folder)[0]
        cuts = Cuts(folder.path, Log())
        await cuts.cut(journal, folder, 2)
        assert journal.first_number == 1
        await Cuts(folder.path / "missing", Log()).cut(journal, folder, len(whole))
        assert journal.first_number == 1
        with pytest.raises(Invalid):
            await cuts.cut(journal, folder, len(whole) + 1)
        await cuts.cut(journal, folder, len(whole))
        assert journal.first_number == len(whole)
        await cuts.cut(journal, folder, 3)
        assert journal.first_number == len(whole)
        journal.close()


async def test_a_cut_that_fails_takes_nothing_away() -> None:
    with a_folder() as folder:
        whole = written(folder, entries_of([([3000] * 5, "succeeded"), ([3000] * 5, None)]))
        journal = opened(folder)[0]
        content = bytearray(folder.journal.read_bytes())
        content[200] ^= 1
        folder.journal.write_bytes(content)
        await Cuts(folder.path, Log()).cut(journal, folder, len(whole))
        assert journal.first_number == 1
        assert not checkpoint_path(folder.journal).exists()
        assert not head_is_gone(folder)
        assert rest(journal.read_after(len(whole) - 1)) == whole[-1:]
        journal.close()
