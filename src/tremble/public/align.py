"""Post-training from Python, as `tremble align` does it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from tremble.disk.paths import path_of
from tremble.post_training.history import read_histories
from tremble.post_training.recipe import Recipe, read_recipe, recipe_of
from tremble.post_training.run import Aligned, look_at, places, post_train
from tremble.public.options import tables_text
from tremble.public.progress import shown
from tremble.public.words import in_python
from tremble.store.provenance import slug
from tremble.text import counted


class Training:
    """A finished training, as `tr.align` returns it. Its folder goes into `tr.trajectory`.

    >>> import tremble as tr
    >>> recipe = {"align": {"base": "embedded/gemma-3-270m"}, "dpo": {"data": "pairs.jsonl"}}
    >>> tr.align(recipe)
    Traceback (most recent call last):
    tremble.errors.UserError: recipe: data in [dpo] is 'pairs.jsonl', and there is no such file; \
check the path.
    """

    def __init__(self, recipe: Recipe, made: Aligned, notes: Sequence[str]) -> None:
        """What `tr.align` calls."""
        self._recipe, self._made, self._notes = recipe, made, tuple(notes)

    @property
    def folder(self) -> Path:
        """Where it is: checkpoints, record, steps and what was held out (docs/align.md)."""
        return self._made.folder

    @property
    def base(self) -> str:
        """The model that was trained, as `[[model]]` takes it."""
        return self._made.base

    @property
    def checkpoints(self) -> tuple[Path, ...]:
        """The folders of the checkpoints, in the order of training."""
        return tuple(self.folder / one for one in self._made.checkpoints)

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences on the samples and on how it went."""
        return self._notes

    @cached_property
    def steps(self) -> pl.DataFrame:
        """What each step said, a row each: stage, run ("" where there is one), step, loss,
        gradient (its norm), learning_rate; of DPO also accuracy, margin, chosen and rejected.
        Raises UserError for a damaged table."""
        return read_histories(places(self._recipe, self.folder))

    def __repr__(self) -> str:
        stages = ", then ".join(one.name.upper() for one in self._recipe.stages)
        runs = len(self._recipe.runs)
        each = f" in {counted(runs, 'run')}" if runs > 1 else ""
        count = counted(len(self._made.checkpoints), "checkpoint")
        name = f"Training {self._recipe.name!r} of {self.base} in {self.folder}"
        return f"<{name}: {stages}{each}, {count}>"


@in_python()
def align(
    recipe: str | os.PathLike[str] | Mapping[str, Any],
    out: str | os.PathLike[str] | None = None,
    progress: bool = True,
) -> Training:
    """Train an adapter by a recipe (SFT, then DPO), and keep checkpoints on the way.

    `recipe`: a TOML file (docs/align.md), whose paths start at its folder; or a dict of its tables,
    whose paths start at the current folder. `out`: the folder of the training, by default named
    after the recipe (`recipe` where a dict has no name). Run the same line again to resume. Needs
    `pip install "tremble[align]"`.

    Raises UserError for errors in the recipe, its model or its data, and MissingExtra.

    >>> import tremble as tr
    >>> tr.align("mine.toml")
    Traceback (most recent call last):
    tremble.errors.UserError: There is no recipe 'mine.toml'; check the path.
    """
    if isinstance(recipe, Mapping):
        asked = recipe_of(tables_text(recipe), Path("recipe"))
    else:
        asked = read_recipe(os.fspath(recipe))
    folder = Path(slug(asked.name)) if out is None else path_of(out)
    said: list[str] = []
    with shown(progress, "step") as bar:
        made = post_train(look_at(asked, said.append), folder, said.append, bar)
    return Training(asked, made, said)
