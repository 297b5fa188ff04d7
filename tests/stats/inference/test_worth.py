"""How many people a prediction is worth: by definition, by brute force, by known truth."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats as scipy_stats

from tests.support.places import ROOT
from tremble.stats.inference.worth import ALIKE, ANY, NOBODY, UNBOUNDED, Readers, worth

Answers = dict[tuple[int, int, int], float]  # prompt, option, person -> answer


def readers_of(answers: Answers, item: dict[int, int] | None = None) -> Readers:
    """Cells in the order of (prompt, option); the item of a prompt is itself, where not given."""
    cells = sorted({key[:2] for key in answers})
    each = [[v for k, v in answers.items() if k[:2] == cell] for cell in cells]
    return Readers(
        np.array([np.mean(v) for v in each]),
        np.array([np.var(v, ddof=1) for v in each]),
        np.array([float(len(v)) for v in each]),
        np.array([(item or {}).get(prompt, prompt) for prompt, _ in cells]),
        np.array([cells.index(key[:2]) for key in answers], dtype=int),
        np.array(list(answers.values())),
        np.array([person for *_, person in answers], dtype=int),
    )


def ratio(answers: Answers, x: dict[tuple[int, int], float]) -> tuple[float, float]:
    """Mean squared distance, and mean variance over n, both over the mean variance."""
    spread = distance = chance = 0.0
    for cell in {key[:2] for key in answers}:
        of = [v for k, v in answers.items() if k[:2] == cell]
        if len(of) < 2:
            continue
        share = math.fsum(of) / len(of)
        variance = math.fsum((v - share) ** 2 for v in of) / (len(of) - 1)
        spread += variance
        distance += (x[cell] - share) ** 2
        chance += variance / len(of)
    return distance / spread, chance / spread


def brute_force(
    answers: Answers, x: dict[tuple[int, int], float], item: Callable[[int], int]
) -> list[float | None]:
    """k, low and high, everything computed anew without each item, person and answer; None where
    there is no bound."""

    def variance(of: Callable[[tuple[int, int, int]], Any]) -> tuple[float, int]:
        groups = {of(key) for key in answers}
        logs = np.log(
            [ratio({k: v for k, v in answers.items() if of(k) != g}, x)[0] for g in groups]
        )
        number = len(groups)
        return float((number - 1) / number * ((logs - logs.mean()) ** 2).sum()), number

    whole, chance = ratio(answers, x)
    items, number = variance(lambda key: item(key[0]))
    people, readers = variance(lambda key: key[2])
    both, _ = variance(lambda key: (item(key[0]), key[2]))
    error = math.sqrt(max(items, people, items + people - both))
    reach = scipy_stats.t.ppf(0.975, min(number, readers) - 1) * error
    far, near = whole * math.exp(reach) - chance, whole * math.exp(-reach) - chance
    return [1 / one if one > 0 else None for one in (whole - chance, far, near)]


def drawn(
    prompts: int, people: int, options: int, seed: int, kept: float = 0.7
) -> tuple[Answers, dict[tuple[int, int], float]]:
    rng = np.random.default_rng(seed)
    answers: Answers = {}
    for prompt in range(prompts):
        for person in range(people):
            if rng.random() < kept:
                chosen = int(rng.integers(options + 1))
                for option in range(options):
                    answers[prompt, option, person] = float(chosen == option)
    return answers, {key[:2]: float(rng.uniform(0, 1)) for key in answers}


@pytest.mark.parametrize("options", [1, 3])
def test_the_interval_is_that_of_computing_everything_anew(options: int) -> None:
    answers, x = drawn(12, 15, options, seed=options)
    # Two versions of a prompt are one item.
    item = {prompt: prompt // 2 for prompt in range(12)}
    found = worth(np.array([x[cell] for cell in sorted(x)]), readers_of(answers, item))
    want = brute_force(answers, x, item.__getitem__)
    assert [found.k, found.low, found.high] == pytest.approx(want, rel=1e-9)


def test_a_prompt_read_by_two_is_left_out_with_either() -> None:
    answers, x = drawn(8, 12, 1, seed=5)
    answers = {k: v for k, v in answers.items() if k[0] or k[2] < 2}
    answers |= {(0, 0, 0): 1.0, (0, 0, 1): 0.0}
    found = worth(np.array([x[cell] for cell in sorted(x)]), readers_of(answers))
    k, low, high = brute_force(answers, x, lambda prompt: prompt)
    assert high is None and found.high is None
    assert [found.k, found.low] == pytest.approx([k, low], rel=1e-9)


@pytest.mark.parametrize("k", [1, 3, 12])
def test_the_mean_of_k_other_people_is_worth_k(k: int) -> None:
    rng = np.random.default_rng(k)
    share = rng.uniform(0.1, 0.9, 4000)
    n = rng.integers(2, 30, 4000)
    seen = rng.binomial(n, share) / n
    variance = seen * (1 - seen) * n / (n - 1)
    nobody = np.zeros(0, int)
    readers = Readers(seen, variance, n.astype(float), np.arange(4000), nobody, nobody, nobody)
    found = worth(rng.binomial(k, share) / k, readers)
    assert found.k == pytest.approx(k, rel=0.1)
    assert found.low is not None and found.high is not None and found.low < k < found.high
    assert found.note is None


def test_what_has_no_bound_is_said() -> None:
    answers, _ = drawn(24, 30, 1, seed=3, kept=1.0)
    readers = readers_of(answers)
    exact = worth(readers.share, readers)
    assert exact == type(exact)(None, None, None, ANY + "; too few answers for an interval")
    rng = np.random.default_rng(2)
    off = rng.normal(0, 0.3, 24) * np.sqrt(readers.variance / 30)
    near = worth(readers.share + off, readers)  # nearer than chance makes them
    assert near.k is None and near.high is None and near.note == ANY
    true = worth(np.full(24, 0.5), readers)  # what all would do, by the draw
    assert true.low is not None and true.low > 5 and true.high is None
    assert true.note == (UNBOUNDED if true.k is not None else ANY)


def test_what_cannot_be_known_is_said() -> None:
    answers, _ = drawn(4, 30, 1, seed=3, kept=1.0)
    readers = readers_of(answers)
    found = worth(np.full(4, 0.9), readers)
    assert found.k is not None and found.low is None
    assert found.note == "only 4 items (an interval needs 5)"
    same = readers_of({(prompt, 0, person): 1.0 for prompt in range(9) for person in range(3)})
    assert worth(np.full(9, 0.9), same).note == ALIKE
    assert worth(np.zeros(0), readers.at(np.zeros(4, bool))).note == NOBODY
    answers, _ = drawn(8, 30, 1, seed=3, kept=1.0)
    note = worth(np.full(8, 0.95), readers_of(answers)).note
    assert note == "too few items to generalise: 8 items, fewer than 10"
    answers, _ = drawn(15, 12, 1, seed=3, kept=1.0)
    note = worth(np.full(15, 0.95), readers_of(answers)).note
    assert note == (
        "only 12 participants, fewer than 20: interval rough; "
        "only 15 items, fewer than 20: interval rough"
    )


@pytest.mark.parametrize("design", ["crossed", "part", "nested"])
def test_intervals_cover_a_known_truth(design: str) -> None:
    """A small part of benchmarks/worth_coverage.py."""
    spec = importlib.util.spec_from_file_location(
        "worth_coverage", ROOT / "benchmarks" / "worth_coverage.py"
    )
    assert spec is not None and spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    for model in script.MODELS:
        covers, _, _ = script.covered(20, design, model, 300)
        assert covers > 0.915  # .935 in truth gives fewer in one of ten
