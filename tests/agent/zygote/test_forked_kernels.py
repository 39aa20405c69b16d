"""Kernels that are forked: which are, what they share, and what becomes of it when something goes wrong."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kernelyard.model.records import RecordKind
from kernelyard.wire import link

from tests.support.agent_process import AgentProcess, last_body, of_kind, wait_until
from tests.support.environments import SITE, a_virtualenv
from tests.support.zygotes import is_alive, is_forked, said, warmed_up, zygote_of, zygotes

BOOT_SECONDS = "15"
"""More than a slow machine needs, and not too long to wait for one that never ends."""
MARK = "import os\nPID = os.getpid()\nSEEN = []\n"


@pytest.fixture
def jupyter(tmp_path: Path) -> Path:
    """Where an environment's kernelspec and modules for tests lie."""
    env = a_virtualenv(tmp_path / "env")
    directory = tmp_path / "jupyter" / "kernels" / "env"
    directory.mkdir(parents=True)
    spec = {
        "argv": [str(env / "bin/python"), "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": "env",
        "language": "python",
    }
    (directory / "kernel.json").write_text(json.dumps(spec))
    modules = env / SITE
    (modules / "yardmark.py").write_text(MARK)
    (modules / "yardthread.py").write_text(
        "import threading, time\nthreading.Thread(target=time.sleep, args=(600,), daemon=True).start()"
    )
    (modules / "yardendless.py").write_text("import time\ntime.sleep(600)")
    (modules / "yardraises.py").write_text("raise ValueError('not in the mood')")
    return tmp_path / "jupyter"


@pytest.fixture
async def agent(tmp_path: Path, jupyter: Path) -> AsyncIterator[AgentProcess]:
    """A real agent that forks kernels."""
    process = AgentProcess(
        tmp_path / "data",
        "--zygote-boot-seconds",
        BOOT_SECONDS,
        env={"JUPYTER_PATH": str(jupyter), "IPYTHONDIR": str(tmp_path / "ipython")},
        zygotes=4,
    )
    try:
        await process.start()
        yield process
    finally:
        await process.clean_up()


def read(place: str) -> bytes:
    return Path(place).read_bytes()


async def started(agent: AgentProcess, image: str = "env", **order: object) -> str:
    """A kernel that is ready."""
    kernel = await agent.launch(image, **order)
    await agent.records(kernel, until=of_kind(RecordKind.KERNEL_READY))
    return kernel


async def why_executed(agent: AgentProcess, image: str = "env") -> str:
    """Why kernels of an image are not forked, as the list of images says."""
    reply = await agent.ask(link.Images())
    assert isinstance(reply, link.ImageList)
    (found,) = (one for one in reply.images if one.reference == f"kernelspec/{image}")
    return found.start_reason


async def test_kernels_of_the_agents_own_python_are_forked_from_the_first_on(
    agent: AgentProcess,
) -> None:
    await zygote_of(agent, "python3")
    kernel = await started(agent, "python3", environment={"MINE": "yes"})
    assert is_forked(agent, kernel)
    assert await said(agent, kernel, "import os; print(os.environ['MINE'])") == "yes"
    assert await why_executed(agent, "python3") == ""
    assert (await zygotes(agent)).forked == 1


async def test_kernels_of_one_zygote_have_nothing_of_each_other(agent: AgentProcess) -> None:
    await warmed_up(agent, "env")
    one = await started(agent, environment={"SECRET": "s3cret-of-one", "NAME": "one"})
    other = await started(agent, environment={"NAME": "other"})
    assert is_forked(agent, one)
    assert is_forked(agent, other)
    look = """
import os, random, uuid, tempfile
print(os.environ['NAME'], os.environ.get('SECRET'), os.environ['KERNELYARD_KERNEL_ID'])
print(random.random(), uuid.uuid4(), tempfile.mkdtemp(), sep='\\n')
"""
    first, second = [(await said(agent, kernel, look)).splitlines() for kernel in (one, other)]
    assert first[0] == f"one s3cret-of-one {one}"
    assert second[0] == f"other None {other}"
    assert not {*first[1:]} & {*second[1:]}
    zygote = (await zygote_of(agent, "env")).pid
    told = [read(f"/proc/{zygote}/{name}") for name in ("environ", "cmdline")]
    assert not [text for text in told if b"s3cret" in text]


async def test_variables_that_are_read_when_they_are_needed_need_no_zygote_of_their_own(
    agent: AgentProcess,
) -> None:
    zygote = await zygote_of(agent, "python3")
    for name in ("JUPYTER_TOKEN", "XDG_RUNTIME_DIR", "PYTHON_REGISTRY_PASSWORD", "MINE"):
        kernel = await started(agent, "python3", environment={name: "of its own"})
        assert is_forked(agent, kernel)
        code = f"import os; print(os.environ[{name!r}])"
        assert await said(agent, kernel, code) == "of its own"
    assert (await zygote_of(agent, "python3")).pid == zygote.pid


async def test_a_module_that_a_user_preloads_is_that_users(agent: AgentProcess) -> None:
    mark = "import yardmark; print(yardmark.PID); yardmark.SEEN.append(1); print(yardmark.SEEN)"
    found: dict[str, set[str]] = {}
    for user in ("ada", "bob"):
        await warmed_up(agent, "env", preload=("yardmark",), trust=user)
        for _ in range(2):
            kernel = await started(agent, preload=("yardmark",), trust=user)
            assert is_forked(agent, kernel)
            pid, seen = (await said(agent, kernel, mark)).splitlines()
            assert seen == "[1]"
            found.setdefault(user, set()).add(pid)
    assert len(found["ada"]) == len(found["bob"]) == 1
    assert found["ada"] != found["bob"]
    plain = await started(agent)
    code = "import os, yardmark; print(yardmark.PID == os.getpid())"
    assert await said(agent, plain, code) == "True"


@pytest.mark.parametrize(
    ("module", "why"),
    [
        ("yardmissing", "yardmissing"),
        ("yardthread", "thread"),
        ("yardendless", f"{BOOT_SECONDS} s"),
        ("yardraises", "not in the mood"),
    ],
)
async def test_what_cannot_be_preloaded_costs_no_kernel_and_is_told(
    agent: AgentProcess, module: str, why: str
) -> None:
    kernel = await started(agent, preload=(module,))
    assert not is_forked(agent, kernel)
    unfit = await zygote_of(agent, "env", preload=(module,), state="unfit")
    assert why in unfit.reason
    assert why in await why_executed(agent)
    again = await started(agent, preload=(module,))
    assert not is_forked(agent, again)
    left = await zygotes(agent)
    assert [one.failures for one in left.zygotes if one.preload == [module]] == [1]


async def test_an_environment_that_is_deleted_is_not_forked_from(
    agent: AgentProcess, tmp_path: Path
) -> None:
    await warmed_up(agent, "env")
    shutil.rmtree(tmp_path / "env")
    kernel = await agent.launch("env")
    assert "env/bin/python" in str(last_body(await agent.records(kernel))["reason"])


async def test_a_package_that_is_installed_is_seen_by_the_next_kernel(
    agent: AgentProcess, tmp_path: Path
) -> None:
    zygote = await warmed_up(agent, "env")
    (tmp_path / "env" / SITE / "fresh.py").write_text("WORD = 'fresh'")
    kernel = await started(agent)
    assert await said(agent, kernel, "import fresh; print(fresh.WORD)") == "fresh"
    await zygote_of(agent, "env", but=zygote.pid)
    kernel = await started(agent)
    assert is_forked(agent, kernel)
    assert await said(agent, kernel, "import fresh; print(fresh.WORD)") == "fresh"
    assert not is_alive(zygote.pid)


async def test_a_preloaded_module_that_is_edited_is_read_anew(
    agent: AgentProcess, tmp_path: Path
) -> None:
    module = tmp_path / "mine" / "yardedited.py"
    module.parent.mkdir()
    module.write_text("WORD = 'old'")
    where = {"PYTHONPATH": str(module.parent)}
    for _ in range(2):
        await started(agent, preload=("yardedited",), environment=where)
    zygote = await zygote_of(agent, "env", preload=("yardedited",))
    module.write_text("WORD = 'edited'")
    for _ in range(2):
        kernel = await started(agent, preload=("yardedited",), environment=where)
        code = "import yardedited; print(yardedited.WORD)"
        assert await said(agent, kernel, code) == "edited"
        await zygote_of(agent, "env", preload=("yardedited",), but=zygote.pid)
    assert is_forked(agent, kernel)


async def test_a_zygote_that_is_killed_in_the_middle_of_a_fork_costs_no_kernel(
    agent: AgentProcess,
) -> None:
    zygote = await warmed_up(agent, "env")
    assert zygote.pid is not None
    os.kill(zygote.pid, signal.SIGSTOP)
    kernel = await agent.launch("env")
    await wait_until(lambda: (agent.folder(kernel) / "connection-1.json").exists())
    os.kill(zygote.pid, signal.SIGKILL)
    await agent.records(kernel, until=of_kind(RecordKind.KERNEL_READY))
    assert not is_forked(agent, kernel)
    assert await said(agent, kernel, "print(6 * 7)") == "42"
    await zygote_of(agent, "env", but=zygote.pid)
    assert is_forked(agent, await started(agent))


async def test_a_zygote_that_stands_still_leaves_a_kernel_all_the_time_that_is_left(
    agent: AgentProcess,
) -> None:
    zygote = await warmed_up(agent, "env")
    assert zygote.pid is not None
    os.kill(zygote.pid, signal.SIGSTOP)
    kernel = await started(agent, start_timeout_seconds=12)
    assert not is_forked(agent, kernel)
    assert await said(agent, kernel, "print(6 * 7)") == "42"
    await wait_until(lambda: not is_alive(zygote.pid))


async def test_a_fork_that_is_in_vain_is_followed_by_a_new_program(
    agent: AgentProcess, tmp_path: Path
) -> None:
    startup = tmp_path / "ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "dies.py").write_text(
        "import sys, os\nif 'yardmark' in sys.modules:\n    os._exit(3)\n"
    )
    zygote = await warmed_up(agent, "env", preload=("yardmark",))
    kernel = await started(agent, preload=("yardmark",))
    assert not is_forked(agent, kernel)
    assert await said(agent, kernel, "print(6 * 7)") == "42"
    await wait_until(lambda: not is_alive(zygote.pid))


