"""Stage and step in the name of a checkpoint, as trainers and published series write them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

Unit = Literal["step", "epoch"]

# For errors: a name of each kind that is read.
KNOWN = (
    "checkpoint-100, step1000-tokens4B, step-001000-2BT, stage1-step-40000, global_step_500, "
    "iter_0001000 and epoch-3"
)

# And the cure where names mix runs.
SEVERAL_RUNS = (
    "put the checkpoints of each run into a folder of its own, or list them in a TOML file with a "
    "run for each"
)

_NAME = re.compile(
    r"(?:(?P<stage>.+?)[-_. ])??"
    r"(?P<word>checkpoint|ckpt|global[-_]?step|steps?|iter(?:ation)?|epoch)[-_]?(?P<step>\d{1,15})"
    # The second T of 2BT stands for tokens; 2T are two trillion.
    r"(?:[-_](?:tokens)?[-_]?(?P<tokens>\d{1,9}(?:\.\d{1,9})?)(?P<unit>[KMBT])T?)?",
    re.IGNORECASE,
)
_THOUSANDS: dict[str, int] = {unit: 1000**power for power, unit in enumerate("KMBT", 1)}
# What tells runs apart that stand side by side: seed1, lr1e-5.
_RUN = re.compile(r"(?:seed|lr|run|trial|rep|fold)[-_=]?\d[\d.e+-]*", re.IGNORECASE)
_COUNT = re.compile(r"(?:epoch|ep)[-_]?\d+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Step:
    """What a checkpoint's name says: its stage (None: no word of one), how many steps (or epochs,
    as `unit` says) it was trained for, and on how many tokens (None: no word of them)."""

    stage: str | None
    step: int
    tokens: int | None = None
    unit: Unit = "step"


def step_of(name: str) -> Step | None:
    """Stage and step in the name of a checkpoint, of a branch or of a folder; None for a name
    without a step, such as `main`."""
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    stage = found["stage"]
    if stage is not None and stage.lower() == "tmp":  # what a trainer is still writing
        return None
    if stage is not None and _COUNT.fullmatch(stage):  # epoch-1-step-500: no stage of training
        stage = None
    unit: Unit = "epoch" if found["word"].lower() == "epoch" else "step"
    return Step(stage, int(found["step"]), _tokens(found["tokens"], found["unit"]), unit)


def is_run(name: str) -> bool:
    """Whether a name is that of one of several runs side by side, such as a seed."""
    return _RUN.fullmatch(name) is not None


def run_behind(name: str) -> bool:
    """Whether a checkpoint's name ends in its run, behind the step: checkpoint-100-seed1."""
    found = _NAME.match(name)
    return found is not None and is_run(name[found.end() :].lstrip("-_. "))


def _tokens(number: str | None, unit: str | None) -> int | None:
    if number is None or unit is None:
        return None
    return round(Decimal(number) * _THOUSANDS[unit.upper()])
