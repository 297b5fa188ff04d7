"""The further tables of an analysis, laid out by their columns: names left, numbers right."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from tremble.baselines.base import WORDS, names
from tremble.report.tables.captions import BY, CAPTIONS, heading
from tremble.report.tables.table import (
    Column,
    Section,
    Table,
    count,
    family_name,
    shown_model,
    without_empty_pool,
)
from tremble.stats.tables.further import EXTENSIONS, OF_TRAINING, further_about
from tremble.study.origins import package_words
from tremble.text import MISSING, decimal, p_value

Row = dict[str, Any]
# Columns that make up the heading of a section, in this order; the others are cells.
_HEADING = ("model", "base", "aligned", "format", "mode", "formulation")
_MODELS = ("model", "base", "aligned")
_ONE_PER_RUN = ("stop", "equal_gain")  # run is a column
_ABOVE_TOO = {"controls": ("family",)}  # so that the controls of a family stand side by side
_ABOVE_TOO |= dict.fromkeys((name for name in OF_TRAINING if name not in _ONE_PER_RUN), ("run",))
_COUNTS = {"n", "pairs", "kept", "ties", "clusters", "undefined", "undecided", "clipped", "points"}
_COUNTS |= {"bin", "resamples", "decisions", "contrasts", "texts", "people_n"}
_P = {"p", "p_two_sided", "p_holm", "p_bh", "williams_p", "steiger_p"}
_HIDDEN = {"by", "effective"}  # said by the title, or by a note where it matters
# In JSON, for the verdict's margins; of a target the same as the difference.
_HIDDEN_IN = {"levels": ("share", "share_low", "share_high", "scale")}
_OF_SESSIONS = ("responses", "misalignment", "positions", "personas")
_SHOWN_IF_KNOWN = {"type", "generation", "category", "equal"}
_SHOWN_IF_KNOWN |= {"unequal_n", "unequal", "unequal_low", "unequal_high"}
# Of tables about checkpoints, what not every study knows.
_SOME_TRAININGS = {"run", "stage", "tokens", "accuracy", "accuracy_per_token", "margin", "ties"}
_SOME_TRAININGS |= {"accuracy_shorter", "accuracy_longer", "implicit_accuracy", "dpo_loss"}
_SOME_TRAININGS |= {"kl_task", "equally_long", "family", "rounds", "format", "formulation"}
_MEASURES = {"loss": "loss per token", "dpo_loss": "DPO loss", "log_loss": "log loss"}
_MEASURES |= {"nats": "nats per response"}
_OFF = {"sweep": ("mass", "min_r")}  # where nothing is no missing value but a filter not used
_BY = (
    ("models", "Shares, r and mass by {}"),
    ("pairs", "r and mass by {}"),
    ("wins", "Wins by {}"),
)
_LONG = ("note", "why", "spellings", "reason")


def further_layout(tables: Mapping[str, Sequence[Row] | str]) -> list[Table]:
    """A table for each name (`further_names`); the columns are those of its rows. A sentence in
    place of rows says why there are none."""
    return [
        Table(name, name if name in EXTENSIONS.names() else further_about(name), "", [], [], rows)
        if isinstance(rows, str)
        else training_table(name, rows)
        if name in OF_TRAINING
        else _credited(table_of(name, further_about(name), rows, last=("spellings", "note")))
        for name, rows in tables.items()
    ]


def training_table(name: str, rows: Sequence[Row]) -> Table:
    """A table about checkpoints (`OF_TRAINING`): they are known by their number, stage and step,
    not by the paths of their models; what no row knows has no column."""
    empty = {key for key in _SOME_TRAININGS if all(row.get(key) is None for row in rows)}
    shown = []
    for row in rows:
        words = {key: value for key, value in row.items() if key not in {*empty, "model"}}
        if words.get("measure") in _MEASURES:
            words["measure"] = _MEASURES[words["measure"]]
        if "run" in words and name in _ABOVE_TOO:
            words["run"] = f"run {words['run']}"
        shown.append(words)
    return table_of(name, further_about(name), shown, last=("reason", "note"))


def _credited(table: Table) -> Table:
    """A table with the package that it comes from in its caption, where that is not tremble."""
    origin = EXTENSIONS.origin(table.id)
    return table if origin is None else replace(table, caption=f"From {package_words(origin)}.")


def breakdown_layout(parts: Mapping[str, Mapping[str, Sequence[Row]] | str]) -> list[Table]:
    """The tables with rows for each parameter (`api.results.breakdown_analysis`), or its
    sentence."""
    made: list[Table] = []
    for name, tables in parts.items():
        if isinstance(tables, str):
            made.append(Table(f"by {name}", f"By {name}", "", [], [], tables))
            continue
        for kind, title in _BY:
            rows = tables[kind]
            if not rows and any(tables.values()):
                continue
            if all(row["parameter"] == name for row in rows):  # the title says it
                rows = [{k: v for k, v in row.items() if k != "parameter"} for row in rows]
            table = table_of(f"{kind} by {name}", title.format(name), rows, ("why", "note"))
            made.append(replace(table, caption=BY[kind]))
    return made


def table_of(id: str, title: str, rows: Sequence[Row], last: Sequence[str] = ()) -> Table:
    """Rows with equal columns; those named in `last` are texts and stand at the end, if any of
    them says something. Its caption is that of `CAPTIONS`."""
    rows = without_empty_pool(rows)
    first = rows[0] if rows else {}
    # In tables of wins "base" and "aligned" are counts, in others "kept" only says that `why` is
    # empty.
    above = [key for key in _HEADING if isinstance(first.get(key), str)]
    above += [key for key in _ABOVE_TOO.get(id, ()) if key in first]
    apart = {*above, *_HIDDEN, *_HIDDEN_IN.get(id, ()), *last}
    optional = _SHOWN_IF_KNOWN if id in _OF_SESSIONS else set()
    apart |= {key for key in optional if all(row.get(key) is None for row in rows)}
    shown = [key for key in first if not (key in apart or isinstance(first[key], bool))]
    numeric = {
        key: all(row[key] is None or isinstance(row[key], int | float) for row in rows)
        and any(row[key] is not None for row in rows)
        for key in shown
    }
    ends = [key for key in last if any(row.get(key) for row in rows)]
    columns = [Column(heading(key), numeric[key]) for key in shown]
    columns += [Column(heading(key), long=key in _LONG) for key in ends]
    sections: dict[str, list[list[str]]] = {}
    for row in rows:
        about = _about(above, row)
        cells = [
            "none" if row[key] is None and key in _OFF.get(id, ()) else cell(key, row[key])
            for key in shown
        ]
        cells += [plain_words(row[key] or "") for key in ends]
        sections.setdefault(about, []).append(cells)
    return Table(
        id,
        title,
        CAPTIONS.get(id, ""),
        columns,
        [Section(about, lines) for about, lines in sections.items()],
        "Nothing to show.",
    )


def _about(above: Sequence[str], row: Row) -> str:
    """The heading of a row's section; a row over several pairs has no models of its own."""
    if "base" in above and row["base"] is None:
        above = [key for key in above if key not in _MODELS]
        return " · ".join(["all pairs", *(cell(key, row[key]) for key in above)])
    return " · ".join(cell(key, row[key]) for key in above)


