"""One decision, looked at closely: exactly the prompt that a study scores, token by token, and what
each model makes of it. Nothing is written."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from heapq import nlargest
from os.path import commonprefix
from pathlib import Path
from typing import Any, TypeVar

import polars as pl

from tremble.baselines.base import BASELINES
from tremble.datasets.base import names, source
from tremble.decisions.record import Decision
from tremble.engines.open import give_memory_back, open_engine
from tremble.engines.registry import check_engine
from tremble.errors import ModelUnavailable, UserError
from tremble.models.device import check_device
from tremble.models.files import Notify
from tremble.models.hub import Downloads
from tremble.models.open import model_identity, open_tokenizer
from tremble.models.spec import ModelSpec, RunOptions, model_name
from tremble.prompts.formulations import spoken
from tremble.store.job import Job
from tremble.store.provenance import slug
from tremble.store.study_folder import Store
from tremble.study.cells import Cell, cells, wordings
from tremble.study.data import decisions_of, load_data
from tremble.study.decision_frame import decision_frame
from tremble.study.file import Study, parse_study, read_study
from tremble.study.jobs import job_folder
from tremble.study.render import Prompt, other_games, prompts_of
from tremble.study.schema import FORMATS
from tremble.study.selection import keeps, of_family
from tremble.text import counted, did_you_mean
from tremble.tokenization.options import READINGS
from tremble.xray.tokens import TokenReader, presented, read, stored

MANY = 8  # models that are looked at without being named
FEW = 3  # ids listed where several are meant
CHEAP = ("majority", "last_choice")  # baselines that fit nothing

Found = dict[str, Any]
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Asked:
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


def look_at(asked: Asked, notify: Notify) -> Found:
    """What one decision is to its models, as JSON can hold it.

    - `decision`: id, dataset, family, data (the entry it was found in), participant, round, role;
    - `people`: choice, rates, n, target; no model ever sees them;
    - `theory`: normative (shares by key or None), why, numbers (what baselines compute with);
    - `baselines`: name to the prediction of the target, where a study's folder holds the decisions;
    - `readings`: one for each presentation, model and format, in this order (`tokens.read`);
    - `notes`: sentences: presentations and formulations not shown, models that cannot be had.

    Raises UserError for what cannot be found, read or tokenised, before any weights are loaded.
    """
    whole, store = _study(asked)
    study = _as_asked(whole, asked)
    entry, decision = _decision(study, asked)
    chosen, study = _chosen(study, asked)
    check_engine(study.run.engine)
    check_device(study.run)
    downloads = Downloads(study.run.keep_models)
    missing: dict[ModelSpec, ModelUnavailable] = {}

    def each(models: Iterable[ModelSpec], ask: Callable[[ModelSpec], _T]) -> dict[ModelSpec, _T]:
        """What `ask` finds of each model. One that cannot be had is left out, unless named."""
        found = {}
        for model in models:
            try:
                with downloads.noting(model.id):
                    found[model] = ask(model)
            except ModelUnavailable as error:
                missing[model] = error
        if missing and (asked.models or not found):
            raise next(iter(missing.values()))
        return found

    try:
        opened = each(study.models, lambda model: open_tokenizer(model, study.run, notify))
        known = {model: found.tokenizer for model, found in opened.items()}
        shown = replace(study, data=(entry,), formulations=study.formulations[:1])
        wanted = [cell for cell in cells(shown, known) if cell.model in chosen]
        rendered = {
            cell: prompts_of(
                [decision],
                cell.formulation,
                cell.template,
                opened[cell.model],
                study,
                other_games(study, cell),
            )
            for cell in wanted
        }
        prompts, notes = presented(rendered, asked.presentation)
        notes = _not_held(whole, entry, decision, wanted) + notes

        def readings_of(model: ModelSpec) -> list[Found]:
            if model != wanted[0].model:
                give_memory_back()  # of the model before
            mine = {cell: found for cell, found in prompts.items() if cell.model == model}
            return _of_model(model, mine, study, store, notify)

        by_model = each(dict.fromkeys(cell.model for cell in wanted), readings_of)
    finally:
        downloads.delete_all()
    readings = [reading for found in by_model.values() for reading in found]
    notes += [f"{model_name(model)} is left out. {error}" for model, error in missing.items()]
    if others := study.formulations[1:]:
        some = ", ".join(others[:FEW]) + (", ..." if len(others) > FEW else "")
        number = counted(len(others), "other formulation")
        notes.append(f"{number} of the study ({some}); --formulation shows one.")
    readings.sort(key=lambda reading: reading["presentation"])  # stable: twins stay side by side
    return {
        "decision": {
            "id": decision.id,
            "dataset": decision.dataset,
            "family": decision.family,
            "data": entry,
            "participant": decision.participant,
            "round": decision.round,
            "role": decision.role,
        },
        **_outcome(decision, store),
        "readings": readings,
        "notes": notes,
    }


def _study(asked: Asked) -> tuple[Study, Store | None]:
    """The study asked for, or one made of bare data, and the store that may hold its scores."""
    path = Path(asked.where)
    store: Store | None = None
    if asked.out is not None and path.suffix != ".toml":
        raise UserError(f"--out goes with a study file, and {asked.where!r} is none; leave it out.")
    if path.is_dir() and ((path / "run.json").is_file() or asked.where not in names()):
        study, store = _frozen(path), Store(path)
    elif asked.where in names() or (path.is_file() and path.suffix != ".toml"):
        study = _of_data(asked)
    elif path.suffix == ".toml":
        study = read_study(path)
        if not study.data:
            raise UserError(f'{path} names no data; add data = ["demo"] to [study].')
        store = _store(asked, study, path)
    else:
        embedded = [name for name in names() if source(name).card.embedded]
        raise UserError(
            f"{asked.where!r} is no study file, study folder, JSONL file or embedded data set"
            f"{did_you_mean(asked.where, embedded)}"
        )
    if asked.format is not None and asked.format not in FORMATS:
        raise UserError(
            f"There is no format {asked.format!r}{did_you_mean(asked.format, list(FORMATS))}"
        )
    if asked.reading not in (None, *READINGS):
        raise UserError(f"There is no reading {asked.reading!r}; it is joint or next_token.")
    if asked.template is not None and asked.format == "plain":
        raise UserError("--template is for the chat format; leave it or --format plain out.")
    return study, store


def _as_asked(study: Study, asked: Asked) -> Study:
    """The study with what the command line changes."""
    changes: dict[str, Any] = {
        "formats": (asked.format,) if asked.format else study.formats,
        "controls": (),  # one is shown where it is asked for: "standard+no_rules"
        "reading": asked.reading or study.reading,
        "also_read": (),  # likewise: "standard+next_token"
        "run": replace(study.run, device=asked.device or study.run.device),
    }
    if asked.formulation is not None:
        spoken(asked.formulation)  # raises for an unknown one
        changes["formulations"] = (asked.formulation,)
    return replace(study, **changes)


def _not_held(whole: Study, entry: str, decision: Decision, shown: Sequence[Cell]) -> list[str]:
    """A sentence where the study itself does not score what is shown."""
    if not of_family(whole, decision.family):
        return [f"Not in the study: families leave {decision.family} out."]
    if whole.sample is not None and all(
        one.id != decision.id for one in decisions_of(whole, entry)
    ):
        return [f"Not in the study's sample (sample = {whole.sample})."]
    held = [cell for cell in shown if cell.formulation in wordings(whole)]
    out = [cell for cell in held if not keeps(whole, cell, decision.family)]
    names = dict.fromkeys(f"{model_name(cell.model)}, {cell.format}" for cell in out)
    some = "" if len(out) == len(shown) else f" of {'; '.join(names)}"
    return [f"Not in the study: left out by include or exclude{some}."] if out else []


def _store(asked: Asked, study: Study, path: Path) -> Store | None:
    """The folder that `tremble run` would have written a study file's scores to, if it is there."""
    if asked.out is not None:
        store = Store(asked.out)
        if (other := store.read_run()["study"]) != study.name:
            raise UserError(
                f"{str(asked.out)!r} holds the study {other!r}, not {study.name!r}; "
                "give another --out."
            )
        return store
    beside = (path.parent / "run.json").is_file()
    store = Store(path.parent if beside else Path(slug(study.name)))
    return store if (store.folder / "run.json").is_file() else None


