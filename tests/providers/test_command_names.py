"""What a command line names: the program and what it runs, and none of the other arguments."""

from __future__ import annotations

import pytest

from kernelyard.providers.command_names import names_in


@pytest.mark.parametrize(
    ("command", "named"),
    [
        ("python -m bash_kernel -f {x}", {"bash_kernel"}),
        ("/usr/bin/python3.11 -X dev -W ignore -m a.b -f {x}", {"a.b", "a", "python3.11"}),
        ("python -Xfrozen_modules=off /usr/lib/my_kernel.py {x}", {"my_kernel", "my_kernel.py"}),
        ("R --slave -e IRkernel::main() --args {x}", {"IRkernel::main()", "R"}),
        ("/usr/lib/deno jupyter --kernel --conn {x}", {"deno", "jupyter"}),
        ("node /lib/tslab kernel --config-path {x}", {"tslab"}),
        ("julia -i --color=yes /usr/lib/kernel.jl {x}", {"kernel.jl"}),
        ("java -Xmx2g -jar /usr/lib/ijava.jar {x}", {"ijava.jar"}),
        ("strange --flag /usr/lib/kernel.py {x}", {"strange", "kernel"}),
        ("sage --python -m sage.repl.ipython_kernel", {"sage", "sage.repl.ipython_kernel"}),
        ("xpython.exe -f {x}", {"xpython"}),
        ("/usr/bin/env LANG=C python3 -m a", {"env", "python3", "a"}),
        ("conda run --no-capture-output -n e python -m ipykernel", {"ipykernel"}),
        ("uv run --with ipykernel -m my_kernel", {"my_kernel"}),
        ("nice -n 5 xpython -f {x}", {"xpython"}),
        ("python -m nb_conda_kernels.runner /conda /conda/envs/x xcpp -f {x}", {"xcpp"}),
    ],
)
def test_programs_modules_and_scripts_are_named(command: str, named: set[str]) -> None:
    assert named <= names_in(command.split())


@pytest.mark.parametrize(
    "command",
    [
        "python -m my_kernel --mode xr",
        "python my_kernel.py xr -m xr",
        "my_kernel xr",
        "my_kernel --mode xr -m xr",
        "xcpp -f {x} xr",
        "R -e main() xr --args xr",
        "conda run -n xr my_kernel --mode xr",
        "env -u xr my_kernel",
        "python -X xr -m my_kernel",
    ],
)
def test_other_arguments_are_not(command: str) -> None:
    assert "xr" not in names_in(command.split())


@pytest.mark.parametrize(
    "argv", [[], [""], ["python"], ["python", "-m"], ["env", "-u"], ["R", "-e"]]
)
def test_a_command_that_names_nothing_more_is_no_error(argv: list[str]) -> None:
    assert names_in(argv) == set(argv[:1]) - {""}
