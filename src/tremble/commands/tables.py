"""What `tremble analyze` prints: every table that can be made, a sentence for one that cannot."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tremble.commands.base import print_json, prose, say, screen
from tremble.commands.ending import complain, logged_fault
from tremble.errors import UserError
from tremble.text import did_you_mean


@dataclass(slots=True)
class _Failures:
    """Tables that could not be made: `refused` for what the user can mend, `faults` of our own."""

    refused: int = 0
    faults: int = 0

    def sentence(self, name: str, error: Exception) -> str:
        """The sentence that stands in place of the table."""
        if isinstance(error, UserError):
            self.refused += 1
            text = str(error)
        else:
            self.faults += 1
            text = f"{name}: {logged_fault(error)}"
        complain(text)
        return text


def show_analysis(
    folder: Path,
    as_json: bool = False,
    names: Sequence[str] = (),
    by: Sequence[str] = (),
    contrast: Sequence[str] = (),
) -> int:
    """Print the analysis of a study folder and return the exit code.

    `names` are further tables ("all" for every one), `by` parameters of the games, `contrast`
    treatments in place of the study's own; where any are named, the terminal shows no other table.
    Tables of sessions and of checkpoints need not be named where the study has some.
    0; 1 where a table failed, which has its sentence in its place; 2 where none of those asked for
    can be made.

    Raises UserError, before anything is printed, where the folder is no study, a name is not known,
    or a contrast that was asked for cannot be had.
    """
    from tremble.store.study_folder import Store

    Store(folder).read_run()  # raises where the folder is no study
    from tremble.api.results import analyze_study, further_analysis, treatments_of
    from tremble.stats.tables.further import OF_SESSIONS, OF_TRAINING, further_names
    from tremble.study.notes import caveats

    _check_tables(names, folder)
    treatments = treatments_of(folder, contrast)
    lacking = _without_value(folder, by)
    analysis, *_ = analyze_study(folder)
    asked = bool(names or by or contrast)
    everything = "all" in names or (as_json and not asked)
    of_sessions = () if asked or not analysis.evidence.has_sessions else OF_SESSIONS
    of_training = () if asked or not analysis.trajectory else OF_TRAINING
    unasked = (*of_sessions, *of_training)
    wanted = [name for name in further_names() if everything or name in (*names, *unasked)]
    failed = _Failures()
    further = further_analysis(analysis, wanted, failed.sentence)
    parts = _breakdowns(analysis, by, failed)
    effects = _contrasts(analysis, treatments, failed) if as_json or contrast or not asked else {}
    if as_json:
        broken = {"by": parts} if by else {}
        print_json(
            {
                "notes": [*caveats(folder), *lacking],
                **analysis.to_json(),
                **effects,
                **further,
                **broken,
            }
        )
    else:
        print_notes(folder, not asked, lacking)
        _print(folder, None if asked else analysis, effects, further, parts)
        if asked:
            print_where_notes_are(folder)
    rest = not (names or by) or len(wanted) + len(parts) > failed.refused
    if failed.faults or (failed.refused and rest):
        return 1
    return 2 if failed.refused else 0


def show_training(folder: Path) -> int:
    """Print what a study folder says of its checkpoints and where all else is, and return the exit
    code as `show_analysis` does. Raises UserError where the folder is no study."""
    from tremble.api.results import analyze_study, further_analysis
    from tremble.stats.tables.further import OF_TRAINING

    analysis, *_ = analyze_study(folder)
    failed = _Failures()
    tables = further_analysis(analysis, OF_TRAINING, failed.sentence)
    print_notes(folder, every=True)
    _print_training(tables)
    name = shlex.quote(str(folder))
    say(f"All tables: tremble analyze {name}. The page, with charts: tremble report {name}.")
    return 1 if failed.faults or failed.refused else 0


def _breakdowns(analysis: Any, by: Sequence[str], failed: _Failures) -> dict[str, Any]:
    """The tables within the values of each parameter, or the sentence of what went wrong."""
    from tremble.api.results import breakdown_analysis

    parts: dict[str, Any] = {}
    for name in dict.fromkeys(by):
        try:
            parts[name] = breakdown_analysis(analysis, name)
        except Exception as error:
            parts[name] = failed.sentence(f"by {name}", error)
    return parts


def _without_value(folder: Path, by: Sequence[str]) -> list[str]:
    """A sentence for each breakdown that decisions have no value of. Raises UserError for an
    unknown one."""
    from tremble.stats.frames.subsets import without_value
    from tremble.store.study_folder import Store

    decisions = Store(folder).decisions() if by else None
    found = [] if decisions is None else [without_value(decisions, name) for name in by]
    return list(dict.fromkeys(sentence for sentence in found if sentence is not None))


def _check_tables(names: Sequence[str], folder: Path) -> None:
    """Raises UserError for a name that is no further table."""
    from tremble.report.tables.captions import CONTRASTS
    from tremble.stats.tables.further import EXTENSIONS, further_names

    for name in names:
        if name in CONTRASTS:
            raise UserError(
                f"{name} is not one of the tables of --table; `tremble analyze "
                f"{shlex.quote(str(folder))}` shows it if the study file has a [[contrast]], or "
                "with --contrast KEY."
            )
        if name != "all" and name not in further_names():
            EXTENSIONS.entry(name)  # raises where packages add one that cannot be used
            known = [*further_names(), "all"]
            raise UserError(f"There is no table {name!r}{did_you_mean(name, known)}")


def _contrasts(analysis: Any, treatments: Sequence[Any], failed: _Failures) -> dict[str, Any]:
    """The tables of the contrasts asked for, or of the study's own, which fail by themselves."""
    from tremble.api.results import contrast_analysis

    if treatments:
        return contrast_analysis(analysis, treatments)
    if not analysis.contrasts:
        return {}
    try:
        return contrast_analysis(analysis, analysis.contrasts)
    except Exception as error:
        return {"contrasts": failed.sentence("contrasts", error)}


