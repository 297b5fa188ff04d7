"""Families of packages: what their functions give is checked, and what they break down with is a
sentence that names the package."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from functools import wraps
from typing import Any

from tremble.decisions.view import View
from tremble.extensions.entries import Entry
from tremble.extensions.extensions import Amiss, guarded
from tremble.games.base import Family
from tremble.games.theory.normative import Normative
from tremble.text import is_text, one_line, texts


def guarded_family(found: Family, entry: Entry) -> Family:
    """The family under the name of its entry point. Its functions raise `Failed`, with the package
    in it, where the package's own break down, and UserError where they give something else than
    `Family` says."""
    calls: dict[str, Any] = {
        part.name: guarded(entry, _checked(part.name, value))
        for part in fields(Family)
        if callable(value := getattr(found, part.name))
    }
    return replace(found, name=entry.name, **calls)


def _checked(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(call, updated=())
    def checked(*given: Any) -> Any:
        made = call(*given)
        if name == "normative":
            _check_normative(made, given[0])
        elif name == "numbers":
            if not isinstance(made, dict):
                raise Amiss(f"gives {_kind(made)} in numbers, not a dict.")
            try:
                json.dumps(made, allow_nan=False)
            except (TypeError, ValueError, RecursionError) as error:
                raise Amiss(f"gives numbers that JSON cannot hold ({one_line(error)}).") from error
        else:
            fits, what = _FORMS[name]
            if not fits(made):
                raise Amiss(f"gives {_kind(made)} in {name}, not {what}.")
        return made

    return checked


def _kind(made: Any) -> str:
    """What something is, in a word or two; of texts in a list what is wrong is inside."""
    held = isinstance(made, list | tuple | str)
    return f"{type(made).__name__} {made!r:.60}" if held else type(made).__name__


_FORMS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "rules": (texts, "a list of texts"),
    "history": (texts, "a list of texts"),
    "question": (is_text, "a text"),
    "transcript": (is_text, "a text"),
    "sides": (lambda made: texts(made) and len(made) == 2, "a pair of texts"),
    "misled": (lambda made: isinstance(made, Mapping), "a dict"),
    "scaled": (lambda made: made is None or isinstance(made, Mapping), "a dict or None"),
    "retold": (lambda made: made is None or isinstance(made, Mapping), "a dict or None"),
}


def _check_normative(made: Any, seen: View) -> None:
    if not isinstance(made, Normative):
        raise Amiss(f"gives {_kind(made)} in normative, not Normative.")
    if made.shares is None:
        return
    keys = [option.key for option in seen.options]
    if not isinstance(made.shares, Mapping):
        raise Amiss(f"gives {_kind(made.shares)} as shares in normative, not a dict.")
    shares = dict(made.shares)
    if not all(share is None or isinstance(share, int | float) for share in shares.values()):
        raise Amiss(f"gives the shares {shares!r} in normative, which are not all numbers.")
    if not set(shares) <= set(keys):
        raise Amiss(f"gives {sorted(map(str, shares))!r} in normative; the options are {keys!r}.")
    known = [float(share) for share in shares.values() if share is not None]
    total, some = math.fsum(known), None in shares.values()
    adds_up = total <= 1 + 1e-6 and (some or total >= 1 - 1e-6)
    if not all(0 <= share <= 1 for share in known) or not adds_up:
        raise Amiss(
            f"gives the shares {shares!r} in normative; they lie between 0 and 1 and add up to 1."
        )
