"""In which order the stages of training came."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby

from tremble.checkpoints.names import SEVERAL_RUNS, is_run
from tremble.errors import UserError
from tremble.text import some_of

# Those that have an order of their own; the last are ways to do one and the same.
_USUAL = {"base": 0, "sft": 1, "dpo": 2, "rlvr": 3, "rl": 3, "grpo": 3, "ppo": 3}
_NUMBERED = re.compile(r"stage[-_ ]?(\d{1,9})", re.IGNORECASE)
_SHOWN = 4


def is_stage(name: str) -> bool:
    """Whether a name alone says that it is one of a stage: stage1, sft."""
    return name.lower() in _USUAL or _NUMBERED.fullmatch(name) is not None


def stage_and_run(name: str) -> tuple[str, str]:
    """A stage in a name that may go on with what tells runs of one stage apart: stage2-seed1."""
    found = re.match(r"(stage[-_]?\d{1,9})[-_](.+)", name, re.IGNORECASE)
    return (found[1], found[2]) if found else (name, "")


def order_of(stages: Sequence[tuple[str, str]], source: str, listed: bool) -> tuple[str, ...]:
    """The stages, first to last. `stages`: stage and run of each checkpoint, as they were found;
    `listed`: in an order that the user chose, as in a file.

    Listed stages are in the order of the file. Of others stage1, stage2 ... and base, sft, dpo, rl
    (rlvr, grpo, ppo) order themselves. Raises UserError where neither says it.
    """
    every = tuple(dict.fromkeys(stage for stage, _ in stages))
    if len(every) == 1:
        return every
    if not listed:
        return _by_names(every, source)
    shown = some_of(map(_shown, every[:_SHOWN]), len(every) - _SHOWN)
    for run in dict.fromkeys(run for _, run in stages):
        blocks = [stage for stage, _ in groupby(stage for stage, its in stages if its == run)]
        again = next((stage for stage in blocks if blocks.count(stage) > 1), None)
        if again is not None:
            raise UserError(
                f"The order of the stages in {source!r} is unclear, because {_shown(again)} comes "
                "back after another stage; put the [[checkpoint]] tables of each stage together."
            )
        if blocks != sorted(blocks, key=every.index):
            raise UserError(
                f"The stages in {source!r} are in another order in the run {run!r} than in the "
                f"first one ({shown}); put them in one order in all runs."
            )
    return every


def _by_names(every: Sequence[str], source: str) -> tuple[str, ...]:
    """Stages whose names say their order. Raises UserError where they do not."""
    own = {stage: _rank(stage) for stage in every}
    ranks = list(own.values())
    one_kind = len({kind for kind, _ in filter(None, ranks)}) == 1
    if None in ranks or not one_kind or len(set(ranks)) < len(ranks):
        shown = some_of(map(_shown, every[:_SHOWN]), len(every) - _SHOWN)
        if all(map(is_run, every)):
            raise UserError(
                f"The checkpoints of {source!r} are of several runs ({shown}) in one folder; "
                f"{SEVERAL_RUNS}."
            )
        raise UserError(
            f"The order of the stages of {source!r} is unclear ({shown}); list the checkpoints in "
            "a TOML file, stage by stage, with [[checkpoint]] tables of stage, step and model."
        )
    return tuple(sorted(every, key=lambda stage: own[stage] or ("", 0)))


def _rank(stage: str) -> tuple[str, int] | None:
    """Kind of name and place in the order of that kind; None for a stage of any other name."""
    numbered = _NUMBERED.fullmatch(stage)
    if numbered:
        return "numbered", int(numbered[1])
    usual = _USUAL.get(stage.lower())
    return None if usual is None else ("usual", usual)


def _shown(stage: str) -> str:
    return repr(stage) if stage else "one without a name"
