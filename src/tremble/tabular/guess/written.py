"""A draft as the text of a map, with comments for the person who goes on with it."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tremble.settings.toml import key_text, value_text
from tremble.tabular.guess.draft import Draft, DraftOption, DraftTask
from tremble.tabular.guess.prompt_text import literal

_WIDTH = 96
_LISTED = 12  # columns that a comment lists
_PROMPT = (
    "WRITE HERE what your participants read, word for word. The text below is only a draft made "
    'from the columns. {{ name }} prints a column. {% if frame == "gain" %} and {% endif %} print '
    "what is between them only for some rows; a line that then prints nothing leaves no empty line."
)
_HISTORY = (
    "If people knew what they did before, add: {% for past in history %} Round {{ past.round }}: "
    "you chose {{ past.choice }}. {% endfor %}"
)

_ITEM = (
    "item: the column that says which vignette, problem or text a row is about. Needed if each "
    "participant answers several and each is answered by several participants: a verdict counts "
    "items, and intervals then resample items, too. Without it, only equal prompts are one item."
)


def map_text(draft: Draft, path: Path, failure: str | None = None) -> str:
    """The map. `failure`: why it cannot be imported as it stands."""
    name = path.name
    lines = [
        *_comment(f"A first map of {name}, guessed from its columns: {draft.tool}."),
        *_comment("docs/tables.md explains every key. Lines after # are comments."),
    ]
    if failure is not None:
        lines += ["#", *_comment(f"IT CANNOT BE IMPORTED YET: {failure}")]
    lines += ["#", *_listed("Found", draft.found), *_listed("Check", draft.check)]
    if draft.private:
        told = [f"{column} ({what})" for column, what in draft.private]
        lines += _comment(f"Left out, because they seem to identify people: {_some(told)}.")
    if draft.others:
        lines += _comment(f"These could also be outcomes: {_some(draft.others)}.")
    if draft.unused:
        lines += _comment(f"Columns that no task uses: {_some(draft.unused)}.")
    lines += _file(draft.reading)
    lines += _drop(draft.drop)
    for task in draft.tasks:
        lines += ["", *_task(task)]
    return "\n".join(lines) + "\n"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more


def _listed(head: str, sentences: Sequence[str]) -> list[str]:
    return [line for text in sentences for line in _comment(f"{head}: {text}.")]


def _comment(text: str) -> list[str]:
    plain = re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+", " ", text)
    return textwrap.wrap(
        plain,
        _WIDTH,
        initial_indent="# ",
        subsequent_indent="#   ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _file(reading: Mapping[str, Any]) -> list[str]:
    if not reading:
        return []
    lines = ["", "[file]"]
    for key, value in reading.items():
        if key == "encoding":
            lines += _comment(
                "The file is not UTF-8; check that letters such as ä and é are right."
            )
        if key == "missing":
            lines += _comment("These values in the columns below are read as missing answers.")
        lines.append(f"{key} = {value_text(value)}")
    return lines


def _drop(drop: Mapping[str, list[str]]) -> list[str]:
    if not drop:
        return []
    head = _comment('Rows to exclude. "" is an empty cell. Add failed attention checks here.')
    return ["", "[drop]", *head, *(f"{key_text(k)} = {value_text(v)}" for k, v in drop.items())]


def _task(task: DraftTask) -> list[str]:
    lines = ["[[task]]", f"family = {value_text(task.family)}"]
    for key in ("rows", "participant", "outcome", "rate", "rates", "counts", "n", "percent"):
        lines += _entry(task, key)
    lines += _said(task, "options")
    if not task.rates and not task.counts:
        lines += ["options = [", *(f"  {_option(one)}," for one in task.options), "]"]
        if len(task.options) == 2:
            lines += _comment(
                f"Coded 1: {task.options[0].key} (the first option); to change it, add target = ..."
            )
    lines += [] if task.item else _item(task)
    for key in ("item", "round", "order", "role", "config", "facts", "columns"):
        lines += _entry(task, key)
    lines += _comment(_PROMPT)
    rounds = task.round is not None or "{round}" in (task.outcome or "")
    if rounds and "history" not in task.prompt:
        lines += _comment(_HISTORY)
    return [*lines, f'prompt = """\n{_long(task.prompt)}\n"""']


def _item(task: DraftTask) -> list[str]:
    return [*_comment(_ITEM), f"# item = {value_text(task.may_be_item or 'COLUMN')}"]


def _entry(task: DraftTask, key: str) -> list[str]:
    value = getattr(task, key)
    if not value:
        return []
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if key in ("config", "facts") and all(
        column in (name, task.columns.get(name)) for name, column in value.items()
    ):
        value = list(value)
    return [*_said(task, key), f"{key} = {value_text(value)}"]


def _said(task: DraftTask, key: str) -> list[str]:
    return [line for text in task.comments.get(key, ()) for line in _comment(f"Check: {text}.")]


def _option(option: DraftOption) -> str:
    entry: dict[str, Any] = {"key": option.key}
    if literal(option.key) != option.key:
        entry["label"] = literal(option.key)
    if option.value is not None:
        entry["value"] = option.value
    if option.cells != [option.key]:
        entry["cells"] = option.cells
    return value_text(entry)


def _long(text: str) -> str:
    escaped = (value_text(line)[1:-1].replace('\\"', '"') for line in text.split("\n"))
    return "\n".join(escaped).replace('"""', '""\\"')
