"""What an interpreter, ``site`` and IPython's configuration do before the fork is right in each kernel, or none is forked."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kernelyard.agent.spawner.spawner import NoZygote

from tests.support.forked_kernels import Nest

USES_DRAWN = """{
    "spawned": __import__("sequences").own.spawn(1)[0].random(),
    "entropy": str(__import__("sequences").own.bit_generator.seed_seq.entropy),
    "torch": __import__("torch").default_generator.seeds[-1],
}"""
TORCH = """
import os
class Generator:
    seeds = [0]
    def seed(self):
        self.seeds.append(int.from_bytes(os.urandom(6), "big"))
default_generator = Generator()
"""


def with_path(place: Path, **more: str) -> dict[str, str]:
    """The environment of these tests, with modules of a test."""
    return {**os.environ, "PYTHONPATH": str(place), **more}


def numbers_in(place: Path) -> list[str]:
    """Files of a directory that are named by a number."""
    return [one.name for one in place.iterdir() if one.name.isdigit()]


@pytest.fixture
def ipython(tmp_path: Path) -> Path:
    """Where a user's configuration of IPython is."""
    place = tmp_path / "ipy" / "profile_default"
    place.mkdir(parents=True)
    return place


async def test_what_sitecustomize_leaves_open_makes_it_unfit(nest: Nest, tmp_path: Path) -> None:
    file = tmp_path / "all.log"
    (tmp_path / "sitecustomize.py").write_text(f"import os\nos.kept = open({str(file)!r}, 'w')")
    report = await nest.zygote(env=with_path(tmp_path))
    assert report.state == "unfit"
    assert str(file) in report.reason


async def test_temporary_files_of_a_configuration_make_it_unfit(
    nest: Nest, tmp_path: Path, ipython: Path
) -> None:
    (ipython / "ipython_config.py").write_text("import tempfile\ntempfile.mkdtemp()")
    report = await nest.zygote(env={**os.environ, "IPYTHONDIR": str(tmp_path / "ipy")})
    assert report.state == "unfit"
    assert "temporary files" in report.reason


async def test_what_site_has_set_is_set_in_kernels(nest: Nest, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import os\nos.environ['OF_SITE'] = '1'\nos.environ['OMP_NUM_THREADS'] = '3'\n"
    )
    env = with_path(tmp_path)
    env.pop("OMP_NUM_THREADS", None)
    await nest.zygote(env=env)
    seen = "[__import__('os').environ.get(one) for one in ('OF_SITE', 'OMP_NUM_THREADS')]"
    for number, fork in enumerate((True, False)):
        assert await (await nest.kernel(number, fork=fork, env=env)).value(seen) == ["1", "3"]


async def test_what_python_makes_of_the_language_is_no_hindrance(nest: Nest) -> None:
    env = {name: text for name, text in os.environ.items() if not name.startswith("LC_")}
    env["LANG"] = "C"
    await nest.zygote(env=env)
    seen = "[__import__('os').environ.get(one) for one in ('LANG', 'LC_CTYPE')]"
    values = [
        await (await nest.kernel(number, fork=fork, env=env)).value(seen)
        for number, fork in enumerate((True, False))
    ]
    assert values[0] == values[1]


