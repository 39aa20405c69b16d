"""What a server has loaded when it answers for the first time."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

NOT_YET = (
    "IPython",
    "alembic",
    "fastapi",
    "httpx",
    "ipykernel",
    "jsonschema",
    "jupyter_client",
    "nbformat",
    "numpy",
    "pydantic_settings",
    "rich",
    "sqlalchemy.dialects.postgresql",
)
SERVER = f"""
import asyncio, sys
import kernelyard.cli.main, kernelyard.cli.serve, kernelyard.cli.ending, kernelyard.cli.listening
from kernelyard.assembly import assemble
from kernelyard.logs import configure_logs
from kernelyard.settings import Settings

async def ask(app, path):
    told = []
    async def receive():
        return {{"type": "http.request", "body": b"", "more_body": False}}
    async def send(message):
        told.append(message)
    scope = {{"type": "http", "method": "GET", "path": path, "raw_path": path.encode(),
             "query_string": b"", "headers": [], "root_path": "", "scheme": "http",
             "http_version": "1.1", "server": ("a", 1), "client": ("b", 2)}}
    await app(scope, receive, send)
    return told[0]["status"]

async def serve():
    settings = Settings.load({{"data_dir": sys.argv[1], "log_level": "error"}}).settings
    configure_logs(level=settings.log_level)
    async with assemble(settings) as yard:
        try:
            print(await ask(yard.app, "/healthz"), await ask(yard.app, "/readyz"))
            print(*(name for name in {NOT_YET!r} if name in sys.modules))
            await yard.prepare()
            print(*(name for name in {NOT_YET!r} if name in sys.modules))
            print(await ask(yard.app, "/v1/kernels"))
        finally:
            await yard.stop_kernels()

asyncio.run(serve())
"""


def test_the_first_answer_waits_for_nothing_that_it_does_not_need(tmp_path: Path) -> None:
    surroundings = {
        name: value for name, value in os.environ.items() if not name.startswith("KERNELYARD")
    }
    done = subprocess.run(
        [sys.executable, "-c", SERVER, str(tmp_path)],
        env=surroundings,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answers, at_first, prepared, odd = done.stdout.split("\n")[:4]
    assert answers == "200 200"
    assert at_first == ""
    assert prepared == "fastapi"
    assert odd == "401"


def test_a_database_that_is_up_to_date_is_opened_without_alembic(tmp_path: Path) -> None:
    code = (
        "import asyncio, sys; from pathlib import Path\n"
        "from kernelyard.stores.sql.store import open_sqlite\n"
        "async def twice():\n"
        "    for _ in range(2):\n"
        "        await (await open_sqlite(Path(sys.argv[1]))).aclose()\n"
        "asyncio.run(twice()); print('alembic' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "a.db")],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.strip() == "False"
