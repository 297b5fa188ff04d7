"""Option keys that change in the data while the prompts stay: a run that is resumed gives what a
new folder gives."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.support.studies import run, scores, study_file
from tremble.api.plan import plan_study
from tremble.api.results import analyze_study
from tremble.engines.mock import MockEngine
from tremble.study.file import read_study

LABELS = ("yes", "no")


def write(folder: Path, keys: tuple[str, str], family: str = "tip") -> None:
    """24 prompts whose options have these keys, in the order of the labels; the first key is the
    target, and people chose by label."""
    lines = []
    for at in range(24):
        said: dict[str, Any] = {
            "id": f"d{at}",
            "participant": f"p{at}",
            "family": family,
            "prompt": f"You got {at} dollars. Do you give some? Answer yes or no:",
            "options": [{"key": k, "label": x} for k, x in zip(keys, LABELS, strict=True)],
            "target": min(keys),
            "choice": keys[at % 3 == 0],
        }
        lines.append(json.dumps(said))
    (folder / "mine.jsonl").write_text("\n".join(lines), "utf-8")


def measured(folder: Path, out: str) -> tuple[pl.DataFrame, float | None]:
    """What is in force, and r."""
    assert run(study_file(folder), folder / out) == 0
    rows = scores(folder / out).sort("model", "decision", "presentation")
    analysis, *_ = analyze_study(folder / out)
    return rows.select("decision", "family", "keys", "logprobs", "model"), analysis.models[0]["r"]


def test_exchanged_keys_turn_the_prediction_round_as_in_a_new_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, ("a", "b"))
    before, r = measured(tmp_path, "out")
    assert r is not None and r != 0
    write(tmp_path, ("b", "a"))  # the same labels in the same order: the prompts are the same
    new, r_new = measured(tmp_path, "new")
    monkeypatch.setattr(MockEngine, "score", lambda *_: pytest.fail("scored again"))
    plan = plan_study(read_study(study_file(tmp_path)), tmp_path / "out", print)
    assert [row["prompts"] for row in plan["models"]] == [0, 0]
    found, r_found = measured(tmp_path, "out")
    assert found.equals(new) and r_found == r_new == pytest.approx(r)
    # By hand: "yes" was a and is b; its probability stays that of the label.
    for old, row in zip(before.iter_rows(named=True), found.iter_rows(named=True), strict=True):
        assert (old["keys"], row["keys"]) == (["a", "b"], ["b", "a"])
        assert old["logprobs"] == row["logprobs"]
    # And back.
    write(tmp_path, ("a", "b"))
    again, r_again = measured(tmp_path, "out")
    assert again.equals(before) and r_again == r


@pytest.mark.parametrize("change", [{"keys": ("take", "leave")}, {"family": "gift"}])
def test_other_names_are_those_of_today(tmp_path: Path, change: dict[str, Any]) -> None:
    write(tmp_path, ("a", "b"))
    measured(tmp_path, "out")
    write(tmp_path, **{"keys": ("a", "b"), **change})
    found, r = measured(tmp_path, "out")
    new, r_new = measured(tmp_path, "new")
    assert found.equals(new) and r == r_new
    if "keys" in change:
        assert set(map(tuple, found["keys"].to_list())) == {("take", "leave")}
    else:
        assert set(found["family"]) == {"gift"}
