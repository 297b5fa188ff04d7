"""What a study will take, as tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tremble import text
from tremble.report.tables.table import Column, Section, Table, count, family_name
from tremble.text import MISSING, decimal

_COUNTS = ("cells", "decisions", "rows")
_ROOM = 30  # characters for names of one kind; where they take more, their number stands


def plan_layout(plan: Mapping[str, Any]) -> list[Table]:
    """Models with their totals, families, and what cannot be scored."""
    rows = [_model(row) for row in plan["models"]]
    if len(rows) > 1:
        timing = "rough" if any(row["timing"] == "rough" for row in plan["models"]) else None
        rows.append(_model({"model": "all", "timing": timing, **plan["totals"]}))
    numbers = ("To score", "On disk", "Tokens", "Distinct", "Time", "Memory", "Download")
    models = Table(
        "models",
        "What each model needs",
        "",
        [Column("Model"), *(Column(name, True) for name in numbers)],
        [Section("", rows)] if rows else [],
        "No model is available.",
    )
    tables = [models, _families(plan["families"]), _answers(plan["families"])]
    if plan["cannot"]:
        tables.append(_cannot(plan["cannot"]))
    return tables


def _families(rows: list[dict[str, Any]]) -> Table:
    numbers = ("Decisions", "Prompts", "People", "Items", "Smallest", "By clusters")
    lines = [
        [
            row["data"],
            family_name(row["family"]),
            *(count(row[name]) for name in ("decisions", "prompts", "people", "items")),
            decimal(row["smallest"]),
            decimal(row["smallest_clusters"]),
        ]
        for row in rows
    ]
    return Table(
        "families",
        "Statistical power: the smallest difference between two r that your data can show",
        "Prompts: distinct prompts per wording. People: participants, or plays where participants "
        "are not named; for rates, all people behind them. Items: texts that people read, or "
        "problems. Smallest: the smallest difference that a two-sided test at .05 finds with a "
        "power of .80, if all decisions were independent; by clusters: if each person, game or "
        "problem counted as one decision only.",
        [Column("Data"), Column("Family"), *(Column(name, True) for name in numbers)],
        [Section("", lines)],
        "There are no decisions.",
    )


def _answers(rows: list[dict[str, Any]]) -> Table:
    """Of each family the questions that there is data enough to ask, and why not the others."""
    lines = []
    for row in rows:
        can = [name for name, why in row["answers"].items() if why is None]
        without: dict[str, list[str]] = {}
        for name, why in row["answers"].items():
            if why is not None:
                without.setdefault(why, []).append(name)
        reasons = "; ".join(f"{', '.join(names)}: {why}" for why, names in without.items())
        lines.append([row["data"], family_name(row["family"]), ", ".join(can) or "none", reasons])
    names = ("Data", "Family", "Enough data to ask")
    return Table(
        "answers",
        "Statistical power: which questions of `tremble verdict` your data are enough for",
        "Enough data to ask: the answer can still be 'not shown', if people or models vary a lot.",
        [*(Column(name) for name in names), Column("Not asked or not enough, and why", long=True)],
        [Section("", lines)],
        "There are no decisions.",
    )


def time_notes(plan: Mapping[str, Any]) -> list[str]:
    """How the times are known, a sentence or two for each way."""
    ways = {row["timing"] for row in plan["models"]}
    notes = []
    if "timed" in ways:
        notes.append(
            "Times were measured on this machine with passes like those of this study, through a "
            "few layers of each architecture with random weights. They hold while the machine is "
            "as busy as it is now."
        )
    if "measured" in ways:
        notes.append("Times are based on what this study took on this machine so far.")
    if "rough" in ways:
        notes.append(
            "Times with ~ are rough and can be wrong by a factor of four or more: these models "
            "cannot be timed without their weights; a matrix product ran here at "
            f"{plan['gflops']:,.0f} GFLOP/s."
        )
    if any(row["seconds"] is None for row in plan["models"]):
        notes.append(f"{MISSING}: known once part of the study has been scored on this machine.")
    return notes


def _model(row: Mapping[str, Any]) -> list[str]:
    about = "~" if row["timing"] == "rough" else ""
    return [
        row["model"],
        count(row["prompts"]),
        count(row["scored"]),
        count(row["tokens"]),
        count(row["distinct_tokens"]),
        about + duration(row["seconds"]),
        size(row["memory"]),
        size(row["download"]),
    ]


def _cannot(rows: list[dict[str, Any]]) -> Table:
    numbers = ("Cells", "Decisions", "Prompts")
    return Table(
        "cannot",
        "What cannot be scored",
        "A cell is a model x data x format x wording, with its controls and readings.",
        [Column("Where"), *(Column(name, True) for name in numbers), Column("Why", long=True)],
        [
            Section(
                "",
                [
                    [
                        _where(row),
                        *("all" if row[key] is None else count(row[key]) for key in _COUNTS),
                        row["why"],
                    ]
                    for row in rows
                ],
            )
        ],
        "",
    )


def _where(row: Mapping[str, Any]) -> str:
    """The names a reason goes with; where they are many, their number."""
    parts = []
    for key in ("models", "data", "formulations", "formats"):
        names = row[key]
        listed, what = ", ".join(names), "wordings" if key == "formulations" else key
        parts.append(listed if len(names) < 2 or len(listed) <= _ROOM else f"{len(names)} {what}")
    return " · ".join(filter(None, parts))


def duration(seconds: float | None) -> str:
    """Seconds as a person says them (`text.duration`); a dash where they are not known."""
    return MISSING if seconds is None else text.duration(seconds)


def size(value: float | None) -> str:
    """Bytes as a person says them, in thousands: 2.1e9 -> '2.1 GB'."""
    if value is None:
        return MISSING
    for unit, least in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if value >= least:
            return f"{value / least:,.1f} {unit}"
    return f"{value:.0f} B"
