"""Exports of oTree: all apps in one wide table, or one app with a row for each round."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tremble.tabular.guess.draft import Draft, Values
from tremble.tabular.guess.hints import Hints
from tremble.tabular.guess.looked import Field, Look
from tremble.tabular.guess.plain import hints_of
from tremble.tabular.guess.roles import Person, is_fact
from tremble.tabular.guess.tasks import drafted

NAME = "an export of oTree"
_PERSON = "participant.code"
_WIDE = re.compile(r"(?P<app>\w+)\.(?P<round>\d+)\.(?P<rest>(?:player|group|subsession)\.\w+)")
_LONG = re.compile(r"(player|group|subsession)\.\w+")
_CONFIG = "session.config."
_OWN_CONFIG = ("name", "participation_fee", "real_world_currency_per_point", "doc")
# Fields that oTree itself has in every app, and what is known only after a decision.
_OWN = ("id_in_group", "role", "payoff", "id_in_subsession", "round_number")
_AFTER = re.compile(r"total|sum|average|mean|share|payoff|profit|result|winner|accepted|rejected")
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
        hints.found.append("one app, a row for each player and round")
    roles = [field for field in hints.fields if field.name.endswith("player.role")]
    hints.role = next((field for field in roles if field.counts), None)
    hints.round = "subsession.round_number" if "subsession.round_number" in own else None
    hints.fields = [f for f in hints.fields if f.name.rpartition(".")[2] not in _OWN]
    hints.before = tuple(
        field.name
        for field in hints.fields
        if ".group." in f".{field.name}" and not _AFTER.search(field.name.rpartition(".")[2])
    )
    if hints.before:
        hints.check.append(
            "columns of the group are in the prompt; take out what people did not know yet"
        )
    hints.config = _session_config(hints)
    rounds = max((len(field.columns) for field in hints.fields), default=1)
    if hints.round is not None:
        rounds = len(set(hints.look.columns[hints.round]))
    hints.family = _app if wide else None
    hints.history = 1 < rounds <= _ROUNDS
    hints.check += _bots(hints.look)
    return drafted(hints)


def _app(column: str) -> str:
    """The app that a column of the wide table belongs to."""
    return column.partition(".")[0]


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
        alone = len(columns) == 1 and is_fact(single, Person((_PERSON,), look.columns[_PERSON]))
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
