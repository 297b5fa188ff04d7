"""A series of checkpoints in order, and what can be wrong with one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from tremble.checkpoints.names import KNOWN, SEVERAL_RUNS, Unit, run_behind
from tremble.checkpoints.stages import order_of
from tremble.errors import UserError
from tremble.models.hub_lists import Files
from tremble.models.spec import ModelSpec, model_name
from tremble.text import counted


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A model at a step of its training. `stage` and `run` are "" where nothing names them; runs
    (learning rates, seeds) stand side by side. `step` counts what `unit` says, within the stage;
    `tokens`: trained on so many, None where nothing says it.

    `adapter`: whether it is one, None where that is not known before a download; `why_not`: one
    sentence on why it cannot be used, None where nothing is known against it.
    """

    stage: str
    run: str
    step: int
    model: ModelSpec
    tokens: int | None = None
    unit: Unit = "step"
    adapter: bool | None = None
    why_not: str | None = None

    @property
    def complete(self) -> bool:
        return self.why_not is None

    @property
    def name(self) -> str:
        """The name under which its model stands in every table."""
        return model_name(self.model)


@dataclass(frozen=True, slots=True)
class Own:
    """What the record of a training says: the `base` that it began with, the file of items that it
    held out, and the `beta` of its DPO loss (None: none, or several). `weights`: what identified
    the weights of the base; None where it is not known. `notes`: what the user should know."""

    base: str
    task: str | None = None
    beta: float | None = None
    weights: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Series:
    """Checkpoints that can be used, by stage, then step, then run.

    `base`: what they are compared with, and what adapters are put on. `left_out`: name and reason
    (one sentence) of what is no part of the series, with the `incomplete` checkpoints, for which a
    command ends with exit code 1. `notes`: sentences for the user. `base_unknown`: the base is not
    on this machine, and the hub does not list it. `own`: what its training says, where that has a
    record.
    """

    source: str
    base: ModelSpec
    checkpoints: tuple[Checkpoint, ...]
    left_out: tuple[tuple[str, str], ...] = ()
    incomplete: tuple[Checkpoint, ...] = ()
    notes: tuple[str, ...] = ()
    base_unknown: bool = False
    own: Own | None = None

    @property
    def stages(self) -> tuple[str, ...]:
        """In their order."""
        return tuple(dict.fromkeys(one.stage for one in self.checkpoints))

    @property
    def runs(self) -> tuple[str, ...]:
        """By name."""
        return tuple(sorted({one.run for one in self.checkpoints}))


@dataclass(frozen=True, slots=True)
class Found:
    """What a source holds, before it is a series. `where`: where was looked, for errors;
    `nameless`: names without a step. `listed`: whether the user chose the order (a file);
    `files`: what the hub has listed of a checkpoint's files already, by the checkpoint's name;
    `own`: what the record of a training says."""

    where: str
    checkpoints: tuple[Checkpoint, ...]
    nameless: tuple[str, ...] = ()
    listed: bool = False
    files: Mapping[str, Files] = field(default_factory=dict)
    own: Own | None = None


def in_order(found: Found, source: str) -> tuple[Checkpoint, ...]:
    """The checkpoints of a source by stage, then step, then run.

    Raises UserError where there are none, where two are of one step, where epochs and steps are
    mixed, and where the order of stages is unclear.
    """
    if not found.checkpoints:
        raise _nothing(found)
    _check_units(found)
    _check_twice(found)
    stages = order_of([(one.stage, one.run) for one in found.checkpoints], source, found.listed)
    place = {stage: number for number, stage in enumerate(stages)}
    return tuple(sorted(found.checkpoints, key=lambda one: (place[one.stage], one.step, one.run)))


def usable(checkpoints: Sequence[Checkpoint], found: Found) -> tuple[Checkpoint, ...]:
    """Those that are complete. Raises UserError where none is."""
    kept = tuple(one for one in checkpoints if one.complete)
    if not kept:
        raise UserError(
            f"None of the {counted(len(checkpoints), 'checkpoint')} in {found.where} can be used; "
            f"the first: {checkpoints[0].why_not}"
            if len(checkpoints) > 1
            else f"The only checkpoint in {found.where} cannot be used: {checkpoints[0].why_not}"
        )
    return kept


def left_out(checkpoints: Sequence[Checkpoint], found: Found) -> tuple[tuple[str, str], ...]:
    """Name and reason of what is no part of the series."""
    nameless = [(name, _no_step(name)) for name in found.nameless]
    return (*nameless, *((one.name, one.why_not) for one in checkpoints if one.why_not))


def known_bad(checkpoint: Checkpoint, why_not: str | None) -> Checkpoint:
    """A checkpoint with what was found against it, if anything."""
    return checkpoint if why_not is None else replace(checkpoint, why_not=why_not)


def _no_step(name: str) -> str:
    if run_behind(_last(name)):
        return f"The name {name!r} ends in a run; {SEVERAL_RUNS}."
    return f"The name {name!r} has no step; rename it, or list the series in a TOML file."


def _last(name: str) -> str:
    return re.split(r"[/\\@:]", name)[-1]


def _nothing(found: Found) -> UserError:
    if not found.nameless:
        return UserError(
            f"There are no checkpoints in {found.where}; their names must have a step, as in "
            f"{KNOWN}."
        )
    if run_behind(_last(found.nameless[0])):
        return UserError(
            f"The checkpoints in {found.where} are of several runs, as {found.nameless[0]!r} says; "
            f"{SEVERAL_RUNS}."
        )
    others = len(found.nameless) - 1
    more = f" (and {counted(others, 'other name')})" if others else ""
    return UserError(
        f"The name {found.nameless[0]!r}{more} in {found.where} has no step; rename it as in "
        f"{KNOWN}, or list the checkpoints in a TOML file."
    )


def _check_units(found: Found) -> None:
    first: dict[tuple[str, str], Checkpoint] = {}
    for one in found.checkpoints:
        other = first.setdefault((one.stage, one.run), one)
        if other.unit != one.unit:
            raise UserError(
                f"{other.name!r} counts {other.unit}s and {one.name!r} counts {one.unit}s; "
                + (
                    "give both a step in their [[checkpoint]]."
                    if found.listed
                    else "keep those of one kind, or list the checkpoints in a TOML file with "
                    "their steps."
                )
            )


def _check_twice(found: Found) -> None:
    seen: dict[tuple[str, str, int], Checkpoint] = {}
    names: set[str] = set()
    for one in found.checkpoints:
        other = seen.setdefault((one.stage, one.run, one.step), one)
        if other is not one:
            stage = f" of the stage {one.stage!r}" if one.stage else ""
            run = f" in the run {one.run!r}" if one.run else ""
            raise UserError(
                f"{other.name!r} and {one.name!r} are both {one.unit} {one.step}{stage}{run}; "
                + (
                    "remove one of the two, or give each a run of its own."
                    if found.listed
                    else "remove one of the two, or list them in a TOML file with a run for each."
                )
            )
        if one.name in names:
            raise UserError(f"The checkpoint {one.name!r} appears twice in the series; keep one.")
        names.add(one.name)
