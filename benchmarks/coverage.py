"""How often 95% intervals hold the truth, and how often tests over pairs reject wrongly.

    python benchmarks/coverage.py [--simulations 2000] [--resamples 999] [--only intervals|tests]

Intervals: studies with a known r, binary outcomes and choices that agree within clusters, in four
designs and several numbers of clusters; five kinds of interval from the same resamples.
Tests: 120 pairs in 23 model families of the published sizes without any average difference, whose
siblings resemble each other. Prints Markdown tables.

999 resamples do here what 5,000 do in an analysis: the bounds of a single interval move a little,
their average coverage does not.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence

import numpy as np
from scipy import stats as scipy_stats

from tremble.stats.inference.bootstrap import replicates
from tremble.stats.inference.intervals import studentised
from tremble.stats.inference.moments import OneWay, TwoWay, features
from tremble.stats.inference.significance import binomial
from tremble.stats.inference.votes import family_vote, mixed_model

# Pairs per model family in the catalogue of Shapira et al. (2026).
FAMILY_SIZES = [32, 11, 11, 8, 8, 6, 6, 6, 5, 5, 5, 3, 3, 2, *[1] * 9]
CLUSTERS = (15, 20, 30, 40, 60, 120)
# Weights of the second, third ... prediction on what drives choices, for r near 0, .3 and .6.
SIGNALS = {"0": 0.0, ".3": 0.42, ".6": 1.75}
BLOCK = 100
METHODS = ("symmetric t", "equal-tailed t", "percentile", "BCa", "normal")
DESIGNS = ("nested", "unequal", "one level", "crossed", "crossed, rates")


def layout(design: str, clusters: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Codes of each kind of cluster for the points of one design."""
    if design == "one level":
        return [np.arange(clusters)]
    if design.startswith("crossed"):
        people, items = np.divmod(np.arange(clusters * clusters), clusters)
        seen = rng.random(len(people)) < min(1.0, 20 / clusters)
        # Everyone and every item at least once, so that counts are what they are called.
        seen |= people == items
        return [people[seen], items[seen]]
    if design == "unequal":
        sizes = np.maximum(1, np.round(20 * np.exp(rng.normal(0, 1, clusters)))).astype(int)
    else:
        sizes = np.full(clusters, 20)
    return [np.repeat(np.arange(clusters), sizes)]


def simulate(
    design: str, codes: list[np.ndarray], signals: Sequence[float], count: int, seed: int
) -> tuple[list[np.ndarray], np.ndarray]:
    """Predictions and outcomes of `count` studies, arrays (count, points).

    Each cluster has its own inclination, in the outcomes and in part in the predictions (as when
    a model picks up a person's history); how well a prediction fits differs by cluster too.
    """
    rng = np.random.default_rng(seed)
    points = len(codes[0])
    driver = rng.normal(size=(count, points))
    inclined = np.zeros((count, points))
    share = 0.5 if len(codes) == 2 else 0.7
    errors = [np.zeros((count, points)) for _ in signals]
    fit = np.ones((count, points))
    for kind in codes:
        size = (count, int(kind.max()) + 1)
        own = rng.normal(size=size)[:, kind]
        inclined += share * own
        driver += 0.7 * rng.normal(size=size)[:, kind]
        fit += 0.3 * rng.normal(size=size)[:, kind]
        for error in errors:
            error += 0.5 * rng.normal(size=size)[:, kind] + 0.2 * own
    latent = driver + inclined
    if design in ("one level", "crossed, rates"):
        y = 1 / (1 + np.exp(-latent + rng.normal(size=latent.shape) * 0.3))
    else:
        y = (latent + 0.3 * rng.normal(size=latent.shape) > 0.3).astype(float)
    predictions = []
    for signal, error in zip(signals, errors, strict=True):
        noise = error + rng.normal(size=(count, points))
        # A probability, pushed towards 0 and 1 as aligned models push it.
        predictions.append(1 / (1 + np.exp(-2 * (signal * fit * driver + noise))))
    return predictions, y


def truth(design: str, signals: Sequence[float]) -> list[float]:
    """r in a study without end: many clusters, of the same make."""
    rng = np.random.default_rng(1)
    sums = []
    for seed in range(12):
        codes = layout(design, 400 if design.startswith("crossed") else 20_000, rng)
        predictions, y = simulate(design, codes, signals, 1, 10_000 + seed)
        sums.append([moments(x[0], y[0]) for x in predictions])
    # Moments are averaged, not r: r of a finite study is a little biased.
    return [float(pooled(np.mean([run[k] for run in sums], axis=0))) for k in range(len(signals))]


def moments(x: np.ndarray, y: np.ndarray) -> list[float]:
    return [x.mean(), y.mean(), (x * x).mean(), (y * y).mean(), (x * y).mean()]


def pooled(m: np.ndarray) -> float:
    return (m[4] - m[0] * m[1]) / np.sqrt((m[2] - m[0] ** 2) * (m[3] - m[1] ** 2))


