"""Decisions as a table: what people did, what theory says, and what baselines compute with."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from contextlib import suppress
from hashlib import sha256
from itertools import islice
from typing import Any

import polars as pl

from tremble.decisions.record import BLOCK, READ, Decision
from tremble.errors import UserError
from tremble.games.base import family as family_of
from tremble.games.base import known
from tremble.games.theory.topologies import topology
from tremble.prompts.parts import usable
from tremble.prompts.presentations import presentations, view
from tremble.store.schemas import DECISIONS


def decision_frame(
    decisions: Iterable[Decision], counterbalance: Collection[str] = ()
) -> pl.DataFrame:
    """What people did, one row per decision, in the store's schema; `counterbalance` as in a
    study. Raises UserError for a decision whose rules or events its family cannot use."""
    frames = [pl.DataFrame(schema=DECISIONS)]
    waiting = iter(decisions)
    while block := list(islice(waiting, BLOCK)):  # a million rows as Python objects are 2 GB
        frames.append(_decision_rows(block, counterbalance))
    return pl.concat(frames)


def _decision_rows(decisions: list[Decision], counterbalance: Collection[str]) -> pl.DataFrame:
    return pl.DataFrame([decision_row(d, counterbalance) for d in decisions], schema=DECISIONS)


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
            "round": d.round,
            "role": d.role,
            "keys": [option.key for option in d.options],
            "target": d.target,
            "choice": d.choice,
            "rates": None if d.rates is None else [d.rates.get(o.key) for o in d.options],
            "n": d.n,
            "rate_sd": d.rate_sd,
            "config": json.dumps(_parameters(d), ensure_ascii=False),
            "presentations": len(presentations(d, counterbalance)),
            **_theory(d),
        }


def _parameters(decision: Decision) -> dict[str, Any]:
    """What a decision can be broken down by; a one-shot game of two by two has its topology."""
    own, other = (decision.parameters.get(name) for name in ("own_payoffs", "other_payoffs"))
    kind = topology(own, other) if own and other else None
    return {**({} if kind is None else {"topology": kind}), **decision.breakdown}


def _read(decision: Decision) -> str:
    """16 hexadecimal digits for what the person read: system text, prompt and opening."""
    text = json.dumps([decision.system, decision.prompt, decision.opening], ensure_ascii=False)
    return sha256(text.encode()).hexdigest()[:16]


def _theory(decision: Decision) -> dict[str, Any]:
    """What theory says about a decision, and the numbers that baselines need; for a prompt of the
    user's own, which has none, `READ` with a hash of it (`stats.frames.contexts`)."""
    theory: dict[str, Any] = {"normative": None, "normative_why": None, "numbers": None}
    if decision.prompt is not None or not known(decision.family):
        theory["normative_why"] = "no game that tremble knows"
        if decision.prompt is not None:
            theory["numbers"] = json.dumps({READ: _read(decision)})
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
        with suppress(UserError):  # amounts that are not known as numbers
            theory["numbers"] = json.dumps(family.numbers(seen), ensure_ascii=False)
    return theory
