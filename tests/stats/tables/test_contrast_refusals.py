"""Contrasts that cannot be had: refused in one sentence, and the others stay."""

from __future__ import annotations

import json

import pytest

from tests.support.treatments import Built, factorial, one_text_each
from tremble.errors import UserError
from tremble.stats.frames.treatments import Contrast
from tremble.stats.tables.contrasts import contrast_rows

TREATED = Contrast(("condition",), ("control",))


def test_arms_with_the_same_prompts_are_refused() -> None:
    built, *_ = one_text_each(size=10)
    for number, row in enumerate(built.scores):
        if number % 10 < 5:
            row["row_key"] = f"both {number % 10}"
    with pytest.raises(UserError, match=r"condition \(treated against control\) reaches no prompt"):
        contrast_rows(built.evidence(), [TREATED])
    built.scores[0]["row_key"] = built.scores[0]["decision"]  # now 4 of 10
    (row,) = contrast_rows(built.evidence(), [TREATED])
    assert "4 of 10 prompts of one arm are also in the other" in row["note"]
    assert row["people"] is not None


def test_one_contrast_that_is_refused_leaves_the_others() -> None:
    built = factorial()
    for number, row in enumerate(built.decisions):
        row["config"] = json.dumps({**json.loads(row["config"]), "coin": "ab"[number // 6 % 2]})
    rows = contrast_rows(built.evidence(), [Contrast(("coin",), ("a",)), Contrast(("frame",))])
    coin, frame = rows
    assert "coin (b against a) reaches no prompt of custom: 36 of 36 prompts" in coin["note"]
    assert (coin["people"], coin["effect"], coin["p"], coin["over"]) == (None,) * 4
    assert frame["people"] is not None
    assert frame["p_holm"] == frame["p"]  # what is refused is no test


@pytest.mark.parametrize(
    ("contrast", "sentence"),
    [
        (
            Contrast(("konditionn",)),
            "No decision has the config key 'konditionn'; did you mean 'condit",
        ),
        (Contrast(("condition",), ("kontrol",)), "'kontrol', .* did you mean 'control'"),
        (Contrast(("only",)), "'only' is 'x' in every decision that has it"),
        (Contrast(("condition",), None, "kustom"), "did you mean 'custom'"),
        (Contrast(("condition", "nested"), ("control", "a")), "do not cross"),
    ],
)
def test_a_contrast_that_cannot_be_had_is_one_sentence(contrast: Contrast, sentence: str) -> None:
    built, *_ = one_text_each(size=6)
    for row in built.decisions:
        config = json.loads(row["config"])
        nested = "a" if config["condition"] == "control" else "b"
        row["config"] = json.dumps({**config, "only": "x", "nested": nested, "none": None})
    with pytest.raises(UserError, match=sentence):
        contrast_rows(built.evidence(), [contrast])


def test_three_options_need_a_value_or_a_target() -> None:
    built = Built()
    for number in range(20):
        built.add(
            {"condition": "ab"[number % 2]},
            f"text {number}",
            {},
            keys=["yes", "no", "maybe"],
            choice="no",
            target=None,
            participant=f"{number}",
        )
    refused = "without values and without a target; give every option a value, or"
    with pytest.raises(UserError, match=refused):
        contrast_rows(built.evidence(), [Contrast(("condition",))])
