"""A study file (TOML) to what is asked: data, wordings, formats, models, and how to run."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import Any, Literal

from tremble.decisions.files import same_lines
from tremble.disk.paths import is_file, is_folder, path_of
from tremble.errors import UserError
from tremble.models.spec import ModelSpec, RunOptions
from tremble.prompts.asked import Asked
from tremble.prompts.formulations import EXTENSIONS, formulation, names
from tremble.prompts.interview import Questions, own_questions, read_questions
from tremble.prompts.own_wording import NOTHING_OWN, Own
from tremble.settings.reader import Reader
from tremble.settings.toml import content_of, text_in
from tremble.stats.frames.treatments import WITH, Contrast
from tremble.stats.verdict.answer import MARGINS, Margins
from tremble.study.checkpoints import Trajectory, trajectory_of
from tremble.study.data import data_file
from tremble.study.own import check_named, own_of
from tremble.study.schema import SCHEMA, TABLES
from tremble.study.taken import Part
from tremble.text import as_written, counted, did_you_mean
from tremble.tokenization.options import Reading, Termination
from tremble.tokenization.session_paths import SpecialTokens
from tremble.tokenization.surface_forms import Spellings

Format = Literal["native", "plain", "chat"]
STANDARD = "standard"
NO_PERSONA = "none"  # the arm of sessions without an interview


@dataclass(frozen=True, slots=True)
class Pair:
    """Counterparts: a base checkpoint and its aligned partner, by model id; which type of
    post-training that had, and of which generation both are, in the user's words."""

    base: str
    aligned: str
    type: str | None = None
    generation: str | None = None


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
    such prompts out and counts them, 'cut' does so after it has cut sessions to the window.
    `counterbalance`: what every decision is also shown in another way of, see
    `prompts.presentations`. `families` (names or globs; none: all), `include` and `exclude` say
    what of it all is left out, see `selection`; `sample` takes at most so many decisions of each
    family of an entry of `data`, see `decisions.subsample`, `participants` so many people of each
    experiment and `session_characters` so much of each session (`part` has all three). `personas`:
    the arms of interviews that every formulation is put behind, of which "none" is the formulation
    alone, which is always scored; they ask the `questions`, those of the file `persona_questions`
    where one is named. `controls`: what every formulation is also put under, see
    `prompts.controls`;
    `own`: the wordings and controls among them that the file itself holds; `also_read`: in which
    readings it is scored beside `reading`. `one_decision_each`: nobody whose name is not known made
    two decisions. `contrasts`: what is compared once all is scored. `margins`: of the verdict.
    `trajectory`: which models are checkpoints of a training, and of what.
    `brought`: entries of `data` that are copied into the study's folder once it is accepted.
    `file`: how errors name the study file.
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
    special_tokens: SpecialTokens = "plain"
    families: tuple[str, ...] = ()
    include: tuple[Rule, ...] = ()
    exclude: tuple[Rule, ...] = ()
    contrasts: tuple[Contrast, ...] = ()
    sample: int | None = None
    participants: int | None = None
    session_characters: int | None = None
    personas: tuple[str, ...] = (NO_PERSONA,)
    persona_questions: str | None = None
    one_decision_each: bool = False
    margins: Margins = MARGINS
    trajectory: Trajectory | None = None
    own: Own = NOTHING_OWN
    run: RunOptions = field(default_factory=RunOptions)
    too_long: Literal["error", "missing", "cut"] = "error"
    text: str = ""
    folder: Path = Path()
    brought: tuple[str, ...] = ()
    file: str = field(default="", compare=False)

    @property
    def part(self) -> Part:
        """How much of its data the study takes."""
        return Part(self.sample, self.participants, self.session_characters)

    @property
    def interviews(self) -> bool:
        """Whether any interview is asked for, be it the only one of `personas`."""
        return set(self.personas) != {NO_PERSONA}

    @property
    def has_task(self) -> bool:
        """Whether checkpoints have a held-out task."""
        return self.trajectory is not None and self.trajectory.task is not None

    @cached_property
    def questions(self) -> Questions:
        """What interviews ask. Raises UserError for a file of questions that cannot be used."""
        if self.persona_questions is None:
            return own_questions()
        return read_questions(self.folder / path_of(self.persona_questions))

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
    path = path_of(path)
    if not is_file(path):
        raise UserError(f"There is no study file {str(path)!r}; check the path.")
    return study_from(text_in(path), path)


def study_from(text: str, path: Path, folder: Path | None = None) -> Study:
    """The study in the text of a study file; `path` is named in errors, and paths in it start at
    `folder`, by default that of `path`. Raises UserError as `read_study` does."""
    content = content_of(text, path, "a study file")
    where = Reader(path, SCHEMA, folder)
    where.known(content, list(TABLES))
    own = own_of(where, content)
    study, run = where.one(content, "study"), where.one(content, "run")
    name = study["name"]
    if not re.fullmatch(r"[\w .+-]+", name):
        where.fail(f"name in [study] is {name!r}; give a name of letters, digits, spaces and -")
    pairs = [Pair(**entry) for entry in where.each(content, "pair")]
    for pair in pairs:
        if pair.base == pair.aligned:
            where.fail(
                f"base and aligned are both {pair.base!r} in one [[pair]]; give two different "
                "models; an adapter's own folder can be aligned"
            )
        if [(one.base, one.aligned) for one in pairs].count((pair.base, pair.aligned)) > 1:
            where.fail(f"the pair of {pair.base!r} and {pair.aligned!r} appears twice; keep one")
    trajectory = trajectory_of(where, content)
    models = _models(where, content, pairs, trajectory)
    if not models:
        where.fail("there is no model; add [[pair]] with base and aligned, or [[model]] with id")
    margins = Margins(**where.one(content, "verdict"))
    if margins.near > margins.far:
        where.fail(
            f"near in [verdict] is {margins.near:g}, which is above far, {margins.far:g}; swap them"
        )
    options = RunOptions(**{entry.name: run[entry.name] for entry in fields(RunOptions)})
    _check_wordings(where, study["formulations"], own)
    check_named(where, own, study)
    _different_files(where, study["data"])
    reading, *also_read = study.pop("reading")
    made = Study(
        reading=reading,
        also_read=tuple(also_read),
        pairs=tuple(pairs),
        models=models,
        include=_rules(where, content, "include"),
        exclude=_rules(where, content, "exclude"),
        margins=margins,
        contrasts=_contrasts(where, content),
        trajectory=trajectory,
        own=own,
        run=options,
        too_long=run["too_long"],
        text=text,
        folder=where.folder,
        file=str(path),
        **study,
    )
    if made.interviews:
        _ = made.questions  # raises for a file that cannot be used
    return made


