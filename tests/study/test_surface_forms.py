"""A study from end to end: a model that writes YES and No, with a byte or two of doubt."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from tests.support.stored import as_stored_by_0_1
from tremble.api.results import analyze_study, further_analysis
from tremble.decisions import jsonl
from tremble.engines.mock import MockEngine
from tremble.errors import UserError
from tremble.models.open import ReadyModel
from tremble.store.schemas import SCORES, completed
from tremble.store.study_folder import Store
from tremble.study.file import read_study
from tremble.study.notes import caveats
from tremble.study.run import score_study

OPENING = '{"decision": "'


def speaking(answers: dict[str, float]) -> Any:
    """A byte model that, after the opening, writes one of these texts, and a quote."""
    opening = OPENING.encode()
    written = [(f'{text}"'.encode(), share) for text, share in answers.items()]

    def next_token(before: tuple[int, ...]) -> np.ndarray:
        so_far = bytes(byte for byte in before if byte < 256).rpartition(opening)[2]
        row = np.full(257, 1e-12)
        for text, share in written:
            if text.startswith(so_far) and len(text) > len(so_far):
                row[text[len(so_far)]] += share
        return row / row.sum()

    return next_token


SHARES = {"YES": 0.6, " No": 0.3, "buy": 0.06, "no": 0.01, "perhaps": 0.03}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    def opened(model: ReadyModel, *_: Any) -> MockEngine:
        name = model.spec.id
        return MockEngine(name, speaking(SHARES) if name == "mock:loud" else None)

    monkeypatch.setattr("tremble.engines.mock.open_engine", opened)
    options = [
        {"key": "b", "label": "yes", "spellings": ["buy"]},
        {"key": "n", "label": "no"},
    ]
    lines = [
        {"id": f"d{i}", "prompt": f"Round {i}", "options": options, "choice": "bn"[i % 2]}
        for i in range(12)
    ]
    (tmp_path / "mine.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return tmp_path


def run(folder: Path, surface_forms: str | None, models: Sequence[str] = ("loud",)) -> Path:
    asked = "" if surface_forms is None else f'spellings = "{surface_forms}"\n'
    named = "".join(f'[[model]]\nid = "mock:{model}"\n' for model in models)
    path = folder / "s.toml"
    path.write_text(
        f'[study]\nname = "s"\ndata = ["mine.jsonl"]\nformats = ["plain"]\n{asked}{named}'
    )
    assert score_study(read_study(path), folder / "out", lambda _: None) == 0
    return folder / "out"


@pytest.mark.slow
def test_a_model_that_answers_in_another_spelling_is_read(folder: Path) -> None:
    exact = analyze_study(run(folder, None))[0].models[0]
    assert exact["mass"] == pytest.approx(0.01, abs=1e-6)  # the little "no"
    out = run(folder, "all")
    analysis, scores, _ = analyze_study(out)
    # All but "perhaps" is an answer.
    assert analysis.models[0]["mass"] == pytest.approx(0.97, abs=1e-6)
    said = analysis.evidence.predictions.filter(pl.col("key") == "b")["prediction"]
    assert said.to_list() == pytest.approx([0.66 / 0.97] * 12, abs=1e-6)
    assert scores["mass_exact"].to_list() == pytest.approx([0.01] * 12, abs=1e-6)
    first = scores.row(0, named=True)
    assert [math.exp(x) for x in first["logprobs"]] == pytest.approx([0.66, 0.31], abs=1e-6)
    assert [math.exp(x) for x in first["exact_logprobs"]] == pytest.approx([0, 0.01], abs=1e-6)
    (row,) = further_analysis(analysis, ["spellings"])["spellings"]
    assert (row["mass_exact"], row["mass"]) == pytest.approx((0.01, 0.97), abs=1e-6)
    assert row["spellings"] == 'b: "YES" .600, "buy" .060; n: " No" .300, "no" .010'
    assert any("add up all alternative spellings" in note for note in caveats(out))


@pytest.mark.slow
def test_both_readings_stay_on_disk_and_neither_is_computed_twice(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = [analyze_study(run(folder, how))[1]["row_key"].to_list() for how in (None, "all")]
    assert not set(keys[0]) & set(keys[1])
    monkeypatch.setattr(MockEngine, "score", lambda *_: pytest.fail("scored again"))
    assert analyze_study(run(folder, "exact"))[1]["row_key"].to_list() == keys[0]


def test_the_table_holds_r_of_both_readings(folder: Path) -> None:
    out = run(folder, "all", ["loud", "any"])
    analysis, scores, decisions = analyze_study(out)
    rows = further_analysis(analysis, ["spellings"])["spellings"]
    row = next(row for row in rows if row["model"] == "mock:any")
    mine = scores.filter(pl.col("model") == "mock:any").join(decisions, on="decision")
    chose = (mine["choice"] == "b").to_numpy().astype(float)
    for name, column in (("r", "logprobs"), ("r_exact", "exact_logprobs")):
        shares = np.exp(np.array(mine[column].to_list()))
        expected = np.corrcoef(shares[:, 0] / shares.sum(axis=1), chose)[0, 1]
        assert row[name] == pytest.approx(expected)
    assert row["mass"] == pytest.approx(0.9)
    assert row["mass_exact"] == pytest.approx(mine["mass_exact"].to_numpy().mean())
    loud = next(row for row in rows if row["model"] == "mock:loud")
    assert loud["r"] is None
    assert loud["note"]  # every decision reads alike


def test_an_exact_study_has_no_table_and_no_note(folder: Path) -> None:
    out = run(folder, "exact")
    analysis, scores, _ = analyze_study(out)
    assert further_analysis(analysis, ["spellings"]) == {"spellings": []}
    assert not any("spellings" in note for note in caveats(out))
    assert scores["mass_exact"].null_count() == scores.height


def test_scores_of_an_earlier_version_are_read(folder: Path) -> None:
    out = run(folder, None)
    before = Store(out).scores()
    new = ["exact_logprobs", "mass_exact", "spellings", "spelling_logprobs"]
    as_stored_by_0_1(out)
    (path,) = out.rglob("part-*.parquet")
    pl.read_parquet(path).drop(new).write_parquet(path)
    assert Store(out).scores().equals(before)
    filled = completed(pl.DataFrame({"mass": [0.5]}), SCORES)
    assert set(filled.columns) == set(SCORES)
    assert filled.row(0, named=True)["mass"] == 0.5


def test_families_declare_words_for_their_own_labels(tmp_path: Path) -> None:
    from tremble.datasets.base import Notes
    from tremble.datasets.demo import load
    from tremble.models.open import open_tokenizer
    from tremble.models.spec import ModelSpec, RunOptions
    from tremble.prompts.asked import Asked
    from tremble.prompts.formulations import standard
    from tremble.study.render import prompts_of

    (tmp_path / "s.toml").write_text(
        '[study]\nname = "s"\ndata = ["demo"]\nspellings = "all"\n[[model]]\nid = "mock"\n'
    )
    study = read_study(tmp_path / "s.toml")
    opened = open_tokenizer(ModelSpec("mock"), RunOptions(), lambda _: None)
    buyer = next(d for d in load(tmp_path, Notes()) if d.family == "persuasion")
    (prompt,) = prompts_of(
        [buyer], standard, None, opened.tokenizer, study.how_read(Asked("standard"))
    )
    assert prompt.paths.surface_forms is not None
    found = dict(zip(prompt.keys, prompt.paths.surface_forms.texts, strict=True))
    assert {"buy", "Buy", " Yes"} <= set(found["yes"])
    assert {"don't", "NO"} <= set(found["no"])


def test_declared_spellings_are_part_of_a_record(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    options: list[Any] = [{"key": "y", "label": "yes", "spellings": ["buy", "buy"]}, "no"]

    def read() -> Any:
        path.write_text(json.dumps({"prompt": "?", "options": options, "choice": "y"}))
        return list(jsonl.read(path))

    found = read()
    assert [option.surface_forms for option in found[0].options] == [("buy",), ()]
    jsonl.write(found, tmp_path / "again.jsonl")
    assert next(jsonl.read(tmp_path / "again.jsonl")).options == found[0].options
    options[1] = {"key": "n", "label": "no", "spellings": ["buy"]}
    with pytest.raises(UserError, match="'buy' is a spelling of both 'y' and 'n'"):
        read()
    for wrong in ("pass", [""], [1]):
        options[1] = {"key": "n", "label": "no", "spellings": wrong}
        with pytest.raises(UserError, match="must be a list of non-empty texts"):
            read()


def test_another_word_in_the_study_file_is_refused(folder: Path) -> None:
    with pytest.raises(
        UserError, match=r"""spellings is 'every'; it must be one of "exact", "all"\."""
    ):
        run(folder, "every")
