"""What a study says about the checkpoints of a training: an answer, and a column for each."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from tremble.report.tables.captions import heading
from tremble.report.tables.captions_training import pivot_caption
from tremble.report.tables.contrasts import with_interval
from tremble.report.tables.further import cell, further_layout
from tremble.report.tables.table import Column, Section, Table, count, family_name
from tremble.stats.progress.line_fidelity import ALL
from tremble.stats.tables.stopping import WHOLE
from tremble.stats.verdict.answer import MARGINS
from tremble.text import counted, decimal

Row = dict[str, Any]
Tables = Mapping[str, Sequence[Row] | str]
ANSWER = "Where to stop"
TITLE = "Checkpoint by checkpoint"
_WIDEST = 80  # characters of a block of checkpoints
_GAP = 2  # between columns
_PLACE = ("stage", "step", "tokens")
_OF_PEOPLE = ("n", "r", "log_loss", "mass", "changed", "kl")
_OF_EFFECTS = ("contrasts", "effects_r", "effects_rmse")
_OF_SESSIONS = ("responses", "nats", "d")
_FEW = 3  # experiments of which the answer speaks
_MASS = MARGINS.mass
_PIVOTED = ("task", "checkpoints", "checkpoint_effects", "checkpoint_responses")
_BELOW = ("stop", "at_stop", "timing", "equal_gain")
_NO_TASK = "No recommendation: there is no held-out task with scores at every checkpoint."


def rows_of(tables: Tables, name: str) -> Sequence[Row]:
    """The rows of a table; none where it could not be made."""
    rows = tables.get(name) or ()
    return () if isinstance(rows, str) else rows


def training_answers(tables: Tables) -> list[str]:
    """A short answer for each run: where to stop, what that keeps of the gain, and what happens to
    r there; `tables` by their names (`OF_TRAINING`). Empty without checkpoints."""
    stops = [row for row in rows_of(tables, "stop") if row["stage"] == WHOLE]
    if stops:
        return [_answer(row, tables) for row in stops]
    known = any(rows_of(tables, name) for name in _PIVOTED) and not isinstance(
        tables.get("stop"), str
    )
    return [_NO_TASK] if known else []


def _answer(stop: Row, tables: Tables) -> str:
    run, at = stop["run"], stop["checkpoint"]
    if at is None:
        text = f"No recommendation: {stop['reason']}."
    else:
        stage, last = _stage_and_last(tables, run, at)
        where = f"step {count(stop['step'])}" + (f" of {stage}" if stage else "")
        text = f"Stop at {where} (checkpoint {at}"
        if at == last:
            text += (
                f", the last): no earlier checkpoint keeps {decimal(stop['keep'])} of the gain on "
                "the held-out task up to the end."
            )
        else:
            text += f"): it keeps {_with_ends(stop)} of the gain on the held-out task."
        text = " ".join([text, *_at_stop(tables, run, ("base",) if at == last else None)])
    return text if run is None else f"Run {run}: {text[:1].lower()}{text[1:]}"


def _with_ends(stop: Row) -> str:
    ends = [stop["g_low"], stop["g_high"]]
    return decimal(stop["g"]) + ("" if None in ends else f" [{', '.join(map(decimal, ends))}]")


def _stage_and_last(tables: Tables, run: str | None, at: int) -> tuple[str | None, int | None]:
    """The stage of a checkpoint, and the number of the run's last one."""
    mine = {
        row["checkpoint"]: row["stage"]
        for name in _PIVOTED
        for row in rows_of(tables, name)
        if row["run"] == run
    }
    return mine.get(at), max(mine, default=None)


def _at_stop(
    tables: Tables, run: str | None, against: Collection[str] | None = None
) -> Iterator[str]:
    """Fidelity at the stop by family, in the first format and wording, compared with all or some of
    the checkpoints that the table has."""
    rows = [
        row
        for row in rows_of(tables, "at_stop")
        if (row["run"], row["rounds"]) == (run, ALL)
        and (against is None or row["against"] in against)
    ]
    yield from _r_at_stop(tables, run, [row for row in rows if row["measure"] == "r"])
    yield from _nats_at_stop([row for row in rows if row["measure"] == "nats"])


def _r_at_stop(tables: Tables, run: str | None, rows: Sequence[Row]) -> Iterator[str]:
    asked = list(dict.fromkeys((row["format"], row["formulation"]) for row in rows))
    masses = _masses(tables, run, asked[0]) if asked else {}
    how = f" ({', '.join(asked[0])})" if len(asked) > 1 else ""
    for family, compared in _compared(rows).items():
        mass = masses.get(family)
        little = "" if mass is None or mass >= _MASS else f" (mass {decimal(mass)}: r says little)"
        yield f"r on {family_name(family)}{how}{little}: {compared}."


def _nats_at_stop(rows: Sequence[Row]) -> Iterator[str]:
    found = _compared(rows)
    for experiment, compared in [*found.items()][:_FEW]:
        yield f"Nats per response in {experiment}: {compared}."
    if len(found) > _FEW:
        yield f"{counted(len(found) - _FEW, 'more experiment')} in the table at_stop."


