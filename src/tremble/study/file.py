"""A study file (TOML) to what is asked: data, wordings, formats, models, and how to run."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from itertools import combinations
from pathlib import Path
from typing import Any, Literal

from tremble.decisions.files import same_lines
from tremble.errors import UserError
from tremble.models.spec import ModelSpec, RunOptions
from tremble.prompts.asked import Asked
from tremble.prompts.formulations import formulation
from tremble.study.schema import TABLES, Reader
from tremble.tokenization.options import Reading, Termination
from tremble.tokenization.surface_forms import Spellings

Format = Literal["native", "plain", "chat"]
STANDARD = "standard"


@dataclass(frozen=True, slots=True)
class Pair:
    """Counterparts: a base checkpoint and its aligned partner, by model id."""

    base: str
    aligned: str


@dataclass(frozen=True, slots=True)
class Rule:
    """One [[include]] or [[exclude]] (`table`): key -> the names and globs of which one must fit.
    It matches where all of its keys do."""

    table: str
    patterns: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class HowRead:
    """How labels become token paths: in which reading, when what ends a label is scored as well,
    and which ways to write it count. A label that nothing can end is an error where labels
    `must_end`, else the reason why a prompt has no score."""

    reading: Reading
    terminator: Termination
    surface_forms: Spellings
    must_end: bool


@dataclass(frozen=True)
class Study:
    """What a study file asks for. `text` is the file itself, `folder` where its paths start.

    `too_long`: 'error' refuses a study with a prompt beyond a model's window, 'missing' leaves
    such prompts out and counts them. `counterbalance`: what every decision is also shown in another
    way of, see `prompts.presentations`. `families` (names or globs; none: all), `include` and
    `exclude` say what of it all is left out, see `selection`; `sample` takes at most so many
    decisions of each family of an entry of `data`, see `decisions.subsample`. `controls`:
    what every formulation is also put under, see `prompts.controls`; `also_read`: in which readings
    it is scored beside `reading`.
    """

    name: str
    data: tuple[str, ...]
    pairs: tuple[Pair, ...]
    models: tuple[ModelSpec, ...]
    formulations: tuple[str, ...] = (STANDARD,)
    controls: tuple[str, ...] = ()
    formats: tuple[Format, ...] = ("native",)
    reading: Reading = "joint"
    also_read: tuple[Reading, ...] = ()
    closing: Termination = "auto"
    counterbalance: tuple[str, ...] = ()
    spellings: Spellings = "exact"
    families: tuple[str, ...] = ()
    include: tuple[Rule, ...] = ()
    exclude: tuple[Rule, ...] = ()
    sample: int | None = None
    run: RunOptions = field(default_factory=RunOptions)
    too_long: Literal["error", "missing"] = "error"
    text: str = ""
    folder: Path = Path()

    def how_read(self, asked: Asked) -> HowRead:
        """How the labels of what is asked are read. In the standard wording every decision must be
        readable."""
        must_end = asked.wording == STANDARD and asked.beside is None
        reading = asked.reading or self.reading
        return HowRead(reading, self.closing, self.spellings, must_end)


def read_study(path: Path) -> Study:
    """The study that a file describes.

    Raises UserError for a missing file, text that is not TOML, unknown keys and wrong values.
    """
    if not path.is_file():
        raise UserError(f"There is no study file {str(path)!r}; check the path.")
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 at byte {error.start}; save it as UTF-8.") from error
    return study_from(text, path)


def study_from(text: str, path: Path) -> Study:
    """The study that a file's text describes; `path` is named in errors, and where the paths in it
    start. Raises UserError for text that is not TOML, unknown keys and wrong values."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        word = re.search(r"=\s*(True|False|None)\b", text)
        how = f", where {word[1]} is no word: true and false are" if word else ""
        raise UserError(f"{path} is not TOML ({error}); correct it there{how}.") from error
    return parse_study(content, text, path)


