"""The verdict: a row per run and family with the answers to all questions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from tremble.stats.frames.evidence import Evidence
from tremble.stats.frames.predictions import run_and_family
from tremble.stats.frames.treatments import Contrast
from tremble.stats.inference.bootstrap import RESAMPLES
from tremble.stats.tables.contrasts import contrast_rows
from tremble.stats.tables.distributions import judged
from tremble.stats.tables.levels import level_of
from tremble.stats.verdict.answer import MARGINS, Answer, Margins
from tremble.stats.verdict.distribution import distribution
from tremble.stats.verdict.effects import effects
from tremble.stats.verdict.enough import NO_MEAN, behind_rates, no_distribution, no_mean
from tremble.stats.verdict.facts import contrast_facts, distance_facts, level_facts
from tremble.stats.verdict.levels import levels
from tremble.stats.verdict.ranking_table import ranking_table
from tremble.stats.verdict.read import Read, config_keys, reads_of
from tremble.stats.verdict.replace import cautious, replace

Row = dict[str, Any]


def verdict_table(
    evidence: Evidence,
    resamples: int = RESAMPLES,
    contrasts: Sequence[Contrast] = (),
    margins: Margins = MARGINS,
) -> list[Row]:
    """One row per run and family: that of `ranking_table`, with `mass`, the mean, and for each of
    `enough.QUESTIONS` its answer, None where it does not arise, and `NAME_why`, the reason of
    either. `ranking` is `verdict`."""
    reads, keys = reads_of(evidence), config_keys(evidence.decisions)
    means, distances = level_of(evidence), judged(evidence)
    behind, parts = behind_rates(evidence.decisions), evidence.decisions.partition_by("family")
    unnumbered = {str(part["family"][0]): no_mean(part) for part in parts}
    absent = {str(part["family"][0]): _absent(part) for part in parts}
    compared = contrast_facts(contrast_rows(evidence, contrasts) if contrasts else [], margins)
    rows = []
    for row in ranking_table(evidence, resamples):
        key = run_and_family(row)
        level, distance, known = means.get(key), distances.get(key), behind.get(row["family"])
        answers = {
            "ranking": Answer(row["verdict"], row["why"]),
            "levels": levels(
                level and level_facts(level.row, level.units, row["decisions"], known), margins
            ),
            "effects": effects(compared.get(key, []), margins),
            "distribution": distribution(
                distance and distance_facts(distance.row, distance.units, known), margins
            ),
        }
        read = reads.get(key, Read(None))
        # Where choices have no mean, a contrast would be refused.
        bare = unnumbered[row["family"]] is not None and answers["levels"] is None
        able = None if bare else keys.get(row["family"], ())
        answers["replace"] = replace(answers, read, able, margins)
        said = {
            name: one if name == "replace" else cautious(one, read, margins)
            for name, one in answers.items()
        }
        rows.append({**row, "mass": read.mass, **_columns(said, absent[row["family"]])})
    return rows


def _absent(decisions: pl.DataFrame) -> Mapping[str, str]:
    """Of one family why a question has no answer, where it has none."""
    without = no_mean(decisions)
    return {
        "levels": without or NO_MEAN,
        "effects": without or "the study file has no [[contrast]]",
        "distribution": no_distribution(decisions),
    }


def _columns(answers: Mapping[str, Answer | None], absent: Mapping[str, str]) -> Row:
    said = {name: None if one is None else one.answer for name, one in answers.items()}
    why = {f"{name}_why": absent[name] if one is None else one.why for name, one in answers.items()}
    return {**said, **why}
