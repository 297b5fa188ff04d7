"""The templates of one map, compiled once they are known to end, and rendered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jinja2

from tremble.prompts.own_template import as_template, compiled_from, rendered
from tremble.tabular.templates.environment import environment
from tremble.tabular.templates.trial import why_not
from tremble.tabular.templates.uses import Uses, uses_of

SECONDS = 10.0  # that a rendering may take; it takes some ten-thousandths of one


@dataclass(frozen=True, slots=True)
class MapTemplate:
    """A template and what it looks at. `what` names it in errors: "the prompt"."""

    what: str
    uses: Uses
    template: jinja2.Template

    def render(self, variables: Mapping[str, Any]) -> str:
        """What it prints. Raises `MissingCell` where a missing cell would be printed, NotRendered
        for everything else that goes wrong."""
        return rendered(self.template, variables, SECONDS)


@lru_cache(maxsize=64)
def compiled(text: str, what: str) -> MapTemplate:
    """A template. Raises NoTemplate for what is none, and for what does not end in time or takes
    all memory, which is tried in another process."""
    env = environment()
    tree, template = compiled_from(env, text, lambda one: why_not((one,), SECONDS))
    with as_template():
        return MapTemplate(what, uses_of(tree, env.globals), template)


def is_template(text: str) -> bool:
    """Whether a label is written as a template."""
    return any(mark in text for mark in ("{{", "{%", "{#"))


def used(templates: Sequence[MapTemplate]) -> Uses:
    """What several templates look at together."""
    uses = [template.uses for template in templates]
    return Uses(
        names=frozenset().union(*(one.names for one in uses)),
        columns=frozenset().union(*(one.columns for one in uses)),
        special=frozenset().union(*(one.special for one in uses)),
        words=frozenset().union(*(one.words for one in uses)),
        past=frozenset().union(*(one.past for one in uses)),
        dotted=frozenset().union(*(one.dotted for one in uses)),
    )
