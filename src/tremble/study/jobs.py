"""The jobs of a run: what is scored, and where its rows lie."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tremble.engines.base import SCORING_VERSION
from tremble.models.spec import ModelSpec, model_name
from tremble.store.provenance import hash8, slug
from tremble.study.cells import Cell
from tremble.study.origins import Origin
from tremble.study.prompt_table import PromptTable


@dataclass(frozen=True)
class Job:
    """A cell of which every prompt is in a table, the identity of its model, and the packages that
    what made the prompts comes from (`origins.prompt_origins`)."""

    cell: Cell
    prompts: PromptTable
    identity: Mapping[str, Any]
    origins: tuple[Origin, ...] = ()

    @property
    def model(self) -> ModelSpec:
        return self.cell.model

    @property
    def folder(self) -> str:
        """Where its rows lie, as a path inside the study's folder."""
        return job_folder(self.cell, self.identity)


def job_folder(cell: Cell, identity: Mapping[str, Any]) -> str:
    """The folder of a cell's rows inside a study's, where its model has such an identity."""
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
