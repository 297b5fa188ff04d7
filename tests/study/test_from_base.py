"""How far checkpoints are from their base on the task: against plain passes, and what is kept."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest

from tests.support.studies import run, study_file, write_own_prompts
from tremble.api.plan import plan_study
from tremble.api.results import analyze_study, further_analysis
from tremble.engines.base import Score
from tremble.engines.mock import MockEngine
from tremble.errors import ModelUnavailable
from tremble.store.job_folder import JobFolder
from tremble.store.schemas import SCORES, TASK_SCORES
from tremble.store.study_folder import Store
from tremble.study import from_base, parts
from tremble.study import score as scoring
from tremble.study.file import read_study
from tremble.study.from_base import chosen_items, divergence
from tremble.tokenization.options import TokenPaths

ITEMS = 12
# Made-up models have no end of text: the template closes a turn in letters.
TEMPLATE = (
    "{% for message in messages %}[{{ message['role'] }}]{{ message['content'] }}[end]"
    "{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}"
)
BASE, FIRST, SECOND = "mock:base", "mock:first", "mock:second"


def write_task(folder: Path, items: int = ITEMS) -> None:
    write_own_prompts(folder, 3)
    lines = [
        {
            "id": f"i{k}",
            "prompt": [{"role": "user", "content": f"Question {k}, yes or no?"}],
            "chosen": f"yes {k} please",
            "rejected": f"no {k}",
        }
        for k in range(items)
    ]
    (folder / "task.jsonl").write_text("\n".join(map(json.dumps, lines)), "utf-8")


def series(folder: Path, base: str = BASE, *checkpoints: str, more: str = "") -> Path:
    text = f'{more}[trajectory]\nbase = "{base}"\ntask = "task.jsonl"\n'
    if base.startswith("mock"):
        (folder / "chat.jinja").write_text(TEMPLATE, "utf-8")
        text += 'template = "chat.jinja"\n'
    for step, model in enumerate(checkpoints or (FIRST, SECOND), start=1):
        text += f'[[checkpoint]]\nmodel = "{model}"\nstep = {step}\n'
    return study_file(folder, text)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_task(tmp_path)
    return tmp_path


def answers(out: Path) -> pl.DataFrame:
    """The rows of answers, as they are in force."""
    jobs = Store(out).jobs(task=True)
    return pl.concat([job.rows([*TASK_SCORES]) for job in jobs]).sort("model", "decision")


def kl(out: Path) -> dict[str, dict[str, float]]:
    """Model -> item -> its divergence, of the items that have one."""
    found: dict[str, dict[str, float]] = {}
    known = answers(out).filter(pl.col("kl_base").is_not_null())
    for model, decision, value in known.select("model", "decision", "kl_base").iter_rows():
        found.setdefault(model, {})[decision.removesuffix("/chosen")] = value
    return found


def table(out: Path) -> dict[str, dict[str, Any]]:
    made = further_analysis(analyze_study(out)[0], ["task"])["task"]
    return {row["model"]: row for row in made}


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


# Against plain passes.


def logs(*shares: float) -> npt.NDArray[np.float32]:
    return np.array([math.log(one) if one else -math.inf for one in shares], dtype=np.float32)


def test_a_divergence_by_hand() -> None:
    half, uneven = logs(0.5, 0.5, 0), logs(0.75, 0.25, 0)
    # .75 log(.75 / .5) + .25 log(.25 / .5), and the other way round.
    assert divergence(uneven, half) == pytest.approx(0.75 * math.log(1.5) - 0.25 * math.log(2))
    assert divergence(half, uneven) == pytest.approx(0.5 * math.log(2 / 3) + 0.5 * math.log(2))
    assert divergence(half, half) == 0
    all_three = logs(0.5, 0.25, 0.25)
    assert divergence(half, all_three) == pytest.approx(0.5 * math.log(2))
    assert divergence(all_three, half) is None  # infinite
    assert divergence(half, half[:2]) is None


def test_what_is_stored_is_enough_for_small_divergences() -> None:
    """Two models that hardly differ, over as many tokens as Gemma has."""
    drawn = np.random.default_rng(1)
    logits = drawn.normal(size=262_144) * 3
    moved = logits + 0.01 * drawn.normal(size=len(logits))
    mine, theirs = (one - np.logaddexp.reduce(one) for one in (moved, logits))
    exact = float(np.sum(np.exp(mine) * (mine - theirs)))
    found = divergence(mine.astype(np.float32), theirs.astype(np.float32))
    assert exact < 1e-4
    assert found == pytest.approx(exact, abs=1e-6)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Any]]:
    """A base, two adapters on it and another model's weights: folder, and plain transformers."""
    pytest.importorskip("peft")
    import peft

    from tests.support import adapters
    from tests.support.toys import save_tiny

    root = tmp_path_factory.mktemp("models")
    base, other = save_tiny(root / "base", template=None), root / "other"
    save_tiny(other, seed=1, template=None)
    found = {"base": (base, adapters.plain(base)), "other": (other, adapters.plain(other))}
    for seed in (1, 2):
        config = peft.LoraConfig(**adapters.LORA)
        one = adapters.trained(base, root / f"adapter-{seed}", config, seed)
        found[f"adapter-{seed}"] = (one, adapters.unmerged(base, one))
    return found