def _check_wordings(where: Reader, formulations: Sequence[str], own: Own) -> None:
    """Raises UserError for an unknown wording, for one of a package that cannot be used, and for
    one with a control in its name."""
    known = names(own)
    for word in formulations:
        wording, plus, control = word.partition("+")
        if plus:
            where.fail(
                f"formulations holds {word!r}, a wording joined to a control; give them "
                f'separately, as formulations = ["{wording}"] and controls = ["{control}"]'
            )
        if word not in known and EXTENSIONS.get(word) is None:
            where.fail(f"there is no wording {word!r}{did_you_mean(word, known)}".rstrip("."))
        formulation(word, own)


def _different_files(where: Reader, data: Sequence[str]) -> None:
    """Raises UserError where two entries of `data` are one file, or files of equal lines, packed or
    not: the people in them would count twice."""
    files = [(entry, data_file(entry, where.folder)) for entry in data]
    files = [(entry, file) for entry, file in files if is_file(file)]
    for (one, first), (other, second) in combinations(files, 2):
        if first.samefile(second) or same_lines(first, second):
            what = "are the same file" if first.samefile(second) else "contain the same"
            where.fail(f"data holds {one!r} and {other!r}, which {what}; keep one")


def _models(
    where: Reader, content: Mapping[str, Any], pairs: list[Pair], trajectory: Trajectory | None
) -> tuple[ModelSpec, ...]:
    """Every model once: those of the pairs and of checkpoints, with what [[model]] says of them,
    then the rest."""
    details: dict[str, ModelSpec] = {}
    for entry in where.each(content, "model"):
        if entry["id"] in details:
            where.fail(f"the model {entry['id']!r} appears twice in [[model]]; keep one")
        details[entry["id"]] = ModelSpec(**entry)
    ids = [id_ for pair in pairs for id_ in (pair.base, pair.aligned)]
    if trajectory is not None:
        ids += [trajectory.base, *(one.model for one in trajectory.checkpoints)]
    models = [details.get(id_, ModelSpec(id_)) for id_ in dict.fromkeys([*ids, *details])]
    paths = [(spec, path_of(spec.id)) for spec in models]
    paths = [(spec, path) for spec, path in paths if is_file(path) or is_folder(path)]
    for (one, first), (other, second) in combinations(paths, 2):
        if first.samefile(second) and replace(one, id=other.id) == other:  # no adapter apart
            where.fail(
                f"the models {one.id!r} and {other.id!r} are the same; use one of the two names "
                "throughout"
            )
    return tuple(_relative(spec, where.folder) for spec in models)


def _rules(where: Reader, content: Mapping[str, Any], table: str) -> tuple[Rule, ...]:
    rules = []
    for entry in where.each(content, table):
        patterns = {key: value for key, value in entry.items() if value}
        if not patterns:
            where.fail(f"one [[{table}]] is empty; give it at least one of {', '.join(entry)}")
        rules.append(Rule(table, patterns))
    return tuple(rules)


def _contrasts(where: Reader, content: Mapping[str, Any]) -> tuple[Contrast, ...]:
    made: list[Contrast] = []
    seen = []
    for entry in where.each(content, "contrast"):
        by, control, family = entry["by"], entry["control"], entry["family"]
        if len(by) > 2:
            where.fail(f"by in [[contrast]] has {len(by)} keys; give one or two")
        if len(by) == 1 and isinstance(control, tuple):
            where.fail(
                f"control in [[contrast]] is {as_written(list(control))}, a list, but by is one "
                f"key, {by[0]!r}; give one value"
            )
        if isinstance(control, str):
            control = (control,)
        if control is not None and len(control) != len(by):
            where.fail(
                f"control in [[contrast]] holds {counted(len(control), 'value')} for "
                f"{counted(len(by), 'key')}; give one for each, or leave it out"
            )
        same = frozenset(zip(by, control or (None, None), strict=False)), family
        if same in seen:
            where.fail(f"the contrast by {WITH.join(by)!r} appears twice; keep one")
        seen.append(same)
        made.append(Contrast(by, control, family))
    return tuple(made)


def _relative(spec: ModelSpec, folder: Path) -> ModelSpec:
    """Paths in a study file start at the file's folder."""
    changes: dict[str, str] = {}
    for key in ("adapter", "template"):
        value = getattr(spec, key)
        if value is None:
            continue
        path = folder / path_of(value)
        if is_file(path) or is_folder(path):
            changes[key] = str(path)
            if key == "adapter":
                changes["written"] = value
    return replace(spec, **changes)
