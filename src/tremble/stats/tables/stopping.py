"""When to stop, what fidelity is there, and when it changes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from tremble.stats.inference.bootstrap import RESAMPLES
from tremble.stats.progress.changes import Change, levels
from tremble.stats.progress.gain import Estimate
from tremble.stats.progress.line_fidelity import LineFidelity
from tremble.stats.progress.line_sessions import LineSessions
from tremble.stats.progress.series import Fidelity
from tremble.stats.progress.stop import Stop, at_equal_g, choose_stop, fidelity_at
from tremble.stats.progress.timing import timing
from tremble.stats.progress.training import Line
from tremble.stats.tables.trajectory import DPO, Training

Row = dict[str, Any]
_Fidelity = LineFidelity | LineSessions
WHOLE = "all"
LEVELS = (0.25, 0.5, 0.75, 1.0)  # of g, at which runs are compared


def stop_table(training: Training, resamples: int = RESAMPLES) -> list[Row]:
    """One row per run and stage, and one for the whole series (stage "all").

    run, stage, measure, keep, checkpoint (the stop; None: no recommendation), model, step, reason
    (why there is none), g at the stop on the clusters that did not choose it, with g_low and
    g_high, surely (the earliest checkpoint from which the lower bound of g stays at or above
    `keep`), earliest and latest (the middle 80% of what resamples choose), chosen (the share of
    resamples that choose the stop), gain (T of the last less that of the base, in the unit of the
    measure) with gain_low and gain_high, clusters_chosen and clusters_reported. Without a task, and
    without scores of the base, a row has the reason alone.
    """
    rows = [
        _stop_row(training, line, stage, places, stop)
        for line, stage, places, stop in _stops(training, resamples)
    ]
    for run, reason in training.unscored.items():
        nobody = Line(run, (), (), (), ())
        rows.append(_stop_row(training, nobody, WHOLE, (), _no_stop(training, reason)))
    return rows


def _stops(training: Training, resamples: int) -> Iterator[tuple[Line, str, tuple[int, ...], Stop]]:
    for line in training.lines:
        task = training.task(line)
        every = tuple(range(len(line.models)))
        if task is None:
            yield line, WHOLE, every, _no_stop(training, training.why_no_task(line))
            continue
        stages = {WHOLE: every, **line.of_stages()}
        for stage, places in stages.items():
            if stage == WHOLE or (len(stages) > 2 and len(places) > 1):
                yield (
                    line,
                    stage,
                    places,
                    choose_stop(task.at(places), training.record["keep"], resamples=resamples),
                )


def _no_stop(training: Training, reason: str) -> Stop:
    nothing = Estimate(None, None, None, 0, reason)
    keep = training.record["keep"]
    return Stop(keep, None, reason, None, None, (), None, None, nothing, (0, 0))


def _stop_row(
    training: Training, line: Line, stage: str, places: tuple[int, ...], stop: Stop
) -> Row:
    def place(at: int | None) -> int | None:
        return None if at is None or at >= len(places) else places[at]

    at = place(stop.checkpoint)
    g = stop.gain
    return {
        "run": line.run or None,
        "stage": stage,
        "measure": training.gain if training.answers.known else None,
        "keep": stop.keep,
        "checkpoint": at,
        "model": None if at is None else line.models[at],
        "step": None if at is None else line.steps[at],
        "reason": stop.reason,
        "g": None if g is None else g.value,
        "g_low": None if g is None else g.low,
        "g_high": None if g is None else g.high,
        "surely": place(stop.surely),
        "earliest": place(stop.earliest),
        "latest": place(stop.latest),
        "chosen": None if stop.checkpoint is None else stop.chosen[stop.checkpoint],
        "gain": stop.rise.value,
        "gain_low": stop.rise.low,
        "gain_high": stop.rise.high,
        "clusters_chosen": stop.halves[0],
        "clusters_reported": stop.halves[1],
    }


def at_stop_table(training: Training, resamples: int = RESAMPLES) -> list[Row]:
    """Fidelity at the stop of the whole series: one row per run, family, rounds, format, wording,
    measure ("r", "log_loss", "mass") and what it is compared with ("base", "last").

    run, family, rounds, format, formulation, measure, against, checkpoint (the stop), difference
    (at the stop less that at the other), low, high, p (paired, over whole clusters), smallest (the
    smallest difference that such data show with a probability of .80), n (decisions) and note. Of
    sessions family is the experiment, the measure "nats" (per response) and n counts responses.
    """
    some: list[tuple[Line, Sequence[_Fidelity]]] = [*training.fidelities, *training.of_sessions]
    return [
        {**_about(line, one, measure), **_change_row(against, change), "n": int(one.known.sum())}
        for line, one, stop in _with_stops(training, resamples, some)
        for measure, fidelity in one.measures.items()
        if (found := fidelity_at(stop, fidelity, resamples=resamples)) is not None
        for against, change in (("base", found.base), ("last", found.last))
        if change.at != change.against
    ]


def timing_table(training: Training, resamples: int = RESAMPLES) -> list[Row]:
    """When fidelity changes, relative to the stop: one row per run, family, rounds, format, wording
    and measure ("r").

    run, family, rounds, format, formulation, measure, word ("before", "with", "after", "never",
    "cannot say"), reason, left (the first checkpoint at which the simultaneous 95% band of the
    change from the base leaves 0), stays (the first from which it stays away), change (r at `left`
    less that of the base), stop, smallest (the smallest change that the band shows everywhere with
    a probability of .80), n.
    """
    rows = []
    for line, one, stop in _with_stops(training, resamples, training.fidelities):
        found = timing(one.measures["r"], stop, resamples=resamples)
        rows.append(
            {
                **_about(line, one, "r"),
                "word": found.word,
                "reason": found.reason,
                "left": found.left,
                "stays": found.stays,
                "change": found.change,
                "stop": stop.checkpoint,
                "smallest": found.smallest,
                "n": int(one.known.sum()),
            }
        )
    return rows


def equal_gain_table(training: Training) -> list[Row]:
    """r of several runs where they have gained equally much on the task: one row per family,
    rounds, format, wording, level of g that all runs reach (of `LEVELS`) and run.

    family, rounds, format, formulation, level, run, r (over decisions of which every checkpoint of
    every run says something), gain (T of the run's last less that of the base, in the unit of the
    measure), scale (the smallest such gain of all runs) and note. g is on one scale for all runs: T
    less that of the base, divided by `scale`, so that every run reaches 1; all over the items that
    count in every run. Where there is no such scale, a row per run with its note says why and the
    rest is None. Empty with fewer than two runs that have a task.
    """
    some = [(line, found) for line, found in training.fidelities if training.task(line)]
    if len(some) < 2:
        return []
    lines = [line for line, _ in some]
    rises = training.rises(lines)
    gains = {line.run: float(rise[-1]) for line, rise in zip(lines, rises, strict=True)}
    note = _no_scale(training, lines, gains)
    if note is not None:
        return [_equal_row(run, gain, note=note) for run, gain in gains.items()]
    scale = min(gains.values())
    progress = {line.run: rise / scale for line, rise in zip(lines, rises, strict=True)}
    rows = []
    for where, by_run in _shared(some).items():
        fidelity = _over_the_same(by_run)
        runs = {run: (progress[run].tolist(), r) for run, r in fidelity.items()}
        at = at_equal_g(runs, LEVELS)
        for n, level in enumerate(LEVELS):
            if all(max(g) >= level for g, _ in runs.values()):
                about = dict(zip(("family", "rounds", "format", "formulation"), where, strict=True))
                rows += [
                    _equal_row(run, gains[run], scale, **about, level=level, r=found[n])
                    for run, found in at.items()
                ]
    return rows


def _no_scale(training: Training, lines: Sequence[Line], gains: Mapping[str, float]) -> str | None:
    """Why gains of runs cannot be compared."""
    for run, gain in gains.items():
        if not gain > 0:
            return f"the gain of run {run} is not above 0"
    references = {line.models[line.reference() or 0] for line in lines}
    if training.gain == DPO and len(references) > 1:
        return "the last stage of each run starts from another model, so DPO losses have no scale"
    return None


def _shared(
    some: Sequence[tuple[Line, Sequence[LineFidelity]]],
) -> dict[tuple[str, ...], dict[str, LineFidelity]]:
    """What all runs have fidelity of: (family, rounds, format, wording) -> by run."""
    found: dict[tuple[str, ...], dict[str, LineFidelity]] = {}
    for line, fidelities in some:
        for one in fidelities:
            where = one.family, one.rounds, one.format, one.formulation
            found.setdefault(where, {})[line.run] = one
    return {where: by_run for where, by_run in found.items() if len(by_run) == len(some)}


def _over_the_same(by_run: Mapping[str, LineFidelity]) -> dict[str, list[float]]:
    """r of the checkpoints of every run over the decisions that all of them have; NaN where r is
    undefined."""
    parts = [one.r for one in by_run.values()]
    stacked = Fidelity(
        np.concatenate([part.values for part in parts]), parts[0].clusters, parts[0].outcomes
    )
    r = [np.nan if value is None else value for value in levels(stacked)]
    ends = np.cumsum([0, *(len(part.values) for part in parts)])
    return {run: r[ends[n] : ends[n + 1]] for n, run in enumerate(by_run)}


def _equal_row(run: str, gain: float, scale: float | None = None, **more: Any) -> Row:
    about = ("family", "rounds", "format", "formulation", "level")
    row = {**dict.fromkeys(about), "run": run, "r": None, "gain": gain, "scale": scale}
    return {**row, "note": None, **more}


def _with_stops(
    training: Training, resamples: int, some: Iterable[tuple[Line, Sequence[_Fidelity]]]
) -> Iterator[tuple[Line, _Fidelity, Stop]]:
    stops = {
        line.run: stop for line, stage, _, stop in _stops(training, resamples) if stage == WHOLE
    }
    for line, found in some:
        if line.run in stops:
            for one in found:
                yield line, one, stops[line.run]


def _about(line: Line, one: _Fidelity, measure: str) -> Row:
    return {
        "run": line.run or None,
        "family": one.family,
        "rounds": one.rounds,
        "format": one.format,
        "formulation": one.formulation,
        "measure": measure,
    }


def _change_row(against: str, change: Change) -> Row:
    return {
        "against": against,
        "checkpoint": change.at,
        "difference": change.estimate,
        "low": change.low,
        "high": change.high,
        "p": change.p,
        "smallest": change.smallest,
        "note": change.note,
    }
