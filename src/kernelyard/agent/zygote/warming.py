"""Doing once, before kernels are forked, what each of them would do for the first time when it runs its first code.

Regular expressions are compiled, classes find out their defaults, the interpreter learns what its functions are called
with. Only what leaves nothing behind that code of users could find is done: texts are looked at, and what is made
for it is thrown away.
"""

import contextlib
import copy
from typing import Any

_CELLS = (
    "6 * 7\n",
    "import os\nfor one in range(3):\n    print(one, 'a')\n",
    "%time 1\n",
    "!true\n",
    'text = """two\nlines"""\nos?\n',
)
_VALUES = (42, 4.2, "text", [1], {"a": 1}, None)
_LATE = ("formatters", "ipython_display_formatter", "mimebundle_formatter")
"""What IPython makes when the first value is shown."""
_TIMES = 12
"""From so many calls on the interpreter has made its way through a function short."""


def warm(prepared: Any) -> None:
    """Do it; what cannot be done is done by kernels themselves."""
    for one in (_read_cells, _show, _write_messages):
        with contextlib.suppress(Exception):
            one(prepared.shell)


def _read_cells(shell: Any) -> None:
    import ast
    import fnmatch

    for pattern in ("*.py", "*.ipy"):
        # Of start files.
        fnmatch.filter((), pattern)

    for _ in range(_TIMES):
        for cell in _CELLS:
            python = shell.transform_cell(cell)
            shell.should_run_async(cell, transformed_cell=python)
            ast.parse(python)


def _show(shell: Any) -> None:
    """Have made by which values are shown, for whoever shows one before he configures that in another way."""
    shown = shell.display_formatter
    made = shown._trait_values  # noqa: SLF001 - nothing else forgets a value
    if any(name in made for name in _LATE):
        return
    for _ in range(_TIMES):
        for value in _VALUES:
            shown.format(value)
    ready = {name: made.pop(name) for name in _LATE if name in made}
    for name, value in ready.items():
        _offer(shown, name, value)


def _offer(shown: Any, name: str, value: Any) -> None:
    """Let this be what is made when a kernel needs it, if its configuration is still what it was."""
    then = copy.deepcopy(_of_shell(shown.config))
    method = f"_{name}_default"

    def default(self: Any) -> Any:
        del self.__dict__[method]
        if _of_shell(self.config) == then:
            return value
        return self.trait_defaults(name)

    shown.__dict__[method] = default


def _of_shell(config: Any) -> "dict[str, Any]":
    """The configuration but for what says which kernel it is."""
    return {name: config[name] for name in config if name != "IPKernelApp"}


def _write_messages(_: Any) -> None:
    from jupyter_client.session import Session

    session = Session(key=b"of nobody")
    content = {"code": "6 * 7", "silent": False, "user_expressions": {}}
    for _ in range(_TIMES):
        parts = session.serialize(session.msg("execute_request", content))
        _, rest = session.feed_identities(parts)
        session.deserialize(rest)
        session.digest_history.clear()
