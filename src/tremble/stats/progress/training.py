"""Checkpoints in the order of training: what a study's record says of them, as lines."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Line:
    """The models of one run of a training, in order: `models[0]` is the base, before any step.

    `run` is "" where there is one. `stages`, `steps` and `tokens` are of each model: of the base
    "", 0 and None, unless it is a checkpoint itself. `begun`: of a line `among` others its stages,
    as `of_stages`.
    """

    run: str
    models: tuple[str, ...]
    stages: tuple[str, ...]
    steps: tuple[int, ...]
    tokens: tuple[int | None, ...]
    begun: Mapping[str, tuple[int, ...]] | None = None

    def among(self, models: Collection[str]) -> Line | None:
        """The line of those of its models that are among some; None without its base or without
        any other. A stage whose first model is not among them is none: nothing takes its place."""
        at = [place for place, name in enumerate(self.models) if name in models]
        if len(at) < 2 or at[0]:
            return None
        now = {place: number for number, place in enumerate(at)}
        begun = {
            stage: tuple(now[place] for place in places if place in now) if places[0] in now else ()
            for stage, places in self.of_stages().items()
        }
        return Line(
            self.run,
            tuple(self.models[place] for place in at),
            tuple(self.stages[place] for place in at),
            tuple(self.steps[place] for place in at),
            tuple(self.tokens[place] for place in at),
            begun,
        )

    def of_stages(self) -> dict[str, tuple[int, ...]]:
        """Of each stage its checkpoints, with the model that it starts from first: its own step 0,
        else the last one before it. Empty for a stage whose first model has no scores."""
        if self.begun is not None:
            return dict(self.begun)
        found: dict[str, list[int]] = {}
        for place, stage in enumerate(self.stages):
            if not stage and not place:
                continue
            begun = found.setdefault(stage, [])
            if not begun and place and self.steps[place]:
                begun.append(place - 1)
            begun.append(place)
        return {stage: tuple(places) for stage, places in found.items()}

    def reference(self) -> int | None:
        """The model that the last stage starts from, which is the reference of its DPO loss; None
        where that has no scores."""
        places = next(reversed(self.of_stages().values()), (0,))
        return places[0] if places else None


def lines_of(trajectory: Mapping[str, Any]) -> list[Line]:
    """The runs of a study's trajectory, as its record has it (`study.record`). Checkpoints without
    a run, such as those of a stage before, belong to all runs."""
    checkpoints: Sequence[Mapping[str, Any]] = trajectory["checkpoints"]
    runs = list(dict.fromkeys(one["run"] for one in checkpoints if one["run"])) or [""]
    return [_line(run, trajectory["base"], checkpoints) for run in runs]


def _line(run: str, base: str, checkpoints: Sequence[Mapping[str, Any]]) -> Line:
    mine = [one for one in checkpoints if one["run"] in ("", run)]
    first = next((one for one in mine if one["model"] == base), None)
    before = {"model": base, "stage": "", "step": 0, "tokens": None}
    mine = [first or before, *(one for one in mine if one["model"] != base)]
    return Line(
        run,
        tuple(one["model"] for one in mine),
        tuple(one["stage"] for one in mine),
        tuple(one["step"] for one in mine),
        tuple(one["tokens"] for one in mine),
    )
