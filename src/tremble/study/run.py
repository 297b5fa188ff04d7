"""The whole way: a study file to finished work. What is on disk already is not done again.

data -> decisions -> conversations -> token paths -> engine -> store -> analysis
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from tremble.decisions.sessions import FAMILY
from tremble.engines.registry import check_engine
from tremble.errors import UserError
from tremble.models.device import check_device
from tremble.models.files import Notify
from tremble.models.hub_cache import Downloads
from tremble.store.brought import bring
from tremble.store.job_folder import JobFolder
from tremble.store.schemas import EXPECTED
from tremble.store.study_folder import Store
from tremble.store.task_items import write_items
from tremble.study.context import RunContext, run_context
from tremble.study.data import notes_of_taken
from tremble.study.file import Study
from tremble.study.jobs import Job
from tremble.study.of_sessions import fact_notes
from tremble.study.prepare import PreparedPrompts, prepare_prompts
from tremble.study.progress import Progress
from tremble.study.record import run_record
from tremble.study.score import score_jobs
from tremble.study.session_notes import old_session_notes
from tremble.study.task_prompts import doubled_notes, shared_notes
from tremble.tokenization.refusal import NO_FAILURE


def score_study(study: Study, out: Path, notify: Notify, progress: Progress | None = None) -> int:
    """Score what is missing of a study and return how many prompts could not be scored. Those of
    decisions to which a wording or control is not applicable are not among them; `caveats` says
    those.

    Everything that can be known beforehand is checked before anything is written. Raises
    UserError for what the user can mend. A model that cannot be had is said, recorded in run.json
    (see `absent`) and left out, as long as a whole pair or a single model remains.
    """
    store = checked(study, out)
    downloads = Downloads(study.run.keep_models)
    with run_context(study, store, notify, progress or Progress(), downloads=downloads) as run:
        facts = run.ask_for_facts()
        prepared = prepare_prompts(run, facts)
        run.ask_for_identities(facts)
        with store.writing(study.name):
            jobs = write_down(run, prepared)
            score_jobs(run, jobs)
            run.cache.prune()
            store.prune()
    failed = pl.col("error").is_not_null() & ~pl.col("error_kind").is_in(NO_FAILURE)
    return sum(
        job.rows(["error", "error_kind"]).filter(failed).height for job in store.jobs(task=None)
    )


def checked(study: Study, out: Path) -> Store:
    """The folder of a study, nothing written yet. Raises UserError where it holds something else,
    and for faults of the study file as a whole."""
    store = Store(out)
    store.check(study.name)
    if not study.data:
        raise UserError(f'The study {study.name!r} has no data; add data = ["demo"] to [study].')
    check_engine(study.run.engine)
    check_device(study.run)
    return store


def write_down(run: RunContext, prepared: PreparedPrompts) -> list[Job]:
    """Writes what is asked for and what people did into the study's folder; the jobs to score."""
    store = run.store
    for entry in run.study.brought:
        if bring(run.study.folder / entry, store.folder / entry):
            store.brought.append(store.folder / entry)
    run.cache.settle()
    jobs = [
        Job(cell, prepared.made(cell), run.identities[cell.model], prepared.origins(cell))
        for cell in prepared.cells
        if cell.model in run.identities
    ]
    folders: dict[str, JobFolder] = {}
    for job in jobs:
        folder = folders[job.folder] = store.job(job.folder)
        folder.heal(lambda sentence: run.notify(f"Warning: {sentence}"))
        folder.expect(job.prompts.rows().select(list(EXPECTED)))
    for note in fact_notes(run.study, prepared.frames.families()):
        run.notify(f"Warning: {note}")
    if prepared.task is not None:
        read = {job.prompts for job in jobs if not job.cell.task}
        task = prepared.task.task
        for note in [*shared_notes(run.study, task, read), *doubled_notes(task)]:
            run.notify(f"Warning: {note}")
    decisions = {}
    for entry, frame in prepared.frames.items():
        families = set(frame["family"])
        left_out = notes_of_taken(entry, run.study.folder, run.study.part, families)
        for note in old_session_notes(entry, frame) if FAMILY in families else ():
            run.notify(f"Warning: {note}")
        decisions[entry] = store.write_decisions(entry, frame, left_out)
    record = run_record(run, jobs)
    if run.study.trajectory is None or run.study.trajectory.source is None:
        for note in record.get("other_bases", ()):  # else said when the series was listed
            run.notify(f"Warning: {note}")
    if prepared.task is not None:
        record["task_items"] = write_items(store, prepared.task.items)
        record["task"] = prepared.task.entry
    store.commit(record, decisions, [folders[job.folder] for job in jobs])
    return jobs
