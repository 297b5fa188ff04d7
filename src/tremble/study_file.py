"""A study file (TOML) to what is asked: data, wordings, formats, models, and how to run."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal, NoReturn

from tremble.engines import ModelSpec, RunOptions
from tremble.errors import UserError, did_you_mean
from tremble.prompts import COUNTERBALANCES, control, formulation
from tremble.spellings import Spellings
from tremble.tokens import Closing, Reading

Format = Literal["native", "plain", "chat"]
FORMATS = ("native", "plain", "chat")
_STUDY_KEYS = (
    "name",
    "data",
    "formulations",
    "controls",
    "formats",
    "reading",
    "closing",
    "counterbalance",
    "spellings",
)
_RUN_KEYS = (*(entry.name for entry in fields(RunOptions)), "too_long")
_UNITS = {
    **{f"{letter}b": 1000**power for power, letter in enumerate("kmgt", 1)},
    **{f"{letter}ib": 1024**power for power, letter in enumerate("kmgt", 1)},
}


@dataclass(frozen=True, slots=True)
class Pair:
    """Twins: a base checkpoint and its aligned partner, by model id."""

    base: str
    aligned: str


@dataclass(frozen=True)
class Study:
    """What a study file asks for. `text` is the file itself, `folder` where its paths start.

    `too_long`: 'error' refuses a study with a prompt beyond a model's window, 'missing' leaves
    such prompts out and counts them. `counterbalance`: what every decision is also shown in another
    way of, see `prompts.presentations`. `controls`: what every formulation is also put under, see
    `prompts.controls`.
    """

    name: str
    data: tuple[str, ...]
    pairs: tuple[Pair, ...]
    models: tuple[ModelSpec, ...]
    formulations: tuple[str, ...] = ("standard",)
    controls: tuple[str, ...] = ()
    formats: tuple[Format, ...] = ("native",)
    reading: Reading = "joint"
    closing: Closing = "auto"
    counterbalance: tuple[str, ...] = ()
    spellings: Spellings = "exact"
    run: RunOptions = field(default_factory=RunOptions)
    too_long: Literal["error", "missing"] = "error"
    text: str = ""
    folder: Path = Path()


def read_study(path: Path) -> Study:
    """The study that a file describes.

    Raises UserError for a missing file, text that is not TOML, unknown keys and wrong values.
    """
    if not path.is_file():
        raise UserError(f"There is no study file {str(path)!r}; check the path.")
    try:
        text = path.read_text(encoding="utf-8")
        content = tomllib.loads(text)
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 at byte {error.start}; save it as UTF-8.") from error
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{path} is not TOML ({error}); correct it there.") from error
    return parse_study(content, text, path)


def parse_study(content: Mapping[str, Any], text: str, path: Path) -> Study:
    """The study in a parsed TOML document; `path` is named in errors."""
    where = _Where(path)
    where.known(content, ("study", "pair", "model", "run"), "")
    study = where.table(content, "study")
    where.known(study, _STUDY_KEYS, "[study]")
    run = where.table(content, "run")
    where.known(run, _RUN_KEYS, "[run]")
    name = study.get("name")
    if not isinstance(name, str) or not re.fullmatch(r"[\w .+-]+", name):
        where.fail(f"name in [study] is {name!r}; give a name of letters, digits, spaces and -")
    pairs = []
    for entry in where.tables(content, "pair"):
        where.known(entry, ("base", "aligned"), "[[pair]]")
        pairs.append(
            Pair(where.text(entry, "base", "[[pair]]"), where.text(entry, "aligned", "[[pair]]"))
        )
    for pair in pairs:
        if pair.base == pair.aligned:
            where.fail(f"base and aligned are both {pair.base!r} in one [[pair]]; name two models")
        if pairs.count(pair) > 1:
            where.fail(f"the pair of {pair.base!r} and {pair.aligned!r} stands twice; keep one")
    models = _models(where, content, pairs)
    if not models:
        where.fail("no models are named; add [[pair]] with base and aligned, or [[model]] with id")
    options = _run(where, run)
    adapted = next((model for model in models if model.adapter is not None), None)
    if options.quantise is not None and adapted is not None:
        where.fail(
            f"quantise = {options.quantise!r} cannot go with the adapter {adapted.adapter!r}, "
            "which is merged into whole weights; leave one out"
        )
    formulations = where.texts(study, "formulations", ("standard",))
    for word in formulations:
        formulation(word)  # raises for an unknown one
    controls = where.texts(study, "controls", ()) if "controls" in study else ()
    for word in controls:
        control(word)  # as above
    return Study(
        name=name,
        data=where.texts(study, "data", ()) if "data" in study else (),
        pairs=tuple(pairs),
        models=models,
        formulations=formulations,
        controls=controls,
        formats=where.choices(study, "formats", FORMATS, ("native",)),
        reading=where.choice(study, "reading", ("joint", "next_token"), "joint"),
        closing=where.choice(study, "closing", ("auto", "always"), "auto"),
        counterbalance=where.choices(study, "counterbalance", COUNTERBALANCES, ())
        if "counterbalance" in study
        else (),
        spellings=where.choice(study, "spellings", ("exact", "all"), "exact"),
        run=options,
        too_long=where.choice(run, "too_long", ("error", "missing"), "error"),
        text=text,
        folder=path.parent,
    )


def _models(where: _Where, content: Mapping[str, Any], pairs: list[Pair]) -> tuple[ModelSpec, ...]:
    """Every model once: those of the pairs, with what [[model]] says of them, then the rest."""
    details: dict[str, ModelSpec] = {}
    for entry in where.tables(content, "model"):
        where.known(entry, [f.name for f in fields(ModelSpec)], "[[model]]")
        id_ = where.text(entry, "id", "[[model]]")
        if id_ in details:
            where.fail(f"the model {id_!r} stands twice in [[model]]; keep one")
        rest = {key: where.text(entry, key, "[[model]]") for key in entry if key != "id"}
        details[id_] = ModelSpec(id_, **rest)
    ids = [id_ for pair in pairs for id_ in (pair.base, pair.aligned)]
    found = [details.get(id_, ModelSpec(id_)) for id_ in dict.fromkeys([*ids, *details])]
    return tuple(_relative(spec, where.path.parent) for spec in found)


def _relative(spec: ModelSpec, folder: Path) -> ModelSpec:
    """Paths in a study file start at the file's folder."""
    changes = {}
    for key in ("adapter", "template"):
        value = getattr(spec, key)
        if value is not None and (folder / value).exists():
            changes[key] = str(folder / value)
    return replace(spec, **changes)


