"""No two kernels draw the same, wherever a preloaded module has hidden what draws."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from tests.support.forked_kernels import Nest

DRAWS = """
import _random, contextvars, email.utils, functools, random, secrets, sqlite3, ssl, tempfile, threading, uuid
import numpy

uuid.uuid1(); ssl.RAND_bytes(8); random.random(); numpy.random.random()
database = sqlite3.connect(":memory:"); database.execute("select random()"); database.close()
del database

def made():
    own, other = random.Random(), numpy.random.default_rng()
    return lambda: [own.random(), other.random()]

def defaults(own=random.Random(), other=numpy.random.default_rng()):
    return [own.random(), other.random()]

def drawing():
    other = numpy.random.default_rng()
    while True:
        yield other.random()

class Slots:
    __slots__ = ("one",)

class Derived(random.Random):
    pass

class Local(threading.local):
    pass

@functools.lru_cache
def cached():
    return numpy.random.default_rng()

closure, generator = made(), drawing()
cached(); next(generator)
normal, plain = numpy.random.default_rng().normal, random.Random().random
partial = functools.partial(numpy.random.default_rng().random, 2)
slots, local = Slots(), Local()
slots.one = local.one = numpy.random.default_rng()
array = numpy.array([numpy.random.default_rng()], dtype=object)
legacy, derived, raw = numpy.random.RandomState(), Derived(), _random.Random()
names = tempfile._RandomNameSequence()
next(names)

def draw():
    return {
        "random": random.random(),
        "numpy": numpy.random.random(),
        "numpy_new": numpy.random.default_rng().random(),
        "closure": closure(),
        "defaults": defaults(),
        "generator": next(generator),
        "bound": [normal(), plain()],
        "partial": list(partial()),
        "cached": cached().random(),
        "slots": slots.one.random(),
        "array": array[0].random(),
        "spawned": array[0].spawn(1)[0].random() if hasattr(array[0], "spawn") else secrets.token_hex(),
        "legacy": legacy.random(),
        "derived": derived.random(),
        "raw": raw.random(),
        "names": next(names),
        "temporary": tempfile.mktemp(),
        "secrets": secrets.token_hex(),
        "system": random.SystemRandom().random(),
        "tls": ssl.RAND_bytes(8).hex(),
        "sqlite": sqlite3.connect(":memory:").execute("select random()").fetchall(),
        "uuid1": str(uuid.uuid1()),
        "uuid4": str(uuid.uuid4()),
        "message": email.utils.make_msgid(),
    }
"""
MANY = 100_000


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """Of kernels that find the module which draws."""
    (tmp_path / "draws.py").write_text(DRAWS)
    return {**os.environ, "PYTHONPATH": str(tmp_path)}


@pytest.mark.parametrize("nest", [False, True], indirect=True, ids=["forked", "forked ahead"])
async def test_no_number_and_no_name_is_drawn_twice(nest: Nest, env: dict[str, str]) -> None:
    ready = await nest.zygote("draws", env=env)
    assert ready.state == "ready", ready.reason
    kernels = [await nest.kernel(number, env=env) for number in range(3)]
    drawn = [await kernel.value("__import__('draws').draw()") for kernel in kernels]
    for name in drawn[0]:
        assert len({repr(one[name]) for one in drawn}) == len(kernels), name


async def test_of_many_uuids_that_are_made_of_the_time_no_two_are_equal(
    nest: Nest, env: dict[str, str]
) -> None:
    assert (await nest.zygote("draws", env=env)).state == "ready"
    kernels = [await nest.kernel(number, env=env) for number in range(2)]
    draw = f"import draws, uuid; open('drawn', 'w').write(' '.join(str(uuid.uuid1()) for _ in range({MANY})))"
    said = await asyncio.gather(*(kernel.run(draw) for kernel in kernels))
    assert [one.content["status"] for one in said] == ["ok", "ok"]
    first, second = (set((kernel.place / "drawn").read_text().split()) for kernel in kernels)
    assert len(first) == len(second) == MANY
    assert not first & second
