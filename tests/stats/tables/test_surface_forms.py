"""What spellings add, by hand."""

from __future__ import annotations

import math

import polars as pl

from tests.support.stat_frames import decision, score
from tremble.stats.tables.analysis import evidence_of
from tremble.stats.tables.surface_forms import surface_forms_table
from tremble.store.schemas import DECISIONS, SCORES
from tremble.tokenization.surface_forms import SurfaceForms


def test_the_same_text_of_two_options_stands_under_each_label() -> None:
    """One decision in two presentations: option c is J, then F; d is F, then J."""
    texts = (("J", "j"), ("F", "f")), (("F", "f"), ("J", "j"))
    shares = ([0.4, 0.1], [0.3, 0.0]), ([0.2, 0.0], [0.5, 0.1])
    rows = [
        score(
            "d",
            [sum(own) for own in found],
            keys=["c", "d"],
            presentation=number,
            exact_logprobs=[math.log(own[0]) for own in found],
            mass_exact=sum(own[0] for own in found),
            spellings=SurfaceForms(labels, ((), ("ff",))).to_json(),
            spelling_logprobs=[math.log(p) if p else -math.inf for own in found for p in own],
        )
        for number, (labels, found) in enumerate(zip(texts, shares, strict=True))
    ]
    frame = pl.DataFrame(rows, schema=SCORES)
    chose = {"choice": "c", "target": "c", "keys": ["c", "d"], "presentations": 2}
    people = pl.DataFrame([decision("d", **chose)], DECISIONS)
    (row,) = surface_forms_table(evidence_of(frame, people))
    # Pooled, c would have "J" .200, "F" .100, and d the like, as if each had two labels at once.
    assert row["spellings"] == (
        'c as "J": "J" .400, "j" .100; c as "F": "F" .200; '
        'd as "F": "F" .300; d as "J": "J" .500, "j" .100'
    )
    assert row["note"].startswith("2 spellings excluded")
