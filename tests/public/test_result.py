"""Results: every table is that of the command, and what notebooks show is safe."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import tremble as tr
from tests.support.commands import tremble
from tests.support.public_records import records
from tremble.models.spec import ModelSpec
from tremble.study import context

pytestmark = pytest.mark.slow

NASTY = "<script>alert('x')</script>"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study with two pairs, a contrast, and a text that no page may obey."""
    out = tmp_path_factory.mktemp("runs") / "mine"
    given = records(40)
    given[0]["prompt"] += NASTY
    tr.Study(
        "mine",
        data=tr.read_decisions(given, dataset="mine"),
        pairs=[("mock:base", "mock:aligned")],
        contrasts=["frame=neutral"],
    ).run(out)
    return out


@pytest.fixture
def result(folder: Path) -> tr.Result:
    return tr.open_study(folder)


def refusal(call: Callable[[], object]) -> str:
    with pytest.raises(tr.UserError) as error:
        call()
    assert "\n" not in str(error.value)
    return str(error.value)


def rows_of(frame: pl.DataFrame) -> list[dict[str, Any]]:
    """The rows, numbers up to the last digits: sums over groups come in any order."""
    return [
        {name: pytest.approx(v) if isinstance(v, float) else v for name, v in row.items()}
        for row in frame.to_dicts()
    ]


def said(*arguments: object) -> object:
    code, out, error = tremble(*arguments, "--json")
    assert code == 0, error
    return json.loads(out)


def test_every_table_is_that_of_the_command(folder: Path, result: tr.Result) -> None:
    whole = said("analyze", folder)
    assert isinstance(whole, dict)
    assert list(whole) == ["notes", *(name for name in result.tables if name != "verdict")]
    for name in result.tables:
        rows = said("verdict", folder) if name == "verdict" else whole[name]
        assert isinstance(rows, list)
        table = result.table(name)
        assert table.height == len(rows), name
        if rows:  # the frames of the first tables have columns more
            assert set(rows[0]) <= set(table.columns), name
            assert rows_of(table.select(list(rows[0]))) == rows, name
    assert result.table("models").equals(result.models)
    assert result.table("pairs").equals(result.pairs)
    assert result.notes == whole["notes"]


def test_by_and_contrast_are_those_of_the_command(folder: Path, result: tr.Result) -> None:
    by = said("analyze", folder, "--by", "stakes")
    assert isinstance(by, dict)
    made = result.by("stakes")
    assert {name: rows_of(frame) for name, frame in made.items()} == by["by"]["stakes"]
    asked = said("analyze", folder, "--contrast", "stakes=0")
    assert isinstance(asked, dict)
    effects = result.contrast("stakes=0")
    for name, frame in effects.items():
        assert rows_of(frame) == asked[name]
    both = result.contrast(["frame", "frame:stakes"])["contrasts"]
    assert set(both["contrast"]) == {"frame", "frame:stakes"}


def test_the_verdict_is_the_commands(folder: Path, result: tr.Result) -> None:
    verdict = result.verdict()
    assert rows_of(verdict.table) == said("verdict", folder)
    assert len(verdict.answers) == 10  # five questions of two models
    shown = tremble("verdict", folder)[1].splitlines()
    for answer in verdict.answers:
        _, _, sentence = answer.partition("custom. ")
        assert any(sentence.startswith(line[:30]) for line in shown if line), sentence
    assert all(line in shown for line in repr(verdict).splitlines()[:4])
    assert result.verdict(family="custom").table.equals(verdict.table)
    other = result.verdict(contrast="stakes=0")
    assert rows_of(other.table) == said("verdict", folder, "--contrast", "stakes=0")
    assert refusal(lambda: result.verdict("bargaining")) == (
        "The study has no family 'bargaining'; choose from: custom."
    )


