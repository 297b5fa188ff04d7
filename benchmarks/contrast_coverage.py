"""How often 95% intervals of effects hold the truth: of people, of a model, and of both apart.

    python benchmarks/contrast_coverage.py [--simulations 2000] [--only items|texts|pairs] [--quick]

60 people choose yes or no about items, and a treatment is on or off: within people or between
them; for the same items (each is read in one of two versions) or for items of their own; everyone
reads all, four or one of each arm, or texts that nobody else reads. On the log-odds scale people
differ by .8, their response to the treatment by .4; items by 1 and .5, or not at all; the treatment
adds .6. A model's predictions hang on the item, for which it has a lean of its own (.8; its
response to the treatment .4) and half of people's.

"items": the truth is the effect over people and items drawn anew. "texts": one, two or four texts
in an arm, and the truth is the effect over these. "pairs": two models' root mean squared errors of
effects. Prints Markdown tables; about two minutes on one core.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass, replace

import numpy as np

from tremble.stats.inference.arms import Points
from tremble.stats.inference.contrasts import contrast
from tremble.stats.inference.effects import Effects
from tremble.stats.inference.joint_effects import pair_errors

PEOPLE, ITEMS, TEXTS, CONTRASTS = 60, (12, 20, 40), (1, 2, 4), (1, 3, 10, 30)
TREATMENTS, PLACES = ("within", "between"), ("both arms", "one arm")
# Items in all for one text of an arm.
PER_ARM = {"both arms": 1, "one arm": 2}
READING = ("all", "4", "1")
ERRORS = ((0, 0), (0, 0.06), (0.03, 0.03), (0.1, 0.1), (0.1, 0.15), (0.02, 0.2))
# Studies that share a layout: who reads what in which arm.
BLOCK = 100
EFFECT, PERSON, PERSON_SLOPE, ITEM, ITEM_SLOPE = 0.6, 0.8, 0.4, 1.0, 0.5
# Of predictions on the log-odds scale: mean, effect of the treatment, spread of items, and of their
# response; the last two leave hardly a prediction between .05 and .95.
MODELS = {
    "usual": (0.2, 0.9, 0.8, 0.4),
    "near 0 or 1": (0.0, 2.7, 5.0, 1.2),
    "near 1": (4.0, 2.7, 2.4, 1.2),
}
# On the log-odds scale: yes in about 7%, 5% where items do not vary.
SELDOM = -3.2
# What of people's lean for an item a model shares.
AGREES = 0.5
NODES, NODE_WEIGHTS = np.polynomial.hermite_e.hermegauss(40)
NODE_WEIGHTS = NODE_WEIGHTS / NODE_WEIGHTS.sum()


@dataclass(frozen=True)
class Design:
    """`items`: in all, or with `own` those of each person. `varied`: whether people find items
    different. `model`: a name of `MODELS`. `lean`: of people towards yes, on the log-odds scale."""

    treatment: str
    place: str
    reading: str
    items: int
    varied: bool
    model: str = "usual"
    lean: float = 0.0

    @property
    def varies(self) -> str:
        """What a row says of its people and its model."""
        seldom = "; people seldom say yes" if self.lean == SELDOM else ""
        model = f"; predictions {self.model}" if self.model != "usual" else ""
        return f"{'yes' if self.varied else 'no'}{seldom}{model}"

    @property
    def spread(self) -> tuple[float, float]:
        return (ITEM, ITEM_SLOPE) if self.varied else (0.0, 0.0)


def logistic(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def mean_choice(place: np.ndarray | float, spread: float) -> np.ndarray:
    """Of choices with a normal inclination around `place`."""
    return logistic(np.asarray(place)[..., None] + spread * NODES) @ NODE_WEIGHTS


def layout(design: Design, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Person, item and arm (0 without the treatment, 1 with it) of every point."""
    points: list[tuple[int, int, int]] = []
    for who in range(PEOPLE):
        arms = [0, 1] if design.treatment == "within" else [who % 2]
        if design.reading == "own":
            mine = range(who * design.items, (who + 1) * design.items)
            points += [(who, item, arms[item % len(arms)]) for item in mine]
            continue
        read: list[int] = []
        for arm in arms:
            of_arm = [i for i in range(design.items) if design.place == "both arms" or i % 2 == arm]
            if design.place == "both arms" and len(arms) == 2 and design.items > 1:
                if design.reading == "all":  # in one version or the other
                    of_arm = [i for i in of_arm if (i + who) % 2 == arm]
                of_arm = [i for i in of_arm if i not in read]
            number = len(of_arm) if design.reading == "all" else int(design.reading) // len(arms)
            chosen = rng.choice(of_arm, min(max(number, 1), len(of_arm)), replace=False)
            read += [int(item) for item in chosen]
            points += [(who, int(item), arm) for item in chosen]
    person, item, arm = np.array(points).T
    return person, np.unique(item, return_inverse=True)[1], arm


