"""Checkpoints as columns, and the answer in words: both against the rows of the long tables."""

from __future__ import annotations

import dataclasses
import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from rich.console import Console

from tests.support.places import ROOT
from tests.support.trainings import task, trained
from tremble.report.tables.captions import CAPTIONS, PLAIN, heading
from tremble.report.tables.captions_training import pivot_caption
from tremble.report.tables.further import cell, further_layout
from tremble.report.tables.training import (
    ANSWER,
    pivots,
    training_answers,
    training_layout,
)
from tremble.report.terminal.answers import print_sentences
from tremble.report.terminal.tables import print_tables
from tremble.stats.tables.further import OF_TRAINING, further_tables
from tremble.text import decimal

SHOWN = ("stop", "at_stop", "timing", "equal_gain")
Tables = dict[str, list[dict[str, Any]]]


def made(*gains: Any, **more: Any) -> Tables:
    tables: Tables = further_tables(trained(*gains, **more), names=OF_TRAINING, resamples=400)
    return tables


@pytest.fixture(scope="module")
def two() -> Tables:
    return made({"a": 1.0, "b": 0.6}, pairs=True, gain="loss")


@pytest.fixture(scope="module")
def alone() -> Tables:
    return made()


def test_a_column_holds_what_the_rows_say_of_its_checkpoint(two: Tables) -> None:
    first, second = pivots(two)
    assert [first.title[-5:], second.title[-5:]] == ["run a", "run b"]
    for run, table in (("a", first), ("b", second)):
        assert [column.name for column in table.columns] == ["Checkpoint", *"012345"]
        above, below = table.sections
        assert below.heading == "repeated matrix · plain · standard"
        for section, name in ((above, "task"), (below, "checkpoints")):
            long = [r for r in two[name] if r["run"] == run and r.get("rounds", "all") == "all"]
            keys = {heading(key): key for key in long[0]}
            assert len({row[0] for row in section.rows}) == len(section.rows)
            for label, *cells in section.rows:
                assert cells == [cell(keys[label], row[keys[label]]) for row in long], label
        labels = {row[0] for row in (*above.rows, *below.rows)}
        assert {"Step", "g", "g low", "Loss", "DPO loss", "r", "Mass", "KL", "Log loss"} <= labels
        assert "Tokens" not in labels  # nobody knows them


def test_blocks_of_checkpoints_have_at_most_80_columns(alone: Tables) -> None:
    """A row is its label and its cells, two characters between them, as terminals print it."""
    long = {
        name: [
            {**row, "checkpoint": at, "step": 12_345 * at}
            for at in range(60)
            for row in alone[name]
            if row["checkpoint"] == 1
        ]
        for name in ("checkpoints", "task")
    }
    tables = pivots(long)
    assert len(tables) > 5
    for table in tables:
        rows = [[column.name for column in table.columns]]
        rows += [row for section in table.sections for row in section.rows]
        widths = [max(map(len, column)) + 2 for column in zip(*rows, strict=True)]
        assert sum(widths) <= 80
    shown = [int(column.name) for table in tables for column in table.columns[1:]]
    assert shown == list(range(60))
    rows = [row for table in tables for section in table.sections for row in section.rows]
    caption = pivot_caption({label for label, *_ in rows})
    assert [table.caption for table in tables] == [caption, *[""] * (len(tables) - 1)]
    assert len({table.id for table in tables}) == len(tables)


def test_the_answer_says_the_numbers_of_the_rows(two: Tables, alone: Tables) -> None:
    sentences = training_answers(two)
    assert len(sentences) == 2
    for run, sentence in zip("ab", sentences, strict=True):
        (stop,) = [r for r in two["stop"] if (r["run"], r["stage"]) == (run, "all")]
        assert stop["checkpoint"] == 3  # 96% of the gain; the stage dpo begins after 2
        g, low, high = (decimal(stop[key]) for key in ("g", "g_low", "g_high"))
        begins = f"Run {run}: stop at step 100 of dpo (checkpoint 3): it keeps {g} [{low}, {high}] "
        assert sentence.startswith(f"{begins}of the gain on the held-out task. r on repeated ")
        compared = {
            row["against"]: row
            for row in two["at_stop"]
            if (row["run"], row["measure"], row["rounds"]) == (run, "r", "all")
        }
        for against, row in compared.items():
            value = f"{'+' if row['difference'] > 0 else ''}{decimal(row['difference'])}"
            ends = f"[{decimal(row['low'])}, {decimal(row['high'])}]"
            assert f"{value} {ends} against the {against}" in sentence
        assert sorted(compared) == ["base", "last"]
    assert training_answers(alone)[0].startswith("Stop at step 100 of dpo (checkpoint 3)")


def test_the_answer_without_a_stop_says_why(alone: Tables) -> None:
    analysis = trained()
    slow = {"/w/base": 0.0, **{f"/w/-{at}": at / 5 for at in range(1, 6)}}
    last = dataclasses.replace(analysis, answers=task(slow))
    (sentence,) = training_answers(further_tables(last, names=OF_TRAINING, resamples=400))
    assert "(checkpoint 5, the last): no earlier checkpoint keeps .93" in sentence
    assert "against the base" in sentence and "against the last" not in sentence
    few = dataclasses.replace(analysis, answers=task(slow, clusters=9))
    (sentence,) = training_answers(further_tables(few, names=OF_TRAINING, resamples=400))
    assert sentence == ("No recommendation: only 9 clusters in the task (a stop needs 20).")
    without = {**alone, "task": [], "stop": [], "at_stop": [], "timing": []}
    (sentence,) = training_answers(without)
    assert sentence.startswith("No recommendation: there is no held-out task")
    assert training_answers({name: [] for name in OF_TRAINING}) == []
    assert training_layout({name: [] for name in OF_TRAINING}) == []
    assert training_answers({**alone, "stop": "stop: failed."}) == []


