"""One prompt of each condition: what people read under each combination of config, in full."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tremble.decisions.record import Decision, name_hash
from tremble.text import as_written, counted

SHOWN = 6  # prompts that are shown unasked
_KEPT = 50  # prompts of the first conditions that are kept
_MOST = 100  # prompts with those of later conditions that bring a value that was not there yet
_COUNTED = 1000  # conditions that are told apart
_FEW = 20  # values of a parameter that may bring a prompt
_NAMED = 8  # parameters in a heading
_AFTER = "In full; the model's label comes right after it:"

Row = dict[str, Any]


class Conditions:
    """Takes in decisions as they pass, and keeps the first of each condition: of each family and
    combination of config."""

    def __init__(self) -> None:
        self._kept: list[Row] = []
        self._seen: set[int] = set()
        self._values: dict[tuple[str, str], set[str]] = {}

    def add(self, decision: Decision, text: str) -> None:
        """A sound decision and its standard prompt in the plain format."""
        config = decision.breakdown
        written = {name: json.dumps(value, sort_keys=True) for name, value in config.items()}
        mark = name_hash(json.dumps([decision.family, written], sort_keys=True))
        if mark in self._seen:
            return
        if len(self._seen) < _COUNTED:
            self._seen.add(mark)
        new = [self._is_new(decision.family, *pair) for pair in written.items()]
        if len(self._kept) < (_MOST if any(new) else _KEPT):
            self._kept.append(
                {
                    "id": decision.id,
                    "line": decision.line,
                    "family": decision.family,
                    "config": config,
                    "text": text,
                }
            )

    def _is_new(self, family: str, name: str, value: str) -> bool:
        values = self._values.setdefault((family, name), set())
        if value in values or len(values) == _FEW:
            return False
        values.add(value)
        return True

    def to_json(self) -> Row:
        """`conditions`: how many, at most 1,000; `prompts`: of at most 100 conditions the first
        decision, with `id`, `line`, `family`, `config` and `text`, first six that differ most."""
        chosen = self._spread()
        rest = [row for at, row in enumerate(self._kept) if at not in chosen]
        return {
            "conditions": len(self._seen),
            "prompts": [*(self._kept[at] for at in sorted(chosen)), *rest],
        }

    def _spread(self) -> list[int]:
        """The places of a few prompts: the first, then each time the one with most that is new,
        where a value counts for more the fewer its parameter has."""
        chosen: list[int] = []
        known: set[tuple[str, ...]] = set()
        left = dict(enumerate(map(self._weights, self._kept)))
        while left and len(chosen) < SHOWN:

            def news(at: int) -> float:
                return sum(weight for mark, weight in left[at].items() if mark not in known)  # noqa: B023

            best = 0 if not chosen else max(left, key=lambda at: (news(at), -at))
            known |= left.pop(best).keys()
            chosen.append(best)
        return chosen

    def _weights(self, row: Row) -> dict[tuple[str, ...], float]:
        family = row["family"]
        marks: dict[tuple[str, ...], float] = {(family,): 10.0}
        for name, value in row["config"].items():
            written = json.dumps(value, sort_keys=True)
            marks[family, name, written] = 1 / len(self._values[family, name])
        return marks


def prompts_said(found: Mapping[str, Any], most: int | None, how: str) -> Iterator[str]:
    """The prompts of `Conditions.to_json` as they are, each under a line that names its decision
    and condition; then how many conditions have none here, and `how` to see them. `most`: how many
    prompts, None for all."""
    rows = found["prompts"][:most]
    before: dict[str, int] = {}
    for number, row in enumerate(rows, 1):
        line = "" if row["line"] is None else f" (line {row['line']})"
        about = f"the prompt of {row['id']}{line}"
        if len(rows) > 1:
            about = f"prompt {number} of {len(rows)}: {row['id']}{line}{_varied(found, row)}"
        if number > 1:
            yield ""
        same = before.setdefault(row["text"], number)
        if same != number:
            yield f"{about}: the same text as prompt {same}"
            continue
        yield f"{about}. {_AFTER}" if number == 1 else f"{about}:"
        yield row["text"]
    more = found["conditions"] - len(rows)
    if more > 0:
        least = "at least " if found["conditions"] == _COUNTED else ""
        rest = how if len(rows) < len(found["prompts"]) else "their prompts are not shown"
        yield (
            f"{least}{counted(more, 'more condition')} (combinations of family and config "
            f"values): {rest}"
        )


def _varied(found: Mapping[str, Any], row: Row) -> str:
    """The values of a condition, of the parameters that vary in its family."""
    known = found["families"][row["family"]]["config"]
    values = [
        f"{name} = {as_written(value)}"
        for name, value in row["config"].items()
        if name not in known or known[name]["distinct"] > 1
    ]
    more = ["..."] if len(values) > _NAMED else []
    return "".join(f", {text}" for text in [*values[:_NAMED], *more])
