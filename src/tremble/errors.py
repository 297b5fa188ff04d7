"""What tremble raises. Every message holds the user's own value and the cure, in one sentence."""

from __future__ import annotations

from datetime import date, time
from typing import Any


class TrembleError(Exception):
    """Base of every error that tremble raises on purpose."""


class UserError(TrembleError):
    """Something the user asked for cannot be done; the command line prints it and exits with 2."""


class ModelUnavailable(UserError):
    """One model cannot be had now, through no fault of the study file: a sweep goes on without."""


class MissingExtra(UserError):
    """An optional dependency is not installed."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f'{what} needs an optional part: pip install "tremble[{extra}]".')


def one_line(error: BaseException) -> str:
    """The first line of a foreign error, short enough to be quoted inside a sentence."""
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0][:300].rstrip(" .:")


def as_written(value: Any) -> str:
    """A value of a TOML or JSON file as it is written there: true, not True; 'missing' for none."""
    if value is None:
        return "missing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, date | time):
        return str(value)
    if isinstance(value, list):
        return f"[{', '.join(map(_inside, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key!r}: {_inside(held)}' for key, held in value.items())}}}"
    return repr(value)


def _inside(value: Any) -> str:
    return "null" if value is None else as_written(value)


def counted(number: int, what: str) -> str:
    """A number with its noun: "1 decision", "1,200 decisions"."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def did_you_mean(word: str, known: list[str]) -> str:
    """'; did you mean X?' where a known word is close or holds this one ('X or Y' where several are
    equally close), else the list of known words."""
    import difflib

    names = list(dict.fromkeys(known))
    # `get_close_matches` compares in this order of the two, and it matters.
    likeness = {name: difflib.SequenceMatcher(None, name, word).ratio() for name in names}
    best = difflib.get_close_matches(word, names, n=1)
    close = [name for name in names if best and likeness[name] == likeness[best[0]]]
    if not close and word:
        close = [name for name in names if word.casefold() in name.casefold()]
    if not close:
        return f"; known: {', '.join(sorted(known))}."
    *others, last = map(repr, close)
    return f"; did you mean {', '.join(others)}{' or ' if others else ''}{last}?"
