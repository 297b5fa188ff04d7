"""What makes a line a valid record: every check, with the cure in the words of the fault."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from tremble.decisions.lines import Line, short
from tremble.decisions.record import (
    CUSTOM,
    DEFAULT_OPENING,
    FAMILIES,
    Decision,
    Event,
    Game,
    Option,
)
from tremble.text import as_written, did_you_mean

_GAME_KEYS = {"schema", "kind", "id", "dataset", "family", "rules", "events", "person", "config"}
_DECISION_KEYS = {
    *("schema", "kind", "id", "dataset", "family", "game", "at", "participant", "round", "role"),
    *("options", "target", "choice", "rates", "rate", "n", "rate_sd", "rules", "history"),
    *("prompt", "system", "opening", "config"),
}


# Which forms of a record a key belongs to.
_ONLY_IN = {
    "at": ("game",),
    "history": ("rules",),
    "system": ("prompt",),
    "opening": ("prompt",),
}


@lru_cache(maxsize=1024)
def _means_seen(name: str) -> bool:
    """Whether a key of an event is `seen` misspelt: one letter too few or too many, or its case."""
    return bool(difflib.get_close_matches(name.casefold(), ["seen"], cutoff=0.85))


class Checker(Line):
    """Turns one parsed line into a record, or fails with the line's number and the cure."""

    def __init__(self, path: Path, line: int, outcome: bool = True) -> None:
        """`outcome=False` lets what people did be left out, for scoring a bare prompt."""
        super().__init__(path, line)
        self.name = Path(path.name.removesuffix(".gz")).stem
        self.outcome = outcome

    def known(self, value: dict[str, Any], keys: set[str]) -> None:
        for key in value:
            if key not in keys:
                known = did_you_mean(key, sorted(keys))
                if known.endswith("?"):
                    self.fail(f"unknown key {key!r}{known} If not, put it in config, for --by.")
                self.fail(f"unknown key {key!r}; put it in config, for --by{known}")

    def text(self, value: dict[str, Any], key: str, default: str | None = None) -> str:
        found = value.get(key, default)
        if isinstance(found, int) and not isinstance(found, bool) and key != "prompt":
            return str(found)
        if not isinstance(found, str) or not found:
            self.fail(f"{key} is {as_written(found)}; it must be a text that is not empty.")
        return found

    def whole(self, value: dict[str, Any], key: str, least: int) -> int | None:
        found = value.get(key)
        if found is None:
            return None
        whole = isinstance(found, int) and not isinstance(found, bool)
        if not whole or not least <= found < 2**31:
            self.fail(
                f"{key} is {short(found)}{_quoted(found)}; it must be a whole number from {least} "
                f"to {2**31 - 1}, or null."
            )
        return int(found)

    def table(self, value: dict[str, Any], key: str) -> dict[str, Any]:
        found = value.get(key)
        if found is None:
            return {}
        if not isinstance(found, dict):
            self.fail(f"{key} is {as_written(found)}; it must be an object.")
        return found

    def events(self, value: dict[str, Any], key: str) -> tuple[Event, ...]:
        found = value.get(key, [])
        if not isinstance(found, list):
            self.fail(f"{key} is {as_written(found)}; it must be a list of events.")
        events = []
        for position, item in enumerate(found):
            if not isinstance(item, dict) or not isinstance(item.get("type"), str):
                self.fail(
                    f"{key}[{position}] is {as_written(item)}; an event is an object with a type."
                )
            seen = item.get("seen")
            if seen is not None and not (
                isinstance(seen, dict) and all(type(at) is int for at in seen.values())
            ):
                self.fail(
                    f"{key}[{position}].seen is {as_written(seen)}; write role to number of events."
                )
            data = {name: field for name, field in item.items() if name not in ("type", "seen")}
            for name in data:
                if _means_seen(name):  # else everybody would see what it was to hide
                    self.fail(f"{key}[{position}] has a key {name!r}; did you mean 'seen'?")
            events.append(Event(item["type"], data, seen))
        return tuple(events)

    def family(self, value: dict[str, Any]) -> str:
        name = self.text(value, "family")
        if name not in FAMILIES:
            self.fail(f"family is {name!r}{did_you_mean(name, list(FAMILIES))}")
        return name

    def game(self, value: dict[str, Any]) -> Game:
        self.known(value, _GAME_KEYS)
        return Game(
            id=self.text(value, "id"),
            dataset=self.text(value, "dataset", self.name),
            family=self.family(value),
            rules=self.table(value, "rules"),
            events=self.events(value, "events"),
            person=self.table(value, "person"),
            config=self.table(value, "config"),
            line=self.line,
        )

    def options(self, value: dict[str, Any]) -> tuple[Option, ...]:
        found = value.get("options")
        if not isinstance(found, list) or len(found) < 2:
            self.fail(
                f"options is {as_written(found)}; a decision needs a list of at least two options."
            )
        options = []
        for item in found:
            if isinstance(item, str):
                item = {"key": item, "label": item}
            if not isinstance(item, dict) or not set(item) <= {"key", "label", "spellings"}:
                self.fail(
                    f"the option {item!r} must be a text or an object with key, label and perhaps "
                    "spellings."
                )
            key = self.text(item, "key")
            options.append(Option(key, self.text(item, "label", key), self.surface_forms(item)))
        for name, words in (
            ("key", [o.key for o in options]),
            ("label", [o.label for o in options]),
        ):
            if len(set(words)) < len(words):
                self.fail(f"two options have the same {name} in {words!r}; make them different.")
        for option in options:
            for other in options:
                twice = {other.label, *other.surface_forms}.intersection(option.surface_forms)
                if other is not option and twice:
                    self.fail(
                        f"{min(twice)!r} is a spelling of {option.key!r} and of {other.key!r}; "
                        "leave it out of one."
                    )
        return tuple(options)

    def surface_forms(self, item: dict[str, Any]) -> tuple[str, ...]:
        found = item.get("spellings") or []
        if not isinstance(found, list) or not all(isinstance(x, str) and x for x in found):
            self.fail(
                f"spellings is {as_written(found)}; it must be a list of texts that are not empty, "
                "other "
                "words for the label."
            )
        return tuple(dict.fromkeys(found))

    def share(self, found: Any, name: str) -> float:
        number = isinstance(found, int | float) and not isinstance(found, bool)
        if not number or not 0 <= found <= 1:
            percent = (
                f"; for {found} % write {found / 100:g}" if number and 1 < found <= 100 else ""
            )
            self.fail(
                f"{name} is {short(found)}{_quoted(found)}; a rate lies between 0 and 1{percent}."
            )
        return float(found)

    def deviation(self, value: dict[str, Any]) -> float | None:
        found = value.get("rate_sd")
        number = isinstance(found, int | float) and not isinstance(found, bool)
        if found is not None and (not number or found < 0):
            self.fail(
                f"rate_sd is {as_written(found)}{_quoted(found)}; a standard deviation is a number "
                "from 0."
            )
        return found

    def prompt(self, value: dict[str, Any]) -> tuple[str, str | None]:
        """Prompt and system text; a list of messages is folded into the two."""
        found = value["prompt"]
        system = [self.text(value, "system")] if value.get("system") is not None else []
        if isinstance(found, str):
            if not found:
                self.fail("prompt is empty; write what the person read.")
            return found, system[0] if system else None
        if not isinstance(found, list) or not found:
            self.fail(f"prompt is {as_written(found)}; it must be a text or a list of messages.")
        user: list[str] = []
        for item in found:
            if not isinstance(item, dict) or set(item) != {"role", "content"}:
                self.fail(f"the message {item!r} must be an object with role and content.")
            if item["role"] not in ("system", "user"):
                self.fail(
                    f"the role {item['role']!r} is not system or user; what the person said "
                    "before belongs into the user text, as a sentence."
                )
            (system if item["role"] == "system" else user).append(self.text(item, "content"))
        if not user:
            self.fail("prompt has only system messages; add what the person read as user.")
        return "\n\n".join(user), "\n\n".join(system) or None

    def decision(self, value: dict[str, Any], find_game: Callable[[str], Game | None]) -> Decision:
        self.known(value, _DECISION_KEYS)
        forms = [key for key in ("game", "rules", "prompt") if value.get(key) is not None]
        if len(forms) != 1:
            self.fail(
                f"the record has {' and '.join(forms) or 'neither game, rules nor prompt'}; "
                "give exactly one of game, rules and prompt."
            )
        for key in sorted(_ONLY_IN):
            if value.get(key) is not None and forms[0] not in _ONLY_IN[key]:
                self.fail(f"{key} says nothing in a record with {forms[0]}; leave it out.")
        options = self.options(value)
        target, people = self._people(value, options)
        common: dict[str, Any] = {
            "options": options,
            "target": target,
            **people,
            "rate_sd": self.deviation(value),
            "participant": self.text(value, "participant")
            if value.get("participant") is not None
            else None,
            "round": self.whole(value, "round", 1),
            "role": self.text(value, "role") if value.get("role") is not None else None,
            "config": self.table(value, "config"),
            "line": self.line,
        }
        if forms == ["game"]:
            game = find_game(self.text(value, "game"))
            if game is None:
                self.fail(f"no game {value['game']!r} before this line; put its line first.")
            at = self.whole(value, "at", 0)
            if at is None or at > len(game.events):
                self.fail(
                    f"at is {as_written(value.get('at'))}; game {game.id!r} has events 0 to "
                    f"{len(game.events)}."
                )
            for key, owner in (("dataset", game.dataset), ("family", game.family)):
                if value.get(key, owner) != owner:
                    self.fail(f"{key} is {as_written(value[key])}, but the game's is {owner!r}.")
            return Decision(
                id=self.text(value, "id"),
                dataset=game.dataset,
                family=game.family,
                game=game,
                at=at,
                **common,
            )
        dataset = self.text(value, "dataset", self.name)
        if forms == ["rules"]:
            return Decision(
                id=self.text(value, "id"),
                dataset=dataset,
                family=self.family(value),
                rules=self.table(value, "rules"),
                history=self.events(value, "history"),
                **common,
            )
        prompt, system = self.prompt(value)
        opening = value.get("opening", DEFAULT_OPENING)
        if not isinstance(opening, str):
            self.fail(f"opening is {as_written(opening)}; it must be a text, empty for none.")
        return Decision(
            id=self.text(value, "id", f"{dataset}/{self.line}"),
            dataset=dataset,
            family=self.text(value, "family", CUSTOM),
            prompt=prompt,
            system=system,
            opening=opening,
            **common,
        )

    def _people(
        self, value: dict[str, Any], options: tuple[Option, ...]
    ) -> tuple[str | None, dict[str, Any]]:
        """The target, and what people did: choice, or rates with n."""
        keys = [option.key for option in options]
        given = [key for key in ("choice", "rates", "rate") if value.get(key) is not None]
        if not given and not self.outcome:
            return keys[0], {}
        if len(given) != 1:
            self.fail(
                f"the record has {' and '.join(given) or 'neither choice, rates nor rate'}; "
                "say what people did with exactly one of choice, rates and rate."
            )
        target = None if value.get("target") is None else self.text(value, "target")
        if target is None and len(keys) == 2:
            target = keys[0]
        if target is not None and target not in keys:
            self.fail(f"target {target!r} is not among the options {keys!r}.")
        n = self.whole(value, "n", 1)
        if given == ["choice"]:
            choice = self.text(value, "choice")
            if choice not in keys:
                self.fail(f"choice {choice!r} is not among the options {keys!r}.")
            if target is None and value.get("family") != "session":
                self.fail(f"with {len(keys)} options, name as target the one that is coded 1.")
            return target, {"choice": choice, "n": n}
        if given == ["rates"]:
            rates = self.table(value, "rates")
            if set(rates) != set(keys):
                self.fail(f"rates are given for {sorted(rates)!r}, the options are {keys!r}.")
            shares = {key: self.share(rates[key], f"the rate of {key!r}") for key in keys}
            return target, {"rates": shares, "n": n}
        rate = self.share(value["rate"], "rate")
        if len(keys) != 2 or target is None:
            self.fail(f"rate is short for two options, here are {len(keys)}; give rates.")
        shares = {key: rate if key == target else 1 - rate for key in keys}
        return target, {"rates": shares, "n": n}


def _quoted(found: Any) -> str:
    """What is wrong with a number that stands in quotes."""
    if not isinstance(found, str) or not re.fullmatch(r"\s*[+-]?\d*\.?\d+(e[+-]?\d+)?\s*", found):
        return ""
    return ", a text: leave out the quotes"
