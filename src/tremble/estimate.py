"""What a study will take, before anything is spent: prompts, tokens, time, memory, disk, and what
so many decisions can show. Nothing is written, and no weights are loaded or downloaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import polars as pl

from tremble.cost import Cost, Work
from tremble.engines import ModelSpec
from tremble.engines.files import Say
from tremble.engines.load import model_identity, open_tokenizer
from tremble.engines.model_size import ModelSize, model_size
from tremble.errors import ModelUnavailable, UserError
from tremble.plan import Plan
from tremble.prompt_cache import PromptCache, prompt_cache
from tremble.prompt_table import PromptTable
from tremble.rendering import (
    Cell,
    Facts,
    cells,
    data_fingerprint,
    model_name,
    prompts_key,
    reading_of,
    render,
)
from tremble.stats.power import smallest_difference
from tremble.store import EXPECTED, Job
from tremble.study import checked, job_folder, read_data
from tremble.study_file import Study
from tremble.study_selection import decisions_in, selected

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


def plan_study(study: Study, out: Path, say: Say) -> dict[str, Any]:
    """What `tremble run` with the folder `out` would do, as JSON can hold it.

    - `models`: one row each: model, rows (decisions in all their presentations, formats, data and
      wordings), scored (of these, on disk already), prompts (distinct, to be computed), tokens
      (theirs, one by one), distinct_tokens (computed once each), seconds and `timing` ("measured"
      in this study before; "estimated" from the configuration and a matrix product timed now, to a
      factor of two or three), memory, download and disk in bytes. None where it cannot be told.
    - `families`: family, decisions, clusters (participants, or games), and the smallest difference
      between two models' r that a two-sided test at .05 finds with a probability of .80, were all
      decisions independent, and were those of a cluster all alike: `smallest`, `smallest_clusters`.
    - `cannot`: what cannot be scored: model, data, formulation, format, rows (None: all) and why.
    - `totals`, and `gflops`, the rate of the product that was timed.

    Raises UserError for faults of the study file as a whole.
    """
    checked(study, out)
    frames = read_data(study)
    cannot: list[Row] = []
    with prompt_cache(out) as cache:
        models = _models(study, say, cannot)
        gflops = _rate(study, models)
        _count(study, out, models, frames, cache, cannot, say)
        tables = sum(path.stat().st_size for path in cache.made().values())
    rows = [_row(study, model, found, gflops) for model, found in models.items()]
    return {
        "study": study.name,
        "models": rows,
        "families": [row for entry in frames for row in _families(frames[entry])],
        "cannot": cannot,
        "totals": {**_totals(rows), "prompt_tables": tables},
        "gflops": gflops,
    }


def _models(study: Study, say: Say, cannot: list[Row]) -> dict[ModelSpec, _Model]:
    found = {}
    for model in study.models:
        try:
            opened = open_tokenizer(model, study.run, say)
            identity = model_identity(model, study.run, say)
            found[model] = _Model(Facts.of(opened), identity, model_size(model, study.run, say))
        except ModelUnavailable as error:
            cannot.append(_refused(model_name(model), None, None, None, None, str(error)))
    return found


def _rate(study: Study, models: Mapping[ModelSpec, _Model]) -> float | None:
    """GFLOP/s of a square product here; None where nothing would run on the processor."""
    if study.run.device != "cpu" or all(found.size is None for found in models.values()):
        return None
    from tremble.bench.rates import square_rate

    return square_rate(study.run.dtype)


def _count(
    study: Study,
    out: Path,
    models: Mapping[ModelSpec, _Model],
    frames: Mapping[str, pl.DataFrame],
    cache: PromptCache,
    cannot: list[Row],
    say: Say,
) -> None:
    """Renders and tokenises every cell, and adds what it takes to its model."""
    opened = lru_cache(maxsize=4)(lambda model: open_tokenizer(model, study.run, say))
    prints = {entry: data_fingerprint(entry, study.folder) for entry in study.data}
    facts = {model: found.facts for model, found in models.items()}
    seen = set()
    for cell in selected(study, cells(study, facts), frames):
        model = models[cell.model]
        folder = job_folder(cell, dict(model.identity))
        if folder in seen:
            continue
        seen.add(folder)
        key = prompts_key(study, cell, model.facts, prints[cell.dataset])
        total = decisions_in(cell, frames[cell.dataset])
        try:
            if not cache.has(key):
                cache.add(key, render(study, cell, opened(cell.model).tokenizer, total, say))
        except UserError as error:
            cannot.append(_of_cell(cell, None, str(error)))
            continue
        table = cache.table(key, reading_of(study, cell.formulation))
        _add(study, cell, table, Job(out / folder), model, cannot)


def _add(
    study: Study, cell: Cell, table: PromptTable, job: Job, model: _Model, cannot: list[Row]
) -> None:
    rows, window = table.rows(), model.facts.window
    model.rows += rows.height
    if window is not None and (long := rows.filter(pl.col("length") > window)).height:
        then = "refuses the study" if study.too_long == "error" else "counts them as missing"
        why = f"longer than the {window:,} tokens that the model takes; `tremble run` {then}"
        cannot.append(_of_cell(cell, long.height, why))
        rows = rows.filter(pl.col("length") <= window)
    before = job.all_rows().filter(pl.col("error").is_null())
    there = rows.join(before, on=list(EXPECTED), how="semi")
    model.scored += there.height
    missing = rows.join(before, on="row_key", how="anti").unique("row_key", maintain_order=True)
    paths = table.token_paths(missing["prompt"])
    reasons: dict[str | None, list[int]] = {None: []}
    for at, prompt in enumerate(paths):
        reasons.setdefault(prompt.error, []).append(at)
    sound = reasons.pop(None)
    for reason, places in reasons.items():
        lost = rows.join(missing[places], on="row_key", how="semi").height
        cannot.append(_of_cell(cell, lost, reason or ""))
    plan = Plan(paths[at] for at in sound)
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


def _families(frame: pl.DataFrame) -> list[Row]:
    found = frame.group_by("dataset", "family", maintain_order=True).agg(
        pl.len().alias("decisions"),
        pl.coalesce("participant", "cluster").n_unique().alias("clusters"),
    )
    return [
        {
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


def _of_cell(cell: Cell, rows: int | None, why: str) -> Row:
    return _refused(model_name(cell.model), cell.dataset, cell.formulation, cell.format, rows, why)


def _refused(
    model: str,
    data: str | None,
    formulation: str | None,
    format_: str | None,
    rows: int | None,
    why: str,
) -> Row:
    return {
        "model": model,
        "data": data,
        "formulation": formulation,
        "format": format_,
        "rows": rows,
        "why": why,
    }