@dataclass(frozen=True)
class Studies:
    """Choices and predictions (studies, points), and the effect over these very texts (studies)."""

    chosen: np.ndarray
    predicted: np.ndarray
    of_texts: np.ndarray


def simulate(
    design: Design, places: tuple[np.ndarray, ...], count: int, rng: np.random.Generator
) -> Studies:
    person, item, arm = places
    treated, n = arm - 0.5, int(item.max()) + 1
    leans, slopes = (sd * rng.normal(size=(count, n)) for sd in design.spread)
    of_item = design.lean + EFFECT * treated + leans[:, item] + slopes[:, item] * treated
    people = PERSON * rng.normal(size=(count, PEOPLE))[:, person]
    people += PERSON_SLOPE * rng.normal(size=(count, PEOPLE))[:, person] * treated
    chosen = rng.random(of_item.shape) < logistic(of_item + people)
    mean, effect, spread, steep = MODELS[design.model]
    own = AGREES * leans + spread * rng.normal(size=(count, n))
    own_slope = steep * rng.normal(size=(count, n))
    predicted = logistic(mean + own[:, item] + (effect + own_slope[:, item]) * treated)
    expected = np.zeros(count)
    signs = np.where(arm == 1, 1 / np.count_nonzero(arm == 1), -1 / np.count_nonzero(arm == 0))
    weights = np.zeros((2, n))
    np.add.at(weights, (arm, item), signs)
    if n < 2 * max(TEXTS) + 1:
        for side in (0, 1):
            place = design.lean + leans + (slopes + EFFECT) * (side - 0.5)
            around = np.hypot(PERSON, PERSON_SLOPE / 2)
            expected += mean_choice(place, float(around)) @ weights[side]
    return Studies(chosen.astype(float), predicted, expected)


def truth(design: Design) -> tuple[float, float]:
    """The effect over people and items, of people and of the model."""
    lean, slope = design.spread
    mean, effect, spread, steep = MODELS[design.model]
    around = float(np.sqrt(PERSON**2 + lean**2 + (PERSON_SLOPE**2 + slope**2) / 4))
    of_model = float(np.sqrt(spread**2 + (AGREES * lean) ** 2 + steep**2 / 4))
    sides = [mean_choice(design.lean + side * EFFECT / 2, around) for side in (1, -1)]
    model = mean_choice(mean + effect / 2, of_model) - mean_choice(mean - effect / 2, of_model)
    return float(sides[0] - sides[1]), float(model)


def held(found: Effects, true: np.ndarray | float) -> np.ndarray:
    return (found.low <= true) & (true <= found.high)


def covered(design: Design, simulations: int, seed: int = 0) -> np.ndarray:
    """Shares of intervals that hold the truth: over people and items those of people's effect, of
    the difference and of the model's effect; over people alone those of the first two."""
    people, model = truth(design)
    true = np.array([people, model - people, model])
    rng = np.random.default_rng([seed, design.items, *map(ord, repr(design))])
    hits = np.zeros(5)
    for start in range(0, simulations, BLOCK):
        count = min(BLOCK, simulations - start)
        places = layout(design, rng)
        made = simulate(design, places, count, rng)
        series = np.concatenate([made.chosen, made.predicted - made.chosen, made.predicted])
        person, item, arm = places
        for items, at in ((item, 0), (None, 3)):
            found = contrast(Points(series, person, items), arm, (-1, 1))
            of_each = held(found, true.repeat(count)).reshape(3, count).sum(axis=1)
            hits[at : at + 3] += of_each[: 3 if items is not None else 2]
    return hits / simulations


def texts_covered(design: Design, simulations: int, seed: int = 0) -> np.ndarray:
    """The share of intervals over people that hold people's effect over these texts. A model's
    number has no error there, so that it is the share of the difference as well."""
    rng = np.random.default_rng([seed, design.items, *map(ord, repr(design))])
    hits = 0
    for start in range(0, simulations, BLOCK):
        count = min(BLOCK, simulations - start)
        person, item, arm = places = layout(design, rng)
        made = simulate(design, places, count, rng)
        found = contrast(Points(made.chosen, person, item), arm, (-1, 1), "people")
        hits += int(held(found, made.of_texts).sum())
    return np.array([hits / simulations])


