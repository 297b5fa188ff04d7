"""What does not fit, counted in decisions: by hand, on rows as a study holds them."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from tests.support.stored import as_stored_by_0_1
from tests.support.studies import run, study_file
from tremble.datasets.base import Notes
from tremble.datasets.demo import load
from tremble.engines.base import Score
from tremble.models.open import open_tokenizer
from tremble.models.spec import ModelSpec, RunOptions
from tremble.prompts.asked import Asked
from tremble.prompts.formulations import spoken
from tremble.store.schemas import whole_scores
from tremble.store.study_folder import Store
from tremble.study.file import Study, read_study
from tremble.study.not_applicable import not_applicable_notes, notes_of
from tremble.study.render import prompts_of
from tremble.study.run import score_study
from tremble.tokenization.refusal import NOT_A_NUMBER, ErrorKind, Refusal

NOTHING = "nothing had happened before this decision"

WORDING: ErrorKind = "wording_not_applicable"
CONTROL: ErrorKind = "control_not_applicable"
Rows = list[tuple[str, str, str, str, str]]


def rows(formulation: str, kind: ErrorKind = WORDING, **reasons: str) -> Rows:
    refusals = {name: Refusal(kind, why).sentence for name, why in reasons.items()}
    return [("demo", formulation, name, error, kind) for name, error in refusals.items()]


ASKED = {
    ("demo", WORDING, "reversed_roles"): 9,
    ("demo", WORDING, "simplified"): 1200,
    ("demo", CONTROL, "no_history"): 8,
    ("demo", CONTROL, "renamed"): 1,
    ("mine.jsonl", CONTROL, "renamed"): 2,
}


def notes(rows: Rows) -> list[str]:
    names = ("dataset", "formulation", "decision", "error", "error_kind")
    frame = pl.DataFrame(rows, dict.fromkeys(names, pl.String), orient="row")
    return not_applicable_notes(frame, ASKED)


def test_a_decision_counts_once_and_under_what_does_not_fit_it() -> None:
    found = [
        *rows("reversed_roles", a="no side", b="no side", c="own prompt"),
        *rows("reversed_roles", a="no side", b="no side", c="own prompt"),  # another model
        *rows("reversed_roles", a="no side"),  # another presentation
        *rows("reversed_roles+next_token", a="no side", b="no side", c="own prompt"),
        # Without the control it was not asked for; the wording is to blame all the same.
        *rows("reversed_roles+no_history", a="no side", c="own prompt", e="no fit"),
        *rows("reversed_roles+no_history", CONTROL, d="no past"),
        *rows("standard+no_history", CONTROL, d="no past"),
        *rows("standard+renamed", CONTROL, d="amounts in words"),
    ]
    assert notes(found) == [
        "The wording reversed_roles is not applicable to 4 of 9 decisions of demo: most often (2), "
        "no side; they are missing in that wording.",
        "The control no_history is not applicable to 1 of 8 decisions of demo: no past; it is "
        "missing under that control.",
        "The control renamed is not applicable to 1 of 1 decision of demo: amounts in words; it is "
        "missing under that control.",
    ]
    # The same decision of another data set is another decision.
    again = [
        ("mine.jsonl", *row[1:]) for row in rows("standard+renamed", CONTROL, d="amounts in words")
    ]
    assert notes([*found, *again])[-1] == (
        "The control renamed is not applicable to 1 of 2 decisions of mine.jsonl: amounts in "
        "words; it is missing under that control."
    )
    assert notes([]) == []


def test_a_reason_that_two_models_give_apart_is_most_frequent_by_decisions() -> None:
    found = rows("simplified", a="not closed", b="own prompt", c="own prompt")
    found += 3 * rows("simplified", a="not closed")  # four rows, one decision
    assert notes(found) == [
        "The wording simplified is not applicable to 3 of 1,200 decisions of demo: most often (2), "
        "own prompt; they are missing in that wording."
    ]


@pytest.mark.parametrize(
    ("formulation", "reason"),
    [
        # A lottery has no dialogue, whatever else is taken away.
        ("numbers_only", "the wording does not fit: lottery has no dialogue to drop"),
        ("numbers_only+no_rules", "the wording does not fit: lottery has no dialogue to drop"),
        ("numbers_only+no_history", "the wording does not fit: lottery has no dialogue to drop"),
        ("standard+no_rules", None),
        ("standard+no_history", f"the control does not fit: {NOTHING}"),
        ("minimal+no_history", f"the control does not fit: {NOTHING}"),
    ],
)
def test_a_reason_blames_the_control_where_the_wording_alone_fits(
    formulation: str, reason: str | None, tmp_path: Path
) -> None:
    lottery = next(d for d in load(tmp_path, Notes()) if d.family == "lottery")
    study = Study("s", ("demo",), (), (), run=RunOptions())
    opened = open_tokenizer(ModelSpec("mock:a"), study.run, lambda _: None)
    asked = Asked.parse(formulation)
    tokenizer, how = opened.tokenizer, study.how_read(asked)
    found = prompts_of([lottery], spoken(asked), None, tokenizer, how)
    assert {prompt.paths.error for prompt in found} == {reason}


def test_a_run_that_adds_what_no_model_can_be_asked_loads_none(tmp_path: Path) -> None:
    lines = [
        json.dumps({"id": id_, "prompt": f"{id_}?", "options": ["yes", "no"], "choice": "yes"})
        for id_ in "ab"
    ]
    (tmp_path / "mine.jsonl").write_text("\n".join(lines), encoding="utf-8")
    model, out = '[[model]]\nid = "mock:one"\n', tmp_path / "out"

    def said(*formulations: str) -> list[str]:
        made: list[str] = []
        study = read_study(study_file(tmp_path, model, formulations=list(formulations)))
        assert score_study(study, out, made.append) == 0
        return made

    assert said("standard") == ["Loading mock:one."]
    why = "tremble does not know which part of your own prompt is dialogue"
    assert said("standard", "numbers_only") == [
        f"mock:one: 0 prompts to score; 2 are not applicable ({why})."
    ]
    rows = Store(out).scores().filter(formulation="numbers_only")
    assert (rows.height, set(rows["error_kind"]), rows["mass"].null_count()) == (2, {WORDING}, 2)
    assert notes_of(Store(out).jobs()) == [
        f"The wording numbers_only is not applicable to 2 of 2 decisions of mine.jsonl: {why}; "
        "they are missing in that wording."
    ]
    assert said("standard", "numbers_only") == ["mock:one: everything is already scored."]
    more = json.dumps({"id": "c", "prompt": "c?", "options": ["yes", "no"], "choice": "yes"})
    (tmp_path / "mine.jsonl").write_text("\n".join([*lines, more]), encoding="utf-8")
    assert said("standard", "numbers_only") == ["Loading mock:one."]
    assert " 3 of 3 decisions " in notes_of(Store(out).jobs())[0]


def test_why_there_is_no_score_has_a_kind_also_where_only_the_sentence_was_stored(
    tmp_path: Path,
) -> None:
    """A prompt of one's own has no other side and no history; two labels of the other decision
    begin alike."""
    texts = {"a": ("Own?", "no"), "b": ("Alike?", "yep")}
    lines = [
        json.dumps({"id": id_, "prompt": text, "options": ["yes", other], "choice": "yes"})
        for id_, (text, other) in texts.items()
    ]
    (tmp_path / "mine.jsonl").write_text("\n".join(lines), encoding="utf-8")
    path = study_file(
        tmp_path,
        '[[model]]\nid = "mock"\n',
        formulations=["standard", "reversed_roles"],
        controls=["no_history"],
        reading=["joint", "next_token"],
    )
    assert run(path, tmp_path / "out") > 0
    store = Store(tmp_path / "out")

    def kinds() -> dict[tuple[str, str], str | None]:
        rows = store.scores().select("decision", "formulation", "error_kind").rows()
        return {(decision, formulation): kind for decision, formulation, kind in rows}

    new = kinds()
    assert {name: new["a", name] for _, name in new} == {
        "standard": None,
        "standard+next_token": None,
        "standard+no_history": CONTROL,
        "reversed_roles": WORDING,
        "reversed_roles+no_history": WORDING,
        "reversed_roles+next_token": WORDING,
    }
    assert new["b", "standard+next_token"] == "shared_first_token"
    as_stored_by_0_1(tmp_path / "out")
    for part in (tmp_path / "out").rglob("part-*.parquet"):
        pl.read_parquet(part).drop("error_kind").write_parquet(part)
    assert kinds() == new


@pytest.mark.parametrize(
    "refusal", [NOT_A_NUMBER, Refusal("too_long", "300 tokens, the model's window is 200")]
)
def test_what_an_engine_refuses_has_a_kind_too(refusal: Refusal) -> None:
    score = Score.refused(0, refusal)
    old = pl.DataFrame({"error": [score.error, None]})
    assert whole_scores(old)["error_kind"].to_list() == [score.error_kind, None]
