"""Checkpoint by checkpoint: gain on the task, and fidelity to people, on one axis."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from tremble.stats.frames.evidence import Evidence
from tremble.stats.frames.session_responses import Sessions
from tremble.stats.frames.task_answers import TaskAnswers
from tremble.stats.frames.treatments import Contrast
from tremble.stats.progress.changes import levels
from tremble.stats.progress.gain import Estimate, gains
from tremble.stats.progress.line_fidelity import LineFidelity, line_fidelities, subsets_of
from tremble.stats.progress.line_sessions import LineSessions, line_sessions
from tremble.stats.progress.series import Task
from tremble.stats.progress.training import Line, lines_of
from tremble.stats.tables.contrasts import ContrastTables
from tremble.tasks.task_measures import Measure, Sums, dpo_loss, equally_long, loss, measures
from tremble.text import counted, join_notes

Row = dict[str, Any]
_NO_KL = "no KL from the base: its distributions are unavailable, or of another vocabulary"
LOSS, DPO = "loss", "dpo_loss"


@dataclass(frozen=True)
class Training:
    """What the tables of a trajectory are made of: its record (empty: the study has none), what
    people did and models predict, the answers of its task, the study's contrasts and what `said`
    gives of its sessions. What several tables need is made once."""

    record: Mapping[str, Any] = field(default_factory=dict)
    evidence: Evidence = field(default_factory=Evidence)
    answers: TaskAnswers = field(default_factory=TaskAnswers)
    contrasts: Sequence[Contrast] = ()
    said: Callable[[], Sessions | None] = lambda: None

    @cached_property
    def lines(self) -> list[Line]:
        """The runs of which the base and a checkpoint were scored."""
        return [line for line, _ in self._asked if line is not None]

    @property
    def unscored(self) -> dict[str, str]:
        """The other runs, and why they are."""
        return {
            asked.run: f"the base model {asked.models[0]} has no scores"
            if asked.models[0] not in self._scored
            else "no checkpoint but the base model has scores"
            for line, asked in self._asked
            if line is None
        }

    @cached_property
    def _asked(self) -> list[tuple[Line | None, Line]]:
        asked = lines_of(self.record) if self.record else []
        return [(line.among(self._scored), line) for line in asked]

    @cached_property
    def _scored(self) -> set[str]:
        answered = [name for name, sums in self.sums.items() if not sums.missing.all()]
        found = {*self.evidence.predictions["model"].unique(), *answered}
        sessions = self.sessions
        if sessions is not None:
            read = sessions.runs.join(sessions.scored, on="run", how="semi")
            found |= {*read["model"].unique()}
        return found

    @cached_property
    def sums(self) -> dict[str, Sums]:
        return self.answers.sums() if self.answers.known else {}

    @cached_property
    def fidelities(self) -> list[tuple[Line, list[LineFidelity]]]:
        subsets = list(subsets_of(self.evidence)) if self.lines else []
        return [(line, list(line_fidelities(line, subsets))) for line in self.lines]

    @cached_property
    def of_sessions(self) -> list[tuple[Line, list[LineSessions]]]:
        """The lines on the sessions of a study that has some."""
        if self.sessions is None:
            return []
        return [(line, list(line_sessions(line, self.sessions))) for line in self.lines]

    @cached_property
    def sessions(self) -> Sessions | None:
        """None in a study without any that was scored."""
        sessions = self.said() if self.record else None
        return None if sessions is None or sessions.scored.is_empty() else sessions

    @cached_property
    def contrasted(self) -> ContrastTables | None:
        """The contrasts of a study with some. Raises UserError as `ContrastTables`."""
        if not (self.lines and self.contrasts):
            return None
        return ContrastTables(self.evidence, self.contrasts)

    @cached_property
    def _divergences(self) -> dict[str, dict[str, float]]:
        return self.answers.divergences(self.record["base"]) if self.answers.known else {}

    def divergences_of(self, line: Line) -> dict[str, tuple[float, int]]:
        """Of each model of a line that has some the mean over items of KL(model || base), nats, at
        the first token of the answer, and of how many items: those that all of them have."""
        found = {one: self._divergences[one] for one in line.models if one in self._divergences}
        items = set.intersection(*(set(one) for one in found.values())) if found else set()
        if not items:
            return {}
        return {
            model: (float(np.mean([one[item] for item in items])), len(items))
            for model, one in found.items()
        }

    @property
    def gain(self) -> str:
        """What measures the gain on the task, `LOSS` or `DPO`."""
        asked = self.record.get("gain", "auto")
        if asked == "auto":
            return DPO if self.answers.are_pairs else LOSS
        return DPO if asked == "dpo" and self.answers.are_pairs else LOSS

    def measured(self, line: Line) -> list[Measure]:
        """The measure of the gain at each model of a line that has a task."""
        sums = self.sums_of(line)
        if self.gain == LOSS:
            return [loss(one) for one in sums]
        reference = sums[self._reference(line)]
        return [dpo_loss(one, reference, self.record["beta"]) for one in sums]

    def sums_of(self, line: Line) -> list[Sums]:
        """Of each model of a line that has a task; an item that one of them lacks is missing in all
        of them, so that they are measured over the same items."""
        some = [self.sums[name] for name in line.models]
        missing = np.logical_or.reduce([one.missing for one in some])
        return [one.without(missing) for one in some]

    @staticmethod
    def _reference(line: Line) -> int:
        place = line.reference()
        assert place is not None, "there is a task"
        return place

    def has_task(self, line: Line) -> bool:
        """Whether every model of a line has answers of the task."""
        return set(line.models) <= set(self.sums)

    def why_no_task(self, line: Line) -> str:
        """Why `task` is None."""
        if self.answers.known and self.gain == DPO and line.reference() is None:
            return "the model that the last stage starts from has no scores"
        if not self.answers.known:
            return "there is no held-out task"
        lacking = next((name for name in line.models if name not in self.sums), None)
        if lacking is not None:
            return f"{lacking} has no scores of the held-out task"
        if self.cut_otherwise(line):
            return (
                "the tokenizers cut the answers into different numbers of tokens, so losses per "
                "token have no common unit"
            )
        return "no item of the held-out task has scores at every checkpoint"

    def task(self, line: Line) -> Task | None:
        """The gain of a line, larger is better: over the items that count at every model. None
        where there is no task, a model lacks its scores, or no item is left."""
        if not self.has_task(line) or (self.gain == DPO and line.reference() is None):
            return None
        numerators, denominators, counts = self._values(line)
        if not counts.any():
            return None
        clusters = np.asarray(self.answers.clusters, dtype=object)[counts]
        return Task(numerators[:, counts], denominators[counts], clusters.tolist())

    def _values(self, line: Line) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of a line with a task the numerators (models, items) and denominators (items) of T, and
        which items count at every model (items)."""
        made = self.measured(line)
        numerators = np.stack([-one.num for one in made])
        counts = np.logical_and.reduce([one.den > 0 for one in made])
        if self.gain == LOSS:
            counts &= _cut_alike(self.sums_of(line))
        return numerators, made[0].den, counts & np.isfinite(numerators).all(axis=0)

    def cut_otherwise(self, line: Line) -> int:
        """How many items of a line with a task have answers that its tokenizers cut into different
        numbers of tokens, the end of the turn among them: their losses per token have no common
        unit, so they do not count in a gain that is one."""
        if self.gain != LOSS:
            return 0
        some = self.sums_of(line)
        return int((~some[0].missing & ~_cut_alike(some)).sum())

    def rises(self, lines: Sequence[Line]) -> list[np.ndarray]:
        """T less that of the base at every model of each of several lines with a task, in the unit
        of T, over the items that count in all of them; NaN where no item does."""
        parts = [self._values(line) for line in lines]
        counts = np.logical_and.reduce([counts for _, _, counts in parts])
        made = []
        for numerators, denominators, _ in parts:
            below = denominators[counts].sum() if counts.any() else np.nan
            total = numerators[:, counts].sum(axis=1) / below
            made.append(total - total[0])
        return made


