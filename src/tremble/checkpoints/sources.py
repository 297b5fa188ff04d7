"""From what a user names to a series: a trainer's folder, branches or folders on the hub, a TOML
file, or the record of a training run."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from tremble.checkpoints.bases import on_one_base
from tremble.checkpoints.checkpoint_file import found_listed
from tremble.checkpoints.fitting import fitted, on_other_models
from tremble.checkpoints.hub_series import found_on
from tremble.checkpoints.listings import looked_at, on_hub
from tremble.checkpoints.series import Found, Own, Series, in_order, known_bad, left_out, usable
from tremble.checkpoints.tokenizers import differing
from tremble.checkpoints.trainer_folder import found_in
from tremble.disk.paths import is_file, is_folder, path_of
from tremble.errors import ModelUnavailable, UserError
from tremble.models.files import Notify
from tremble.models.hub_lists import Files, check_there, files_of
from tremble.models.open import is_made_up, source_of
from tremble.models.spec import ModelSpec, model_name
from tremble.text import counted

# Files that say that a folder is the record of a training run, each with the module that reads it:
# `found_in(source, folder) -> Found`, as of a trainer's folder.
RECORDS = {"align.json": "tremble.post_training.series"}


def series_of(source: str, base: str | None, notify: Notify) -> Series:
    """The series that a user names, in order. Weights are not read or downloaded; of the hub, lists
    of files and the configurations of adapters are.

    `base`: the model that adapters are put on, and that whole weights are compared with; None for
    the adapters' own, or else the first checkpoint. `notify` is told what the user should know.

    Raises UserError where there is no such source, no checkpoint in it, or no usable one; for a
    base that is not that of the record, two of one step, an unclear order of stages, adapters of
    different models and adapters on a model that they were not trained on; ModelUnavailable where
    the hub does not list it.
    """
    found = _found(source)
    checkpoints, files = looked_at(in_order(found, source), found)
    kept = usable(checkpoints, found)
    if base is None and found.own is not None:
        base = found.own.base
    on, put, notes = on_one_base(kept, base)
    by_one = {two.name for one, two in zip(kept, put, strict=True) if one.model != two.model}
    _check_base(on, found.own)
    kept = fitted(put, on)
    bad = {one.name: one.why_not for one in kept}
    checkpoints = tuple(known_bad(one, bad.get(one.name)) for one in checkpoints)
    kept = usable(kept, found)
    notes = (*notes, *on_other_models(kept, by_one))
    apart = left_out(checkpoints, found)
    others = [(one.name, files.get(one.name)) for one in kept if one.model != on]
    of_base, unknown = _base_files(on, files)
    notes = (*notes, *unknown, *differing((model_name(on), of_base), others))
    if apart:
        notes = (*notes, f"{counted(len(apart), 'name')} left out; the first: {apart[0][1]}")
    notes = (*notes, *(_recorded_below(source) if found.own is None else found.own.notes))
    for note in notes:
        notify(note)
    incomplete = tuple(one for one in checkpoints if not one.complete)
    return Series(source, on, kept, apart, incomplete, notes, bool(unknown), found.own)


def _check_base(base: ModelSpec, own: Own | None) -> None:
    """Raises UserError where the weights of the base, as far as they are here, are not those that a
    training began with, as its record has them."""
    if own is None or own.weights is None or is_made_up(base.id):
        return
    source = source_of(base.id)
    if source.here(base) is None:
        return
    try:
        now = str(source.files(base, lambda _: None, False).identity.get("weights"))
    except ModelUnavailable:
        return  # which is said when it is scored
    if now != own.weights:
        raise UserError(
            f"The base {model_name(base)!r} has other weights ({now}) than the model that the "
            f"checkpoints were trained on ({own.weights}, as {next(iter(RECORDS))} says); give "
            "that model with --base."
        )


def _recorded_below(source: str) -> list[str]:
    """A sentence on records in the folders of a source, which say more than is read of them."""
    folder = path_of(source)
    inside = sorted(one.name for one in folder.iterdir()) if is_folder(folder) else []
    recorded = [name for name in inside if _record_reader(folder / name) is not None]
    if not recorded:
        return []
    return [
        f"{source!r} holds {counted(len(recorded), 'training')} (the first: {recorded[0]!r}); "
        "base, held-out items and beta of a record are used only where its own folder is given."
    ]


def _found(source: str) -> Found:
    if not source.strip():
        raise UserError(
            "The name of the series is empty; give a folder with checkpoints, a TOML file, or a "
            "pattern of hub names such as org/model@step*."
        )
    path = path_of(source)
    if is_folder(path):
        recorded = _record_reader(path)
        made: Found = (recorded.found_in if recorded else found_in)(source, path)
        return made
    if is_file(path) or source.endswith(".toml"):
        if path.name in RECORDS:
            raise UserError(f"{source!r} is the record of a training; give its folder.")
        if not source.endswith(".toml"):
            raise UserError(
                f"{source!r} is a file but not a .toml file; give a folder with checkpoints, a "
                "TOML file, or a pattern of hub names such as org/model@step*."
            )
        return found_listed(source)
    if is_made_up(source) or not source_of(source).has_revisions:
        raise UserError(
            f"There is no folder {source!r}; check the path, or give a TOML file, or a pattern of "
            "hub names such as org/model@step*."
        )
    return found_on(source)


def _record_reader(folder: Path) -> Any:
    """The module that reads the record in a folder; None where there is no record."""
    name = next((name for name in RECORDS if is_file(folder / name)), None)
    return None if name is None else import_module(RECORDS[name])


def _base_files(
    base: ModelSpec, files: Mapping[str, Files]
) -> tuple[Files | None, tuple[str, ...]]:
    """The base's files as the hub lists them, None where it is not on the hub, or no list is had;
    that stops nobody who has its files, and else there is a sentence on it."""
    place = on_hub(base)
    if place is None or model_name(base) in files:
        return files.get(model_name(base)), ()
    try:
        check_there(place)
        return files_of(place), ()
    except UserError as error:
        here = source_of(base.id).here(base) is not None
        return None, () if here else (f"The base cannot be looked up. {error}",)
