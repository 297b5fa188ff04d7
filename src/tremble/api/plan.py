"""What a study will take, before anything is spent: prompts, tokens, time, memory, disk, and what
so many decisions can show. Nothing is written, and no weights are loaded or downloaded."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from tremble.api.times import ModelWork, Times, Timing
from tremble.engines.model_size import ModelSize, model_size, widest_window
from tremble.engines.open import scored_identity
from tremble.engines.shared_prefix.stream import Plan
from tremble.errors import UserError
from tremble.models.files import Notify
from tremble.models.hub_cache import Downloads
from tremble.models.spec import ModelSpec, model_name
from tremble.stats.frames.clusters import each_apart
from tremble.stats.frames.treatments import Contrast, families_of
from tremble.stats.inference.power import smallest_difference
from tremble.stats.verdict.enough import enough
from tremble.store.schemas import EXPECTED
from tremble.study.cells import Cell, Facts
from tremble.study.context import RunContext, run_context
from tremble.study.control_notes import Read, control_notes
from tremble.study.data import notes_of_taken
from tremble.study.file import Study
from tremble.study.from_base import base_bytes
from tremble.study.jobs import Job, job_folder
from tremble.study.missing import missing_rows
from tremble.study.of_sessions import fact_notes
from tremble.study.prepare import PreparedPrompts
from tremble.study.progress import Progress
from tremble.study.prompt_table import scorable
from tremble.study.run import checked
from tremble.study.session_notes import old_session_notes
from tremble.text import counted
from tremble.tokenization.refusal import ErrorKind

Row = dict[str, Any]
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
    kept: int = 0  # bytes of distributions that checkpoints are compared with
    work: ModelWork = field(default_factory=ModelWork)


def plan_study(
    study: Study, out: Path, notify: Notify, progress: Progress | None = None
) -> dict[str, Any]:
    """What `tremble run` with the folder `out` would do, as JSON can hold it.

    - `models`: one row each: model, rows (decisions in all their presentations, formats, data and
      wordings), scored (of these, on disk already), prompts (distinct, to be computed), tokens
      (theirs, one by one), distinct_tokens (computed once each), seconds of scoring with reading
      the weights and the self-check, and how these are known (`timing`: "timed" now, passes of a
      few layers with made-up weights; "measured", the same held against what this study took
      before on this machine; "rough", by the configuration and a matrix product timed now; None
      where nothing is to be computed); memory, download and disk in bytes. None where it cannot be
      told.
    - `families`: data (the entry), family, decisions, clusters (participants, or games), prompts
      (distinct ones of a model, in one wording), people and items (`verdict.enough`), and the
      smallest difference between two models' r that a two-sided test at .05 finds with a
      probability of .80, were all decisions independent, and were those of a cluster all alike:
      `smallest`, `smallest_clusters`. `answers`: of each question of the verdict None where so much
      data can answer it, else why not.
    - `cannot`: what cannot be scored, one row for each reason: why, its kind (None for what is no
      fault of single prompts), rows (prompts), decisions (distinct ones), cells, and the names of
      models, data, formulations and formats they are of. Of a model that cannot be had,
      rows, decisions and cells are None.
    - `notes`: sentences on what is added to chat templates and on control tokens in people's
      words.
    - `totals`, and `gflops`, the rate of the product that was timed, None where none was.

    Says how much it will render and what it times, and tells `progress`. Raises UserError for
    faults of the study file as a whole.
    """
    store = checked(study, out)
    nothing_noted = Downloads(keep=True)
    with run_context(study, store, notify, progress or Progress(), downloads=nothing_noted) as run:
        plan = _Plan(run)
        prepared = plan.count()
        tables = sum(path.stat().st_size for path in run.cache.made().values())
    times = Times(study.run, notify)
    rows = [_row(study, times, model, expected) for model, expected in plan.models.items()]
    return {
        "study": study.name,
        "models": rows,
        "families": [
            row
            for entry, frame in prepared.frames.items()
            for row in _families(entry, _who(frame, study), plan.distinct, study.contrasts)
        ],
        "cannot": [lost.row(why) for why, lost in plan.cannot.items()],
        "notes": plan.notes(),
        "totals": {**_totals(rows), "prompt_tables": tables},
        "gflops": times.gflops,
    }


@dataclass(slots=True)
class _Lost:
    """What one reason keeps from being scored; names in order of appearance. `kind` is that of a
    prompt's error, None where it is no prompt's."""

    kind: ErrorKind | None = None
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
        return {
            "why": why,
            "kind": self.kind,
            **(numbers if self.cells else dict.fromkeys(numbers)),
            **names,
        }


class _Plan:
    """What a run would do, counted: `models` that can be had, and what `cannot` be scored, by its
    reason."""

    def __init__(self, run: RunContext) -> None:
        self.run = run
        self.models = run.models.ask_each(run.study.models, self._model)
        self.cannot: defaultdict[str, _Lost] = defaultdict(_Lost)
        for model, reason in run.models.reasons().items():
            self.cannot[reason].models[model_name(model)] = None
        self.distinct: dict[tuple[str, str], int] = {}  # entry and family -> prompts of a cell
        self._remarks: dict[str, None] = {}
        self._reads: list[Read] = []

    def notes(self) -> list[str]:
        """What a reader must know of the prompts that were counted."""
        return [*self._remarks, *control_notes(self._reads)]

    def _model(self, model: ModelSpec) -> _Model:
        options, notify = self.run.study.run, self.run.notify
        facts = Facts.of(self.run.opened(model))
        identity = scored_identity(model, options, notify)
        return _Model(facts, identity, model_size(model, options, notify))

    def count(self) -> PreparedPrompts:
        """Renders and tokenises every cell, and adds what it takes to its model."""
        run = self.run
        prepared = PreparedPrompts(run, {m: model.facts for m, model in self.models.items()})
        jobs = {job_folder(cell, self.models[cell.model].identity): cell for cell in prepared.cells}
        decisions = sum(frame.height for frame in prepared.frames.values())
        prompts = prepared.count(jobs.values())
        run.notify(
            f"{counted(decisions, 'decision')}, {counted(len(jobs), 'cell')} (combinations of "
            f"model, format, data and wording): {counted(prompts, 'prompt')} to render and count, "
            "all presentations included."
        )
        for note in fact_notes(run.study, prepared.frames.families()):
            run.notify(note)
        for entry, frame in prepared.frames.items():
            families = set(frame["family"])
            for note in (
                *notes_of_taken(entry, run.study.folder, run.study.part, families),
                *old_session_notes(entry, frame),
            ):
                run.notify(note)
        run.progress.prepare(prompts)
        rendered: list[Cell] = []
        for cell in jobs.values():
            try:
                table = prepared.table(cell)
            except UserError as error:
                whole = prepared.decisions(cell)
                self.cannot[str(error)].add(cell, prepared.count([cell]), whole["decision"])
                continue
            rendered.append(cell)
            self._add(Job(cell, table, self.models[cell.model].identity))
        prepared.check_contrasts(cell for cell in rendered if not cell.task)
        return prepared

    def _add(self, job: Job) -> None:
        """Adds what a job takes, less what is on disk."""
        study, model = self.run.study, self.models[job.model]
        if job.cell.template is not None:
            self._remarks |= dict.fromkeys(job.cell.template.remarks())
        name = model_name(job.model)
        self._reads.append(Read(name, job.cell.dataset, job.prompts.control_texts()))
        rows, window = job.prompts.rows(), model.facts.window
        self._add_lost(job.cell, rows, window)
        self._count_prompts(job.cell, rows)
        sound = rows.filter(scorable(window))
        folder = self.run.store.job(job.folder)
        written = folder.all_rows(self.run.notify)
        scored = written.filter(pl.col("error").is_null())
        model.rows += rows.height
        model.scored += sound.join(scored, on=list(EXPECTED), how="semi").height
        missing = missing_rows(sound, written).rows.unique("row_key", maintain_order=True)
        prompts = job.prompts.token_paths(missing["prompt"])
        plan = Plan(prompts)
        model.prompts += plan.prompts
        model.tokens += plan.tokens
        model.distinct += plan.distinct
        model.longest = max(model.longest, plan.longest)
        options = study.run
        if model.size is not None:
            vocabulary = model.size.config.get_text_config().vocab_size
            model.kept += base_bytes(study, self.run.store.folder, job, vocabulary)
        if model.size is not None:
            lossless = options.dtype == "float32" and options.quantise is None
            model.work.add(prompts, plan, lossless, widest_window(model.size.config))
        account = (folder.manifest() or {}).get("scoring")
        if account is not None:
            model.work.before.append(account)

    def _count_prompts(self, cell: Cell, rows: pl.DataFrame) -> None:
        """How many different prompts a family has, at most, in a wording."""
        for family, number in rows.group_by("family").agg(pl.col("prompt").n_unique()).iter_rows():
            key = (cell.dataset, family)
            self.distinct[key] = max(self.distinct.get(key, 0), number)

    def _add_lost(self, cell: Cell, rows: pl.DataFrame, window: int | None) -> None:
        """Adds what of a cell no model, or not one with such a window, can be asked."""
        refuses = self.run.study.too_long == "error"
        then = "will refuse the study" if refuses else "will count them as missing"
        long = f"longer than the {window or 0:,} tokens that the model takes; `tremble run` {then}"
        lost = rows.filter(~scorable(window)).with_columns(
            pl.col("refusal").fill_null(long), pl.col("refusal_kind").fill_null("too_long")
        )
        for (why,), some in lost.group_by("refusal", maintain_order=True):
            self.cannot[str(why)].kind = some["refusal_kind"][0]
            self.cannot[str(why)].add(cell, some.height, some["decision"])


def _row(study: Study, times: Times, spec: ModelSpec, expected: _Model) -> Row:
    size, name = expected.size, model_name(spec)
    known: tuple[float, Timing | None] | None = (0.0, None)
    if size is not None and expected.prompts:
        known = times.seconds(name, size, expected.work)
    return {
        "model": name,
        "rows": expected.rows,
        "scored": expected.scored,
        "prompts": expected.prompts,
        "tokens": expected.tokens,
        "distinct_tokens": expected.distinct,
        "seconds": None if known is None else known[0],
        "timing": None if known is None else known[1],
        "memory": _LIBRARIES if size is None else _memory(study, size, expected.longest),
        "download": 0 if size is None else size.download,
        "disk": _ROW_BYTES * (expected.rows - expected.scored) + expected.kept,
    }


def _memory(study: Study, size: ModelSize, longest: int) -> int:
    most = size.pass_bytes(study.run.device, longest)
    if study.run.memory is not None:
        most = min(most, study.run.memory)
    return size.weights + most + _LIBRARIES


def _who(frame: pl.DataFrame, study: Study) -> pl.DataFrame:
    return each_apart(frame) if study.one_decision_each else frame


def _families(
    entry: str,
    frame: pl.DataFrame,
    distinct: Mapping[tuple[str, str], int],
    contrasts: Sequence[Contrast],
) -> list[Row]:
    contrasted = families_of(contrasts, frame)
    held = {one.family: one for one in enough(frame, contrasted)}
    families = frame.group_by("family", maintain_order=True).agg(
        pl.len().alias("decisions"),
        pl.coalesce("participant", "cluster").n_unique().alias("clusters"),
    )
    return [
        {
            "data": entry,
            **row,
            "prompts": distinct.get((entry, row["family"])),
            "people": held[row["family"]].people,
            "items": held[row["family"]].items,
            "answers": held[row["family"]].answers,
            "smallest": smallest_difference(row["decisions"]),
            "smallest_clusters": smallest_difference(row["clusters"]),
        }
        for row in families.iter_rows(named=True)
    ]


def _totals(rows: list[Row]) -> Row:
    """Sums over the models, which run one after another: memory is the largest. None where one of
    them is not known."""

    summed = ("rows", "scored", "prompts", "tokens", "distinct_tokens", "seconds", "download")
    columns = {name: [row[name] for row in rows] for name in (*summed, "disk")}
    totals: Row = {name: None if None in held else sum(held) for name, held in columns.items()}
    totals["memory"] = max((row["memory"] for row in rows), default=None)
    return totals
