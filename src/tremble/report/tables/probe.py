"""What a probe of a study's prompts found, as tables and sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tremble.report.tables.table import Column, Section, Table, count, family_name
from tremble.text import counted, decimal

ALL_WELL = "This model answers the prompts with the options: nothing to change."
FAKE = (
    "A built-in fake model does not read the prompts, so there is nothing to conclude or change; "
    "probe a study file that names a real model."
)
TOO_FEW = 5  # prompts; from fewer nothing is concluded


def probe_layout(found: Mapping[str, Any]) -> list[Table]:
    """The families."""
    rows = [
        [
            row["data"],
            family_name(row["family"]),
            count(row["prompts"]),
            decimal(row["median_mass"]),
            decimal(row["lowest_mass"]),
            _others(row["others"]),
        ]
        for row in found["families"]
    ]
    return [
        Table(
            "probe",
            "Probability mass on the options",
            "Does the model answer with the options? Median and lowest: mass, the probability of "
            "all "
            "options together, before normalising. Likeliest other answers: tokens that begin no "
            "option, with their mean probability.",
            [
                Column("Data"),
                Column("Family"),
                Column("Prompts", True),
                Column("Median", True),
                Column("Lowest", True),
                Column("Likeliest other answers"),
            ],
            [Section("", rows)],
            "Nothing was asked.",
        )
    ]


def _others(rows: Sequence[Mapping[str, Any]]) -> str:
    return ", ".join(f"{row['token']!r} {decimal(row['probability'])}" for row in rows)


def before(found: Mapping[str, Any]) -> list[str]:
    """What a reader must know before the numbers: which model, how many prompts."""
    said = [f"{found['why']} {counted(found['prompts'], 'prompt')} of {found['study']}."]
    if found["made_up"]:
        said.append("It is a built-in fake model: its numbers say nothing about the prompts.")
    said += [found["cut"]] if found["cut"] else []
    if found["passed_over"]:
        said.append(
            f"{counted(found['passed_over'], 'prompt')} skipped, because the wording does not "
            "apply."
        )
    if left := found["without_options"]:
        said.append(
            f"Not probed, since there are no options to have a mass: {counted(left, 'decision')}."
        )
    if failed := sum(row["failed"] for row in found["families"]):
        said.append(f"{counted(failed, 'prompt')} could not be scored: see `tremble plan`.")
    return said


def after(found: Mapping[str, Any]) -> list[str]:
    """What to change, prompt by prompt; one sentence where nothing has to be."""
    rest = _not_asked(found)
    if found["made_up"]:
        return [FAKE]
    if not found["worst"]:
        known = any(row["median_mass"] is not None for row in found["families"])
        few = (
            f"The mass is high enough in {counted(found['prompts'], 'prompt')}, but these are "
            "too few to rely on."
        )
        well = few if found["prompts"] < TOO_FEW else ALL_WELL
        return [well, *rest] if known else rest
    said = []
    for row in found["worst"]:
        where = f"{row['decision']} ({family_name(row['family'])}, {row['format']}, "
        head = f"{where}{row['formulation']}): mass {decimal(row['mass'])}"
        if row["probability"] is not None:
            head += f", {row['other']!r} {decimal(row['probability'])}"
        said.append(f"{head}. {' '.join(one['sentence'] for one in row['advice'])}")
    said.append(
        f"A mass of {decimal(found['enough'])} or more is high enough; larger models usually have "
        "more. "
        "See docs/low_mass.md."
    )
    return said + rest


def _not_asked(found: Mapping[str, Any]) -> list[str]:
    names = found["not_asked"]
    if not names:
        return []
    return [
        f"Not asked: {', '.join(names[:3])}{' and others' if len(names) > 3 else ''}. Their mass "
        "may "
        "differ. To probe one of them, use a study file that names it alone."
    ]
