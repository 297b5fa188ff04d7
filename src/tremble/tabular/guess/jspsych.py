"""Data of jsPsych: one row for each trial, of one person or of many."""

from __future__ import annotations

from tremble.tabular.guess.draft import Draft
from tremble.tabular.guess.kinds import practice_in
from tremble.tabular.guess.looked import Look
from tremble.tabular.guess.plain import hints_of
from tremble.tabular.guess.tasks import drafted
from tremble.tabular.guess.words import KIND, joined, word_set

NAME = "jsPsych data"
_OWN = word_set(
    "rt trial_type trial_index plugin_version time_elapsed internal_node_id view_history "
    "rt_key_duration response_index question_order accuracy success timeout_type correct "
    "failed_images failed_audio failed_video slider_start key_press_raw run_id"
)
_BUTTONS = ["html-button-response", "image-button-response", "audio-button-response"]


def fits(look: Look) -> bool:
    """By columns that jsPsych always writes."""
    return {"trial_type", "trial_index", "time_elapsed"} <= set(look.names)


def draft(look: Look) -> Draft:
    """The map. Raises UserError where no column can be an outcome."""
    lists = ("response_index.", "question_order.", "view_history.")
    names = [name for name in look.names if name not in _OWN and not name.startswith(lists)]
    hints = hints_of(look, NAME, names, practice_in(look, names))
    hints.fields = [field for field in hints.fields if joined(field.name) not in KIND]
    hints.outcomes = tuple(
        name for name in names if name in ("response", "button_pressed", "key_press")
    )
    if hints.round is None and hints.person.names:
        hints.order = "trial_index"
    if set(look.columns["trial_type"]).intersection(_BUTTONS):
        hints.check.append(
            "jsPsych stores a button as its number, 0 for the first; write the text of each button"
        )
    return drafted(hints)