def parse_study(content: Mapping[str, Any], text: str, path: Path) -> Study:
    """The study in a parsed TOML document; `path` is named in errors."""
    where = Reader(path)
    where.known(content, list(TABLES))
    study, run = where.one(content, "study"), where.one(content, "run")
    name = study["name"]
    if not re.fullmatch(r"[\w .+-]+", name):
        where.fail(f"name in [study] is {name!r}; give a name of letters, digits, spaces and -")
    pairs = [Pair(**entry) for entry in where.each(content, "pair")]
    for pair in pairs:
        if pair.base == pair.aligned:
            where.fail(f"base and aligned are both {pair.base!r} in one [[pair]]; name two models")
        if pairs.count(pair) > 1:
            where.fail(f"the pair of {pair.base!r} and {pair.aligned!r} stands twice; keep one")
    models = _models(where, content, pairs)
    if not models:
        where.fail("no models are named; add [[pair]] with base and aligned, or [[model]] with id")
    options = RunOptions(**{entry.name: run[entry.name] for entry in fields(RunOptions)})
    adapted = next((model for model in models if model.adapter is not None), None)
    if options.quantise is not None and adapted is not None:
        where.fail(
            f"quantise = {options.quantise!r} cannot go with the adapter {adapted.adapter!r}, "
            "which is merged into whole weights; leave one out"
        )
    for word in study["formulations"]:
        wording, plus, control = word.partition("+")
        if plus:
            where.fail(
                f"formulations holds {word!r}, a wording joined to a control; name them apart, as "
                f'formulations = ["{wording}"] and controls = ["{control}"]'
            )
        formulation(word)  # raises for an unknown one
    _different_files(where, study["data"])
    reading, *also_read = study.pop("reading")
    return Study(
        reading=reading,
        also_read=tuple(also_read),
        pairs=tuple(pairs),
        models=models,
        include=_rules(where, content, "include"),
        exclude=_rules(where, content, "exclude"),
        run=options,
        too_long=run["too_long"],
        text=text,
        folder=path.parent,
        **study,
    )


def _different_files(where: Reader, data: Sequence[str]) -> None:
    """Raises UserError where two entries of `data` are one file, or files of equal lines, packed or
    not: the people in them would count twice."""
    files = [(entry, where.path.parent / entry) for entry in data]
    files = [(entry, file) for entry, file in files if file.is_file()]
    for (one, first), (other, second) in combinations(files, 2):
        if first.samefile(second) or same_lines(first, second):
            what = "are one file" if first.samefile(second) else "hold the same"
            where.fail(f"data holds {one!r} and {other!r}, which {what}; keep one")


def _models(where: Reader, content: Mapping[str, Any], pairs: list[Pair]) -> tuple[ModelSpec, ...]:
    """Every model once: those of the pairs, with what [[model]] says of them, then the rest."""
    details: dict[str, ModelSpec] = {}
    for entry in where.each(content, "model"):
        if entry["id"] in details:
            where.fail(f"the model {entry['id']!r} stands twice in [[model]]; keep one")
        details[entry["id"]] = ModelSpec(**entry)
    ids = [id_ for pair in pairs for id_ in (pair.base, pair.aligned)]
    models = [details.get(id_, ModelSpec(id_)) for id_ in dict.fromkeys([*ids, *details])]
    paths = [(spec, path) for spec in models if (path := Path(spec.id).expanduser()).exists()]
    for (one, first), (other, second) in combinations(paths, 2):
        if first.samefile(second) and replace(one, id=other.id) == other:  # no adapter apart
            where.fail(
                f"the models {one.id!r} and {other.id!r} are one; write one of them throughout"
            )
    return tuple(_relative(spec, where.path.parent) for spec in models)


def _rules(where: Reader, content: Mapping[str, Any], table: str) -> tuple[Rule, ...]:
    rules = []
    for entry in where.each(content, table):
        patterns = {key: value for key, value in entry.items() if value}
        if not patterns:
            where.fail(f"one [[{table}]] is empty; give it at least one of {', '.join(entry)}")
        rules.append(Rule(table, patterns))
    return tuple(rules)


def _relative(spec: ModelSpec, folder: Path) -> ModelSpec:
    """Paths in a study file start at the file's folder."""
    changes = {}
    for key in ("adapter", "template"):
        value = getattr(spec, key)
        if value is not None and (folder / value).exists():
            changes[key] = str(folder / value)
    return replace(spec, **changes)
