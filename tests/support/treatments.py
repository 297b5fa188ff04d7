"""Studies with treatments: what people chose and what made-up models say, decision by decision."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
from scipy import stats as scipy_stats

from tests.support.stat_frames import DECISIONS, SCORES, decision, score
from tremble.decisions.record import READ
from tremble.stats.frames.evidence import Evidence
from tremble.stats.frames.outcomes import outcomes
from tremble.stats.frames.predictions import predictions

MORE: dict[str, Any] = {
    "config": pl.String,
    "numbers": pl.String,
    "item": pl.String,
    "n": pl.Int64,
    "rate_sd": pl.Float64,
    "values": pl.List(pl.Float64),
    "presentations": pl.Int8,
}


class Built:
    """Decisions and scores, added one by one; a text is what the person and the model read."""

    def __init__(self) -> None:
        self.decisions: list[dict[str, Any]] = []
        self.scores: list[dict[str, Any]] = []

    def add(
        self,
        config: dict[str, Any],
        text: str,
        models: dict[str, float | None],
        row_key: str | None = None,
        **more: Any,
    ) -> None:
        """One decision; `models`: probability of "yes" by model, None for what is not scored."""
        name = f"d{len(self.decisions)}"
        made = {"numbers": json.dumps({READ: text}), "config": json.dumps(config)}
        self.decisions.append(
            decision(name, **{"family": "custom", "presentations": 1, **made, **more})
        )
        for model, p in models.items():
            if p is not None:
                row = score(name, [0.9 * p, 0.9 * (1 - p)], model=model, family="custom")
                self.scores.append({**row, "row_key": row_key or text})

    def evidence(self) -> Evidence:
        blank = dict.fromkeys(MORE)
        decisions = pl.DataFrame(
            [{**blank, **row} for row in self.decisions], schema={**DECISIONS, **MORE}
        )
        scores = pl.DataFrame(self.scores, schema={**SCORES, "row_key": pl.String})
        return Evidence(
            decisions, outcomes(decisions), predictions(scores, decisions), scores=scores
        )


def yes(flag: bool) -> str:
    return "yes" if flag else "no"


def factorial(seed: int = 1, models: Sequence[str] = ("m",)) -> Built:
    """Twelve people in each cell of three stakes and two frames, six texts a cell."""
    rng = np.random.default_rng(seed)
    built = Built()
    for s, stakes in enumerate((1, 10, 100)):
        for f, frame in enumerate(("gain", "loss")):
            texts = {m: rng.uniform(0.1, 0.9, 6) for m in models}
            for person in range(12):
                chose = rng.random() < 0.2 + 0.2 * s + 0.3 * f * (s == 2)
                built.add(
                    {"stakes": stakes, "frame": frame},
                    f"{stakes} {frame} {person % 6}",
                    {m: float(texts[m][person % 6]) for m in models},
                    participant=f"{stakes} {frame} {person}",
                    choice=yes(bool(chose)),
                )
    return built


def welch(treated: np.ndarray, control: np.ndarray) -> tuple[float, float, float, float]:
    """Difference of means, its 95% interval and p, by scipy."""
    test = scipy_stats.ttest_ind(treated, control, equal_var=False)
    interval = test.confidence_interval(0.95)
    return treated.mean() - control.mean(), interval.low, interval.high, test.pvalue


def one_text_each(seed: int = 0, size: int = 40) -> tuple[Built, np.ndarray, np.ndarray]:
    """Every decision another person's, and of a text of its own; people's and the model's numbers,
    (2, size), control first."""
    rng = np.random.default_rng(seed)
    people = (rng.random((2, size)) < np.array([[0.6], [0.3]])).astype(float)
    model = rng.uniform(0.2, 0.8, (2, size)) + np.array([[0.0], [0.15]])
    built = Built()
    for arm, condition in enumerate(("control", "treated")):
        for i in range(size):
            built.add(
                {"condition": condition},
                f"{condition} {i}",
                {"m": float(model[arm, i])},
                participant=f"{condition} {i}",
                choice=yes(bool(people[arm, i])),
            )
    return built, people, model