def plain_words(text: str) -> str:
    """A sentence with the baselines in it named as people read them."""
    return _baselines().sub(lambda name: _named(name[0])[0], text)


def explained(text: str, known: set[str]) -> str:
    """As `plain_words`, with what a baseline is in brackets, the first time it is named; `known`
    are those that were, and takes up those named here."""

    def named(found: re.Match[str]) -> str:
        name, about = _named(found[0])
        new = found[0] not in known
        known.add(found[0])
        return f"{name} ({about})" if new and about else name

    return _baselines().sub(named, text)


def _baselines() -> re.Pattern[str]:
    """Any baseline by its name, those of installed packages among them."""
    return re.compile(rf"\b({'|'.join(map(re.escape, names()))})\b")


def _named(name: str) -> tuple[str, str]:
    """A baseline as people read it, and what it is where that is known."""
    return WORDS.get(name, (name.replace("_", " "), ""))


def cell(name: str, value: Any) -> str:
    """One value as people read it, by the name of its column."""
    if value is None:
        return MISSING
    if name == "family":
        return family_name(value)
    if name in _MODELS and isinstance(value, str):  # in tables of wins base is a count
        return shown_model(value)
    if name == "baseline":
        return plain_words(value)
    if name in _P:
        return p_value(value)
    if name in ("kl", "kl_task") and 0 < value < 0.0005:
        return "< .001"
    if name in _COUNTS and isinstance(value, float):  # options share the weight of a problem
        return f"{value:,.0f}" if abs(value - round(value)) < 1e-6 else f"{value:,.1f}"
    if name in _COUNTS or isinstance(value, int):
        return count(value)
    return decimal(value) if isinstance(value, float) else str(value)
