"""What goes wrong is told in a sentence that says what to do, and nothing is left behind."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from kernelyard import Client, KernelyardError

from tests.support.live_server import LiveServer

SPECS = {
    "ends-at-once": [sys.executable, "-c", "raise SystemExit('no GPU found')"],
    "never-answers": [sys.executable, "-c", "import time; time.sleep(600)"],
    "not-installed": ["/nowhere/bin/python", "-m", "nothing"],
}


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server that finds broken kernelspecs, waits shortly and keeps little output."""
    place = tmp_path_factory.mktemp("broken")
    for name, argv in SPECS.items():
        _write(place / "jupyter" / "kernels" / name / "kernel.json", argv)
    env = {"JUPYTER_PATH": str(place / "jupyter")}
    flags = ("--kernel-start-timeout", "3s", "--task-output-limit", "100KB", "--body-limit", "1MiB")
    with LiveServer(place / "data", *flags, env=env) as server:
        yield server


@pytest.fixture
def client(broken: LiveServer) -> Iterator[Client]:
    with broken.client() as client:
        yield client


@pytest.fixture
def http(broken: LiveServer) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {broken.token}"}
    with httpx.Client(base_url=broken.url, headers=headers, trust_env=False) as http:
        yield http


def _write(file: Path, argv: list[str]) -> None:
    file.parent.mkdir(parents=True)
    spec = {"argv": [*argv, "-f", "{connection_file}"], "display_name": "?", "language": "python"}
    file.write_text(json.dumps(spec))


@pytest.mark.parametrize(
    ("image", "why"),
    [("ends-at-once", "no GPU found"), ("never-answers", "did not answer within 3")],
)
def test_a_kernel_that_does_not_start_fails_with_what_it_said(
    client: Client, image: str, why: str
) -> None:
    kernel = client.kernels.create(image=image)
    task = kernel.submit("print('never')")
    kernel.wait_ended(timeout=30)
    assert kernel.refresh().state == "failed"
    assert why in (kernel.info.reason or "")
    result = task.wait(timeout=30)
    assert result.state == "cancelled"
    assert result.task.reason


def test_an_image_whose_program_is_missing_is_listed_as_not_ready_and_refused(
    client: Client,
) -> None:
    image = client.images.get("not-installed")
    assert not image.ready
    assert "/nowhere/bin/python" in (image.problem or "")
    with pytest.raises(KernelyardError, match="cannot start a kernel"):
        client.kernels.create(image="not-installed")


def test_output_over_the_limit_is_cut_and_counted(client: Client) -> None:
    kernel = client.kernels.create(image="python3")
    task = kernel.submit("for i in range(200):\n    print('x' * 10_000, flush=True)")
    result = task.wait(timeout=40)
    assert result.state == "succeeded"
    marks = [output for output in task.follow() if output.kind == "cut"]
    assert len(marks) == 1
    kept = len(result.stdout)
    assert kept <= 110_000
    # A stream message holds its text and a few bytes around it.
    assert marks[0].content["bytes"] >= 200 * 10_001 - kept
    assert result.cut_bytes == marks[0].content["bytes"]
    assert kernel.run("print('and on')", timeout=30).stdout == "and on\n"


@pytest.mark.parametrize(
    ("body", "status", "word"),
    [
        ({"image": "nothing-like-it"}, 404, "no image"),
        ({"image": "python3", "template": "none"}, 404, "template"),
        ({"image": "python3", "name": "../../etc"}, 400, "name"),
        ({"image": "python3", "environment": {"1X": "y"}}, 400, "environment"),
        ({"image": "python3", "environment": {"X": "a\0b"}}, 400, "NUL"),
        ({"image": 7}, 400, "image"),
        ({"image": "python3", "colour": "red"}, 400, "colour"),
        ({}, 400, "image"),
    ],
)
def test_a_wrong_order_for_a_kernel_is_refused(
    http: httpx.Client, body: dict[str, object], status: int, word: str
) -> None:
    answer = http.post("v1/kernels", json=body)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert word in problem["detail"]
    assert problem["code"]
    assert problem["request_id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize(
    "body",
    [
        {"memory_bytes_limit": "a lot"},
        {"memory_bytes_limit": -1},
        {"max_idle_duration": "soon"},
        {"max_idle_duration": "-5s"},
        {"milli_cpu_limit": -1},
    ],
)
def test_a_malformed_size_or_duration_is_refused(
    http: httpx.Client, body: dict[str, object]
) -> None:
    answer = http.post("v1/templates", json={"name": "odd", **body})
    assert answer.status_code == 400, answer.text
    assert next(iter(body)) in answer.json()["detail"]


def test_a_body_over_the_limit_is_refused(http: httpx.Client) -> None:
    answer = http.post("v1/kernels", content=b'{"image": "' + b"x" * 2_000_000 + b'"}')
    assert answer.status_code == 413
    assert answer.json()["code"] == "too_large"


@pytest.mark.parametrize("kernel_id", ["..", "a/b", "%2e%2e", "x" * 300, "0" * 36, "a%00b"])
def test_an_odd_id_finds_nothing(http: httpx.Client, kernel_id: str) -> None:
    answer = http.get(f"v1/kernels/{kernel_id}")
    assert answer.status_code == 404


@pytest.mark.parametrize("token", [None, "wrong"])
def test_without_a_valid_token_nothing_is_answered(broken: LiveServer, token: str | None) -> None:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    answer = httpx.get(f"{broken.url}v1/kernels", headers=headers, trust_env=False)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert "token" in answer.json()["detail"]


def test_a_cursor_beyond_the_end_and_a_bad_page_size_are_refused(
    http: httpx.Client, client: Client
) -> None:
    task = client.kernels.create(image="python3").submit("1")
    task.wait(timeout=30)
    for query in ("after=999999", "after=-1", "limit=0", "limit=-3", "limit=100000000"):
        answer = http.get(f"v1/tasks/{task.id}/outputs?{query}")
        assert answer.status_code == 400, query
        assert answer.json()["detail"]


def test_a_name_in_use_is_refused_until_its_kernel_ends(client: Client) -> None:
    kernel = client.kernels.create(image="python3", name="taken")
    with pytest.raises(KernelyardError, match="name"):
        client.kernels.create(image="python3", name="taken")
    kernel.terminate()
    again = client.kernels.create(image="python3", name="taken")
    assert again.id != kernel.id


def test_a_disabled_image_is_refused(client: Client) -> None:
    client.images.register("mine:1", source="python3")
    client.images.update("mine:1", disabled=True)
    with pytest.raises(KernelyardError, match="disabled"):
        client.kernels.create(image="mine:1")
    client.images.update("mine:1", disabled=False)
    assert client.kernels.create(image="mine:1").run("1 + 1", timeout=30).text == "2"


def test_code_that_is_no_text_is_refused(http: httpx.Client, client: Client) -> None:
    kernel = client.kernels.create(image="python3")
    for content in (b'{"code": 5}', b'{"code": "\\ud800"}', b'{"code": "\xff"}', b"{", b"[]"):
        answer = http.post(f"v1/kernels/{kernel.id}/tasks", content=content)
        assert answer.status_code == 400, content
        assert answer.json()["detail"]
