"""``kernelyard serve``: the server in the foreground."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import typer
from pydantic import SecretStr

from kernelyard.cli.admin_token import (
    AdminToken,
    check_listening,
    find_admin_token,
    is_loopback,
    kept_admin_token,
    make_admin_token,
)
from kernelyard.cli.collecting import collect_as_usual
from kernelyard.cli.command_app import command_app
from kernelyard.cli.complaints import Complaint
from kernelyard.cli.fellow_servers import Alone, Fellow, registered
from kernelyard.cli.runtime_files import Runtime
from kernelyard.cli.setting_flags import with_setting_flags
from kernelyard.logs import configure_logs
from kernelyard.settings import ENVIRONMENT_ONLY, Settings, variable_of

app = command_app()
_LOOK_SECONDS = 1.0


def serve(config: Path | None, flags: dict[str, Any]) -> None:
    """Run the server until Ctrl-C; kernels outlive it.

    Every setting can also be given in the environment or in a TOML file; 'kernelyard doctor' shows
    which value is in force and where it came from.

    Examples:

      kernelyard serve

      kernelyard serve --port 0 --data-dir /tmp/yard

      KERNELYARD_ADMIN_TOKEN=... kernelyard serve --host 0.0.0.0 --log-json
    """
    from kernelyard.assembly import is_for_several

    settings = Settings.load(flags, config=config).settings
    # Neither the agent nor a kernel has any business with them.
    for name in ENVIRONMENT_ONLY:
        os.environ.pop(variable_of(name), None)
    configure_logs(json=settings.log_json, level=settings.log_level)
    prepare_data_dir(settings.data_dir)
    with registered(settings.data_dir, several=is_for_several(settings)) as place:
        token = find_admin_token(settings)
        check_listening(settings, token)
        _serve_registered(settings, token, place)


app.command()(with_setting_flags(serve))


def prepare_data_dir(data_dir: Path) -> None:
    """Make the data directory, for its owner alone."""
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        if data_dir.stat().st_mode & 0o077:
            data_dir.chmod(0o700)
    except OSError as error:
        raise Complaint(
            f"the data directory {data_dir} cannot be used: {error.strerror}. "
            "Choose another with --data-dir"
        ) from error


def _serve_registered(settings: Settings, token: AdminToken | None, place: Alone | Fellow) -> None:
    from kernelyard.cli.listening import bind

    token = token or make_admin_token()
    settings = settings.model_copy(update={"admin_token": SecretStr(token.text)})
    listener = bind(settings.host, settings.port)
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(_serve(settings, token, listener, place))
    finally:
        listener.close()


async def _serve(
    settings: Settings, token: AdminToken, listener: socket.socket, place: Alone | Fellow
) -> None:
    from kernelyard.assembly import assemble
    from kernelyard.cli.ending import end_agent_within, end_kernels
    from kernelyard.cli.listening import Listening, url_of

    url = url_of(listener, settings.base_url)

    def listening() -> None:
        nonlocal token
        collect_as_usual()
        # Kept and told at the same moment, so that a start that fails leaves no token nobody saw.
        token = kept_admin_token(token, settings.data_dir)
        place.announce(_runtime(settings, token, url))
        _greet(settings, token, url, place.others())
        works.append(asyncio.create_task(yard.prepare(), name="prepare"))

    async with assemble(settings) as yard:
        works = [asyncio.create_task(_look_after(place), name="look after server.json")]
        limit = settings.websocket_message_limit
        serving = Listening(yard.app, listening, yard.hang_up, largest_message=limit)
        await serving.serve([listener])
        for work in works:
            work.cancel()
        typer.echo("\nStopping.", nl=True)
        if others := place.others():
            typer.echo(f"The server has ended. {_count(others)} on with {settings.data_dir}.")
        elif settings.stop_kernels_on_exit:
            await yard.stop_kernels()
            # Whatever could not be asked is ended by its recorded process.
            await end_agent_within(settings.data_dir)
            end_kernels(settings.data_dir)
            typer.echo("The server, its agent and all kernels have ended.")
        else:
            _say_what_goes_on(await yard.live_kernels(), settings.data_dir)


async def _look_after(place: Alone | Fellow) -> None:
    while True:
        await asyncio.sleep(_LOOK_SECONDS)
        with contextlib.suppress(OSError):
            place.look()


def _count(servers: int) -> str:
    return "Another server goes" if servers == 1 else f"{servers} other servers go"


def _say_what_goes_on(live: int, data_dir: Path) -> None:
    how = f"kernelyard stop --all --data-dir {data_dir}"
    if live:
        what, whom = ("1 kernel goes", "it") if live == 1 else (f"{live} kernels go", "them")
        typer.echo(f"The server has ended. {what} on under the agent; end {whom} with: {how}")
    else:
        typer.echo("The server has ended. No kernel is running.")


def _runtime(settings: Settings, token: AdminToken, url: str) -> Runtime:
    return Runtime(
        url=url,
        pid=os.getpid(),
        token_file=str(token.file) if token.file else None,
        started_at=datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        data_dir=str(settings.data_dir),
        version=metadata.version("kernelyard"),
    )


def _greet(settings: Settings, token: AdminToken, url: str, others: int) -> None:
    where = place_of(settings.host, url)
    typer.echo(f"kernelyard {metadata.version('kernelyard')} listens on {where}")
    shared = f" (shared with {others} more)" if others else ""
    typer.echo(f"Data directory: {settings.data_dir}{shared}")
    if token.fresh:
        typer.echo(f"\nThe administrator's token, shown this once and kept in {token.file}:\n")
        typer.echo(f"  export KERNELYARD_TOKEN={token.text}\n")
    typer.echo(f"API pages: {url}docs   Stop the server: Ctrl-C")


def place_of(host: str, url: str) -> str:
    """Return what is said of where a server listens: the address, or that others reach it too."""
    if is_loopback(host):
        return url
    port = urlsplit(url).port
    shown = f"[{host}]" if ":" in host else host
    return f"{shown}:{port} (open to other machines); from here {url}"


def _loop_factory() -> Any:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
