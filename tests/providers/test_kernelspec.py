"""Kernelspecs are read with patience: what is wrong with one is said, and harms no other."""

from __future__ import annotations

import json
import os
import platform
import sys
from pathlib import Path

import pytest

from kernelyard.model.errors import ImageNotFound, ImageNotReady, ResourceNotFound
from kernelyard.model.images import FoundImage
from kernelyard.providers.kernelspec import KernelspecProvider
from kernelyard.providers.launcher import LaunchRequest

ASKED = LaunchRequest(kernel_id="00000000-0000-4000-8000-000000000000")
COMMAND = ["sh", "-c", "kernel", "{connection_file}"]


class Kernelspecs:
    """Two Jupyter paths of which the first wins, before those of the machine."""

    def __init__(self, place: Path) -> None:
        self.places = [place / "first", place / "second"]
        self.provider = KernelspecProvider()

    def write(self, name: str, content: object, *, second: bool = False) -> Path:
        """Install a kernelspec; text and bytes are written as they are."""
        directory = self.places[second] / "kernels" / name
        directory.mkdir(parents=True, exist_ok=True)
        text = content if isinstance(content, str | bytes) else json.dumps(content)
        data = text if isinstance(text, bytes) else text.encode()
        (directory / "kernel.json").write_bytes(data)
        return directory

    def found(self, name: str) -> FoundImage:
        return next(image for image in self.provider.find() if image.name == name)

    def problem(self, name: str) -> str:
        """The sentence of the list, which is also that of a launch."""
        problem = self.found(name).problem
        assert problem is not None
        with pytest.raises(ImageNotReady) as caught:
            self.provider.prepare(name, ASKED)
        assert caught.value.message == problem
        return problem


@pytest.fixture
def specs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kernelspecs:
    specs = Kernelspecs(tmp_path)
    monkeypatch.setenv("JUPYTER_PATH", os.pathsep.join(map(str, specs.places)))
    return specs


def test_a_whole_kernelspec_is_taken_as_it_is(specs: Kernelspecs) -> None:
    directory = specs.write(
        "shell",
        {
            "argv": COMMAND,
            "display_name": "A Shell",
            "language": "bash",
            "interrupt_mode": "message",
            "env": {"A": "${HOME}/x", "N": 3},
            "metadata": {"about": "text", "debugger": True, "nested": {}},
            "codemirror_mode": "shell",
        },
    )
    found = specs.found("shell")
    assert (found.display_name, found.language, found.version) == ("A Shell", "bash", None)
    assert (found.provider, found.reference) == ("kernelspec", "kernelspec/shell")
    assert (found.interrupt_mode, found.metadata, found.problem) == (
        "message",
        {"about": "text"},
        None,
    )
    plan = specs.provider.prepare("shell", ASKED)
    assert (plan.argv, plan.env) == (COMMAND, {"A": "${HOME}/x", "N": "3"})
    assert (plan.interrupt_mode, plan.language) == ("message", "bash")
    assert plan.resource_dir == str(directory)


def test_a_command_is_all_that_a_kernelspec_needs(specs: Kernelspecs) -> None:
    specs.write("bare", {"argv": COMMAND})
    found = specs.found("bare")
    assert (found.display_name, found.language, found.problem) == ("bare", "", None)


def test_what_a_launch_may_need_is_handed_on(specs: Kernelspecs) -> None:
    metadata = {"debugger": True, "kernelyard": {"ports": "classic"}, "note": "text"}
    specs.write("full", {"argv": COMMAND, "kernel_protocol_version": "5.5", "metadata": metadata})
    plan = specs.provider.prepare("full", ASKED)
    assert (plan.metadata, plan.kernel_protocol_version) == (metadata, "5.5")
    assert plan.unset == ()


def test_parameters_are_those_of_its_metadata(specs: Kernelspecs) -> None:
    schema = {"type": "object", "properties": {"version": {"enum": ["3.10", "3.11"]}}}
    argv = ["python{version}", "-m", "x", "{connection_file}"]
    specs.write("many", {"argv": argv, "metadata": {"parameters": schema}})
    assert specs.found("many").parameters == schema
    assert specs.found("many").problem is None
    assert specs.provider.prepare("many", ASKED).argv == argv


def test_a_byte_order_mark_does_no_harm(specs: Kernelspecs) -> None:
    specs.write("marked", b"\xef\xbb\xbf" + json.dumps({"argv": COMMAND}).encode())
    assert specs.found("marked").problem is None


def test_the_first_path_wins(specs: Kernelspecs) -> None:
    specs.write("shell", {"argv": COMMAND, "display_name": "second"}, second=True)
    assert specs.found("shell").display_name == "second"
    specs.write("shell", {"argv": COMMAND, "display_name": "first"})
    assert specs.found("shell").display_name == "first"


