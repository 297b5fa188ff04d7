"""Before anything is spent: what people did, and every prompt of a study as a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import polars as pl

from tremble.errors import UserError
from tremble.models.spec import ModelSpec, model_name
from tremble.prompts import controls, formulations
from tremble.study.cells import Cell, Facts, cells, prompts_key
from tremble.study.context import RunContext
from tremble.study.data import data_fingerprint, decisions_of, nothing_in
from tremble.study.decision_frame import DecisionFrames, decision_parts
from tremble.study.file import Study
from tremble.study.of_sessions import check_sessions
from tremble.study.origins import Origin, prompt_origins
from tremble.study.prompt_table import PromptTable
from tremble.study.render import render
from tremble.study.selection import check_families, of_families, selected
from tremble.study.task_prompts import TaskPrompts, task_prompts
from tremble.tokenization.options import FULL_LABEL


class PreparedPrompts:
    """The cells of a study (`cells`), what people did by entry of `data` (`frames`), the held-out
    `task` of its trajectory (None: it has none), whose cells stand last, and the tables of prompts,
    each made when it is asked for and not in the run's cache.

    Raises UserError for faults of the data, of contrasts, of the task and of what is selected.
    """

    def __init__(self, run: RunContext, facts: Mapping[ModelSpec, Facts]) -> None:
        self.run = run
        self._facts = facts
        data, folder = run.study.data, run.study.folder
        self._fingerprints = {entry: data_fingerprint(entry, folder) for entry in data}
        self.frames = read_data(run.study)
        check_sessions(run.study, self.frames.families())
        self._contrasts = None
        if run.study.contrasts:  # what they are held to takes a second to load
            from tremble.study.contrasts import AskedContrasts

            self._contrasts = AskedContrasts(run.study, self.frames)
        self._keys: dict[Cell, str] = {}
        self.cells = selected(run.study, cells(run.study, facts), self.frames.families())
        self._check_words()
        self.task = task_prompts(run.study, facts)
        if self.task is not None:
            self.cells += self.task.cells

    def _check_words(self) -> None:
        """Raises UserError where wordings or controls of the user or of packages show what a person
        could not see. Most studies have none, and load nothing for it."""
        study = self.run.study
        if study.own.wordings or study.own.controls:
            from tremble.study.own_check import check_own

            check_own(study, self.cells, self.run.notify)
        if formulations.EXTENSIONS.names() or controls.EXTENSIONS.names():
            from tremble.study.package_check import check_packages

            check_packages(study, self.cells)

    def decisions(self, cell: Cell) -> pl.DataFrame:
        """What people did in the decisions of a cell; of a task its answers."""
        if (task := self._task_of(cell)) is not None:
            return task.items
        frame = self.frames[cell.dataset]
        if cell.families is None:
            return frame
        return frame.filter(pl.col("family").is_in(cell.families))

    def count(self, some: Iterable[Cell]) -> int:
        """How many prompts some cells have, one for each decision and presentation, or answer."""
        return sum(map(self._count_one, some))

    def _count_one(self, cell: Cell) -> int:
        if (task := self._task_of(cell)) is not None:
            return task.prompts
        return sum(
            count
            for family, count in self.frames.presentations[cell.dataset].items()
            if cell.families is None or family in cell.families
        )

    def _task_of(self, cell: Cell) -> TaskPrompts | None:
        return self.task if cell.task else None

    def table(self, cell: Cell) -> PromptTable:
        """The prompts of a cell; the run's progress is told of as many as it has, whatever comes of
        them.

        Raises UserError for the first decision that cannot be read or tokenised.
        """
        facts, left = self._facts[cell.model], self.count([cell])
        cache, progress = self.run.cache, self.run.progress
        task = self._task_of(cell)
        if task is not None:
            key = task.key(facts)
        else:
            data = self._fingerprints[cell.dataset]
            key = prompts_key(self.run.study, cell, facts, data, self.origins(cell))

        def advance(prompts: int) -> None:
            nonlocal left
            left -= prompts
            progress.advance(prompts)

        try:
            if not cache.has(key):
                tokenizer = self.run.opened(cell.model).tokenizer
                if task is not None:
                    made = task.render(tokenizer, facts.window)
                else:
                    made = render(self.run.study, cell, tokenizer, advance, facts.window)
                cache.add(key, made)
        finally:
            progress.advance(left)
        self._keys[cell] = key
        return self.made(cell)

    def origins(self, cell: Cell) -> tuple[Origin, ...]:
        """The packages that what the prompts of a cell are made with comes from."""
        if cell.task:
            return ()
        there = self.frames.games[cell.dataset]
        families = there if cell.families is None else there.intersection(cell.families)
        return prompt_origins(cell.dataset, families, cell.asked)

    def made(self, cell: Cell) -> PromptTable:
        """The prompts of a cell that `table` was asked for before, wherever they lie now."""
        reading = FULL_LABEL if cell.task else self.run.study.how_read(cell.asked).reading
        return self.run.cache.table(self._keys[cell], reading)

    def check_contrasts(self, some: Iterable[Cell]) -> None:
        """Raises UserError where a contrast of the study does not reach the prompts of some cells,
        of which `table` was asked before."""
        if self._contrasts is not None:
            self._contrasts.check((cell, self.made(cell)) for cell in some)

    def check_data(self) -> None:
        """Raises UserError where data changed since they were first read."""
        for entry, before in self._fingerprints.items():
            if data_fingerprint(entry, self.run.study.folder) != before:
                raise UserError(
                    f"The data {entry!r} changed while they were read; run the command again."
                )


def prepare_prompts(run: RunContext, facts: Mapping[ModelSpec, Facts]) -> PreparedPrompts:
    """What people did and the prompts of all cells.

    Every prompt was rendered, tokenised and held to the window by then. Raises UserError for the
    first prompt that cannot be scored, before anything is spent.
    """
    prepared = PreparedPrompts(run, facts)
    run.progress.prepare(prepared.count(prepared.cells))
    warned: set[str] = set()
    for cell in prepared.cells:
        table = prepared.table(cell)
        window = facts[cell.model].window
        if window is not None and run.study.too_long == "error":
            _refuse_too_long(cell, table, window)
        if cell.dataset not in warned and (doubt := table.warning()) is not None:
            warned.add(cell.dataset)
            run.notify(f"Warning: {doubt[0]}: {doubt[1]}")
    prepared.check_contrasts(cell for cell in prepared.cells if not cell.task)
    prepared.check_data()
    return prepared


def _refuse_too_long(cell: Cell, table: PromptTable, window: int) -> None:
    """Raises UserError for the first prompt of a cell that is longer than the model's window."""
    longer = table.too_long(window)
    if longer is not None:
        raise UserError(
            f"The prompt of {longer[0]!r} has {longer[1]} tokens, but "
            f"{model_name(cell.model)} takes {window}; leave that decision out, or "
            'set too_long = "missing" in [run] to count such prompts as missing.'
        )


