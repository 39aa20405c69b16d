"""Two kernels of one zygote have in common what was imported, and nothing else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.forked_kernels import Nest

pytestmark = pytest.mark.parametrize("nest", [False, True], ids=["asked", "ahead"], indirect=True)

RANDOM = """{
    "random": __import__("random").random(),
    "numpy": __import__("numpy").random.random(),
    "module": __import__("draws").own.random(),
    "module_numpy": __import__("draws").other.random(),
    "hidden": __import__("draws").Holder().one.random(),
    "uuid1": str(__import__("uuid").uuid1()),
    "uuid4": str(__import__("uuid").uuid4()),
    "temporary": __import__("tempfile").mktemp(),
    "authkey": __import__("multiprocessing").current_process().authkey.hex(),
    "session": get_ipython().kernel.session.session,
    "ident": get_ipython().kernel.ident,
    "comm": __import__("comm").create_comm(target_name="x").comm_id,
}"""
DRAWS = """
import random, numpy
own = random.Random()
other = numpy.random.default_rng()
class Holder:
    one = numpy.random.RandomState()
numpy.random.random()
random.random()
"""


async def test_two_kernels_draw_other_numbers_and_names(nest: Nest, tmp_path: Path) -> None:
    (tmp_path / "draws.py").write_text(DRAWS)
    env = {**os.environ, "PYTHONPATH": str(tmp_path)}
    ready = await nest.zygote("numpy", "draws", "uuid", "multiprocessing", env=env)
    assert ready.state == "ready", ready.reason
    drawn = [await (await nest.kernel(one, env=env)).value(RANDOM) for one in range(2)]
    for name, value in drawn[0].items():
        assert value != drawn[1][name], name


async def test_nothing_of_one_kernel_is_in_another(nest: Nest) -> None:
    await nest.zygote()
    first, second = await nest.kernel(1), await nest.kernel(2)
    await first.run(
        "import os, colorsys, json; secret = 1; json.mine = 1; os.environ['MINE'] = '1'"
    )
    seen = await second.value(
        "['secret' in globals(), hasattr(_j, 'mine'), 'MINE' in __import__('os').environ,"
        " 'colorsys' in __import__('sys').modules, __import__('os').getcwd()]"
    )
    assert seen == [False, False, False, False, str(second.place)]


async def test_blas_works_in_each_kernel_and_has_as_many_threads(nest: Nest) -> None:
    await nest.zygote("numpy")
    threads = []
    for number, fork in enumerate((True, True, False)):
        kernel = await nest.kernel(number, fork=fork)
        seen = await kernel.value(
            "[float((__import__('numpy').ones((600, 600)) @ __import__('numpy').ones((600, 600))).sum()),"
            " len(__import__('os').listdir('/proc/self/task'))]"
        )
        assert seen[0] == 600.0**3
        threads.append(seen[1])
    assert len(set(threads)) == 1


async def test_history_is_off_and_begins_in_the_kernel_where_it_is_wanted(
    nest: Nest, tmp_path: Path
) -> None:
    wanted = {**os.environ, "KERNELYARD_IPYTHON_HISTORY": "1", "IPYTHONDIR": str(tmp_path / "ipy")}
    await nest.zygote()
    await nest.zygote(name="with", env=wanted)
    without = await nest.kernel(1)
    kept = await nest.kernel(2, zygote="with", env=wanted)
    enabled = (
        "[get_ipython().history_manager.enabled, get_ipython().history_manager.db is not None]"
    )
    assert (await without.value(enabled))[0] is False
    assert await kept.value(enabled) == [True, True]
    opened = await kept.value(
        "[__import__('os').readlink('/proc/self/fd/' + one) for one in __import__('os').listdir('/proc/self/fd')"
        " if __import__('os').path.exists('/proc/self/fd/' + one)]"
    )
    assert str(tmp_path / "ipy" / "profile_default" / "history.sqlite") in opened
    assert await kept.value("In[1]") == "1"


async def test_startup_files_of_the_profile_run_in_each_kernel(nest: Nest, tmp_path: Path) -> None:
    startup = tmp_path / "ipy" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "a.py").write_text("import os; started = os.getpid()")
    env = {**os.environ, "IPYTHONDIR": str(tmp_path / "ipy")}
    await nest.zygote(env=env)
    for number in range(2):
        kernel = await nest.kernel(number, env=env)
        assert await kernel.value("started") == kernel.pid


async def test_a_kernel_is_configured_by_a_message(nest: Nest, tmp_path: Path) -> None:
    await nest.zygote()
    for number, fork in enumerate((True, False)):
        kernel = await nest.kernel(number, fork=fork)
        content = {"environment": {"ONE": "1", "HOME": None}, "cwd": str(tmp_path)}
        assert (await kernel.control("kernelyard_configure_request", content)).content == {
            "status": "ok"
        }
        seen = "[__import__('os').environ.get(one) for one in ('ONE', 'HOME')] + [__import__('os').getcwd()]"
        assert await kernel.value(seen) == ["1", None, str(tmp_path)]
        wrong = await kernel.control("kernelyard_configure_request", {"cwd": str(tmp_path / "no")})
        assert wrong.content["status"] == "error"
        bad = {"environment": {"A=B": "1", "ONE": "2"}}
        wrong = await kernel.control("kernelyard_configure_request", bad)
        assert wrong.content["status"] == "error"
        assert await kernel.value("__import__('os').environ['ONE']") == "1"
