"""Doing once, before kernels are forked, what each of them would do for the first time when it runs its first code.

Regular expressions are compiled, classes find out their defaults, the interpreter learns what its functions are called
with. Only what leaves nothing behind that code of users could find is done: texts are looked at, and what is made
for it is thrown away.
"""

import contextlib
from typing import Any

_CELLS = (
    "6 * 7\n",
    "import os\nfor one in range(3):\n    print(one, 'a')\n",
    "%time 1\n",
    "!true\n",
    'text = """two\nlines"""\nos?\n',
)
_TIMES = 12
"""From so many calls on the interpreter has made its way through a function short."""


def warm(prepared: Any) -> None:
    """Do it; what cannot be done is done by kernels themselves."""
    for one in (_read_cells, _show, _write_messages):
        with contextlib.suppress(Exception):
            one(prepared.shell)


def _read_cells(shell: Any) -> None:
    import ast

    for _ in range(_TIMES):
        for cell in _CELLS:
            python = shell.transform_cell(cell)
            shell.should_run_async(cell, transformed_cell=python)
            ast.parse(python)


def _show(shell: Any) -> None:
    # Not those of the shell: they are made when they are needed, by what is configured then.
    formatter = type(shell.display_formatter)(parent=shell)
    for _ in range(_TIMES):
        for value in (42, "text", [1], None):
            formatter.format(value)


def _write_messages(_: Any) -> None:
    from jupyter_client.session import Session

    session = Session(key=b"of nobody")
    content = {"code": "6 * 7", "silent": False, "user_expressions": {}}
    for _ in range(_TIMES):
        parts = session.serialize(session.msg("execute_request", content))
        _, rest = session.feed_identities(parts)
        session.deserialize(rest)
        session.digest_history.clear()
