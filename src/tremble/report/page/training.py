"""The checkpoints of a training on a page: the answer, the tables, and charts of fidelity."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from tremble.report.page.charts import Chart
from tremble.report.page.drawing import BLUE, MAX_CHARTS, Figure, altair, by_family
from tremble.report.page.parts import Heading, Part, folded
from tremble.report.tables.table import Column, Section, Table, count, family_name
from tremble.report.tables.training import Tables, pivots, rows_of, training_answers
from tremble.stats.progress.line_fidelity import ALL
from tremble.stats.tables.stopping import WHOLE
from tremble.text import MISSING, counted, decimal

Row = dict[str, Any]
Axis = Literal["gain", "step", "kl"]
AXES: tuple[Axis, ...] = ("gain", "step", "kl")
_TITLES = {
    "gain": "gain on the held-out task (g)",
    "step": "steps since the base",
    "kl": "KL from the base (nats)",
}
# At least 3:1 on the page's white and on its dark ground; dashes and shapes tell runs apart too.
_COLOURS = (BLUE, "#c2701c", "#2f9270", "#b5579a", "#8a7a1f", "#7d6cd1")
DRAWN = ("checkpoints", "task", "stop")  # the tables that charts are made of
_PIVOTED = ("checkpoints", "task")  # what checkpoints as columns show as well
_ALONE = "all checkpoints"


@dataclass(frozen=True, slots=True)
class Drawn:
    """A figure, and the table of the points in it."""

    figure: Figure
    part: Part


@dataclass(frozen=True, slots=True)
class TrainingSection:
    """What a page has of checkpoints: `answers` in words, tables that fold, charts with theirs."""

    answers: list[str]
    parts: list[Part]
    charts: list[Drawn]


def training_section(parts: Sequence[Part]) -> TrainingSection | None:
    """The section of a study with checkpoints; None without. `parts`: the tables of `OF_TRAINING`
    that have rows or failed; those that are pivoted are shown themselves only where they failed.

    Raises MissingExtra without altair and vl-convert.
    """
    tables: Tables = {part.heading.id: part.trouble or part.rows for part in parts}
    shown = [part for part in parts if part.trouble or part.heading.id not in _PIVOTED]
    columns = pivots(tables)
    if not (columns or shown):
        return None
    command = "tremble analyze DIR --table checkpoints,task --json"
    made = [_pivot_part(table, command) for table in columns]
    charts = [
        Drawn(chart.figure(), _points_part(chart, points, axis))
        for axis, chart, points in _charts(tables)
    ]
    return TrainingSection(training_answers(tables), [*made, *shown], charts)


def _pivot_part(table: Table, command: str) -> Part:
    about = "Training, the held-out task and fidelity to people, a column per checkpoint."
    return replace(folded(Heading(table.id, table.title, about, command), table), opened=True)


def training_charts(tables: Tables) -> list[Chart]:
    """r against the gain, the step and the KL from the base, for each format and wording, one panel
    per family, one line per run; empty without checkpoints. `tables`: the rows of `DRAWN`.

    Raises MissingExtra without altair and vl-convert.
    """
    return [chart for _, chart, _ in _charts(tables)]


def _charts(tables: Tables) -> Iterator[tuple[Axis, Chart, list[Row]]]:
    number = 0
    asked = dict.fromkeys(
        (row["format"], row["formulation"]) for row in rows_of(tables, "checkpoints")
    )
    for format_, formulation in asked:
        for axis in AXES:
            points = points_of(tables, axis, format_, formulation)
            # A single place on the axis is no axis.
            if number < MAX_CHARTS and len({point["x"] for point in points}) > 1:
                about = f"{format_}, {formulation}"
                yield axis, _chart(f"training-{axis}-{number}", axis, about, points), points
                number += 1


def points_of(tables: Tables, axis: Axis, format_: str, formulation: str) -> list[Row]:
    """The points of a chart: run, checkpoint, stage, step, family, x, r and whether the checkpoint
    is the stop of its run; those where x and r are known, over all rounds.

    x is g (`task`), the steps since the base (of a later stage with those of the stages before), or
    kl in nats (`checkpoints`).
    """
    people = [
        row
        for row in rows_of(tables, "checkpoints")
        if (row["rounds"], row["format"], row["formulation"]) == (ALL, format_, formulation)
    ]
    g = {(row["run"], row["checkpoint"]): row["g"] for row in rows_of(tables, "task")}
    stops = {
        (row["run"], row["checkpoint"])
        for row in rows_of(tables, "stop")
        if row["stage"] == WHOLE and row["checkpoint"] is not None
    }
    steps = since_base(rows_of(tables, "checkpoints"))
    points = []
    for row in people:
        place = row["run"], row["checkpoint"]
        x = {"gain": g.get(place), "step": steps[place], "kl": row["kl"]}[axis]
        if x is not None and row["r"] is not None:
            points.append(
                {
                    "run": _ALONE if row["run"] is None else f"run {row['run']}",
                    **{key: row[key] for key in ("checkpoint", "stage", "step")},
                    "family": family_name(row["family"]),
                    "x": x,
                    "r": row["r"],
                    "stop": place in stops,
                }
            )
    return points


def since_base(rows: Sequence[Row]) -> dict[tuple[str | None, int], int]:
    """(run, checkpoint) -> steps since the base: those of its stage, and of each stage before the
    steps of its last checkpoint."""
    found: dict[tuple[str | None, int], int] = {}
    for run in dict.fromkeys(row["run"] for row in rows):
        mine: Mapping[int, Row] = {row["checkpoint"]: row for row in rows if row["run"] == run}
        before, last, stage = 0, 0, None
        for place in sorted(mine):
            row = mine[place]
            if row["stage"] != stage:
                before, stage = before + last, row["stage"]
            last = row["step"]
            found[run, place] = before + last
    return found


def _chart(name: str, axis: Axis, about: str, points: list[Row]) -> Chart:
    alt = altair()
    families = list(dict.fromkeys(point["family"] for point in points))
    runs = list(dict.fromkeys(point["run"] for point in points))
    values = [{**point, "name": _name(point)} for point in points]
    title = f"r against {_TITLES[axis]}, {about}"
    stops = sum(point["stop"] for point in points)
    description = (
        f"{counted(len(points), 'point')}, one per checkpoint and family; "
        f"{'one line per run' if len(runs) > 1 else 'one line'} in the order of training."
    )
    if stops:
        description += " The diamond is the stop."
    layers = alt.layer(*_layers(alt, axis, values, runs), data=alt.Data(values=values))
    caption = f"{about}. r with people against {_TITLES[axis]}. {description}"
    if axis == "gain" and len(runs) > 1:
        caption += " Each run's g is a share of its own final gain."
    if axis == "step":
        caption += " The axis is logarithmic; the base, at 0, stands at its left end."
    chart = by_family(alt, layers, families)
    if axis == "kl":  # families move unequally far
        chart = chart.resolve_scale(x="independent")
    return Chart(name, title, description, caption, chart)


def _layers(alt: Any, axis: Axis, values: Sequence[Row], runs: Sequence[str]) -> Iterator[Any]:
    x = alt.X("x:Q", title=_TITLES[axis], scale=_scale(alt, axis, values))
    y = alt.Y("r:Q", title="r", scale=alt.Scale(zero=False))
    legend = alt.Legend(orient="bottom", title=None) if len(runs) > 1 else None
    colours = [_COLOURS[n % len(_COLOURS)] for n in range(len(runs))]
    scale = alt.Scale(domain=list(runs), range=colours)
    colour = alt.Color("run:N", scale=scale, legend=legend)
    yield (
        alt.Chart()
        .mark_line(strokeWidth=1.5)
        .encode(
            x=x,
            y=y,
            color=colour,
            order="checkpoint:Q",
            strokeDash=alt.StrokeDash("run:N", sort=list(runs), legend=None),
        )
    )
    yield (
        alt.Chart()
        .mark_point(size=24, filled=True, opacity=1)
        .encode(x=x, y=y, color=colour, description="name:N")
    )
    yield (
        alt.Chart()
        .transform_filter("datum.stop")
        .mark_point(shape="diamond", size=160, strokeWidth=2, filled=False, opacity=1)
        .encode(x=x, y=y, color=colour, description="name:N")
    )


def _scale(alt: Any, axis: Axis, values: Sequence[Row]) -> Any:
    if axis != "step":
        return alt.Scale(zero=False)
    first = min((value["x"] for value in values if value["x"] > 0), default=1)
    # Logarithmic above the first checkpoint; 0 has a place.
    return alt.Scale(type="symlog", constant=first, nice=False)


def _name(point: Row) -> str:
    """What a point says when it is pointed at."""
    run = "" if point["run"] == _ALONE else f"{point['run']}, "
    stop = ", the stop" if point["stop"] else ""
    return f"{run}{_where(point)}{stop}: r {decimal(point['r'])}"


def _where(point: Row) -> str:
    if point["checkpoint"] == 0:
        return "base"
    return f"{point['stage'] or ''} {count(point['step'])}".strip()


def _points_part(chart: Chart, points: Sequence[Row], axis: Axis) -> Part:
    """The points of a chart as a table that folds."""
    runs = len({point["run"] for point in points}) > 1
    heads = {"gain": "g", "step": "Steps", "kl": "KL"}
    columns = [
        *([Column("Run")] if runs else []),
        Column("Checkpoint", True),
        Column("Stage and step"),
        Column(heads[axis], True),
        Column("r", True),
        Column("Stop"),
    ]
    sections: dict[str, list[list[str]]] = {}
    for point in points:
        x = count(point["x"]) if axis == "step" else _exact(point["x"])
        row = [str(point["checkpoint"]), _where(point), x, decimal(point["r"])]
        row = [*([point["run"]] if runs else []), *row, "stop" if point["stop"] else ""]
        sections.setdefault(point["family"], []).append(row)
    table = Table(
        f"{chart.name}-points",
        "The points of this chart",
        "",
        columns,
        [Section(family, rows) for family, rows in sections.items()],
        "Nothing to show.",
    )
    heading = Heading(table.id, table.title, chart.title, "tremble analyze DIR --table checkpoints")
    return replace(folded(heading, table), opened=False)


def _exact(value: float | None) -> str:
    if value is None:
        return MISSING
    return "< .001" if 0 < value < 0.0005 else decimal(value)
