"""The prompts of a held-out task: one for each answer, in one template for all checkpoints."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property

import polars as pl

from tremble.decisions.record import Decision
from tremble.disk.paths import path_of
from tremble.errors import UserError
from tremble.models.spec import ModelSpec
from tremble.prompts.asked import Asked
from tremble.prompts.chat import Template, template_of
from tremble.prompts.sandbox import FROZEN_DATE
from tremble.study.cells import Cell, Facts, given_template, template_lender, trajectory_models
from tremble.study.columns import in_parts
from tremble.study.data import decisions_of
from tremble.study.draft import Draft
from tremble.study.file import Study
from tremble.study.prompt_cache import table_key
from tremble.study.prompt_table import PromptTable
from tremble.study.table_builder import TableBuilder
from tremble.tasks.task_file import Item, Task, doubled, prompt_marks, read_task, shared_with
from tremble.tasks.task_paths import task_paths
from tremble.text import counted
from tremble.tokenization.options import FULL_LABEL, Tokenizer, TokenPaths, unread
from tremble.tokenization.refusal import Refusal

FAMILY = "task"  # what stands as family in the rows of answers
ANSWER = "task-answer"  # and as formulation: no wording can be called so
_SIDES = {1: ("answer",), 2: ("chosen", "rejected")}
_TOGETHER = 256  # items


class TaskPrompts:
    """The held-out task of a study's trajectory, and the cells in which its checkpoints and their
    base read it. Raises UserError for a task file that cannot be used, and for a template that
    cannot be had."""

    def __init__(self, study: Study, facts: Mapping[ModelSpec, Facts]) -> None:
        assert study.trajectory is not None and study.trajectory.task is not None
        self.entry: str = study.trajectory.task
        self.task: Task = read_task(study.folder / path_of(self.entry))
        check_gain(study.trajectory.gain, self.task)
        models = [spec for spec in trajectory_models(study) if spec in facts]
        self.template = _template(study, models, facts)
        format_ = "plain" if self.template is None else "chat"
        self.cells = [
            Cell(model, format_, self.template, None, self.entry, Asked(ANSWER), task=True)
            for model in models
        ]

    @property
    def prompts(self) -> int:
        """How many prompts a cell has: one for each answer."""
        return sum(len(item.answers) for item in self.task.items)

    def key(self, facts: Facts) -> str:
        """The key of the prompts for one tokenizer and window."""
        template = self.template
        return table_key(
            {
                "task": self.task.key,
                "template": None if template is None else [template.text, dict(template.special)],
                "date": FROZEN_DATE.isoformat(),
                "tokenizer": facts.key,
                "bos": facts.bos,
                "special": dict(facts.special),
                "special_texts": list(facts.special_texts),
                "window": facts.window,
            }
        )

    def render(self, tokenizer: Tokenizer, window: int | None) -> Iterator[pl.DataFrame]:
        """The prompts of a cell as the parts of a table. An item that is refused, such as one over
        the window, has rows with the reason, for all of its answers."""
        return in_parts(self._rows(tokenizer, window))

    def _rows(self, tokenizer: Tokenizer, window: int | None) -> Iterator[pl.DataFrame]:
        paths: dict[str, TokenPaths] = {}
        builder = TableBuilder(lambda drafts: [paths[one.decision.id] for one in drafts])
        yield builder.rows(())
        for start in range(0, len(self.task.items), _TOGETHER):
            some = self.task.items[start : start + _TOGETHER]
            paths.clear()
            for one in task_paths(some, tokenizer, self.template, window):
                made = one.paths
                if (refused := one.refused) is not None:
                    why = Refusal(refused.kind, refused.reason)
                    made = (unread(why, FULL_LABEL),) * len(one.item.answers)
                paths.update(zip(_ids(one.item), made, strict=True))
            yield builder.rows([_draft(item, at) for item in some for at in _places(item)])

    @cached_property
    def items(self) -> pl.DataFrame:
        """A row for each answer: decision (as its scores have it), item, cluster, subset, side
        ("chosen" and "rejected", or "answer")."""
        rows = [
            {
                "decision": name,
                "item": item.id,
                "cluster": item.cluster,
                "subset": item.subset,
                "side": side,
            }
            for item in self.task.items
            for name, side in zip(_ids(item), _SIDES[len(item.answers)], strict=True)
        ]
        names = ("decision", "item", "cluster", "subset", "side")
        return pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String))


def check_gain(gain: str, task: Task) -> None:
    """Raises UserError for a measure of the gain that such a task does not have."""
    if gain == "dpo" and task.kind != "pairs":
        raise UserError(
            f'gain = "dpo" needs preference pairs, but the task {task.path.as_posix()!r} holds '
            'demonstrations; choose "loss".'
        )


def shared_notes(study: Study, task: Task, read: Iterable[PromptTable]) -> list[str]:
    """A sentence where prompts of the task are also prompts of decisions that the study scores, as
    the data have them or as the study's wordings put them, which are the tables `read`."""
    decisions = (
        one for entry in study.data for one in decisions_of(entry, study.folder, study.part)
    )
    wanted = set[int]().union(*map(prompt_marks, task.items))
    found = set[int]().union(*(table.marked(wanted) for table in read))
    shared = shared_with(task.items, decisions, found)
    if not shared:
        return []
    return [
        f"{counted(len(shared), 'item')} of the task (the first: {shared[0]!r}) "
        f"{'has' if len(shared) == 1 else 'have'} a prompt that is also that of a decision; what "
        "training does to fidelity there is learnt from the task itself, so leave out one of the "
        "two."
    ]


