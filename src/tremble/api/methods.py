"""What a methods section says of a study: facts, read from the study's folder alone.

Nothing is asked of this machine but what analyses it, so that a study says the same wherever it
lies. What the folder does not know is None. How it is put into words: `report.tables.methods`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from tremble import __version__
from tremble.api.citing import citations
from tremble.api.computed import RowsOf, computed, rows_of_study
from tremble.api.left_out import exclusions
from tremble.api.provenance import manifests_of, model_rows, template_rows, versions
from tremble.api.trained import checkpoints_of, trained
from tremble.errors import UserError
from tremble.prompts.asked import Asked
from tremble.prompts.presentations import Presentation
from tremble.stats.filters import MIN_MASS, MIN_N, MIN_R
from tremble.stats.frames.clusters import (
    Kind,
    each_apart,
    kinds_of,
    pairs,
    resampled,
    top_levels,
    units,
)
from tremble.stats.frames.treatments import Contrast, families_of
from tremble.stats.inference.bootstrap import RESAMPLES
from tremble.stats.inference.intervals import LEVEL, OTHERS, units_of
from tremble.stats.verdict.answer import Margins
from tremble.stats.verdict.enough import behind_rates, enough
from tremble.store.schemas import with_columns
from tremble.store.study_folder import Store
from tremble.study.origins import baseline_origins, stored_origins
from tremble.study.schema import keys

Row = dict[str, Any]


def methods_facts(folder: Path, rows_of: RowsOf | None = None) -> dict[str, Any]:
    """The facts of a study's methods, as JSON can hold them; what is not known is None. `rows_of`
    gives the rows of its tables where they are made already (`computed.rows_of_study`).

    - study, versions (of the packages that scored it), analysis (the version that analyses it now,
      with its resamples, confidence level and bounds);
    - counts: decisions, families, models (scored), cells (finished ones: a model in a format, data
      and a wording), templates, prompts (rows scored or tried), responses in sessions, and of
      these without_options;
    - families: family, decisions, people (of choice rates, `rates`, all who are behind them) with
      what these are, items, data (entries), resampled (over what and how many of it intervals are
      made), no_interval (why there is none);
    - data: dataset (as decisions name it), entries, families, studies (the papers its games are
      from), decisions;
    - models and templates: see `api.provenance`; pairs: base, aligned, formats of both;
    - asked: formats, formulations, controls, personas (arms of interviews), own (the wordings and
      controls that the study file brings: name to texts), counterbalance (and what of it some
      decision was shown in, `counterbalanced`), reading, also_read, closing, spellings, too_long,
      one_decision_each, engine, device, batch;
    - computed: what the tables hold, see `api.computed`; trained: see `api.trained`;
    - extensions: the packages (`Entry.origin`) of what scored it, and of baselines; left_out: see
      `api.left_out`; contrasts and margins of the verdict; citations: see `api.citing`.

    Raises UserError where the folder is no study, or a file of it is damaged.
    """
    store = Store(folder)
    run, jobs, decisions = store.read_run(), manifests_of(store), store.decisions()
    study_file, data = _study_file(store), _data(store)
    models, templates = model_rows(run, jobs), template_rows(jobs)
    scored_with = versions(manifest for _, manifest in jobs)
    contrasts = [Contrast.from_json(entry) for entry in run.get("contrasts", [])]
    families = _families(store, run, decisions, contrasts)
    rows = rows_of or rows_of_study(folder)
    return {
        "study": run["study"],
        "versions": scored_with,
        "analysis": {
            "tremble": __version__,
            "resamples": RESAMPLES,
            "level": LEVEL,
            "min_mass": MIN_MASS,
            "min_r": MIN_R,
            "min_n": MIN_N,
        },
        "counts": _counts(decisions, families, jobs, templates),
        "families": families,
        "data": data,
        "models": models,
        "templates": templates,
        "pairs": _pairs(run),
        "asked": _asked(study_file, run, [manifest for _, manifest in jobs])
        | {"counterbalanced": _counterbalanced(store, study_file)},
        "computed": computed(rows, [one.name for one in contrasts]),
        "trained": trained(store, rows),
        "left_out": exclusions(store, study_file),
        "contrasts": list(run.get("contrasts", [])),
        "margins": asdict(Margins(**run.get("margins", {}))),
        "extensions": _extensions(jobs, decisions),
        "citations": citations(data, models, scored_with["tremble"], checkpoints_of(run)),
    }


def _extensions(
    jobs: Sequence[tuple[Row, Mapping[str, Any]]], decisions: pl.DataFrame
) -> list[Row]:
    return [
        *stored_origins(manifest for _, manifest in jobs),
        *baseline_origins(decisions),
    ]


def _counts(
    decisions: pl.DataFrame,
    families: Sequence[Row],
    jobs: Sequence[tuple[Row, Mapping[str, Any]]],
    templates: Sequence[Row],
) -> dict[str, int]:
    said = with_columns(decisions, "response").filter(pl.col("response").is_not_null())
    return {
        "responses": said.height,
        "without_options": said.filter(pl.col("keys").list.len() == 0).height,
        "decisions": decisions.height,
        "families": len(families),
        "models": len({entry.get("model", manifest["model"]) for entry, manifest in jobs}),
        "cells": len(jobs),
        "templates": len(templates),
        "prompts": sum(manifest.get("rows") or 0 for _, manifest in jobs),
    }


def _study_file(store: Store) -> Row | None:
    """What the study file says; None where the folder holds none that can be read."""
    try:
        return tomllib.loads(store.study_file())
    except (UserError, tomllib.TOMLDecodeError, RecursionError):
        return None


def _families(
    store: Store, run: Mapping[str, Any], decisions: pl.DataFrame, contrasts: Sequence[Contrast]
) -> list[Row]:
    who = each_apart(decisions) if run.get("one_decision_each") else decisions
    entries = store.families()
    unit, rated = units(who), behind_rates(who)
    rows = []
    for one in enough(who, families_of(contrasts, who)):
        part = who.filter(family=one.family)
        points = part.select("decision").join(unit, on="decision")
        kinds, rates = kinds_of(points), one.family in rated
        rows.append(
            {
                "family": one.family,
                "decisions": one.decisions,
                "people": one.people,
                "people_are": "people" if rates else _people(kinds[0], part, "unnamed"),
                "rates": rates,
                "items": one.items,
                "data": entries.get(one.family, []),
                "resampled": [
                    {
                        "what": _unit(kind, kinds[0], part, rates),
                        "number": len(np.unique(kind.codes)),
                    }
                    for kind in resampled(top_levels(kinds))
                ],
                "no_interval": units_of(kinds)[0].reason,
            }
        )
    return rows


def _people(kind: Kind, decisions: pl.DataFrame, unnamed: str) -> str:
    """What people are known by, in a word; `unnamed`: what each is where they are by nothing."""
    if kind.named is None or not kind.named.any():
        return unnamed if decisions["game"].null_count() else "games"
    return "participants" if kind.named.all() else OTHERS


def _unit(kind: Kind, people: Kind, decisions: pl.DataFrame, rates: bool) -> str:
    """What is resampled of a kind of cluster, in a word."""
    if kind.of == "items":
        return "items"
    if rates:
        return "problems"
    # Where everybody has one game, whoever is resampled is a person.
    both = len(np.unique(pairs(kind.codes, people.codes)))
    if both == len(np.unique(kind.codes)) == len(np.unique(people.codes)):
        kind = people
    return _people(kind, decisions, "decisions")


def _data(store: Store) -> list[Row]:
    """What the decisions say of where they come from, by the data set they name."""
    rows: dict[str, Row] = {}
    columns = ["dataset", "family", "config"]
    for entry, frame in store.columns_by_entry(columns).items():
        named = frame.with_columns(
            pl.col("dataset", "family").cast(pl.String),
            study=pl.col("config").cast(pl.String).str.json_path_match("$.study"),
        )
        for (dataset,), part in named.group_by("dataset", maintain_order=True):
            row = rows.setdefault(
                str(dataset), {"entries": [], "families": {}, "studies": {}, "decisions": 0}
            )
            row["entries"].append(entry)
            row["families"] |= dict.fromkeys(part["family"])
            row["studies"] |= dict.fromkeys(part["study"].drop_nulls())
            row["decisions"] += part.height
    return [
        {
            "dataset": dataset,
            **row,
            "families": sorted(row["families"]),
            "studies": sorted(row["studies"]),
        }
        for dataset, row in rows.items()
    ]


def _pairs(run: Mapping[str, Any]) -> list[Row]:
    names = ("base", "aligned", "base_format", "aligned_format", "mode", "base_template")
    return [{name: one[name] for name in names} for one in run["comparisons"]]


def _asked(
    study_file: Row | None, run: Mapping[str, Any], manifests: Sequence[Mapping[str, Any]]
) -> Row:
    """What was asked for: of the study file what only it says, with the defaults of its keys; of
    jobs what they were."""
    names = [m["formulation"] for m in manifests if m.get("formulation")]
    asked = list(map(Asked.parse, dict.fromkeys(names)))
    study = _with_defaults("study", study_file)
    options = _with_defaults("run", study_file)
    readings = study["reading"]
    readings = [readings] if isinstance(readings, str) else readings
    return {
        "formats": study["formats"],
        "formulations": list(dict.fromkeys(one.wording for one in asked)),
        "controls": list(
            dict.fromkeys(one.control for one in asked if one.control and not one.arm)
        ),
        "personas": list(dict.fromkeys(one.arm for one in asked if one.arm)),
        "own": _own(manifests),
        "counterbalance": study["counterbalance"],
        "reading": readings and readings[0],
        "also_read": list(dict.fromkeys(one.reading for one in asked if one.reading)),
        "closing": study["closing"],
        "spellings": run.get("spellings"),
        "one_decision_each": bool(run.get("one_decision_each")),
        "too_long": options["too_long"],
        "engine": options["engine"],
        "device": options["device"],
        "batch": options["batch"],
    }


def _own(manifests: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, dict[str, str]]]:
    """The user's own wordings and controls: name to texts, by their keys in a study file."""
    own: dict[str, dict[str, dict[str, str]]] = {"wordings": {}, "controls": {}}
    for manifest in manifests:
        asked, texts = Asked.parse(manifest.get("formulation") or ""), manifest.get("own") or {}
        if "wording" in texts:
            own["wordings"][asked.wording] = texts["wording"]
        if "control" in texts and asked.control is not None:
            own["controls"][asked.control] = texts["control"]
    return own


def _counterbalanced(store: Store, study_file: Row | None) -> list[str]:
    """What was asked to be counterbalanced and was for some decision: a prompt of one's own has
    one presentation."""
    asked = _with_defaults("study", study_file)["counterbalance"] or ()
    shown = [Presentation.of(number) for number in store.scores()["presentation"].unique()]
    turned = {
        "order": any(one.backwards for one in shown),
        "labels": any(one.letters or one.exchanged for one in shown),
        "rows": any(one.rows_backwards for one in shown),
    }
    return [name for name in asked if turned[name]]


def _with_defaults(table: str, study_file: Row | None) -> Row:
    """A table of a study file, keys that it leaves out at their defaults; all None where nothing is
    known of it."""
    if study_file is None:
        return dict.fromkeys(keys(table))
    given = study_file.get(table) or {}
    made = {}
    for name, key in keys(table).items():
        value = given.get(name, key.default)
        if value == "all" and key.every:
            value = key.every
        made[name] = list(value) if isinstance(value, tuple) else value
    return made
