"""The queue: in order, durable before it is acknowledged, each task once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernelyard.agent.queue import Queue
from kernelyard.model.tasks import Assignment


def a_task(number: int, code: str = "1") -> Assignment:
    return Assignment(task_id=f"task-{number}", seq=number, code=code, output_limit_bytes=number)


def taken(queue: Queue) -> list[Assignment]:
    tasks = []
    while (task := queue.take()) is not None:
        tasks.append(task)
    return tasks


@given(codes=st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=5))
def test_tasks_come_back_in_order_after_a_crash(
    tmp_path_factory: pytest.TempPathFactory, codes: list[str]
) -> None:
    path = tmp_path_factory.mktemp("queue") / "queue"
    tasks = [a_task(number, code) for number, code in enumerate(codes, 1)]
    queue = Queue(path)
    queue.accept(tasks)
    queue.close()
    again = Queue(path)
    assert taken(again) == tasks
    again.close()


def test_a_task_that_came_before_is_left_alone(tmp_path: Path) -> None:
    queue = Queue(tmp_path / "queue")
    queue.accept([a_task(1), a_task(2)])
    assert queue.take() == a_task(1)
    queue.accept([a_task(1), a_task(2), a_task(3)])
    assert taken(queue) == [a_task(2), a_task(3)]
    queue.accept([a_task(3)])
    assert len(queue) == 0
    assert "task-3" in queue
    queue.close()


def test_tasks_that_have_ended_do_not_wait_again(tmp_path: Path) -> None:
    queue = Queue(tmp_path / "queue")
    queue.accept([a_task(1), a_task(2)])
    queue.close()
    again = Queue(tmp_path / "queue", settled={"task-1"})
    assert "task-1" in again
    assert taken(again) == [a_task(2)]
    again.close()


@given(cut=st.integers(0, 400))
def test_a_torn_line_is_cut_and_the_lines_before_it_are_kept(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    path = tmp_path_factory.mktemp("queue") / "queue"
    queue = Queue(path)
    queue.accept([a_task(1), a_task(2, "é\r\n\u2028'"), a_task(3)])
    queue.close()
    content = path.read_bytes()[:cut]
    path.write_bytes(content)
    again = Queue(path)
    whole = content.count(b"\n")
    again.accept([a_task(9)])
    again.close()
    last = Queue(path)
    assert [task.seq for task in taken(last)] == [*range(1, whole + 1), 9]
    last.close()


def test_tasks_that_need_another_are_found_also_after_a_crash(tmp_path: Path) -> None:
    queue = Queue(tmp_path / "queue")
    tasks = [a_task(1), *(replace(a_task(seq), needs=1) for seq in (2, 3)), a_task(4)]
    queue.accept(tasks)
    queue.close()
    again = Queue(tmp_path / "queue", settled={"task-3"})
    assert again.take() == tasks[0]
    assert again.take_needing(1) == [tasks[1]]
    assert again.take_needing(1) == []
    assert taken(again) == [tasks[3]]
    again.close()


def test_a_cancel_that_came_first_is_remembered_across_a_crash(tmp_path: Path) -> None:
    queue = Queue(tmp_path / "queue")
    queue.cancel_early("task-2", "no")
    queue.close()
    again = Queue(tmp_path / "queue")
    again.accept([a_task(1), a_task(2)])
    assert again.cancelled_early() == [(a_task(2), "no")]
    assert again.cancelled_early() == []
    assert taken(again) == [a_task(1)]
    again.close()
