"""`tremble data import table FILE --guess`: a first map, and what it would give."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from tremble.commands.base import print_json, say
from tremble.commands.destinations import beside, check_new, free_name
from tremble.commands.ending import complain
from tremble.text import counted

if TYPE_CHECKING:
    from tremble.decisions.record import Decision
    from tremble.tabular.guess.registry import FirstMap

_STDOUT = Path("-")
_LISTED = 8  # reasons for which rows are left out


def write_first_map(path: Path, out: Path | None, as_json: bool, force: bool = False) -> None:
    """Write a first map of a table to `out`, to stdout where it is None, and tell of it.

    Raises UserError where `out` is there already, and where no map can be made.
    """
    from tremble.disk.whole import write_text
    from tremble.tabular.guess.registry import first_map

    if out is not None:
        check_new(out, force)
    if as_json and (out is None or beside(out) is sys.stderr):
        print_json(_as_json(first_map(path, "the map"), None))
        return
    where = out if out is not None else _STDOUT
    found = first_map(path, "the map" if beside(where) is sys.stderr else str(where))
    write_text(where, found.text, "give another --out")
    if as_json:
        print_json(_as_json(found, where))
        return
    _tell(found, path, where, beside(where))


def _as_json(found: FirstMap, where: Path | None) -> dict[str, Any]:
    """`map`: the path of the map, or its text where it goes nowhere."""
    trial, draft = found.trial, found.draft
    return {
        "recognised": draft.tool,
        "found": draft.found,
        "check": draft.check,
        "map": found.text if where is None else str(where),
        "decisions": trial.decisions,
        "left_out": trial.dropped,
        "notes": trial.odd,
        "private": dict(draft.private),
        "other_outcomes": draft.others,
        "unused": draft.unused,
        "prompts": [
            {"id": one.id, "config": dict(one.config), "system": one.system, "prompt": one.prompt}
            for one in trial.shown
        ],
        "failure": trial.failure,
    }


def _tell(found: FirstMap, path: Path, where: Path, to: TextIO) -> None:
    trial, draft = found.trial, found.draft
    say(f"{path} is {draft.tool}" + "".join(f"; {text}" for text in draft.found), to)
    for task in draft.tasks:
        made = counted(trial.decisions.get(task.family, 0), "decision")
        options = ", ".join(option.key for option in task.options)
        asked = task.outcome or task.rate or ", ".join([*task.rates, *task.counts])
        say(f"{task.family}: {made} from {asked}, options {options}", to)
    reasons = [f"{count:,} ({reason})" for reason, count in trial.dropped.items()]
    if reasons:
        say(f"excluded: {'; '.join(reasons[:_LISTED])}", to)
    for number, decision in enumerate(trial.shown, 1):
        say(f"\nprompt {number} of {len(trial.shown)}, {_about(decision)}", to)
        shown = [decision.system, decision.prompt] if decision.system else [decision.prompt]
        for text in shown:
            say("\n".join(f"  | {line}" for line in str(text).split("\n")), to)
    say("", to)
    for text in draft.check:
        say(f"check: {text}", to)
    for line in trial.odd:
        complain(f"note: {line}")
    if trial.failure is not None:
        complain(f"the table cannot be imported with this map yet: {trial.failure}")
    if where != _STDOUT:
        say(f"The map was written to {where}; nothing was imported.", to)
        say("Put into the map what your participants read, then run:", to)
        command = ["tremble", "data", "import", "table", str(path), "--map", str(where)]
        say(f"  {shlex.join([*command, '--out', free_name('mine.jsonl')])}", to)


def _about(decision: Decision) -> str:
    """Whose prompt it is: the task, the person, the parameters."""
    who = f", participant {decision.participant}" if decision.participant is not None else ""
    when = f", round {decision.round}" if decision.round is not None else ""
    varied = ", ".join(f"{key} = {value}" for key, value in decision.config.items())
    return f"{decision.family}{who}{when}{': ' if varied else ''}{varied}"
