"""Scoring the cells of a study: only what is missing, each distinct prompt once, part by part."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl

from tremble.engines.base import Engine, Score, option_mass
from tremble.engines.open import give_memory_back, open_engine
from tremble.errors import ModelUnavailable
from tremble.models.files import Notify
from tremble.models.hub import Downloads
from tremble.models.open import open_tokenizer, weights_precision
from tremble.models.spec import ModelSpec, model_name
from tremble.store.job import Job
from tremble.store.schemas import SCORES
from tremble.study.cells import Cell
from tremble.study.file import Study
from tremble.study.manifest import job_manifest, split_strings
from tremble.study.progress import Progress
from tremble.study.prompt_table import PromptTable, scorable
from tremble.study.resume import NUMBERS, missing_rows
from tremble.text import one_line
from tremble.tokenization.surface_forms import SurfaceForms

FLUSH_SECONDS = 10.0  # at most this much work is lost when a run is killed


def score_cells(
    study: Study,
    out: Path,
    folders: dict[Cell, str],
    tables: dict[Cell, PromptTable],
    identities: dict[ModelSpec, dict[str, Any]],
    notify: Notify,
    progress: Progress,
    downloads: Downloads,
    left_out: Callable[[ModelSpec, ModelUnavailable], None],
) -> None:
    """Score what is missing, one model after another; a model with nothing missing is not
    loaded.

    A model's weights are fetched when its turn comes, and what was downloaded for it is deleted
    after it where the study does not keep models. `left_out` is told of a model that cannot be
    had after all; the others go on.
    """
    faults: list[Exception] = []
    for model, identity in identities.items():
        mine = {cell: folder for cell, folder in folders.items() if cell.model == model}
        try:
            _score_model(study, out, mine, tables, model, identity, notify, progress, downloads)
        except ModelUnavailable as error:
            left_out(model, error)
        except Exception as error:  # whatever one model brings about, the others have their turn
            notify(f"{model_name(model)} broke down ({type(error).__name__}: {one_line(error)}).")
            faults.append(error)
        finally:
            # The engine is gone with the frame that held it, unless cycles keep its parts.
            give_memory_back()
            downloads.delete(model.id)
    if faults:
        raise faults[0]


def _score_model(
    study: Study,
    out: Path,
    folders: dict[Cell, str],
    tables: dict[Cell, PromptTable],
    model: ModelSpec,
    identity: dict[str, Any],
    notify: Notify,
    progress: Progress,
    downloads: Downloads,
) -> None:
    todo = {}
    for cell, folder in folders.items():
        if folder not in todo:
            todo[folder] = (cell, missing_rows(cell, tables[cell], Job(out / folder)))
    used = any(missing.height for _, missing in todo.values())
    if not used:
        notify(f"{model_name(model)}: nothing is missing.")
    else:
        notify(f"Loading {model_name(model)}.")
        with downloads.noting(model.id):
            engine = open_engine(model, study.run, notify)
        if engine.identity() != identity:
            raise ModelUnavailable(f"{model.id!r} changed while it was read; run it again.")
        window = engine.limits().window
        asked = (missing.filter(scorable(window)) for _, missing in todo.values())
        # Each job scores its own, also where two of them share a prompt.
        prompts = sum(rows["row_key"].n_unique() for rows in asked)
        progress.start(model_name(model), prompts)
    for folder, (cell, missing) in todo.items():
        job = Job(out / folder)
        started = time.monotonic()
        if missing.height:
            _score(job, tables[cell], missing, engine, progress)
        if missing.height or job.manifest() is None:
            account = engine if missing.height else None  # else that of before stands
            seconds = time.monotonic() - started
            precision = weights_precision(model, study.run, notify)
            split = []
            if cell.template is not None:
                # The engine holds a tokenizer; a second one may take hundreds of megabytes.
                reader = engine if used else open_tokenizer(model, study.run, notify)
                split = split_strings(reader.tokenizer, cell.template)
            job.finish(job_manifest(cell, job, identity, precision, split, account, seconds))


def _score(
    job: Job, table: PromptTable, missing: pl.DataFrame, engine: Engine, progress: Progress
) -> None:
    """Score each distinct prompt once; a part is written every few seconds and at the end."""
    distinct = missing.unique("row_key", keep="first", maintain_order=True)
    keys = distinct["row_key"].to_list()
    counted = distinct.select(scorable(engine.limits().window)).to_series().to_list()
    waiting: list[dict[str, Any]] = []
    flushed = time.monotonic()

    def write() -> None:
        numbers = pl.DataFrame(waiting, schema=NUMBERS)
        rows = numbers.join(missing, on="row_key", maintain_order="left_right")
        job.append(rows.select(list(SCORES)))

    try:
        view = table.token_paths(distinct["prompt"])
        for row in engine.score(view):
            waiting.append(_numbers(keys[row.index], row, view.surface_forms(row.index), engine))
            if counted[row.index]:
                progress.advance(1)
            if time.monotonic() - flushed > FLUSH_SECONDS:
                write()
                waiting, flushed = [], time.monotonic()
    finally:
        if waiting:
            write()


def _numbers(
    row_key: str, row: Score, surface_forms: SurfaceForms | None, engine: Engine
) -> dict[str, Any]:
    """What was computed of a prompt, whichever rows it stands for."""
    token = row.other_token
    logprobs = list(row.logprobs) if row.error is None else None
    apart = {}
    if surface_forms is not None and logprobs is not None:
        exact = [values[0] for values in surface_forms.by_option(logprobs)]
        apart = {
            "exact_logprobs": exact,
            "mass_exact": option_mass(exact),
            "spellings": surface_forms.to_json(),
            "spelling_logprobs": logprobs,
        }
        logprobs = surface_forms.added(logprobs)
    return {
        "row_key": row_key,
        "logprobs": logprobs,
        "mass": option_mass(logprobs),
        "first_mass": row.first_mass,
        "other_token": None if token is None else engine.tokenizer.decode([token]),
        "other_logprob": row.other_logprob,
        "error": row.error,
        **apart,
    }
