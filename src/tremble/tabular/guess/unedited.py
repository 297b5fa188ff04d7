"""Prompts of a map that are still as they were guessed: names of columns and conditions, and
nothing that people read."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tremble.datasets.base import Notes
from tremble.decisions.record import Decision
from tremble.tabular.guess.prompt_text import ASKS, called, literal
from tremble.tabular.maps.map_file import Map, Task

# A line that prints one column, alone or after its name; one that tells of an earlier round.
_PRINTS = re.compile(r"(?:[^{}]{1,80}: )?\{\{ [^{}]+ \}\}")
_PAST = re.compile(r"Round \{\{ past\.round \}\}.*: you chose \{\{ past\.choice \}\}\.")
_ANSWERS = "Answer as JSON: "


def still_drafted(decisions: Iterator[Decision], map_: Map, notes: Notes) -> Iterator[Decision]:
    """The decisions as they pass; `notes` gets a sentence on each task whose prompt is still the
    draft, or still prints the name of a condition in a line of the draft."""
    tasks = {task.family: task for task in map_.tasks}
    for decision in decisions:
        task = tasks.pop(decision.family, None)
        if task is not None:
            notes.odd += _told(task, decision, map_.where)
        yield decision


def _told(task: Task, decision: Decision, where: str) -> Iterator[str]:
    draft = is_draft(task)
    names = [
        (name, value)
        for name, value in decision.config.items()
        if isinstance(value, str) and name not in task.words and _prints(task, name)
    ]
    if not draft and not names:
        return
    prompt = f"the prompt of the task {task.family!r}"
    prints = ""
    if names:
        name, value = names[0]
        prints = (
            f"prints the column {task.config.get(name, name)!r}, so that a model reads the "
            f"condition's name, such as {value!r}"
        )
    what = " and ".join(text for text in ("is still the draft" if draft else "", prints) if text)
    yield (
        f"{prompt} {what}; write into prompt in {where} what your participants read in each "
        "condition, and import again with --force"
    )


def is_draft(task: Task) -> bool:
    """Whether a prompt has no line but those that a guess writes."""
    lines = [line.strip() for line in task.prompt.strip().split("\n")]
    asked = [at for at, line in enumerate(lines) if line.startswith(ASKS)]
    if not asked or not lines[-1].startswith(_ANSWERS):
        return False
    return asked == [len(lines) - 2] and all(_is_drafted(line, task) for line in lines[:-2])


def _is_drafted(line: str, task: Task) -> bool:
    tag = line.startswith("{%") and line.endswith("%}")
    known = bool(_PRINTS.fullmatch(line) or _PAST.fullmatch(line))
    return tag or known or line == literal(task.outcome or "")


def _prints(task: Task, name: str) -> bool:
    """Whether the line of the draft that prints a column, after its name, is still there."""
    column = task.columns.get(name, task.config.get(name, name))
    lines = {line.strip() for line in task.prompt.split("\n")}
    heads = {literal(called(column)), called(name)}
    return any(f"{head}: {{{{ {name} }}}}" in lines for head in heads)