def _cut_alike(some: Sequence[Sums]) -> np.ndarray:
    """(items): those whose right answer has as many tokens in each of several models."""
    lengths = np.stack([one.length[:, 0] for one in some])
    return np.asarray((lengths == lengths[0]).all(axis=0))


def place_row(line: Line, place: int) -> Row:
    """What a row says of the checkpoint that it is about."""
    return {
        "run": line.run or None,
        "checkpoint": place,
        "stage": line.stages[place] or None,
        "step": line.steps[place],
        "tokens": line.tokens[place],
        "model": line.models[place],
    }


def fidelity_table(training: Training) -> list[Row]:
    """One row per checkpoint, family, rounds ("all"; "first" and "later" of families with rounds),
    format and wording.

    run, checkpoint (0 is the base), stage, step, tokens, model, family, rounds, format,
    formulation, n (decisions of which every checkpoint of the run says something), r, log_loss
    (nats per decision), mass, changed (the share of decisions whose likeliest option is another
    than the base's) and kl (nats: the divergence of the shares of options from the base's). None
    where r is undefined or nothing is known.
    """
    rows = []
    for line, some in training.fidelities:
        for one in some:
            n = int(one.known.sum())
            columns = {
                "r": levels(one.r),
                "log_loss": levels(one.log_loss),
                "mass": levels(one.mean_mass),
                "changed": one.changed().tolist() if n else [None] * len(line.models),
                "kl": one.kl().tolist() if n else [None] * len(line.models),
            }
            for place in range(len(line.models)):
                rows.append(
                    {
                        **place_row(line, place),
                        "family": one.family,
                        "rounds": one.rounds,
                        "format": one.format,
                        "formulation": one.formulation,
                        "n": n,
                        **{name: values[place] for name, values in columns.items()},
                    }
                )
    return rows


