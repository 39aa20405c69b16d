"""What is known of a kernel: by its command line, from three sources, and never at the price of a start."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from kernelyard.model.json import JsonObject
from kernelyard.providers.provider import LaunchPlan
from kernelyard.providers.quirk_book import TABLE, QuirkBook
from kernelyard.providers.quirks import KEYS, Quirks

IPYKERNEL = ["/usr/bin/python3", "-m", "ipykernel_launcher", "-f", "{connection_file}"]


def a_plan(argv: list[str], metadata: JsonObject | None = None) -> LaunchPlan:
    return LaunchPlan(argv=argv, metadata=metadata or {})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "quirks.toml"


@pytest.mark.parametrize(
    ("argv", "meets_first"),
    [
        (IPYKERNEL, "ipc"),
        (["conda", "run", "-n", "e", "python", "-m", "ipykernel.kernelapp", "-f", "{x}"], "ipc"),
        (["python3.11", "-m", "xpython_launcher", "-f", "{connection_file}"], "handshake_a"),
        (["/envs/deno/bin/xpython", "-f", "{connection_file}"], "handshake_a"),
        (["R", "--slave", "-e", "IRkernel::main()", "--args", "{connection_file}"], "ipc"),
        (["/usr/local/bin/deno", "jupyter", "--kernel", "--conn", "{connection_file}"], "classic"),
        (["/usr/lib/ark", "--connection_file", "{connection_file}"], "handshake_b"),
    ],
)
def test_kernels_are_known_by_what_their_command_names(argv: list[str], meets_first: str) -> None:
    meets = QuirkBook().of(a_plan(argv)).meets
    assert meets is not None
    assert meets[0] == meets_first


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["/envs/deno/bin/python", "-m", "my_kernel"],
        ["bash", "-c", "exec my-kernel"],
        ["python", "-m", "my_kernel", "--mode", "xr"],
        ["my-kernel", "--engine", "deno", "-m", "ark"],
        ["conda", "run", "-n", "deno", "my-kernel"],
    ],
)
def test_a_kernel_in_no_table_has_the_quirks_of_a_stranger(argv: list[str]) -> None:
    assert QuirkBook().of(a_plan(argv)) == Quirks()


def test_what_ends_xeus_python_is_never_sent_to_it() -> None:
    quirks = QuirkBook().of(a_plan(["python", "-m", "xpython_launcher"]))
    assert quirks.lethal_interrupt
    assert quirks.interrupt == "none"


def test_nothing_in_our_own_table_is_wrong() -> None:
    told: list[str] = []
    book = QuirkBook(tell=told.append)
    content = tomllib.loads(TABLE.read_text())
    for entry in content["kernels"].values():
        book.of(a_plan([entry["match"][0]]))
        assert entry["known"] in {"run", "seen", "read"}
    assert set(content) == {"kernels"}
    assert not told


def test_a_kernelspecs_own_word_is_stronger_than_the_table_and_the_users_file_than_both(
    file: Path,
) -> None:
    said: JsonObject = {"kernelyard": {"meets": ["classic"], "shutdown_seconds": 9}}
    plan = a_plan(IPYKERNEL, said)
    assert QuirkBook().of(plan).meets == ("classic",)
    file.write_text('[kernels.ipykernel]\nmeets = ["read_back"]\n')
    quirks = QuirkBook(file).of(plan)
    assert quirks.meets == ("read_back",)
    assert quirks.shutdown_seconds == 9.0
    assert quirks.tees_fd_output


def test_users_add_kernels_and_the_first_of_several_entries_that_fit_holds(file: Path) -> None:
    file.write_text(
        '[kernels.special]\nmatch = ["my_kernel_*"]\ninterrupt = "none"\n'
        '[kernels.mine]\nmatch = ["my_*"]\ninterrupt = "message"\nshutdown = "signal"\n'
    )
    quirks = QuirkBook(file).of(a_plan(["python", "-m", "my_kernel_2"]))
    assert quirks == Quirks(interrupt="none", shutdown="signal")


def test_a_changed_file_is_read_again(file: Path) -> None:
    book = QuirkBook(file)
    plan = a_plan(["mine"])
    assert book.of(plan) == Quirks()
    file.write_text('[kernels.mine]\nmatch = ["mine"]\nshutdown = "signal"\n')
    assert book.of(plan).shutdown == "signal"
    file.unlink()
    assert book.of(plan) == Quirks()


@pytest.mark.parametrize(
    ("content", "key"),
    [
        ("[kernels.mine\n", "cannot be read"),
        ("kernels = 3\n", "'kernels' must hold a table"),
        ('[ipykernel]\nmeets = ["ipc"]\n', "'ipykernel' is no table of quirks"),
        ('[kernels.mine]\ninterrupt = "none"\n', "'match' is missing"),
        ('[kernels.mine]\nmatch = "mine"\n', "'match' must be a list"),
        ("[kernels]\nmine = 3\n", "must be a table"),
    ],
)
def test_a_file_that_is_wrong_is_told_once_and_left_out(file: Path, content: str, key: str) -> None:
    file.write_text(content)
    told: list[str] = []
    book = QuirkBook(file, told.append)
    assert book.of(a_plan(["mine"])) == Quirks()
    assert book.of(a_plan(["mine"])) == Quirks()
    (one,) = told
    assert key in one
    assert str(file) in one
    assert book.look() == told


def test_a_file_that_is_a_directory_stops_nobody(file: Path) -> None:
    file.mkdir()
    told: list[str] = []
    assert QuirkBook(file, told.append).of(a_plan(["mine"])) == Quirks()
    assert len(told) == 1


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('meats = ["ipc"]', "'meats' is no quirk"),
        ("meets = []", "'meets' must be a list"),
        ('meets = ["carrier-pigeon"]', "'handshake_a'"),
        ("meets = [[]]", "'meets' must be a list"),
        ('interrupt = "maybe"', "'interrupt' must be one of 'signal', 'message', 'none'"),
        ('tees_fd_output = "yes"', "'tees_fd_output' must be true or false"),
        ("shutdown_seconds = 0", "'shutdown_seconds' must be seconds"),
        ("shutdown_seconds = 3600", "up to 60"),
        ("shutdown_seconds = true", "'shutdown_seconds' must be seconds"),
        ("shutdown_seconds = nan", "'shutdown_seconds' must be seconds"),
    ],
)
def test_one_wrong_quirk_is_told_with_its_key_and_the_others_hold(
    file: Path, line: str, says: str
) -> None:
    file.write_text(f'[kernels.mine]\nmatch = ["mine"]\nlethal_interrupt = true\n{line}\n')
    told: list[str] = []
    book = QuirkBook(file, told.append)
    assert book.look()
    assert book.of(a_plan(["mine"])) == Quirks(lethal_interrupt=True)
    (one,) = told
    assert says in one
    assert f"{file}, [kernels.mine]" in one


def test_a_wrong_word_in_a_kernelspec_is_told_too() -> None:
    told: list[str] = []
    plan = a_plan(["mine"], {"kernelyard": {"interrupt": 3, "shutdown": "signal"}})
    assert QuirkBook(tell=told.append).of(plan) == Quirks(shutdown="signal")
    assert "metadata.kernelyard" in told[0]


def test_every_quirk_is_documented() -> None:
    page = (Path(__file__).parents[2] / "docs/reference/kernels.md").read_text("utf-8")
    assert not [key for key in KEYS if f"| `{key}` |" not in page]
