"""Which answers have a divergence from the base, what is kept for it and computed again."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.support.studies import run, study_file
from tests.support.task_series import (
    BASE,
    FIRST,
    ITEMS,
    SECOND,
    answers,
    kl,
    series,
    table,
    write_task,
)
from tremble.engines.base import Score
from tremble.engines.mock import MockEngine
from tremble.errors import ModelUnavailable
from tremble.store.job_folder import JobFolder
from tremble.store.schemas import SCORES, TASK_SCORES
from tremble.store.study_folder import Store
from tremble.study import from_base, parts
from tremble.study import score as scoring
from tremble.study.from_base import chosen_items
from tremble.tokenization.options import TokenPaths


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_task(tmp_path)
    return tmp_path


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, bool]]:
    """What made-up models were asked: model, row key, and whether the whole distribution was."""
    seen: list[tuple[str, str, bool]] = []
    whole = MockEngine.score

    def score(self: MockEngine, prompts: Any) -> Iterator[Score]:
        for one in whole(self, prompts):
            paths: TokenPaths = prompts[one.index]
            seen.append((self.name, paths.key(), paths.whole))
            yield one

    monkeypatch.setattr(MockEngine, "score", score)
    return seen


# Which rows have one.


def test_each_item_has_one_divergence(folder: Path, asked: list[tuple[str, str, bool]]) -> None:
    out = folder / "out"
    run(series(folder), out)
    found = answers(out)
    rejected = found.filter(pl.col("decision").str.ends_with("/rejected"))
    assert rejected.select("kl_base", "kl_to").null_count().row(0) == (rejected.height,) * 2
    assert {name: len(items) for name, items in kl(out).items()} == dict.fromkeys(
        (BASE, FIRST, SECOND), ITEMS
    )
    assert sum(whole for _, _, whole in asked) == 3 * ITEMS
    task = next(job for job in Store(out).jobs(task=True))
    assert len(list(task.path.glob("base-*.parquet"))) == ITEMS
    asked.clear()
    run(series(folder), out)
    assert asked == []


def test_the_items_are_the_same_in_any_order_and_few_move() -> None:
    ids = [f"item {k}" for k in range(1000)]
    first = chosen_items(ids)
    assert len(first) == from_base.MOST
    random.Random(1).shuffle(ids)
    assert chosen_items(ids) == first
    for k in range(50):
        assert len(first - chosen_items([*ids, f"more {k}"])) <= 1
    assert chosen_items(ids[:20]) == set(ids[:20])


def test_at_most_so_many_items_are_compared(folder: Path) -> None:
    write_task(folder, from_base.MOST + 10)
    run(series(folder, BASE, FIRST), folder / "out")
    found = kl(folder / "out")
    assert found[BASE].keys() == found[FIRST].keys()
    assert found[BASE].keys() == chosen_items(f"i{k}" for k in range(from_base.MOST + 10))
    assert table(folder / "out")[FIRST]["kl_task_items"] == from_base.MOST


def test_the_base_is_scored_first(folder: Path) -> None:
    said: list[str] = []
    run(series(folder, more=f'[[model]]\nid = "{FIRST}"\n'), folder / "out", said)
    loaded = [sentence for sentence in said if sentence.startswith("Loading")]
    assert loaded == [f"Loading {name}." for name in (BASE, FIRST, SECOND)]


def test_studies_without_checkpoints_have_the_same_columns_on_disk(folder: Path) -> None:
    run(study_file(folder), folder / "out")
    (some, *_) = Store(folder / "out").jobs()
    for name in some.parts():
        assert pl.read_parquet_schema(some.path / name) == SCORES
    assert not list((folder / "out").rglob("base-*.parquet"))


# What is computed again.


def without_divergences(monkeypatch: pytest.MonkeyPatch, path: Path, out: Path) -> None:
    """A study as an earlier version left it."""
    with monkeypatch.context() as before:
        before.setattr(from_base.FromBase, "of", classmethod(lambda *_: None))
        run(path, out)


def test_an_earlier_study_gets_them_and_nothing_else(
    folder: Path, asked: list[tuple[str, str, bool]], monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    out, path = folder / "out", series(folder)
    without_divergences(monkeypatch, path, out)
    (part,) = Store(out).jobs(task=True)[0].parts()
    stored = Store(out).jobs(task=True)[0].path / part
    assert pl.read_parquet_schema(stored) == SCORES
    row = table(out)[FIRST]
    assert (row["kl_task"], row["kl_task_items"]) == (None, 0)
    assert "no KL from the base" in row["note"]
    before = answers(out)
    asked.clear()
    run(path, out, said)
    assert len(asked) == 3 * ITEMS and all(whole for _, _, whole in asked)
    assert sum("12 answers of the task are scored again" in one for one in said) == 3
    columns = ["decision", "model", "response_logprob", "row_key"]
    assert answers(out).select(columns).equals(before.select(columns))
    row = table(out)[FIRST]
    assert row["kl_task_items"] == ITEMS and "KL" not in (row["note"] or "")
    run(path, folder / "fresh")
    assert kl(out) == kl(folder / "fresh")


def test_another_base_is_compared_with_anew(
    folder: Path, asked: list[tuple[str, str, bool]]
) -> None:
    out = folder / "out"
    run(series(folder), out)
    asked.clear()
    run(series(folder, "mock:another", FIRST, SECOND), out)
    again = [name for name, _, _ in asked]
    assert again.count(FIRST) == again.count(SECOND) == ITEMS
    run(series(folder, "mock:another", FIRST, SECOND), folder / "fresh")
    assert kl(out) == kl(folder / "fresh")
    assert set(kl(out)["mock:another"].values()) == {0.0}


def test_a_former_base_is_a_checkpoint(folder: Path) -> None:
    out = folder / "out"
    run(series(folder, BASE, FIRST), out)
    run(series(folder, FIRST, BASE), out)
    found = kl(out)
    assert set(found[FIRST].values()) == {0.0} and min(found[BASE].values()) > 0
    holders = {path.parent for path in out.rglob("base-*.parquet")}
    assert len(holders) == 1  # of the base alone


def test_without_the_base_there_are_none_until_it_is_there(
    folder: Path, asked: list[tuple[str, str, bool]], monkeypatch: pytest.MonkeyPatch
) -> None:
    out, path, opened = folder / "out", series(folder), scoring._open

    def missing(run_: Any, model: Any, *rest: Any) -> Any:
        if model.id == BASE:
            raise ModelUnavailable("the base is unavailable")
        return opened(run_, model, *rest)

    with monkeypatch.context() as absent:
        absent.setattr(scoring, "_open", missing)
        run(path, out)
    assert kl(out) == {} and answers(out)["kl_to"].null_count() == answers(out).height
    asked.clear()
    run(path, out)
    assert [name for name, _, whole in asked if whole].count(FIRST) == ITEMS
    assert [name for name, _, _ in asked].count(FIRST) == ITEMS  # nothing else
    run(path, folder / "fresh")
    assert kl(out) == kl(folder / "fresh")


@pytest.mark.parametrize("when", [5, 30, 40])
def test_a_run_that_is_killed_goes_on(
    when: int, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed before a part is written: distributions are there, rows are not."""
    path, out = series(folder), folder / "out"
    run(path, folder / "whole")
    scored, seen = MockEngine.score, 0

    def killed(self: MockEngine, prompts: Any) -> Iterator[Score]:
        nonlocal seen
        for one in scored(self, prompts):
            seen += 1
            if seen == when:
                monkeypatch.setattr(parts.ScoreParts, "write", lambda _: None)
                raise KeyboardInterrupt
            yield one

    with monkeypatch.context() as kill:
        kill.setattr(MockEngine, "score", killed)
        with pytest.raises(KeyboardInterrupt):
            run(path, out)
    monkeypatch.undo()
    run(path, out)
    assert kl(out) == kl(folder / "whole")
    assert answers(out).equals(answers(folder / "whole"))


