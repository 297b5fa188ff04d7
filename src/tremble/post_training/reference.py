"""The reference of DPO: log-probabilities of answers under the model that the stage starts from,
computed once, before it, and kept.

A half-trained checkpoint can never become the reference: after an interruption the stored numbers
are read, which are those of the model that they name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from tremble.disk.tables import read_table, write_table
from tremble.engines.base import Score
from tremble.engines.open import give_memory_back, open_engine, scored_identity
from tremble.errors import UserError
from tremble.models.files import Notify, digest_of
from tremble.models.spec import ModelSpec, RunOptions
from tremble.post_training.samples import Sample
from tremble.study.progress import Progress
from tremble.tasks.task_measures import CHOSEN, REJECTED, Floats, sums_of
from tremble.tasks.task_paths import ItemPaths, prompts_of


def reference_of(
    spec: ModelSpec,
    options: RunOptions,
    samples: Sequence[Sample],
    place: Path,
    notify: Notify,
    progress: Progress | None = None,
) -> Floats:
    """[samples, 2]: the log-probabilities (nat) of each pair's answers with their ends of turn,
    under a model. Read from `place` where they are those of this model and these pairs, as
    written, else computed by the engine that scores decisions, and written there; `progress` counts
    answers.

    Raises UserError where a pair has no score.
    """
    of = {
        "model": repr(sorted(scored_identity(spec, options, notify).items())),
        "samples": repr([(one.prompt, one.answers) for one in samples]),
    }
    held = _stored(place, of, len(samples))
    if held is not None:
        return held
    notify("DPO: the reference (log-probabilities under the model that DPO starts from).")
    engine: Any = open_engine(spec, options, notify)
    made = [ItemPaths(one.item, one.paths) for one in samples]
    prompts = prompts_of(made)
    progress = progress or Progress()
    progress.start("DPO, the reference", len(prompts), "answer")
    progress.measure(len(prompts))
    found = sums_of(made, _counted(engine.score(prompts), progress)).total
    del engine
    give_memory_back()
    if np.isnan(found).any():
        bad = samples[int(np.isnan(found).any(axis=1).argmax())].item
        raise UserError(
            f"The pair {bad.id!r} has no log-probability under the model that DPO starts from; "
            "lower the learning rate of the stage before, or leave the pair out."
        )
    frame = pl.DataFrame(
        {
            "item": [one.item.id for one in samples],
            "chosen": found[:, CHOSEN],
            "rejected": found[:, REJECTED],
            "key": _key(of, found),
        }
    )
    write_table(place, frame)
    return found


def _counted(scores: Iterable[Score], progress: Progress) -> Iterator[Score]:
    for score in scores:
        progress.advance(1)
        yield score


def _stored(place: Path, of: Mapping[str, str], count: int) -> Floats | None:
    if not place.is_file():
        return None
    frame = read_table(place)
    if frame.height != count or not {"chosen", "rejected", "key"} <= set(frame.columns):
        return None
    held: Floats = frame.select("chosen", "rejected").to_numpy()
    return held if set(frame["key"].unique()) == {_key(of, held)} else None


def _key(of: Mapping[str, str], found: Floats) -> str:
    """What numbers are of, and they themselves: a number that changed on disk is not used."""
    return digest_of({**of, "numbers": repr(found.tolist())})
