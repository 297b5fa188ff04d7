"""The record of a run (run.json): what belongs to it, and what stands against what."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from tremble.errors import UserError
from tremble.models.on_base import adapter_of
from tremble.models.other_base import Found, compared, named_by, sentences
from tremble.models.spec import ModelSpec, model_name
from tremble.stats.frames.comparisons import Comparison
from tremble.stats.verdict.answer import MARGINS
from tremble.study.context import RunContext
from tremble.study.data import people_of
from tremble.study.file import Study
from tremble.study.jobs import Job


def comparisons(study: Study) -> list[Comparison]:
    """Which scores stand against which: counterparts in their own formats, both plain, both
    chat."""
    by_id = {spec.id: spec for spec in study.models}
    against = []
    for pair in study.pairs:
        base, aligned = model_name(by_id[pair.base]), model_name(by_id[pair.aligned])
        for mode in study.formats:
            against.append(
                Comparison(
                    base,
                    aligned,
                    "chat" if mode == "chat" else "plain",
                    "plain" if mode == "plain" else "chat",
                    mode,
                    base_template=aligned if mode == "chat" else None,
                    type=pair.type,
                    generation=pair.generation,
                )
            )
    return against


def _written(comparison: Comparison) -> dict[str, Any]:
    """A comparison as the record holds it; what the file does not say of the pair is not there."""
    unsaid = [name for name in ("type", "generation") if getattr(comparison, name) is None]
    return {name: value for name, value in asdict(comparison).items() if name not in unsaid}


def absent_models(run: RunContext) -> dict[str, str]:
    """The models that could not be had so far, by name, each with the reason."""
    return {model_name(model): reason for model, reason in run.models.reasons().items()}


def run_record(run: RunContext, jobs: Iterable[Job]) -> dict[str, Any]:
    """What belongs to this run, for whoever reads the folder later."""
    study = run.study
    return {
        "study": study.name,
        "study_file": study.text,
        "datasets": list(study.data),
        "spellings": study.spellings,
        **({"one_decision_each": True} if study.one_decision_each else {}),
        **({"margins": asdict(study.margins)} if study.margins != MARGINS else {}),
        **_interview(study),
        "selected": bool(study.include or study.exclude),
        "models": {model_name(model): identity for model, identity in run.identities.items()},
        "absent": absent_models(run),
        "comparisons": [_written(comparison) for comparison in comparisons(study)],
        **_trajectory(study),
        **({"other_bases": others} if (others := _other_bases(run)) else {}),
        **({"contrasts": [one.to_json() for one in study.contrasts]} if study.contrasts else {}),
        "jobs": [
            {
                "folder": job.folder,
                "model": model_name(job.model),
                "partner": job.cell.partner,
                **({"task": True} if job.cell.task else {}),
            }
            for job in jobs
        ],
    }


def _other_bases(run: RunContext) -> list[str]:
    """Sentences on adapters that the study puts on another model than the one that they name."""
    found = []
    known: dict[tuple[ModelSpec, ModelSpec], Found] = {}  # it may take reading both
    for spec in run.identities:
        if spec.base is None:
            continue
        with suppress(UserError):  # whatever is wrong with it, it was scored
            named = named_by(adapter_of(spec.id))
            if named is not None:
                pair = named, ModelSpec(spec.base)
                if pair not in known:
                    known[pair] = compared(*pair)
                found.append((model_name(spec), *pair, known[pair]))
    return sentences(found)


def _trajectory(study: Study) -> dict[str, Any]:
    """The checkpoints of a study, by the names that their models have in tables."""
    asked = study.trajectory
    if asked is None:
        return {}
    names = {spec.id: model_name(spec) for spec in study.models}
    checkpoints = [
        {**asdict(one), "model": names[one.model], "order": place}
        for place, one in enumerate(asked.checkpoints)
    ]
    return {
        "trajectory": {
            **{name: value for name, value in asdict(asked).items() if name != "checkpoints"},
            "base": names[asked.base],
            "checkpoints": checkpoints,
        }
    }


def _interview(study: Study) -> dict[str, Any]:
    """What interviews asked, where there are any, and which participants are told of somebody whose
    answers are the same as theirs: the files of questions and data may change or go."""
    if not study.interviews:
        return {}
    people = [people_of(entry, study.folder, study.questions) for entry in study.data]
    alike = [name for one in people for name, equal in one.equal().items() if equal]
    return {
        "persona_questions": [asdict(question) for question in study.questions],
        "persona_equal_others": sorted(alike),
    }