def _run(where: _Where, run: Mapping[str, Any]) -> RunOptions:
    batch = run.get("batch", 1)
    if not isinstance(batch, int) or isinstance(batch, bool) or batch < 1:
        where.fail(f"batch in [run] is {batch!r}; it is the number of sequences a pass, from 1")
    quantise = None
    if "quantise" in run:
        quantise = where.choice(run, "quantise", ("8bit", "4bit"), "")
    default = RunOptions()
    return RunOptions(
        engine=str(run.get("engine", default.engine)),
        dtype=str(run.get("dtype", default.dtype)),
        device=str(run.get("device", default.device)),
        batch=batch,
        remote_code=where.texts(run, "remote_code", ()) if "remote_code" in run else (),
        memory=_bytes(where, run["memory"]) if "memory" in run else None,
        quantise=quantise,
        keep_models=_flag(where, run, "keep_models", default.keep_models),
        compile=_flag(where, run, "compile", default.compile),
    )


def _flag(where: _Where, run: Mapping[str, Any], name: str, default: bool) -> bool:
    value = run.get(name, default)
    if not isinstance(value, bool):
        where.fail(f"{name} in [run] is {value!r}; it must be true or false")
    return value


def _bytes(where: _Where, value: Any) -> int:
    """A size such as "4 GB" (thousands) or "8 GiB" (1,024s) in bytes."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?) *([kmgt]i?b)", str(value).strip().lower())
    size = int(float(found[1]) * _UNITS[found[2]]) if found else 0
    if not isinstance(value, str) or not size:
        where.fail(f'memory in [run] is {value!r}; it must be a size such as "4 GB" or "512 MiB"')
    return size


class _Where:
    """Reads values out of one file and names it in every error."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def fail(self, message: str) -> NoReturn:
        raise UserError(f"{self.path}: {message}.")

    def known(self, table: Mapping[str, Any], keys: Any, name: str) -> None:
        for key in table:
            if key not in keys:
                where = f" in {name}" if name else ""
                raise UserError(
                    f"{self.path}: unknown key {key!r}{where}{did_you_mean(key, list(keys))}"
                )

    def table(self, content: Mapping[str, Any], key: str) -> Mapping[str, Any]:
        found = content.get(key, {})
        if not isinstance(found, dict):
            self.fail(f"{key} must be a table, written [{key}]")
        return found

    def tables(self, content: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
        found = content.get(key, [])
        if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
            self.fail(f"{key} must be written [[{key}]], once for each")
        return found

    def text(self, table: Mapping[str, Any], key: str, name: str) -> str:
        found = table.get(key)
        if not isinstance(found, str) or not found:
            self.fail(f"{key} in {name} is {found!r}; it must be a text")
        return found

    def texts(
        self, table: Mapping[str, Any], key: str, default: tuple[str, ...]
    ) -> tuple[str, ...]:
        found = table.get(key, list(default))
        if not isinstance(found, list) or not found or not all(isinstance(x, str) for x in found):
            self.fail(f'{key} is {found!r}; it must be a list of texts such as ["{key}"]')
        return tuple(dict.fromkeys(found))

    def choice(
        self, table: Mapping[str, Any], key: str, known: tuple[str, ...], default: str
    ) -> Any:
        found = table.get(key, default)
        if found not in known:
            self.fail(f"{key} is {found!r}; it must be one of {', '.join(known)}")
        return found

    def choices(
        self, table: Mapping[str, Any], key: str, known: tuple[str, ...], default: tuple[str, ...]
    ) -> Any:
        found = self.texts(table, key, default)
        for word in found:
            if word not in known:
                self.fail(f"{key} holds {word!r}; it must be of {', '.join(known)}")
        return found
