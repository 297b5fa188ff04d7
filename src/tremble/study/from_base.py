"""How far the checkpoints of a trajectory are from their base on the prompts of the held-out task.

Of an item it is KL(checkpoint || base), the sum over all tokens v of p_c(v) (log p_c(v) -
log p_b(v)) in nats, where p_c and p_b are the next-token distributions right behind the prompt, at
the first token of the answer. This is the direction that RLHF penalises. It is exact and takes no
generation. The base is scored first; its distributions lie on disk (`store.base_distributions`) and
each checkpoint is compared with them while it is scored.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any, overload

import numpy as np
import numpy.typing as npt
import polars as pl

from tremble.engines.base import SCORING_VERSION, Score
from tremble.engines.open import weights_of
from tremble.models.spec import ModelSpec
from tremble.store.base_distributions import BaseDistributions
from tremble.store.job_folder import JobFolder
from tremble.store.provenance import hash8
from tremble.store.schemas import EXPECTED, TASK_SCORES
from tremble.study.cells import trajectory_models
from tremble.study.context import RunContext
from tremble.study.file import Study
from tremble.study.jobs import Job
from tremble.study.task_prompts import first_answers
from tremble.text import counted
from tremble.tokenization.options import TokenPaths

MOST = 256  # items: of 262,144 tokens their distributions take .23 GB
_TOKEN_BYTES = 3.5  # of a log-probability on disk


def divergence(checkpoint: npt.NDArray[np.float32], base: npt.NDArray[np.float32]) -> float | None:
    """KL(checkpoint || base) in nats, of natural log-probabilities [vocabulary]. None where the
    vocabularies are not of one size, and where it is infinite."""
    if checkpoint.shape != base.shape:
        return None
    mine, theirs = (_normalised(one) for one in (checkpoint, base))
    there = mine > -math.inf
    mine, theirs = mine[there], theirs[there]
    found = float(np.sum(np.exp(mine) * (mine - theirs)))
    return max(found, 0.0) if math.isfinite(found) else None


def _normalised(logprobs: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """In float64, so that a divergence is never below 0 by what float32 sums are off."""
    logs = logprobs.astype(np.float64)
    most = logs.max()
    shifted: npt.NDArray[np.float64] = logs - most
    shifted -= np.log(np.exp(shifted).sum())
    return shifted


def chosen_items(ids: Iterable[str], most: int = MOST) -> set[str]:
    """At most so many items, by the hashes of their ids: the same ones whatever their order, and
    an item that is added takes the place of one at most."""
    ordered = sorted(set(ids), key=lambda id_: (blake2b(id_.encode(), digest_size=8).digest(), id_))
    return set(ordered[:most])


@dataclass(frozen=True)
class FromBase:
    """What the checkpoints of a run are compared with: the base, the hash of what decides its
    numbers (`to`), and its distributions on disk."""

    model: ModelSpec
    to: str
    stored: BaseDistributions

    @classmethod
    def of(cls, run: RunContext, jobs: Sequence[Job]) -> FromBase | None:
        """That of a run; None where it has no held-out task, or the base is unavailable. Deletes
        distributions that are damaged or no longer asked for."""
        base = next(iter(trajectory_models(run.study)), None)
        job = next((one for one in jobs if one.model == base and one.cell.task), None)
        if job is None:
            return None
        stored = BaseDistributions(run.store.folder, job.folder)
        if damaged := stored.heal():
            run.notify(
                f"Warning: {counted(damaged, 'distribution')} of the base on the task "
                f"{'was' if damaged == 1 else 'were'} damaged; the base is scored again there."
            )
        for other in {one.folder for one in jobs if one.cell.task} - {job.folder}:
            BaseDistributions(run.store.folder, other).prune(frozenset())  # of an earlier base
        stored.prune(_row_keys(job))
        to = hash8({**job.identity, "scoring_version": SCORING_VERSION})
        return cls(job.model, to, stored)

    def first(self, run: RunContext, models: Sequence[ModelSpec]) -> list[ModelSpec]:
        """Models in their order, but the base before all others, and next to it those with its
        weights."""
        weights = weights_of(run.identities[self.model])

        def behind(model: ModelSpec) -> tuple[bool, bool]:
            return weights_of(run.identities[model]) != weights, model != self.model

        return sorted(models, key=behind)

    def job(self, job: Job) -> JobFromBase | None:
        """What is asked of a job; None where it is no task's."""
        return JobFromBase(self, job.model == self.model, _row_keys(job)) if job.cell.task else None


