"""The whole way: a study file to finished work. What is on disk already is not done again.

data -> decisions -> conversations -> token paths -> engine -> store -> analysis
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

import polars as pl

from tremble.engines.registry import check_engine
from tremble.errors import ModelUnavailable, UserError
from tremble.models.device import check_device
from tremble.models.files import Notify
from tremble.models.hub import Downloads
from tremble.models.open import Opened, model_identity, open_tokenizer
from tremble.models.spec import ModelSpec, model_name
from tremble.store.job import Job
from tremble.store.schemas import EXPECTED
from tremble.store.study_folder import Store
from tremble.study.cells import Cell, Facts, reading_of
from tremble.study.data import sample_notes
from tremble.study.file import Study
from tremble.study.inapplicable import of_misfits
from tremble.study.jobs import job_folder, run_record
from tremble.study.preflight import Preflight
from tremble.study.progress import Progress
from tremble.study.prompt_cache import PromptCache, prompt_cache
from tremble.study.prompt_table import PromptTable
from tremble.study.score import score_cells

_Found = TypeVar("_Found")


def score_study(study: Study, out: Path, notify: Notify, progress: Progress | None = None) -> int:
    """Score what is missing of a study and return how many prompts could not be scored. Those of
    decisions that a wording or control does not fit are not among them; `caveats` says those.

    Everything that can be known beforehand is checked before anything is written. Raises
    UserError for what the user can mend. A model that cannot be had is said, recorded in run.json
    (see `absent`) and left out, as long as a whole pair or a single model remains.
    """
    store = checked(study, out)
    downloads = Downloads(study.run.keep_models)
    try:
        with prompt_cache(out) as cache:
            return _score_study(study, store, notify, progress or Progress(), downloads, cache)
    finally:
        downloads.delete_all()


def checked(study: Study, out: Path) -> Store:
    """The folder of a study, nothing written yet. Raises UserError where it holds something else,
    and for faults of the study file as a whole."""
    store = Store(out)
    store.check(study.name)
    if not study.data:
        raise UserError(f'The study {study.name!r} names no data; add data = ["demo"] to [study].')
    check_engine(study.run.engine)
    check_device(study.run)
    return store


def _score_study(
    study: Study,
    store: Store,
    notify: Notify,
    progress: Progress,
    downloads: Downloads,
    cache: PromptCache,
) -> int:
    missing: dict[ModelSpec, str] = {}

    def each(models: Iterable[ModelSpec], ask: Callable[..., _Found]) -> dict[ModelSpec, _Found]:
        """What `ask` finds of each model; where one cannot be had, it is among the missing."""
        found = {}
        for model in models:
            try:
                with downloads.noting(model.id):
                    found[model] = ask(model, study.run, notify)
            except ModelUnavailable as error:
                missing[model] = str(error)
        _refuse_if_nothing_is_left(study, missing)
        return found

    # Few at a time in memory: with a large vocabulary a tokenizer takes hundreds of megabytes.
    opened = lru_cache(maxsize=4)(lambda model: open_tokenizer(model, study.run, notify))
    facts = each(study.models, lambda model, *_: Facts.of(opened(model)))
    found, frames = preflight(study, facts, opened, notify, progress, cache)
    identities = each(facts, model_identity)
    for model, reason in missing.items():
        notify(f"{model_name(model)} is left out. {reason}")
    with store.writing():
        store.freeze(study.text)
        cache.settle()
        found = {cell: key for cell, key in found.items() if cell.model in identities}
        folders = {cell: job_folder(cell, identities[cell.model]) for cell in found}
        tables = {
            cell: cache.table(key, reading_of(study, cell.formulation))
            for cell, key in found.items()
        }
        # First what is asked for, then what people did: stopped anywhere between, a study has
        # rows missing, never a score beside another decision than its own.
        for cell, table in tables.items():
            Job(store.folder / folders[cell]).expect(table.rows().select(list(EXPECTED)))
        for entry, frame in frames.items():
            sampled = sample_notes(study, entry, set(frame["family"]))
            store.write_decisions(entry, frame, sampled)
        store.write_run(run_record(study, folders, identities, missing))

        def left_out(model: ModelSpec, error: ModelUnavailable) -> None:
            missing[model] = str(error)
            if store.scores().is_empty():
                _refuse_if_nothing_is_left(study, missing)
            notify(f"{model_name(model)} is left out. {error}")
            store.write_run(run_record(study, folders, identities, missing))

        score_cells(
            study, store.folder, folders, tables, identities, notify, progress, downloads, left_out
        )
        cache.prune()
    return store.scores().filter(pl.col("error").is_not_null(), ~of_misfits()).height


def _refuse_if_nothing_is_left(study: Study, missing: Mapping[ModelSpec, str]) -> None:
    """Raises where neither a whole pair nor a model without a twin can be had."""
    gone = {model.id for model in missing}
    paired = {id_ for pair in study.pairs for id_ in (pair.base, pair.aligned)}
    whole = any(pair.base not in gone and pair.aligned not in gone for pair in study.pairs)
    single = any(model.id not in paired and model.id not in gone for model in study.models)
    if missing and not whole and not single:
        first = next(iter(missing.values()))
        if len(missing) == 1:
            raise ModelUnavailable(first)
        raise UserError(
            f"{len(missing)} of {len(study.models)} models cannot be had, which leaves no pair "
            f"whole and no single model; the first: {first}"
        )


def preflight(
    study: Study,
    facts: Mapping[ModelSpec, Facts],
    opened: Callable[[ModelSpec], Opened],
    notify: Notify,
    progress: Progress,
    cache: PromptCache,
) -> tuple[dict[Cell, str], dict[str, pl.DataFrame]]:
    """The cells of a study, each with the key of its table of prompts in `cache`, and what people
    did, by entry of `data`.

    Every prompt was rendered, tokenised and held to the window by then. Raises UserError for the
    first prompt that cannot be scored, before anything is spent.
    """
    ready = Preflight(study, facts, opened, cache, progress)
    progress.prepare(ready.prompts(ready.cells))
    warned: set[str] = set()
    for cell in ready.cells:
        _check(study, cell, ready.table(cell), facts[cell.model].window, warned, notify)
    ready.check_data()
    return ready.keys, ready.frames


def _check(
    study: Study,
    cell: Cell,
    table: PromptTable,
    window: int | None,
    warned: set[str],
    notify: Notify,
) -> None:
    """Holds a cell's prompts to the model's window, and warns of doubtful joins once per data
    set."""
    if window is not None and study.too_long == "error":
        found = table.too_long(window)
        if found is not None:
            raise UserError(
                f"The prompt of {found[0]!r} has {found[1]} tokens, but "
                f"{model_name(cell.model)} takes {window}; leave that decision out, or "
                'set too_long = "missing" in [run] to count such prompts as missing.'
            )
    if cell.dataset not in warned and (doubt := table.warning()) is not None:
        warned.add(cell.dataset)
        notify(f"Warning: {doubt[0]}: {doubt[1]}")
