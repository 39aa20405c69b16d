"""Write docs/reference/ from the code: settings, command line, HTTP API, errors.

``--check`` writes nothing and fails if a page is not what would be written.
"""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

REFERENCE = Path(__file__).resolve().parents[1] / "docs" / "reference"
NOTE = "<!-- Written by tools/docs_reference.py from the code; change it there. -->"
DATA_DIR = "the platform's user data directory"
KINDS = {
    "bool": "true or false",
    "float": "number",
    "tuple[Path, ...]": "list of paths",
    "tuple[Path, ...] | None": "list of paths",
    "tuple[str, ...]": "list of texts",
    "dict[str, dict[str, Any]]": "table of tables",
}
"""What the types of providers' settings are called by those who write them."""
METHODS = ("get", "post", "put", "patch", "delete")


def main() -> int:
    """Write the pages, or compare them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare only; write nothing")
    check = parser.parse_args().check
    stale = [name for name, text in pages() if not _settle(REFERENCE / name, text, check)]
    if stale and check:
        print(f"Not up to date: {', '.join(stale)}. Run 'make docs'.", file=sys.stderr)
    return 1 if stale and check else 0


def pages() -> Iterator[tuple[str, str]]:
    """Yield the name and the text of every page."""
    writers: dict[str, Callable[[], Iterator[str]]] = {
        "settings.md": settings_page,
        "cli.md": cli_page,
        "http.md": http_page,
        "errors.md": errors_page,
    }
    for name, write in writers.items():
        yield name, "\n".join([NOTE, "", *write()]).rstrip() + "\n"


def _settle(path: Path, text: str, check: bool) -> bool:
    """Whether the page was as it should be; writes it unless ``check``, then shows what differs."""
    old = path.read_text("utf-8") if path.exists() else ""
    if old == text:
        return True
    if check:
        lines = difflib.unified_diff(
            old.splitlines(), text.splitlines(), f"{path.name} (there)", "(from the code)", n=1
        )
        print("\n".join(list(lines)[:40]), file=sys.stderr)
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        print(f"wrote docs/reference/{path.name}")
    return False


# Settings


def settings_page() -> Iterator[str]:
    """Every setting with its flag, variable, default and meaning."""
    from kernelyard.settings import ENVIRONMENT_ONLY, Settings, flag_of, variable_of

    yield "# Settings"
    yield ""
    yield "A flag is stronger than the environment, which is stronger than the TOML file, which is"
    yield "stronger than the default. The file is the one named by `--config` or `KERNELYARD_CONFIG`, else"
    yield "`kernelyard.toml` in the platform's user configuration directory. A name that is not a setting"
    yield "is refused. `kernelyard doctor` shows each value in force and where it came from."
    yield ""
    yield "Sizes are bytes or `16MiB`, `1Gi`, `4g`; durations are seconds or `90s`, `5m`, `1h30m`."
    yield ""
    yield "| setting (TOML key) | flag | environment | default | meaning |"
    yield "|---|---|---|---|---|"
    fields = sorted(
        Settings.model_fields.items(), key=lambda one: one[0] not in Settings.__annotations__
    )
    for name, field in fields:
        flag = "none" if name in ENVIRONMENT_ONLY else f"`{flag_of(name)}`"
        default = _default_text(name, field.default)
        yield f"| `{name}` | {flag} | `{variable_of(name)}` | {default} | {field.description} |"
    yield ""
    yield from _provider_tables()
    yield ""
    yield "## Where clients look"
    yield ""
    yield "The SDK and the command line read `KERNELYARD_URL` and `KERNELYARD_TOKEN`. Without them they read"
    yield "`server.json` in the data directory (`KERNELYARD_DATA_DIR`, else the platform's), which a server"
    yield "keeps there while it runs."
    yield ""
    yield "## Plugins"
    yield ""
    yield "| entry-point group | chosen by | ours |"
    yield "|---|---|---|"
    yield from _plugin_rows()


def _default_text(name: str, value: object) -> str:
    if name == "data_dir":
        return DATA_DIR
    if value in (None, ""):
        return "none"
    if isinstance(value, bool):
        return "`true`" if value else "`false`"
    if isinstance(value, int) and value >= 1024**2 and value % 1024**2 == 0:
        return f"`{value // 1024**3}GiB`" if value % 1024**3 == 0 else f"`{value // 1024**2}MiB`"
    if isinstance(value, float):
        return f"`{value:g}s`"
    return f"`{value}`"


def _provider_tables() -> Iterator[str]:
    """The settings of our own providers, which are those of their classes."""
    from importlib.metadata import entry_points

    yield "## Settings of providers"
    yield ""
    yield "Each provider has a table `[providers.NAME]` in the file. `--providers` and `KERNELYARD_PROVIDERS` take"
    yield 'the same as TOML (`virtualenv.folders = ["~/envs"]`) or JSON; what they say is laid over the file, key'
    yield "by key. Every provider, also one of another package, has `enabled`; `false` leaves it out. A wrong key"
    yield "is told by `kernelyard images`, and the other providers go on. A running agent follows a change as soon"
    yield "as a server with the new settings asks it for something."
    for point in sorted(entry_points(group="kernelyard.providers"), key=lambda one: one.name):
        declared = point.load().Settings if point.value.startswith("kernelyard.") else None
        if declared is not None:
            yield ""
            yield f"`[providers.{point.name}]`"
            yield ""
            yield "| key | type | default | meaning |"
            yield "|---|---|---|---|"
            yield from _provider_rows(declared)


def _provider_rows(declared: Any) -> Iterator[str]:
    """A row for each field of a dataclass, whose meaning is the text below it in the source."""
    import ast
    import inspect
    import json
    import textwrap

    body = ast.parse(textwrap.dedent(inspect.getsource(declared))).body[0]
    assert isinstance(body, ast.ClassDef)  # noqa: S101
    for field, said in zip(body.body, body.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            assert isinstance(said, ast.Expr)  # noqa: S101
            kind = KINDS[ast.unparse(field.annotation)]
            default = getattr(declared(), field.target.id)
            shown = "none" if default is None else f"`{json.dumps(default, default=str)}`"
            meaning = " ".join(str(ast.literal_eval(said.value)).split()).replace("``", "`")
            yield f"| `{field.target.id}` | {kind} | {shown} | {meaning} |"


def _plugin_rows() -> Iterator[str]:
    from importlib.metadata import entry_points

    from kernelyard.plugins import GROUPS

    chosen = {
        "kernelyard.stores": "the setting `store`",
        "kernelyard.engines": "the setting `engine`",
    }
    for group in GROUPS:
        points = sorted(entry_points(group=group), key=lambda point: point.name)
        ours = [point.name for point in points if point.value.startswith("kernelyard.")]
        names = ", ".join(f"`{name}`" for name in ours)
        yield f"| `{group}` | {chosen.get(group, 'all are used')} | {names} |"


# Command line


def cli_page() -> Iterator[str]:
    """The help of every command, as it is shown."""
    import typer

    from kernelyard.cli.main import app

    yield "# Command line"
    yield ""
    yield "What `kernelyard COMMAND --help` prints."
    command = typer.main.get_command(app)
    with typer.Context(command, info_name="kernelyard") as context:
        yield from _help_of(command, context, 2)


def _help_of(command: Any, context: Any, depth: int) -> Iterator[str]:
    context.terminal_width = context.max_content_width = 96
    context.show_default = True
    yield ""
    yield f"{'#' * depth} {context.command_path}"
    yield ""
    yield "```text"
    yield from (line.rstrip() for line in _portable(command.get_help(context)).splitlines())
    yield "```"
    for name in command.list_commands(context) if hasattr(command, "list_commands") else ():
        inner = command.get_command(context, name)
        with type(context)(inner, info_name=name, parent=context) as own:
            yield from _help_of(inner, own, min(depth + 1, 4))


def _portable(text: str) -> str:
    import platformdirs

    return text.replace(platformdirs.user_data_dir("kernelyard"), f"<{DATA_DIR}>")


# HTTP


def http_page() -> Iterator[str]:
    """Every operation with its parameters, body and answers."""
    document = _openapi()
    yield "# HTTP API"
    yield ""
    yield "The same, with schemas, is served by every server at `/openapi.json` and, to read and try, at"
    yield "`/docs`. Every path but those under *health* needs `Authorization: Bearer <token>`. Errors are"
    yield "`application/problem+json`; [errors](errors.md) lists their codes."
    for tag in [tag["name"] for tag in document.get("tags", [])]:
        described = next(one for one in document["tags"] if one["name"] == tag)
        yield ""
        yield f"## {tag.capitalize()}"
        if described.get("description"):
            yield ""
            yield described["description"]
        for path, method, operation in _operations(document):
            if tag in operation.get("tags", []):
                yield from _operation(document, path, method, operation)


def _openapi() -> dict[str, Any]:
    import json
    from importlib.metadata import version

    from kernelyard.doors._asgi import health, metrics, openapi
    from kernelyard.doors._asgi.app import TAGS
    from kernelyard.doors.native import door

    routes = [
        route for one in (*door.routers(), health.router, metrics.router) for route in one.routes
    ]
    tags = [*door.tags(), *TAGS]
    document: dict[str, Any] = json.loads(openapi.describe(version("kernelyard"), routes, tags, ""))
    return document


def _operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method in METHODS:
            if method in methods:
                yield path, method, methods[method]


def _operation(
    document: Mapping[str, Any], path: str, method: str, operation: Mapping[str, Any]
) -> Iterator[str]:
    yield ""
    yield f"### {method.upper()} {path}"
    yield ""
    said = (operation.get("summary"), operation.get("description"))
    yield " ".join(f"{_one_line(text)}." for text in said if text)
    rows = [_parameter_row(one) for one in operation.get("parameters", [])]
    rows += _body_rows(document, operation.get("requestBody"))
    if rows:
        yield ""
        yield "| parameter | in | type | meaning |"
        yield "|---|---|---|---|"
        yield from rows
    answers = [
        f"`{status}` {_one_line(answer.get('description', ''))}"
        for status, answer in sorted(operation["responses"].items())
        if status != "500"
    ]
    yield ""
    yield "Answers: " + "; ".join(answers) + "."


def _parameter_row(one: Mapping[str, Any]) -> str:
    need = "" if one.get("required") else ", optional"
    meaning = one.get("description") or one.get("schema", {}).get("description") or ""
    kind = _type_text(one.get("schema", {}))
    return f"| `{one['name']}` | {one['in']}{need} | {kind} | {_one_line(meaning)} |"


def _body_rows(document: Mapping[str, Any], body: Mapping[str, Any] | None) -> list[str]:
    if not body:
        return []
    schema = next(iter(body["content"].values()))["schema"]
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    needed = schema.get("required", [])
    return [
        f"| `{name}` | body{'' if name in needed else ', optional'} | {_type_text(field)} "
        f"| {_one_line(field.get('description', ''))} |"
        for name, field in schema.get("properties", {}).items()
    ]


def _type_text(schema: Mapping[str, Any]) -> str:
    kinds = schema.get("anyOf") or schema.get("oneOf")
    if kinds:
        return " or ".join(dict.fromkeys(_type_text(kind) for kind in kinds))
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[1]
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_type_text(schema.get('items', {}))}"
    kind = schema.get("type", "any")
    return " or ".join(kind) if isinstance(kind, list) else str(kind)


def _one_line(text: str) -> str:
    return " ".join(text.split()).rstrip(".").replace("|", "\\|")


# Errors


def errors_page() -> Iterator[str]:
    """Every error code with its status and default sentence."""
    from kernelyard.doors.native.faults import status_of
    from kernelyard.model.errors import YardError

    yield "# Errors"
    yield ""
    yield "Every error is `application/problem+json`:"
    yield ""
    yield "```json"
    yield '{"type": "about:blank", "title": "Conflict", "status": 409, "code": "kernel_ended",'
    yield ' "detail": "The kernel has ended. …", "request_id": "…"}'
    yield "```"
    yield ""
    yield "`code` is stable and made for programs; `detail` is a sentence for people that says what to do;"
    yield "`field` names the part of the request that is meant, where there is one. The server's log tells"
    yield "more under the `request_id`."
    yield ""
    yield "| code | status | a kind of | what it says, unless it can say more |"
    yield "|---|---|---|---|"
    for error in _family(YardError):
        above = error.__mro__[1]
        known = issubclass(above, YardError) and above is not YardError
        parent = f"`{above.code}`" if known else ""
        meaning = _one_line(error.__doc__ or "")
        yield f"| `{error.code}` | {status_of(error)} | {parent} | {meaning}. |"
    yield "| `method_not_allowed` | 405 |  | This path does not take this method. The 'Allow' header lists those it takes. |"


def _family(error: Any) -> Iterator[Any]:
    yield error
    for child in error.__subclasses__():
        if child.__module__ == error.__module__:
            yield from _family(child)


if __name__ == "__main__":
    sys.exit(main())
