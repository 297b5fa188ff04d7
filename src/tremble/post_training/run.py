"""A recipe to finished checkpoints: the whole way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tremble.disk.temporary import sweep
from tremble.disk.whole import write_text
from tremble.engines.open import give_memory_back
from tremble.errors import UserError
from tremble.models.device import check_device
from tremble.models.files import ADAPTER_CONFIG, Notify
from tremble.models.open import is_made_up, open_tokenizer, source_of
from tremble.models.spec import ModelSpec, RunOptions
from tremble.post_training.history import write_history
from tremble.post_training.order import in_training
from tremble.post_training.recipe import REFERENCE, Recipe, RunRecipe, StageRecipe
from tremble.post_training.record import (
    HELD_OUT,
    RECORD,
    Known,
    base_name,
    check_same,
    held_out_lines,
    read_record,
    record_of,
    write_record,
)
from tremble.post_training.reference import reference_of
from tremble.post_training.samples import Sample, Samples, key_of, samples_of, without
from tremble.post_training.saving import State, checkpoint_name, run_place
from tremble.prompts.chat import NAMED, template_of
from tremble.stats.inference.intervals import FEW_CLUSTERS
from tremble.stats.progress.stop import MIN_CHECKPOINTS
from tremble.store.lock import locked
from tremble.store.provenance import slug
from tremble.study.progress import Progress
from tremble.tasks.task_measures import CHOSEN, REJECTED, Floats
from tremble.text import counted, some_of

_LOST = 0.05  # of a change that a checkpoint may lose without a word
_KEYS = 6  # of data that are not read: so many are named


@dataclass(frozen=True, slots=True)
class Aligned:
    """A finished training: its `folder`, the base as it can be opened, and its checkpoints in
    order, as paths in the folder."""

    folder: Path
    base: str
    checkpoints: tuple[str, ...]


def look_at(recipe: Recipe, notify: Notify) -> Known:
    """The model, the template and the samples of a recipe, before anything is trained or written.
    No weights are loaded.

    Raises UserError for whatever is wrong with them.
    """
    if is_made_up(recipe.base):
        raise UserError(
            f"base in [align] is {recipe.base!r}, a built-in fake model, which cannot be trained; "
            "give a model with weights."
        )
    spec, options = _base(recipe)
    check_device(options, "machine")
    files = source_of(spec.id).files(spec, notify)
    if files.adapter is not None:
        raise UserError(
            f"base in [align] is {recipe.base!r}, an adapter; merge it into its model, and give "
            "the folder of the merged model."
        )
    opened = open_tokenizer(spec, options, notify)
    if recipe.template is None and opened.tokenizer.template is None:
        raise UserError(
            f"base in [align] is {recipe.base!r}, which has no chat template; set template in "
            f"[align]: {', '.join(NAMED)}, or a jinja file."
        )
    template = template_of(recipe.template, opened.tokenizer, recipe.base)
    most = recipe.max_tokens
    if opened.window is not None and most > opened.window:
        raise UserError(
            f"max_tokens in [align] is {most}, but the window of {recipe.base!r} is "
            f"{opened.window:,} tokens; give at most that."
        )
    found = [
        samples_of(stage, opened.tokenizer, template, most, recipe.seed) for stage in recipe.stages
    ]
    for place in range(len(found) - 1):
        found[place] = without(found[place], found[-1].held_out)
    steps = tuple(
        stage.steps_over(len(one.training)) for stage, one in zip(recipe.stages, found, strict=True)
    )
    for stage, count in zip(recipe.stages, steps, strict=True):
        stage.kept(count)  # raises for a step beyond the end
    identity = source_of(spec.id).identity(spec, options, notify)
    return Known(recipe, identity, opened.tokenizer.key, template, tuple(found), steps)


def post_train(known: Known, folder: Path, notify: Notify, progress: Progress) -> Aligned:
    """Train by a recipe in a folder, from where an earlier run of the same recipe stopped.

    Raises UserError for a folder that holds something else or another recipe's training, for a loss
    that is no number, and where nothing can be written.
    """
    from tremble.post_training.trainers import check_installed

    check_installed()
    _check_folder(folder)
    with locked(folder), _threads(known.recipe.threads):
        record = _begun(known, folder, notify)
        for sentence in sentences(known):
            notify(sentence)
        return _Training(known, folder, record, notify, progress).whole()


@contextmanager
def _threads(count: int | None) -> Iterator[None]:
    """So many threads for a while, if it is said."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(before if count is None else count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _begun(known: Known, folder: Path, notify: Notify) -> dict[str, Any]:
    """The record of the training in a folder, with all that stands beside it."""
    record = record_of(known, folder)
    before = read_record(folder) if _has_trained(folder) else None
    if before is not None:
        for sentence in check_same(before, record, folder):
            notify(sentence)
        # The base may have moved since; that it is the same, `check_same` has seen.
        record = {**before, "base_at": record["base_at"], "runs": record["runs"]}
    if record != before:
        write_record(folder, record)
    if before is None:
        (folder / HELD_OUT).unlink(missing_ok=True)
    if before is None or record["runs"] != before["runs"]:
        write_text(folder / "recipe.toml", known.recipe.text)
    if held := held_out_lines(known.samples[-1].held_out):
        place = folder / HELD_OUT
        if not place.is_file() or place.read_bytes() != held.encode():
            write_text(place, held)
    return record