@pytest.mark.usefixtures("one_thread")
@pytest.mark.filterwarnings("ignore::UserWarning:peft")
@pytest.mark.parametrize("engine", ["transformers", "reference"])
def test_divergences_are_those_of_plain_passes(
    engine: str, models: dict[str, tuple[Path, Any]], folder: Path
) -> None:
    import torch
    from transformers import AutoTokenizer

    names = {name: str(place) for name, (place, _) in models.items()}
    base = names.pop("base")
    more = f'[run]\nengine = "{engine}"\n'
    assert run(series(folder, base, *names.values(), more=more), folder / "out") == 0
    tokenizer = AutoTokenizer.from_pretrained(base)

    def plain(model: Any, item: int) -> Any:
        ids = tokenizer(f"Question {item}, yes or no?\n\n")["input_ids"]
        with torch.inference_mode():
            logits = model(torch.tensor([ids])).logits[0, -1].double()
        return logits.log_softmax(dim=-1)

    found, rows = kl(folder / "out"), table(folder / "out")
    assert set(found[base].values()) == {0.0} and rows[base]["kl"] == 0
    for name, place in names.items():
        expected = {}
        for item in range(ITEMS):
            mine, theirs = plain(models[name][1], item), plain(models["base"][1], item)
            expected[f"i{item}"] = float((mine.exp() * (mine - theirs)).sum())
        assert found[place] == pytest.approx(expected, abs=1e-4)
        assert min(expected.values()) > 0.005
        assert rows[place]["kl"] == pytest.approx(np.mean(list(expected.values())), abs=1e-4)
        assert rows[place]["kl_items"] == ITEMS


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
    assert table(folder / "out")[FIRST]["kl_items"] == from_base.MOST


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


def test_a_plan_says_what_the_distributions_take(
    models: dict[str, tuple[Path, Any]], folder: Path
) -> None:
    path = series(folder, str(models["base"][0]), str(models["other"][0]))
    planned = plan_study(read_study(path), folder / "out", lambda _: None)["models"]
    disk = {row["model"]: row["disk"] for row in planned}
    words = models["base"][1].config.vocab_size
    base, other = (disk[str(models[name][0])] for name in ("base", "other"))
    # Float32 numbers, of which the exponents take little.
    assert 3 * words * ITEMS < base - other <= 4 * words * ITEMS


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
    assert (row["kl"], row["kl_items"]) == (None, 0)
    assert "no KL from the base" in row["note"]
    before = answers(out)
    asked.clear()
    run(path, out, said)
    assert len(asked) == 3 * ITEMS and all(whole for _, _, whole in asked)
    assert sum("12 answers of the task are scored again" in one for one in said) == 3
    columns = ["decision", "model", "response_logprob", "row_key"]
    assert answers(out).select(columns).equals(before.select(columns))
    row = table(out)[FIRST]
    assert row["kl_items"] == ITEMS and "KL" not in (row["note"] or "")
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
    assert kl(folder / "out") == {} and table(folder / "out")[FIRST]["kl"] is None
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
    assert row["kl_items"] == ITEMS - 1 and row["kl"] < 100