def _print(
    folder: Path,
    analysis: Any,
    effects: dict[str, Any],
    further: dict[str, Any],
    parts: dict[str, Any],
) -> None:
    """The tables asked for (of an `analysis`, those of sessions and of checkpoints), the first
    tables, where it is given, and the others."""
    from tremble.report.tables.contrasts import contrast_layout
    from tremble.report.tables.further import breakdown_layout, further_layout
    from tremble.report.terminal.tables import print_tables, show_tables
    from tremble.stats.tables.further import OF_TRAINING

    if analysis is not None and OF_TRAINING[0] in further:
        _print_training({name: further[name] for name in OF_TRAINING})
        further = {name: rows for name, rows in further.items() if name not in OF_TRAINING}
    empty = [name for name, rows in further.items() if not rows and len(further) > 1]
    shown = {name: rows for name, rows in further.items() if name not in empty}
    print_tables(further_layout(shown), screen())
    if empty and analysis is None:
        say(f"No rows in: {', '.join(empty)}.")
    if analysis is not None:
        show_tables(analysis, screen())
    print_tables(contrast_layout(effects), screen())
    if analysis is not None:
        say(
            "For intervals, noise ceilings, breakdowns and more, add --table NAME; --tables "
            "lists the names."
        )
        say(
            "Can a model replace participants here? next: tremble verdict "
            f"{shlex.quote(str(folder))}"
        )
    print_tables(breakdown_layout(parts), screen())


def _print_training(tables: dict[str, Any]) -> None:
    """Where to stop, in words; then the checkpoints as columns, and the tables of the stop."""
    from tremble.report.tables.training import ANSWER, training_answers, training_layout
    from tremble.report.terminal.answers import print_sentences
    from tremble.report.terminal.tables import print_tables

    print_sentences(ANSWER, training_answers(tables), prose())
    print_tables(training_layout(tables), screen())


def print_notes(folder: Path, every: bool, more: Sequence[str] = ()) -> None:
    """What a reader must know before the numbers of a study: all of it, or what is not scored; then
    `more` sentences."""
    from tremble.study.notes import caveats, unfinished

    shown = [*(caveats(folder) if every else unfinished(folder)), *more]
    for line in shown:
        say(f"Note: {line}")
    if shown:
        say()


def print_where_notes_are(folder: Path) -> None:
    """Below numbers that stand without all notes: the command that prints these."""
    from tremble.study.notes import caveats, unfinished

    if len(unfinished(folder)) < len(caveats(folder)):
        say(f"For all notes: tremble analyze {shlex.quote(str(folder))}")