def test_damaged_distributions_are_computed_again(
    folder: Path, asked: list[tuple[str, str, bool]]
) -> None:
    said: list[str] = []
    path, out = series(folder), folder / "out"
    run(path, out)
    first, second, *_ = sorted(out.rglob("base-*.parquet"))
    first.write_bytes(b"")
    second.unlink()
    before = kl(out)
    asked.clear()
    run(path, out, said)
    assert [(name, whole) for name, _, whole in asked] == [(BASE, True)] * 2
    assert any("1 distribution of the base on the task was damaged" in one for one in said)
    assert first.is_file() and second.is_file() and kl(out) == before


def test_an_engine_without_distributions_has_no_divergences(
    folder: Path, asked: list[tuple[str, str, bool]], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = MockEngine.score

    def score(self: MockEngine, prompts: Any) -> Iterator[Score]:
        yield from (replace(one, distribution=None) for one in whole(self, prompts))

    monkeypatch.setattr(MockEngine, "score", score)
    run(series(folder), folder / "out")
    assert kl(folder / "out") == {} and table(folder / "out")[FIRST]["kl_task"] is None
    asked.clear()
    run(series(folder), folder / "out")
    assert asked == []  # not again and again


def test_a_row_of_another_base_does_not_count(folder: Path) -> None:
    out = folder / "out"
    run(series(folder), out)
    job: JobFolder = Store(out).jobs(task=True)[-1]
    rows = job.rows([*TASK_SCORES]).filter(pl.col("kl_base").is_not_null())
    job.append(rows[:1].with_columns(kl_base=pl.lit(1e6), kl_to=pl.lit("00000000")))
    row = table(out)[SECOND]
    assert row["kl_task_items"] == ITEMS - 1 and row["kl_task"] < 100
