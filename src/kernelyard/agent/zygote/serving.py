"""The life of a zygote, and of the kernels that come of it."""

import gc
import os
import sys
import time
import traceback

from . import ahead, becoming, booting, fitness, forking, learning, looks, telling, warming
from .channel import channel_of_stdin, read_frame, say

PADDED = "--kernelyard-padding="

OURS = ("gc", "resource")
"""What we have loaded, and a kernel that is run has not; it loads them again if it needs them."""


def live() -> bool:
    """Be a zygote; then return False, and True when a kernel has come of it that is over."""
    begin = time.monotonic()
    channel = channel_of_stdin()
    task = read_frame(channel)
    if task is None:
        return False
    os.environ.pop(booting.PADDING, None)
    looks.forget_initial_environment()
    sys.argv[1:] = [one for one in sys.argv[1:] if not one.startswith(PADDED)]
    try:
        prepared = booting.Prepared(task, channel.fileno())
        for name in OURS:
            sys.modules.pop(name, None)
        booting.load(prepared, learning.learn)
        booting.preload(prepared, task["preload"], lambda said: say(channel, said))
        telling.tell(task.get("sources", os.devnull), prepared.app)
        warming.warm(prepared)
        _forget_ourselves()
        booting.settle(prepared)
        prepared.copying = learning.learn_pages(prepared)
    except fitness.Unfit as unfit:
        say(channel, {"state": "unfit", "reason": str(unfit)})
        return False
    except SystemExit as error:
        say(channel, {"state": "unfit", "reason": f"ipykernel ended itself: {error.code}"})
        return False
    except Exception as error:  # noqa: BLE001 - the agent is told, and starts kernels in the other way
        say(channel, {"state": "unfit", "reason": f"{type(error).__name__}: {error}"[:500]})
        traceback.print_exc()
        sys.stderr.flush()
        return False
    if not looks.show_line([sys.executable, *sys.argv]):
        say(channel, {"state": "unfit", "reason": "the table of processes cannot be written to"})
        return False
    taken = round((time.monotonic() - begin) * 1000)
    say(channel, {"state": "ready", "modules": len(sys.modules), "booted_ms": taken})
    child = forking.serve(channel)
    if child is None:
        return False
    cord, log = child
    job = becoming.begin(cord, log)
    if "sockets" in job:
        ahead.live(cord, job, prepared)
    else:
        becoming.start(prepared, becoming.become(cord, job, prepared))
    return True


def _forget_ourselves() -> None:
    """Leave no trace of these files among the modules that kernels see."""
    package = __name__.rpartition(".")[0]
    for name in list(sys.modules):
        if name == package or name.startswith(package + "."):
            del sys.modules[name]
    here = os.path.dirname(os.path.realpath(__file__))  # noqa: PTH120 - as the interpreter has it
    for place in list(sys.path_importer_cache):
        if os.path.realpath(place).startswith(here):
            del sys.path_importer_cache[place]
    gc.collect()