def bounds(
    value: float, error: float, values: np.ndarray, errors: np.ndarray
) -> dict[str, tuple[float, float]]:
    """The interval of each method on the value's scale."""
    defined = np.isfinite(values) & np.isfinite(errors)
    values, errors = values[defined], errors[defined]
    z = scipy_stats.norm.ppf([0.025, 0.975])
    bias = scipy_stats.norm.ppf(np.clip((values < value).mean(), 0.001, 0.999))
    # Acceleration: a sixth of the skewness of the resamples (Efron 1987, JASA 82, section 6).
    skew = float(scipy_stats.skew(values)) / 6
    shifted = bias + (bias + z) / (1 - skew * (bias + z))
    corrected = np.quantile(values, scipy_stats.norm.cdf(shifted))
    percentile = np.quantile(values, [0.025, 0.975])
    tails = np.quantile((values - value) / errors, [0.975, 0.025])
    return {
        "symmetric t": studentised(value, error, values, errors),
        "equal-tailed t": (value - tails[0] * error, value - tails[1] * error),
        "percentile": (percentile[0], percentile[1]),
        "BCa": (corrected[0], corrected[1]),
        "normal": (value + z[0] * error, value + z[1] * error),
    }


def cover(
    design: str, clusters: int, signals: Sequence[float], true: float, simulations: int, n: int
) -> tuple[dict[str, float], float]:
    """Share of intervals that hold the truth by method, and the median length of the first."""
    hits = dict.fromkeys(METHODS, 0)
    lengths = []
    for block, size in chunks(simulations):
        codes = layout(design, clusters, np.random.default_rng([clusters, block]))
        predictions, y = simulate(design, codes, signals, size, 7_000 * clusters + block)
        columns = features(predictions, y)
        counts = [int(kind.max()) + 1 for kind in codes]
        sums = OneWay(codes[0], columns) if len(codes) == 1 else TwoWay(codes, columns)
        sample = sums.values([np.ones((1, count)) for count in counts])
        drawn = replicates(sums, counts, block, n)
        for k in range(size):
            intervals = bounds(
                sample.value[0, k], sample.error[0, k], drawn.value[:, k], drawn.error[:, k]
            )
            for method, (low, high) in intervals.items():
                hits[method] += low <= true <= high
            low, high = intervals["symmetric t"]
            lengths.append(high - low if len(signals) == 2 else np.tanh(high) - np.tanh(low))
    return {method: hit / simulations for method, hit in hits.items()}, float(np.median(lengths))


def chunks(simulations: int) -> Iterator[tuple[int, int]]:
    for block, start in enumerate(range(0, simulations, BLOCK)):
        yield block, min(BLOCK, simulations - start)


def intervals(simulations: int, resamples: int) -> None:
    print(f"| design | clusters | of | truth | {' | '.join(METHODS)} | median length |")
    print("|---|--:|---|--:|" + "--:|" * (len(METHODS) + 1))
    for design in DESIGNS:
        crossed = design.startswith("crossed")
        numbers = CLUSTERS if not crossed else tuple(c for c in CLUSTERS if c in (15, 30, 60))
        cases = [([signal], f"r near {name}") for name, signal in SIGNALS.items()]
        cases += [([0.42, 0.42], "difference near 0"), ([1.0, 0.3], "difference near .2")]
        if crossed:
            cases = [cases[1], cases[4]]
        for signals, what in cases:
            r = truth(design, signals)
            true = float(np.arctanh(r[0])) if len(r) == 1 else r[0] - r[1]
            shown = r[0] if len(r) == 1 else true
            if what == "difference near 0":
                true = 0.0
            for clusters in numbers:
                runs = simulations if not crossed else simulations // 2
                shares, length = cover(design, clusters, signals, true, runs, resamples)
                row = " | ".join(f"{100 * shares[method]:.1f}" for method in METHODS)
                print(
                    f"| {design} | {clusters} | {what} | {shown:.3f} | {row} | {length:.2f} |",
                    flush=True,
                )


def tests(simulations: int) -> None:
    """Share of studies in which each test rejects at .05 although no side is better."""
    names = [str(k) for k, size in enumerate(FAMILY_SIZES) for _ in range(size)]
    member = np.array(names, dtype=int)
    print("| siblings' correlation | pairs, binomial | pairs, Wilcoxon | votes, binomial ", end="")
    print("| votes, binomial, one-sided | family means, Wilcoxon | mixed model |")
    print("|--:|" + "--:|" * 6)
    for correlation in (0.0, 0.1, 0.3, 0.5, 0.7):
        rng = np.random.default_rng(int(100 * correlation))
        rejected = np.zeros(6)
        for _ in range(simulations):
            own = rng.normal(size=len(FAMILY_SIZES))[member]
            d = np.sqrt(correlation) * own + np.sqrt(1 - correlation) * rng.normal(size=len(names))
            wins = int((d > 0).sum())
            vote = family_vote(list(d), names)
            fitted = mixed_model(list(d), names)
            # The side that was expected beforehand, for the one-sided test: base.
            expected = vote.p if vote.direction == "base" else 1.0
            rank = float(vote.wilcoxon_p or 1.0)
            naive = binomial(max(wins, len(d) - wins), min(wins, len(d) - wins))
            p = [
                2 * naive,
                float(scipy_stats.wilcoxon(d).pvalue),
                vote.p_two_sided or 1.0,
                expected or 1.0,
                2 * rank,
                fitted.p or 1.0,
            ]
            rejected += np.array(p) <= 0.05
        shares = " | ".join(f"{100 * share:.1f}" for share in rejected / simulations)
        print(f"| {correlation} | {shares} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--simulations", type=int, default=2_000)
    parser.add_argument("--resamples", type=int, default=999)
    parser.add_argument("--only", choices=("intervals", "tests"))
    asked = parser.parse_args()
    started = time.perf_counter()
    if asked.only != "intervals":
        tests(asked.simulations)
        print(f"\n{time.perf_counter() - started:.0f} s\n", flush=True)
    if asked.only != "tests":
        intervals(asked.simulations, asked.resamples)
    print(f"\n{time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