def test_tidy_is_what_the_command_exports(folder: Path, result: tr.Result, tmp_path: Path) -> None:
    assert tremble("export", folder, "--to", "parquet", "--out", tmp_path / "t.parquet")[0] == 0
    assert_frame_equal(result.tidy(), pl.read_parquet(tmp_path / "t.parquet"))
    book = list(csv.DictReader(io.StringIO((tmp_path / "t.codebook.csv").read_text())))
    assert [row["column"] for row in book] == result.codebook()["column"].to_list()
    assert [row["meaning"] for row in book] == result.codebook()["meaning"].to_list()


def test_the_page_is_the_commands_and_replaces_nothing_else(
    folder: Path, result: tr.Result, tmp_path: Path
) -> None:
    page = result.report(tmp_path / "sub" / "mine.html")
    assert page == tmp_path / "sub" / "mine.html"
    assert tremble("report", folder, "--out", tmp_path / "other.html")[0] == 0
    assert page.read_text() == (tmp_path / "other.html").read_text()
    own = tmp_path / "own.html"
    own.write_text("mine")
    assert refusal(lambda: result.report(own)) == (
        f"{own} already exists and is not a page of tremble; give another path."
    )
    assert own.read_text() == "mine"
    assert result.report() == folder / "report" / "index.html"


def test_an_xray_is_the_commands(folder: Path, result: tr.Result) -> None:
    look = result.xray("mine/loss3")
    assert look.facts == said("xray", folder, "mine/loss3")
    assert [one["model"] for one in look.readings] == ["mock:base", "mock:aligned"]
    assert look.people["choice"] in ("keep", "share")
    one = result.xray("mine/loss3", "mock:base", format="chat").readings
    assert {reading["format"] for reading in one} == {"chat"}
    assert "mine/loss3" in repr(look)
    assert "did you mean" in refusal(lambda: result.xray("mine/los3"))
    assert refusal(lambda: result.xray("mine/loss3", formats="chat")) == (  # type: ignore[call-arg]
        "xray has no argument 'formats'; did you mean 'format'?"
    )


def test_what_notebooks_show_is_escaped_and_in_a_frame_of_its_own(result: tr.Result) -> None:
    framed = result.xray("mine/neutral0")._repr_html_()
    head, _, rest = framed.partition('srcdoc="')
    page, _, end = rest.rpartition('"')
    assert head.startswith('<iframe sandbox=""') and end == "></iframe>"
    assert '"' not in page and "<" not in page
    assert NASTY not in unescape(page) and "&lt;script&gt;" in unescape(page)
    for shown in (result._repr_html_(), result.verdict()._repr_html_()):
        assert shown.startswith('<div class="tremble">') and "<table>" in shown
        assert "mock:base" in shown
    assert "Built-in fake models: " in result._repr_html_()


def test_charts_are_altairs_and_those_of_the_page(result: tr.Result) -> None:
    assert list(result.charts) == ["pairs-0", "outcomes-0", "outcomes-1"]
    chart = result.chart("pairs-0")
    assert type(chart).__module__.startswith("altair")
    (values,) = (one["values"] for one in [chart.to_dict()["data"]])
    row = result.pairs.row(0, named=True)
    assert [(one["base"], one["aligned"]) for one in values] == [(row["r_base"], row["r_aligned"])]
    assert refusal(lambda: result.chart("pairs")) == (
        "There is no chart 'pairs'; did you mean 'pairs-0'?"
    )


def test_a_wrong_name_is_one_sentence(result: tr.Result, tmp_path: Path) -> None:
    assert refusal(lambda: result.table("interval")) == (
        "There is no table 'interval'; did you mean 'intervals'?"
    )
    assert "colour" in refusal(lambda: result.by("colour"))
    assert "colour" in refusal(lambda: result.contrast("colour=red"))
    assert "does not exist; give the folder" in refusal(lambda: tr.open_study(tmp_path / "none"))
    alone = tr.Study("a", data="demo", families="lottery", sample=40, models=["mock"])
    other = alone.run(tmp_path / "a")
    assert refusal(lambda: other.table("contrasts")) == (
        "The study 'a' has no contrast, so there is no table 'contrasts'; say what you varied, "
        'with contrast("KEY=CONTROL") or as contrasts of the study.'
    )
    assert other.pairs.height == 0 and "r_base" in other.pairs.columns


