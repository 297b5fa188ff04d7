"""What makes a line a valid record: games, options, decisions and what people did in them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from tremble.decisions.agents import agents_of, check_agent
from tremble.decisions.fields import Fields, unboxed
from tremble.decisions.record import (
    CUSTOM,
    DEFAULT_OPENING,
    FAMILIES,
    Decision,
    Game,
    Option,
)
from tremble.decisions.spread import largest_spread
from tremble.extensions.entries import entries
from tremble.text import as_written, composed, decimal, did_you_mean

_GAME_KEYS = {
    *("schema", "kind", "id", "dataset", "family", "rules", "events", "person", "config"),
    "agents",
}
_DECISION_KEYS = {
    *("schema", "kind", "id", "dataset", "family", "game", "at", "participant", "round", "role"),
    *("options", "target", "choice", "rates", "rate", "n", "rate_sd", "rules", "history"),
    *("choices_each", "prompt", "system", "opening", "item", "config", "person"),
}
_OPTION_KEYS = {"key", "label", "spellings", "value"}
# Which forms of a record a key belongs to.
_ONLY_IN = {
    "at": ("game",),
    "history": ("rules",),
    "system": ("prompt",),
    "opening": ("prompt",),
    "item": ("prompt",),
    "person": ("prompt",),
}


def _key(named: str, keys: list[str]) -> str:
    """The key that is meant, also where its letters are composed in one place and not in the
    other; else what is named, as it is."""
    if named in keys or named.isascii():
        return named
    return next((key for key in keys if composed(key) == composed(named)), named)


@lru_cache(maxsize=16)
def _stem(path: Path) -> str:
    """What records of a file are called that do not say it."""
    return Path(path.name.removesuffix(".gz")).stem


class Checker(Fields):
    """Turns one parsed line into a record, or fails with the line's number and the cure."""

    def __init__(self, path: Path, line: int, outcome: bool = True) -> None:
        """`outcome=False` lets what people did be left out, for scoring a bare prompt."""
        super().__init__(path, line)
        self.source = _stem(path)
        self.outcome = outcome

    def family(self, value: dict[str, Any]) -> str:
        """One of the families that tremble or an installed package has words for."""
        name = self.text(value, "family")
        if name not in FAMILIES and name not in entries("family"):
            known = [*FAMILIES, *entries("family")]
            self.fail(f"family is {name!r}{did_you_mean(name, known)}")
        return name

    def game(self, value: dict[str, Any]) -> Game:
        """A game, from an object whose `kind` is game."""
        self.known(value, _GAME_KEYS)
        return Game(
            id=self.text(value, "id"),
            dataset=self.text(value, "dataset", self.source),
            family=self.family(value),
            rules=self.table(value, "rules"),
            events=self.events(value, "events"),
            person=self.table(value, "person"),
            config=self.table(value, "config"),
            agents=agents_of(self, value),
            line=self.line,
        )

    def options(self, value: dict[str, Any]) -> tuple[Option, ...]:
        """Two options or more; no key, label or surface form stands for two of them."""
        items = value.get("options")
        if not isinstance(items, list) or len(items) < 2:
            self.fail(
                f"options is {as_written(items)}; a decision needs a list of at least two options."
            )
        options = []
        for item in items:
            if isinstance(item, str):
                item = {"key": item, "label": item}
            if not isinstance(item, dict) or not set(item) <= _OPTION_KEYS:
                self.fail(
                    f"the option {item!r} must be a text or an object with key, label and "
                    "optionally spellings and value."
                )
            key = self.text(item, "key")
            label, forms = self.text(item, "label", key), self.surface_forms(item)
            options.append(Option(key, label, forms, self.number(item, "value")))
        for name, words in (
            ("key", [o.key for o in options]),
            ("label", [o.label for o in options]),
        ):
            if len(set(words)) < len(words):
                self.fail(f"two options have the same {name} in {words!r}; make them different.")
            if len(set(map(composed, words))) < len(words):
                self.fail(
                    f"two options have a {name} with the same letters in {words!r}, composed in "
                    "one and decomposed in the other; people see the same answer, so keep one."
                )
        for option in options:
            for other in options:
                twice = {other.label, *other.surface_forms}.intersection(option.surface_forms)
                if other is not option and twice:
                    self.fail(
                        f"{min(twice)!r} is a spelling of both {option.key!r} and {other.key!r}; "
                        "remove it from one."
                    )
        self._values(options)
        return tuple(options)

    def _values(self, options: Sequence[Option]) -> None:
        """Fail where some options have a value and others none, or all have the same."""
        values = [option.value for option in options]
        lacking = [option.key for option in options if option.value is None]
        if lacking and len(lacking) < len(options):
            self.fail(
                f"the option {lacking[0]!r} has no value, but others do; give every option a value."
            )
        if not lacking and len(set(values)) == 1:
            self.fail(
                f"all options have the value {values[0]:g}; give them different values, or none."
            )

    def surface_forms(self, item: dict[str, Any]) -> tuple[str, ...]:
        """Other words for an option's label; in records they stand under `spellings`."""
        forms = item.get("spellings") or []
        if not isinstance(forms, list) or not all(isinstance(x, str) and x for x in forms):
            self.fail(
                f"spellings is {as_written(forms)}; it must be a list of non-empty texts, "
                "alternative spellings of the label."
            )
        return tuple(dict.fromkeys(forms))

    def prompt(self, value: dict[str, Any]) -> tuple[str, str | None]:
        """Prompt and system text; a list of messages is folded into the two."""
        prompt = value["prompt"]
        system = [self.text(value, "system")] if value.get("system") is not None else []
        if isinstance(prompt, str):
            if not prompt:
                self.fail("prompt is empty; write what the person read.")
            return prompt, system[0] if system else None
        if not isinstance(prompt, list) or not prompt:
            self.fail(f"prompt is {as_written(prompt)}; it must be a text or a list of messages.")
        user: list[str] = []
        for item in prompt:
            if not isinstance(item, dict) or set(item) != {"role", "content"}:
                self.fail(f"the message {item!r} must be an object with role and content.")
            if item["role"] not in ("system", "user"):
                self.fail(
                    f"the role {item['role']!r} is not system or user; put what the person said "
                    "before into the user text, as a sentence."
                )
            (system if item["role"] == "system" else user).append(self.text(item, "content"))
        if not user:
            self.fail(
                "prompt has only system messages; add what the person read as a user message."
            )
        return "\n\n".join(user), "\n\n".join(system) or None

    def decision(self, value: dict[str, Any], find_game: Callable[[str], Game | None]) -> Decision:
        """A decision; `find_game` has the games of the lines before, by their ids."""
        value = unboxed(value)
        self.known(value, _DECISION_KEYS)
        form = self._form(value)
        common = self._common(value)
        if form == "game":
            return self._in_game(value, find_game(self.text(value, "game")), common)
        dataset = self.text(value, "dataset", self.source)
        if form == "rules":
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
            self.fail(f'opening is {as_written(opening)}; it must be a text ("" for no opening).')
        return Decision(
            id=self.text(value, "id", f"{dataset}/{self.line}"),
            dataset=dataset,
            family=self.text(value, "family", CUSTOM),
            prompt=prompt,
            system=system,
            opening=opening,
            item=self.name(value, "item"),
            facts=self.table(value, "person"),
            **common,
        )

    def _form(self, value: dict[str, Any]) -> str:
        """Which of game, rules and prompt says what the person saw."""
        forms = [key for key in ("game", "rules", "prompt") if value.get(key) is not None]
        if len(forms) != 1:
            self.fail(
                f"the record has {' and '.join(forms) or 'neither game, rules nor prompt'}; "
                "give exactly one of game, rules and prompt."
            )
        for key in sorted(_ONLY_IN):
            if value.get(key) is not None and forms[0] not in _ONLY_IN[key]:
                self.fail(f"{key} has no effect in a record with {forms[0]}; leave it out.")
        return forms[0]

    def _common(self, value: dict[str, Any]) -> dict[str, Any]:
        """The fields of a decision that do not depend on its form, by their names."""
        options = self.options(value)
        target, people = self._people(value, options)
        return {
            "options": options,
            "target": target,
            **people,
            "participant": self.name(value, "participant"),
            "round": self.whole(value, "round", 1),
            "role": self.text(value, "role") if value.get("role") is not None else None,
            "config": self.table(value, "config"),
            "line": self.line,
        }

    def _in_game(
        self, value: dict[str, Any], game: Game | None, common: dict[str, Any]
    ) -> Decision:
        """The decision at an event of a game; None is a game that no line before has."""
        game, at = self.placed(value, game)
        for key, owner in (("dataset", game.dataset), ("family", game.family)):
            if value.get(key, owner) != owner:
                self.fail(f"{key} is {as_written(value[key])}, but in the game it is {owner!r}.")
        check_agent(self, game, common["participant"], common["config"])
        return Decision(
            id=self.text(value, "id"),
            dataset=game.dataset,
            family=game.family,
            game=game,
            at=at,
            **common,
        )

    def placed(self, value: dict[str, Any], game: Game | None) -> tuple[Game, int]:
        """The game of a record, None where no line before has it, and the events before it."""
        if game is None:
            self.fail(
                f"there is no game {value['game']!r} before this line; put the game's line first."
            )
        at = self.whole(value, "at", 0)
        if at is None or at > len(game.events):
            self.fail(
                f"at is {as_written(value.get('at'))}; game {game.id!r} has events 0 to "
                f"{len(game.events)}."
            )
        return game, at

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
                f"the record has {' and '.join(given) or 'neither choice, rates nor rate'}; give "
                "exactly one of choice, rates and rate to say what people did."
            )
        target = None if value.get("target") is None else _key(self.text(value, "target"), keys)
        if target is None and len(keys) == 2:
            target = keys[0]
        if target is not None and target not in keys:
            self.fail(f"target {target!r} is not among the options {keys!r}.")
        n = self.whole(value, "n", 1)
        if given == ["choice"]:
            choice = _key(self.text(value, "choice"), keys)
            if choice not in keys:
                self.fail(f"choice {choice!r} is not among the options {keys!r}.")
            self._alone(value, n)
            return target, {"choice": choice, "n": n}
        if given == ["rates"]:
            rates = {_key(key, keys): rate for key, rate in self.table(value, "rates").items()}
            if set(rates) != set(keys):
                self.fail(f"rates are given for {sorted(rates)!r}, but the options are {keys!r}.")
            shares = {key: self.share(rates[key], f"the rate of {key!r}") for key in keys}
            return target, self._many(value, shares, n)
        rate = self.share(value["rate"], "rate")
        if len(keys) != 2 or target is None:
            self.fail(f"rate is only for two options, and there are {len(keys)}; give rates.")
        shares = {key: rate if key == target else 1 - rate for key in keys}
        return target, self._many(value, shares, n)

    def _alone(self, value: dict[str, Any], n: int | None) -> None:
        """Fail where a single choice says what only the rate of many people can have."""
        if n is not None and n > 1:
            self.fail(
                f"n is {n:,} with a single choice, which counts as one person; for many people "
                "give rate instead of choice, else leave n out."
            )
        for key in ("rate_sd", "choices_each"):
            if value.get(key) is not None:
                self.fail(
                    f"{key} is {as_written(value[key])} with a single choice, but it is about a "
                    "rate; give rate instead of choice, or leave it out."
                )

    def _many(
        self, value: dict[str, Any], shares: dict[str, float], n: int | None
    ) -> dict[str, Any]:
        """What is known of many people's choices, by the names of a decision."""
        deviation = self.deviation(value)
        if deviation is not None and deviation > (highest := largest_spread(0.5, n)):
            people = "" if n is None else f" of {n:,} people"
            percent = f": for {deviation:g} % write {deviation / 100:g}" if deviation > 1 else ""
            self.fail(
                f"rate_sd is {deviation:g}, but the standard deviation of rates{people} is at "
                f"most {decimal(highest)}, because they lie between 0 and 1{percent}."
            )
        each = self.whole(value, "choices_each", 1)
        return {"rates": shares, "n": n, "rate_sd": deviation, "choices_each": each}
