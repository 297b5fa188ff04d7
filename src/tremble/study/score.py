"""Scoring the jobs of a run: only what is missing, each distinct prompt once, part by part."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import polars as pl

from tremble.engines.base import Engine, Score, option_mass
from tremble.engines.open import Engines, weights_of
from tremble.errors import ModelUnavailable, UserError
from tremble.models.open import open_tokenizer, weights_precision
from tremble.models.spec import ModelSpec, model_name
from tremble.store.job_folder import JobFolder
from tremble.store.provenance import hash8
from tremble.store.sealed import check_there
from tremble.study.context import RunContext
from tremble.study.from_base import FromBase, JobFromBase
from tremble.study.jobs import Job
from tremble.study.manifest import job_manifest, split_strings
from tremble.study.missing import Missing, missing_rows
from tremble.study.origins import job_origins
from tremble.study.parts import ScoreParts, stored_rows
from tremble.study.progress import Progress
from tremble.study.prompt_table import scorable
from tremble.study.record import absent_models
from tremble.study.table_view import TableView
from tremble.text import counted, one_line
from tremble.tokenization.refusal import BEGINS, NOT_APPLICABLE
from tremble.tokenization.surface_forms import SurfaceForms

FLUSH_SECONDS = 10.0  # at most this much work is lost when a run is killed


def score_jobs(run: RunContext, jobs: Sequence[Job]) -> None:
    """Score what is missing, one model after another; a model with nothing missing is not
    loaded.

    A model's weights are fetched when its turn comes, and what was downloaded for it is deleted
    after it where the study does not keep models. A model that cannot be had after all is left
    out; the others go on.
    """
    faults: list[Exception] = []
    engines = Engines(run.study.run, run.notify)
    base = FromBase.of(run, jobs)
    order = by_weights(run.identities)
    order = order if base is None else base.first(run, order)
    used: list[str] = []
    for place, model in enumerate(order):
        more = any(_same_weights(run, model, other) for other in order[place + 1 : place + 2])
        mine = [job for job in jobs if job.model == model]
        try:
            with run.models.tolerating(model):
                tasks = _tasks(run, mine, base)
                _score_model(run, model, tasks, partial(engines.open, model, more))
        except Exception as error:  # whatever one model brings about, the others have their turn
            check_there(run.store.folder)
            broken = f"{model_name(model)} failed"
            why = one_line(error).removesuffix(".")
            kind = "" if isinstance(error, UserError) else f"{type(error).__name__}: "
            run.notify(f"{broken} ({kind}{why}).")
            faults.append(error)
            more = False  # whatever state its engine is in
        finally:
            # The engine is gone with the frame that held it, unless cycles keep its parts.
            used.append(model.id)
            if not more:
                engines.close()
                # What a base downloaded stays until its last adapter is done.
                while used:
                    run.downloads.delete(used.pop())
        if model in run.models.unavailable:
            _leave_out(run, model)
    if faults:
        raise faults[0]


def by_weights(identities: Mapping[ModelSpec, Mapping[str, Any]]) -> list[ModelSpec]:
    """Models in their order, but those that share their weights, with different adapters on them,
    next to each other."""
    first: dict[str, int] = {}
    for identity in identities.values():
        first.setdefault(hash8(weights_of(identity)), len(first))
    return sorted(identities, key=lambda model: first[hash8(weights_of(identities[model]))])


def _same_weights(run: RunContext, one: ModelSpec, other: ModelSpec) -> bool:
    return weights_of(run.identities[one]) == weights_of(run.identities[other])


def _leave_out(run: RunContext, model: ModelSpec) -> None:
    """Records that a model could not be had. Raises where that leaves nothing of the study."""
    if run.store.scores().is_empty():
        run.refuse_if_nothing_is_left()
    run.notify_left_out(model)
    run.store.amend({"absent": absent_models(run)})


@dataclass(frozen=True, slots=True, eq=False)
class _Task:
    """What of a job is to be computed: `missing` are the places, among the rows of its prompts, of
    those without numbers; `asked` has for each distinct prompt among them what decides whether a
    model is asked (see `scorable`); `changed` of them had another prompt in an earlier run. All
    else is read again when it is this job's turn. `from_base`: of a held-out task how far from the
    base it is, which `diverging` of the rows lack and nothing else."""

    job: Job
    folder: JobFolder
    missing: pl.Series
    asked: pl.DataFrame
    changed: int
    from_base: JobFromBase | None = None
    diverging: int = 0

    @classmethod
    def of(
        cls, job: Job, folder: JobFolder, missing: Missing, from_base: JobFromBase | None
    ) -> _Task:
        rows, diverging = missing.rows, 0
        if from_base is not None:
            lacking = from_base.lacking(job.prompts.rows().with_row_index("place"), folder)
            lacking = lacking.join(rows, on="place", how="anti")
            rows, diverging = pl.concat([rows, lacking]).sort("place"), lacking.height
        firsts = rows.filter(pl.col("row_key").is_first_distinct())
        refused = pl.when(pl.col("refusal").is_not_null()).then(True).alias("refusal")
        asked = firsts.select("length", refused)
        return cls(job, folder, rows["place"], asked, missing.changed, from_base, diverging)

    def rows(self) -> pl.DataFrame:
        """The rows without numbers."""
        rows = self.job.prompts.rows()
        return rows if rows.height == len(self.missing) else rows[self.missing]

    def row_keys(self) -> list[str]:
        """Of a held-out task those of its prompts without numbers, each once."""
        if self.from_base is None:
            return []
        return self.rows()["row_key"].unique(maintain_order=True).to_list()

    def view(self) -> TableView:
        """The token paths of the prompts without numbers, each once."""
        firsts = self.rows().filter(pl.col("row_key").is_first_distinct())
        return self.job.prompts.token_paths(firsts["prompt"])


def _score_model(
    run: RunContext, model: ModelSpec, tasks: Sequence[_Task], opened: Callable[[], Engine]
) -> None:
    engine = None
    if not any(len(task.missing) for task in tasks):
        run.notify(f"{model_name(model)}: everything is already scored.")
    elif all(task.asked["refusal"].all(ignore_nulls=False) for task in tasks):
        run.notify(_nothing_to_ask(model, tasks))
    else:
        _say_changed(run, model, sum(task.changed for task in tasks))
        if diverging := sum(task.diverging for task in tasks):
            are = "is" if diverging == 1 else "are"
            run.notify(
                f"{model_name(model)}: {counted(diverging, 'answer')} of the task {are} scored "
                "again to compute the KL divergence from the base."
            )
        engine = _open(run, model, tasks, opened)
    told = _Told(run.progress, tasks)
    for task in tasks:
        started = time.monotonic()
        if engine is not None and len(task.missing):
            _score(task, engine, told)
        elif len(task.missing):
            _refuse(task)
        if len(task.missing) or not _is_told(task):
            _finish(run, task, engine, time.monotonic() - started)


def _nothing_to_ask(model: ModelSpec, tasks: Sequence[_Task]) -> str:
    """Why no model is loaded: what is missing has no prompt that one can be asked."""
    rows = pl.concat([task.rows().select("refusal", "refusal_kind") for task in tasks])
    reason = str(rows["refusal"].value_counts(sort=True).item(0, 0))
    for begin in BEGINS.values():
        reason = reason.removeprefix(begin)
    kinds = set(rows["refusal_kind"])
    first = "" if rows["refusal"].n_unique() == 1 else "most often, "
    is_, has = ("is", "has") if rows.height == 1 else ("are", "have")
    lack = f"{is_} not applicable" if kinds <= set(NOT_APPLICABLE) else f"{has} no score"
    return f"{model_name(model)}: 0 prompts to score; {rows.height:,} {lack} ({first}{reason})."


def _refuse(task: _Task) -> None:
    """Writes the rows of a job of which none has a prompt that a model can be asked."""
    parts = ScoreParts(task.job, task.folder, task.rows())
    for place, paths in enumerate(task.job.prompts.token_paths(parts.prompts)):
        assert paths.refusal is not None
        score = Score.refused(place, paths.refusal)
        parts.add(place, {"error": score.error, "error_kind": score.error_kind})
    parts.write()


def _say_changed(run: RunContext, model: ModelSpec, changed: int) -> None:
    """Says why a model scores again what an earlier run has scored."""
    if changed:
        has, are = ("has", "is") if changed == 1 else ("have", "are")
        earlier = "its earlier score stays" if changed == 1 else "their earlier scores stay"
        run.notify(
            f"{model_name(model)}: {counted(changed, 'prompt')} {has} changed since the last run "
            "(because your data, your wordings or tremble's built-in prompts changed) and will be "
            f"scored again; {earlier} in the folder and {are} not used; all other scores are kept."
        )


def _is_told(task: _Task) -> bool:
    """Whether the manifest of a job is there and says what its rows are of: templates of the user's
    own, and other files or another version of a package, may differ and print the same."""
    manifest, job = task.folder.manifest(), task.job
    return (
        manifest is not None
        and manifest.get("own") == job.cell.own_texts
        and manifest.get("extensions", []) == job_origins(job.origins, job.identity)
    )


@dataclass(slots=True)
class _Told:
    """Tells the progress of a model's jobs in the unit of its engine: which that is, and what is no
    scoring but checks, is known when the first score of a job is there."""

    progress: Progress
    tasks: Sequence[_Task]
    path: str | None = None
    checking: float = 0.0

    def efforts(self, task: _Task, engine: Engine, view: TableView) -> Sequence[float]:
        """Those of a job's prompts, the first of which is scored."""
        report, efforts = engine.report(), engine.efforts(view)
        if report["path"] != self.path:
            self.path = report["path"]
            later = self.tasks[self.tasks.index(task) + 1 :]
            rest = sum(sum(engine.efforts(one.view())) for one in later)
            self.progress.measure(sum(efforts) + rest)
        checking = report.get("checking_seconds", 0.0)
        self.progress.pause(checking - self.checking)
        self.checking = checking
        return efforts


