"""Decisions as a table: what people did, what theory says, and what baselines compute with."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import chain
from typing import Any

import polars as pl

from tremble.decisions.record import LENGTHS, READ, Decision, in_blocks
from tremble.decisions.sessions import of_session
from tremble.disk.tables import read_table, table_bytes
from tremble.errors import UserError
from tremble.extensions.extensions import OfPackage
from tremble.games.base import family as family_of
from tremble.games.base import known
from tremble.games.theory.topologies import topology
from tremble.prompts.parts import usable
from tremble.prompts.presentations import presentations, view
from tremble.store.schemas import DECISIONS
from tremble.study.columns import in_parts, number_lists, repeated

_NUMBERS = ("rates", "normative", "values")  # columns of lists of numbers
_NO_GAME = "no game that tremble knows"


class DecisionFrames(Mapping[str, pl.DataFrame]):
    """What people did, by entry of data, each a table that is kept packed and unpacked whenever it
    is asked for."""

    def __init__(self) -> None:
        self._parts: dict[str, list[bytes]] = {}
        self.presentations: dict[str, dict[str, int]] = {}  # entry of data -> family -> how many
        self.games: dict[str, frozenset[str]] = {}  # likewise, families whose words are used

    def add(self, entry: str, parts: Iterable[pl.DataFrame]) -> None:
        """Raises what making the parts raises."""
        packed = self._parts[entry] = []
        counts = self.presentations[entry] = {}
        self.games[entry] = frozenset()
        for part in parts:
            games = part.filter(pl.col("normative_why").ne_missing(_NO_GAME))["family"]
            self.games[entry] |= frozenset(games.cast(pl.String).unique())
            families = part.group_by("family", maintain_order=True).agg(pl.sum("presentations"))
            for family, count in families.iter_rows():
                counts[family] = counts.get(family, 0) + count
            packed.append(table_bytes(part))

    def families(self) -> dict[str, list[str]]:
        """The families of each entry, in the order of their first decisions."""
        return {entry: list(counts) for entry, counts in self.presentations.items()}

    def ids(self, entry: str) -> pl.DataFrame:
        """The column `decision` alone."""
        return self._read(entry, ["decision"])

    def __getitem__(self, entry: str) -> pl.DataFrame:
        return self._read(entry)

    def __iter__(self) -> Iterator[str]:
        return iter(self._parts)

    def __len__(self) -> int:
        return len(self._parts)

    def _read(self, entry: str, columns: list[str] | None = None) -> pl.DataFrame:
        return read_table(self._parts[entry], columns)


def decision_frame(
    decisions: Iterable[Decision], counterbalance: Collection[str] = ()
) -> pl.DataFrame:
    """What people did, one row per decision, in the store's schema; `counterbalance` as in a
    study. Raises UserError for a decision whose rules or events its family cannot use."""
    return pl.concat(decision_parts(decisions, counterbalance))


def decision_parts(
    decisions: Iterable[Decision], counterbalance: Collection[str] = ()
) -> Iterator[pl.DataFrame]:
    """`decision_frame` in parts, at least one."""
    blocks = (_rows(block, counterbalance) for block in in_blocks(decisions))
    return in_parts(chain([pl.DataFrame(schema=DECISIONS)], blocks))


def _rows(decisions: Iterable[Decision], counterbalance: Collection[str]) -> pl.DataFrame:
    rows = [decision_row(decision, counterbalance) for decision in decisions]
    return pl.DataFrame([_column(name, [row[name] for row in rows]) for name in DECISIONS])


def _column(name: str, values: list[Any]) -> pl.Series:
    if name in _NUMBERS:
        return number_lists(values).rename(name)
    if name == "keys":
        return repeated(map(tuple, values), DECISIONS[name]).rename(name)
    return pl.Series(name, values, dtype=DECISIONS[name])


def decision_row(decision: Decision, counterbalance: Collection[str] = ()) -> dict[str, Any]:
    """One row of `decision_frame`.

    Raises UserError for a decision whose rules or events its family cannot use.
    """
    d = decision
    with usable(decision):
        return {
            "decision": d.id,
            "dataset": d.dataset,
            "family": d.family,
            "game": None if d.game is None else d.game.id,
            "cluster": d.cluster,
            "at": d.at if d.game is not None else len(d.history),
            "participant": d.participant,
            "item": d.item,
            "round": d.round,
            "role": d.role,
            "keys": [option.key for option in d.options],
            "values": _values(d),
            "target": d.target,
            "choice": d.choice,
            "rates": None if d.rates is None else [d.rates.get(o.key) for o in d.options],
            "n": d.n,
            "rate_sd": d.rate_sd,
            "choices_each": d.choices_each,
            "config": json.dumps(_parameters(d), ensure_ascii=False),
            "facts": _facts(d),
            "response": d.response,
            "presentations": len(presentations(d, counterbalance)),
            **_theory(d),
        }


def _facts(decision: Decision) -> str | None:
    """Facts about who chose: those of a prompt of the user's own, or of a transcript."""
    own = of_session(decision)
    facts = decision.person if own else decision.facts
    return json.dumps(dict(facts), ensure_ascii=False) if facts else None


def _values(decision: Decision) -> list[float] | None:
    """None where the options have no values, and where there are none (a response of a session)."""
    values = [option.value for option in decision.options]
    return None if not values or None in values else values  # type: ignore[return-value]


def _parameters(decision: Decision) -> dict[str, Any]:
    """What a decision can be broken down by; a one-shot game of two by two has its topology."""
    own, other = (decision.parameters.get(name) for name in ("own_payoffs", "other_payoffs"))
    kind = topology(own, other) if own and other else None
    return {**({} if kind is None else {"topology": kind}), **decision.breakdown}


def _theory(decision: Decision) -> dict[str, Any]:
    """What theory says about a decision, and the numbers that baselines need; for a prompt of the
    user's own, which has none, `READ` with a hash of it (`stats.frames.contexts`, `units`), and
    `LENGTHS` where labels are of different length (`baselines.own_prompts`)."""
    theory: dict[str, Any] = {"normative": None, "normative_why": None, "numbers": None}
    # A transcript is no game; to look at what is before each of its responses takes long.
    if decision.prompt is not None or of_session(decision) or not known(decision.family):
        theory["normative_why"] = _NO_GAME
        if decision.prompt is not None:
            lengths = [len(option.label) for option in decision.options]
            differ = {LENGTHS: lengths} if len(set(lengths)) > 1 else {}
            theory["numbers"] = json.dumps({READ: decision.read, **differ})
        return theory
    family, seen = family_of(decision.family), view(decision)
    if family.normative is not None:
        answer = family.normative(seen)
        shares = answer.shares
        theory["normative"] = (
            None if shares is None else [shares.get(o.key, 0.0) for o in decision.options]
        )
        theory["normative_why"] = answer.why
    if family.numbers is not None:
        try:
            theory["numbers"] = json.dumps(family.numbers(seen), ensure_ascii=False)
        except OfPackage:
            raise
        except UserError:  # amounts that are not known as numbers
            pass
    return theory
