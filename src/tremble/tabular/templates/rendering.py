"""The templates of one map, compiled once they are known to end, and rendered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import jinja2

from tremble.prompts.limits import LENGTH, in_time
from tremble.tabular.templates.environment import environment
from tremble.tabular.templates.printed import MissingCell
from tremble.tabular.templates.trial import is_plain, why_not
from tremble.tabular.templates.uses import NoTemplate, Uses, uses_of
from tremble.text import of_template, one_line

_OBJECT = " object at 0x"  # and an address, which is another one each time
SECONDS = 10.0  # that a rendering may take; it takes some ten-thousandths of one


class NotRendered(Exception):
    """A template that cannot be rendered for a row; its text is the rest of a sentence on it."""


@dataclass(frozen=True, slots=True)
class MapTemplate:
    """A template and what it looks at. `what` names it in errors: "the prompt"."""

    what: str
    uses: Uses
    template: jinja2.Template

    def render(self, variables: Mapping[str, Any]) -> str:
        """What it prints. Raises `MissingCell` where a missing cell would be printed, NotRendered
        for everything else that goes wrong."""
        try:
            text = in_time(partial(self.template.render, variables), SECONDS)
        except MissingCell:
            raise
        except TimeoutError as error:
            raise NotRendered(str(error)) from error
        except RecursionError as error:
            raise NotRendered("it calls itself without end") from error
        except Exception as error:  # whatever somebody's template does
            raise NotRendered(_plainly(one_line(error))) from error
        if _OBJECT in text:
            raise NotRendered(f"it prints a Python object, ...{_OBJECT}...")
        if len(text) > LENGTH:
            raise NotRendered(f"it prints more than {LENGTH:,} characters")
        return text


@lru_cache(maxsize=64)
def compiled(text: str, what: str) -> MapTemplate:
    """A template. Raises NoTemplate for what is none, and for what does not end in time or takes
    all memory, which is tried in another process."""
    env = environment()
    try:
        tree = env.parse(text)
        fault = None if is_plain(tree) else why_not((text,), SECONDS)
        if fault is not None:
            raise NoTemplate(fault)
        return MapTemplate(what, uses_of(tree, env.globals), env.from_string(text))
    except jinja2.TemplateSyntaxError as error:
        raise NoTemplate(
            f"is not a valid template (line {error.lineno}: {(error.message or '').rstrip('.')})"
        ) from error
    except (jinja2.TemplateError, RecursionError) as error:
        raise NoTemplate(f"is not a valid template ({one_line(error)})") from error
    except TypeError as error:  # computed while it is compiled
        raise NoTemplate(f"cannot be computed ({_plainly(one_line(error))})") from error


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


def _plainly(message: str) -> str:
    """An error of Python's in words for people who do not write it."""
    return (
        of_template(message)
        .replace("'Cell'", "a cell")
        .replace("'str'", "a text")
        .replace("'int'", "a number")
    )
