"""A training of `tremble align` as a series of checkpoints for `tremble trajectory`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tremble.checkpoints.complete import why_not
from tremble.checkpoints.series import Checkpoint, Found, Own
from tremble.disk.paths import is_file
from tremble.errors import UserError
from tremble.models.spec import ModelSpec
from tremble.post_training.record import HELD_OUT, RECORD, held_out_key, read_record
from tremble.post_training.saving import checkpoint_name, run_place
from tremble.tasks.task_file import read_task
from tremble.tasks.task_measures import BETA


def found_in(source: str, folder: Path) -> Found:
    """The checkpoints of a training, stage by stage, as its record has them; those that are not
    there yet are missing, and said to be. With the base that they were trained on, the pairs that
    were held out, and the beta of the DPO loss.

    Raises UserError for a damaged record, and where nothing has been trained yet.
    """
    record = read_record(folder)
    assert record is not None  # the file is what says that this is a training
    start = source.rstrip("/\\") or "/."
    made = [
        one
        for stage in record["stages"]
        for run in _runs(record, stage)
        for one in _checkpoints(start, folder, stage, run)
    ]
    if not any(one.complete for one in made):
        raise UserError(
            f"The training in {source!r} has no checkpoint yet; run `tremble align` with its "
            f"recipe and --out {source} (what it says is in {start}/recipe.toml)."
        )
    place = record["base_at"]
    base = record["base"] if place is None else _from_here(folder / place)
    betas = sorted({one["beta"] for one in record["runs"]} - {None})
    wrong = _wrong_task(folder, record["stages"][-1])
    notes = [] if wrong is None else [wrong]
    if len(betas) > 1:
        several = ", ".join(f"{one:g}" for one in betas)
        notes.append(
            f"The runs have several beta ({several}); the DPO loss on held-out pairs is that of "
            f"beta = {BETA:g} for all of them."
        )
    held = record["stages"][-1]["held_out_items"]
    own = Own(
        base,
        task=(folder / HELD_OUT).as_posix() if held and wrong is None else None,
        beta=betas[0] if len(betas) == 1 else None,
        notes=tuple(notes),
        weights=record["base_identity"].get("weights"),
    )
    return Found(f"{source!r} ({RECORD})", tuple(made), listed=True, own=own)


def _wrong_task(folder: Path, stage: Mapping[str, Any]) -> str | None:
    """A sentence on held-out items that are not those of the record, as the last stage has them."""
    place = folder / HELD_OUT
    if not stage["held_out_items"]:
        return None
    if not is_file(place):
        why = "is missing"
    else:
        try:
            now = held_out_key(read_task(place, skip=True).items)
            why = "is not what was held out" if now != stage["held_out_of"] else ""
        except UserError as error:
            why = f"cannot be read ({str(error).rstrip('.')})"
    again = "run `tremble align` again, which writes it anew, or give --task"
    return f"{place.as_posix()!r} {why}, so it is not used; {again}." if why else None


def _from_here(path: Path) -> str:
    """A path without the way through other folders."""
    whole = path.resolve()
    here = Path.cwd().resolve()
    return (whole.relative_to(here) if whole.is_relative_to(here) else whole).as_posix()


def _runs(record: dict[str, Any], stage: dict[str, Any]) -> list[str]:
    """The runs of a stage by name; "" where all have it, or there is one."""
    return [one["name"] for one in record["runs"]] if stage is record["stages"][-1] else [""]


def _checkpoints(start: str, folder: Path, stage: dict[str, Any], run: str) -> list[Checkpoint]:
    inside = run_place(stage["name"], run)
    made = []
    for step in stage["checkpoints"]:
        name = "/".join((start, inside, checkpoint_name(step)))
        path = folder / inside / checkpoint_name(step)
        if path.is_dir():
            adapter, wrong = why_not(name, path)
        else:
            adapter, wrong = True, f"The checkpoint {name!r} has not been trained yet."
        made.append(
            Checkpoint(stage["name"], run, step, ModelSpec(name), adapter=adapter, why_not=wrong)
        )
    return made
