"""What stands against what, where each job's rows lie, and the record of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from tremble.engines.base import SCORING_VERSION
from tremble.models.spec import ModelSpec, model_name
from tremble.stats.frames.comparisons import Comparison
from tremble.store.provenance import hash8, slug
from tremble.study.cells import Cell
from tremble.study.file import Study


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


def run_record(
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
