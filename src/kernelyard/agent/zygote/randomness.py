"""State that is made at random when a process begins, and must not be equal in two kernels."""

import _random
import ctypes
import gc
import importlib
import itertools
import os
import random
import sys
import tempfile
import threading
import time
from types import ModuleType
from typing import Any

from .fitness import Unfit


def generators() -> "list[Any]":
    """Find the generators of random numbers that imported modules have made.

    The usual ones of Python and numpy are renewed in any case. Slow: done once, before kernels are forked.
    """
    # Those of numpy are seen by no collector, but by what refers to them.
    kinds = (_random.Random, *_of_numpy())
    found = {}
    for one in gc.get_objects():
        if isinstance(one, kinds):
            found[id(one)] = one
        for other in gc.get_referents(one):
            if isinstance(other, kinds):
                found[id(other)] = other
    return [one for one in found.values() if type(one) is not random.SystemRandom]


def renew(known: "list[Any]", *, threads: bool = False) -> None:
    """Begin anew what was random in the process that this one was forked from.

    If it has ``threads`` already, their names go on being counted.
    """
    for one in known:
        _seed(one)
    # The interpreter does so itself, if it was forked by ``os.fork``.
    random.seed()
    if "numpy.random" in sys.modules:
        sys.modules["numpy.random"].seed()
    _renew_torch()
    _renew_uuid()
    _renew_multiprocessing()
    tempfile.tempdir = None
    _put(tempfile, "_name_sequence", None)
    if not threads:
        # Those without a name are counted.
        _put(threading, "_counter", itertools.count(1).__next__)
    _renew_main_thread()
    _restart_clocks()


def _renew_main_thread() -> None:
    """The interpreter knows its id from before the fork."""
    renew = getattr(threading.main_thread(), "_set_native_id", None)
    if renew is not None:
        renew()


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
        if isinstance(one, _random.Random):
            one.seed()
            return
        bits = getattr(one, "bit_generator", None) or getattr(one, "_bit_generator", one)
        fresh = type(bits)()
        if _has_sequence(bits):
            # With it goes what others are spawned from.
            bits.__setstate__((fresh.state, fresh.seed_seq))
        else:
            bits.state = fresh.state
    except Exception as error:  # noqa: BLE001 - a class of others that is made or seeded in its own way
        print("could not be seeded anew:", type(one), error, file=sys.stderr)


def _has_sequence(bits: Any) -> bool:
    """Whether numpy lets the sequence of seeds be replaced from which a generator was seeded."""
    try:
        state = bits.__reduce__()[2]
    except (AttributeError, IndexError, TypeError):
        return False
    return isinstance(state, tuple) and len(state) == 2 and hasattr(bits, "seed_seq")


def look_for_sequences(known: "list[Any]") -> None:
    """Raise Unfit if a module holds a sequence of seeds of numpy's, from which each kernel would draw the same."""
    module = sys.modules.get("numpy.random")
    kind = getattr(module, "SeedSequence", None)
    if kind is None:
        return
    bits = [
        getattr(one, "bit_generator", None) or getattr(one, "_bit_generator", one) for one in known
    ]
    theirs = {id(getattr(one, "seed_seq", getattr(one, "_seed_seq", None))) for one in bits}
    for one in known:
        made = getattr(one, "bit_generator", None)
        if made is not None and not _has_sequence(made):
            raise Unfit(
                "a module has made a generator that this version of numpy cannot begin anew"
            )
    for one in gc.get_objects():
        for other in (one, *gc.get_referents(one)):
            if isinstance(other, kind) and id(other) not in theirs:
                raise Unfit(
                    "a module has made a numpy.random.SeedSequence, which kernels would share"
                )


class UuidsAside:
    """While it is entered, uuids that are made of the time are drawn by threads that end.

    The C library draws the next from what it has kept of the last one, without a look at the process: kernels
    that had this in common would draw thousands of equal ones. It is kept for each thread, and forgotten with it.
    """

    def __init__(self) -> None:
        self._module: Any = importlib.import_module("uuid")
        self._draw: Any = getattr(self._module, "_generate_time_safe", None)

    def __enter__(self) -> "UuidsAside":  # noqa: PYI034 - old interpreters have no Self
        if self._draw is not None:
            _put(self._module, "_generate_time_safe", self._aside)
        return self

    def __exit__(self, *_: object) -> None:
        if self._draw is not None:
            _put(self._module, "_generate_time_safe", self._draw)

    def _aside(self) -> Any:
        drawn: list[Any] = []
        thread = threading.Thread(target=lambda: drawn.append(self._draw()))
        thread.start()
        thread.join()
        return drawn[0]


def forget_of_sqlite() -> None:
    """Let SQLite seed its numbers when a kernel first needs some: it does so once in a process, and
    draws on after a fork.
    """
    module = sys.modules.get("_sqlite3")
    if module is None:
        return
    for place in (getattr(module, "__file__", None), None):
        try:
            ctypes.CDLL(place).sqlite3_randomness(0, None)
        except (OSError, AttributeError):
            continue
        return


def _renew_torch() -> None:
    """The generator of torch is seeded when it is imported."""
    kept = getattr(sys.modules.get("torch"), "default_generator", None)
    if kept is not None:
        kept.seed()


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
