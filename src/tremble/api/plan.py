"""What a study will take, before anything is spent: prompts, tokens, time, memory, disk, and what
so many decisions can show. Nothing is written, and no weights are loaded or downloaded."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import polars as pl

from tremble.engines.cost import Cost, Work
from tremble.engines.model_size import ModelSize, model_size
from tremble.engines.shared_prefix.stream import Plan
from tremble.errors import ModelUnavailable, UserError
from tremble.models.files import Notify
from tremble.models.open import model_identity, open_tokenizer
from tremble.models.spec import ModelSpec, model_name
from tremble.stats.inference.power import smallest_difference
from tremble.store.job import Job
from tremble.store.schemas import EXPECTED
from tremble.study.cells import Cell, Facts
from tremble.study.data import sample_notes
from tremble.study.file import Study
from tremble.study.jobs import job_folder
from tremble.study.preflight import Preflight
from tremble.study.progress import Progress
from tremble.study.prompt_cache import prompt_cache
from tremble.study.prompt_table import PromptTable, scorable
from tremble.study.run import checked
from tremble.text import counted

Row = dict[str, Any]
_PASS = 2048  # tokens
_ROW_BYTES = 80  # of a score on disk, as studies have them
_LIBRARIES = 500_000_000  # bytes that Python, torch and transformers take themselves


@dataclass(slots=True)
class _Model:
    """What is known of one model so far."""

    facts: Facts
    identity: Mapping[str, Any]
    size: ModelSize | None
    rows: int = 0
    scored: int = 0
    prompts: int = 0
    tokens: int = 0
    distinct: int = 0
    longest: int = 0
    work: list[Work] = field(default_factory=list)
    cost: Cost | None = None


def plan_study(
    study: Study, out: Path, notify: Notify, progress: Progress | None = None
) -> dict[str, Any]:
    """What `tremble run` with the folder `out` would do, as JSON can hold it.

    - `models`: one row each: model, rows (decisions in all their presentations, formats, data and
      wordings), scored (of these, on disk already), prompts (distinct, to be computed), tokens
      (theirs, one by one), distinct_tokens (computed once each), seconds and `timing` ("measured"
      in this study before; "estimated" from the configuration and a matrix product timed now, to a
      factor of two), memory, download and disk in bytes. None where it cannot be told.
    - `families`: data (the entry), family, decisions, clusters (participants, or games), and the
      smallest difference between two models' r that a two-sided test at .05 finds with a
      probability of .80, were all decisions independent, and were those of a cluster all alike:
      `smallest`, `smallest_clusters`.
    - `cannot`: what cannot be scored, one row for each reason: why, rows (prompts), decisions
      (distinct ones), cells, and the names of models, data, formulations and formats they are of.
      Of a model that cannot be had, rows, decisions and cells are None.
    - `totals`, and `gflops`, the rate of the product that was timed.

    Says how much it will render, and tells `progress`. Raises UserError for faults of the study
    file as a whole.
    """
    checked(study, out)
    progress = progress or Progress()
    cannot: defaultdict[str, _Lost] = defaultdict(_Lost)
    with prompt_cache(out) as cache:
        models = _models(study, notify, cannot)
        facts = {model: found.facts for model, found in models.items()}
        opened = lru_cache(maxsize=4)(lambda model: open_tokenizer(model, study.run, notify))
        ready = Preflight(study, facts, opened, cache, progress)
        _count(ready, out, models, cannot, notify)
        gflops = _rate(study, models)
        tables = sum(path.stat().st_size for path in cache.made().values())
    rows = [_row(study, model, found, gflops) for model, found in models.items()]
    return {
        "study": study.name,
        "models": rows,
        "families": [
            row for entry, frame in ready.frames.items() for row in _families(entry, frame)
        ],
        "cannot": [lost.row(why) for why, lost in cannot.items()],
        "totals": {**_totals(rows), "prompt_tables": tables},
        "gflops": gflops,
    }


@dataclass(slots=True)
class _Lost:
    """What one reason keeps from being scored; names in order of appearance."""

    models: dict[str, None] = field(default_factory=dict)
    data: dict[str, None] = field(default_factory=dict)
    formulations: dict[str, None] = field(default_factory=dict)
    formats: dict[str, None] = field(default_factory=dict)
    rows: int = 0
    cells: int = 0
    decisions: set[str] = field(default_factory=set)

    def add(self, cell: Cell, rows: int, decisions: Iterable[str]) -> None:
        """`rows` prompts of a cell, which are of these decisions."""
        self.models[model_name(cell.model)] = None
        self.data[cell.dataset] = None
        self.formulations[cell.formulation] = None
        self.formats[cell.format] = None
        self.rows += rows
        self.cells += 1
        self.decisions.update(decisions)

    def row(self, why: str) -> Row:
        names = {
            name: list(getattr(self, name))
            for name in ("models", "data", "formulations", "formats")
        }
        numbers = {"rows": self.rows, "decisions": len(self.decisions), "cells": self.cells}
        return {"why": why, **(numbers if self.cells else dict.fromkeys(numbers)), **names}


def _models(study: Study, notify: Notify, cannot: dict[str, _Lost]) -> dict[ModelSpec, _Model]:
    found = {}
    for model in study.models:
        try:
            opened = open_tokenizer(model, study.run, notify)
            identity = model_identity(model, study.run, notify)
            found[model] = _Model(Facts.of(opened), identity, model_size(model, study.run, notify))
        except ModelUnavailable as error:
            cannot[str(error)].models[model_name(model)] = None
    return found


def _rate(study: Study, models: Mapping[ModelSpec, _Model]) -> float | None:
    """GFLOP/s of a square product here; None where nothing would run on the processor."""
    if study.run.device != "cpu" or all(found.size is None for found in models.values()):
        return None
    from tremble.engines.shared_prefix.matmul_rate import square_rate

    return square_rate(study.run.dtype)


def _count(
    ready: Preflight,
    out: Path,
    models: Mapping[ModelSpec, _Model],
    cannot: dict[str, _Lost],
    notify: Notify,
) -> None:
    """Renders and tokenises every cell, and adds what it takes to its model."""
    jobs = {job_folder(cell, dict(models[cell.model].identity)): cell for cell in ready.cells}
    decisions = sum(frame.height for frame in ready.frames.values())
    prompts = ready.prompts(jobs.values())
    notify(
        f"{counted(decisions, 'decision')}, {counted(len(jobs), 'cell')} (a model in a format, "
        f"data and a wording): {counted(prompts, 'prompt')} to render and count, all presentations."
    )
    for entry, frame in ready.frames.items():
        for note in sample_notes(ready.study, entry, set(frame["family"])):
            notify(note)
    ready.progress.prepare(prompts)
    for folder, cell in jobs.items():
        try:
            table = ready.table(cell)
        except UserError as error:
            whole = ready.decisions(cell)
            cannot[str(error)].add(cell, ready.prompts([cell]), whole["decision"])
            continue
        _add(ready.study, cell, table, Job(out / folder), models[cell.model], cannot)


def _add(
    study: Study, cell: Cell, table: PromptTable, job: Job, model: _Model, cannot: dict[str, _Lost]
) -> None:
    rows, window = table.rows(), model.facts.window
    then = "refuses the study" if study.too_long == "error" else "counts them as missing"
    long = f"longer than the {window or 0:,} tokens that the model takes; `tremble run` {then}"
    lost = rows.filter(~scorable(window)).with_columns(pl.col("refusal").fill_null(long))
    for (why,), some in lost.group_by("refusal", maintain_order=True):
        cannot[str(why)].add(cell, some.height, some["decision"])
    sound = rows.filter(scorable(window))
    before = job.all_rows()
    scored = before.filter(pl.col("error").is_null())
    model.rows += rows.height
    model.scored += sound.join(scored, on=list(EXPECTED), how="semi").height
    missing = sound.join(before, on=list(EXPECTED), how="anti", maintain_order="left")
    missing = missing.join(scored, on="row_key", how="anti", maintain_order="left")
    plan = Plan(table.token_paths(missing.unique("row_key", maintain_order=True)["prompt"]))
    model.prompts += plan.prompts
    model.tokens += plan.tokens
    model.distinct += plan.distinct
    model.longest = max(model.longest, plan.longest)
    if study.run.engine == "reference":
        pairs = plan.tokens * plan.longest // 2
        model.work.append(Work(plan.tokens, pairs, plan.rows, plan.prompts))
    else:
        model.work.append(Work(plan.distinct, plan.pairs, plan.rows, -(-plan.distinct // _PASS)))
    measured = ((job.manifest() or {}).get("scoring") or {}).get("cost")
    if measured is not None:
        model.cost = Cost(**measured)


def _row(study: Study, spec: ModelSpec, found: _Model, gflops: float | None) -> Row:
    size, cost, timing = found.size, found.cost, "measured"
    if cost is None and size is not None and gflops is not None:
        cost, timing = size.cost(gflops), "estimated"
    seconds = None if cost is None else sum(cost.seconds(work) for work in found.work)
    if found.prompts == 0 or size is None:
        seconds, timing = 0.0, "estimated"
    return {
        "model": model_name(spec),
        "rows": found.rows,
        "scored": found.scored,
        "prompts": found.prompts,
        "tokens": found.tokens,
        "distinct_tokens": found.distinct,
        "seconds": seconds,
        "timing": None if seconds is None else timing,
        "memory": _LIBRARIES if size is None else _memory(study, size, found.longest),
        "download": 0 if size is None else size.download,
        "disk": _ROW_BYTES * (found.rows - found.scored),
    }


def _memory(study: Study, size: ModelSize, longest: int) -> int:
    most = size.pass_bytes(study.run.device, longest)
    if study.run.memory is not None:
        most = min(most, study.run.memory)
    return size.weights + most + _LIBRARIES


def _families(entry: str, frame: pl.DataFrame) -> list[Row]:
    found = frame.group_by("family", maintain_order=True).agg(
        pl.len().alias("decisions"),
        pl.coalesce("participant", "cluster").n_unique().alias("clusters"),
    )
    return [
        {
            "data": entry,
            **row,
            "smallest": smallest_difference(row["decisions"]),
            "smallest_clusters": smallest_difference(row["clusters"]),
        }
        for row in found.iter_rows(named=True)
    ]


def _totals(rows: list[Row]) -> Row:
    """Sums over the models, which run one after another: memory is the largest. None where one of
    them is not known."""

    summed = ("rows", "scored", "prompts", "tokens", "distinct_tokens", "seconds", "download")
    columns = {name: [row[name] for row in rows] for name in (*summed, "disk")}
    found: Row = {name: None if None in held else sum(held) for name, held in columns.items()}
    found["memory"] = max((row["memory"] for row in rows), default=None)
    return found
