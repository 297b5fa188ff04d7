"""Scoring the cells of a study: only what is missing, each distinct prompt once, part by part."""

from __future__ import annotations

import math
import platform
import time
from collections.abc import Callable
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

import polars as pl

from tremble.engines import Engine, Limits, ModelSpec, Row
from tremble.engines.files import Say
from tremble.engines.hub import Downloads
from tremble.engines.load import Opened, give_memory_back, open_engine, open_tokenizer
from tremble.errors import ModelUnavailable
from tremble.prompts.chat import FROZEN_DATE, Template
from tremble.rendering import Cell, Prompt, blocks, model_name
from tremble.store import EXPECTED, SCORES, Job
from tremble.study_file import Study

FLUSH_SECONDS = 10.0  # at most this much work is lost when a run is killed


class Progress:
    """Told of prompts as they are scored; the command line shows it, the library ignores it."""

    def start(self, model: str, prompts: int) -> None:
        """`prompts` distinct prompts of a model are about to be scored."""

    def advance(self, prompts: int) -> None:
        """So many more of them are done."""


def score_cells(
    study: Study,
    out: Path,
    folders: dict[Cell, str],
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
    for model, identity in identities.items():
        mine = {cell: folder for cell, folder in folders.items() if cell.model == model}
        try:
            _score_model(study, out, mine, model, identity, say, progress, downloads)
        except ModelUnavailable as error:
            left_out(model, error)
        finally:
            # The engine is gone with the frame that held it, unless cycles keep its parts.
            give_memory_back()
            downloads.delete(model.id)


def _score_model(
    study: Study,
    out: Path,
    folders: dict[Cell, str],
    model: ModelSpec,
    identity: dict[str, Any],
    say: Say,
    progress: Progress,
    downloads: Downloads,
) -> None:
    with downloads.noting(model.id):
        opened = open_tokenizer(model, study.run, say)
    todo = {}
    for cell, folder in folders.items():
        if folder not in todo:
            todo[folder] = (cell, _missing(study, cell, opened, Job(out / folder)))
    distinct = {p.paths.key() for _, missing in todo.values() for p in missing}
    if not distinct:
        say(f"{model_name(model)}: nothing is missing.")
    else:
        say(f"Loading {model_name(model)}.")
        with downloads.noting(model.id):
            engine = open_engine(model, study.run, say)
        if engine.identity() != identity:
            raise ModelUnavailable(f"{model.id!r} changed while it was read; run it again.")
        progress.start(model_name(model), len(distinct))
    for folder, (cell, missing) in todo.items():
        job = Job(out / folder)
        started = time.monotonic()
        if missing:
            _score(job, cell, missing, engine, progress)
        if missing or job.manifest() is None:
            limits = engine.limits() if distinct else None
            seconds = time.monotonic() - started
            job.finish(_manifest(cell, opened, job, identity, limits, seconds))


def _missing(study: Study, cell: Cell, opened: Opened, job: Job) -> list[Prompt]:
    """The prompts without a row in force; rows of equal prompts are copied, not computed."""
    sound = job.all_rows().filter(pl.col("error").is_null())
    scored = {row["row_key"]: row for row in sound.unique("row_key").iter_rows(named=True)}
    current = set(job.rows().select(list(EXPECTED)).iter_rows())
    missing, copied = [], []
    for prompts in blocks(study, cell, opened):
        for prompt in prompts:
            key = prompt.paths.key()
            if (prompt.decision.id, prompt.presentation, key) in current:
                continue
            if key in scored:
                copied.append({**scored[key], **_place(prompt, cell)})
            else:
                missing.append(prompt)
    if copied:
        job.append(pl.DataFrame(copied, schema=SCORES))
    return missing


def _score(job: Job, cell: Cell, missing: list[Prompt], engine: Engine, progress: Progress) -> None:
    """Score each distinct prompt once; a part is written every few seconds and at the end."""
    same: dict[str, list[Prompt]] = {}
    for prompt in missing:
        same.setdefault(prompt.paths.key(), []).append(prompt)
    groups = list(same.values())
    waiting: list[dict[str, Any]] = []
    flushed = time.monotonic()
    try:
        for row in engine.score([group[0].paths for group in groups]):
            waiting.extend(_record(prompt, cell, row, engine) for prompt in groups[row.index])
            progress.advance(1)
            if time.monotonic() - flushed > FLUSH_SECONDS:
                job.append(pl.DataFrame(waiting, schema=SCORES))
                waiting, flushed = [], time.monotonic()
    finally:
        if waiting:
            job.append(pl.DataFrame(waiting, schema=SCORES))


def _place(prompt: Prompt, cell: Cell) -> dict[str, Any]:
    """What a row says of where it belongs, apart from its numbers."""
    return {
        "decision": prompt.decision.id,
        "dataset": prompt.decision.dataset,
        "family": prompt.decision.family,
        "model": model_name(cell.model),
        "format": cell.format,
        "template": cell.template.source if cell.template is not None else None,
        "formulation": cell.formulation,
        "presentation": prompt.presentation,
        "keys": list(prompt.keys),
        "join": prompt.paths.join,
    }


def _record(prompt: Prompt, cell: Cell, row: Row, engine: Engine) -> dict[str, Any]:
    scored = row.error is None
    token = row.other_token
    return {
        **_place(prompt, cell),
        "logprobs": list(row.logprobs) if scored else None,
        "mass": option_mass(row),
        "first_mass": row.first_mass,
        "other_token": None if token is None else engine.tokenizer.decode([token]),
        "other_logprob": row.other_logprob,
        "prompt_tokens": len(prompt.paths.prefix),
        "row_key": prompt.paths.key(),
        "error": row.error,
    }


def option_mass(row: Row) -> float | None:
    """The summed probability of the options, before normalising; None where one is missing."""
    if row.error is not None or not row.logprobs or None in row.logprobs:
        return None
    return math.fsum(math.exp(value) for value in row.logprobs if value is not None)


def _manifest(
    cell: Cell,
    opened: Opened,
    job: Job,
    identity: dict[str, Any],
    limits: Limits | None,
    seconds: float,
) -> dict[str, Any]:
    """Everything a reader needs to know of how these rows came about, none of it in the key."""
    rows = job.rows()
    template = cell.template
    before = job.previous
    return {
        "model": model_name(cell.model),
        "identity": identity,
        "weights_precision": opened.quantised or "as published",
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
            "strings_not_one_token": _split_strings(opened, template),
        },
        "rows": rows.height,
        "errors": rows["error"].drop_nulls().value_counts(sort=True).rows(),
        "joins": int(rows["join"].sum()),
        "limits": asdict(limits) if limits else before.get("limits"),
        "seconds": round(seconds + before.get("seconds", 0.0), 3),
        "versions": _versions(),
    }


def _split_strings(opened: Opened, template: Template) -> list[str]:
    """Special texts of a partner's template that are several tokens for this model."""
    marks = sorted({mark for mark in template.marks if mark in template.text})
    ids = opened.tokenizer.encode(marks)
    return [mark for mark, found in zip(marks, ids, strict=True) if len(found) > 1]


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in ("tremble", "torch", "transformers", "tokenizers", "polars"):
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found