def task_table(training: Training) -> list[Row]:
    """One row per checkpoint: how well it does the held-out task.

    run, checkpoint, stage, step, tokens, model, measure (of the gain: "loss" or "dpo_loss"), g
    (the share of the final gain that is reached; 0 at the base, 1 at the last) with its 95%
    interval g_low and g_high over whole clusters (first turns), loss (nats per answer token); of
    pairs also accuracy, accuracy_per_token, margin (nats), accuracy_shorter and accuracy_longer,
    implicit_accuracy and dpo_loss (nats; against the model that the last stage starts from); items,
    missing (items without a score at some checkpoint of the run, which count at none), ties,
    equally_long (pairs); kl_task: KL(checkpoint || base) in nats over the whole vocabulary at the
    first token of the answer (the direction that RLHF penalises), the mean over kl_task_items
    items, at most 256, None where none has it; and note: why g has no interval, and why kl_task is
    missing.
    """
    rows = []
    for line in training.lines:
        if not training.has_task(line):
            continue
        task = training.task(line)
        progress: Sequence[Estimate | None] = [None] * len(line.models)
        if task is not None:
            progress = gains(task)
        answers = training.sums_of(line)
        start = line.reference()
        reference = None if start is None else answers[start]
        divergences, cut = training.divergences_of(line), training.cut_otherwise(line)
        for place, (sums, g) in enumerate(zip(answers, progress, strict=True)):
            pairs = reference if sums.are_pairs else None
            made = measures(sums, pairs, training.record["beta"])
            kl, kl_items = divergences.get(line.models[place], (None, 0))
            note = training.why_no_task(line) if g is None else g.note
            cut_note = _cut_note(cut) if cut and g is not None else None
            rows.append(
                {
                    **place_row(line, place),
                    "measure": training.gain,
                    "g": None if g is None else g.value,
                    "g_low": None if g is None else g.low,
                    "g_high": None if g is None else g.high,
                    **{name: one.value for name, one in made.items()},
                    "items": made["loss"].counted,
                    "missing": made["loss"].missing,
                    "ties": made["accuracy"].ties if sums.are_pairs else None,
                    "equally_long": equally_long(sums) if sums.are_pairs else None,
                    "kl_task": kl,
                    "kl_task_items": kl_items,
                    "note": join_notes(note, cut_note, None if kl_items else _NO_KL),
                }
            )
    return rows


def _cut_note(cut: int) -> str:
    return (
        f"{counted(cut, 'item')} left out of g: the tokenizers cut the answer into different "
        "numbers of tokens"
    )
