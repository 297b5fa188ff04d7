"""The manifest of a job: how its rows came about."""

from __future__ import annotations

import platform
from dataclasses import asdict
from functools import cache
from typing import Any

from tremble import __version__
from tremble.engines.base import Engine
from tremble.models.spec import model_name
from tremble.prompts.chat import Template
from tremble.prompts.sandbox import FROZEN_DATE
from tremble.store.job_folder import JobFolder
from tremble.store.provenance import installed
from tremble.study.jobs import Job
from tremble.study.origins import job_origins
from tremble.tokenization.options import Tokenizer


def job_manifest(
    job: Job,
    folder: JobFolder,
    precision: str | None,
    split: list[str],
    engine: Engine | None,
    seconds: float,
) -> dict[str, Any]:
    """Everything a reader needs to know of how these rows came about, none of it in the key.

    `precision`: what was done to the published weights; `split`: special texts of the template that
    are several tokens for this model; `seconds`: what scoring took this time. `scoring` is the
    engine's account of the model's run up to here, all its jobs together.
    """
    cell = job.cell
    rows = folder.rows(["error", "join"])
    template = cell.template
    before = folder.previous
    control_texts = job.prompts.control_texts()
    sessions = job.prompts.sessions()
    extensions = job_origins(job.origins, job.identity)
    return {
        "model": model_name(cell.model),
        "identity": job.identity,
        "weights_precision": precision or "as published",
        "dataset": cell.dataset,
        "formulation": cell.formulation,
        # Only where the study brings its own: what it says, by the keys of the study file.
        **({} if cell.own is None else {"own": cell.own_texts}),
        "format": cell.format,
        "template": None
        if template is None
        else {
            "source": template.source,
            "text": template.text,
            "date": FROZEN_DATE.date().isoformat(),
            "system_role": "own" if template.takes_system else "at the head of the user text",
            "before_user": template.before_user(),
            "prefill": None if template.prefill is None else asdict(template.prefill),
            "remarks": template.remarks(),
            "switches": template.switches,
            "strings_not_one_token": split,
        },
        "rows": rows.height,
        "errors": rows["error"].drop_nulls().value_counts(sort=True).rows(),
        "joins": int(rows["join"].sum()),
        # Only where there are some: most studies have none, and say nothing of it.
        **({"control_texts": control_texts} if control_texts else {}),
        **({"sessions": sessions} if sessions else {}),
        **({"extensions": extensions} if extensions else {}),
        "limits": before.get("limits") if engine is None else asdict(engine.limits()),
        "scoring": before.get("scoring") if engine is None else engine.report(),
        "seconds": round(seconds + (before.get("seconds") or 0.0), 3),
        "versions": _versions(),
    }


def split_strings(tokenizer: Tokenizer, template: Template) -> list[str]:
    """Special texts of a partner's template that are several tokens for this model."""
    marks = sorted({mark for mark in template.marks if mark in template.text})
    ids = tokenizer.encode(marks)
    return [mark for mark, tokens in zip(marks, ids, strict=True) if len(tokens) > 1]


@cache
def _versions() -> dict[str, str]:
    packages = ("torch", "transformers", "tokenizers", "polars")
    # Of tremble the code that runs, not what was written down when it was installed.
    return {
        "python": platform.python_version(),
        "tremble": __version__,
        **installed(packages),
    }
