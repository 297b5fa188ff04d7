"""The checkpoints of a study in plain English, for a paper."""

from __future__ import annotations

from collections.abc import Iterator

from tremble.report.tables.claimed import Facts, listed
from tremble.text import counted, decimal


def of_checkpoints(facts: Facts) -> Iterator[str]:
    """How checkpoints were compared, what measured their gain, and how a stop was chosen; nothing
    for a study without checkpoints."""
    one = facts.get("trained")
    if one is None:
        return
    about = "; ".join(
        f"{what.removesuffix('s') if len(one[what]) == 1 else what} {listed(one[what])}"
        for what in ("stages", "runs")
        if one[what]
    )
    yield (
        f"We compared {counted(one['checkpoints'], 'checkpoint')} of a training"
        f"{about and f' ({about})'} with {one['base']}, the model before this training."
    )
    if one["left_out"]:
        yield (
            f"We left out {counted(len(one['left_out']), 'checkpoint')} that could not be used "
            f"({'; '.join(text.rstrip('.') for text in one['left_out'])})."
        )
    if one["task"] is None:
        yield "There was no held-out task, so no gain was measured and no stop was chosen."
        return
    yield f"Gain on the held-out task ({_task(facts)}) is minus {_measure(facts)}."
    yield from _stops(facts)


def _task(facts: Facts) -> str:
    one = facts["trained"]
    return (
        f"{one['task']}, {counted(one['items'], 'item')} with "
        f"{one['clusters']:,} different first {'turn' if one['clusters'] == 1 else 'turns'}"
    )


def _measure(facts: Facts) -> str:
    one = facts["trained"]
    if one["measure"] == "loss":
        return "the loss per token of its answers"
    return (
        f"the DPO loss (beta {decimal(one['beta'])}) against the model that the last stage of "
        "training starts from"
    )


def _stops(facts: Facts) -> Iterator[str]:
    one = facts["trained"]
    if any(stop["checkpoint"] is not None for stop in one["stops"]):
        yield (
            "The stop is the earliest checkpoint from which this gain stays at or above "
            f"{decimal(one['keep'])} of the final gain (a convention); it was chosen on one half "
            "of the first turns of the task, without looking at human decisions, and the share "
            "that it keeps was measured on the other half."
        )
    for stop in one["stops"]:
        if stop["checkpoint"] is None:
            of_run = "" if stop["run"] is None else f" for run {stop['run']}"
            yield f"No stop is recommended{of_run}: {stop['reason']}."