def _has_trained(folder: Path) -> bool:
    """Whether there is something to go on with: else a recipe may still change."""
    kinds = (".state/*/step-*", "*/checkpoint-*", "*/*/checkpoint-*")
    return any(True for kind in kinds for _ in folder.glob(kind))


def sentences(known: Known) -> list[str]:
    """What a user should know of the samples of each stage."""
    said = []
    for stage, samples, steps in zip(known.recipe.stages, known.samples, known.steps, strict=True):
        out = [f"{count} {reason}" for reason, count in samples.dropped.items()]
        apart = f"; left out: {', '.join(out)}" if out else ""
        held = f", {len(samples.held_out)} held out" if samples.held_out else ""
        said.append(
            f"{stage.name.upper()}: {counted(len(samples.training), 'sample')} from "
            f"{Path(stage.data).name!r}{held}{apart}. {counted(steps, 'step')} of "
            f"{stage.batch}; checkpoints at {some_of(map(str, stage.kept(steps)), 0)}."
        )
        if unread := samples.task.unread:
            keys = some_of(map(repr, unread[:_KEYS]), len(unread) - _KEYS)
            said.append(f"Keys in {Path(stage.data).name!r} that are not read: {keys}.")
    if len(known.recipe.runs) > 1:
        runs = counted(len(known.recipe.runs), "run")
        said.append(f"{known.recipe.last.name.upper()} is trained in {runs}.")
    return [*said, *_no_stop(known)]


def _no_stop(known: Known) -> list[str]:
    """Why `tremble trajectory` will not be able to recommend a stop, while it can be helped."""
    last, held_out = known.recipe.last, known.samples[-1].held_out
    turns = len({one.cluster for one in held_out})
    steps = zip(known.recipe.stages, known.steps, strict=True)
    checkpoints = sum(len(stage.kept(count)) for stage, count in steps)
    said = []
    if not turns:
        said.append(
            "Nothing is held out, so `tremble trajectory` will have no task to measure the gain "
            f"on; set held_out in [{last.name}]."
        )
    elif turns < FEW_CLUSTERS:
        said.append(
            f"What is held out has {counted(turns, 'first turn')}; for a stop `tremble trajectory` "
            f"needs {FEW_CLUSTERS}, so set a larger held_out in [{last.name}]."
        )
    if checkpoints + 1 < MIN_CHECKPOINTS:
        said.append(
            f"There {'is' if checkpoints == 1 else 'are'} {counted(checkpoints, 'checkpoint')}; "
            f"for a stop `tremble trajectory` needs {MIN_CHECKPOINTS - 1} beside the base."
        )
    return said


def as_json(known: Known) -> dict[str, Any]:
    """name, base, runs and stages (data, training_items, held_out_items, dropped, unused, steps,
    checkpoints and what the recipe asks for), as in the record of the training."""
    record = record_of(known, Path())
    return {key: record[key] for key in ("name", "base", "seed", "adapter", "stages", "runs")}


def places(recipe: Recipe, folder: Path) -> list[tuple[str, str, Path]]:
    """Stage, run and folder of all that a recipe trains, in order."""
    shared = [RunRecipe("", recipe.seed, stage) for stage in recipe.stages[:-1]]
    return [
        (run.stage.name, run.name, folder / run_place(run.stage.name, run.name))
        for run in (*shared, *recipe.runs)
    ]


def _base(recipe: Recipe) -> tuple[ModelSpec, RunOptions]:
    return ModelSpec(recipe.base), RunOptions(device=recipe.device)


def _check_folder(folder: Path) -> None:
    """Raises UserError for a folder that is no training's and is not empty."""
    sweep(folder)  # a run that was killed as it began leaves no more than this
    if folder.is_dir() and not (folder / RECORD).is_file():
        other = [path.name for path in folder.iterdir() if path.name != ".lock"]
        if other:
            raise UserError(
                f"The folder {str(folder)!r} is not empty ({sorted(other)[0]!r}) and holds no "
                f"training; give another --out."
            )
    elif folder.exists() and not folder.is_dir():
        raise UserError(f"--out {str(folder)!r} is a file; give a folder.")


