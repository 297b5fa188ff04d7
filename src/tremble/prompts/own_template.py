"""Templates that users write, in maps of tables and in study files: jinja's sandbox, in which texts
and numbers alone are printed, and what is read off a template before anything is rendered."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterator, Mapping, Set
from contextlib import contextmanager
from functools import partial
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.filters import do_center
from jinja2.meta import find_undeclared_variables
from jinja2.sandbox import ImmutableSandboxedEnvironment

from tremble.prompts.limits import LENGTH, in_time
from tremble.prompts.own_filters import (
    asked_in_concats,
    check_length,
    joins_shortly,
    put_together,
)
from tremble.prompts.own_lines import Lines, joined, mark_in, unmarked
from tremble.text import of_template, one_line

SECONDS = 10.0  # that a rendering may take; it takes some ten-thousandths of one
_NONE = object()
# An object with its address, which is another one each time.
_OBJECT = re.compile(r"<[^<>\n]{0,200} at 0x[0-9a-fA-F]+|[ ]object at 0x")
_BLOCKS = (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)
# What a template may hold that can be neither long nor without end, whatever is put in.
_PLAIN = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Getattr, nodes.Getitem),
    *(nodes.Const, nodes.If, nodes.CondExpr, nodes.Compare, nodes.Operand, nodes.And, nodes.Or),
    *(nodes.Not, nodes.Test, nodes.For, nodes.Filter, nodes.Add, nodes.Sub, nodes.Neg, nodes.Div),
    *(nodes.FloorDiv, nodes.Concat),
)
_SHORT = {  # filters that make nothing longer than what they are given
    *("abs", "capitalize", "d", "default", "first", "float", "int", "join", "last", "length"),
    *("list", "lower", "max", "min", "round", "sum", "title", "trim", "upper"),
}


class NoTemplate(Exception):
    """A template that cannot be one; its text is the rest of a sentence on it."""


class NotRendered(Exception):
    """A template that cannot be rendered for a record; its text is the rest of a sentence on it."""


class MissingCell(jinja2.UndefinedError):
    """A template printed a value that is missing, or reckoned with it. `name`: what was printed."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class Missing(jinja2.StrictUndefined):
    """A missing value: false in an {% if %}, not defined, `default` has something in its place, and
    an error wherever it would be printed or reckoned with."""

    def __init__(self, name: str) -> None:
        super().__init__(hint=name, name=name, exc=MissingCell)

    def __bool__(self) -> bool:  # type: ignore[override]  # jinja types these as raising
        return False

    def __eq__(self, other: object) -> bool:  # type: ignore[override]
        return isinstance(other, Missing)

    def __ne__(self, other: object) -> bool:  # type: ignore[override]
        return not isinstance(other, Missing)

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(Missing)


def sandbox(
    kind: type[ImmutableSandboxedEnvironment] = ImmutableSandboxedEnvironment,
    finalize: Callable[[Any], Any] | None = None,
) -> ImmutableSandboxedEnvironment:
    """An environment of that kind, without anything that gives another text each time, and in which
    a text that is no number does not become 0. `finalize` is asked for all that is printed.

    What a line of a template prints is a line, see `own_lines`.
    """
    finalize = finalize or printable
    made = kind(
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.loopcontrols", Lines],
        undefined=jinja2.StrictUndefined,
        finalize=finalize,
    )
    made.concat = joined  # type: ignore[method-assign]
    del made.filters["random"]
    del made.globals["lipsum"]  # random words
    del made.filters["pprint"]  # as a program writes it
    made.intercepted_binops = frozenset({"*", "-", "**"})
    made.binop_table = {**made.binop_table, "*": _times, "-": _minus, "**": _power}
    made.filters["center"] = _center
    made.policies["json.dumps_kwargs"] = {"sort_keys": True, "default": _no_json}
    made.filters["string"] = lambda value: str(finalize(value))
    made.filters["float"] = _float
    made.filters["int"] = _int
    put_together(made, finalize)
    return made


