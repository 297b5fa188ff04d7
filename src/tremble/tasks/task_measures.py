"""What a checkpoint has learnt of a held-out task, from the log-probabilities of its answers.

Every measure is a ratio of two sums over items and keeps what each item adds to both, so that
intervals can be made over clusters of items. Log-probabilities are natural (nat). Where "answer" is
said, the end of its turn counts with it, as one more token.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tremble.engines.base import Score
from tremble.errors import UserError
from tremble.tasks.task_paths import ItemPaths

Floats = npt.NDArray[np.float64]
CHOSEN, REJECTED = 0, 1  # sides of a pair
BETA = 0.1  # of DPO; the value of Rafailov et al. (2023) for most of their tasks


@dataclass(frozen=True, slots=True)
class Sums:
    """Log-probabilities of answers: three arrays [items, sides]; two sides of a pair (chosen,
    rejected), one of a demonstration.

    `logprob`: of the answer without its end of turn, summed over its tokens (nat); `closing`: of
    the end of turn behind it (nat); `tokens`: how many tokens the answer has without its end of
    turn. NaN: missing.
    """

    logprob: Floats
    closing: Floats
    tokens: Floats

    def __post_init__(self) -> None:
        """Raises ValueError where the shapes differ."""
        shapes = {self.logprob.shape, self.closing.shape, self.tokens.shape}
        if len(shapes) > 1 or self.logprob.ndim != 2 or self.logprob.shape[1] not in (1, 2):
            raise ValueError(f"sums of shapes {shapes}; they must be [items, 1 or 2], all the same")

    @property
    def total(self) -> Floats:
        """Of answer and end of turn, [items, sides] (nat)."""
        return self.logprob + self.closing

    @property
    def length(self) -> Floats:
        """Tokens of answer and end of turn, [items, sides]."""
        return self.tokens + 1

    @property
    def missing(self) -> npt.NDArray[np.bool_]:
        """[items]: those of which an answer has no log-probability."""
        return np.asarray(np.isnan(self.total).any(axis=1))

    def without(self, items: npt.NDArray[np.bool_]) -> Sums:
        """The same with some items missing."""
        held = (np.where(items[:, None], np.nan, one) for one in self._arrays)
        return Sums(*held)

    @property
    def _arrays(self) -> tuple[Floats, Floats, Floats]:
        return self.logprob, self.closing, self.tokens

    @property
    def are_pairs(self) -> bool:
        return int(self.logprob.shape[1]) == 2


@dataclass(frozen=True, slots=True)
class Measure:
    """A measure of a task: `value` is the sum of `num` over the sum of `den`.

    `num`, `den` [items]: what each item adds, 0 in both where it does not count. `counted`: items
    that count; `missing`: items without a log-probability that is needed; `apart`: items that the
    measure is not about; `ties`: items that count half since both sides are equal.
    """

    num: Floats
    den: Floats
    counted: int
    missing: int = 0
    apart: int = 0
    ties: int = 0

    @property
    def value(self) -> float:
        """NaN where no item counts."""
        total = float(self.den.sum())
        return float(self.num.sum()) / total if total else float("nan")


def sums_of(made: Sequence[ItemPaths], scores: Iterable[Score]) -> Sums:
    """The sums of some items, [items, sides]; `scores` are those of `prompts_of(made)`, in any
    order. Items that are refused, and answers without a score, are missing."""
    sides = max((len(one.item.answers) for one in made), default=1)
    places = [(at, side) for at, one in enumerate(made) for side in range(len(one.paths))]
    held = np.full((3, len(made), sides), np.nan)
    for score in scores:
        if score.response is not None:
            found = score.response
            held[:, *places[score.index]] = found.logprob, found.closing, found.tokens
    return Sums(held[0], held[1], held[2])


def loss(sums: Sums) -> Measure:
    """Loss per answer token (nat): minus the log-probability of all answers over all their tokens.
    Of pairs it is that of the chosen answers."""
    return _ratio(-sums.total[:, CHOSEN], sums.length[:, CHOSEN])


def accuracy(sums: Sums) -> Measure:
    """The share of pairs whose chosen answer has the larger log-probability, summed over tokens.
    Ties count half."""
    return _wins(sums.total[:, CHOSEN], sums.total[:, REJECTED])


def accuracy_per_token(sums: Sums) -> Measure:
    """The same for the log-probability per token, which does not favour short answers."""
    each = sums.total / sums.length
    return _wins(each[:, CHOSEN], each[:, REJECTED])


def margin(sums: Sums) -> Measure:
    """The mean difference of log-probabilities, chosen minus rejected, summed over tokens (nat)."""
    return _ratio(_difference(sums.total))


def accuracy_by_length(sums: Sums) -> tuple[Measure, Measure]:
    """`accuracy` where the chosen answer is the shorter one in tokens, and where it is the longer
    one. A model that has learnt only to be brief gains in the first and loses in the second. Pairs
    of equally long answers are in neither: they are `apart` in both, with those of the other."""
    longer, rejected = _difference(sums.tokens), sums.total[:, REJECTED]
    chosen = np.where(np.isnan(longer), np.nan, sums.total[:, CHOSEN])
    return _wins(chosen, rejected, longer < 0), _wins(chosen, rejected, longer > 0)


def equally_long(sums: Sums) -> int:
    """Pairs whose two answers have as many tokens."""
    return int((sums.tokens[:, CHOSEN] == sums.tokens[:, REJECTED]).sum())


def implicit_accuracy(sums: Sums, reference: Sums) -> Measure:
    """The share of pairs whose chosen answer has the larger implicit reward: the log-probability of
    the answer minus that under the reference (Rafailov et al. 2023, section 4, without beta, which
    changes no order). Ties count half; where the model is the reference all are ties."""
    reward = _reward(sums, reference)
    return _wins(reward[:, CHOSEN], reward[:, REJECTED])


def dpo_loss(sums: Sums, reference: Sums, beta: float = BETA) -> Measure:
    """The mean DPO loss (nat), minus the log of the sigmoid of `beta` times the difference of the
    implicit rewards (Rafailov et al. 2023, equation 7). Where the model is the reference it is log
    2. Raises UserError for a beta that is not above 0."""
    if not (beta > 0 and np.isfinite(beta)):
        raise UserError(f"beta is {beta!r}; it must be a number above 0, as in DPO (often 0.1).")
    with np.errstate(invalid="ignore"):
        return _ratio(np.logaddexp(0.0, -beta * _difference(_reward(sums, reference))))


def measures(sums: Sums, reference: Sums | None = None, beta: float = BETA) -> dict[str, Measure]:
    """All measures of a task by name: of demonstrations `loss`; of pairs also `accuracy`,
    `accuracy_per_token`, `margin`, `accuracy_shorter` and `accuracy_longer` (the chosen answer is
    that), and where there is a reference `implicit_accuracy` and `dpo_loss`."""
    found = {"loss": loss(sums)}
    if not sums.are_pairs:
        return found
    found |= {
        "accuracy": accuracy(sums),
        "accuracy_per_token": accuracy_per_token(sums),
        "margin": margin(sums),
    }
    found["accuracy_shorter"], found["accuracy_longer"] = accuracy_by_length(sums)
    if reference is not None:
        found["implicit_accuracy"] = implicit_accuracy(sums, reference)
        found["dpo_loss"] = dpo_loss(sums, reference, beta)
    return found


def _reward(sums: Sums, reference: Sums) -> Floats:
    """Implicit rewards over beta, [items, sides]."""
    if sums.total.shape != reference.total.shape:
        raise ValueError(f"{sums.total.shape} sums, and {reference.total.shape} of the reference")
    with np.errstate(invalid="ignore"):
        return sums.total - reference.total


def _difference(sides: Floats) -> Floats:
    """Chosen minus rejected, [items]; NaN where both are the same infinity."""
    with np.errstate(invalid="ignore"):
        return sides[:, CHOSEN] - sides[:, REJECTED]


def _ratio(num: Floats, den: Floats | None = None) -> Measure:
    den = np.ones_like(num) if den is None else den
    gone = np.isnan(num) | np.isnan(den)
    num, den = np.where(gone, 0.0, num), np.where(gone, 0.0, den)
    return Measure(num, den, int((~gone).sum()), int(gone.sum()))


def _wins(chosen: Floats, rejected: Floats, about: npt.NDArray[np.bool_] | None = None) -> Measure:
    """How often the chosen side is larger. `about`: the items that the measure is about."""
    gone = np.isnan(chosen) | np.isnan(rejected)
    counts = ~gone if about is None else ~gone & about
    ties = counts & (chosen == rejected)
    num = np.where(ties, 0.5, (counts & (chosen > rejected)).astype(np.float64))
    apart = int((~gone & ~counts).sum())
    there, missing = int(counts.sum()), int(gone.sum())
    return Measure(num, counts.astype(np.float64), there, missing, apart, int(ties.sum()))
