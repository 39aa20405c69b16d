"""In which workspace a template is, and under which id.

A template that was made through this door is where it was put, under the id that it was given. Of all
others those of administrators are shared, in ``global``, and a user's are his own, in ``default``.
"""

from __future__ import annotations

from dataclasses import dataclass

from kernelyard.doors.h2o.names import DEFAULT, GLOBAL, name_of, parsed, shown_id
from kernelyard.doors.h2o.routing import Call
from kernelyard.model.errors import TemplateNotFound
from kernelyard.model.principals import ADMIN_NAME, Principal
from kernelyard.model.templates import DEFAULT_TEMPLATE, Template

COLLECTION = "kernelTemplates"
WORKSPACE, ID, DELETED = "h2o.workspace", "h2o.id", "h2o.deleted"
"""Labels of templates."""
_SHARED = frozenset({"", ADMIN_NAME})
"""Owners whose templates are everybody's."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A template in a workspace."""

    workspace: str
    id: str
    template: Template

    @property
    def name(self) -> str:
        """Its name in this dialect."""
        return name_of(self.workspace, COLLECTION, self.id)

    @property
    def is_the_yards(self) -> bool:
        """Whether it is the template that is always there. It answers to its name until another has it."""
        return self.template.name == DEFAULT_TEMPLATE


async def every(call: Call) -> list[Placed]:
    """Return every template that the caller may know of."""
    cursor: str | None = None
    placed: list[Placed] = []
    while True:
        part, cursor = await call.yard.templates.list(call.who, cursor, None)
        placed += [place(one, call.who) for one in part if DELETED not in one.labels]
        if cursor is None:
            return [one for one in placed if _may_know(call, one)]


async def found(call: Call, workspace: str, id_: str) -> Placed:
    """Return the template of a workspace and an id. Raises TemplateNotFound."""
    same = [one for one in await every(call) if (one.workspace, one.id) == (workspace, id_)]
    same.sort(key=lambda one: one.is_the_yards)
    if not same:
        raise TemplateNotFound(
            f"There is no kernel template '{id_}' in workspaces/{workspace}. List those there are."
        )
    return next((one for one in same if one.template.owner == call.who.name), same[0])


async def named(call: Call, name: str) -> Placed:
    """Return the template of a name such as ``workspaces/default/kernelTemplates/small``.

    Raises Invalid, TemplateNotFound.
    """
    workspace, id_ = parsed(name, COLLECTION)
    return await found(call, workspace, id_)


def place(template: Template, who: Principal) -> Placed:
    """Return where a template is that ``who`` has been shown."""
    labels, mine = template.labels, template.owner == who.name
    # Users are shown their own and shared ones, and all that an administrator makes is shared.
    shared = template.owner in _SHARED or mine == who.is_admin
    id_ = labels.get(ID) or shown_id(template.name)
    return Placed(labels.get(WORKSPACE, GLOBAL if shared else DEFAULT), id_, template)


def _may_know(call: Call, one: Placed) -> bool:
    mine = one.template.owner == call.who.name
    return one.workspace == GLOBAL or mine or call.who.is_admin
