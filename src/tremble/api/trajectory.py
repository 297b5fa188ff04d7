"""From a series of checkpoints to the study that scores it."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from tremble.checkpoints.cost import Cost, cost_of
from tremble.checkpoints.series import Series
from tremble.checkpoints.sources import series_of
from tremble.checkpoints.study_text import FORMATS, WORDINGS, Asked, study_text
from tremble.datasets.base import names
from tremble.decisions.record import Decision
from tremble.decisions.sessions import FAMILY as SESSION
from tremble.disk.paths import is_file, path_of
from tremble.errors import UserError
from tremble.models.files import Notify
from tremble.models.open import open_tokenizer
from tremble.models.spec import RunOptions
from tremble.prompts.chat import check_template
from tremble.prompts.parts import own_prompt
from tremble.stats.inference.intervals import FEW_CLUSTERS
from tremble.stats.progress.keep import KEEP, check_keep
from tremble.store.provenance import slug
from tremble.store.study_folder import Store
from tremble.study.data import decisions_of
from tremble.study.file import Study, study_from
from tremble.study.task_prompts import check_gain
from tremble.tasks.task_file import looks_like_task, read_task
from tremble.text import as_written, counted


@dataclass(frozen=True, slots=True)
class TrajectoryOptions:
    """What a user asks of a series (`commands.trajectory`). `formats` None: plain, and chat where a
    checkpoint has a chat template; `keep` None: the usual one; `held`: decisions by those
    entries of `data` that will be in the study's own folder."""

    source: str
    base: str | None = None
    data: tuple[str, ...] = ("demo",)
    task: str | None = None
    gain: str = "auto"
    keep: float | None = None
    formats: tuple[str, ...] | None = None
    sample: int | None = None
    template: str | None = None
    held: Mapping[str, Sequence[Decision]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SeriesStudy:
    """A series in order, what it costs, and the study that scores it; None where only a plan was
    asked for."""

    series: Series
    cost: Cost
    study: Study | None


def series_study(
    options: TrajectoryOptions, notify: Notify, only_plan: bool = False
) -> SeriesStudy:
    """The series of a source and its study. No weights are downloaded; without `only_plan` the
    tokenizer of the last checkpoint may be.

    Raises UserError for faults of the source, of the task file and of what is asked.
    """
    if options.keep is not None:
        check_keep(options.keep)
    said = _check(options)
    series = series_of(options.source, options.base, notify)
    own = series.own
    if own is not None and own.task is not None and options.task is None:
        options = replace(options, task=own.task)
        said += _check_task(own.task, options.gain)
    for sentence in said:
        notify(sentence)
    series = replace(series, notes=(*series.notes, *said))
    cost = cost_of(series)
    if only_plan:
        return SeriesStudy(series, cost, None)
    if options.task is None and options.gain != "auto":
        raise UserError("--gain is about the task; give its file with --task, or leave --gain out.")
    asked = Asked(
        name_of(options.source),
        options.data,
        options.task,
        options.gain,
        KEEP if options.keep is None else options.keep,
        _formats(series, options, notify),
        _wordings(options),
        sample=options.sample,
        template=options.template,
        beta=None if own is None else own.beta,
    )
    text = study_text(series, asked, [*names(), *options.held])
    label = Path(f"trajectory {options.source}")
    folder = Path(slug(asked.name)) if options.held else Path()
    return SeriesStudy(series, cost, study_from(text, label, folder))


def _check(options: TrajectoryOptions) -> list[str]:
    """What can be known before anything is listed or downloaded. Raises UserError."""
    said = [] if options.task is None else _check_task(options.task, options.gain)
    if options.template is not None:
        check_template(options.template)
    for entry in (one for one in options.data if one not in options.held):
        try:
            next(decisions_of(entry, Path()), None)  # raises where there is no such data
        except UserError as error:
            if not is_file(path_of(entry)) or not looks_like_task(path_of(entry)):
                raise
            raise UserError(
                f"{entry!r} looks like held-out items of a task, not like decisions of people; "
                "give it with --task."
            ) from error
    return said


def _check_task(path: str, gain: str) -> list[str]:
    """What a user should know of a task before it is scored. Raises UserError."""
    task = read_task(path)
    check_gain(gain, task)
    if task.clusters >= FEW_CLUSTERS:
        return []
    return [
        f"The task has {counted(task.clusters, 'cluster')} (items with the same first turn are "
        f"one), so no stop can be recommended; that needs {FEW_CLUSTERS}."
    ]


def _wordings(options: TrajectoryOptions) -> tuple[str, ...]:
    """The wordings that any of the decisions can be put in: those of people's own prompts and of
    transcripts have their words alone."""
    for entry in options.data:
        held = options.held.get(entry)
        decisions = decisions_of(entry, Path()) if held is None else held
        if any(one.family != SESSION and own_prompt(one) is None for one in decisions):
            return WORDINGS
    return WORDINGS[:1]


def changed(study: Study, folder: Path) -> str | None:
    """A sentence on what a study asks of its checkpoints that its folder was not asked for before;
    None where nothing changed or there is no such study yet."""
    store = Store(folder)
    if not store.is_study():
        return None
    before = _asked(store.read_run().get("study_file") or "")
    now = _asked(study.text)
    other = [key for key in dict.fromkeys((*before, *now)) if before.get(key) != now.get(key)]
    if not before or not other:
        return None
    were = ", ".join(f"{key} = {as_written(before.get(key))}" for key in other)
    are = ", ".join(f"{key} = {as_written(now.get(key))}" for key in other)
    return (
        f"The study in {str(folder)!r} was run with {were}; it now has {are}, and the tables are "
        "about that (stored scores are kept; another --out keeps both)."
    )


def _asked(text: str) -> dict[str, Any]:
    """What a study file asks for, but for its checkpoints."""
    content = tomllib.loads(text)
    known = {**content.get("study", {}), **content.get("trajectory", {})}
    return {key: value for key, value in known.items() if key not in ("name", "source", "left_out")}


def name_of(source: str) -> str:
    """The name of a source's study, and so of its folder."""
    return f"trajectory-{slug(source.removesuffix('.toml'))}"


def series_to_json(series: Series, cost: Cost) -> dict[str, Any]:
    """checkpoints (run, stage, step, tokens, model, adapter), base, left_out (name, reason), notes
    and cost (checkpoints, missing, bytes_each, bytes_total, loads)."""
    return {
        "base": series.base.id,
        "checkpoints": [
            {
                "run": one.run or None,
                "stage": one.stage or None,
                "step": one.step,
                "tokens": one.tokens,
                "model": one.name,
                "adapter": one.adapter,
            }
            for one in series.checkpoints
        ],
        "left_out": [{"name": name, "reason": reason} for name, reason in series.left_out],
        "notes": list(series.notes),
        "cost": asdict(cost),
    }


def _formats(series: Series, options: TrajectoryOptions, notify: Notify) -> tuple[str, ...]:
    """Those asked for, else plain, and chat where there is a template for it. Raises UserError
    where chat is asked for and there is none."""
    asked = options.formats
    if options.template is not None or (asked is not None and "chat" not in asked):
        return asked or FORMATS
    for spec in (series.checkpoints[-1].model, series.base):
        try:
            if open_tokenizer(spec, RunOptions(), notify).tokenizer.template is not None:
                return asked or FORMATS
        except UserError:
            continue  # whatever is wrong with it is said when it is scored
    if asked is not None:
        raise UserError(
            "--formats asks for chat, but neither the last checkpoint nor the base has a chat "
            "template; give one with --template, or leave chat out."
        )
    notify(
        "No checkpoint has a chat template, so prompts are plain text; give one with --template."
    )
    return FORMATS[:1]
