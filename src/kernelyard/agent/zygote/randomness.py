"""State that is made at random when a process begins, and must not be equal in two kernels."""

import gc
import itertools
import os
import random
import sys
import tempfile
import threading
import time
from types import ModuleType
from typing import Any


def generators() -> "list[Any]":
    """Find the generators of random numbers that imported modules have made.

    The usual ones of Python and numpy are renewed in any case. Slow: done once, before kernels are forked.
    """
    # Those of numpy are seen by no collector, but by what refers to them.
    kinds = (random.Random, *_of_numpy())
    found = {}
    for one in gc.get_objects():
        if isinstance(one, kinds):
            found[id(one)] = one
        for other in gc.get_referents(one):
            if isinstance(other, kinds):
                found[id(other)] = other
    return [one for one in found.values() if type(one) is not random.SystemRandom]


def renew(known: "list[Any]") -> None:
    """Begin anew what was random in the process that this one was forked from."""
    for one in known:
        _seed(one)
    # The interpreter does so itself, if it was forked by ``os.fork``.
    random.seed()
    if "numpy.random" in sys.modules:
        sys.modules["numpy.random"].seed()
    _renew_uuid()
    _renew_multiprocessing()
    tempfile.tempdir = None
    _put(tempfile, "_name_sequence", None)
    # Threads without a name are counted.
    _put(threading, "_counter", itertools.count(1).__next__)
    _restart_clocks()


def _put(module: ModuleType, name: str, value: object) -> None:
    """Change what a module keeps for itself, if it does."""
    if hasattr(module, name):
        setattr(module, name, value)


def _of_numpy() -> "tuple[Any, ...]":
    module = sys.modules.get("numpy.random")
    names = ("Generator", "RandomState", "BitGenerator")
    return tuple(getattr(module, name) for name in names if hasattr(module, name))


def _seed(one: Any) -> None:
    try:
        if isinstance(one, random.Random):
            one.seed()
            return
        bits = getattr(one, "bit_generator", None) or getattr(one, "_bit_generator", one)
        bits.state = type(bits)().state
    except Exception as error:  # noqa: BLE001 - a class of others that is made or seeded in its own way
        print("could not be seeded anew:", type(one), error, file=sys.stderr)


def _renew_uuid() -> None:
    module = sys.modules.get("uuid")
    if module is not None:
        for name in ("_node", "_last_timestamp", "_last_timestamp_v7"):
            _put(module, name, None)


def _renew_multiprocessing() -> None:
    module = sys.modules.get("multiprocessing.process")
    if module is None:
        return
    kept = getattr(module.current_process(), "_config", {})
    kept["authkey"] = module.AuthenticationString(os.urandom(32))
    kept.pop("tempdir", None)


def _restart_clocks() -> None:
    """What counts from the beginning of the process counts from now."""
    module = sys.modules.get("logging")
    if module is not None:
        whole = isinstance(getattr(module, "_startTime", 0.0), int)
        _put(module, "_startTime", time.time_ns() if whole else time.time())