def test_every_column_and_line_is_explained_above_its_table(two: Tables) -> None:
    for table in further_layout({name: two[name] for name in OF_TRAINING}):
        assert table.caption == CAPTIONS[table.id]
        for column in table.columns:
            name = column.name.casefold()
            known = name in PLAIN or name in ("run", "family", "reason", "note")
            assert known or re.search(rf"\b{name}\b", table.caption.casefold()), (table.id, name)
    first, second = pivots(two)
    for table in (first, second):
        for section in table.sections:
            for label, *_ in section.rows:
                assert re.search(rf"\b{label}\b".casefold(), first.caption.casefold()), label


def changed(tables: Tables, name: str, which: Callable[[Any], bool], **values: Any) -> Tables:
    rows = [{**row, **values} if which(row) else row for row in tables[name]]
    return {**tables, name: rows}


def test_a_stop_that_keeps_less_than_asked_says_so(alone: Tables) -> None:
    whole = {"g": 0.89, "g_low": 0.85, "g_high": 0.92, "surely": 4}
    tables = changed(alone, "stop", lambda row: row["stage"] == "all", **whole)
    (answer,) = training_answers(tables)
    assert (
        "it keeps .89 [.85, .92] of the gain on the held-out task, less than the .93 asked for: one"
        " half of the task chose it, the other half reports what it keeps; the cautious choice is "
        "checkpoint 4." in answer
    )
    assert "less than" not in training_answers(alone)[0]


def test_little_mass_is_said_of_the_comparison_that_it_touches(alone: Tables) -> None:
    last = changed(alone, "checkpoints", lambda row: row["checkpoint"] == 5, mass=0.2)
    (answer,) = training_answers(last)
    against_base, against_last = answer.split("r on repeated matrix: ")[1].split(", +")
    assert "mass" not in against_base
    assert "against the last (mass .20 at checkpoint 5: r says little there)" in against_last
    stop = {"checkpoint": None, "reason": "only 3 clusters"}
    (answer,) = training_answers({**last, "stop": [{**last["stop"][0], **stop}]})
    assert answer == (
        "No recommendation: only 3 clusters. r says little on repeated matrix (plain, standard: "
        "mass .20)."
    )


def test_pairs_learnt_while_right_answers_became_less_likely_are_said() -> None:
    tables = made({"": 1.0}, pairs=True)
    assert not any("less likely" in one for one in training_answers(tables))
    worse = changed(tables, "task", lambda row: row["checkpoint"] == 5, loss=6.34)
    (answer,) = training_answers(worse)
    first = decimal(tables["task"][0]["loss"])
    assert (
        "At the last checkpoint the chosen answers themselves are less likely than at the base "
        f"(loss 6.34 against {first}): the gain is that the rejected ones lost more." in answer
    )


def test_checkpoints_are_known_by_stage_and_step_not_by_paths(two: Tables) -> None:
    tables = [*further_layout({name: two[name] for name in OF_TRAINING}), *training_layout(two)]
    for table in tables:
        headings = [section.heading for section in table.sections]
        cells = [text for section in table.sections for row in section.rows for text in row]
        assert not any("/w/" in text for text in (*headings, *cells)), table.id
    (task_of_a,) = [t for t in tables if t.id == "task"]
    assert [section.heading for section in task_of_a.sections] == ["run a", "run b"]
    (stop,) = [t for t in tables[: len(OF_TRAINING)] if t.id == "stop"]
    assert {"Checkpoint", "Step", "Reason"} <= {column.name for column in stop.columns}


def test_unasked_tables_are_about_all_rounds(two: Tables) -> None:
    shown = {table.id: table for table in training_layout(two)}
    assert list(shown) == ["trajectory-0", "trajectory-1", *SHOWN]
    for name in ("at_stop", "timing", "equal_gain"):
        whole = [row for row in two[name] if row["rounds"] == "all"]
        assert sum(len(section.rows) for section in shown[name].sections) == len(whole)
        assert "Rounds" not in [column.name for column in shown[name].columns]


def test_what_failed_has_its_sentence(two: Tables) -> None:
    tables = training_layout({**two, "task": "task: it broke.", "timing": "timing: it broke."})
    said = {table.id: table.empty for table in tables if not table.sections}
    assert said == {"task": "task: it broke.", "timing": "timing: it broke."}


def test_the_example_in_the_documents_is_what_a_terminal_prints() -> None:
    tables = further_tables(trained(), names=OF_TRAINING, resamples=1000)
    out = io.StringIO()
    console = Console(file=out, width=80, color_system=None)
    print_sentences(ANSWER, training_answers(tables), console)
    for table in training_layout(tables):
        print_tables([dataclasses.replace(table, caption="")], console)
    shown = "\n".join(line.rstrip() for line in out.getvalue().splitlines())
    assert max(map(len, shown.splitlines())) <= 80
    page = (ROOT / "docs" / "trajectory.md").read_text("utf-8")
    blocks = re.findall(r"(?s)```text\n(.*?)\n```", page)
    assert len(blocks) == 2
    for block in blocks:
        assert block in shown
