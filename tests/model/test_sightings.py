"""What has changed about images between two looks."""

from __future__ import annotations

from kernelyard.model.images import FoundImage
from kernelyard.model.sightings import ImageState, Seen, Sighting, seen_then, sighting_of


def seen(version: int, *images: FoundImage, unknown: tuple[str, ...] = ()) -> Sighting:
    return sighting_of(images, unknown, began=1, version=version, at=version)


def image(reference: str, **fields: object) -> FoundImage:
    provider, name = reference.split("/")
    given = {"display_name": name, "language": "python", **fields}
    return FoundImage(provider=provider, name=name, **given)  # type: ignore[arg-type]


def steps(*sightings: Sighting) -> list[str]:
    """What a row of sightings tells, in words."""
    kept, told = Seen(), []
    for sighting in sightings:
        outcome = seen_then(kept, sighting)
        if outcome is None:
            told.append("old")
            continue
        kept, changes = outcome
        told += [f"{one.image} {one.state}" for one in changes]
    return told


def test_to_a_new_server_nothing_is_new() -> None:
    assert steps(seen(1, image("kernelspec/r"), image("conda/a"))) == []


def test_images_go_by_the_names_that_users_say() -> None:
    assert steps(seen(1), seen(2, image("kernelspec/r"), image("conda/a"))) == [
        "conda/a found",
        "r found",
    ]


def test_an_image_that_becomes_ready_says_so_and_one_that_stops_being_it_why() -> None:
    broken = image("conda/a", problem="install ipykernel")
    first, _ = seen_then(Seen(), seen(1, broken)) or (Seen(), [])
    second, ready = seen_then(first, seen(2, image("conda/a"))) or (Seen(), [])
    _, not_ready = seen_then(second, seen(3, broken)) or (Seen(), [])
    assert [(one.state, one.reason) for one in ready + not_ready] == [
        (ImageState.READY, None),
        (ImageState.NOT_READY, "install ipykernel"),
    ]


def test_a_found_image_that_cannot_start_a_kernel_says_why() -> None:
    first, _ = seen_then(Seen(), seen(1)) or (Seen(), [])
    outcome = seen_then(first, seen(2, image("conda/a", problem="install ipykernel")))
    assert outcome is not None
    (found,) = outcome[1]
    assert (found.state, found.reason) == (ImageState.FOUND, "install ipykernel")


def test_what_users_would_notice_is_a_change_and_nothing_else() -> None:
    now = image("conda/a", version="3.14", parameters={"properties": {"x": {"enum": [1]}}})
    first, _ = seen_then(Seen(), seen(1, image("conda/a"))) or (Seen(), [])
    changed, told = seen_then(first, seen(2, now)) or (Seen(), [])
    assert [(one.state, one.reason) for one in told] == [
        (ImageState.CHANGED, "another parameters, version")
    ]
    unnoticed = image("conda/a", version="3.14", parameters=now.parameters, resources=("x.png",))
    assert seen_then(changed, seen(3, unnoticed)) == (Seen(1, 3, changed.images), [])


def test_who_does_not_answer_keeps_what_he_had() -> None:
    both, one = (image("kernelspec/r"), image("conda/a")), (image("kernelspec/r"),)
    assert steps(seen(1, *both), seen(2, *one, unknown=("conda",)), seen(3, *both)) == []
    assert steps(seen(1, *both), seen(2, *one, unknown=("conda",)), seen(3, *one)) == [
        "conda/a gone"
    ]


def test_the_first_list_of_somebody_who_was_slow_is_nothing_new() -> None:
    first, later = seen(1, unknown=("conda",)), seen(2, image("conda/a"))
    assert steps(first, later, seen(3, image("conda/a"), image("conda/b"))) == ["conda/b found"]


def test_an_older_look_tells_nothing() -> None:
    assert steps(seen(2, image("conda/a")), seen(1), seen(2)) == ["old", "old"]
