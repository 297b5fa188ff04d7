"""The whole way: a study file to finished work. What is on disk already is not done again.

data -> decisions -> conversations -> token paths -> engine -> store -> analysis
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import polars as pl

from tremble import pairs
from tremble.engines import SCORING_VERSION, ModelSpec
from tremble.engines.files import EMBEDDED, Say
from tremble.engines.hub import Downloads
from tremble.engines.load import Opened, check_device, model_identity, open_tokenizer
from tremble.errors import ModelUnavailable, UserError
from tremble.misfits import left_out, misfit_notes, of_misfits
from tremble.preflight import Preflight
from tremble.prompt_cache import PromptCache, prompt_cache
from tremble.prompt_table import PromptTable
from tremble.rendering import Cell, Facts, model_name, reading_of
from tremble.scoring import Progress, score_cells
from tremble.stats import Analysis, Comparison, analyze
from tremble.stats.analysis import plain
from tremble.stats.breakdowns import breakdown, wins_table
from tremble.stats.further import further_tables
from tremble.store import EXPECTED, Job, Store, hash8, slug
from tremble.study_data import sample_notes
from tremble.study_file import Study

_Found = TypeVar("_Found")


def score_study(study: Study, out: Path, say: Say, progress: Progress | None = None) -> int:
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
            return _score_study(study, store, say, progress or Progress(), downloads, cache)
    finally:
        downloads.delete_all()


def checked(study: Study, out: Path) -> Store:
    """The folder of a study, nothing written yet. Raises UserError where it holds something else,
    and for faults of the study file as a whole."""
    store = Store(out)
    store.check(study.name)
    if not study.data:
        raise UserError(f'The study {study.name!r} names no data; add data = ["demo"] to [study].')
    check_device(study.run)
    return store


def _score_study(
    study: Study,
    store: Store,
    say: Say,
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
                    found[model] = ask(model, study.run, say)
            except ModelUnavailable as error:
                missing[model] = str(error)
        _refuse_if_nothing_is_left(study, missing)
        return found

    # Few at a time in memory: with a large vocabulary a tokenizer takes hundreds of megabytes.
    opened = lru_cache(maxsize=4)(lambda model: open_tokenizer(model, study.run, say))
    facts = each(study.models, lambda model, *_: Facts.of(opened(model)))
    found, frames = preflight(study, facts, opened, say, progress, cache)
    identities = each(facts, model_identity)
    for model, reason in missing.items():
        say(f"{model_name(model)} is left out. {reason}")
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
        store.write_run(_run_record(study, folders, identities, missing))

        def left_out(model: ModelSpec, error: ModelUnavailable) -> None:
            missing[model] = str(error)
            if store.scores().is_empty():
                _refuse_if_nothing_is_left(study, missing)
            say(f"{model_name(model)} is left out. {error}")
            store.write_run(_run_record(study, folders, identities, missing))

        score_cells(
            study, store.folder, folders, tables, identities, say, progress, downloads, left_out
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


def absent(out: Path) -> dict[str, str]:
    """The models that the last run could not have, each with the reason, a sentence."""
    found: dict[str, str] = Store(out).read_run().get("absent", {})
    return found


def preflight(
    study: Study,
    facts: Mapping[ModelSpec, Facts],
    opened: Callable[[ModelSpec], Opened],
    say: Say,
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
        _check(study, cell, ready.table(cell), facts[cell.model].window, warned, say)
    ready.check_data()
    return ready.keys, ready.frames


def _check(
    study: Study, cell: Cell, table: PromptTable, window: int | None, warned: set[str], say: Say
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
        say(f"Warning: {doubt[0]}: {doubt[1]}")


def comparisons(study: Study) -> list[Comparison]:
    """Which scores stand against which: twins in their own formats, both plain, both chat."""
    by_id = {spec.id: spec for spec in study.models}
    found = []
    for pair in study.pairs:
        base, aligned = model_name(by_id[pair.base]), model_name(by_id[pair.aligned])
        for mode in study.formats:
            found.append(
                Comparison(
                    base,
                    aligned,
                    "chat" if mode == "chat" else "plain",
                    "plain" if mode == "plain" else "chat",
                    mode,
                    base_template=aligned if mode == "chat" else None,
                )
            )
    return found


def job_folder(cell: Cell, identity: dict[str, Any]) -> str:
    key = hash8({**identity, "scoring_version": SCORING_VERSION})
    template = "" if cell.template is None else f"-{cell.template.key}"
    return "/".join(
        (
            "scores",
            f"{slug(model_name(cell.model))}-{key}",
            f"{slug(cell.dataset)}-{hash8(cell.dataset)}",
            f"{cell.formulation}.{cell.format}{template}",
        )
    )


def _run_record(
    study: Study,
    folders: dict[Cell, str],
    identities: dict[ModelSpec, dict[str, Any]],
    missing: Mapping[ModelSpec, str],
) -> dict[str, Any]:
    """What belongs to this run, for whoever reads the folder later."""
    return {
        "study": study.name,
        "datasets": list(study.data),
        "spellings": study.spellings,
        "selected": bool(study.include or study.exclude),
        "models": {model_name(model): identity for model, identity in identities.items()},
        "absent": {model_name(model): reason for model, reason in missing.items()},
        "comparisons": [asdict(comparison) for comparison in comparisons(study)],
        "jobs": [
            {"folder": path, "model": model_name(cell.model), "partner": cell.partner}
            for cell, path in folders.items()
        ],
    }


def unfinished(out: Path) -> list[str]:
    """What of a study is not scored: models that could not be had, jobs that have not ended (the
    first one by name)."""
    missing = absent(out)
    jobs = Store(out).read_run()["jobs"]
    begun = [
        job["folder"]
        for job in jobs
        if job.get("model") not in missing and Job(out / job["folder"]).manifest() is None
    ]
    more = f" and {len(begun) - 1:,} more of {len(jobs):,} jobs" if len(begun) > 1 else ""
    return [
        f"{name} could not be had, so scores of it are missing. {reason}"
        for name, reason in missing.items()
    ] + [f"Not finished: {first}{more}; the same `tremble run` goes on." for first in begun[:1]]


def caveats(out: Path) -> list[str]:
    """What a reader must know beside the numbers: what is not scored (`unfinished`), models that
    are none, what is a sample, which data are taken together, what wordings and controls do not
    fit, stored precision, dtypes, twins that are none."""
    store = Store(out)
    run, found = store.read_run(), dict.fromkeys(unfinished(out))
    if made_up := [
        name for name, one in run.get("models", {}).items() if one.get("engine") == "mock"
    ]:
        found[
            f"Made up by tremble, no model: {', '.join(made_up)}; the numbers show how tables look "
            "and say nothing of any model."
        ] = None
    if run.get("spellings", "exact") != "exact":
        found[
            "Probabilities and masses, those of the filters included, add up all spellings of a "
            "label; the table spellings has the labels alone beside them."
        ] = None
    if run.get("selected"):
        found[
            "include and exclude in the study file leave decisions out of some models, wordings or "
            "formats; there they count as missing."
        ] = None
    found |= dict.fromkeys(store.sampled())
    for family, entries in store.families().items():
        if len(entries) > 1:
            names = f"{', '.join(entries[:-1])} and {entries[-1]}"
            found[
                f"{family}: {names} are taken together; `--by dataset` shows data sets apart."
            ] = None
    found |= dict.fromkeys(misfit_notes(left_out(Job(out / job["folder"]) for job in run["jobs"])))
    for job in run["jobs"]:
        manifest = Job(out / job["folder"]).manifest()
        if manifest is None:
            continue
        name, precision = manifest["model"], manifest["weights_precision"]
        if precision != "as published":
            how = precision if precision.startswith("quantised") else f"stored as {precision}"
            found[f"{name}: weights {how}; not the published precision."] = None
        if manifest["identity"].get("dtype") in ("bfloat16", "float16"):
            found[f"{name}: scored in {manifest['identity']['dtype']}, not float32."] = None
        measured = (manifest.get("scoring") or {}).get("precision")
        if measured is not None and measured["why"] is None:
            found[
                f"{name}: held against its weights in float32, the log-odds of options move by up "
                f"to {measured['max_log_odds']:.2g} nat on {measured['prompts']} prompts."
            ] = None
    for entry in run["comparisons"]:
        if entry["base"] != entry["aligned"] and {entry["base"], entry["aligned"]} <= set(EMBEDDED):
            found[
                f"{entry['base']} and {entry['aligned']} come from two providers and are not "
                "twins: good for a first look, not for a conclusion about alignment."
            ] = None
    return list(found)


def analyze_study(out: Path) -> tuple[Analysis, pl.DataFrame, pl.DataFrame]:
    """The analysis of a study folder, with the scores and decisions it was made from.

    Raises UserError where the folder is no study.
    """
    store = Store(out)
    scores, decisions = store.scores(), store.decisions()
    return analyze(scores, decisions, _compared(store)), scores, decisions


def further_analysis(
    out: Path,
    analysis: Analysis,
    decisions: pl.DataFrame,
    names: Sequence[str] | None = None,
    instead: Callable[[str, Exception], Any] | None = None,
) -> dict[str, Any]:
    """The further tables of a study (`stats.further`): all of them, or those named.

    `analysis` and `decisions` are what `analyze_study` gave; `instead` as for `further_tables`.
    Raises UserError for another name.
    """
    found = _compared(Store(out))
    models = {name for one in found for name in (one.base, one.aligned)}
    known = {name: (pairs.likely_family(name), pairs.params_of(name)) for name in models}
    return further_tables(analysis, decisions, found, known, names, instead=instead)


def breakdown_analysis(
    out: Path, analysis: Analysis, decisions: pl.DataFrame, by: str
) -> dict[str, list[dict[str, Any]]]:
    """The pairs of a study within every value of one parameter of the games: "pairs" (r, mass,
    winner; `breakdown`) and "wins" (`wins_table`).

    `analysis` and `decisions` are what `analyze_study` gave. Raises UserError where no decision
    has such a parameter.
    """
    rows = breakdown(analysis.predicted, analysis.points, decisions, _compared(Store(out)), by)
    return {"pairs": plain(rows), "wins": plain(wins_table(rows))}


def _compared(store: Store) -> list[Comparison]:
    return [Comparison(**entry) for entry in store.read_run()["comparisons"]]
