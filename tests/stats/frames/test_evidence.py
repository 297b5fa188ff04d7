"""What is derived from the evidence of a study, on one decision of two options by two models."""

from __future__ import annotations

from tests.support.stat_frames import decision, frames, score
from tremble.stats.frames.evidence import Evidence
from tremble.stats.tables.analysis import evidence_of

SCORES, DECISIONS = frames(
    [
        score("d", [0.8, 0.2]),
        score("d", [0.3, 0.7], model="other"),
        score("d", [0.6, 0.4], formulation="standard+no_rules"),
    ],
    [decision("d", choice="yes"), decision("unscored", choice="no")],
)
EVIDENCE = evidence_of(SCORES, DECISIONS)


def said(evidence: Evidence) -> list[tuple[str, str, str, float]]:
    columns = ("model", "formulation", "key", "prediction")
    return [(*row[:3], round(row[3], 6)) for row in evidence.predictions.select(columns).rows()]


def test_controls_stand_apart() -> None:
    assert {wording for _, wording, _, _ in said(EVIDENCE)} == {"standard"}
    assert set(EVIDENCE.scores["formulation"]) == {"standard"}
    assert said(EVIDENCE.under_controls()) == [
        ("m", "standard+no_rules", "yes", 0.6),
        ("m", "standard+no_rules", "no", 0.4),
    ]


def test_predictions_at_outcomes_are_those_of_the_target() -> None:
    assert len(said(EVIDENCE)) == 4
    assert said(EVIDENCE.at_outcomes()) == [
        ("m", "standard", "yes", 0.8),
        ("other", "standard", "yes", 0.3),
    ]


def test_models_can_be_chosen_and_scored_anew() -> None:
    assert {row[0] for row in said(EVIDENCE.of_models({"other", "absent"}))} == {"other"}
    (again, _) = frames([score("d", [0.5, 0.5])], [])
    anew = EVIDENCE.rescored(again)
    assert {row[3] for row in said(anew)} == {0.5} and anew.scores.height == 1
    assert anew.outcomes.equals(EVIDENCE.outcomes)


def test_what_is_not_there_is_empty() -> None:
    nothing = Evidence(DECISIONS, EVIDENCE.outcomes)
    for frame in (nothing.predictions, nothing.baseline_predictions, nothing.controlled):
        assert frame.is_empty() and "prediction" in frame.columns
