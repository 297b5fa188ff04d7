"""A single score in words: its predictions are those of a study."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path

import numpy as np
import pytest

from tests.support.commands import tremble, write_study
from tests.support.toys import save_tiny
from tremble.decisions.record import Option
from tremble.engines.base import Score, scored_options
from tremble.models.byte_tokenizer import ByteTokenizer
from tremble.report.terminal.console import show_scored
from tremble.report.terminal.shown import ShownConsole
from tremble.stats.frames.predictions import normalised, scored_presentations
from tremble.store.study_folder import Store

TWO = [Option("a", "yes"), Option("b", "no")]


@pytest.mark.parametrize(
    "logprobs",
    [(-0.5, -2.5), (-2000.0, -2001.0), (-math.inf, -3.0), (-800.0, -math.inf), (-745.0, -744.5)],
)
def test_predictions_are_those_of_a_study(logprobs: tuple[float, float]) -> None:
    told = scored_options(TWO, Score(0, logprobs, first_mass=0.5), ByteTokenizer())
    expected = normalised(np.array(logprobs), np.array([2]))
    assert [option["prediction"] for option in told["options"]] == pytest.approx(expected)


@pytest.mark.parametrize("logprobs", [(-math.inf, -math.inf), (None, -1.0), ()])
def test_there_is_no_prediction_without_probabilities(logprobs: tuple[float | None, ...]) -> None:
    told = scored_options(TWO, Score(0, logprobs), ByteTokenizer())
    assert [option["prediction"] for option in told["options"]] == [None, None]


def test_an_option_without_any_probability_is_shown() -> None:
    out = io.StringIO()
    told = scored_options(TWO, Score(0, (-math.inf, -1.0), first_mass=None), ByteTokenizer())
    whole = {**told, "model": "m", "format": "plain", "id": "1", "error": None, "warning": None}
    show_scored({**whole, "prompt_tokens": 3, "join": False}, ShownConsole(file=out, width=80))
    lines = out.getvalue().splitlines()
    assert lines[2].split() == ["yes", "0.0000", "0.0000", "–"]
    assert lines[3].split() == ["no", "0.3679", "1.0000", "-1.0000"]


@pytest.mark.model
def test_labels_of_150_words_have_the_prediction_of_a_study(tmp_path: Path) -> None:
    """Each has a probability too small for a number."""
    folder = save_tiny(tmp_path / "model")
    labels = [f"{word} " * 149 + word for word in ("accept", "reject")]
    record = {"id": "long", "prompt": "Take it?", "options": labels, "choice": labels[0]}
    study = write_study(tmp_path, [record])
    study.write_text(
        f'[study]\nname = "s"\ndata = ["mine.jsonl"]\n[[model]]\nid = {str(folder)!r}\n', "utf-8"
    )
    assert tremble("run", study, "--out", tmp_path / "out")[0] == 0
    shares = scored_presentations(Store(tmp_path / "out").scores())["share"].to_list()
    code, out, _ = tremble("score", "--model", folder, "--json", stdin=json.dumps(record))
    told = json.loads(out)["options"]
    assert code == 0
    assert [option["probability"] for option in told] == [0.0, 0.0]
    assert [option["prediction"] for option in told] == pytest.approx(shares, abs=1e-4)
    assert min(shares) > 0
