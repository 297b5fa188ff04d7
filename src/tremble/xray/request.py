"""What is asked for on the command line: which decision, of which study, read how."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tremble.datasets.base import cards, names
from tremble.disk.paths import is_file, is_folder, path_of
from tremble.errors import UserError
from tremble.models.spec import ModelSpec, RunOptions
from tremble.prompts.asked import Asked
from tremble.prompts.formulations import spoken
from tremble.store.provenance import slug
from tremble.store.study_folder import Store
from tremble.study.data import data_file
from tremble.study.file import Study, read_study, study_from
from tremble.study.schema_study import FORMATS
from tremble.text import did_you_mean
from tremble.tokenization.options import READINGS


@dataclass(frozen=True, slots=True)
class Request:
    """Which decision, of which study or data, and how it is to be read.

    `where` is a study file, a study folder, a JSONL file or an embedded data set; `id` a decision's
    id or its beginning. What is None or empty is as in the study; without one: native format,
    standard formulation, joint reading, the first presentation ("all": all of them). `out` is the
    folder of a study file.
    """

    where: str
    id: str
    models: tuple[str, ...] = ()
    format: str | None = None
    formulation: str | None = None
    presentation: int | str | None = None
    template: str | None = None
    reading: str | None = None
    device: str | None = None
    out: Path | None = None


def study_of(request: Request) -> tuple[Study, Store | None]:
    """The study that is meant, or one made of bare data, and the store that may hold its scores."""
    path = path_of(request.where)
    store: Store | None = None
    if request.out is not None and path.suffix != ".toml":
        raise UserError(
            f"--out needs a study file, and {request.where!r} is not one; leave --out out."
        )
    if is_folder(path) and (Store(path).is_study() or request.where not in names()):
        study, store = _frozen(path), Store(path)
    elif request.where in names() or (is_file(path) and path.suffix != ".toml"):
        study = _of_data(request)
    elif path.suffix == ".toml":
        study = read_study(path)
        if not study.data:
            raise UserError(f'{path} has no data; add data = ["demo"] to [study].')
        store = _store(request, study, path)
    else:
        embedded = [card.name for card in cards() if card.embedded]
        raise UserError(
            f"{request.where!r} is not a study file, study folder, JSONL file or embedded data "
            f"set{did_you_mean(request.where, embedded)}"
        )
    if request.format is not None and request.format not in FORMATS:
        raise UserError(
            f"There is no format {request.format!r}{did_you_mean(request.format, list(FORMATS))}"
        )
    if request.reading not in (None, *READINGS):
        raise UserError(f"There is no reading {request.reading!r}; use joint or next_token.")
    if request.template is not None and request.format == "plain":
        raise UserError(
            "--template is for the chat format; leave --template or --format plain out."
        )
    return study, store


def as_requested(study: Study, request: Request) -> Study:
    """The study with what the command line changes."""
    changes: dict[str, Any] = {
        "formats": (request.format,) if request.format else study.formats,
        "controls": (),  # one is shown where it is asked for: "standard+no_rules"
        "personas": ("none",),  # likewise: "standard+persona_own"
        "reading": request.reading or study.reading,
        "also_read": (),  # likewise: "standard+next_token"
        "run": replace(study.run, device=request.device or study.run.device),
    }
    if request.formulation is not None:
        spoken(Asked.parse(request.formulation), own=study.own)  # raises for an unknown one
        changes["formulations"] = (request.formulation,)
    return replace(study, **changes)


def _store(request: Request, study: Study, path: Path) -> Store | None:
    """The folder that `tremble run` would have written a study file's scores to, if it is there."""
    if request.out is not None:
        store = Store(path_of(request.out))
        if (other := store.read_run()["study"]) != study.name:
            raise UserError(
                f"{str(request.out)!r} contains the study {other!r}, not {study.name!r}; give "
                "another --out."
            )
        return store
    beside = Store(path.parent)
    store = beside if beside.record() is not None else Store(Path(slug(study.name)))
    return store if store.record() is not None else None


def _of_data(request: Request) -> Study:
    if not request.models:
        raise UserError(f"Give a model for the data {request.where!r} with --model.")
    specs = tuple(ModelSpec(name) for name in dict.fromkeys(request.models))
    return Study("xray", (request.where,), (), specs, run=RunOptions())


def _frozen(folder: Path) -> Study:
    """The study of a folder. Its data are looked for in the folder, beside it, and here, since
    paths in a study file start at where the file was."""
    path, text = folder / "study.toml", Store(folder).study_file()
    study = study_from(text, path)
    for base in (folder, folder.resolve().parent, Path()):
        if all(entry in names() or is_file(data_file(entry, base)) for entry in study.data):
            return study_from(text, base / path.name)
    raise UserError(
        f"The data of {str(folder)!r} ({', '.join(study.data)}) are not next to it; give their "
        f"study file instead, with --out {shlex.quote(str(folder))}."
    )