class _Training:
    """One training in its folder."""

    def __init__(
        self,
        known: Known,
        folder: Path,
        record: dict[str, Any],
        notify: Notify,
        progress: Progress,
    ) -> None:
        self.known, self.folder, self.record = known, folder, record
        self.notify, self.progress = notify, progress

    def whole(self) -> Aligned:
        recipe, start = self.known.recipe, None
        made: list[str] = []
        for place, stage in enumerate(recipe.stages[:-1]):
            run = RunRecipe("", recipe.seed, stage)
            made += self._stage(place, run, start)
            start = self.folder / made[-1]
        for run in recipe.runs:
            made += self._stage(len(recipe.stages) - 1, run, start)
        return Aligned(self.folder, recipe.base, tuple(made))

    def _stage(self, place: int, run: RunRecipe, start: Path | None) -> list[str]:
        """The checkpoints of one stage, trained where they are not there yet."""
        stage, steps = run.stage, self.known.steps[place]
        name = run_place(stage.name, run.name)
        label = stage.name.upper() + (f", {run.name}" if run.name else "")
        folder = self.folder / name
        kept = stage.kept(steps)
        made = [f"{name}/{checkpoint_name(step)}" for step in kept]
        state = State(self.folder / ".state" / slug(name))
        newest = state.newest()
        gone = [step for step in kept if not _is_there(folder, step)]
        if name in self.record["stages_done"] and not gone:
            state.remove()
            self.notify(f"{label}: already trained.")
            return made
        if newest is not None and gone and gone[0] <= newest[0]:
            # A checkpoint before it is not there any more, so it is all trained once more.
            state.remove()
            newest = None
        samples = self.known.samples[place]
        order = in_training(
            samples.training, steps * stage.batch, run.seed, bool(stage.shuffle_preferences)
        )
        reference = self._reference(samples, order, start) if stage.name == "dpo" else None
        done = 0 if newest is None else newest[0]
        if done:
            self.notify(f"{label}: goes on after step {done}.")
        self.progress.start(label, steps - done)
        self.progress.measure(sum(one.tokens for one in order[done * stage.batch :]))
        trained = self._train(run, order, reference, state, start)
        write_history(folder, trained.history)
        self.record["stages_done"][name] = {
            "path": trained.path,
            "why_plain": trained.why_plain,
            "tokens": sum(one.tokens for one in order),
            "order": key_of(order),
        }
        write_record(self.folder, self.record)
        state.remove()
        if trained.why_plain is not None:
            self.notify(
                f"{label}: every answer was computed on its own, which is slower "
                f"({trained.why_plain})."
            )
        share, step = trained.lost
        if share > _LOST:
            self.notify(
                f"{label}: in checkpoint {step} the error of {self.known.recipe.adapter.dtype} is "
                f"{100 * share:.0f}% of what had been learnt until then; write dtype = "
                '"float32" in [adapter], and give another --out.'
            )
        return made

    def _train(
        self,
        run: RunRecipe,
        order: list[Sample],
        reference: Floats | None,
        state: State,
        start: Path | None,
    ) -> Any:
        from tremble.engines.weights import load_weights
        from tremble.post_training.trainers import StageJob, train

        recipe, stage = self.known.recipe, run.stage
        spec, options = _base(recipe)
        ready = source_of(spec.id).ready(spec, options, self.notify)
        per_step = [
            sum(one.tokens for one in order[at : at + stage.batch])
            for at in range(0, len(order), stage.batch)
        ]
        job = StageJob(
            stage,
            recipe.adapter,
            run.seed,
            order,
            reference,
            len(per_step),
            stage.kept(len(per_step)),
            self.folder / run_place(stage.name, run.name),
            state,
            start,
            base_name(recipe.base),
            self.known.template.text,
            recipe.device,
            _together(recipe, stage),
            lambda step, _: self.progress.advance(1, per_step[step - 1]),
        )
        weights = load_weights(ready, options)
        try:
            return train(job, weights.model, ready.tokenizer.inner)
        finally:
            del weights
            give_memory_back()

    def _reference(self, samples: Samples, order: list[Sample], start: Path | None) -> Floats:
        """The log-probabilities of the answers in training order, under the model that the stage
        starts from."""
        spec, options = _base(self.known.recipe)
        if start is not None:
            spec = ModelSpec(str(start), base=spec.id)
        place = self.folder / "dpo" / REFERENCE
        pairs = samples.training
        found = reference_of(spec, options, pairs, place, self.notify, self.progress)
        rows = {one.item.id: row for one, row in zip(samples.training, found, strict=True)}
        turned = {one.item.id: one.answers for one in samples.training}
        return np.array(
            [
                rows[one.item.id][
                    [CHOSEN, REJECTED] if one.answers == turned[one.item.id] else [REJECTED, CHOSEN]
                ]
                for one in order
            ]
        )


def _is_there(folder: Path, step: int) -> bool:
    return (folder / checkpoint_name(step) / ADAPTER_CONFIG).is_file()


def _together(recipe: Recipe, stage: StageRecipe) -> int:
    """Samples in one pass: a divisor of the batch."""
    asked = recipe.together or (1 if recipe.device == "cpu" else stage.batch)
    return max(one for one in range(1, min(asked, stage.batch) + 1) if stage.batch % one == 0)
