"""What of a study has no scores, and why, counted: from its folder alone."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

import polars as pl

from tremble.store.study_folder import Store
from tremble.study.not_applicable import (
    asked_for,
    is_not_applicable,
    left_out,
    not_applicable_notes,
)
from tremble.study.notes import unfinished

Row = dict[str, Any]


def exclusions(store: Store, asked: Mapping[str, Any] | None) -> Row:
    """What was left out of a study and why, as JSON can hold it.

    `asked` is the study file (None: not known).

    - families: the patterns asked for, None for all (what is of others is not stored);
    - sample: at most so many of each family; participants: of each experiment;
      session_characters: of each session; and sentences with counts (`sampled`);
    - include, exclude: the rules, and of the `cells` (a model in a format, data and a wording) how
      many are left out, wholly (`cells_left_out`) or in part (`cells_in_part`); None where nothing
      was selected or cells cannot be counted;
    - not_applicable: sentences, and how many decisions they are of (`not_applicable_decisions`);
    - failed: kind, why, prompts, decisions and models of what could not be scored;
    - absent: models that could not be had, with the reason; unfinished: sentences.
    """
    run = store.read_run()
    study = (asked or {}).get("study") or {}
    lost = left_out(store.jobs())
    rules = {table: list((asked or {}).get(table) or []) for table in ("include", "exclude")}
    return {
        "families": _texts(study.get("families")),
        "sample": study.get("sample"),
        "participants": study.get("participants"),
        "session_characters": study.get("session_characters"),
        "sampled": store.sampled(),
        **rules,
        **(_cells(store) if run.get("selected") else _NO_CELLS),
        "not_applicable": not_applicable_notes(lost, asked_for(store.jobs(), lost)),
        "not_applicable_decisions": lost["decision"].n_unique(),
        "failed": _failed(store),
        "absent": dict(run.get("absent") or {}),
        "unfinished": [one for one in unfinished(store.folder) if "is unavailable, so " not in one],
    }


_NO_CELLS: Row = {"cells": None, "cells_left_out": None, "cells_in_part": None}


def _texts(value: Any) -> list[str] | None:
    if value is None:
        return None
    return [value] if isinstance(value, str) else list(value)


def _failed(store: Store) -> list[Row]:
    """Prompts without numbers that a wording or control is applicable to, by kind and reason."""
    parts = []
    for entry in store.entries():
        manifest = store.job(entry["folder"]).manifest()
        if manifest is not None and manifest["errors"]:
            rows = store.rows(entry, ["model", "error", "error_kind"])
            lost = rows.filter(pl.col("error").is_not_null() & ~is_not_applicable())
            names = ("model", "decision", "error", "error_kind")
            parts.append(lost.select(pl.col(name).cast(pl.String) for name in names))
    if not parts:
        return []
    counted = (
        pl.concat(parts)
        .group_by("error_kind", "error", maintain_order=True)
        .agg(
            prompts=pl.len(),
            decisions=pl.col("decision").n_unique(),
            models=pl.col("model").unique(maintain_order=True),
        )
        .sort("prompts", "error", descending=[True, False])
    )
    return counted.rename({"error_kind": "kind", "error": "why"}).to_dicts()


def _cells(store: Store) -> Row:
    """How many cells include and exclude leave out. All cells: each model in each of its formats,
    over all data and wordings that any cell has."""
    whole = {entry: frame.height for entry, frame in store.columns_by_entry(["decision"]).items()}
    there: dict[tuple[Any, ...], int] = {}
    for job, entry in zip(store.jobs(), store.entries(), strict=True):
        manifest = job.manifest()
        if manifest is None:
            return dict(_NO_CELLS)
        named = entry.get("model", manifest["model"])
        reader = (named, manifest.get("format"), entry["partner"])
        key = (reader, manifest["dataset"], manifest.get("formulation"))
        there[key] = job.rows(["family"])["decision"].n_unique()
    readers, _, wordings = (dict.fromkeys(key[at] for key in there) for at in range(3))
    every = list(product(readers, whole, wordings))
    return {
        "cells": len(every),
        "cells_left_out": sum(key not in there for key in every),
        "cells_in_part": sum(number < whole[key[1]] for key, number in there.items()),
    }
