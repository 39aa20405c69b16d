"""What a zygote does before it forks: all that a kernel does before it must be itself."""

import gc
import importlib
import os
import sys
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from . import configuring, fitness, plugging, printing, randomness
from .fitness import Unfit

OLDEST = (6, 0)
PADDING = "KERNELYARD_ZYGOTE_PADDING"
BACKEND = ("MPLBACKEND", "module://matplotlib_inline.backend_inline")
SETTINGS = Path(__file__).resolve().parents[1] / "launch" / "ipykernel_settings.py"
TAKEN_UP = Path(__file__).resolve().parents[2] / "model" / "taken_up.py"
CHILDREN = Path(__file__).resolve().parents[1] / "spawner" / "children.py"


class Prepared:
    """A kernel up to where it must be itself."""

    def __init__(self, task: "dict[str, Any]", channel: int) -> None:
        """``task`` is what the spawner has said, ``channel`` the socket along which it came."""
        self.settings: Any = _loaded(SETTINGS)
        self.children: Any = _loaded(CHILDREN)
        self.taken_up: Any = _loaded(TAKEN_UP)
        self.allowed = {0, 1, 2, channel}
        """Descriptors that are ours."""
        self.sources = str(task.get("sources", os.devnull))
        self.environment: dict[str, str] = dict(task.get("env", os.environ))
        """What the process was started with; the interpreter has already changed it when it reads this."""
        self.environment.pop(PADDING, None)
        self.looked_up: set[str] = set()
        """Variables of the environment that a kernel has looked up before it knew which it is to be."""
        self.changes: dict[str, str | None] = {}
        """What the interpreter, ``site``, importing and building have changed of it."""
        self.app: Any = None
        self.shell: Any = None
        self.generators: list[Any] = []
        self.filling: list[bytes] = []
        self.copying: Any = None
        self.config_files: tuple[tuple[str, int, int], ...] = ()
        self.configuration: tuple[str, ...] = ()
        """What those of these files say that are programs."""

    def build(self) -> None:
        """Make application and shell, as far as that leaves no trace outside of the process."""
        sys.argv[0] = self.settings.launcher() or sys.argv[0]
        if not os.environ.get(BACKEND[0]):
            # As the kernel's application does before any code of users runs.
            os.environ[BACKEND[0]] = BACKEND[1]
        import ipykernel._version as version

        if version.version_info[:2] < OLDEST:
            raise Unfit(f"ipykernel {version.__version__} is older than 6.0")
        from ipykernel.ipkernel import IPythonKernel
        from ipykernel.kernelapp import IPKernelApp
        from IPython.core.application import BaseIPythonApplication

        self.settings.prepare()
        told = [*sys.argv[1:], *self.settings.arguments()]
        self.app = app = IPKernelApp.instance()
        application: Any = BaseIPythonApplication
        application.initialize(app, told)
        if app.subapp is not None or not issubclass(app.kernel_class, IPythonKernel):
            raise Unfit("it is not ipykernel's own kernel that is to be started")
        self.config_files = signature(app)
        self.configuration = configuring.settled(self.config_files)
        # Each kernel puts its own here; that there is one tells libraries that they are in a kernel.
        app.config.IPKernelApp.connection_file = ""
        self._build_shell(IPythonKernel)

    def _build_shell(self, kernel: Any) -> None:
        if self.app.kernel_class is not kernel or not isinstance(kernel.shell_class.klass, type):
            raise Unfit("its kernel is of a class that is not ipykernel's own")
        from ipykernel.compiler import XCachingCompiler

        # Older ones have no such trait.
        compiler = getattr(kernel, "compiler_class", None)
        # Its database must not be opened here; a kernel that has a history makes its own.
        history = self.app.config.HistoryManager
        wanted = history.pop("enabled", None)
        history.enabled = False
        self.shell = kernel.shell_class.default_value.instance(
            parent=self.app,
            profile_dir=self.app.profile_dir,
            user_module=None,
            user_ns=self.app.user_ns,
            compiler_class=XCachingCompiler if compiler is None else compiler.default_value,
        )
        del history["enabled"]
        if wanted is not None:
            history.enabled = wanted

    @property
    def history(self) -> bool:
        """Whether kernels are to have IPython's history."""
        wanted = self.app.config.HistoryManager.get("enabled", True)
        return str(wanted).lower() not in ("false", "0")


def signature(app: Any) -> "tuple[tuple[str, int, int], ...]":
    """Return which files there are that configure IPython, and in which state."""
    found = []
    for place in app.config_file_paths:
        for name in {"ipython_config.py", *app.config_files}:
            for file in (name, Path(name).stem + ".json"):
                try:
                    seen = os.stat(os.path.join(place, file))  # noqa: PTH116, PTH118
                except OSError:
                    continue
                found.append((os.path.join(place, file), seen.st_mtime_ns, seen.st_size))  # noqa: PTH118
    return tuple(sorted(found))


def load(prepared: Prepared, learn: "Callable[[Prepared], None]") -> None:
    """Build what kernels have in common, and ``learn`` what they load. Raises Unfit."""
    of = "what Python and ipykernel load at their start"
    with fitness.Temporary() as temporary, randomness.UuidsAside():
        prepared.build()
        learn(prepared)
    temporary.look(of)
    fitness.look(of, prepared.allowed)


def preload(
    prepared: Prepared, names: "list[str]", tell: "Callable[[dict[str, Any]], None]"
) -> None:
    """Import what kernels are to have from the first. Raises Unfit."""
    outlet = printing.Outlet()
    for name in names:
        tell({"state": "booting", "reason": f"it imports {name}"})
        with fitness.Temporary() as temporary, randomness.UuidsAside(), outlet:
            try:
                importlib.import_module(name)
            except ModuleNotFoundError as error:
                missing = f": it needs {error.name}" if error.name not in (None, name) else ""
                raise Unfit(f"there is no module {name} to preload{missing}") from error
            except BaseException as error:
                told = f"{type(error).__name__}: {error}".strip(": ")
                raise Unfit(f"{name} cannot be preloaded: {told[:500]}") from error
        of = f"{name}, which is preloaded,"
        temporary.look(of)
        fitness.look(of, prepared.allowed)


def settle(prepared: Prepared) -> None:
    """Make ready to be forked: nothing that must not be shared, and as much as can be that is. Raises Unfit."""
    gc.collect()
    fitness.look_for_objects()
    fitness.look_for_files("what is loaded before kernels are forked", prepared.allowed)
    before, now = prepared.environment, dict(os.environ)
    names = before.keys() | now.keys()
    prepared.changes = {one: now.get(one) for one in names if before.get(one) != now.get(one)}
    prepared.generators = randomness.generators()
    randomness.look_for_sequences(prepared.generators)
    randomness.forget_of_sqlite()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    gc.collect()
    prepared.filling = plugging.plug()
    gc.freeze()


def _loaded(place: Path) -> Any:
    spec = spec_from_file_location(place.stem, place)
    assert spec is not None and spec.loader is not None  # noqa: PT018, S101 - it is a file of ours
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
