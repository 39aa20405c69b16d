"""How a kernel looks from inside: run by a kernel, which prints nothing and returns what JSON can say.

Two kernels of one environment look the same, but for what is each one's own: that is left out here, or
made the same by ``same``.
"""

from __future__ import annotations

import asyncio
import atexit
import builtins
import contextvars
import ctypes
import decimal
import faulthandler
import gc
import json
import locale
import logging
import multiprocessing
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

STATUS = (
    *("Umask", "Uid", "Gid", "Groups", "SigBlk", "SigIgn", "SigCgt", "NoNewPrivs", "Seccomp"),
    *("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "Cpus_allowed", "Mems_allowed", "Name"),
)
OF_ZMQ = ("anon_inode:[eventfd]", "anon_inode:[eventpoll]", "socket")
"""How many there are of these depends on which thread was the first to say something."""


def looks() -> Any:
    """Everything, by name."""
    parts = (_interpreter, _process, _descriptors, _environment, _libraries, _threads, _ipython)
    found: dict[str, Any] = {}
    for part in parts:
        found |= part()
    return json.loads(json.dumps(found, default=repr))


def same(told: str, **own: object) -> str:
    """Text in which a kernel's own ids, and addresses, are replaced by their names."""
    for name, value in own.items():
        told = told.replace(str(value), name)
    return re.sub(r"0x[0-9a-f]+|daemon \d+|ipykernel_\w+/\d+", "*", told)


def _interpreter() -> dict[str, Any]:
    plain = (int, str, tuple, bool, float, type(None))
    attributes = {name: getattr(sys, name) for name in dir(sys)}
    return {
        "sys": {
            name: repr(value) if isinstance(value, plain) else type(value).__name__
            for name, value in attributes.items()
        },
        "argv": [sys.argv, sys.orig_argv],
        "path": sys.path,
        "path_hooks": [_name(one) for one in sys.path_hooks],
        "meta_path": [_name(one) for one in sys.meta_path],
        "importers": sorted(one for one in sys.path_importer_cache if "kernelyard" not in one),
        "modules": sorted(sys.modules),
        "of_kernelyard": [name for name in sys.modules if "kernelyard" in name],
        "main": sorted(sys.modules["__main__"].__dict__),
        "main_is_users": sys.modules["__main__"].__dict__ is _shell().user_ns,
        "hidden": sorted(_shell().user_ns_hidden),
        "builtins": sorted(dir(builtins)),
        "limits": [sys.getrecursionlimit(), sys.getswitchinterval(), sys.getdlopenflags()],
        "bytecode": [sys.dont_write_bytecode, sys.pycache_prefix],
        "hooks": [_name(getattr(sys, one)) for one in ("excepthook", "displayhook")]
        + [_name(getattr(sys, one)) for one in ("unraisablehook", "breakpointhook")],
        "traces": [repr(one()) for one in (sys.gettrace, sys.getprofile)],
        "streams": [_stream(getattr(sys, name)) for name in dir(sys) if name.strip("_") in STREAMS],
        "stdin_is_empty": [os.read(0, 1).hex(), sys.stdin.read()],
        "collector": [gc.isenabled(), gc.get_threshold(), gc.get_debug(), len(gc.callbacks)],
        "warnings": [repr(one) for one in warnings.filters] + [_name(warnings.showwarning)],
        "warned": sorted(n for n, m in _modules() if getattr(m, "__warningregistry__", None)),
        "exit": atexit._ncallbacks(),
        "faulthandler": faulthandler.is_enabled(),
    }


STREAMS = ("stdin", "stdout", "stderr")


def _process() -> dict[str, Any]:
    umask = os.umask(0o22)
    os.umask(umask)
    death = ctypes.c_int()
    ctypes.CDLL(None).prctl(2, ctypes.byref(death))
    lines = [line.split(":", 1) for line in _read("/proc/self/status").splitlines()]
    kinds = (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)
    return {
        "status": {name: value.strip() for name, value in lines if name in STATUS},
        "umask": umask,
        "cwd": str(Path.cwd()),
        "leads": [os.getsid(0) == os.getpid(), os.getpgid(0) == os.getpid()],
        "terminal": _read("/proc/self/stat").rpartition(")")[2].split()[4:6],
        "resources": _read("/proc/self/limits"),
        "out_of_memory": [_read("/proc/self/oom_score_adj"), _read("/proc/self/coredump_filter")],
        "priority": [os.sched_getscheduler(0), os.getpriority(os.PRIO_PROCESS, 0)],
        "processors": sorted(os.sched_getaffinity(0)),
        "death_of_parent": death.value,
        "timers": [signal.getitimer(kind) for kind in kinds],
        "name": _read("/proc/self/comm"),
        "program": str(Path("/proc/self/exe").readlink()),
        "command": _read("/proc/self/cmdline"),
        "parent": _read(f"/proc/{os.getppid()}/cmdline"),
        "namespaces": sorted(str(one.readlink()) for one in Path("/proc/self/ns").iterdir()),
        "groups": [
            one for one in _read("/proc/self/cgroup").splitlines() if "kernelyard" not in one
        ],
        "handlers": {one.name: _name(signal.getsignal(one)) for one in signal.Signals},
        "blocked": sorted(map(str, signal.pthread_sigmask(signal.SIG_BLOCK, []))),
    }


def _descriptors() -> dict[str, Any]:
    found: list[tuple[str, str]] = []
    for one in sorted(Path("/proc/self/fd").iterdir(), key=lambda path: int(path.name)):
        try:
            place = str(one.readlink())
            flags = _read(f"/proc/self/fdinfo/{one.name}").split("flags:")[1].split()[0]
        except OSError:
            continue
        found.append((re.sub(r":\[\d+\]", "", place), flags))
    return {
        "standard": found[:3],
        "files": sorted(one for one in found[3:] if one[0] not in OF_ZMQ),
        "kinds": sorted({one for one in found[3:] if one[0] in OF_ZMQ}),
        "inherited": [os.get_inheritable(one) for one in range(3)],
    }


def _environment() -> dict[str, Any]:
    told = subprocess.run(["env"], capture_output=True, text=True, check=True).stdout
    return {
        "environment": dict(os.environ),
        "environment_of_children": sorted(told.splitlines()),
        "environment_seen": sorted(_read("/proc/self/environ").split("\0")),
        "locale": [
            locale.setlocale(getattr(locale, n)) for n in dir(locale) if n.startswith("LC_")
        ],
        "encodings": [sys.getfilesystemencoding(), locale.getpreferredencoding()],
        "time": [time.tzname, time.timezone],
        "temporary": tempfile.gettempdir(),
    }


def _libraries() -> dict[str, Any]:
    own = multiprocessing.current_process()
    loggers = logging.root.manager.loggerDict.items()
    known = [(name, one) for name, one in loggers if isinstance(one, logging.Logger)]
    return {
        "logging": {name: _logger(one) for name, one in [("", logging.root), *known]},
        "asyncio": [type(asyncio.get_event_loop_policy()).__name__, type(_loop()).__name__],
        "loop": [_loop().get_debug(), _name(_loop().get_exception_handler())],
        "tasks": sorted(str(_name(one.get_coro())) for one in asyncio.all_tasks(_loop())),
        "multiprocessing": [
            *(multiprocessing.get_start_method(allow_none=True), own.name, own.pid == os.getpid()),
            *(multiprocessing.active_children(), multiprocessing.parent_process()),
        ],
        "sockets": [socket.getdefaulttimeout(), socket.gethostname()],
        "decimal": repr(decimal.getcontext()),
        "context": sorted(one.name for one in contextvars.copy_context()),
    }


def _threads() -> dict[str, Any]:
    main = threading.main_thread()
    return {
        "threads": [(one.name, one.daemon, type(one).__name__) for one in threading.enumerate()],
        "thread_ids": [main.native_id == os.getpid(), threading.current_thread() is main],
        "stack": threading.stack_size(),
        "thread_hooks": [_name(threading.excepthook), repr(threading.gettrace())],
    }


def _ipython() -> dict[str, Any]:
    shell = _shell()
    kernel, application = shell.kernel, shell.kernel.parent
    objects = {"shell": shell, "kernel": kernel, "application": application}
    objects |= {"history": shell.history_manager, "session": application.session}
    found: dict[str, Any] = {}
    for name, one in objects.items():
        found[f"{name}_attributes"] = {k: type(v).__name__ for k, v in sorted(vars(one).items())}
        found[f"{name}_traits"] = {
            trait: _trait(getattr(one, trait))
            for trait in sorted(one.trait_names())
            if trait not in OWN_TRAITS
        }
    formatters = shell.display_formatter.formatters
    return found | {
        "config": sorted(map(repr, application.config.items())),
        "command_line": sorted(map(repr, application.cli_config.items())),
        "belong": [
            *(shell.parent is kernel, kernel.shell is shell, application.kernel is kernel),
            *(application.shell is shell, type(application).instance() is application),
        ],
        "configurables": [type(one).__name__ for one in shell.configurables],
        "events": {k: [_name(one) for one in v] for k, v in shell.events.callbacks.items()},
        "magics": {k: sorted(v) for k, v in shell.magics_manager.magics.items()},
        "extensions": sorted(shell.extension_manager.loaded),
        "printers": {k: sorted(map(str, one.type_printers)) for k, one in formatters.items()},
        "deferred": {k: sorted(map(str, one.deferred_printers)) for k, one in formatters.items()},
        "comms": sorted(kernel.comm_manager.targets),
        "directories": shell.user_ns["_dh"],
    }


OWN_TRAITS = {
    *("ident", "session", "bsession", "digest_history", "key", "auth", "config", "cli_config"),
    # How many sockets it has is a matter of which thread was first.
    *("context", "last_execution_result", "last_execution_succeeded", "log"),
}


def _shell() -> Any:
    return get_ipython()  # type: ignore[name-defined]  # noqa: F821 - kernels have it


def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.get_event_loop()


def _modules() -> Iterable[tuple[str, Any]]:
    return list(sys.modules.items())


def _name(one: Any) -> str:
    return str(getattr(one, "__qualname__", None) or repr(one))


def _trait(value: Any) -> str:
    return repr(value)[:300]


def _stream(one: Any) -> list[Any]:
    names = ("encoding", "errors", "name", "line_buffering", "write_through")
    return [type(one).__name__, *(getattr(one, name, None) for name in names)]


def _logger(one: logging.Logger) -> list[Any]:
    handlers = [(type(own).__name__, own.level) for own in one.handlers]
    return [one.level, handlers, one.propagate, one.disabled]


def _read(place: str) -> str:
    return Path(place).read_text(errors="surrogateescape")