def _of_data(asked: Asked) -> Study:
    if not asked.models:
        raise UserError(f"Name a model for the data {asked.where!r} with --model.")
    specs = tuple(ModelSpec(name) for name in dict.fromkeys(asked.models))
    return Study("xray", (asked.where,), (), specs, run=RunOptions())


def _frozen(folder: Path) -> Study:
    """The study of a folder. Its data are looked for in the folder, beside it, and here, since
    paths in a study file start at where the file was."""
    Store(folder).read_run()  # raises where this is no study
    path = folder / "study.toml"
    study = read_study(path)
    for base in (folder, folder.resolve().parent, Path()):
        if all(entry in names() or (base / entry).is_file() for entry in study.data):
            return parse_study(tomllib.loads(study.text), study.text, base / path.name)
    raise UserError(
        f"The data of {str(folder)!r} ({', '.join(study.data)}) are not beside it; name the study "
        f"file they belong to, with --out {folder}."
    )


def _decision(study: Study, asked: Asked) -> tuple[str, Decision]:
    """The one decision whose id is, or begins with, what was asked for, and its entry of `data`."""
    ids: list[str] = []
    begun: list[str] = []
    first: tuple[str, Decision] | None = None
    for entry in study.data:
        for decision in load_data(entry, study.folder):
            if decision.id == asked.id:
                return entry, decision
            ids.append(decision.id)
            if decision.id.startswith(asked.id):
                begun.append(decision.id)
                first = first or (entry, decision)
    if len(begun) == 1 and first is not None:
        return first
    if begun:
        some = ", ".join(map(repr, begun[:FEW]))
        raise UserError(
            f"{len(begun):,} decisions begin with {asked.id!r}; give more of one: {some}"
            f"{' and so on' if len(begun) > FEW else ''}."
        )
    # Comparing with every id of a large data set would take a quarter of a minute.
    shared = ((len(commonprefix((known, asked.id))), known) for known in ids)  # noqa: RUF071
    near = [known for _, known in nlargest(2000, shared)]
    if close := get_close_matches(asked.id, near, n=1):
        hint = f"; did you mean {close[0]!r}?"
    else:
        hint = f"; the first are {', '.join(map(repr, ids[:FEW]))}." if ids else "; it is empty."
    raise UserError(f"There is no decision {asked.id!r} in {', '.join(study.data)}{hint}")