def _tasks(run: RunContext, jobs: Sequence[Job], base: FromBase | None) -> list[_Task]:
    """What is missing of jobs, each folder once; rows of equal prompts are copied right away."""
    tasks: dict[str, _Task] = {}
    for job in jobs:
        if job.folder in tasks:
            continue
        folder = run.store.job(job.folder)
        written = folder.all_rows(lambda _: None)  # damage was said when it was set aside
        missing = missing_rows(job.prompts.rows().with_row_index("place"), written)
        if missing.copied.height:
            folder.append(stored_rows(job, missing.copied))
        from_base = None if base is None else base.job(job)
        tasks[job.folder] = _Task.of(job, folder, missing, from_base)
    return list(tasks.values())


def _open(
    run: RunContext, model: ModelSpec, tasks: Sequence[_Task], opened: Callable[[], Engine]
) -> Engine:
    """The engine of a model of which something is missing; says how much.

    Raises ModelUnavailable where it cannot be had, or is no longer what it was.
    """
    run.notify(f"Loading {model_name(model)}.")
    with run.downloads.noting(model.id):
        engine = opened()
    if engine.identity() != run.identities[model]:
        raise ModelUnavailable(f"{model.id!r} changed while it was read; run the command again.")
    # Each job scores its own, also where two of them share a prompt.
    prompts = sum(task.asked.filter(scorable(engine.limits().window)).height for task in tasks)
    run.progress.start(model_name(model), prompts)
    return engine


