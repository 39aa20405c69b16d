"""Parts of a pod's manifest, as templates hold them: read far enough to know that they can be used."""

from __future__ import annotations

import re

from kernelyard.model.errors import Invalid

LARGEST_MANIFEST = 64 * 1024
FIELD = "pod.manifest"
_CALLED = f"The pod's manifest ('{FIELD}', or yaml_pod_template_spec)"
_EXPRESSION = re.compile(r"\{\{[^{}]*\}\}")
"""A field that is filled in for each kernel, such as ``{{ .Creator }}``; YAML would read braces."""


def check_manifest(text: str) -> None:
    """Raise Invalid unless ``text`` is YAML with an object that can be laid over a pod's manifest.

    Fields that nobody knows may stand in it: clusters differ. Takes some milliseconds.
    """
    if len(text) > LARGEST_MANIFEST:
        raise Invalid(f"{_CALLED} may have at most {LARGEST_MANIFEST} characters.", field=FIELD)
    manifest = _read(_EXPRESSION.sub("filled-in", text))
    if manifest is None:
        return
    if not isinstance(manifest, dict):
        raise _misfit("it must be an object with fields such as 'metadata' and 'spec'")
    for part in ("metadata", "spec"):
        if not isinstance(manifest.get(part, {}), dict):
            raise _misfit(f"'{part}' must be an object")
    containers = manifest.get("spec", {}).get("containers", [])
    if not isinstance(containers, list) or not all(isinstance(one, dict) for one in containers):
        raise _misfit("'spec.containers' must be a list of objects")


def _read(text: str) -> object:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        read: object = yaml.load(text, Loader=loader)  # noqa: S506 - either of them is the safe one
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark is not None else ""
        raise _misfit(f"it is not valid YAML{where}") from error
    return read


def _misfit(why: str) -> Invalid:
    return Invalid(f"{_CALLED} cannot be used: {why}.", field=FIELD)
