"""The checkpoints in a folder that a trainer wrote, and in a folder of several such runs."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from tremble.checkpoints.complete import holds_model, why_not
from tremble.checkpoints.names import step_of
from tremble.checkpoints.series import Checkpoint, Found
from tremble.checkpoints.stages import is_stage, stage_and_run
from tremble.errors import ModelUnavailable, UserError
from tremble.models.files import reading
from tremble.models.spec import ModelSpec

_DEPTH = 3  # of folders in folders: a learning rate, a seed, a stage


def found_in(source: str, folder: Path) -> Found:
    """The checkpoints in a folder, or, where it has none, in the folders below it, which are runs
    (or stages, where their names say so). Names go on from `source`, as the user wrote it.

    Raises UserError for the folder of one checkpoint alone.
    """
    start = source.rstrip("/\\") or "/."
    checkpoints, nameless = [], []
    for run in _runs(folder, _DEPTH) or [folder]:
        above = run.relative_to(folder).parts
        for path in _folders(run):
            name = "/".join((start, *above, path.name))
            checkpoint = _checkpoint(name, path, above)
            if checkpoint is not None:
                checkpoints.append(checkpoint)
            elif holds_model(path):
                nameless.append(name)
    if checkpoints and holds_model(folder):
        nameless.insert(0, start)
    if not checkpoints and step_of(folder.name) and holds_model(folder):
        raise UserError(f"{source!r} is one checkpoint; give the folder in which it lies.")
    return Found(f"{source!r} or the folders in it", tuple(checkpoints), tuple(nameless))


def _checkpoint(name: str, path: Path, above: tuple[str, ...]) -> Checkpoint | None:
    step = step_of(path.name)
    if step is None:
        return None
    adapter, wrong = why_not(name, path)
    stage, run = stage_and_run(step.stage or "")
    own = [part for part in above if not (is_stage(part) and not stage)]
    named = [part for part in above if part not in own]
    return Checkpoint(
        stage or "/".join(named),
        "/".join([*own, run] if run else own),
        step.step,
        ModelSpec(name),
        step.tokens,
        step.unit,
        adapter,
        wrong,
    )


def _runs(folder: Path, depth: int) -> list[Path]:
    """The folders that checkpoints lie in: this one, else those below."""
    inside = _folders(folder)
    if any(step_of(path.name) for path in inside):
        return [folder]
    found = []
    for path in inside if depth else []:
        with suppress(ModelUnavailable):  # another user's, or the system's
            found += _runs(path, depth - 1)
    return found


def _folders(folder: Path) -> list[Path]:
    with reading(folder):
        return sorted(
            path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")
        )