def _compared(rows: Sequence[Row]) -> dict[str, str]:
    """By family what is said of the differences in the first format and wording."""
    first = next(((row["format"], row["formulation"]) for row in rows), None)
    said: dict[str, list[str]] = {}
    for row in rows:
        if (row["format"], row["formulation"]) == first and row["difference"] is not None:
            shown = with_interval(row["difference"], row["low"], row["high"])
            said.setdefault(row["family"], []).append(f"{shown} against the {row['against']}")
    return {family: ", ".join(parts) for family, parts in said.items()}


def _masses(tables: Tables, run: str | None, asked: tuple[str, str]) -> dict[str, float]:
    """The smallest mean mass of any checkpoint of a run, by family, in a format and wording."""
    found: dict[str, float] = {}
    for row in rows_of(tables, "checkpoints"):
        about = row["run"], row["rounds"], row["format"], row["formulation"]
        if about == (run, ALL, *asked) and row["mass"] is not None:
            found[row["family"]] = min(row["mass"], found.get(row["family"], 1.0))
    return found


def training_layout(tables: Tables) -> list[Table]:
    """The checkpoints as columns, then the other tables about them that have rows, over all rounds;
    a sentence stands in place of rows that could not be made."""
    failed = {name: rows for name, rows in tables.items() if isinstance(rows, str)}
    below = {name: rows for name in _BELOW if (rows := _whole(rows_of(tables, name)))}
    return [*pivots(tables), *further_layout({**below, **failed})]


def _whole(rows: Sequence[Row]) -> list[Row]:
    """The rows that are about all rounds, without saying so."""
    return [
        {key: value for key, value in row.items() if key != "rounds"}
        for row in rows
        if row.get("rounds") in (None, ALL)
    ]


def pivots(tables: Tables) -> list[Table]:
    """Checkpoints as columns, a table for each run and for as many checkpoints as have room in 80
    characters: where they are in training, what they have learnt of the task, and how well they
    predict people by family, format and wording. The first has the caption."""
    made: list[Table] = []
    runs = [row["run"] for name in _PIVOTED for row in rows_of(tables, name)]
    for run in dict.fromkeys(runs):
        lines = list(_lines(tables, run))
        if not lines:
            continue
        places = sorted({place for _, _, values in lines for place in values})
        blocks = list(_blocks(lines, places))
        for block in blocks:
            title = TITLE if run is None else f"{TITLE}: run {run}"
            if len(blocks) > 1:
                title += f" ({block[0]} to {block[-1]})"
            name = f"trajectory-{len(made)}"
            caption = "" if made else pivot_caption(*(bool(rows_of(tables, n)) for n in _PIVOTED))
            made.append(_pivot(name, title, caption, lines, block))
    return made


Line = tuple[str, str, dict[int, str]]  # heading, label, the cell of each checkpoint


def _lines(tables: Tables, run: str | None) -> Iterator[Line]:
    task, people, effects, said = (
        [row for row in rows_of(tables, name) if row["run"] == run] for name in _PIVOTED
    )
    above = "Training"
    if task:
        above = "Training and held-out task"
    yield from _known(above, _PLACE, task or people or said)
    if task:
        keys = list(task[0])
        yield from _known(above, keys[keys.index("measure") + 1 : keys.index("note")], task)
    for about, rows in _groups(row for row in people if row["rounds"] == ALL):
        yield from _known(about, _OF_PEOPLE, rows)
    for about, rows in _groups(effects):
        yield from _known(f"{about} · effects of treatments", _OF_EFFECTS, rows)
    means = [row for row in said if row["experiment"] is None] or said
    for about, rows in _groups({**row, "family": _experiment(row)} for row in means):
        yield from _known(about, _OF_SESSIONS, rows)


def _experiment(row: Row) -> str:
    return "mean over experiments" if row["experiment"] is None else str(row["experiment"])


def _groups(rows: Iterable[Row]) -> Iterator[tuple[str, list[Row]]]:
    """Rows by family, format and wording, with what is said above them."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        names = (family_name(row["family"]), row["format"], row["formulation"])
        groups.setdefault(" · ".join(names), []).append(row)
    yield from groups.items()


def _known(about: str, keys: Sequence[str], rows: Sequence[Row]) -> Iterator[Line]:
    """A line for each key that some checkpoint has a value of."""
    for key in keys:
        counts_nothing = key == "kl_task_items" and not any(row[key] for row in rows)
        if any(row[key] is not None for row in rows) and not counts_nothing:
            yield about, heading(key), {row["checkpoint"]: cell(key, row[key]) for row in rows}


def _blocks(lines: Sequence[Line], places: Sequence[int]) -> Iterator[list[int]]:
    first = max(len("Checkpoint"), *(len(label) for _, label, _ in lines)) + _GAP
    block: list[int] = []
    used = first
    for place in places:
        cells = [len(values.get(place, "")) for _, _, values in lines]
        width = max(len(str(place)), *cells) + _GAP
        if block and used + width > _WIDEST:
            yield block
            block, used = [], first
        block.append(place)
        used += width
    yield block


def _pivot(
    name: str, title: str, caption: str, lines: Sequence[Line], block: Sequence[int]
) -> Table:
    sections: dict[str, list[list[str]]] = {}
    for about, label, values in lines:
        row = [label, *(values.get(place, "") for place in block)]
        sections.setdefault(about, []).append(row)
    return Table(
        name,
        title,
        caption,
        [Column("Checkpoint"), *(Column(str(place), True) for place in block)],
        [Section(about, rows) for about, rows in sections.items()],
        "Nothing has been scored yet.",
    )
