"""Made-up studies of people who read prompts, for the tests of levels and distributions."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from tests.support.stat_frames import decision, score
from tremble.decisions.record import READ
from tremble.stats.frames.evidence import Evidence
from tremble.stats.tables.analysis import evidence_of
from tremble.store.schemas import DECISIONS, SCORES

KEYS = ("a", "b", "c", "d", "e")


def read(person: str | None, text: str, choice: str, **more: Any) -> dict[str, Any]:
    """One person's choice about a text of a family of one's own, among a, b and c."""
    name = f"{person}/{text}/{choice}/{sorted(more)}"
    row: dict[str, Any] = {
        "family": "custom",
        "participant": person,
        "keys": list(KEYS[:3]),
        "target": None,
        "choice": choice,
        "numbers": json.dumps({READ: text}),
    }
    return decision(name, **(row | more))


def problem(name: str, rates: Sequence[float], **more: Any) -> dict[str, Any]:
    """A problem with people's rates."""
    row: dict[str, Any] = {"family": "custom", "keys": list(KEYS[: len(rates)]), "target": None}
    return decision(name, **(row | {"rates": list(rates)} | more))


def evidence(
    decisions: Sequence[dict[str, Any]], models: Mapping[str, Mapping[str, Sequence[float]]]
) -> Evidence:
    """`models`: for each what it predicts of a text, or of a decision by name: shares of a, b, ...
    in this order, whatever the order of the keys; of what is not named it says nothing."""
    scores = []
    for row in decisions:
        text = json.loads(row["numbers"])[READ] if row.get("numbers") else row["decision"]
        for model, shares in models.items():
            said = shares.get(row["decision"], shares.get(text))
            if said is not None:
                of_key = [said[KEYS.index(key)] for key in row["keys"]]
                more = {"family": row["family"], "keys": row["keys"]}
                scores.append(score(row["decision"], of_key, model=model, **more))
    plain = [{"presentations": 1, "config": "{}", **row} for row in decisions]
    return evidence_of(pl.DataFrame(scores, schema=SCORES), pl.DataFrame(plain, schema=DECISIONS))
