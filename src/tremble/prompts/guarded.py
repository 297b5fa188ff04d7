"""What a control of a package tells, checked whenever a wording asks for it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from tremble.decisions.record import Decision
from tremble.decisions.view import View
from tremble.extensions.entries import Entry
from tremble.extensions.extensions import Amiss, guarded
from tremble.games.base import Family
from tremble.prompts.conversation import AS_IT_WAS, Telling
from tremble.text import is_text, texts


def guarded_telling(made: Any, decision: Decision, entry: Entry) -> Telling:
    """A telling whose functions raise UserError, with the package in it, where the package's break
    down or give something else than `Telling` says; what it leaves as it was is left so.

    Raises Amiss where that is no telling, or renames what an option is called.
    """
    if not isinstance(made, Telling):
        raise Amiss(f"returns {type(made).__name__}, not Telling.")
    names = made.names
    if not isinstance(names, Mapping) or not all(
        is_text(word) and word for pair in names.items() for word in pair
    ):
        raise Amiss(f"gives {names!r:.60} as names, which is not a dict of texts to texts.")
    for option in decision.options:
        words = {word.lower() for word in re.findall(r"\w+", option.label)}
        for name in names:
            if name.lower() in words:
                raise Amiss(
                    f"renames {name!r}, which is in the option {option.label!r} of the decision "
                    f"{decision.id!r}: that is the answer a model is scored on."
                )
    calls: dict[str, Any] = {}
    if made.seen is not AS_IT_WAS.seen:
        calls["seen"] = guarded(entry, _seen(made.seen))
    for name in ("rules", "history"):
        told = getattr(made, name)
        if told is not getattr(AS_IT_WAS, name):
            calls[name] = guarded(entry, _told(name, told))
    return replace(made, **calls)


def _seen(change: Callable[[View], View]) -> Callable[[View], View]:
    def seen(view: View) -> View:
        made = change(view)
        if not isinstance(made, View):
            raise Amiss(f"gives {type(made).__name__} in seen, not a View.")
        before, after = ([one.key for one in of.options] for of in (view, made))
        if before != after:
            raise Amiss(f"gives the options {after!r} in seen, not {before!r}.")
        return made

    return seen


def _told(
    name: str, call: Callable[[Family, View], Sequence[str]]
) -> Callable[[Family, View], Sequence[str]]:
    def told(words: Family, seen: View) -> Sequence[str]:
        made = call(words, seen)
        if not texts(made):
            raise Amiss(f"gives {made!r:.60} in {name}, not a list of texts.")
        return made

    return told
