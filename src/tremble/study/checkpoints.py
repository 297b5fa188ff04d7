"""Checkpoints of a study: `[[checkpoint]]` and `[trajectory]` of a study file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Any

from tremble.settings.reader import Reader
from tremble.stats.progress.keep import KEEP
from tremble.text import counted

GAINS = ("auto", "loss", "dpo")
WHOLE = "all"  # in the tables, in place of a stage


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
    """What a study asks of its `checkpoints`, which stand in the order of training, by stage and
    step.

    `base`: the model that they are compared with; `task`: a file of held-out items, None for none;
    `gain`: what the gain on it is measured by; `keep`: the share of the gain that a stop keeps;
    `beta`: of the DPO loss; `template`: the chat template of all task prompts, None for that of the
    last checkpoint that has one. `source`: where the checkpoints were found, as the user wrote it;
    `left_out`: those found there that could not be used, with the reason.
    """

    checkpoints: tuple[Checkpoint, ...]
    base: str
    task: str | None = None
    gain: str = "auto"
    keep: float = KEEP
    beta: float = 0.1
    template: str | None = None
    source: str | None = None
    left_out: tuple[str, ...] = ()


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
    checkpoints = _in_order(where, checkpoints)
    base = asked.pop("base") or checkpoints[0].model
    _check_base(where, checkpoints, base)
    return Trajectory(tuple(checkpoints), base, **asked)


def _in_order(where: Reader, checkpoints: Sequence[Checkpoint]) -> list[Checkpoint]:
    """By stage, in the order of the file, then by step. Raises UserError for a stage that comes
    back: which one is the last would be a guess, and with it all that is measured against it."""
    stages = list(dict.fromkeys(one.stage for one in checkpoints))
    for run in dict.fromkeys(one.run for one in checkpoints):
        blocks = [stage for stage, _ in groupby(one.stage for one in checkpoints if one.run == run)]
        if blocks != sorted(set(blocks), key=stages.index):
            later = next(b for a, b in pairwise(blocks) if stages.index(b) < stages.index(a))
            where.fail(
                f"the order of stages is unclear, because {later!r} comes after a later stage"
                f"{f' in the run {run!r}' if run else ''}; put the [[checkpoint]] tables of each "
                "stage together, in the order of training"
            )
    return sorted(checkpoints, key=lambda one: (stages.index(one.stage), one.step))


def _check_base(where: Reader, checkpoints: Sequence[Checkpoint], base: str) -> None:
    """Raises UserError for a base that is a checkpoint and has others of its run before it."""
    for run in dict.fromkeys(one.run for one in checkpoints):
        mine = [one for one in checkpoints if one.run in ("", run)]
        if base in [one.model for one in mine[1:]]:
            where.fail(
                f"base in [trajectory] is {base!r}, but the checkpoint {mine[0].model!r} comes "
                "before it; leave out the checkpoints before the base, or choose another base"
            )


def _check(where: Reader, checkpoints: Sequence[Checkpoint]) -> None:
    seen: dict[tuple[str, str, int], str] = {}
    models = [one.model for one in checkpoints]
    for one in checkpoints:
        if one.stage == WHOLE:
            where.fail(
                f"a stage is called {WHOLE!r}, which stands for the whole series; give it another "
                "name"
            )
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
