"""One prompt of each condition: what people read under each combination of config, in full."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tremble.decisions.record import Decision, Game, name_hash
from tremble.decisions.sessions import BEGIN, written
from tremble.prompts.formulations import standard
from tremble.text import as_written, counted

SHOWN = 6  # prompts that are shown unasked
_KEPT = 50  # prompts of the first conditions that are kept
_MOST = 100  # prompts with those of later conditions that bring a value that was not there yet
_COUNTED = 1000  # conditions that are told apart
_FEW = 20  # values of a parameter that may bring a prompt
_NAMED = 8  # parameters in a heading
_END = 300  # characters of the end of a session's prompt
_AFTER = "In full; the model's label comes right after it:"

Row = dict[str, Any]


class Conditions:
    """Takes in decisions as they pass, and keeps the first of each condition: of each family and
    combination of config."""

    def __init__(self) -> None:
        self._kept: list[Row] = []
        self._last: dict[int, Decision] = {}  # of a session, by its place among those kept
        self._going: tuple[Game, int] | None = None  # the session that goes on, if it is kept
        self._seen: set[int] = set()
        self._values: dict[tuple[str, str], set[str]] = {}

    def add(self, decision: Decision, text: str) -> None:
        """A sound decision and its standard prompt in the plain format, of a session any text."""
        if self._going is not None and decision.game is self._going[0]:
            self._last_yet(decision, self._going[1])
        config = decision.breakdown
        written = {name: json.dumps(value, sort_keys=True) for name, value in config.items()}
        mark = name_hash(json.dumps([decision.family, written], sort_keys=True))
        if mark in self._seen:
            return
        if len(self._seen) < _COUNTED:
            self._seen.add(mark)
        new = [self._is_new(decision.family, *pair) for pair in written.items()]
        if len(self._kept) < (_MOST if any(new) else _KEPT):
            row: Row = {
                "id": decision.id,
                "line": decision.line,
                "family": decision.family,
                "config": config,
                "text": in_full(decision, text),
            }
            if decision.response is not None and decision.game is not None:
                row["responses"] = []
                self._going = decision.game, len(self._kept)
            self._kept.append(row)

    def _last_yet(self, decision: Decision, place: int) -> None:
        """Another response of a session whose first one is kept: the second is shown, and then
        whichever turns out to be the last."""
        if not self._kept[place]["responses"]:
            self._kept[place]["responses"].append(_end_of(decision))
        else:
            self._last[place] = decision

    def _is_new(self, family: str, name: str, value: str) -> bool:
        values = self._values.setdefault((family, name), set())
        if value in values or len(values) == _FEW:
            return False
        values.add(value)
        return True

    def to_json(self) -> Row:
        """`conditions`: how many, at most 1,000; `prompts`: of at most 100 conditions the first
        decision, with `id`, `line`, `family`, `config` and `text`, first six that differ most.
        Those of sessions also have `responses`: of the second and the last decision of the session,
        where it has any, `id`, `characters` (of the whole prompt) and `text`, its end."""
        for place, decision in self._last.items():
            self._kept[place]["responses"].append(_end_of(decision))
        self._last = {}
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


def in_full(decision: Decision, text: str) -> str:
    """A decision's standard prompt in the plain format: `text`, which is not asked of sessions."""
    return text if decision.response is None else standard(decision, 0).plain()


def _end_of(decision: Decision) -> Row:
    """What a model reads of a response of a session, its end; put together from the end on, so that
    a session of thousands of responses takes no longer for it."""
    assert decision.game is not None, "it is a response of a session"
    before = decision.game.events[: decision.at]
    length, end = len(BEGIN), BEGIN
    for event in reversed(before):
        piece = written(event)
        length += len(piece)
        if len(end) < _END:
            end = piece + end
    return {"id": decision.id, "characters": length, "text": end[-_END:]}


def prompts_said(found: Mapping[str, Any], most: int | None, how: str) -> Iterator[str]:
    """The prompts of `Conditions.to_json` as they are, each under a line that names its decision
    and condition; then how many conditions have none here, and `how` to see them. `most`: how many
    prompts, None for all. Of sessions the first prompt is in full, and of the others the end,
    unless all are asked for; then the ends of some more of the first session."""
    rows = found["prompts"][:most]
    before: dict[str, int] = {}
    others = True  # whether other responses of a session are still to be shown
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
        elif number == 1:
            yield f"{about}. {_AFTER}"
            yield row["text"]
        elif "responses" in row and most is not None:
            yield from _ended(about, row["text"][-_END:], len(row["text"]))
        else:
            yield f"{about}:"
            yield row["text"]
        if others and row.get("responses"):
            others = False
            for one in row["responses"]:
                yield ""
                yield from _ended(f"the same session, {one['id']}", one["text"], one["characters"])
    more = found["conditions"] - len(rows)
    if more > 0:
        least = "at least " if found["conditions"] == _COUNTED else ""
        rest = how if len(rows) < len(found["prompts"]) else "their prompts are not shown"
        yield (
            f"{least}{counted(more, 'more condition')} (combinations of family and config "
            f"values): {rest}"
        )


def _ended(about: str, end: str, length: int) -> Iterator[str]:
    """The end of a prompt of so many characters, under what it is."""
    left = length - len(end)
    if not left:
        yield f"{about}:"
        yield end
        return
    yield f"{about}, its end, after {counted(left, 'character')}:"
    yield f"...{end}"


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
