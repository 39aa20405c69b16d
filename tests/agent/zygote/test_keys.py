"""Which kernels are forked from one zygote, and which from none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from kernelyard.agent.zygote.keys import Unfit, Wanted, wanted_for, why_never
from kernelyard.agent.zygote.own_code import own_code
from kernelyard.model.kernels import LaunchOrder
from kernelyard.model.templates import StartWay

FILE = Path("/data/connection-1.json")
ARGV = ["/env/bin/python", "-Xfrozen_modules=off", "-m", "ipykernel_launcher", "-f", str(FILE)]
ENV = {"PATH": "/usr/bin", "HOME": "/home/me", "LANG": "C.UTF-8", "EDITOR": "vi"}
ORDER = LaunchOrder(kernel_id="k1", attempt=1, provider="kernelspec", image="python3")


def wanted(
    order: LaunchOrder = ORDER,
    argv: list[str] | None = None,
    kernel: Mapping[str, str] | None = None,
    image: Mapping[str, str] | None = None,
) -> Wanted:
    image = ENV if image is None else image
    return wanted_for(order, argv or ARGV, FILE, image, {**image, **(kernel or {})})


def test_two_kernels_of_an_image_have_one_zygote() -> None:
    other = replace(ORDER, kernel_id="k2", attempt=7, environment={"A": "1"})
    assert wanted().name == wanted(other, kernel={"A": "1", "KERNELYARD_KERNEL_ID": "k2"}).name


def test_it_is_started_with_the_interpreter_its_flags_and_no_connection_file() -> None:
    found = wanted(argv=[*ARGV, "--debug"])
    assert found.python == ("/env/bin/python", "-Xfrozen_modules=off")
    assert found.arguments == ("--debug",)
    assert str(FILE) not in str(found)


@pytest.mark.parametrize(
    "form", [["--f", str(FILE)], [f"-f={FILE}"], [f"--IPKernelApp.connection_file={FILE}"]]
)
def test_the_connection_file_is_left_out_however_it_is_told(form: list[str]) -> None:
    assert wanted(argv=["python", "-m", "ipykernel", *form]).arguments == ()


@pytest.mark.parametrize(
    ("argv", "why"),
    [
        (["xpython", "-f", str(FILE)], "not started by"),
        (["bash", "-c", f"python -m ipykernel_launcher -f {FILE}"], "not started by"),
        (["python", "-m", "ipykernel_launcher", f"--x={FILE}.log"], "way of its own"),
        (["python", "-m", "ipykernel_launcher", str(FILE)], "way of its own"),
    ],
)
def test_what_is_started_otherwise_is_not_forked(argv: list[str], why: str) -> None:
    with pytest.raises(Unfit, match=why):
        wanted(argv=argv)


@pytest.mark.parametrize(
    "name",
    [
        "PYTHONPATH",
        "PYTHONHASHSEED",
        "LD_PRELOAD",
        "MALLOC_ARENA_MAX",
        "GLIBC_TUNABLES",
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MPLBACKEND",
        "CUDA_VISIBLE_DEVICES",
        "IPYTHONDIR",
        "JUPYTER_CONFIG_DIR",
        "HOME",
        "PATH",
        "LC_ALL",
        "TZ",
        "VIRTUAL_ENV",
        "XDG_CONFIG_HOME",
        "TMPDIR",
        "KERNELYARD_IPYTHON_HISTORY",
        "NPY_DISABLE_CPU_FEATURES",
        "NUMPY_MADVISE_HUGEPAGE",
        "SCIPY_ARRAY_API",
        "PANDAS_COPY_ON_WRITE",
        "QT_API",
        "LOKY_MAX_CPU_COUNT",
        "VECLIB_MAXIMUM_THREADS",
        "COVERAGE_PROCESS_CONFIG",
        "COV_CORE_SOURCE",
        "SETUPTOOLS_USE_DISTUTILS",
    ],
)
def test_what_an_interpreter_takes_up_at_its_start_tells_zygotes_apart(name: str) -> None:
    one, other = wanted(kernel={name: "/1"}), wanted(kernel={name: "/2"})
    assert len({one.name, other.name, wanted().name}) == 3
    assert one.env[name] == "/1"
    assert not one.plain
    assert wanted().plain


@pytest.mark.parametrize(
    "name", ["API_TOKEN", "JUPYTER_TOKEN", "PYTHON_REGISTRY_TOKEN", "TF_SECRET", "DATABASE_URL"]
)
def test_nothing_secret_of_a_kernel_is_in_a_zygote(name: str) -> None:
    found = wanted(kernel={name: "s3cret"})
    assert found.name == wanted().name
    assert "s3cret" not in str(found.env)
    assert found.plain


def test_what_is_unset_for_a_kernel_is_not_in_its_zygote() -> None:
    bare = wanted_for(ORDER, ARGV, FILE, {**ENV, "PYTHONPATH": "/lib"}, ENV)
    assert "PYTHONPATH" not in bare.env
    assert bare.name == wanted().name


def test_one_is_for_whom_the_server_says() -> None:
    mine, yours = replace(ORDER, trust="me"), replace(ORDER, trust="you")
    assert len({wanted(mine).name, wanted(yours).name, wanted().name}) == 3
    names = {wanted(replace(one, preload=("numpy",))).name for one in (ORDER, mine, yours)}
    assert len(names) == 3


def test_lists_of_modules_tell_zygotes_apart() -> None:
    lists = [(), ("numpy",), ("numpy", "pandas"), ("pandas", "numpy")]
    assert len({wanted(replace(ORDER, preload=one)).name for one in lists}) == 4


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PYTHONPATH", "src"),
        ("PYTHONPATH", "/lib:"),
        ("PYTHONPATH", ":/lib"),
        ("PYTHONPATH", "~/lib"),
        ("IPYTHONDIR", "ipython"),
        ("TMPDIR", "."),
        ("JUPYTER_PATH", "/a:b"),
    ],
)
def test_a_path_that_depends_on_the_directory_is_not_taken_up(name: str, value: str) -> None:
    with pytest.raises(Unfit, match=name):
        wanted(kernel={name: value})


def test_paths_that_lead_to_one_place_are_taken_up() -> None:
    for name, value in {"PYTHONPATH": "", "PATH": "/bin:.", "IPYTHONDIR": "~/x"}.items():
        assert wanted(kernel={name: value}).env[name] == value


def test_another_state_of_our_own_files_is_another_zygote() -> None:
    told = own_code()
    assert len(told) == 32
    assert told == own_code()


def test_a_kernel_with_parameters_is_not_forked() -> None:
    with pytest.raises(Unfit, match="parameters"):
        wanted(replace(ORDER, parameters={"password": "x"}))


def test_why_none_is_forked_is_told() -> None:
    assert why_never(ORDER, 4, "linux") == ""
    assert why_never(replace(ORDER, start=StartWay.EXEC), 4, "linux") == "its template says exec"
    assert why_never(ORDER, 0, "linux") == "zygotes are off"
    assert "system" in why_never(ORDER, 4, "darwin")
