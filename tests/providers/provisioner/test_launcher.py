"""Real provisioners, and strange ones, each driven by one launcher."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from uuid import uuid4

import pytest
from jupyter_client.asynchronous.client import AsyncKernelClient

from kernelyard.model.exits import InterruptOutcome
from kernelyard.providers.launcher import LaunchFailed, LaunchRequest
from kernelyard.providers.process_identity import start_time_of
from kernelyard.providers.provisioner.launcher import ProvisionerLauncher
from kernelyard.providers.provisioner.spec import ProvisionedSpec
from kernelyard.providers.provisioner.stanza import Stanza

from tests.support import misfit_provisioners
from tests.support.agent_process import wait_until

Make = Callable[..., ProvisionerLauncher]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory on the path with the cast installed."""
    monkeypatch.syspath_prepend(misfit_provisioners.install(tmp_path / "site"))
    return tmp_path


@pytest.fixture
async def make(place: Path) -> AsyncIterator[Make]:
    """Makes launchers; whatever they have started is gone at the end."""
    made: list[ProvisionerLauncher] = []

    def launcher(name: str, **request: object) -> ProvisionerLauncher:
        config = request.pop("config", {})
        content = misfit_provisioners.kernel_json(name)
        spec = ProvisionedSpec(
            name="strange",
            stanza=Stanza(name, config),
            argv=content["argv"],
            env=content["env"],
            language="python",
            metadata=content["metadata"],
        )
        work = place / uuid4().hex
        work.mkdir()
        fields = {
            "kernel_id": str(uuid4()),
            "work_dir": work,
            "connection_file": work / "connection.json",
            "log": place / "kernel.log",
        }
        made.append(ProvisionerLauncher(spec, LaunchRequest(**{**fields, **request})))
        return made[-1]

    yield launcher
    for one in made:
        await one.kill()
        await one.wait(10)
        await one.cleanup()


async def says(launcher: ProvisionerLauncher, code: str) -> str:
    """What a kernel prints when it runs code."""
    connection = await launcher.connection_info()
    client = AsyncKernelClient()
    client.load_connection_info(
        {
            "transport": connection.transport,
            "ip": connection.ip,
            "key": connection.key,
            "shell_port": connection.shell_port,
            "iopub_port": connection.iopub_port,
            "stdin_port": connection.stdin_port,
            "control_port": connection.control_port,
            "hb_port": connection.hb_port,
        }
    )
    client.start_channels()
    printed: list[str] = []

    def hear(message: dict[str, dict[str, str]]) -> None:
        printed.append(message["content"].get("text") or message["content"].get("ename", ""))

    try:
        await ready(client)
        await client.execute_interactive(code, output_hook=hear, timeout=40)
    finally:
        client.stop_channels()
    return "".join(printed)


async def ready(client: AsyncKernelClient) -> None:
    """Wait until a kernel answers; where one is slow to, Jupyter's client takes it for dead."""
    async with asyncio.timeout(40):
        while True:
            try:
                return await client.wait_for_ready(timeout=40)
            except RuntimeError:
                continue


async def test_a_provisioner_is_given_what_jupyter_gives_it(make: Make, place: Path) -> None:
    launcher = make(
        "configured",
        config={"flavour": "sweet"},
        environment={"BOTH": "asked", "ASKED": "asked"},
        path="/somewhere/that/is/not/there.ipynb",
    )
    await launcher.start()
    names = ["FLAVOUR", "FROM_SPEC", "BOTH", "ASKED", "JPY_SESSION_NAME", "JPY_PARENT_PID"]
    code = f"import os, json; print(json.dumps([os.environ.get(n) for n in {names}]), os.getcwd())"
    said, directory = (await says(launcher, code)).split("] ")
    assert json.loads(said + "]") == [
        "sweet", "spec", "asked", "asked", "/somewhere/that/is/not/there.ipynb", None,
    ]  # fmt: skip
    assert Path(directory.strip()).parent == place
    assert "it tastes sweet" in (place / "kernel.log").read_text()


