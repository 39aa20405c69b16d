"""What every store does with sightings of images, and with choices of them."""

# ruff: noqa: S101 - this is a test suite

from __future__ import annotations

import asyncio

from kernelyard.ports.named_stores import MOST_CHOICES
from kernelyard.ports.stores import Store
from kernelyard.testing.stores.builders import NOON, a_sighting, kept_kernel, kept_tasks
from kernelyard.testing.stores.opening import Opening


async def told(store: Store, after: int = 0) -> list[str]:
    """Each change of an image in two words."""
    events = await store.events.read(after, images_only=True)
    return [f"{event.image} {event.state}" for event in events]


class SightingConformance(Opening):
    """Changes of images are events in the same row of numbers, told once, and everybody's."""

    async def test_the_first_sighting_is_kept_and_tells_nothing(self, store: Store) -> None:
        assert await store.events.sight(a_sighting(1, "python3", "ir")) == 0
        assert await told(store) == []
        assert await store.events.sight(a_sighting(2, "python3", "ir")) == 0
        assert await store.events.last() == 0

    async def test_what_came_went_and_changed_is_told(self, store: Store) -> None:
        await store.events.sight(a_sighting(1, "python3", "ir"))
        assert await store.events.sight(a_sighting(2, "python3", "conda/science")) == 2
        assert await told(store) == ["conda/science found", "ir gone"]
        await store.events.sight(a_sighting(3, "python3", problem="install ipykernel"))
        await store.events.sight(a_sighting(4, "python3"))
        await store.events.sight(a_sighting(5, "python3", language="julia"))
        after = (await store.events.read(0))[1].number
        events = await store.events.read(after)
        assert [(event.image, event.state, event.reason) for event in events] == [
            ("conda/science", "gone", "it is not installed any more where kernels run"),
            ("python3", "not_ready", "install ipykernel"),
            ("python3", "ready", None),
            ("python3", "changed", "another language"),
        ]
        assert {(event.kernel_id, event.task_id) for event in events} == {(None, None)}
        assert [event.at for event in events] == [NOON + 3, NOON + 3, NOON + 4, NOON + 5]

    async def test_images_of_a_provider_that_does_not_answer_are_as_before(
        self, store: Store
    ) -> None:
        await store.events.sight(a_sighting(1, "python3", "conda/science"))
        await store.events.sight(a_sighting(2, "python3", unknown=frozenset({"conda"})))
        await store.events.sight(a_sighting(3, "python3", "conda/science"))
        assert await told(store) == []

    async def test_the_first_list_of_a_provider_that_did_not_answer_before_tells_nothing(
        self, store: Store
    ) -> None:
        await store.events.sight(a_sighting(1, "python3", unknown=frozenset({"conda"})))
        await store.events.sight(a_sighting(2, "python3", "conda/a", "venv/b"))
        assert await told(store) == ["venv/b found"]
        await store.events.sight(a_sighting(3, "python3", "conda/a", "conda/b", "venv/b"))
        assert await told(store) == ["venv/b found", "conda/b found"]

    async def test_an_older_sighting_is_passed_over(self, store: Store) -> None:
        await store.events.sight(a_sighting(5, "python3"))
        assert await store.events.sight(a_sighting(4, "ir")) == 0
        assert await store.events.sight(a_sighting(9, "ir", began=NOON - 1)) == 0
        assert await told(store) == []
        assert await store.events.sight(a_sighting(1, "ir", began=NOON + 1)) == 2

    async def test_of_several_who_saw_the_same_one_tells_it(self, store: Store) -> None:
        await store.events.sight(a_sighting(1))
        seen = [store.events.sight(a_sighting(2, "python3")) for _ in range(8)]
        assert sorted(await asyncio.gather(*seen)) == [0] * 7 + [1]
        assert await told(store) == ["python3 found"]

    async def test_events_of_images_are_everybodys_in_one_order_with_the_others(
        self, store: Store
    ) -> None:
        await store.events.sight(a_sighting(1))
        kernel = await kept_kernel(store)
        await store.events.sight(a_sighting(2, "a", "b"))
        await kept_tasks(store, kernel, 1)
        events = await store.events.read(0)
        states = ["starting", "found", "found", "queued"]
        assert [event.state for event in events] == states
        numbers = [event.number for event in events]
        assert numbers == sorted(set(numbers))
        assert await store.events.last() == numbers[-1]
        assert await store.events.read(0, owner="ada") == events
        assert await store.events.read(0, owner="bob") == events[1:3]
        assert await store.events.read(0, kernel_no=kernel.no) == [events[0], events[3]]
        assert await store.events.read(0, images_only=True) == events[1:3]
        for place, number in enumerate(numbers):
            assert await store.events.read(number, limit=2) == events[place + 1 : place + 3]
            assert (
                await store.events.read(number, owner="bob", limit=1)
                == [event for event in events[place + 1 :] if event.image][:1]
            )

    async def test_events_of_images_outlive_kernels(self, store: Store) -> None:
        await store.events.sight(a_sighting(1))
        kernel = await kept_kernel(store)
        await store.events.sight(a_sighting(2, "a"))
        await store.kernels.remove(kernel.no)
        assert await told(store) == ["a found"]

    async def test_a_choice_is_kept_for_its_owner_and_path(self, store: Store) -> None:
        path = "/data/ada/" + "ä" * 4000 + ".ipynb"
        assert await store.choices.get("ada", path) is None
        await store.choices.put("ada", path, "python3", NOON)
        await store.choices.put("bob", path, "ir", NOON)
        await store.choices.put("ada", path, "conda/science", NOON + 1)
        assert await store.choices.get("ada", path) == "conda/science"
        assert await store.choices.get("bob", path) == "ir"
        assert await store.choices.get("ada", path + "x") is None
        assert await store.choices.remove("ada", path)
        assert not await store.choices.remove("ada", path)
        assert await store.choices.get("ada", path) is None
        assert await store.choices.get("bob", path) == "ir"

    async def test_choices_at_once_are_each_kept(self, store: Store) -> None:
        puts = [store.choices.put("ada", f"/{n % 3}", f"image-{n % 3}", NOON) for n in range(9)]
        await asyncio.gather(*puts)
        for n in range(3):
            assert await store.choices.get("ada", f"/{n}") == f"image-{n}"

    async def test_only_the_newest_choices_of_each_owner_are_kept(self, store: Store) -> None:
        await store.choices.put("bob", "/0", "ir", 1)
        for n in range(MOST_CHOICES + 1):
            await store.choices.put("ada", f"/{n}", "python3", NOON + n)
        assert await store.choices.get("ada", "/0") is None
        assert await store.choices.get("ada", "/1") == "python3"
        assert await store.choices.get("bob", "/0") == "ir"