def _chosen(study: Study, asked: Asked) -> tuple[set[ModelSpec], Study]:
    """The models to look at, and the study cut down to them and their twins."""
    named = {model_name(spec): spec for spec in study.models}
    for name in asked.models:
        if name not in named and not any(spec.id == name for spec in study.models):
            raise UserError(
                f"The study {study.name!r} has no model {name!r}{did_you_mean(name, list(named))}"
            )
    chosen = [
        spec
        for name, spec in named.items()
        if not asked.models or name in asked.models or spec.id in asked.models
    ]
    if len(chosen) > MANY and not asked.models:
        raise UserError(
            f"The study {study.name!r} has {len(chosen)} models; name some with --model, "
            f"for example {model_name(chosen[0])!r}."
        )
    ids = {spec.id for spec in chosen}
    pairs = tuple(pair for pair in study.pairs if {pair.base, pair.aligned} & ids)
    ids |= {id_ for pair in pairs for id_ in (pair.base, pair.aligned)}
    # A template asked for is everybody's; the study's own otherwise.
    specs = {
        spec: replace(spec, template=asked.template or spec.template)
        for spec in study.models
        if spec.id in ids
    }
    return (
        {specs[spec] for spec in chosen},
        replace(study, pairs=pairs, models=tuple(specs.values())),
    )


def _of_model(
    model: ModelSpec,
    prompts: Mapping[Cell, Sequence[Prompt]],
    study: Study,
    store: Store | None,
    notify: Notify,
) -> list[Found]:
    """One model's readings; its weights are in memory meanwhile."""
    engine = open_engine(model, replace(study.run, engine="reference", batch=1), notify)
    identity = None if store is None else model_identity(model, study.run, notify)
    reader = TokenReader(engine.tokenizer)
    found = []
    for cell, shown in prompts.items():
        held = None
        if store is not None and identity is not None:
            held = Job(store.folder / job_folder(cell, identity)).rows()
        for prompt in shown:
            reading = read(cell, prompt, study.pairs, engine, reader)
            found.append({**reading, "stored": stored(held, prompt, reading)})
    return found


def _outcome(decision: Decision, store: Store | None) -> Found:
    """What people did, what theory says, and what two baselines say that need no fitting."""
    said = decision_frame([decision]).row(0, named=True)
    normative = said["normative"]
    keys = [option.key for option in decision.options]
    baselines: dict[str, float | None] = {}
    if store is not None:
        frame = store.decisions()
        frame = frame.filter(pl.col("family").cast(pl.String) == decision.family)
        for name in CHEAP:
            row = BASELINES[name](frame).filter(pl.col("decision").cast(pl.String) == decision.id)
            if row.height:
                baselines[name] = row["prediction"][0]
    return {
        "people": {
            "choice": decision.choice,
            "rates": None if decision.rates is None else dict(decision.rates),
            "n": decision.n,
            "target": decision.target,
        },
        "theory": {
            "normative": None if normative is None else dict(zip(keys, normative, strict=True)),
            "why": said["normative_why"],
            "numbers": said["numbers"],
        },
        "baselines": baselines,
    }