async def test_our_own_secrets_are_not_passed_on(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERNELYARD_TOKEN", "secret")
    launcher = make("configured")
    await launcher.start()
    assert (await says(launcher, "import os; print('KERNELYARD_TOKEN' in os.environ)")) == "False\n"


async def test_a_kernel_starts_beside_its_notebook(make: Make, place: Path) -> None:
    (place / "project").mkdir()
    launcher = make("configured", path=str(place / "project" / "a.ipynb"))
    await launcher.start()
    assert await says(launcher, "import os; print(os.getcwd())") == f"{place / 'project'}\n"


async def test_a_key_may_be_told_as_text(make: Make) -> None:
    launcher = make("text-key")
    await launcher.start()
    assert await says(launcher, "print(6 * 7)") == "42\n"


async def test_each_launch_has_a_kernelspec_of_its_own(make: Make) -> None:
    launcher = make("configured")
    await launcher.start()
    argv = launcher.record()["spec"]["argv"]
    assert "--Application.log_level=30" not in argv
    assert (await launcher.poll()) is None


async def test_the_exit_code_is_not_lost(make: Make) -> None:
    launcher = make("configured")
    await launcher.start()
    pid = launcher.resources.pid
    assert pid is not None
    assert launcher.resources.start_time == start_time_of(pid)
    os.kill(pid, signal.SIGKILL)
    ended = await launcher.wait(20)
    assert ended is not None
    assert (ended.code, ended.signal) == (None, "SIGKILL")
    await launcher.cleanup()
    assert (await launcher.poll()) is ended


async def test_what_a_kernel_printed_last_is_in_its_end(make: Make) -> None:
    launcher = make("configured", environment={"PYTHONPATH": "/nowhere"})
    launcher._spec.argv[:] = ["sh", "-c", "echo 'no such licence' >&2; exit 7"]
    await launcher.start()
    ended = await launcher.wait(20)
    assert ended is not None
    assert ended.code == 7
    assert "no such licence" in ended.tail


async def test_a_provisioner_that_never_tells_an_end_is_found_out(make: Make) -> None:
    launcher = make("foreign")
    await launcher.start()
    pid = int(await says(launcher, "import os; print(os.getpid())"))
    assert (await launcher.wait(0.1)) is None
    os.kill(pid, signal.SIGKILL)
    ended = await launcher.wait(20)
    assert ended is not None
    assert "does not say more" in ended.sentence()


async def test_a_kernel_that_is_connected_is_not_believed_dead_at_once(
    make: Make, place: Path
) -> None:
    launcher = make("hasty")
    await launcher.start()
    await wait_until(lambda: any(place.glob("*/asked")))
    assert (await launcher.poll()) is None
    assert await says(launcher, "print(6 * 7)") == "42\n"


async def test_a_kernel_is_killed_though_nobody_tells_of_it(make: Make) -> None:
    launcher = make("foreign")
    await launcher.start()
    pid = int(await says(launcher, "import os; print(os.getpid())"))
    await launcher.kill()
    assert (await launcher.wait(20)) is not None
    await wait_until(lambda: start_time_of(pid) is None)


async def test_one_that_blocks_holds_up_nobody(make: Make) -> None:
    blocking, other = make("blocks"), make("configured")
    await blocking.start()
    await other.start()
    interrupting = asyncio.create_task(blocking.interrupt())
    assert await other.interrupt() is InterruptOutcome.DELIVERED
    pid = blocking.resources.pid
    assert pid is not None
    await blocking.kill()
    ended = await blocking.wait(20)
    assert ended is not None
    await wait_until(lambda: start_time_of(pid) is None)
    interrupting.cancel()


async def test_what_is_tied_to_a_loop_outlives_the_kernel_for_which_it_was_made(make: Make) -> None:
    for _ in range(2):
        launcher = make("tied")
        await launcher.start()
        await launcher.kill()
        assert (await launcher.wait(20)) is not None
        await launcher.cleanup()


async def test_a_process_is_killed_where_its_provisioner_fails_to(make: Make) -> None:
    launcher = make("unkillable")
    await launcher.start()
    await launcher.terminate()
    assert (await launcher.poll()) is None
    await launcher.kill()
    ended = await launcher.wait(20)
    assert ended is not None
    assert ended.signal == "SIGKILL"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("raises", "The queue 'night' is closed. Choose another."),
        ("returns-nothing", "returned without a kernel"),
        ("lies", "could not start it"),
        ("not-there", "entry point 'not-there'"),
    ],
)
async def test_a_failed_start_says_why_and_leaves_nothing(
    make: Make, place: Path, name: str, text: str
) -> None:
    launcher = make(name)
    with pytest.raises(LaunchFailed) as failed:
        await launcher.start()
    assert text in str(failed.value)
    await _nothing_left(place)
    await launcher.cleanup()


async def test_whoever_stops_waiting_for_a_start_leaves_nothing(make: Make, place: Path) -> None:
    launcher = make("hangs")
    starting = asyncio.create_task(launcher.start())
    await wait_until(lambda: any(place.glob("*/begun")))
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    await _nothing_left(place)


async def test_a_setting_that_a_provisioner_does_not_know_is_told(make: Make, place: Path) -> None:
    launcher = make("configured", config={"flavor": "sweet"})
    with pytest.warns(DeprecationWarning, match="flavor"):
        await launcher.start()
    assert (
        "'flavor', which the kernel provisioner 'configured' does not know"
        in (place / "kernel.log").read_text()
    )


@pytest.mark.parametrize("name", ["configured", "foreign"])
async def test_a_kernel_is_found_again_from_its_record(make: Make, name: str) -> None:
    launcher = make(name)
    await launcher.start()
    await says(launcher, "kept = 42")
    record = json.loads(json.dumps(launcher.record()))
    found = await asyncio.to_thread(ProvisionerLauncher.find_again, record)
    assert found is not None
    assert await says(found, "print(kept)") == "42\n"
    assert found.resources == launcher.resources
    await found.kill()
    assert (await found.wait(20)) is not None
    await found.cleanup()
    assert (await launcher.wait(20)) is not None


async def test_a_kernel_that_has_ended_is_not_found_again(make: Make) -> None:
    launcher = make("configured")
    await launcher.start()
    record = launcher.record()
    await launcher.kill()
    await launcher.wait(20)
    assert await asyncio.to_thread(ProvisionerLauncher.find_again, record) is None


async def test_a_provisioner_that_is_installed_later_is_found(
    make: Make, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    launcher = make("late")
    with pytest.raises(LaunchFailed):
        await launcher.start()
    monkeypatch.syspath_prepend(
        misfit_provisioners.install(place / "later", {"late": "Configured"})
    )
    launcher = make("late")
    await launcher.start()
    assert (await launcher.poll()) is None


async def _nothing_left(place: Path) -> None:
    await wait_until(lambda: not any(place.glob("*/connection.json")))
    await wait_until(lambda: all(_has_ended(noted) for noted in place.glob("*/begun")))


def _has_ended(noted: Path) -> bool:
    return start_time_of(int(noted.read_text())) is None