def printable(value: Any, of_list: str = "", of_function: str = "") -> Any:
    """What is printed, where it is a text or a number: others look different each time, or say
    what nobody read. `of_list`, `of_function`: what else to write, in the error on one."""
    if isinstance(value, str) and (mark := mark_in(value)) is not None:
        raise TypeError(f"it prints {mark}, which is no character; remove it from the text")
    if isinstance(value, str | int | float | jinja2.Undefined):
        return value
    if isinstance(value, list | tuple | Iterator):
        raise TypeError(f'it prints a list; write |join(", ") after it{of_list}')
    if callable(value):
        raise TypeError(f"it prints a function{of_function}")
    if value is None or isinstance(value, dict):
        raise TypeError(f"it prints {value!r}")
    # Some say themselves what is wrong with that.
    raise TypeError(str(value) and "it prints something that is neither a text nor a number")


def compiled_from(
    env: jinja2.Environment, text: str, why_not: Callable[[str], str | None]
) -> tuple[nodes.Template, jinja2.Template]:
    """A template, as a tree and compiled. `why_not` tries one that is not plain in another process.

    Raises NoTemplate for what is none, and for what does not end in time or takes all memory.
    """
    with as_template():
        tree = env.parse(text)
        fault = None if is_plain(tree) else why_not(text)
        if fault is not None:
            raise NoTemplate(fault)
        return tree, env.from_string(asked_in_concats(env, text))


@contextmanager
def as_template() -> Iterator[None]:
    """Raises NoTemplate in place of what jinja raises for a text that is no template."""
    try:
        yield
    except jinja2.TemplateSyntaxError as error:
        raise NoTemplate(
            f"is not a valid template (line {error.lineno}: {(error.message or '').rstrip('.')})"
        ) from error
    except (jinja2.TemplateError, RecursionError) as error:
        raise NoTemplate(f"is not a valid template ({one_line(error)})") from error
    except TypeError as error:  # computed while it is compiled
        raise NoTemplate(f"cannot be computed ({plainly(one_line(error))})") from error


def rendered(template: jinja2.Template, variables: Mapping[str, Any], seconds: float) -> str:
    """What a template prints. Raises `MissingCell` where a missing value would be printed,
    NotRendered for everything else that goes wrong."""
    try:
        text = in_time(partial(_printed, template, variables), seconds)
    except MissingCell:
        raise
    except TimeoutError as error:
        raise NotRendered(str(error)) from error
    except RecursionError as error:
        raise NotRendered("it calls itself without end") from error
    except Exception as error:  # whatever somebody's template does
        raise NotRendered(plainly(one_line(error))) from error
    if " at 0x" in text and _OBJECT.search(text):
        raise NotRendered("it prints a Python object, ... at 0x...")
    return text


def _printed(template: jinja2.Template, variables: Mapping[str, Any]) -> str:
    """What a template prints, bit by bit, so that no more memory is taken for it: another text than
    that of the trial may take another way through the template."""
    pieces, length = [], 0
    for piece in template.generate(variables):
        pieces.append(piece)
        length += len(piece)
        if length > LENGTH:
            raise NotRendered(f"it prints more than {LENGTH:,} characters")
    return joined(pieces)


def is_plain(tree: nodes.Template) -> bool:
    """Whether a template needs no trial: it prints, asks, and goes through lists, one by one."""
    loops = list(tree.find_all(nodes.For))
    filters = {node.name for node in tree.find_all(nodes.Filter)}
    nested = any(next(loop.find_all(nodes.For), None) is not None for loop in loops)
    return (
        not nested
        and filters <= _SHORT
        and joins_shortly(tree)
        and all(isinstance(node, _PLAIN) for node in tree.find_all(nodes.Node))
    )


def undeclared(tree: nodes.Template, known: Container[str], instead: str) -> set[str]:
    """The variables that a template does not set itself; `known` are names that mean something
    without being one, where they are called: `range` alone is a variable, and `range(3)` is not.

    Raises NoTemplate for `self`, with what to write `instead`, and for one that takes in another
    file, and jinja's own errors for what cannot be compiled.
    """
    values = values_of(tree)
    names = find_undeclared_variables(tree) | {name for name in values if name in known}
    if "self" in values:
        raise NoTemplate(f"uses `self`, a word of the template language; {instead}")
    for block in tree.find_all(_BLOCKS):
        raise NoTemplate(f"includes another file (line {block.lineno}); write its text here")
    return names


