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
_OF_EFFECTS = ("contrasts", "effects_r", "effects_rmse", "effects_rmse_none")
_OF_SESSIONS = ("responses", "nats", "d")
_FEW = 3  # experiments, and families with little mass, of which the answer speaks
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
        few = " ".join(_little_mass(tables, run))
        text = f"No recommendation: {stop['reason']}." + (f" {few}" if few else "")
    else:
        stage, last = _stage_and_last(tables, run, at)
        where = f"step {count(stop['step'])}" + (f" of {stage}" if stage else "")
        text = f"Stop at {where} (checkpoint {at}"
        if at == last:
            text += (
                f", the last): no earlier checkpoint keeps {decimal(stop['keep'])} of the gain on "
                "the held-out task up to the end, so training may not have levelled off."
            )
        else:
            text += f"): it keeps {_with_ends(stop)} of the gain on the held-out task"
            text += f"{_below(stop)}."
        against = ("base",) if at == last else ("base", "last")
        more = [*_less_likely(tables, run), *_at_stop(tables, run, at, last, against)]
        text = " ".join([text, *more])
    return text if run is None else f"Run {run}: {text[:1].lower()}{text[1:]}"


def _with_ends(stop: Row) -> str:
    ends = [stop["g_low"], stop["g_high"]]
    return decimal(stop["g"]) + ("" if None in ends else f" [{', '.join(map(decimal, ends))}]")


def _below(stop: Row) -> str:
    """What must be said of a g at the stop that is below what was asked for."""
    if stop["g"] is None or stop["g"] >= stop["keep"]:
        return ""
    text = f", less than the {decimal(stop['keep'])} asked for: one half of the task chose it, the "
    text += "other half reports what it keeps"
    if stop["surely"] not in (None, stop["checkpoint"]):
        text += f"; the cautious choice is checkpoint {stop['surely']}"
    return text


def _less_likely(tables: Tables, run: str | None) -> Iterator[str]:
    """That pairs were learnt while their right answers became less likely."""
    rows = [row for row in rows_of(tables, "task") if row["run"] == run]
    if not rows or rows[-1]["measure"] != "dpo_loss" or None in (rows[0]["loss"], rows[-1]["loss"]):
        return
    first, last = rows[0]["loss"], rows[-1]["loss"]
    if last > first:
        yield (
            f"At the last checkpoint the chosen answers themselves are less likely than at the "
            f"base (loss {decimal(last)} against {decimal(first)}): the gain is that the rejected "
            "ones lost more."
        )


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
    tables: Tables, run: str | None, at: int, last: int | None, against: Collection[str]
) -> Iterator[str]:
    """Fidelity at the stop, by family in the first format and wording, compared with some of the
    base (0) and the last checkpoint."""
    rows = [
        row
        for row in rows_of(tables, "at_stop")
        if (row["run"], row["rounds"]) == (run, ALL) and row["against"] in against
    ]
    others = {"base": 0, "last": last}
    of_r = [row for row in rows if row["measure"] == "r"]
    asked = list(dict.fromkeys((row["format"], row["formulation"]) for row in of_r))
    how = f" ({', '.join(asked[0])})" if len(asked) > 1 else ""
    masses = _masses(tables, run, *asked[0]) if asked else {}
    for family, compared in _compared(of_r).items():
        mass = masses.get(family, {})
        said = [
            f"{value} against the {other}{_r_says_little(mass, at, others[other])}"
            for other, value in compared.items()
        ]
        yield f"r on {family_name(family)}{how}: {', '.join(said)}."
    nats = _compared([row for row in rows if row["measure"] == "nats"])
    for experiment, compared in [*nats.items()][:_FEW]:
        said = [f"{value} against the {other}" for other, value in compared.items()]
        yield f"Nats per response in {experiment}: {', '.join(said)}."
    if len(nats) > _FEW:
        yield f"{counted(len(nats) - _FEW, 'more experiment')} in the table at_stop."


def _compared(rows: Sequence[Row]) -> dict[str, dict[str, str]]:
    """By family and checkpoint compared with the differences in the first format and wording."""
    first = next(((row["format"], row["formulation"]) for row in rows), None)
    said: dict[str, dict[str, str]] = {}
    for row in rows:
        if (row["format"], row["formulation"]) == first and row["difference"] is not None:
            shown = with_interval(row["difference"], row["low"], row["high"])
            said.setdefault(row["family"], {})[row["against"]] = shown
    return said


def _r_says_little(mass: Mapping[int, float], *places: int | None) -> str:
    """A warning where one of the checkpoints that are compared gives the options little mass."""
    known = {place: mass[place] for place in places if place is not None and place in mass}
    least = min(known, key=lambda place: known[place], default=None)
    if least is None or known[least] >= _MASS:
        return ""
    return f" (mass {decimal(known[least])} at checkpoint {least}: r says little there)"


def _masses(
    tables: Tables, run: str | None, format_: str, formulation: str
) -> dict[str, dict[int, float]]:
    """The mean mass of each checkpoint of a run, by family, in a format and wording."""
    found: dict[str, dict[int, float]] = {}
    for row in rows_of(tables, "checkpoints"):
        about = row["run"], row["rounds"], row["format"], row["formulation"]
        if about == (run, ALL, format_, formulation) and row["mass"] is not None:
            found.setdefault(row["family"], {})[row["checkpoint"]] = row["mass"]
    return found


def _little_mass(tables: Tables, run: str | None) -> Iterator[str]:
    """The families on which r says little at some checkpoint, in any format and wording."""
    asked = dict.fromkeys(
        (row["format"], row["formulation"]) for row in rows_of(tables, "checkpoints")
    )
    low = [
        f"{family_name(family)} ({', '.join(how)}: mass {decimal(min(mass.values()))})"
        for how in asked
        for family, mass in _masses(tables, run, *how).items()
        if min(mass.values()) < _MASS
    ]
    if low:
        more = f", and {len(low) - _FEW} more" if len(low) > _FEW else ""
        yield f"r says little on {'; '.join(low[:_FEW])}{more}."


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
            caption = "" if made else pivot_caption({label for _, label, _ in lines})
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
        keys = keys[keys.index("measure") + 1 : keys.index("note")]
        if not any(row["g_low"] is not None for row in task[1:-1]):  # shares of no clear gain
            keys = [key for key in keys if key not in ("g", "g_low", "g_high")]
        yield from _known(above, keys, task)
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
