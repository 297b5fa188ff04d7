"""The effects of a family's contrasts on people and on each run, with what they rest on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy import sparse

from tremble.stats.frames.clusters import effective
from tremble.stats.frames.designs import Design
from tremble.stats.frames.treatments import Arms
from tremble.stats.inference.arms import Points
from tremble.stats.inference.contrasts import contrast
from tremble.stats.inference.effects import Effect, Effects, Over, by_t, fixed_rates
from tremble.stats.inference.intervals import FEW_CLUSTERS, Size
from tremble.stats.inference.joint_effects import joint_covariance
from tremble.text import counted

# Below so many texts in an arm an interval is over people who read these very texts.
MIN_TEXTS = 5
PEOPLE: Over = "people"
BOTH: Over = "people and items"
_NO_ERROR = (None,) * 5
# Texts with a single reader do not tell people's luck from what the text does to people. From this
# share of decisions about such texts nothing is said of that luck.
_MOST_LONE = 0.1


@dataclass(frozen=True, slots=True)
class Counts:
    """What a contrast rests on: decisions, participants (else plays) and people behind rates, None
    where these are not known; texts, choices of nobody known, decisions of its arms that a run has
    not scored, and the data sets; of single choices of a target how many of the rarer answer the
    arm has that has the fewest; `few`: why nothing may be concluded from so few people, or from
    people who are not known; `half_named`: whether items are named in some arms only, and none is
    in two."""

    n: int
    people: int | None
    items: int
    unnamed: int
    unscored: int
    datasets: tuple[str, ...]
    rarer: int | None
    few: str | None
    half_named: bool


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """One contrast of S runs that have scored the same decisions.

    `model` and `difference` (model less people): an effect per run; `influence` (S, clusters): of
    the differences, over `Scored.clusters`. `mass` (S): the mean over all arms,
    `least_mass` (S): of the arm with the least. `note`: why there is no interval.
    """

    arms: Arms
    over: Over | None
    people: Effect | None
    model: list[Effect]
    difference: list[Effect]
    influence: sparse.csr_array
    mass: np.ndarray
    least_mass: np.ndarray
    counts: Counts
    note: str | None = None


class Scored:
    """The decisions `mask` (D) of a family, which the runs `runs` have all scored."""

    def __init__(self, design: Design, runs: Sequence[int], mask: np.ndarray) -> None:
        self.design, self.runs = design, list(runs)
        self.at = np.flatnonzero(mask)
        held = design.responses
        self.people = held.people[self.at]
        self.model = held.model[self.runs][:, self.at]
        self.mass = held.mass[self.runs][:, self.at]
        second = 0 if design.items is None else _number(design.items[self.at])
        self._kinds = _number(design.people[self.at]), second
        rates = not held.single[self.at].all()
        # People, items, and each rate on its own.
        self.clusters = sum(self._kinds) + (len(self.at) if rates else 0)

    @cached_property
    def _wide(self) -> Points:
        """People, the runs, and the runs less people."""
        values = np.concatenate([self.people[None], self.model, self.model - self.people])
        items = self.design.items
        return Points(
            values, self.design.people[self.at], None if items is None else items[self.at]
        )

    @cached_property
    def _fixed(self) -> Points:
        design = self.design
        return Points(self.people[None], design.fixed[self.at], design.read[self.at])

    def measured(self, arms: Arms) -> Measured:
        """The effects of one contrast."""
        arm = arms.arm[self.at]
        counts = self._counts(arms, arm)
        inside = [arm == number for number in range(len(arms.coefficients))]
        if not all(part.any() for part in inside):
            nothing = sparse.csr_array((len(self.runs), self.clusters), dtype=np.float32)
            mass = np.full(len(self.runs), np.nan)
            why = "no decision scored in an arm" if len(self.runs) else None
            return Measured(arms, None, None, [], [], nothing, mass, mass, counts, why)
        texts = self.design.texts[self.at]
        few = any(len(np.unique(texts[part])) < MIN_TEXTS for part in inside)
        with np.errstate(invalid="ignore"):
            mass = _mean(self.mass[:, arm >= 0])
            least = np.min([_mean(self.mass[:, part]) for part in inside], axis=0)
        made = self._over_people if few else self._over_both
        over = PEOPLE if few else BOTH
        people, model, difference, influence, note = made(arms, arm)
        return Measured(arms, over, people, model, difference, influence, mass, least, counts, note)

    def _counts(self, arms: Arms, arm: np.ndarray) -> Counts:
        design, at = self.design, self.at
        mine = at[arm >= 0]
        single = design.responses.single[mine]
        behind = float(design.n[mine[~single]].sum())
        named = len(np.unique(design.people[mine[single]]))
        sets = np.unique(design.dataset[mine])
        return Counts(
            len(mine),
            named + round(behind) if np.isfinite(behind) else None,
            len(np.unique(design.texts[mine])),
            int(design.unnamed[mine].sum()),
            int((arms.arm >= 0).sum()) - len(mine),
            tuple(design.datasets[code] for code in sets),
            self._rarer(arms, arm),
            self._few(mine),
            self._half_named(arms, arm),
        )

    def _few(self, mine: np.ndarray) -> str | None:
        design = self.design
        single = design.responses.single[mine]
        unnamed = int(design.unnamed[mine].sum())
        if unnamed:
            return f"for {counted(unnamed, 'choice')} neither participant nor game is known"
        behind = design.n[mine][~single].sum()
        who = design.people[mine][single]
        if np.isnan(behind):
            return None
        equal = (effective(who) if len(who) else 0.0) + behind
        size = Size(len(np.unique(who)) + round(float(behind)), equal)
        return size.said("people", FEW_CLUSTERS) if size.below(FEW_CLUSTERS) else None

    def _half_named(self, arms: Arms, arm: np.ndarray) -> bool:
        inside = [self.at[arm == number] for number in range(len(arms.coefficients))]
        named = {bool(self.design.named[part].any()) for part in inside if len(part)}
        items = [np.unique(self.design.texts[part]) for part in inside]
        return len(named) == 2 and len(np.unique(np.concatenate(items))) == sum(map(len, items))

    def _rarer(self, arms: Arms, arm: np.ndarray) -> int | None:
        held, mine = self.design.responses, arm >= 0
        if held.valued or not held.single[self.at[mine]].all():
            return None
        sizes = np.bincount(arm[mine], minlength=len(arms.coefficients))
        hits = np.bincount(arm[mine], self.people[mine], len(arms.coefficients))
        return round(float(np.minimum(hits, sizes - hits).min()))

    def _without_n(self, arm: np.ndarray) -> str | None:
        """Why rates have no interval."""
        mine = self.at[arm >= 0]
        rates = ~self.design.responses.single[mine]
        missing = int((rates & np.isnan(self.design.responses.variance[mine])).sum())
        if missing:
            return f"no interval: the number of people behind a rate is not known in {missing}"
        return None

    def _over_both(
        self, arms: Arms, arm: np.ndarray
    ) -> tuple[Effect, list[Effect], list[Effect], sparse.csr_array, str | None]:
        made = contrast(self._wide, arm, arms.coefficients, BOTH)
        count = len(self.runs)
        every = [made.of(series) for series in range(1 + 2 * count)]
        note = made.note or self._without_n(arm)
        if note is not None:
            every = [Effect(one.value, *_NO_ERROR) for one in every]
        influence = self._placed(made.influence[1 + count :], 0)
        return every[0], every[1 : 1 + count], every[1 + count :], influence, note

    def _over_people(
        self, arms: Arms, arm: np.ndarray
    ) -> tuple[Effect, list[Effect], list[Effect], sparse.csr_array, str | None]:
        """People of these very texts: what a run says of them has no error."""
        made, start, note = self._of_people(arms, arm)
        note = note or self._without_n(arm) or made.note
        people, influence = made.of(0), made.influence[0]
        if note is not None:
            people = Effect(people.value, *_NO_ERROR)
        values = self.model @ _weights(arm, arms.coefficients)
        shifted = [_less(float(value), people) for value in values]
        moved = np.broadcast_to(-influence, (len(self.runs), len(influence)))
        model = [Effect(float(value), *_NO_ERROR) for value in values]
        return people, model, shifted, self._placed(moved, start), note

    def _of_people(self, arms: Arms, arm: np.ndarray) -> tuple[Effects, int, str | None]:
        """People's effect on these very texts, the place of the first cluster of its influence, and
        why it has no interval."""
        held, single = self.design.responses, self.design.responses.single[self.at]
        if single[arm >= 0].all():
            made = contrast(self._fixed, arm, arms.coefficients, PEOPLE)
            width = _number(self.design.fixed[self.at])
            start = self._kinds[0] if self.design.whole_plays else 0
            return replace(made, influence=made.influence[:, :width]), start, None
        n = self.design.n[self.at]
        made = fixed_rates(self.people[None], held.variance[self.at], n, arm, arms.coefficients)
        note = "no interval: single choices and rates are mixed" if single[arm >= 0].any() else None
        return made, sum(self._kinds), note

    def luck(self, some: Sequence[Arms]) -> tuple[np.ndarray | None, str | None]:
        """(contrasts, contrasts): covariance of the errors of people's effects on these very texts,
        as another sample of people would have others; None, and why, where it is not known."""
        rows, variances = [], []
        for arms in some:
            arm = arms.arm[self.at]
            made, start, note = self._of_people(arms, arm)
            note = note or self._without_n(arm) or made.note or self._lone(arm)
            if note is not None:
                return None, note.removeprefix("no interval: ")
            rows.append(self._placed(made.influence, start))
            variances.append(made.variance[0])
        held = sparse.vstack(rows, format="csc")
        held = held[:, np.diff(held.indptr) > 0].toarray().astype(float)
        return joint_covariance(held, np.array(variances)), None

    def _lone(self, arm: np.ndarray) -> str | None:
        """Why people's luck is not known, where too many of the choices are of texts that one
        person read."""
        mine = np.flatnonzero((arm >= 0) & self.design.responses.single[self.at])
        if not len(mine):
            return None
        text = arm[mine] * _number(self.design.read) + self.design.read[self.at[mine]]
        text = np.unique(text, return_inverse=True)[1].ravel()
        met = np.unique(np.stack([text, self.design.fixed[self.at[mine]]]), axis=1)
        lone = (np.bincount(met[0]) < 2)[text]
        if lone.mean() < _MOST_LONE:
            return None
        return f"{counted(len(np.unique(text[lone])), 'text')} with only one reader"

    def _placed(self, influence: np.ndarray, start: int) -> sparse.csr_array:
        """(S, clusters): influences at the place of their clusters, with few digits and without
        what is 0: there are many."""
        held = sparse.coo_array(influence.astype(np.float32))
        place = held.row, held.col + start
        return sparse.csr_array((held.data, place), shape=(len(influence), self.clusters))


def _number(codes: np.ndarray) -> int:
    """How many codes there are, those that do not occur included."""
    return int(codes.max(initial=-1)) + 1


def _mean(values: np.ndarray) -> np.ndarray:
    """(rows): means of what is known, NaN where nothing is."""
    known = np.isfinite(values)
    return np.asarray(np.where(known, values, 0.0).sum(axis=1) / known.sum(axis=1))


def _weights(arm: np.ndarray, coefficients: Sequence[float]) -> np.ndarray:
    """(decisions): the contrast as a weighted sum."""
    inside = arm >= 0
    sizes = np.bincount(arm[inside], minlength=len(coefficients))
    weights = np.zeros(len(arm))
    weights[inside] = (np.asarray(coefficients) / sizes)[arm[inside]]
    return weights


def _less(value: float, people: Effect) -> Effect:
    """A number without error less people's effect: the interval is people's, shifted."""
    if people.variance is None or people.df is None:
        return Effect(value - people.value, *_NO_ERROR)
    one, variance, df = (
        np.array([part]) for part in (value - people.value, people.variance, people.df)
    )
    return by_t(one, variance, df, np.zeros((1, 0))).of(0)


def scored_alike(design: Design, runs: Sequence[int]) -> list[Scored]:
    """Runs that have scored the same decisions together, in order of the first of each."""
    groups: dict[bytes, list[int]] = {}
    known = np.isfinite(design.responses.model)
    for run in runs:
        groups.setdefault(known[run].tobytes(), []).append(run)
    return [Scored(design, some, known[some[0]]) for some in groups.values()]


def together(measured: Sequence[Effect]) -> Effects:
    """Effects of several contrasts as arrays, NaN where one has no error."""

    def array(name: str) -> np.ndarray:
        return np.array([np.nan if (v := getattr(one, name)) is None else v for one in measured])

    value, variance, df, low, high, p = map(array, ("value", "variance", "df", "low", "high", "p"))
    return Effects(value, variance, df, low, high, p, np.zeros((len(measured), 0)))
