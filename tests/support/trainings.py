"""A training of known worth: checkpoints that learn a task and lose people, as a study stores
them."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from tests.support.counterparts import people
from tests.support.stat_frames import score
from tremble.stats.frames.task_answers import TaskAnswers
from tremble.stats.tables.analysis import Analysis, analyze
from tremble.store.schemas import SCORES

# The share of the final gain at each checkpoint, and how much of what people do it knows.
CURVE = (0.0, 0.5, 0.8, 0.96, 0.99, 1.0)
WEIGHTS = (2.0, 2.0, 2.0, 1.5, 0.2, 0.0)

# The columns that tables about checkpoints promise, and which of them hold texts.
COLUMNS = {
    "checkpoints": "run checkpoint stage step tokens model family rounds format formulation n r "
    "log_loss mass changed kl",
    "checkpoint_contrasts": "run checkpoint stage step tokens model family format formulation "
    "contrast level control people effect low high difference difference_low difference_high mass "
    "n note",
    "checkpoint_effects": "run checkpoint stage step tokens model family format formulation "
    "contrasts effects_r effects_rmse difference low high note",
    "checkpoint_responses": "run checkpoint stage step tokens model format formulation experiment "
    "people responses missing nats difference low high d note",
    "task": "run checkpoint stage step tokens model measure g g_low g_high loss accuracy "
    "accuracy_per_token margin accuracy_shorter accuracy_longer implicit_accuracy dpo_loss items "
    "missing ties equally_long note",
    "stop": "run stage measure keep checkpoint model step reason g g_low g_high surely earliest "
    "latest chosen gain gain_low gain_high clusters_chosen clusters_reported",
    "at_stop": "run family rounds format formulation measure against checkpoint difference low "
    "high p smallest n note",
    "timing": "run family rounds format formulation measure word reason left stays stop smallest n",
    "equal_gain": "family rounds format formulation level run r gain scale note",
}
TEXTS_OF_TRAINING = ("run", "stage", "rounds", "measure", "reason", "against", "word")


def record(runs: Sequence[str] = ("",), steps: int = len(CURVE), **asked: Any) -> dict[str, Any]:
    """The trajectory in the record of a study with checkpoints /w/RUN-1, /w/RUN-2, ..., two in the
    stage sft and the others in dpo."""
    checkpoints = [
        {
            "model": f"/w/{run}-{at}",
            "step": 100 * (at if at < 3 else at - 2),
            "stage": "sft" if at < 3 else "dpo",
            "run": run,
            "tokens": None,
            "order": at,
        }
        for run in runs
        for at in range(1, steps)
    ]
    held = {"task": "held_out.jsonl", "gain": "auto", "keep": 0.93, "beta": 0.1, "source": None}
    return {"base": "/w/base", **held, "template": None, **asked, "checkpoints": checkpoints}


def task(
    models: Mapping[str, float], clusters: int = 40, pairs: bool = False, seed: int = 4
) -> TaskAnswers:
    """Two items in each of so many clusters; answers of 4 to 9 tokens, of which each model has a
    loss of 3 nats per token less what `models` says, and some noise per item."""
    drawn = np.random.default_rng(seed)
    sides = ("chosen", "rejected") if pairs else ("answer",)
    items, scores = [], []
    for item in range(2 * clusters):
        for side in sides:
            name, tokens = f"{item}/{side}", int(drawn.integers(4, 10))
            about = {"item": str(item), "cluster": f"turn {item // 2}", "subset": "", "side": side}
            items.append({"decision": name, **about})
            for model, gain in models.items():
                kept = gain if side != "rejected" else -gain
                scores.append(
                    {
                        "model": model,
                        "decision": name,
                        "error": None,
                        "response_logprob": float(-(3 - kept + drawn.normal(0, 0.02)) * tokens),
                        "closing_logprob": -0.1,
                        "response_tokens": tokens,
                    }
                )
    return TaskAnswers(
        pl.DataFrame(items), pl.DataFrame(scores, schema_overrides={"error": pl.String})
    )


def trained(
    gains: Mapping[str, float] | None = None, pairs: bool = False, **asked: Any
) -> Analysis:
    """A study of one training, or of several runs by the final gain of each (nats per token): by
    its end every run has lost people."""
    gains = {"": 1.0} if gains is None else gains
    known = {"/w/base": (0.0, WEIGHTS[0])}
    for run, gain in gains.items():
        for at in range(1, len(CURVE)):
            known[f"/w/{run}-{at}"] = gain * CURVE[at], WEIGHTS[at]
    _, decisions = people()
    drawn = np.random.default_rng(2)
    chosen = (decisions["choice"] == "yes").to_numpy()
    noise = drawn.normal(size=len(chosen))
    rows = []
    for model, (_, weight) in known.items():
        own = noise + 0.3 * drawn.normal(size=len(chosen))
        for name, yes, e in zip(decisions["decision"], chosen, own, strict=True):
            p = 1 / (1 + math.exp(-weight * (2 * yes - 1) / 2 - e))
            rows.append(score(name, [p, 1 - p], family="repeated_matrix", model=model))
    made = analyze(pl.DataFrame(rows, schema=SCORES), decisions)
    answers = task({model: gain for model, (gain, _) in known.items()}, pairs=pairs)
    return dataclasses.replace(made, trajectory=record(list(gains), **asked), answers=answers)