async def test_an_image_that_is_another_has_another_zygote(
    agent: AgentProcess, jupyter: Path
) -> None:
    zygote = await warmed_up(agent, "env")
    file = jupyter / "kernels" / "env" / "kernel.json"
    spec = json.loads(file.read_text())
    spec["argv"][1:1] = ["-X", "yard"]
    file.write_text(json.dumps(spec))
    code = "import sys; print(sys._xoptions.get('yard'))"
    # On a slow machine the other zygote may be there already: what counts is which settings hold.
    kernel = await started(agent)
    assert await said(agent, kernel, code) == "True"
    await zygote_of(agent, "env", but=zygote.pid)
    kernel = await started(agent)
    assert is_forked(agent, kernel)
    assert await said(agent, kernel, code) == "True"


async def test_a_template_may_say_exec(agent: AgentProcess) -> None:
    await zygote_of(agent, "python3")
    kernel = await started(agent, "python3", start="exec")
    assert not is_forked(agent, kernel)


async def test_zygotes_and_their_kernels_outlive_an_agent_and_end_with_all(
    agent: AgentProcess,
) -> None:
    zygote = await warmed_up(agent, "env")
    kernel = await started(agent)
    agent.kill()
    await agent.start()
    again = await zygote_of(agent, "env")
    assert again.pid == zygote.pid
    assert is_forked(agent, await started(agent))
    assert await said(agent, kernel, "print(6 * 7)") == "42"
    pids = [one.pid for one in (await zygotes(agent)).zygotes if one.pid]
    assert pids
    await agent.done(link.Quit(stop_kernels=True))
    await agent.wait()
    await wait_until(lambda: not any(map(is_alive, pids)))


async def test_zygotes_keep_no_agent_from_ending_when_it_is_idle(tmp_path: Path) -> None:
    process = AgentProcess(tmp_path / "data", "--idle-exit-seconds", "4", zygotes=1)
    try:
        await process.start()
        zygote = await zygote_of(process, "python3")
        assert await process.wait() == 0
        await wait_until(lambda: not is_alive(zygote.pid))
    finally:
        await process.clean_up()
