"""``kernelyard doctor``: what is configured, what is installed, and whether a kernel starts."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import typer

from kernelyard.cli.command_app import command_app
from kernelyard.cli.complaints import sentence_of
from kernelyard.cli.disk_use import DiskUse, disk_use
from kernelyard.cli.setting_flags import with_setting_flags
from kernelyard.cli.showing import Format, human_size, show_json, show_table
from kernelyard.settings import ENVIRONMENT_ONLY, LoadedSettings, Settings

app = command_app()
OK, BROKEN = "ok", "broken"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    name: str
    state: str
    detail: str = ""


@dataclass(slots=True)
class Report:
    """All that was found."""

    settings: list[dict[str, str]] = field(default_factory=list)
    config_file: str | None = None
    plugins: list[Finding] = field(default_factory=list)
    images: list[Finding] = field(default_factory=list)
    limits: list[Finding] = field(default_factory=list)
    quirks: list[Finding] = field(default_factory=list)
    kernel: Finding = Finding("python3", BROKEN, "not tried")
    forking: Finding | None = None
    server: Finding | None = None
    disk: DiskUse | None = None

    @property
    def healthy(self) -> bool:
        """Whether a server with these settings would work."""
        return self.kernel.state == OK and not any(
            one.state == BROKEN for one in [*self.plugins, *self.quirks, *self.images]
        )


def doctor(config: Path | None, flags: dict[str, Any]) -> None:
    """Check settings, plugins, images, disk use, and whether a kernel starts.

    Shows each setting with its source, which kernels take most of the disk, and whether kernels can be
    forked, for which a second one is started. They are started
    with a data directory of its own that is removed again: a running server is not touched. Exit
    status 1 if something is broken.

    Examples:

      kernelyard doctor

      kernelyard doctor --config yard.toml -o json
    """
    form = Format(flags.pop("form", None) or Format.TABLE)
    loaded = Settings.load(flags, config=config)
    report = _report(loaded)
    if form is Format.JSON:
        show_json(asdict(report) | {"healthy": report.healthy})
    else:
        _print(report)
    raise typer.Exit(0 if report.healthy else 1)


app.command()(with_setting_flags(doctor, with_format=True))


def _report(loaded: LoadedSettings) -> Report:
    from kernelyard.cli.fellow_servers import fellows, server_of

    report = Report(config_file=str(loaded.config_file) if loaded.config_file else None)
    for name, source in loaded.sources.items():
        value = getattr(loaded.settings, name)
        report.settings.append({"name": name, "value": _shown(name, value), "source": source})
    data_dir = loaded.settings.data_dir
    runtime = server_of(data_dir)
    if runtime is not None:
        others = [str(pid) for pid in fellows(data_dir) if pid != runtime.pid]
        beside = f"; others with pid {', '.join(others)}" if others else ""
        about = f"pid {runtime.pid}, version {runtime.version}{beside}"
        report.server = Finding(runtime.url, OK, about)
    report.plugins = _plugins()
    report.quirks = _quirks(loaded.settings)
    report.disk = disk_use(loaded.settings.data_dir)
    _try_kernel(loaded.settings, report)
    return report


def _plugins() -> list[Finding]:
    from kernelyard.plugins import GROUPS, find

    return [
        Finding(
            f"{group} {plugin.name}",
            BROKEN if plugin.problem else OK,
            plugin.problem or f"{plugin.value} ({plugin.distribution})",
        )
        for group in GROUPS
        for plugin in find(group)
    ]


def _quirks(settings: Settings) -> list[Finding]:
    """What is wrong with the file of quirks, if there is one."""
    from kernelyard.providers.quirk_book import QuirkBook, default_file

    file = settings.quirks_file or default_file(settings.data_dir)
    if not file.exists():
        missing = settings.quirks_file is not None
        return [Finding(str(file), BROKEN, "there is no such file")] if missing else []
    problems = QuirkBook(file).look()
    return [Finding(str(file), BROKEN, one) for one in problems] or [Finding(str(file), OK)]


def _try_kernel(settings: Settings, report: Report) -> None:
    import asyncio
    import tempfile

    from kernelyard.cli.trial import try_kernel

    with tempfile.TemporaryDirectory(prefix="kernelyard-doctor-") as place:
        # The store, too: in the one that is configured it would look after kernels of others.
        trial = settings.model_copy(
            update={
                "data_dir": Path(place).resolve(),
                "admin_token": None,
                "max_kernels": 0,
                "store": "sqlite",
            }
        )
        try:
            tried = asyncio.run(try_kernel(trial))
        except Exception as error:  # noqa: BLE001 - whatever keeps a kernel from starting is a finding
            told = sentence_of(error)
            said = told[0] if told else f"{type(error).__name__}: {error}"
            report.kernel = Finding("python3", BROKEN, said)
            return
    report.images = [
        Finding(one.name, "not ready" if one.problem else OK, one.problem or one.display_name)
        for one in tried.images
    ]
    report.images += [Finding(f"{one.provider}/…", BROKEN, one.problem) for one in tried.broken]
    report.limits = [
        Finding(
            one.limit,
            OK if one.held_by else "not held",
            ": ".join(part for part in (one.held_by, one.remark) if part),
        )
        for one in tried.limits
    ]
    said = tried.not_forked
    report.forking = Finding(
        "fork", "not forked" if said else OK, said or "a second kernel was forked"
    )
    answers = tried.answer.strip() == "2"
    report.kernel = Finding("python3", OK if answers else BROKEN, f"1+1 is {tried.answer}")


def _shown(name: str, value: Any) -> str:
    if value is None:
        return "(not set)"
    if name == "providers":  # which are set, and not to what: it may be a password of a catalogue
        return ", ".join(f"{one}.{key}" for one in value for key in value[one]) or "(not set)"
    return "(set)" if name in ENVIRONMENT_ONLY else str(value)


def _print(report: Report) -> None:
    typer.echo(f"Settings (file: {report.config_file or 'none'})")
    rows = [(one["name"], one["value"], one["source"]) for one in report.settings]
    show_table(("SETTING", "VALUE", "SOURCE"), rows, empty="")
    typer.echo("\nPlugins")
    _findings(report.plugins, "none found: install kernelyard again")
    typer.echo("\nImages")
    _findings(report.images, "none found: install a kernel, such as ipykernel")
    typer.echo("\nLimits of templates, and what holds them on this machine")
    _findings(report.limits, "not known: no agent could be started")
    typer.echo("\nQuirks of kernels, a file of yours")
    _findings(report.quirks, "there is none")
    typer.echo("\nServer of this data directory")
    _findings([report.server] if report.server else [], "none is running")
    typer.echo("\nDisk")
    _disk(report.disk)
    typer.echo("\nA kernel")
    _findings([report.kernel], "")
    typer.echo("\nHow further kernels start")
    _findings([report.forking] if report.forking else [], "not known: no kernel answered")
    typer.echo("\nAll is well." if report.healthy else "\nSomething is broken: see above.")


def _disk(use: DiskUse | None) -> None:
    if use is None:
        typer.echo("  there is no data directory yet")
        return
    at_least = "" if use.complete else "at least "
    typer.echo(
        f"  {at_least}{human_size(use.total)} in {use.place}, {human_size(use.free)} are free: "
        f"database {human_size(use.database)}, journals {human_size(use.journals)}, "
        f"logs {human_size(use.logs)}, work directories {human_size(use.work)}"
    )
    typer.echo(f"  {use.kernels} kernels, {use.live} of them live")
    rows = [
        (
            one["id"],
            "live" if one["live"] else "ended",
            human_size(int(one["total"])) + ("" if one["complete"] else " or more"),
            *(human_size(int(one[part])) for part in ("journal", "log", "work")),
        )
        for one in use.largest
    ]
    if rows:
        show_table(("KERNEL", "STATE", "TOTAL", "JOURNAL", "LOG", "WORK"), rows, empty="")


def _findings(findings: list[Finding], empty: str) -> None:
    if not findings:
        typer.echo(f"  {empty}")
    for one in findings:
        colour = typer.colors.GREEN if one.state == OK else typer.colors.RED
        typer.echo(f"  {typer.style(one.state, fg=colour)}  {one.name}  {one.detail}")
