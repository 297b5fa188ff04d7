"""The verdict: a row per run and family with the answers to all questions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tremble.stats.frames.evidence import Evidence
from tremble.stats.frames.predictions import RUN
from tremble.stats.inference.bootstrap import RESAMPLES
from tremble.stats.verdict.answer import MARGINS, Answer, Margins
from tremble.stats.verdict.ranking_table import ranking_table
from tremble.stats.verdict.read import Read, config_keys, reads_of
from tremble.stats.verdict.replace import replace

Row = dict[str, Any]
Key = tuple[Any, ...]


def verdict_table(
    evidence: Evidence, resamples: int = RESAMPLES, margins: Margins = MARGINS
) -> list[Row]:
    """One row per run and family: that of `ranking_table`, with `mass`, the mean, and for each of
    `enough.QUESTIONS` its answer, None where it does not arise, and `NAME_why`. `ranking` is
    `verdict`."""
    reads, keys = reads_of(evidence), config_keys(evidence.decisions)
    rows = []
    for row in ranking_table(evidence, resamples):
        key = _key(row)
        answers: dict[str, Answer | None] = {
            "ranking": Answer(row["verdict"], row["why"]),
            "levels": None,
            "effects": None,
            "distribution": None,
        }
        read = reads.get(key, Read(None))
        answers["replace"] = replace(answers, read, keys.get(row["family"], ()), margins)
        rows.append({**row, "mass": read.mass, **_columns(answers)})
    return rows


def _key(row: Mapping[str, Any]) -> Key:
    return tuple(row[name] for name in (*RUN, "family"))


def _columns(answers: Mapping[str, Answer | None]) -> Row:
    said = {name: None if one is None else one.answer for name, one in answers.items()}
    why = {f"{name}_why": None if one is None else one.why for name, one in answers.items()}
    return {**said, **why}
