"""Operations are declared without the framework and become routes of it when they are asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated

import httpx
import pytest
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from kernelyard.doors._asgi.app import build_app
from kernelyard.doors._asgi.door import Door
from kernelyard.doors._asgi.operations import Misfit, Operations
from kernelyard.doors._asgi.parameters import Header, Path, Query
from kernelyard.doors._asgi.settings import AppSettings

from tests.support.http_house import House


class Wish(BaseModel):
    count: int


def telling_misfits(
    handle: Callable[[Request], Awaitable[Response]],
) -> Callable[[Request], Awaitable[Response]]:
    async def told(request: Request) -> Response:
        try:
            return await handle(request)
        except Misfit as misfit:
            return JSONResponse([list(one["loc"]) for one in misfit.errors], 400)

    return told


def a_subject() -> Operations:
    subject = Operations(prefix="/things", tags=["things"], around=telling_misfits)

    @subject.put("/{thing}", operation_id="put_thing", summary="Put a thing")
    async def put(
        request: Request,
        wish: Wish,
        thing: Annotated[str, Path(description="Which.")],
        after: Annotated[int, Query(ge=0, alias="from")] = 7,
        mark: Annotated[str | None, Header(alias="X-Mark")] = None,
    ) -> Response:
        """Put it there."""
        return JSONResponse([request.method, wish.count, thing, after, mark])

    @subject.delete("/{thing}")
    async def remove(thing: str) -> Response:
        return Response(thing)

    return subject


class Things(Door):
    """A door with one subject."""

    name = "things"

    def __init__(self) -> None:
        self._subject = a_subject()

    def routers(self) -> list[Operations]:
        return [self._subject]


@pytest.fixture
def things(house: House) -> httpx.AsyncClient:
    app = build_app(house.yard, AppSettings(version="1"), [Things()])
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://yard")


async def test_parameters_come_from_where_they_are_said_to_stand(things: httpx.AsyncClient) -> None:
    wish = {"count": 3}
    full = await things.put("/things/a?from=2", json=wish, headers={"X-Mark": "m"})
    assert full.json() == ["PUT", 3, "a", 2, "m"]
    assert (await things.put("/things/b", json=wish)).json() == ["PUT", 3, "b", 7, None]


async def test_what_does_not_fit_is_told_to_the_door_in_its_own_words(
    things: httpx.AsyncClient,
) -> None:
    refused = await things.put("/things/a?from=-1", json={"count": "many"})
    assert (refused.status_code, sorted(refused.json())) == (
        400,
        [["body", "count"], ["query", "from"]],
    )


async def test_first_requests_that_come_together_are_all_answered(
    things: httpx.AsyncClient,
) -> None:
    answers = await asyncio.gather(*(things.delete(f"/things/{n}") for n in range(8)))
    assert [one.text for one in answers] == [str(n) for n in range(8)]


async def test_another_method_is_refused_with_those_that_there_are(
    things: httpx.AsyncClient,
) -> None:
    answer = await things.get("/things/a")
    assert answer.status_code == 405


async def test_the_description_has_all_that_is_said_of_an_operation(
    things: httpx.AsyncClient,
) -> None:
    document = (await things.get("/openapi.json")).json()
    told = document["paths"]["/things/{thing}"]["put"]
    assert (told["summary"], told["description"]) == ("Put a thing", "Put it there.")
    assert [one["name"] for one in told["parameters"]] == ["thing", "from", "X-Mark"]
    assert told["parameters"][0]["description"] == "Which."
    assert told["tags"] == ["things"]


async def test_preparing_goes_on_only_as_long_as_it_is_wanted(house: House) -> None:
    asked: list[int] = []

    def twice() -> bool:
        asked.append(len(asked))
        return len(asked) <= 2

    app = build_app(house.yard, AppSettings(version="1"), [Things()])
    await asyncio.to_thread(app.prepare, twice)
    assert asked == [0, 1, 2]
