"""How long scoring will take: as passes of a stand-in say, timed now; held against what the study
took before, where that was on this machine; or a rough estimate from the configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from tremble.engines.cost import NO_WORK, Cost, Work
from tremble.engines.model_size import ModelSize
from tremble.engines.open import give_memory_back
from tremble.models.files import Notify
from tremble.models.spec import RunOptions
from tremble.tokenization.options import TokenPaths

Timing = Literal["measured", "timed", "rough"]
# Tokens and decision rows that a pass of a processor holds where memory is not short.
_PASS, _ROWS = 2048, 128
_OPENING, _READING = 1.0, 1e9  # seconds for any model, and bytes of weights a second


@dataclass(slots=True)
class ModelWork:
    """What is still to be computed for one model: on the shared path, and by the reference; the
    checks that come with the shared path; and what was computed `before` (accounts of the engine,
    out of manifests)."""

    shared: Work = NO_WORK
    alone: Work = NO_WORK
    checks: Work = NO_WORK
    before: list[Mapping[str, Any]] = field(default_factory=list)
    # As the engine keeps: tokens of the longest prompt that the path will have been checked on, and
    # whether it will have been on trunks.
    _checked: int = 0
    _on_trunks: bool = False

    def add(
        self, prompts: Sequence[TokenPaths], plan: Any, lossless: bool, window: int = 0
    ) -> None:
        """One more job's prompts, of which `plan` is, in the order in which jobs are scored;
        `window`: the widest of the model's layers."""
        if not plan.prompts:
            return
        passes = max(-(-plan.distinct // _PASS), -(-plan.rows // _ROWS))
        self.shared += Work(plan.distinct, plan.pairs, plan.rows, passes)
        tokens, pairs, singles = plan.one_by_one()
        self.alone += Work(tokens, pairs, plan.rows, singles)
        checked = plan.checked_tokens(window)
        if checked > 2 * self._checked or (plan.on_trunks and not self._on_trunks):
            self._checked, self._on_trunks = checked, self._on_trunks or plan.on_trunks
            self.checks += _check(plan, prompts, lossless, window)


def _check(plan: Any, prompts: Sequence[TokenPaths], lossless: bool, window: int) -> Work:
    """A check of the shared path: some prompts by the reference and once more in three passes; by
    the model in float32 as well where it is run in less."""
    from tremble.engines.shared_prefix.self_check import checked_prompts
    from tremble.engines.shared_prefix.stream import Plan

    small = Plan(checked_prompts(plan, prompts, window))
    alone = Work(small.tokens, small.pairs_alone, small.rows, small.sequences)
    again = alone + Work(small.distinct, small.pairs, small.rows, 3)
    return again if lossless else again + alone


class Times:
    """What models take under the options of a run. `gflops`: the rate of a square product, where a
    rough estimate needed it."""

    def __init__(self, options: RunOptions, notify: Notify) -> None:
        self.options, self.notify = options, notify
        self.gflops: float | None = None
        self._trials: dict[str, Any] = {}  # by shape; None where there can be none

    def seconds(self, name: str, size: ModelSize, work: ModelWork) -> tuple[float, Timing] | None:
        """What scoring takes with its checks and reading the weights, and how that is known; None
        where it is not."""
        trial = self._trial(name, size, work)
        shared = self.options.engine != "reference" and (trial is None or trial.shared)
        cost: Cost | None = None if trial is None else trial.cost
        timing: Timing = "timed"
        if cost is None and self.options.device == "cpu":
            cost, timing = size.cost(self._rate()), "rough"
        if shared and (measured := self._measured(work.before, cost)) is not None:
            cost, timing = measured, "measured"
        if cost is None:
            return None
        todo = work.shared + work.checks if shared else work.alone
        return _OPENING + size.weights / _READING + cost.seconds(todo), timing

    def _trial(self, name: str, size: ModelSize, work: ModelWork) -> Any:
        from tremble.engines.shared_prefix.trial import trial

        if size.shape not in self._trials:
            self.notify(f"Measuring speed with a few layers like those of {name}.")
            self._trials[size.shape] = trial(
                size.config, self.options, size.trusted, work.shared, work.alone
            )
            give_memory_back()
        return self._trials[size.shape]

    def _rate(self) -> float:
        from tremble.engines.shared_prefix.matmul_rate import square_rate

        if self.gflops is None:
            self.gflops = square_rate(self.options.dtype)
        return self.gflops

    def _measured(self, before: Sequence[Mapping[str, Any]], cost: Cost | None) -> Cost | None:
        """`cost` as it would have been right for what was computed before on a machine like this
        one (its own cost, where nothing else is known); None where nothing was."""
        import torch

        from tremble.engines.machine import machine

        name = self.options.device
        if name == "auto":  # layers go to GPUs first
            name = "cuda" if torch.cuda.is_available() else "cpu"
        here = machine(torch.device(name))
        expected = taken = 0.0
        for account in before:
            if account.get("cost") is None or account.get("machine") != here:
                continue
            own = Cost(**account["cost"])
            names = ("computed_tokens", "pairs", "decision_rows", "passes")
            done = Work(*(account[key] for key in names))
            cost = cost or own
            taken, expected = taken + own.seconds(done), expected + cost.seconds(done)
        return cost.times(taken / expected) if cost is not None and expected else None
