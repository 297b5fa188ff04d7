"""How far checkpoints are from their base on the task, compared with plain passes."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from tests.support.studies import run
from tests.support.task_series import (
    ITEMS,
    kl,
    series,
    table,
    write_task,
)
from tremble.api.plan import plan_study
from tremble.study.file import read_study
from tremble.study.from_base import divergence


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_task(tmp_path)
    return tmp_path


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
    assert set(found[base].values()) == {0.0} and rows[base]["kl_task"] == 0
    for name, place in names.items():
        expected = {}
        for item in range(ITEMS):
            mine, theirs = plain(models[name][1], item), plain(models["base"][1], item)
            expected[f"i{item}"] = float((mine.exp() * (mine - theirs)).sum())
        assert found[place] == pytest.approx(expected, abs=1e-4)
        assert min(expected.values()) > 0.005
        assert rows[place]["kl_task"] == pytest.approx(np.mean(list(expected.values())), abs=1e-4)
        assert rows[place]["kl_task_items"] == ITEMS


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
