"""Checkpoints of a study: `[[checkpoint]]` and `[trajectory]` of a study file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tremble.settings.reader import Reader
from tremble.stats.trajectory.keep import KEEP
from tremble.text import counted

GAINS = ("auto", "loss", "dpo")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A model (by id) as a checkpoint of a series: after so many steps of a stage, in a run (one
    learning rate and seed) where there are several; `tokens` seen in training, where known."""

    model: str
    step: int
    stage: str = ""
    run: str = ""
    tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Trajectory:
    """What a study asks of its `checkpoints`, which stand in the order of training.

    `base`: the model that they are compared with; `task`: a file of held-out items, None for none;
    `gain`: what the gain on it is measured by; `keep`: the share of the gain that a stop keeps;
    `beta`: of the DPO loss; `template`: the chat template of all task prompts, None for that of the
    last checkpoint that has one. `source`: where the checkpoints were found, as the user wrote it.
    """

    checkpoints: tuple[Checkpoint, ...]
    base: str
    task: str | None = None
    gain: str = "auto"
    keep: float = KEEP
    beta: float = 0.1
    template: str | None = None
    source: str | None = None


def trajectory_of(where: Reader, content: Mapping[str, Any]) -> Trajectory | None:
    """What a study file says of checkpoints; None where it names none.

    Raises UserError for wrong values, for a trajectory without checkpoints, and for two checkpoints
    of one step.
    """
    checkpoints = [Checkpoint(**entry) for entry in where.each(content, "checkpoint")]
    asked = where.one(content, "trajectory")
    if not checkpoints:
        if "trajectory" in content:
            where.fail("[trajectory] has no checkpoints; add a [[checkpoint]] for each")
        return None
    _check(where, checkpoints)
    base = asked.pop("base") or checkpoints[0].model
    return Trajectory(tuple(checkpoints), base, **asked)


def _check(where: Reader, checkpoints: Sequence[Checkpoint]) -> None:
    seen: dict[tuple[str, str, int], str] = {}
    models = [one.model for one in checkpoints]
    for one in checkpoints:
        place = one.stage, one.run, one.step
        if place in seen:
            inside = "".join(
                f" of {name} {value!r}"
                for name, value in (("stage", one.stage), ("run", one.run))
                if value
            )
            where.fail(
                f"step {one.step}{inside} has two checkpoints, {seen[place]!r} and {one.model!r}; "
                "keep one"
            )
        if models.count(one.model) > 1:
            times = counted(models.count(one.model), "[[checkpoint]] table")
            where.fail(f"the model {one.model!r} is in {times}; keep one")
        seen[place] = one.model
