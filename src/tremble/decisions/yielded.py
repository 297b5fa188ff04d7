"""Decisions that a program makes, held to what those of JSON lines are held to."""

from __future__ import annotations

from pathlib import Path

from tremble.decisions.checks import Checker
from tremble.decisions.jsonl import OneText
from tremble.decisions.lines import Fault
from tremble.decisions.one_text import Names
from tremble.decisions.record import Decision
from tremble.decisions.sessions import Collected
from tremble.decisions.writing import Writer
from tremble.errors import UserError
from tremble.text import as_written

_TEXTS = ("id", "dataset", "family", "opening")
_TEXTS_OR_NONE = (
    *("participant", "role", "item", "prompt", "system", "target", "choice", "response"),
)


class Yielded:
    """Checks the decisions of one source, one after another. Of those before it keeps hashes."""

    def __init__(self) -> None:
        self._writer = Writer()
        self._sessions: tuple[Collected | None, Names] = (None, Names())
        self._texts: OneText[str] = OneText()

    def check(self, decision: Decision, place: int) -> None:
        """Checks one, the `place`-th, from 1. Raises UserError, whose message is what is wrong with
        it, without its name; for a value of a type that no record has also what that brings
        about."""
        _check_types(decision)
        if decision.response is not None:
            self._check_session(decision)
            return
        check = Checker(Path("yielded"), place)
        try:
            for line in self._writer.lines(decision):
                value = check.parse(line)
                if value["kind"] == "game":
                    check.game(value)
                else:
                    check.decision(value, lambda _: decision.game)
        except Fault as fault:
            raise UserError(fault.message) from fault
        keys = [option.key for option in decision.options]
        for name in ("target", "choice"):
            value = getattr(decision, name)
            if value is not None and value not in keys:
                raise UserError(f"{name} {value!r} is not among the options {keys!r}.")
        before = self._texts.other(decision, decision.id)
        if before is not None:
            raise UserError(
                f"the item {decision.item!r} has a different text than in the decision {before!r}, "
                "with the same config; give every text its own item, or say in config what differs."
            )

    def _check_session(self, decision: Decision) -> None:
        """Of a session, whose line is only known after its last response."""
        last, names = self._sessions
        if last is None or last.game is not decision.game:
            last = Collected(decision)
            self._sessions = (last, names)
        last.check(decision)
        if not names.decision(decision.id):
            raise UserError(f"Two decisions have the id {decision.id!r}; give each its own id.")


def _check_types(decision: Decision) -> None:
    """Raises UserError for what JSON lines would turn into something else."""
    for name in _TEXTS:
        if not isinstance(value := getattr(decision, name), str):
            raise UserError(f"{name} is {as_written(value)}; it must be a text.")
    for name in _TEXTS_OR_NONE:
        value = getattr(decision, name)
        if value is not None and not isinstance(value, str):
            raise UserError(f"{name} is {as_written(value)}; it must be a text or None.")
    if not isinstance(decision.options, tuple):
        raise UserError("options must be a tuple of at least two Option objects.")
    for option in decision.options:
        for name in ("key", "label"):
            if not isinstance(value := getattr(option, name, None), str):
                raise UserError(
                    f"the {name} of an option is {as_written(value)}; it must be a text."
                )
    forms = [name for name in ("game", "rules", "prompt") if getattr(decision, name) is not None]
    if len(forms) != 1:
        raise UserError(
            f"it has {' and '.join(forms) or 'neither game, rules nor prompt'}; give exactly one "
            "of game, rules and prompt."
        )