@dataclass(frozen=True)
class JobFromBase:
    """The divergences of one model, the base or a checkpoint: `row_keys` are those of the prompts
    that have one."""

    base: FromBase
    is_base: bool
    row_keys: frozenset[str]

    def lacking(self, rows: pl.DataFrame, folder: JobFolder) -> pl.DataFrame:
        """Those of a job's rows that are scored and lack their divergence from this base."""
        written = folder.all_rows(lambda _: None, [*TASK_SCORES])
        stored = self.base.stored
        there = pl.Series([key for key in sorted(self.row_keys) if key in stored], dtype=pl.String)
        asked = pl.Series(sorted(self.row_keys), dtype=pl.String)
        stale = pl.col("kl_to").ne_missing(self.base.to)
        if self.is_base:
            gone = pl.col("kl_base").is_not_null() & ~pl.col("row_key").is_in(there.implode())
            lacks = pl.col("row_key").is_in(asked.implode()) & (stale | gone)
        else:
            lacks = pl.col("row_key").is_in(there.implode()) & stale
        in_force = written.unique([*EXPECTED], keep="last").filter(pl.col("error").is_null(), lacks)
        return rows.join(in_force, on=[*EXPECTED], how="semi", maintain_order="left")

    def marked(self, view: Sequence[TokenPaths], row_keys: Sequence[str]) -> Sequence[TokenPaths]:
        """Prompts with `whole` where the whole distribution is wanted; `row_keys` are theirs."""
        return _Marked(view, [self._is_wanted(key) for key in row_keys])

    def numbers(self, row_key: str, score: Score) -> dict[str, Any]:
        """What of `store.schemas.DIVERGENCE` a score brings. The base's distribution is stored
        before its row is. A row without a divergence that says to which base it has none, as from
        an engine that gives no distributions, is not scored again."""
        if score.error is not None or not self._is_wanted(row_key):
            return {}
        mine, stored = score.distribution, self.base.stored
        if mine is None:
            return {"kl_to": self.base.to}
        if self.is_base:
            stored.write(row_key, mine)
            return {"kl_base": 0.0, "kl_to": self.base.to}
        theirs = stored.read(row_key)
        if theirs is None:
            return {}
        return {"kl_base": divergence(mine, theirs), "kl_to": self.base.to}

    def _is_wanted(self, row_key: str) -> bool:
        return row_key in self.row_keys and (self.is_base or row_key in self.base.stored)


def base_bytes(study: Study, root: Path, job: Job, vocabulary: int) -> int:
    """What the distributions of a job that are not in the study's folder `root` yet take on disk;
    0 where it is not the base's on the task."""
    if not job.cell.task or job.model != next(iter(trajectory_models(study)), None):
        return 0
    stored = BaseDistributions(root, job.folder)
    missing = sum(key not in stored for key in _row_keys(job))
    return int(_TOKEN_BYTES * vocabulary * missing)


class _Marked(Sequence[TokenPaths]):
    """Token paths, some of them with `whole`, made one at a time as those of `view` are."""

    def __init__(self, view: Sequence[TokenPaths], whole: Sequence[bool]) -> None:
        self._view, self._whole = view, whole

    def __len__(self) -> int:
        return len(self._view)

    @overload
    def __getitem__(self, index: int) -> TokenPaths: ...
    @overload
    def __getitem__(self, index: slice) -> list[TokenPaths]: ...
    def __getitem__(self, index: int | slice) -> TokenPaths | list[TokenPaths]:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        paths = self._view[index]
        return replace(paths, whole=True) if self._whole[index] else paths


def _row_keys(job: Job) -> frozenset[str]:
    """Those of the prompts of a task that have a divergence: of each chosen item the first answer,
    where a model can be asked."""
    rows = job.prompts.rows().filter(pl.col("refusal").is_null())
    firsts = first_answers(job.prompts.rows()["decision"])
    chosen = chosen_items(firsts.values())
    names = [name for name, item in firsts.items() if item in chosen]
    return frozenset(rows.filter(pl.col("decision").is_in(names))["row_key"])
