"""What `tremble plan` says of people and items, and of the questions that they can answer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.support.commands import write_study
from tremble.api.plan import plan_study
from tremble.study.file import read_study


def _asked(text: str, **more: Any) -> dict[str, Any]:
    return {"prompt": text, "options": ["yes", "no"], "choice": "yes", **more}


def test_a_plan_counts_prompts_people_and_items_and_says_what_they_can_answer(
    tmp_path: Path,
) -> None:
    records = [
        _asked(f"Take ${item}?", participant=f"p{who}") for who in range(20) for item in "abc"
    ]
    study = read_study(write_study(tmp_path, records))
    (row,) = plan_study(study, tmp_path / "out", print)["families"]
    assert (row["prompts"], row["people"], row["items"], row["decisions"]) == (3, 20, 3, 60)
    assert row["answers"]["ranking"] == "20 people on only 3 items (an interval needs 5 items)"
    assert row["answers"]["distribution"] == "with two options, the levels say everything"
    apart = read_study(write_study(tmp_path, [_asked(f"Take ${item}?") for item in range(60)]))
    (row,) = plan_study(apart, tmp_path / "out", print)["families"]
    assert "neither participant nor game is known" in row["answers"]["ranking"]
    (row,) = plan_study(replace(apart, one_decision_each=True), tmp_path / "out", print)["families"]
    assert row["answers"]["ranking"] == "one outcome only" or row["answers"]["ranking"] is None


def test_a_contrast_of_the_study_file_is_among_the_questions(tmp_path: Path) -> None:
    records = [
        _asked(f"Take ${item}, {frame}?", participant=f"p{who}", config={"frame": frame})
        | {"choice": "yes" if (item + who) % 3 else "no"}
        for item in range(12)
        for frame in ("gain", "loss")
        for who in range(20)
    ]
    path = write_study(tmp_path, records)
    answers = [
        plan_study(read_study(path), tmp_path / "out", print)["families"][0]["answers"]["effects"]
    ]
    text = path.read_text("utf-8") + '\n[[contrast]]\nby = "frame"\ncontrol = "gain"\n'
    path.write_text(text, "utf-8")
    answers.append(
        plan_study(read_study(path), tmp_path / "out", print)["families"][0]["answers"]["effects"]
    )
    assert answers == ["no [[contrast]]", None]
