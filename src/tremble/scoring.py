"""Scoring the cells of a study: only what is missing, each distinct prompt once, part by part."""

from __future__ import annotations

import math
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl

from tremble.engines import Engine, ModelSpec, Row
from tremble.engines.files import Say
from tremble.engines.hub import Downloads
from tremble.engines.load import (
    give_memory_back,
    open_engine,
    open_tokenizer,
    weights_precision,
)
from tremble.errors import ModelUnavailable, one_line
from tremble.prompt_cache import installed
from tremble.prompt_table import PromptTable, scorable
from tremble.prompts.chat import FROZEN_DATE, Template
from tremble.rendering import Cell, model_name
from tremble.spellings import Spelled
from tremble.store import EXPECTED, SCORES, Job
from tremble.study_file import Study
from tremble.tokens import Tokenizer

FLUSH_SECONDS = 10.0  # at most this much work is lost when a run is killed
_NUMBERS = pl.Schema(
    {
        name: SCORES[name]
        for name in (
            "row_key",
            "logprobs",
            "mass",
            "first_mass",
            "other_token",
            "other_logprob",
            "error",
            "exact_logprobs",
            "mass_exact",
            "spellings",
            "spelling_logprobs",
        )
    }
)


class Progress:
    """Told of prompts as they are scored; the command line shows it, the library ignores it."""

    def prepare(self, prompts: int) -> None:
        """`prompts` prompts, of all models, are about to be rendered."""

    def start(self, model: str, prompts: int) -> None:
        """`prompts` distinct prompts of a model are about to be scored. Those that no model can be
        asked are not among them."""

    def advance(self, prompts: int) -> None:
        """So many more of them are done."""


def score_cells(
    study: Study,
    out: Path,
    folders: dict[Cell, str],
    tables: dict[Cell, PromptTable],
    identities: dict[ModelSpec, dict[str, Any]],
    say: Say,
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
            _score_model(study, out, mine, tables, model, identity, say, progress, downloads)
        except ModelUnavailable as error:
            left_out(model, error)
        except Exception as error:  # whatever one model brings about, the others have their turn
            say(f"{model_name(model)} broke down ({type(error).__name__}: {one_line(error)}).")
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
    say: Say,
    progress: Progress,
    downloads: Downloads,
) -> None:
    todo = {}
    for cell, folder in folders.items():
        if folder not in todo:
            todo[folder] = (cell, _missing(cell, tables[cell], Job(out / folder)))
    used = any(missing.height for _, missing in todo.values())
    if not used:
        say(f"{model_name(model)}: nothing is missing.")
    else:
        say(f"Loading {model_name(model)}.")
        with downloads.noting(model.id):
            engine = open_engine(model, study.run, say)
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
            precision = weights_precision(model, study.run, say)
            split = []
            if cell.template is not None:
                # The engine holds a tokenizer; a second one may take hundreds of megabytes.
                reader = engine if used else open_tokenizer(model, study.run, say)
                split = _split_strings(reader.tokenizer, cell.template)
            job.finish(_manifest(cell, job, identity, precision, split, account, seconds))


def _missing(cell: Cell, table: PromptTable, job: Job) -> pl.DataFrame:
    """The rows that are not in force, without numbers; those of equal prompts are copied, not
    computed."""
    rows = table.rows().join(job.rows(), on=list(EXPECTED), how="anti", maintain_order="left")
    rows = rows.with_columns(
        pl.lit(value, pl.String).alias(name)
        for name, value in {
            "model": model_name(cell.model),
            "format": cell.format,
            "template": cell.template.source if cell.template is not None else None,
            "formulation": cell.formulation,
        }.items()
    )
    if not rows.height:
        return rows
    scored = job.all_rows().filter(pl.col("error").is_null()).select(list(_NUMBERS))
    scored = scored.unique("row_key", keep="first")
    copied = rows.join(scored, on="row_key", maintain_order="left").select(list(SCORES))
    if copied.height:
        job.append(copied)
    return rows.join(scored, on="row_key", how="anti", maintain_order="left")


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
        numbers = pl.DataFrame(waiting, schema=_NUMBERS)
        rows = numbers.join(missing, on="row_key", maintain_order="left_right")
        job.append(rows.select(list(SCORES)))

    try:
        view = table.token_paths(distinct["prompt"])
        for row in engine.score(view):
            waiting.append(_numbers(keys[row.index], row, view.spelled(row.index), engine))
            if counted[row.index]:
                progress.advance(1)
            if time.monotonic() - flushed > FLUSH_SECONDS:
                write()
                waiting, flushed = [], time.monotonic()
    finally:
        if waiting:
            write()


def _numbers(row_key: str, row: Row, spelled: Spelled | None, engine: Engine) -> dict[str, Any]:
    """What was computed of a prompt, whichever rows it stands for."""
    token = row.other_token
    logprobs = list(row.logprobs) if row.error is None else None
    apart = {}
    if spelled is not None and logprobs is not None:
        exact = [values[0] for values in spelled.by_option(logprobs)]
        apart = {
            "exact_logprobs": exact,
            "mass_exact": option_mass(exact),
            "spellings": spelled.to_json(),
            "spelling_logprobs": logprobs,
        }
        logprobs = spelled.added(logprobs)
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


def option_mass(logprobs: Sequence[float | None] | None) -> float | None:
    """The summed probability of the options, before normalising; None where one is missing."""
    if not logprobs or None in logprobs:
        return None
    return math.fsum(math.exp(value) for value in logprobs if value is not None)


def _manifest(
    cell: Cell,
    job: Job,
    identity: dict[str, Any],
    precision: str | None,
    split: list[str],
    engine: Engine | None,
    seconds: float,
) -> dict[str, Any]:
    """Everything a reader needs to know of how these rows came about, none of it in the key.

    `scoring` is the engine's account of the model's run up to here, all its jobs together.
    """
    rows = job.rows()
    template = cell.template
    before = job.previous
    return {
        "model": model_name(cell.model),
        "identity": identity,
        "weights_precision": precision or "as published",
        "dataset": cell.dataset,
        "formulation": cell.formulation,
        "format": cell.format,
        "template": None
        if template is None
        else {
            "source": template.source,
            "text": template.text,
            "date": FROZEN_DATE.date().isoformat(),
            "system_role": "own" if template.takes_system else "at the head of the user text",
            "switches": template.switches,
            "strings_not_one_token": split,
        },
        "rows": rows.height,
        "errors": rows["error"].drop_nulls().value_counts(sort=True).rows(),
        "joins": int(rows["join"].sum()),
        "limits": before.get("limits") if engine is None else asdict(engine.limits()),
        "scoring": before.get("scoring") if engine is None else engine.report(),
        "seconds": round(seconds + before.get("seconds", 0.0), 3),
        "versions": _versions(),
    }


def _split_strings(tokenizer: Tokenizer, template: Template) -> list[str]:
    """Special texts of a partner's template that are several tokens for this model."""
    marks = sorted({mark for mark in template.marks if mark in template.text})
    ids = tokenizer.encode(marks)
    return [mark for mark, found in zip(marks, ids, strict=True) if len(found) > 1]


@cache
def _versions() -> dict[str, str]:
    packages = ("tremble", "torch", "transformers", "tokenizers", "polars")
    return {"python": platform.python_version(), **installed(packages)}
