"""A study from file to tables with the mock engine: what is written, resumed, and left alone."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.support.studies import PAIR, parts, run, scores, study_file
from tests.support.toys import save_tiny
from tremble.api.results import analyze_study
from tremble.decisions import jsonl
from tremble.engines.mock import MockEngine
from tremble.errors import UserError
from tremble.store.study_folder import Store
from tremble.study.file import read_study
from tremble.study.notes import caveats


def test_every_decision_is_scored_once_per_presentation(data: Path) -> None:
    assert run(study_file(data), data / "out") == 0
    frame = scores(data / "out")
    decisions = list(jsonl.read(data / "mine.jsonl"))
    both = sum(decision.family == "lottery" for decision in decisions)
    assert frame.height == 2 * (len(decisions) + both)
    assert set(frame["format"]) == {"plain", "chat"}  # native: base plain, aligned chat
    assert frame.filter(pl.col("model") == "mock:base")["format"].unique().to_list() == ["plain"]
    assert frame["error"].null_count() == frame.height
    assert frame["mass"].to_list() == pytest.approx([0.9] * frame.height)


def test_the_store_is_laid_out_as_documented(data: Path) -> None:
    out = data / "out"
    run(study_file(data), out)
    assert (out / "study.toml").read_text() == study_file(data).read_text()
    cells = sorted(path.parent for path in out.rglob("manifest.json"))
    assert len(cells) == 2
    for cell in cells:
        model, dataset, wording = cell.relative_to(out / "scores").parts
        assert model.startswith("mock-")
        assert dataset.startswith("mine.jsonl-")
        assert wording.startswith("standard.")
        assert list(cell.glob("part-*.parquet"))
        manifest = json.loads((cell / "manifest.json").read_text())
        assert manifest["versions"]["tremble"]
        if manifest["format"] == "chat":
            assert manifest["template"]["date"] == "2026-01-01"
    assert not list(out.rglob("*.tmp"))


def test_the_same_command_again_does_nothing(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(study_file(data), data / "out")
    before = parts(data / "out")
    monkeypatch.setattr(MockEngine, "score", lambda *_: pytest.fail("scored again"))
    run(study_file(data), data / "out")
    assert parts(data / "out") == before


@pytest.mark.slow
def test_new_decisions_add_parts_and_old_ones_stay(data: Path) -> None:
    path, out = study_file(data), data / "out"
    decisions = list(jsonl.read(data / "mine.jsonl"))
    jsonl.write(decisions[:20], data / "mine.jsonl")
    run(path, out)
    before = parts(out)
    jsonl.write(decisions, data / "mine.jsonl")
    run(path, out)
    after = parts(out)
    assert before.items() <= after.items()
    assert len(after) > len(before)
    whole = data / "whole"
    run(path, whole)
    assert scores(out).equals(scores(whole))


@pytest.mark.slow
def test_a_changed_prompt_is_scored_anew_and_changed_back_not_again(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, out = study_file(data), data / "out"
    own = {"id": "x", "prompt": "One?", "options": ["yes", "no"], "choice": "yes"}
    mine = data / "mine.jsonl"
    seen = []
    for prompt in ("One?", "Two?"):
        mine.write_text(json.dumps({**own, "prompt": prompt}) + "\n")
        run(path, out)
        seen.append(scores(out)["row_key"].to_list())
    assert seen[0] != seen[1]
    monkeypatch.setattr(MockEngine, "score", lambda *_: pytest.fail("scored again"))
    mine.write_text(json.dumps(own) + "\n")
    run(path, out)
    assert scores(out)["row_key"].to_list() == seen[0]


def test_identical_prompts_are_computed_once(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = {"prompt": "One?", "options": ["yes", "no"], "choice": "yes"}
    lines = [json.dumps({**own, "id": str(i)}) for i in range(10)]
    (data / "mine.jsonl").write_text("\n".join(lines))
    asked: list[int] = []
    inner = MockEngine.score

    def counting(self: MockEngine, prompts: Any) -> Any:
        asked.append(len(prompts))
        return inner(self, prompts)

    monkeypatch.setattr(MockEngine, "score", counting)
    run(study_file(data), data / "out")
    assert asked == [1, 1]
    assert scores(data / "out").height == 20


def test_two_models_never_share_a_score(data: Path) -> None:
    """Same name, other weights: another key, another folder, other numbers."""
    folder = data / "model"
    text = f"[[model]]\nid = {json.dumps(str(folder))}\n"
    save_tiny(folder, seed=0)
    run(study_file(data, text), data / "out")
    first = scores(data / "out")
    for path in folder.iterdir():
        path.unlink()
    save_tiny(folder, seed=1)
    run(study_file(data, text), data / "out")
    second = scores(data / "out")
    assert first["row_key"].to_list() == second["row_key"].to_list()
    assert first["mass"].to_list() != second["mass"].to_list()
    assert len(list((data / "out" / "scores").iterdir())) == 2


@pytest.mark.slow
def test_both_chat_gives_the_base_its_partners_template(data: Path) -> None:
    run(study_file(data, formats=["plain", "chat"]), data / "out")
    analysis, frame, _ = analyze_study(data / "out")
    chat = frame.filter(pl.col("format") == "chat", pl.col("model") == "mock:base")
    assert chat["template"].unique().to_list() == ["mock:aligned"]
    assert {row["mode"] for row in analysis.pairs} == {"plain", "chat"}


def test_a_row_that_could_not_be_scored_stays_missing(data: Path) -> None:
    """No null turns into a number on the way through disk and resume."""
    own = {"id": "x", "prompt": "Go?", "options": ["Option J", "Option F"], "choice": "Option J"}
    (data / "mine.jsonl").write_text(json.dumps(own) + "\n")
    path = study_file(data, reading="next_token")
    assert run(path, data / "out") == 2
    assert run(path, data / "out") == 2
    frame = scores(data / "out")
    assert frame["mass"].to_list() == [None, None]
    assert frame["logprobs"].to_list() == [None, None]
    analysis, *_ = analyze_study(data / "out")
    assert [(row["n"], row["missing"], row["r"]) for row in analysis.models] == [(0, 1, None)] * 2


def test_too_long_prompts_can_be_counted_as_missing(data: Path) -> None:
    folder = save_tiny(data / "model")
    config = json.loads((folder / "config.json").read_text())
    config["max_position_embeddings"] = 60
    (folder / "config.json").write_text(json.dumps(config))
    text = f"[[model]]\nid = {json.dumps(str(folder))}\n"
    lines = [
        {"id": "short", "prompt": "Go?", "options": ["yes", "no"], "choice": "yes"},
        {"id": "long", "prompt": "Go? " * 99, "options": ["yes", "no"], "choice": "yes"},
    ]
    (data / "mine.jsonl").write_text("\n".join(map(json.dumps, lines)))
    with pytest.raises(UserError, match=r"'long' has \d+ tokens, but .* takes 60"):
        run(study_file(data, text), data / "out")
    assert not (data / "out").exists()
    text += '[run]\ntoo_long = "missing"\n'
    assert run(study_file(data, text), data / "out") == 1
    assert scores(data / "out").sort("decision")["error"].is_null().to_list() == [False, True]


def test_an_unfinished_study_says_so(data: Path) -> None:
    out = data / "out"
    run(study_file(data), out)
    first, *others = [out / job["folder"] for job in Store(out).read_run()["jobs"]]
    for job in (first, *others):
        (job / "manifest.json").unlink()
    found = [line for line in caveats(out) if "Not finished" in line]
    name = str(first.relative_to(out))
    count = len(others)
    assert count and found == [
        f"Not finished: {name} and {count} more of {count + 1} jobs; run the same `tremble run` "
        "again to resume."
    ]


def test_a_half_written_file_is_never_read(data: Path) -> None:
    out = data / "out"
    run(study_file(data), out)
    expected = scores(out)
    part = next(out.rglob("part-*.parquet"))
    (part.parent / ".part-000009.parquet.tmp").write_bytes(part.read_bytes()[:100])
    assert scores(out).equals(expected)
    run(study_file(data), out)
    assert not list(out.rglob("*.tmp"))


@pytest.mark.slow
def test_scores_of_an_earlier_wording_never_stand_beside_new_decisions(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The data change under the same ids and the run is interrupted: missing, not mixed."""
    path, out = study_file(data), data / "out"
    own = [{"id": str(i), "prompt": f"{i}?", "options": ["y", "n"], "choice": "y"} for i in (1, 2)]
    (data / "mine.jsonl").write_text("\n".join(map(json.dumps, own)))
    run(path, out)
    changed = [{**own[0], "prompt": "New?", "choice": "n"}, own[1]]
    (data / "mine.jsonl").write_text("\n".join(map(json.dumps, changed)))
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(MockEngine, "score", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
        run(path, out)
    analysis, frame, _ = analyze_study(out)
    assert frame["decision"].unique().to_list() == ["2"]
    assert [(row["n"], row["missing"]) for row in analysis.models] == [(1, 1), (1, 1)]
    assert any("Not finished" in line for line in caveats(out))
    run(path, out)
    assert scores(out).height == 4


def test_equal_ids_in_two_files_are_refused(data: Path) -> None:
    for name in ("one", "two"):
        own = {"id": "x", "prompt": f"Go {name}?", "options": ["yes", "no"], "choice": "yes"}
        (data / f"{name}.jsonl").write_text(json.dumps(own))
    with pytest.raises(UserError, match=r"'x' appears in 'one.jsonl' and in 'two.jsonl'"):
        run(study_file(data, data=["one.jsonl", "two.jsonl"]), data / "out")


def test_damaged_studies_are_one_sentence(data: Path) -> None:
    path, out = study_file(data), data / "out"
    run(path, out)
    part = next(out.rglob("part-*.parquet"))
    whole = part.read_bytes()
    part.write_bytes(whole[:50])
    with pytest.raises(UserError, match=r"part-000000-\w+\.parquet' is damaged"):
        analyze_study(out)
    part.write_bytes(whole)
    analyze_study(out)
    next((out / "decisions").iterdir()).unlink()
    with pytest.raises(UserError, match="is missing"):
        analyze_study(out)
    (out / "run.json").write_text("{")
    with pytest.raises(UserError, match=r"run\.json' is damaged"):
        analyze_study(out)
    for text in ("x = 1", "x ="):
        (out / "study.toml").write_text(text)
        assert run(path, out) == 0
        analyze_study(out)


def test_a_folder_killed_at_the_very_start_can_be_used(data: Path) -> None:
    (data / "out").mkdir()
    (data / "out" / ".lock").touch()
    (data / "out" / ".study.toml.tmp").touch()
    assert run(study_file(data), data / "out") == 0


@pytest.mark.slow
def test_what_was_scored_is_on_disk_within_seconds(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clock that gains a second a prompt: never more than the promised seconds are in memory."""
    from tremble.study import score as scoring

    assert scoring.FLUSH_SECONDS <= 30
    seconds = itertools.count()
    monkeypatch.setattr(scoring.time, "monotonic", lambda: float(next(seconds)))  # type: ignore[attr-defined]
    unwritten = [0]
    inner = MockEngine.score

    def watching(self: MockEngine, prompts: Any) -> Any:
        for done, row in enumerate(inner(self, prompts)):
            rows = sum(pl.read_parquet(p)["row_key"].n_unique() for p in parts(data / "out"))
            unwritten.append(done - rows if self.name == "mock:base" else 0)
            yield row

    monkeypatch.setattr(MockEngine, "score", watching)
    run(study_file(data), data / "out")
    assert 1 < max(unwritten) <= 2 * scoring.FLUSH_SECONDS


def test_another_studys_folder_is_refused(data: Path) -> None:
    run(study_file(data), data / "out")
    with pytest.raises(UserError, match="contains the study 'trial', not 'other'"):
        run(study_file(data, name="other"), data / "out")
    (data / "strange").mkdir()
    (data / "strange" / "thesis.doc").write_text("x")
    with pytest.raises(UserError, match="not a tremble study"):
        run(study_file(data), data / "strange")


def test_a_join_draws_a_warning(data: Path) -> None:
    own = {"prompt": "Answer: ", "opening": "", "options": ["yes", "no"], "choice": "yes"}
    (data / "mine.jsonl").write_text(json.dumps(own) + "\n")
    said: list[str] = []
    run(study_file(data), data / "out", said)
    assert any("Answer: |yes" in line for line in said)


FILES = [
    ("[study", "not valid TOML"),
    ('[study]\nname = "x"\nformulation = ["a"]\n', "did you mean 'formulations'"),
    ('[study]\nname = ""\n' + PAIR, "name in"),
    ('[study]\nname = "x"\n', "there is no model"),
    ('[study]\nname = "x"\n[[pair]]\nbase = "a"\n', "aligned in"),
    ('[study]\nname = "x"\nformats = ["caht"]\n' + PAIR, "caht"),
    ('[study]\nname = "x"\nformulations = ["standrad"]\n' + PAIR, "did you mean 'standard'"),
    ('[study]\nname = "x"\ndata = "demo"\n' + PAIR, "list of texts"),
    ('[study]\nname = "x"\n' + PAIR + "[run]\nbatch = 0\n", "batch in"),
    ('[study]\nname = "x"\n' + PAIR + PAIR, "appears twice"),
    ('[study]\nname = "x"\n[[pair]]\nbase = "a"\naligned = "a"\n', "give two different models"),
    ('[study]\nname = "x"\n' + PAIR + "[run]\nmemory = 3\n", "memory in [run] is 3"),
    ('[study]\nname = "x"\n' + PAIR + '[[model]]\nid = "a"\nweights = "b"\n', "'weights'"),
]


@pytest.mark.parametrize(("text", "message"), FILES)
def test_faults_of_a_study_file(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        read_study(path)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
