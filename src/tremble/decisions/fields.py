"""One field of a record: a text, a number, an object, events, a rate; its fault with the cure."""

from __future__ import annotations

import difflib
import json
import re
from functools import lru_cache
from typing import Any

from tremble.decisions.lines import Line, short
from tremble.decisions.record import Event
from tremble.text import as_written, composed, did_you_mean

# What people call what they varied.
_VARIED = {
    *("condition", "conditions", "cond", "treatment", "treatments", "group", "arm", "cell"),
    *("frame", "framing", "manipulation", "experiment", "study", "block", "version"),
}
_LARGEST = 1e12  # beyond it sums of squares lose what small differences are


@lru_cache(maxsize=1024)
def _means_seen(name: str) -> bool:
    """Whether a key of an event is `seen` misspelt: one letter too few or too many, or its case."""
    return bool(difflib.get_close_matches(name.casefold(), ["seen"], cutoff=0.85))


class Fields(Line):
    """The fields of a parsed line by their kind: each is returned checked, or the line fails.

    `value` is always the object the field stands in.
    """

    def known(self, value: dict[str, Any], keys: set[str]) -> None:
        """Fail at the first key of an object that is not among `keys`."""
        for key in value:
            if key not in keys:
                if key.casefold() in _VARIED:  # none of these is a slip of the pen
                    entry = json.dumps(key, ensure_ascii=False)
                    self.fail(
                        f'unknown key {key!r}; put it under config ("config": {{{entry}: ...}}), '
                        "to use it in contrasts and --by."
                    )
                known = did_you_mean(key, sorted(keys))
                if known.endswith("?"):
                    self.fail(
                        f"unknown key {key!r}{known} If not, put it in config, to use it in --by."
                    )
                self.fail(f"unknown key {key!r}; put it in config, to use it in --by{known}")

    def text(self, value: dict[str, Any], key: str, default: str | None = None) -> str:
        """A text under `key`, not empty; a whole number is taken as text, but for a prompt, also
        where a program that knows no missing whole numbers wrote it as 12.0."""
        text = value.get(key, default)
        number = _whole(text)
        if number is not None and key != "prompt":
            return str(number)
        if not isinstance(text, str) or not text:
            self.fail(f"{key} is {as_written(text)}; it must be a non-empty text.")
        return text

    def name(self, value: dict[str, Any], key: str) -> str | None:
        """Who somebody or what something is, None where it is not said. People see one name
        however its letters are composed, so it is one here; what a model reads is never changed."""
        if value.get(key) is None:
            return None
        return composed(self.text(value, key))

    def whole(self, value: dict[str, Any], key: str, least: int) -> int | None:
        """A whole number from `least` under `key`, also written as 3.0; None where there is
        none."""
        number = value.get(key)
        if number is None:
            return None
        whole = _whole(number)
        if whole is None or not least <= whole < 2**31:
            self.fail(
                f"{key} is {short(number)}{_quoted(number)}; it must be a whole number from "
                f"{least} to {2**31 - 1}, or null."
            )
        return whole

    def number(self, value: dict[str, Any], key: str) -> float | None:
        """A number under `key`; None where there is none."""
        number = value.get(key)
        if number is None:
            return None
        if (
            not isinstance(number, int | float)
            or isinstance(number, bool)
            or abs(number) > _LARGEST
        ):
            self.fail(
                f"{key} is {short(number)}{_quoted(number)}; it must be a number from "
                f"-{_LARGEST:g} to {_LARGEST:g}."
            )
        return float(number)

    def table(self, value: dict[str, Any], key: str) -> dict[str, Any]:
        """An object under `key`; an empty one where there is none."""
        table = value.get(key)
        if table is None:
            return {}
        if not isinstance(table, dict):
            self.fail(f"{key} is {as_written(table)}; it must be an object.")
        return table

    def events(self, value: dict[str, Any], key: str) -> tuple[Event, ...]:
        """The list of events under `key`, each an object with a type and perhaps `seen`."""
        items = value.get(key, [])
        if not isinstance(items, list):
            self.fail(f"{key} is {as_written(items)}; it must be a list of events.")
        events = []
        for position, item in enumerate(items):
            if not isinstance(item, dict) or not isinstance(item.get("type"), str):
                self.fail(
                    f"{key}[{position}] is {as_written(item)}; an event is an object with a type."
                )
            seen = item.get("seen")
            if seen is not None and not (
                isinstance(seen, dict) and all(type(at) is int for at in seen.values())
            ):
                self.fail(
                    f"{key}[{position}].seen is {as_written(seen)}; write it as an object, role: "
                    "number of events."
                )
            data = {name: field for name, field in item.items() if name not in ("type", "seen")}
            for name in data:
                if _means_seen(name):  # else everybody would see what it was to hide
                    self.fail(f"{key}[{position}] has a key {name!r}; did you mean 'seen'?")
            events.append(Event(item["type"], data, seen))
        return tuple(events)

    def share(self, share: Any, name: str) -> float:
        """A number from 0 to 1; `name` says in the fault which one it is."""
        numeric = isinstance(share, int | float) and not isinstance(share, bool)
        if not numeric or not 0 <= share <= 1:
            percent = (
                f"; for {share} % write {share / 100:g}" if numeric and 1 < share <= 100 else ""
            )
            self.fail(
                f"{name} is {short(share)}{_quoted(share)}; a rate must lie between 0 and "
                f"1{percent}."
            )
        return float(share)

    def deviation(self, value: dict[str, Any]) -> float | None:
        """The standard deviation of a rate, from 0; None where there is none."""
        deviation = value.get("rate_sd")
        numeric = isinstance(deviation, int | float) and not isinstance(deviation, bool)
        if deviation is not None and (not numeric or deviation < 0):
            self.fail(
                f"rate_sd is {as_written(deviation)}{_quoted(deviation)}; a standard deviation "
                "must be a number from 0."
            )
        return deviation


def _whole(value: Any) -> int | None:
    """A whole number, also written as 12.0; None for anything else."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def unboxed(value: dict[str, Any]) -> dict[str, Any]:
    """A record, lists of one taken out of it where R put every value into one."""
    boxed = (value.get(key) for key in ("choice", "rate", "prompt", "participant"))
    return value if not any(map(_is_box, boxed)) else {k: _out(v) for k, v in value.items()}


def _is_box(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 1 and not isinstance(value[0], dict | list)


def _out(value: Any) -> Any:
    if _is_box(value):
        return value[0]
    if isinstance(value, dict):  # other words for a label are a list, also where it is one
        return {k: v if k == "spellings" else _out(v) for k, v in value.items()}
    return [_out(inner) for inner in value] if isinstance(value, list) else value


def _quoted(value: Any) -> str:
    """What is wrong with a number that stands in quotes."""
    if not isinstance(value, str) or not re.fullmatch(r"\s*[+-]?\d*\.?\d+(e[+-]?\d+)?\s*", value):
        return ""
    return ", a text: leave out the quotes"
