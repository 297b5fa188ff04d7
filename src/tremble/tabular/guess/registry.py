"""A first map of a table: the tool that wrote it is asked first, by its columns."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from tremble.tabular.guess import jspsych, otree, plain, psychopy, qualtrics, sosci
from tremble.tabular.guess.draft import Draft
from tremble.tabular.guess.looked import looked_at
from tremble.tabular.guess.tried import Trial, tried
from tremble.tabular.guess.written import map_text

# The first whose `fits` is true makes the draft; each has NAME, fits and draft.
TOOLS: tuple[ModuleType, ...] = (otree, qualtrics, jspsych, psychopy, sosci, plain)


@dataclass(frozen=True, slots=True)
class FirstMap:
    """`text`: of the map; `draft`: what it says; `trial`: what its import would do."""

    text: str
    draft: Draft
    trial: Trial


def first_map(path: Path, where: str) -> FirstMap:
    """A first map of the table in a file or folder; `where` is what the map is called in errors.

    Raises UserError where the table cannot be read, and where no column can be an outcome.
    """
    look = looked_at(path)
    tool = next(tool for tool in TOOLS if tool.fits(look))
    draft: Draft = tool.draft(look)
    if look.twice:
        draft.check.append(
            "these column names appear twice in the file and cannot be used: "
            f"{', '.join(look.twice)}"
        )
    if "header_rows" in draft.reading:
        draft.check.append("the second row is read as the texts of the questions (header_rows)")
    text = map_text(draft, path)
    trial = tried(text, look, where)
    if trial.failure is not None:
        text = map_text(draft, path, trial.failure)
    return FirstMap(text, draft, trial)
