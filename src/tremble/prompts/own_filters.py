"""What puts texts together in templates that users write: held to the same as what is printed, and
to a length."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from jinja2 import nodes, pass_environment
from jinja2.environment import Environment
from jinja2.filters import FILTERS, make_attrgetter

from tremble.prompts.limits import LENGTH

Finalize = Callable[[Any], Any]  # raises for what may not be printed


def put_together(env: Environment, finalize: Finalize) -> None:
    """Has `|join`, `|format` and `%` of an environment ask `finalize` for what they put together,
    as printing does."""

    @pass_environment
    def join(
        env: Environment, value: Iterable[Any], d: str = "", attribute: str | int | None = None
    ) -> str:
        parts = list(value)
        if attribute is not None:
            parts = [*map(make_attrgetter(env, attribute), parts)]
        between = str(d)
        check_length(len(between) * len(parts))
        return between.join([str(finalize(part)) for part in parts])

    def formatted(value: Any, *args: Any, **named: Any) -> Any:
        for one in (*args, *named.values()):
            finalize(one)
        return FILTERS["format"](value, *args, **named)

    def percent(left: Any, right: Any) -> Any:
        if isinstance(left, str) and not isinstance(right, dict):
            for one in right if isinstance(right, tuple) else (right,):
                finalize(one)
        return left % right

    env.filters |= {"join": join, "format": formatted}
    env.intercepted_binops |= {"%"}  # type: ignore[attr-defined]
    env.binop_table["%"] = percent  # type: ignore[attr-defined]


def asked_in_concats(env: Environment, text: str) -> nodes.Template:
    """The template of a text, with everything that `~` puts together passed through `|string`,
    which asks what printing does."""
    tree = env.parse(text)
    for concat in tree.find_all(nodes.Concat):
        concat.nodes = [
            nodes.Filter(one, "string", [], [], None, None, lineno=one.lineno)
            for one in concat.nodes
        ]
    tree.set_environment(env)
    return tree


def joins_shortly(tree: nodes.Template) -> bool:
    """Whether every `|join` of a template puts nothing, or a few characters that are written out,
    between the parts, and there are few of them: three after each other already make a text eight
    times as long with one character."""
    joins = [node for node in tree.find_all(nodes.Filter) if node.name == "join"]
    apart = [node for node in joins if node.args or node.kwargs or node.dyn_args]
    return len(apart) <= 3 and all(_shortly(node) for node in apart)


def check_length(count: int) -> None:
    """Raises MemoryError where that is too long, before memory is taken for it."""
    if count > LENGTH:
        raise MemoryError(f"it makes more than {LENGTH:,} characters or digits; make it shorter")


def _shortly(join: nodes.Filter) -> bool:
    if len(join.args) != 1 or join.kwargs or join.dyn_args or join.dyn_kwargs:
        return False
    between = join.args[0]
    return isinstance(between, nodes.Const) and len(str(between.value)) <= 10
