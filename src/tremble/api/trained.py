"""What a methods section says of the checkpoints of a study."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tremble.stats.frames.task_answers import TaskAnswers
from tremble.stats.tables.stopping import WHOLE
from tremble.stats.tables.trajectory import Training
from tremble.store.study_folder import Store
from tremble.store.task_items import items_of

Row = dict[str, Any]


def trained(store: Store, rows_of: Callable[[str], list[Row]]) -> Row | None:
    """The facts about a study's checkpoints; None where it has none.

    base, checkpoints (how many others), stages and runs (their names, in order), left_out (those
    that could not be used, with the reason), keep; task (its file; None without one), items and
    clusters of it, measure of the gain ("loss" or "dpo_loss") and beta of the DPO loss (None for
    "loss"); stops: of each run (None where there is one) the number of the checkpoint to stop at,
    or the reason why none is recommended. `rows_of` gives the rows of a table by its name.
    """
    run = store.read_run()
    record = run.get("trajectory")
    if record is None:
        return None
    items, some = items_of(store), record["checkpoints"]
    measure = None
    if items is not None:
        measure = Training(record, answers=TaskAnswers(items)).gain
    stops = [row for row in rows_of("stop") if row["stage"] == WHOLE]
    return {
        "base": record["base"],
        "checkpoints": len(checkpoints_of(run)),
        "stages": list(dict.fromkeys(one["stage"] for one in some if one["stage"])),
        "runs": list(dict.fromkeys(one["run"] for one in some if one["run"])),
        "left_out": list(record.get("left_out", ())),
        "keep": record["keep"],
        "task": None if items is None else record["task"],
        "items": None if items is None else items["item"].n_unique(),
        "clusters": None if items is None else items["cluster"].n_unique(),
        "measure": measure,
        "beta": record["beta"] if measure == "dpo_loss" else None,
        "stops": [{key: row[key] for key in ("run", "checkpoint", "reason")} for row in stops],
    }


def checkpoints_of(run: Mapping[str, Any]) -> list[str]:
    """The checkpoints of a run, as its record has it, by model; not their base."""
    record = run.get("trajectory")
    if record is None:
        return []
    return [one["model"] for one in record["checkpoints"] if one["model"] != record["base"]]
