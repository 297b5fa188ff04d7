"""How likely the checkpoints of a line find what people said in sessions, response by response."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
import polars as pl

from tremble.stats.frames.session_responses import NONE, Sessions
from tremble.stats.progress.line_fidelity import ALL, readings
from tremble.stats.progress.series import Fidelity
from tremble.stats.progress.training import Line


@dataclass(frozen=True, eq=False)
class LineSessions:
    """A line's checkpoints on the sessions of one experiment, in one format and wording.

    `nats` (S, R): -log p of each of R responses under each of S models, NaN where one has none;
    `people` (R): codes of who gave them; `impossible`: how many of them have the probability 0 at
    some model, so that no mean can count them.
    """

    experiment: str
    format: str
    formulation: str
    nats: np.ndarray
    people: np.ndarray
    impossible: int

    rounds: ClassVar[str] = ALL

    @property
    def family(self) -> str:
        """What stands in the place of a family of games."""
        return self.experiment

    @cached_property
    def known(self) -> np.ndarray:
        """(R): responses that every model has."""
        return np.asarray(np.isfinite(self.nats).all(axis=0))

    @cached_property
    def mean_nats(self) -> Fidelity:
        """Nats per response; the mean is the measure."""
        return Fidelity(self.nats, [self.people])

    @property
    def measures(self) -> dict[str, Fidelity]:
        """The measures that have intervals, by name."""
        return {"nats": self.mean_nats}


def line_sessions(line: Line, sessions: Sessions) -> Iterator[LineSessions]:
    """A line on every experiment, in every format and wording alone (no persona, no control) in
    which its base and another of its models were read."""
    alone = sessions.runs.filter(pl.col("persona") == NONE)
    numbers = alone["run"].to_list()
    told = alone.select("model", "format", "formulation").rows()
    parts = sessions.responses.partition_by("experiment", maintain_order=True)
    for format_, formulation, at in readings(line, told):
        runs = [None if one is None else numbers[one] for one in at]
        nats = _nats(sessions, runs)
        zero = sessions.impossible.filter(pl.col("run").is_in(runs))["response"]
        for part in parts:
            mine = part["response"].to_numpy()
            yield LineSessions(
                part["experiment"][0],
                format_,
                formulation,
                nats[:, mine],
                part["participant"].rank("dense").to_numpy() - 1,
                int(part["response"].is_in(zero.implode()).sum()),
            )


def _nats(sessions: Sessions, runs: list[int | None]) -> np.ndarray:
    """(runs, responses): nats, NaN where a run has none."""
    nats = np.full((len(runs), sessions.responses.height), np.nan)
    for place, run in enumerate(runs):
        mine = sessions.scored.filter(pl.col("run") == run)
        nats[place, mine["response"].to_numpy()] = mine["nats"].to_numpy()
    return nats