def test_a_model_that_cannot_be_had_is_in_the_notes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = context.open_tokenizer  # type: ignore[attr-defined]

    def gated(model: ModelSpec, *rest: Any) -> Any:
        if model.id == "mock:gone":
            raise tr.ModelUnavailable("mock:gone is gated; ask for it.")
        return inner(model, *rest)

    monkeypatch.setattr(context, "open_tokenizer", gated)
    models = ["mock:one", "mock:gone"]
    result = tr.Study("a", data=tr.read_decisions(records(5)), models=models).run(tmp_path / "a")
    assert result.notes[:2] == [
        "1 model is unavailable (mock:gone), so scores are missing in every table; run the same "
        "command again to retry.",
        "mock:gone is unavailable, so its scores are missing. mock:gone is gated; ask for it.",
    ]
    assert "is gated" in result._repr_html_() and "is gated" in result.verdict()._repr_html_()


def test_frames_are_for_pandas_too(result: tr.Result) -> None:
    pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    assert list(result.models.to_pandas().columns) == result.models.columns


def every_answer(result: tr.Result, page: Path) -> list[Callable[[], object]]:
    """All that a result has numbers in."""
    return [
        lambda: result.models,
        lambda: result.table("intervals"),
        lambda: result.by("stakes"),
        lambda: result.contrast("frame=neutral"),
        result.verdict,
        result.tidy,
        result.codebook,
        lambda: result.xray("mine/loss3"),
        lambda: result.report(page),
        lambda: result.charts,
        lambda: result.chart("outcomes-0"),
        lambda: result.notes,
    ]


@pytest.mark.parametrize("looked", [True, False])
def test_a_result_is_of_one_state_of_its_folder(tmp_path: Path, looked: bool) -> None:
    def run(count: int) -> tr.Result:
        data = tr.read_decisions(records(count), dataset="mine")
        return tr.Study("mine", data=data, models=["mock:one"]).run(tmp_path / "runs")

    first = run(30)
    if looked:  # kept, so that a later table would be of other data than this one
        assert first.models["n"].to_list() == [60]
        assert first.charts
    same = run(30)  # all is there: nothing changes
    assert first.tidy().height == same.tidy().height == 60
    second = run(45)
    page = tmp_path / "page.html"
    cure = f"open it again with tr.open_study('{tmp_path / 'runs'}')."
    for answer in every_answer(first, page):
        said_now = refusal(answer)
        assert "was run again since" in said_now and said_now.endswith(cure)
    assert not page.exists()
    assert "was run again since" in repr(first) and "was run again since" in first._repr_html_()
    assert "<table>" not in first._repr_html_()
    for result in (second, tr.open_study(tmp_path / "runs")):
        assert result.models["n"].to_list() == [90] and result.tidy().height == 90
        assert "90 decisions" in repr(result)


def test_a_result_of_a_study_that_went_on_is_refused(tmp_path: Path) -> None:
    """The record of a run is the same before and after the last part is written."""
    study = tr.Study("mine", data=tr.read_decisions(records(20)), models=["mock:one"])
    whole = study.run(tmp_path / "runs")
    (part,) = (tmp_path / "runs").rglob("part-*.parquet")
    (part.parent / "manifest.json").unlink()
    part.unlink()
    half = tr.open_study(tmp_path / "runs")
    assert half.tidy().height == 0
    study.run(tmp_path / "runs")
    assert "was run again since" in refusal(half.tidy)
    assert whole.tidy()["prediction"].len() == 40  # its parts are there again