def doubled_notes(task: Task) -> list[str]:
    """A sentence where items of a task say again, or the reverse of, what earlier ones say."""
    again, turned = doubled(task.items)
    if not (again or turned):
        return []
    what = []
    if again:
        what.append(
            f"{counted(len(again), 'item')} of the task (the first: {again[0]!r}) "
            f"{'repeats' if len(again) == 1 else 'repeat'} an earlier one under another id, though "
            "a repeated item is one observation"
        )
    if turned:
        what.append(
            f"{counted(len(turned), 'pair')} of the task (the first: {turned[0]!r}) "
            f"{'is' if len(turned) == 1 else 'are'} the reverse of an earlier one, which "
            "contradicts it"
        )
    return [f"{'; '.join(what)}; all are scored and counted, so leave out what is too many."]


def task_prompts(study: Study, facts: Mapping[ModelSpec, Facts]) -> TaskPrompts | None:
    """The task of a study; None where it has none. Raises as `TaskPrompts`."""
    return TaskPrompts(study, facts) if study.has_task else None


def first_answers(decisions: Iterable[str]) -> dict[str, str]:
    """Of the answers to a task, as scores name them, the first of each item, with the item's
    id."""
    ends = tuple(f"/{sides[0]}" for sides in _SIDES.values())
    return {name: name.rpartition("/")[0] for name in decisions if name.endswith(ends)}


def _template(
    study: Study, models: Sequence[ModelSpec], facts: Mapping[ModelSpec, Facts]
) -> Template | None:
    """The one template of all: that asked for, else that of the last checkpoint that has one."""
    given = given_template(study)
    if given is not None:
        return template_of(given, facts[models[-1]], given)
    lender = template_lender(models, facts)
    return None if lender is None else template_of(lender.template, facts[lender], lender.id)


def _places(item: Item) -> range:
    return range(len(item.answers))


def _ids(item: Item) -> list[str]:
    return [f"{item.id}/{side}" for side in _SIDES[len(item.answers)]]


def _draft(item: Item, place: int) -> Draft:
    name = _ids(item)[place]
    decision = Decision(name, FAMILY, FAMILY, (), response=item.answers[place])
    return Draft(decision, 0, (), name)