def pairs_covered(
    effects: int, base: float, aligned: float, same: bool, simulations: int
) -> tuple[float, float]:
    """The share of intervals that hold the difference of two models' root mean squared errors, and
    their median length. Errors have a standard deviation of .04, correlated by .8 between models
    and by .5 between contrasts; `same`: whether the models err in the same contrasts."""
    rng = np.random.default_rng([effects, round(1000 * base), round(1000 * aligned), int(same)])
    covariance = np.kron([[1, 0.8], [0.8, 1]], 0.5 + 0.5 * np.eye(effects)) * 0.04**2
    root = np.linalg.cholesky(covariance)
    hits, lengths = 0, []
    for _ in range(simulations):
        away = rng.normal(size=(2, effects))
        away[1] = away[0] if same else away[1]
        away *= np.array([[base], [aligned]]) / np.sqrt(np.mean(away**2, axis=1, keepdims=True))
        d = away.ravel() + root @ rng.normal(size=2 * effects)
        found = pair_errors(d[:effects], d[effects:], covariance)
        assert found.low is not None and found.high is not None
        hits += found.low <= aligned - base <= found.high
        lengths.append(found.high - found.low)
    return hits / simulations, float(np.median(lengths))


def shown(shares: list[np.ndarray]) -> str:
    """Percentages, a column each, those of several numbers of items side by side."""
    columns = (
        " / ".join(f"{100 * share:.1f}" for share in column) for column in zip(*shares, strict=True)
    )
    return " | ".join(columns)


def items_table(simulations: int, numbers: tuple[int, ...], seed: int) -> None:
    head = "people | difference | model | people, people alone | difference, people alone"
    print("| treatment | items | an item is in | each reads | items vary |", head, "|")
    print("|---|--:|---|---|---|" + "--:|" * 5)
    rows = [
        (Design(treatment, place, reading, 0, varied), numbers)
        for treatment in TREATMENTS
        for place in PLACES
        for reading in READING
        for varied in (True, False)
    ]
    rows += [
        (Design(treatment, "one arm", "own", 0, varied), (4, numbers[0]))
        for treatment in TREATMENTS
        for varied in (True, False)
    ]
    rows += [
        (Design(treatment, place, "all", 0, True, model), numbers)
        for model in list(MODELS)[1:]
        for treatment in TREATMENTS
        for place in PLACES
    ]
    rows += [
        (Design(treatment, "one arm", "all", 0, True, lean=SELDOM), numbers)
        for treatment in TREATMENTS
    ]
    for d, items in rows:
        shares = [covered(replace(d, items=number), simulations, seed) for number in items]
        row = f"{d.treatment} people | {' / '.join(map(str, items))} | {d.place} | {d.reading}"
        print(f"| {row} | {d.varies} | {shown(shares)} |", flush=True)


def texts_table(simulations: int, numbers: tuple[int, ...], seed: int) -> None:
    print("| treatment | texts of an arm | a text is in | each reads | vary | over people |")
    print("|---|--:|---|---|---|--:|")
    rows = [
        Design(treatment, place, reading, 0, varied)
        for treatment in TREATMENTS
        for place in PLACES
        for reading in ("all", "1")
        for varied in (True, False)
    ]
    rows += [
        Design(treatment, place, "all", 0, True, lean=SELDOM)
        for treatment in TREATMENTS
        for place in PLACES
    ]
    for d in rows:
        designs = [replace(d, items=texts * PER_ARM[d.place]) for texts in numbers]
        shares = [texts_covered(design, simulations, seed) for design in designs]
        row = f"{d.treatment} people | {' / '.join(map(str, numbers))} | {d.place} | {d.reading}"
        print(f"| {row} | {d.varies} | {shown(shares)} |", flush=True)


def pairs_table(simulations: int, numbers: tuple[int, ...]) -> None:
    print("| error of base | of aligned | in the same contrasts | contrasts | held | length |")
    print("|--:|--:|---|--:|--:|--:|")
    for base, aligned in ERRORS:
        for same in (True, False) if base else (True,):
            found = [pairs_covered(k, base, aligned, same, simulations) for k in numbers]
            row = (
                f"{base} | {aligned} | {'yes' if same else 'no'} | {' / '.join(map(str, numbers))}"
            )
            lengths = " / ".join(f"{length:.2f}" for _, length in found)
            print(f"| {row} | {shown([np.array([held]) for held, _ in found])} | {lengths} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--simulations", type=int, default=2_000)
    parser.add_argument("--only", choices=("items", "texts", "pairs"))
    parser.add_argument("--quick", action="store_true", help="few simulations, smallest studies")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    simulations = min(asked.simulations, 20) if asked.quick else asked.simulations
    few = slice(1) if asked.quick else slice(None)
    started = time.perf_counter()
    if asked.only in (None, "items"):
        items_table(simulations, ITEMS[few], asked.seed)
    if asked.only in (None, "texts"):
        texts_table(simulations, TEXTS[few], asked.seed)
    if asked.only in (None, "pairs"):
        pairs_table(simulations, CONTRASTS[few])
    print(f"\n{time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