def values_of(tree: nodes.Template) -> set[str]:
    """The names that a template does not set and looks at otherwise than by a call."""
    called = {id(call.node) for call in tree.find_all(nodes.Call)}
    names = [node for node in tree.find_all(nodes.Name) if id(node) not in called]
    return {node.name for node in names} - {node.name for node in names if node.ctx != "load"}


def looked_at(tree: nodes.Template) -> Iterator[tuple[nodes.Node, str | None]]:
    """What `.name` or `["name"]` is asked of, and the name; None for one that is computed."""
    for dotted in tree.find_all(nodes.Getattr):
        yield dotted.node, dotted.attr
    for item in tree.find_all(nodes.Getitem):
        fixed = isinstance(item.arg, nodes.Const) and isinstance(item.arg.value, str)
        yield item.node, item.arg.value if fixed else None  # type: ignore[attr-defined]


def names_behind(tree: nodes.Template, base: str, of_what: str) -> Iterator[str]:
    """The names in base["..."] and base.name; `of_what` there is one, in errors: "column".

    Raises NoTemplate where the template looks at `base` as a whole, or by a name that it computes,
    so that nobody knows at what.
    """
    known = 0
    for node, name in looked_at(tree):
        if not (isinstance(node, nodes.Name) and node.name == base):
            continue
        known += 1
        if name is not None:
            yield name
        else:
            raise NoTemplate(
                f'uses a {of_what} of `{base}` without a fixed name; write {base}["the name"]'
            )
    if known < sum(node.name == base for node in tree.find_all(nodes.Name)):
        raise NoTemplate(f'uses `{base}` as a whole; write {base}["the name of a {of_what}"]')


def literals(tree: nodes.Template) -> Iterator[str]:
    """The texts of a template's own that it may print: not those that it only compares with, or
    looks something up by."""
    apart = {
        id(one)
        for asked in tree.find_all((nodes.Compare, nodes.Test))
        for one in asked.find_all(nodes.Const)
    }
    apart |= {id(item.arg) for item in tree.find_all(nodes.Getitem)}
    for text in tree.find_all(nodes.TemplateData):
        yield unmarked(text.data)
    for one in tree.find_all(nodes.Const):
        if isinstance(one.value, str) and id(one) not in apart:
            yield one.value


def plainly(message: str) -> str:
    """An error of Python's in words for people who do not write it."""
    for program, words in (("'Cell'", "a cell"), ("'str'", "a text"), ("'int'", "a number")):
        message = message.replace(program, words)
    return of_template(message)


def _times(left: Any, right: Any) -> Any:
    for text, number in ((left, right), (right, left)):
        if isinstance(text, str | list | tuple) and isinstance(number, int):
            check_length(len(text) * number)
    return left * right


def _minus(left: Any, right: Any) -> Any:
    found = left - right
    if isinstance(found, Set):  # in another order in each process
        raise TypeError("it subtracts names, and what is left has no order; write a list of them")
    return found


def _power(left: Any, right: Any) -> Any:
    if isinstance(left, int) and isinstance(right, int):
        check_length(left.bit_length() * right)
    return left**right


def _center(value: Any, width: int = 80) -> str:
    check_length(width)
    return do_center(value, width)


def _no_json(value: Any) -> Any:
    str(value)  # which raises what is wrong with a missing one
    raise TypeError(f"{type(value).__name__} cannot be written with |tojson")


def _float(value: Any, default: Any = _NONE) -> Any:
    return _as(float, value, default)


def _int(value: Any, default: Any = _NONE) -> Any:
    return _as(lambda one: int(float(one)), value, default)


def _as(kind: Any, value: Any, default: Any) -> Any:
    try:
        return kind(value)
    except (TypeError, ValueError, OverflowError):
        if default is _NONE:
            raise TypeError(f"{str(value)!r} is not a number") from None
        return default
