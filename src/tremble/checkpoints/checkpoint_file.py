"""A series that the user lists in a TOML file, a [[checkpoint]] each."""

from __future__ import annotations

import re
import shlex
from typing import Any

from tremble.checkpoints.complete import why_not
from tremble.checkpoints.names import step_of
from tremble.checkpoints.series import Checkpoint, Found
from tremble.disk.paths import is_file, is_folder, path_of
from tremble.errors import UserError
from tremble.models.open import is_made_up, source_of
from tremble.models.spec import ModelSpec
from tremble.settings.reader import Reader
from tremble.settings.schema import REQUIRED, Key
from tremble.settings.toml import content_of, text_in
from tremble.text import counted

SCHEMA = (
    Key("checkpoint", "stage", "text", "", "the stage of training", example='"sft"'),
    Key(
        "checkpoint",
        "step",
        "label",
        None,
        "steps of training; by default as its model's name says",
        example="1000",
    ),
    Key("checkpoint", "model", "text", REQUIRED, "the model", example='"runs/sft/checkpoint-1000"'),
    Key("checkpoint", "run", "label", "", "learning rate or seed", example='"lr 1e-5"'),
    Key("checkpoint", "base", "text", None, "the model that an adapter is put on"),
)


def found_listed(source: str) -> Found:
    """The checkpoints of a TOML file, in its order; paths in it start at its folder.

    Raises UserError for a missing file, text that is not TOML, unknown keys and wrong values, for
    a file without a [[checkpoint]], for a study file and for a recipe of `tremble align`.
    """
    path = path_of(source)
    if not is_file(path):
        raise UserError(f"There is no file {source!r} of checkpoints; check the path.")
    content = content_of(text_in(path), path, "a file of checkpoints")
    if isinstance(content.get("study"), dict):
        raise UserError(
            f"{source!r} is a study file, not a list of checkpoints; `tremble run "
            f"{shlex.quote(source)}` scores it."
        )
    if isinstance(content.get("align"), dict):
        raise UserError(
            f"{source!r} is a recipe of `tremble align`; train it first, and give the folder with "
            "its checkpoints."
        )
    reader = Reader(path, SCHEMA)
    reader.known(content, ["checkpoint"])
    entries = reader.each(content, "checkpoint")
    if not entries:
        reader.fail("there is no checkpoint; add [[checkpoint]] tables with stage, step and model")
    made = [_checkpoint(reader, entry) for entry in entries]
    nameless = [entry["model"] for entry, one in zip(entries, made, strict=True) if one is None]
    if nameless:
        reader.fail(
            f"{counted(len(nameless), 'checkpoint')} (the first: {nameless[0]!r}) has no step; "
            "add step = NUMBER in its [[checkpoint]]"
        )
    kept = tuple(one for one in made if one is not None)
    return Found(repr(source), kept, listed=True)


def _checkpoint(reader: Reader, entry: dict[str, Any]) -> Checkpoint | None:
    written = entry["model"]
    last = re.split(r"[/\\@:]", written.rstrip("/\\"))[-1]
    said = step_of(last)
    step = _step(reader, entry["step"])
    if step is None and said is None:
        return None
    folder = _here(reader, written)
    if not folder and is_made_up(written):
        reader.fail(f"model is {written!r}, a built-in fake model, which has no training")
    model = folder or written
    base = None if entry["base"] is None else _here(reader, entry["base"]) or entry["base"]
    adapter: bool | None = None if base is None else True
    wrong: str | None = None
    if is_folder(path := path_of(model)):
        adapter, wrong = why_not(written, path)
        if base is not None and not adapter and wrong is None:
            reader.fail(
                f"base is {entry['base']!r}, but {written!r} is no adapter; leave base out of its "
                "[[checkpoint]]"
            )
    elif not is_file(path) and not source_of(model).has_revisions and "/" in model:
        wrong = _missing(model)
    number = step if step is not None else said.step if said else 0
    return Checkpoint(
        entry["stage"] or (said.stage if said and said.stage else ""),
        entry["run"],
        number,
        ModelSpec(model, base=base),
        None if said is None else said.tokens,
        "step" if step is not None or said is None else said.unit,
        adapter,
        wrong,
    )


def _missing(model: str) -> str | None:
    """Why a name that can only be a path is of no use; None for the names of built-in models."""
    path_like = model.startswith((".", "/", "~")) or model.count("/") > 1
    return f"There is no model folder {model!r}; check the path." if path_like else None


def _step(reader: Reader, given: str | None) -> int | None:
    if given is None:
        return None
    if not re.fullmatch(r"[0-9]{1,15}", given):
        reader.fail(
            f"step in [[checkpoint]] is {given!r}; it must be a whole number from 0, such as 1000"
        )
    return int(given)


def _here(reader: Reader, name: str) -> str | None:
    """A file or folder of that name as seen from here; None where there is none."""
    path = reader.folder / path_of(name)
    return path.as_posix() if is_file(path) or is_folder(path) else None
