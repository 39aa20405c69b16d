"""Which parts of pods' manifests a template takes."""

from __future__ import annotations

import pytest

from kernelyard.model.errors import Invalid
from kernelyard.yard.manifests import LARGEST_MANIFEST, check_manifest


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# a remark alone",
        "metadata: {labels: {a: b}}",
        "spec:\n  containers: []",
        "spec:\n  containers:\n  - image: x\n    unknown: true\n  tolerations: [{key: a}]",
        "metadata:\n  labels:\n    who: {{ .Creator }}\n    id: '{{ .CreatorID }}'",
        "a: &x [1]\nb: *x",
    ],
)
def test_an_object_with_whatever_in_it_is_taken(text: str) -> None:
    check_manifest(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a: [", "not valid YAML in line 2"),
        ("a: 1\nb: c: d", "not valid YAML in line 2"),
        ("text", "must be an object"),
        ("- 1", "must be an object"),
        ("spec: 1", "'spec' must be an object"),
        ("metadata: []", "'metadata' must be an object"),
        ("spec: {containers: [1]}", "'spec.containers'"),
        ("a: 1\n---\nb: 1", "not valid YAML"),
        ("a: !!python/name:os.system", "not valid YAML"),
        ("a: *nothing", "not valid YAML"),
        ("{[1]: 2}", "not valid YAML"),
        ("a: 2001-99-99", "not valid YAML"),
        ("x" * (LARGEST_MANIFEST + 1), "at most 65536"),
    ],
)
def test_anything_else_is_refused_with_a_reason(text: str, why: str) -> None:
    with pytest.raises(Invalid, match=why) as refused:
        check_manifest(text)
    assert refused.value.field == "pod.manifest"


@pytest.mark.parametrize(
    "text", ["{{" * 32_000, "[" * 65_000, "a: {{" + "x" * 65_000, "&a " * 20_000]
)
def test_nothing_takes_long(text: str) -> None:
    with pytest.raises(Invalid):
        check_manifest(text)


def test_aliases_are_not_multiplied() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    check_manifest("\n".join(lines))