def _finish(run: RunContext, task: _Task, engine: Engine | None, seconds: float) -> None:
    """Writes the manifest of a job whose rows are all there."""
    model, template = task.job.model, task.job.cell.template
    account = engine if len(task.missing) else None  # else that of before stands
    precision = weights_precision(model, run.study.run, run.notify)
    split = []
    if template is not None:
        # The engine holds a tokenizer; a second one may take hundreds of megabytes.
        reader = engine or open_tokenizer(model, run.study.run, run.notify)
        split = split_strings(reader.tokenizer, template)
    manifest = job_manifest(task.job, task.folder, precision, split, account, seconds)
    task.folder.finish(manifest)


def _score(task: _Task, engine: Engine, told: _Told) -> None:
    """Score each distinct prompt once; a part is written every few seconds and at the end."""
    parts = ScoreParts(task.job, task.folder, task.rows())
    counted = task.asked.select(scorable(engine.limits().window)).to_series().to_numpy()
    view = task.job.prompts.token_paths(parts.prompts)
    of, keys = task.from_base, task.row_keys()
    marked = view if of is None else of.marked(view, keys)
    efforts: Sequence[float] | None = None
    flushed = time.monotonic()
    try:
        for score in engine.score(marked):
            numbers = _numbers(score, view.surface_forms(score.index), engine)
            if of is not None:
                numbers |= of.numbers(keys[score.index], score)
            parts.add(score.index, numbers)
            if counted[score.index]:
                if efforts is None:
                    efforts = told.efforts(task, engine, view)
                told.progress.advance(1, efforts[score.index])
            if time.monotonic() - flushed > FLUSH_SECONDS:
                parts.write()
                flushed = time.monotonic()
    finally:
        parts.write()


def _numbers(score: Score, surface_forms: SurfaceForms | None, engine: Engine) -> dict[str, Any]:
    """What was computed of a prompt, whichever rows it stands for."""
    token = score.other_token
    logprobs = list(score.logprobs) if score.error is None else None
    apart: dict[str, Any] = {}
    if surface_forms is not None and logprobs is not None:
        exact = [values[0] for values in surface_forms.by_option(logprobs)]
        apart = {
            "exact_logprobs": exact,
            "mass_exact": option_mass(exact),
            "spellings": surface_forms.to_json(),
            "spelling_logprobs": logprobs,
        }
        logprobs = surface_forms.added(logprobs)
    if (said := score.response) is not None:
        if logprobs is not None and len(logprobs) == 1:  # no options: there is a likelihood alone
            logprobs = None
        apart |= {
            "response_logprob": said.logprob,
            "closing_logprob": said.closing,
            "response_tokens": said.tokens,
            "response_likeliest": said.likeliest,
        }
    return {
        "logprobs": logprobs,
        "mass": option_mass(logprobs),
        "first_mass": None if logprobs is None else score.first_mass,
        "other_token": None if token is None else engine.tokenizer.decode([token]),
        "other_logprob": score.other_logprob,
        "error": score.error,
        "error_kind": score.error_kind,
        **apart,
    }
