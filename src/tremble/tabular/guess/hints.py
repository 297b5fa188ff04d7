"""What a tool's module knows of a table before its columns are looked at one by one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tremble.tabular.guess.draft import Values
from tremble.tabular.guess.looked import Field, Look
from tremble.tabular.guess.roles import Person


@dataclass(slots=True)
class Hints:
    """`look`: without the rows that `drop` leaves out; `fields`: the columns that may hold what
    the experiment was about, in their order; `person`: who chose; `outcomes`: columns that surely
    are answers; `before`: columns that people knew although they stand behind the outcome;
    `config`: what the tool says was varied; `order`: what counts rounds, but not from 1;
    `family`: what the decisions of an outcome are called; `history`: prompts tell of earlier
    rounds; `never`: columns that are no outcomes; `deciders`: of an outcome that stands in rows of
    others, too, the column and its value of those who decided; `knows`: whether who decides an
    outcome knew a field, None where only its place tells; `refusal`: why there is no outcome."""

    tool: str
    look: Look
    fields: Sequence[Field]
    person: Person
    private: Mapping[str, str]
    round: str | None = None
    order: str | None = None
    role: Field | None = None
    outcomes: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    config: Mapping[str, Field] = field(default_factory=dict)
    facts: Mapping[str, Field] = field(default_factory=dict)
    drop: Values = field(default_factory=dict)
    found: list[str] = field(default_factory=list)
    check: list[str] = field(default_factory=list)
    family: Callable[[str], str] | None = None
    history: bool = False
    never: tuple[str, ...] = ()
    deciders: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    knows: Callable[[Field, Field], bool | None] | None = None
    refusal: str | None = None