def test_names_are_in_lower_case_as_in_jupyter(specs: Kernelspecs) -> None:
    specs.write("IRkernel", {"argv": COMMAND})
    assert specs.found("irkernel").problem is None
    assert specs.provider.prepare("irkernel", ASKED).argv == COMMAND


@pytest.mark.parametrize("word", ["python", "python3", f"python3.{sys.version_info[1]}"])
def test_a_plain_python_is_the_agents_own(specs: Kernelspecs, word: str) -> None:
    specs.write("own", {"argv": [word, "-m", "ipykernel_launcher"], "language": "python"})
    assert specs.found("own").version == platform.python_version()
    assert specs.provider.prepare("own", ASKED).argv[0] == sys.executable


BROKEN: dict[str, tuple[object, str]] = {
    "torn": ('{"argv": ["x"', "is not valid JSON"),
    "empty": ("", "is not valid JSON"),
    "binary": (b"\xff\xfe\x00", "is not valid JSON"),
    "deep": ("[" * 200_000, "is not valid JSON"),
    "array": ([], "does not hold a JSON object"),
    "no-command": ({"display_name": "x"}, "has no command"),
    "empty-command": ({"argv": []}, "has no command"),
    "odd-command": ({"argv": ["sh", 3]}, "has no command"),
    "text-command": ({"argv": "sh -c x"}, "has no command"),
    "gone": ({"argv": ["/gone/bin/python", "-m", "x"]}, "starts '/gone/bin/python'"),
    "not-there": ({"argv": ["no-such-program"]}, "there is no such program"),
    "no-word": ({"argv": [""]}, "has no command"),
    "large": ('{"argv": ["' + "x" * 2_000_000, "has more than 1024 KiB"),
    "nul": ({"argv": ["sh", "a\0b"]}, "has no command"),
    "half": ('{"argv": ["sh", "\\ud800"]}', "no Unicode"),
    "half-name": ('{"argv": ["sh"], "display_name": "\\udcff"}', "no Unicode"),
    "odd-env": ({"argv": ["sh"], "env": {"A=B": "1"}}, "variable name 'A=B'"),
    "nul-env": ({"argv": ["sh"], "env": {"A": "1\0"}}, "NUL byte"),
    "shouting": ({"argv": ["sh"], "interrupt_mode": "shout"}, "'interrupt_mode' 'shout'"),
    "odd-mode": ({"argv": ["sh"], "interrupt_mode": ["signal"]}, "'interrupt_mode'"),
    "old-python": ({"argv": ["python3.2", "-m", "ipykernel"]}, "starts 'python3.2'"),
    "own-path": ({"argv": ["sh"], "env": {"PATH": "/gone"}}, "there is no such program"),
    "module": ({"argv": ["python3", "-m", "no_such_kernel.app"]}, "'no_such_kernel'"),
    "remote": (
        {"argv": ["sh"], "metadata": {"kernel_provisioner": {"provisioner_name": "far"}}},
        "provisioner 'far'",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_kernelspec_is_listed_with_what_to_do(specs: Kernelspecs, name: str) -> None:
    content, problem = BROKEN[name]
    specs.write(name, content)
    specs.write("whole", {"argv": COMMAND})
    assert problem in specs.problem(name)
    assert any(verb in specs.problem(name) for verb in ("Install", "Choose", "Correct"))
    assert specs.found("whole").problem is None


@pytest.mark.parametrize(
    "content",
    [
        {"argv": COMMAND, "env": [], "metadata": 3, "language": None, "display_name": 5},
        {"argv": COMMAND, "env": {"A": None}, "interrupt_mode": None, "metadata": {"x": []}},
        {"argv": COMMAND, "kernel_protocol_version": 5.5, "mimetype": 3, "name": [], "x-y": {}},
        {"argv": COMMAND, "metadata": {"kernel_provisioner": {}}},
        {
            "argv": COMMAND,
            "metadata": {"kernel_provisioner": {"provisioner_name": "local-provisioner"}},
        },
    ],
)
def test_odd_values_beside_a_good_command_do_no_harm(specs: Kernelspecs, content: object) -> None:
    specs.write("odd", content)
    assert specs.found("odd").problem is None
    assert specs.provider.prepare("odd", ASKED).env == {}


@pytest.mark.skipif(os.getuid() == 0, reason="nothing is forbidden to the superuser")
def test_a_file_that_may_not_be_read_is_reported(specs: Kernelspecs) -> None:
    directory = specs.write("secret", {"argv": COMMAND})
    (directory / "kernel.json").chmod(0)
    assert "cannot be read" in specs.problem("secret")


def test_a_name_to_show_is_short_and_not_blank(specs: Kernelspecs) -> None:
    specs.write("blank", {"argv": COMMAND, "display_name": " \n", "language": "x" * 999})
    specs.write("long", {"argv": COMMAND, "display_name": "y" * 100_000})
    assert (specs.found("blank").display_name, specs.found("blank").language) == (
        "blank",
        "x" * 200,
    )
    assert specs.found("long").display_name == "y" * 200


def test_what_is_no_kernelspec_is_passed_over(specs: Kernelspecs) -> None:
    specs.write("with space", {"argv": COMMAND})
    specs.write("-dash", {"argv": COMMAND})
    kernels = specs.places[0] / "kernels"
    (kernels / "empty").mkdir()
    (kernels / "file").write_text("x")
    (kernels / "pipe").mkdir()
    os.mkfifo(kernels / "pipe" / "kernel.json")
    names = {image.name for image in specs.provider.find()}
    assert not names & {"with space", "-dash", "empty", "file", "pipe"}


def test_a_python_kernel_is_there_without_any_directory() -> None:
    provider = KernelspecProvider(places=[])
    (native,) = provider.find()
    assert (native.name, native.language, native.problem) == ("python3", "python", None)
    assert native.version == platform.python_version()
    assert "logo-64x64.png" in native.resources
    assert provider.resource("python3", "logo-64x64.png").startswith(b"\x89PNG")
    assert provider.prepare("python3", ASKED).argv == [
        sys.executable,
        "-m",
        "ipykernel_launcher",
        "-f",
        "{connection_file}",
    ]


def test_an_installed_python3_wins_over_the_native_one(specs: Kernelspecs) -> None:
    specs.write("python3", {"argv": COMMAND, "display_name": "Mine"})
    assert specs.found("python3").display_name == "Mine"


@pytest.mark.parametrize("name", ["nothing", "../shell", "", "shell/../shell"])
def test_an_unknown_kernelspec_is_not_found(specs: Kernelspecs, name: str) -> None:
    specs.write("shell", {"argv": COMMAND})
    with pytest.raises(ImageNotFound, match="kernelyard images"):
        specs.provider.prepare(name, ASKED)
    with pytest.raises(ImageNotFound):
        specs.provider.resource(name, "logo-64x64.png")


def test_logos_and_scripts_are_the_resources(specs: Kernelspecs) -> None:
    directory = specs.write("shell", {"argv": COMMAND})
    for name in ("logo-64x64.png", "logo-svg.svg", "kernel.js", "kernel.css", "secret", "logo.png"):
        (directory / name).write_text(name)
    (directory / "logo-folder").mkdir()
    expected = ("kernel.css", "kernel.js", "logo-64x64.png", "logo-svg.svg")
    assert specs.found("shell").resources == expected
    assert specs.provider.resource("shell", "kernel.js") == b"kernel.js"
    for name in ("secret", "logo.png", "kernel.json", "logo-folder", "../shell/kernel.js", "."):
        with pytest.raises(ResourceNotFound):
            specs.provider.resource("shell", name)


def test_a_link_out_of_the_directory_is_no_resource(specs: Kernelspecs, tmp_path: Path) -> None:
    directory = specs.write("shell", {"argv": COMMAND})
    (tmp_path / "secret").write_text("secret")
    (directory / "logo-out.png").symlink_to(tmp_path / "secret")
    (directory / "logo-gone.png").symlink_to(tmp_path / "gone")
    (directory / "logo-in.png").write_text("in")
    assert specs.found("shell").resources == ("logo-in.png",)
    with pytest.raises(ResourceNotFound):
        specs.provider.resource("shell", "logo-out.png")


def test_a_link_within_the_directory_shows_no_other_file(specs: Kernelspecs) -> None:
    directory = specs.write("shell", {"argv": COMMAND})
    (directory / "logo-json").symlink_to(directory / "kernel.json")
    assert specs.found("shell").resources == ()


def test_a_file_that_is_too_large_or_empty_is_no_resource(specs: Kernelspecs) -> None:
    directory = specs.write("shell", {"argv": COMMAND})
    (directory / "logo-empty.png").touch()
    with (directory / "logo-large.png").open("wb") as file:
        file.truncate(16 * 1024 * 1024 + 1)
    os.mkfifo(directory / "logo-pipe.png")
    assert specs.found("shell").resources == ()
    with pytest.raises(ResourceNotFound):
        specs.provider.resource("shell", "logo-large.png")


def test_where_kernelspecs_come_and_go_is_watched(specs: Kernelspecs) -> None:
    directory = specs.write("shell", {"argv": COMMAND})
    assert {directory, *(place / "kernels" for place in specs.places)} <= set(
        specs.provider.watched()
    )


def test_a_kernelspec_directory_may_itself_be_a_link(specs: Kernelspecs, tmp_path: Path) -> None:
    directory = specs.write("shell", {"argv": COMMAND})
    (directory / "logo-svg.svg").write_text("<svg/>")
    directory.rename(tmp_path / "elsewhere")
    directory.symlink_to(tmp_path / "elsewhere")
    assert specs.provider.resource("shell", "logo-svg.svg") == b"<svg/>"