def read_data(study: Study) -> DecisionFrames:
    """What people did, by entry of `data`, in the families asked for. Raises UserError for empty
    data, for equal ids, for families that are not there, and for participants where the study has
    `one_decision_each`."""
    frames = DecisionFrames()
    families: dict[str, dict[str, None]] = {entry: {} for entry in study.data}
    for entry in study.data:
        decisions = of_families(
            study.families, decisions_of(entry, study.folder, study.part), families[entry]
        )
        frames.add(entry, decision_parts(decisions, study.counterbalance))
        if not families[entry]:
            raise nothing_in(entry, study.folder, study.part)
        if study.one_decision_each:
            _refuse_participants(frames, entry)
        if len(frames) > 1:
            _refuse_equal_ids(frames, entry)
    check_families(study.families, families)
    return frames


def _refuse_participants(frames: DecisionFrames, entry: str) -> None:
    """Raises UserError where decisions of an entry name their participants."""
    named = frames[entry].filter(pl.col("participant").is_not_null())
    if named.height:
        decision, participant = named.select("decision", "participant").row(0)
        raise UserError(
            f"one_decision_each = true in [study], but the decision {decision!r} in {entry!r} is "
            f"of the participant {participant!r}; leave one_decision_each out if participants are "
            "known."
        )


def _refuse_equal_ids(frames: DecisionFrames, entry: str) -> None:
    """Raises UserError where decisions of an entry have ids that an earlier one has."""
    ids = frames.ids(entry)
    for where in frames:
        if where == entry:
            return
        twice = ids.join(frames.ids(where), on="decision", how="semi", maintain_order="left")
        if twice.height:
            raise UserError(
                f"The id {twice['decision'][0]!r} appears in {where!r} and in {entry!r}; give "
                "every decision of a study its own id."
            )
