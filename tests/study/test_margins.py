"""The margins of the verdict, which a study may set."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.studies import run, study_file
from tremble.errors import UserError
from tremble.stats.verdict.answer import MARGINS, Margins
from tremble.study.file import read_study, study_from

_FILE = '[study]\nname = "s"\n[[model]]\nid = "mock:a"\n'


def _margins(text: str) -> Margins:
    return study_from(_FILE + text, Path("s.toml")).margins


def test_margins_that_are_named_count_and_the_others_stay() -> None:
    assert _margins("") == MARGINS
    assert _margins("[verdict]\nlevel = 0.1\nfar = 1") == Margins(level=0.1, far=1.0)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("level = 5", "level in [verdict] is 5; it must be a number from 0 to 1"),
        ("level = true", "level in [verdict] is true; it must be a number from 0 to 1"),
        ('mass = "0.5"', "mass in [verdict] is '0.5'; it must be a number from 0 to 1"),
        ("level = nan", "level in [verdict] is nan; it must be a number from 0 to 1"),
        ("levels = 0.1", "unknown key 'levels' in [verdict]; did you mean 'level'?"),
        ("near = 0.2", "near in [verdict] is 0.2, which is above far, 0.1; swap them"),
    ],
)
def test_margins_that_are_none_are_refused(text: str, said: str) -> None:
    with pytest.raises(UserError) as caught:
        _margins(f"[verdict]\n{text}")
    assert said in str(caught.value)


def test_the_record_holds_margins_only_where_they_are_set(data: Path) -> None:
    """So that records of other studies stay as they are."""
    path = study_file(data)
    run(path, data / "out")
    assert "margins" not in json.loads((data / "out" / "run.json").read_text("utf-8"))
    path.write_text(path.read_text("utf-8") + "\n[verdict]\nlevel = 0.2\n", "utf-8")
    assert read_study(path).margins.level == 0.2
    run(path, data / "out")
    held = json.loads((data / "out" / "run.json").read_text("utf-8"))["margins"]
    assert Margins(**held) == Margins(level=0.2)
