"""What other surface forms of the labels add: mass and r before and after, and which forms."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

import numpy as np
import polars as pl

from tremble.stats.frames.comparisons import format_column
from tremble.stats.frames.evidence import Evidence
from tremble.stats.frames.predictions import RUN, run_and_family
from tremble.stats.tables.models import model_table
from tremble.text import counted, decimal, join_notes
from tremble.tokenization.surface_forms import SurfaceForms

SHOWN = 3  # forms per option, at most
LABELS = 6  # of one option, at most: as many as `counterbalance` gives it
LEAST = 0.0005  # mean probability from which a form is shown, since less prints as zero


@dataclass(slots=True)
class _Label:
    """What an option shown under one label got: by surface form, summed over so many prompts."""

    prompts: int = 0
    total: dict[str, float] = field(default_factory=dict)


def surface_forms_table(evidence: Evidence) -> list[dict[str, Any]]:
    """Rows with model, format, formulation, family, n, mass_exact, mass, r_exact, r, spellings and
    note, for the runs whose scores count other surface forms (those with `spellings`); none for
    other studies.

    `mass_exact` and `r_exact` are those of the labels alone. `spellings`: of each option the
    likeliest, by their mean probability over the prompts that show the option, under each label
    apart ('j as "J": ...; j as "F": ...') where presentations or decisions give it several; where
    it has one, all of them and those of the other options add up to the mass. `note`: how many
    were left out (`SurfaceForms.dropped`).
    """
    scores = evidence.scores
    if "spellings" not in scores.columns:
        return []
    with_forms = scores.filter(pl.col("spellings").is_not_null())
    if with_forms.is_empty():
        return []
    exact = with_forms.with_columns(logprobs="exact_logprobs", mass="mass_exact")
    before = model_table(evidence.rescored(exact))
    after = {run_and_family(row): row for row in model_table(replace(evidence, scores=with_forms))}
    used = dict(_used(with_forms))
    rows = []
    for was in before:
        run = run_and_family(was)
        now = after[run]
        if not now["n"]:
            continue
        texts, dropped = used[run]
        rows.append(
            {
                **{name: was[name] for name in (*RUN, "family", "n")},
                "mass_exact": was["mass"],
                "mass": now["mass"],
                "r_exact": was["r"],
                "r": now["r"],
                "spellings": texts,
                "note": join_notes(
                    f"{counted(dropped, 'spelling')} excluded" if dropped else None,
                    now["note"],
                ),
            }
        )
    return rows


def _used(with_forms: pl.DataFrame) -> Iterator[tuple[tuple[str, ...], tuple[str, int]]]:
    """Of each run and family the likeliest forms in words, and how many were left out."""
    groups = (
        with_forms.filter(pl.col("error").is_null())
        .select(
            "model", format_column(), *RUN[2:], "family", "spellings", "keys", "spelling_logprobs"
        )
        .with_columns(shown=pl.col("keys").list.join("\n"))
        .sort(*RUN, "family", maintain_order=True)
        .group_by(*RUN, "family", "spellings", "shown", maintain_order=True)
        .agg(pl.col("keys").first(), "spelling_logprobs")
    )
    for run, of_run in groupby(groups.iter_rows(named=True), key=run_and_family):
        shown: dict[str, dict[str, _Label]] = {}
        dropped: set[tuple[str, str, str]] = set()
        for group in of_run:
            forms = SurfaceForms.from_json(group["spellings"])
            values = np.array(group["spelling_logprobs"], dtype=float)
            sums = forms.by_option(np.exp(values).sum(axis=0).tolist())
            options = zip(group["keys"], forms.texts, sums, forms.dropped, strict=True)
            for key, texts, added, out in options:
                label = texts[0]
                mine = shown.setdefault(key, {}).setdefault(label, _Label())
                mine.prompts += len(values)
                for text, value in zip(texts, added, strict=True):
                    mine.total[text] = mine.total.get(text, 0.0) + (value or 0.0)
                dropped |= {(key, label, text) for text in out}
        words = (part for key, labels in shown.items() for part in _words(key, labels))
        yield run, ("; ".join(words), len(dropped))


def _words(key: str, labels: dict[str, _Label]) -> Iterator[str]:
    """An option's likeliest surface forms, under each of its labels where it has several: with
    labels exchanged the same text stands for one option here and for another one there."""
    if len(labels) == 1:
        yield from (f"{key}: {_likeliest(mine)}" for mine in labels.values())
        return
    for label, mine in list(labels.items())[:LABELS]:
        yield f'{key} as "{label}": {_likeliest(mine)}'
    if len(labels) > LABELS:
        yield f"{key} under {len(labels) - LABELS:,} more labels"


def _likeliest(mine: _Label) -> str:
    """The first forms by their mean over prompts: '"yes" .610, " Yes" .204'."""
    means = {text: value / mine.prompts for text, value in mine.total.items()}
    best = sorted(means.items(), key=lambda item: -item[1])[:SHOWN]
    shown = [f'"{text}" {decimal(mean, 3)}' for text, mean in best if mean >= LEAST]
    return ", ".join(shown) or "none"
