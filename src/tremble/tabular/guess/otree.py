"""Exports of oTree: all apps in one wide table, or one app with a row for each round."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tremble.tabular.guess.beside import given
from tremble.tabular.guess.draft import Draft, Values
from tremble.tabular.guess.hints import Hints
from tremble.tabular.guess.looked import Field, Look
from tremble.tabular.guess.movers import SECOND, decider, mover
from tremble.tabular.guess.options import can_be_options
from tremble.tabular.guess.plain import hints_of
from tremble.tabular.guess.roles import Person, constant, is_condition, is_fact
from tremble.tabular.guess.tasks import drafted
from tremble.tabular.guess.words import AMOUNT, OUTCOME, has_word, made_of_decisions, word_set

NAME = "an oTree export"
_PERSON = "participant.code"
_WIDE = re.compile(r"(?P<app>\w+)\.(?P<round>\d+)\.(?P<rest>(?:player|group|subsession)\.\w+)")
_LONG = re.compile(r"(player|group|subsession)\.\w+")
_CONFIG = "session.config."
_OWN_CONFIG = ("name", "participation_fee", "real_world_currency_per_point", "doc")
# Fields that oTree itself has in every app, and what is made of decisions.
_OWN = ("id_in_group", "role", "payoff", "id_in_subsession", "round_number")
_MADE = word_set("share shares result results pot payout mean sum")
_GROUP = re.compile(r"(?:.*\.)?group\.\w+")
_ROUNDS = 20  # of which a prompt tells all


def fits(look: Look) -> bool:
    """By the columns of participants and sessions that oTree always writes."""
    return {_PERSON, "session.code"} <= set(look.names)


def draft(look: Look) -> Draft:
    """The map. Raises UserError where no column can be an outcome."""
    own = [name for name in look.names if _WIDE.fullmatch(name) or _LONG.fullmatch(name)]
    wide = any(_WIDE.fullmatch(name) for name in own)
    hints = hints_of(look, NAME, [] if wide else own, _drop(look), _PERSON)
    if wide:
        hints.fields = _wide_fields(hints.look, own)
        apps = dict.fromkeys(found["app"] for name in own if (found := _WIDE.fullmatch(name)))
        hints.found.append(f"all apps in one table: {', '.join(apps)}")
    else:
        hints.found.append("one app, with a row for each player and round")
    seats = [
        field
        for end in ("player.role", "player.id_in_group")
        for field in hints.fields
        if field.name.endswith(end) and field.counts
    ]
    hints.role = next((field for field in seats if field.name.endswith("player.role")), None)
    hints.round = "subsession.round_number" if "subsession.round_number" in own else None
    hints.fields = [f for f in hints.fields if f.name.rpartition(".")[2] not in _OWN]
    _add_group(hints, seats)
    hints.config = _session_config(hints)
    rounds = max((len(field.columns) for field in hints.fields), default=1)
    if hints.round is not None:
        rounds = len(set(hints.look.columns[hints.round]))
    hints.family = _app if wide else None
    hints.history = 1 < rounds <= _ROUNDS
    hints.check += _bots(hints.look)
    return drafted(hints)


def _app(column: str) -> str:
    """The app that a column of the wide table belongs to; "" for the table of one app."""
    return "" if _LONG.fullmatch(column) else column.partition(".")[0]


def _add_group(hints: Hints, seats: Sequence[Field]) -> None:
    """What of the group's fields is a decision of one role, and what people knew of the others."""
    group = {
        field.name: field
        for field in hints.fields
        if _GROUP.fullmatch(field.name) and not is_condition(field)
    }
    made = {name for name in group if made_of_decisions(name) or has_word(name, _MADE)}
    found = {
        name: decider(field, [one for one in seats if _app(one.name) == _app(name)], hints.person)
        for name, field in group.items()
        if name not in made
    }
    hints.deciders = {name: who for name, who in found.items() if who is not None}
    hints.never = tuple(name for name in group if name not in hints.deciders)
    unclear = [
        name
        for name in found
        if name not in hints.deciders
        and has_word(name, OUTCOME | AMOUNT)
        and can_be_options(group[name])
    ]
    if unclear:
        hints.refusal = _unclear(group[unclear[0]], seats, hints.person)

    def knows(field: Field, outcome: Field) -> bool | None:
        if _app(field.name) != _app(outcome.name):
            return False
        if field.name not in group:  # the place of a player's field tells nothing of the group's
            return False if outcome.name in group else None
        turn = mover(field.name)
        if field.name in made or turn == SECOND:
            return False
        if outcome.name in group:
            later = mover(outcome.name) == SECOND or turn is None
            return later and field.number < outcome.number
        mine = [one for one in seats if _app(one.name) == _app(field.name)]
        return any(len(given(one, outcome)) < len(one.counts) for one in mine)

    hints.knows = knows


def _unclear(field: Field, seats: Sequence[Field], person: Person) -> str:
    """Why decisions that stand in fields of the group give no map, and what to do."""
    mine = [one for one in seats if _app(one.name) == _app(field.name)]
    said = f"has decisions only in group fields, such as {field.name!r}"
    if mine and all(one.part is not None and not constant(one, person) for one in mine):
        return (
            f"{said}, and roles change between rounds; export only the app {_app(field.name)!r}, "
            "with a row for each player and round, and use --guess with that file."
        )
    seat = next(iter(mine[-1].columns.values())) if mine else "player.id_in_group"
    return (
        f"{said}, and it is unclear who made them; write a map whose task uses only the rows of "
        f'these people, such as rows = {{ "{seat}" = ["1"] }} (docs/tables.md).'
    )


def _wide_fields(look: Look, names: Sequence[str]) -> list[Field]:
    """A field for each column of an app, over its rounds."""
    groups: dict[tuple[str, str], dict[str, str]] = {}
    for name in names:
        found = _WIDE.fullmatch(name)
        if found is not None:
            groups.setdefault((found["app"], found["rest"]), {})[found["round"]] = name
    fields = []
    for (app, rest), columns in groups.items():
        several = look.several(f"{app}.{{round}}.{rest}", columns, "round")
        single = look.single(next(iter(columns.values())))
        person = Person((_PERSON,), look.columns[_PERSON])
        alone = len(columns) == 1 and (is_fact(single, person) or is_condition(single))
        fields.append(single if alone else several)
    return sorted(fields, key=lambda field: field.number)


def _session_config(hints: Hints) -> dict[str, Field]:
    """Settings of sessions that differ between them, but no name beside what it stands for."""
    look = hints.look
    names = [name for name in look.names if name.startswith(_CONFIG)]
    fields = {name.removeprefix(_CONFIG): look.single(name) for name in names}
    varied = {key: field for key, field in fields.items() if len(field.counts) > 1}
    own = {key: field for key, field in varied.items() if key not in _OWN_CONFIG}
    return own or {key: field for key, field in varied.items() if key == "name"}


def _drop(look: Look) -> Values:
    """Demo sessions and bots, where there are others, too."""
    found: Values = {}
    for name in ("session.is_demo", "participant._is_bot"):
        values = set(look.columns.get(name, ())) - {None}
        if values == {"0", "1"}:
            found[name] = ["1"]
    return found


def _bots(look: Look) -> list[str]:
    named = (("participant._is_bot", "all participants are bots"),)
    demo = (("session.is_demo", "all sessions are demo sessions"),)
    return [text for name, text in named + demo if set(look.columns.get(name, ())) == {"1"}]
