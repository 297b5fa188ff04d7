"""What a study knows: what people did, and what models and baselines say of it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, fields, replace

import polars as pl

from tremble.stats.frames.predictions import RUN, predictions

_PREDICTIONS = pl.Schema(
    {**dict.fromkeys((*RUN, "decision", "key"), pl.String), "prediction": pl.Float64}
    | {"mass": pl.Float64}
)
_BASELINES = pl.Schema(
    {
        **dict.fromkeys(("baseline", "decision", "key"), pl.String),
        "prediction": pl.Float64,
        "why": pl.String,
    }
)


@dataclass(frozen=True, slots=True, repr=False)
class Evidence:
    """Frames about the same decisions, joined by the column `decision`; what is not there is empty.

    - `decisions`: a row each, as a study stores them;
    - `outcomes`: what people did, a row per point (`outcomes`);
    - `predictions`: what the runs say, a row per run, decision and key (`predictions`);
    - `baseline_predictions`: what the baselines say (`baselines.base.baseline_predictions`);
    - `controlled`: as `predictions`, under a control: the formulation is a wording and a control;
    - `scores`: what `predictions` were made from, a row per run, decision and presentation;
    - `persona_scores`: likewise, under the arms of a persona.
    """

    decisions: pl.DataFrame = field(default_factory=pl.DataFrame)
    outcomes: pl.DataFrame = field(default_factory=pl.DataFrame)
    predictions: pl.DataFrame = field(default_factory=_PREDICTIONS.to_frame)
    baseline_predictions: pl.DataFrame = field(default_factory=_BASELINES.to_frame)
    controlled: pl.DataFrame = field(default_factory=_PREDICTIONS.to_frame)
    scores: pl.DataFrame = field(default_factory=pl.DataFrame)
    persona_scores: pl.DataFrame = field(default_factory=pl.DataFrame)

    @property
    def has_sessions(self) -> bool:
        """Whether some decisions are responses of sessions."""
        said = self.decisions.get_column("response", default=None)
        return said is not None and said.null_count() < len(said)

    def cloned(self) -> Evidence:
        """The same in frames of their own: what is changed in place in one is not in the other."""
        return Evidence(**{part.name: getattr(self, part.name).clone() for part in fields(self)})

    def at_outcomes(self) -> Evidence:
        """With the predictions of which an outcome is known: of two options one."""
        places = self.outcomes.select("decision", "key")
        return replace(
            self, predictions=self.predictions.join(places, on=["decision", "key"], how="semi")
        )

    def of_models(self, models: Collection[str]) -> Evidence:
        """With the predictions of these models alone."""
        return replace(self, predictions=self.predictions.filter(pl.col("model").is_in(models)))

    def with_outcomes(self, outcomes: pl.DataFrame) -> Evidence:
        """With other points to hold predictions against, such as those that theory speaks of."""
        return replace(self, outcomes=outcomes)

    def under_controls(self) -> Evidence:
        """With what was predicted under controls in place of the predictions."""
        return replace(self, predictions=self.controlled)

    def rescored(self, scores: pl.DataFrame) -> Evidence:
        """With other scores, and the predictions that they make."""
        return replace(self, scores=scores, predictions=predictions(scores, self.decisions))
