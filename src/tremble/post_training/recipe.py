"""A recipe: what is trained on what, and how."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from tremble.disk.paths import is_file, is_folder, path_of
from tremble.errors import UserError
from tremble.post_training.schema import ALL, CHECKPOINTS, HELD_OUT, RECIPE
from tremble.post_training.steps import kept_steps
from tremble.settings.reader import Reader
from tremble.settings.toml import content_of, text_in
from tremble.store.provenance import slug

StageName = Literal["sft", "dpo"]
_ORDER: tuple[StageName, ...] = ("sft", "dpo")
REFERENCE = "reference.parquet"  # beside the runs of DPO
_SINGLE = ("align", "adapter", "machine", *_ORDER)


@dataclass(frozen=True, slots=True)
class AdapterRecipe:
    """A LoRA adapter; `dtype` of its checkpoints on disk, which in training are float32."""

    rank: int
    alpha: float
    dropout: float
    targets: tuple[str, ...]
    dtype: str

    @property
    def target_modules(self) -> str | list[str]:
        """As peft takes it."""
        return ALL if self.targets == (ALL,) else list(self.targets)


@dataclass(frozen=True, slots=True)
class StageRecipe:
    """One stage. `data` is a path as seen from the current folder, `held_out` a number of samples
    or such a path; `samples`: at most so many; `steps` None: `epochs` passes over the samples.
    `checkpoints`: how many are kept, or which steps. `beta`, `loss` and `shuffle_preferences` are
    DPO's; a stage of demonstrations has None."""

    name: StageName
    data: str
    samples: int | None
    held_out: int | str
    steps: int | None
    epochs: int
    batch: int
    learning_rate: float
    schedule: str
    warmup: float
    checkpoints: int | tuple[int, ...]
    beta: float | None = None
    loss: str | None = None
    shuffle_preferences: bool | None = None

    def steps_over(self, samples: int) -> int:
        """How many steps it takes over so many samples."""
        return self.steps or max(1, -(-samples * self.epochs // self.batch))

    def kept(self, steps: int) -> tuple[int, ...]:
        """The steps of which checkpoints are kept, of so many. Raises UserError for one beyond."""
        if isinstance(self.checkpoints, int):
            return kept_steps(steps, self.checkpoints)
        if self.checkpoints[-1] > steps:
            raise UserError(
                f"checkpoints in [{self.name}] has step {self.checkpoints[-1]}, but the stage ends "
                f"at step {steps}; leave it out, or train longer."
            )
        return tuple(sorted({*self.checkpoints, steps}))


@dataclass(frozen=True, slots=True)
class RunRecipe:
    """One run of the last stage; `name` is "" where there is only one."""

    name: str
    seed: int
    stage: StageRecipe


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a recipe asks for, and its `text`. `base` and `template` are as the user wrote them,
    files as seen from the current folder; `stages` in their order; `runs` those of the last stage.
    `together`: samples in one pass, None for what the device does best."""

    text: str
    name: str
    base: str
    template: str | None
    seed: int
    max_tokens: int
    adapter: AdapterRecipe
    stages: tuple[StageRecipe, ...]
    runs: tuple[RunRecipe, ...]
    device: str = "cpu"
    threads: int | None = None
    together: int | None = None

    @property
    def last(self) -> StageRecipe:
        """The last stage, as written for all runs."""
        return self.stages[-1]


def read_recipe(source: str) -> Recipe:
    """The recipe in a TOML file; paths in it start at its folder.

    Raises UserError for a missing file, text that is not TOML, unknown keys and wrong values, and
    for a recipe without a stage or with two runs that would share a folder.
    """
    path = path_of(source)
    if is_folder(path):
        raise UserError(f"{source!r} is a folder; give a recipe, which is a TOML file.")
    if not is_file(path):
        raise UserError(f"There is no recipe {source!r}; check the path.")
    return recipe_of(text_in(path), path)


def recipe_of(text: str, path: Path) -> Recipe:
    """The recipe in a text, as `read_recipe`. `path`: what errors call it; its name is the default
    of `name`, and paths in the text start at its folder."""
    content = content_of(text, path, "a recipe")
    reader = Reader(path, RECIPE)
    reader.known(content, [*_SINGLE, "run"])
    if "align" not in content:
        reader.fail("there is no [align]; add it with the base, the model that is trained")
    general = reader.one(content, "align")
    machine = reader.one(content, "machine")
    stages = tuple(_stage(reader, content, name) for name in _ORDER if name in content)
    if not stages:
        reader.fail("there is no stage; add [sft] with demonstrations, [dpo] with pairs, or both")
    if general["template"] is not None:
        general["template"] = _here(reader, general["template"])
    general["base"] = _here(reader, general["base"])
    general["name"] = general["name"] or path.stem
    runs = _runs(reader, content, stages[-1], general["seed"])
    adapter = AdapterRecipe(**reader.one(content, "adapter"))
    if adapter.dropout == 1:
        reader.fail("dropout in [adapter] is 1; it must be less, such as 0.05")
    return Recipe(text, **general, adapter=adapter, stages=stages, runs=runs, **machine)


def _stage(reader: Reader, content: Mapping[str, Any], name: StageName) -> StageRecipe:
    values = reader.one(content, name)
    values["data"] = _file(reader, values["data"], f"data in [{name}]")
    values["held_out"] = _held_out(reader, values["held_out"], name)
    values["checkpoints"] = _checkpoints(reader, values["checkpoints"], name)
    return StageRecipe(name, **values)


def _runs(
    reader: Reader, content: Mapping[str, Any], stage: StageRecipe, seed: int
) -> tuple[RunRecipe, ...]:
    entries = reader.each(content, "run")
    if not entries:
        return (RunRecipe("", seed, stage),)
    made: dict[str, RunRecipe] = {}
    for entry in entries:
        name, own = entry.pop("name").strip(), entry.pop("seed")
        if not name or {"/", "\\"} & set(name):
            reader.fail(f"name in [[run]] is {name!r}; it must be a text without slashes")
        folder = slug(name).lower()  # for some systems A and a are one folder
        if folder == REFERENCE:
            reader.fail(
                f"name in [[run]] is {name!r}, a file beside the folders of runs; give another"
            )
        if folder in made:
            reader.fail(
                f"name in [[run]] is {name!r}, and the run {made[folder].name!r} would be in the "
                "same folder; give each run a name of its own, in letters and digits"
            )
        given = {key: value for key, value in entry.items() if value is not None}
        if stage.name == "sft" and set(given) - {"learning_rate"}:
            key = min(set(given) - {"learning_rate"})
            reader.fail(f"{key} in [[run]] is about [dpo], which the recipe does not have")
        made[folder] = RunRecipe(name, seed if own is None else own, replace(stage, **given))
    return tuple(made.values())


def _held_out(reader: Reader, value: Any, table: str) -> int | str:
    """A number of samples, or the file that they are in."""
    several = not isinstance(value, str)
    path = None if several else reader.folder / path_of(value)
    if not several and value.isdecimal():
        return int(value)
    if path is None or not is_file(path):
        shown = list(value) if several else repr(value)
        none = "" if several else ", and there is no such file"
        reader.fail(f"held_out in [{table}] is {shown}; it must be {HELD_OUT}{none}")
    return path.as_posix()


def _checkpoints(reader: Reader, value: Any, table: str) -> int | tuple[int, ...]:
    """How many, or the steps in order."""
    several = (value,) if isinstance(value, str) else tuple(value)
    if not all(one.isdecimal() and 0 < int(one) < 2**31 for one in several):
        shown = value if isinstance(value, str) else list(value)
        reader.fail(f"checkpoints in [{table}] is {shown}; it must be {CHECKPOINTS}")
    return int(value) if isinstance(value, str) else tuple(sorted({int(one) for one in several}))


def _file(reader: Reader, written: str, what: str) -> str:
    """The path of a file as seen from the current folder. Raises UserError where there is none."""
    path = reader.folder / path_of(written)
    if not is_file(path):
        hub = re.fullmatch(r"[\w-]+/[\w.-]+(?<!\.jsonl)(?<!\.gz)", written) is not None
        hub = hub and not is_folder(path.parent)
        reader.fail(
            f"{what} is {written!r}, and there is no such file; check the path"
            + (", or save a data set of the hub as a file (docs/align.md#data)" if hub else "")
        )
    return path.as_posix()


def _here(reader: Reader, name: str) -> str:
    """A file or folder as seen from the current folder; a name of another kind as it is."""
    path = reader.folder / path_of(name)
    return path.as_posix() if is_file(path) or is_folder(path) else name