async def test_the_directory_that_a_wrapper_notes_is_the_kernels_own(
    nest: Nest, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text("import os\nos.environ['PWD'] = os.getcwd()\n")
    env = with_path(tmp_path, PWD="/nowhere")
    await nest.zygote(env=env)
    kernel = await nest.kernel(1, env=env)
    assert await kernel.value("__import__('os').environ['PWD']") == str(kernel.place)


async def test_generators_of_modules_have_other_sequences_in_each_kernel(
    nest: Nest, tmp_path: Path
) -> None:
    (tmp_path / "sequences.py").write_text("import numpy\nown = numpy.random.default_rng()")
    (tmp_path / "torch.py").write_text(TORCH)
    env = with_path(tmp_path)
    ready = await nest.zygote("torch", "sequences", env=env)
    assert ready.state == "ready", ready.reason
    drawn = [await (await nest.kernel(one, env=env)).value(USES_DRAWN) for one in range(2)]
    for name, value in drawn[0].items():
        assert value != drawn[1][name], name


async def test_a_sequence_of_seeds_makes_it_unfit(nest: Nest, tmp_path: Path) -> None:
    (tmp_path / "holds.py").write_text("import numpy\nkept = numpy.random.SeedSequence()")
    report = await nest.zygote("holds", env=with_path(tmp_path))
    assert report.state == "unfit"
    assert "SeedSequence" in report.reason


async def test_user_and_thread_are_those_of_the_kernel(nest: Nest) -> None:
    await nest.zygote()
    kernel = await nest.kernel(1, env={**os.environ, "USER": "of-this-kernel"})
    assert await kernel.value("get_ipython().kernel.session.username") == "of-this-kernel"
    assert await kernel.value("__import__('threading').main_thread().native_id") == kernel.pid


CONFIGURED = "c.InteractiveShellApp.exec_lines = ['found = ' + repr(%s)]"


async def test_a_configuration_that_says_the_same_in_each_kernel_is_forked(
    nest: Nest, tmp_path: Path, ipython: Path
) -> None:
    (ipython / "ipython_config.py").write_text(CONFIGURED % "'same'")
    env = {**os.environ, "IPYTHONDIR": str(tmp_path / "ipy")}
    assert (await nest.zygote(env=env)).state == "ready"
    assert await (await nest.kernel(1, env=env)).value("found") == "same"


@pytest.mark.parametrize(
    "draws",
    [
        "__import__('os').environ['KERNELYARD_KERNEL_ID']",
        "__import__('os').getcwd()",
        "__import__('uuid').uuid4().hex",
    ],
)
async def test_a_configuration_that_says_another_thing_each_time_makes_it_unfit(
    nest: Nest, tmp_path: Path, ipython: Path, draws: str
) -> None:
    (ipython / "ipython_config.py").write_text("import os\n" + CONFIGURED % draws)
    report = await nest.zygote(env={**os.environ, "IPYTHONDIR": str(tmp_path / "ipy")})
    assert report.state == "unfit"
    assert "ipython_config.py" in report.reason


async def test_a_configuration_that_says_another_thing_for_one_kernel_forks_the_others(
    nest: Nest, tmp_path: Path, ipython: Path
) -> None:
    (ipython / "ipython_config.py").write_text(
        "import os\n" + CONFIGURED % "os.environ.get('PROJECT')"
    )
    env = {**os.environ, "IPYTHONDIR": str(tmp_path / "ipy")}
    await nest.zygote(env=env)
    with pytest.raises(NoZygote, match="configuration") as refused:
        await nest.kernel(1, env={**env, "PROJECT": "x"})
    assert not refused.value.blame
    assert await (await nest.kernel(2, env=env)).value("found") is None


async def test_what_a_configuration_loads_is_read_anew(
    nest: Nest, tmp_path: Path, ipython: Path
) -> None:
    (ipython / "ipython_config.py").write_text("load_subconfig('more.py')")
    (ipython / "more.py").write_text(CONFIGURED % "'before'")
    env = {**os.environ, "IPYTHONDIR": str(tmp_path / "ipy")}
    await nest.zygote(env=env)
    (ipython / "more.py").write_text(CONFIGURED % "'after'")
    with pytest.raises(NoZygote, match="configuration"):
        await nest.kernel(1, env=env)


async def test_extensions_of_users_are_loaded_by_kernels_only(nest: Nest, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "import os\n"
        f"def load_ipython_extension(shell):\n    open({str(tmp_path)!r} + '/' + str(os.getpid()), 'w')\n"
    )
    env = with_path(tmp_path)
    await nest.zygote(env=env, options=["--ext=mine"])
    assert numbers_in(tmp_path) == []
    job, file = nest.job(1, env)
    assert job.argv[-1] == str(file)
    kernel = await nest.kernel(2, env=env)
    assert await kernel.value("__import__('os').getpid()") == kernel.pid
    assert numbers_in(tmp_path) == [str(kernel.pid)]


async def test_a_long_directory_for_temporary_files_is_no_hindrance(
    nest: Nest, tmp_path: Path
) -> None:
    place = tmp_path / ("long" * 30)
    place.mkdir()
    report = await nest.zygote(env={**os.environ, "TMPDIR": str(place)})
    assert report.state == "ready", report.reason
