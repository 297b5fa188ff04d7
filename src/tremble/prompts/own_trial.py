"""The templates of wordings and controls of the user's own: what they may look at, and their trial
in a process of its own, which runs this module as a program."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from typing import Any

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

from tremble.prompts.limits import trial, tried
from tremble.prompts.own_facts import Facts, Parts, Path, paths
from tremble.prompts.own_template import (
    SECONDS,
    NoTemplate,
    as_template,
    compiled_from,
    literals,
    names_behind,
    sandbox,
    undeclared,
)
from tremble.text import did_you_mean

FACTS = "facts"
PARTS = ("rules", "history", "question", "answer")  # which part of an own prompt they are: unknown
EVERYWHERE = ("options", FACTS)
OF_CONTROLS = (*PARTS, *EVERYWHERE)
OF_WORDINGS = (*OF_CONTROLS, "prompt", "system")

_LINES = "\n".join(["Round 1 of 10: you chose J, the other player chose F."] * 100)
_TEXTS = ("rules", "history", "question", "answer", "prompt", "system")


@dataclass(frozen=True, slots=True)
class OwnTemplate:
    """A template that ends in time: `names`, the variables it looks at; `facts`, what it looks
    up among the facts; `literals`, the texts in it that it prints whatever the variables are."""

    names: frozenset[str]
    facts: frozenset[Path]
    literals: tuple[str, ...]
    template: jinja2.Template


@lru_cache(maxsize=256)
def own_template(text: str, known: tuple[str, ...]) -> OwnTemplate:
    """The template of a text, which may look at the variables `known`.

    Raises NoTemplate for one that is none or does not end in time (tried in another process), that
    takes in another file, or that looks at a variable that there is not, or at all facts at once.
    """
    env = _environment()
    tree, template = compiled_from(env, text, lambda one: _why_not(one, SECONDS))
    with as_template():
        names = undeclared(tree, env.globals, f"write one of the variables {', '.join(known)}")
        for name in sorted(names.difference(known)):
            raise NoTemplate(
                f"uses {name!r}, which is not a variable{did_you_mean(name, [*known])}"
            )
        for _ in names_behind(tree, FACTS, "fact") if FACTS in names else ():
            pass  # raises where one has no fixed name
        return OwnTemplate(frozenset(names), paths(tree, FACTS), (*literals(tree),), template)


@lru_cache(maxsize=256)
def _why_not(text: str, seconds: float) -> str | None:
    """What is wrong with a template that does not end in time or within memory, as the rest of a
    sentence; None for one that does, whatever it prints or raises."""
    return tried(__name__, [text], seconds)


class _Sandbox(ImmutableSandboxedEnvironment):
    """In which a part of a fact goes before a method of that name: facts.home.items."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        if isinstance(obj, Parts) and attribute in obj:
            return obj[attribute]
        return super().getattr(obj, attribute)


@cache
def _environment() -> jinja2.Environment:
    return sandbox(_Sandbox)


class _Any(Facts):
    """Stands for all facts that a template may ask for."""

    def __getitem__(self, name: str) -> str:
        return "1"


def _renderings(texts: Sequence[str]) -> Iterator[Callable[[], str]]:
    variables = {**dict.fromkeys(_TEXTS, _LINES), FACTS: _Any({}), "options": ["yes", "no"]}
    for text in texts:
        yield partial(_rendered, text, variables)


def _rendered(text: str, variables: Mapping[str, Any]) -> str:
    return _environment().from_string(text).render(variables)


if __name__ == "__main__":
    trial(_renderings)
