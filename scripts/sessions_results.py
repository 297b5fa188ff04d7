"""The results in docs/sessions.md: `python scripts/sessions_results.py STUDY PERSONAS`.

STUDY is a scored folder of the study with ten participants of each experiment, PERSONAS that of the
study with interviews; how both are made stands on the page. No number is typed by hand.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl
from marked import put_texts

from tremble.api.results import analyze_study, further_analysis
from tremble.stats.frames.session_responses import Sessions, session_responses
from tremble.study.notes import caveats
from tremble.text import decimal

PAGE = Path(__file__).parents[1] / "docs" / "sessions.md"
BRANCHING = "busch2024_navon"  # where Gemma 3 joins marks with responses
NAMES = {"embedded/gemma-3-270m": "Gemma", "embedded/smollm2-135m-instruct": "SmolLM2"}
ARMS = ("own - other", "own - none", "refused - none")  # of those that are compared
Row = Mapping[str, Any]


def between(row: Row, name: str, low: str = "low", high: str = "high") -> str:
    """A value with its interval, where there is one."""
    if row[name] is None:
        return "–"
    value = decimal(row[name])
    return value if row[low] is None else f"{value} [{decimal(row[low])}, {decimal(row[high])}]"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def responses(rows: Sequence[Row]) -> str:
    """Both models beside what repeats the person's last response."""
    by = {(row["model"], row["experiment"]): row for row in rows if row["kind"] != "category mean"}
    models = list(dict.fromkeys(row["model"] for row in rows))
    lines = []
    for experiment in dict.fromkeys(row["experiment"] for row in rows if row["kind"] != "mean"):
        if experiment is not None:
            lines.append([experiment, *_cells([by[model, experiment] for model in models])])
    lines.append(["mean", *_cells([by[model, None] for model in models])])
    heads = ["experiment", "people", "responses (kept)", "nats", "among options"]
    return table([*heads, "own past", "repeat or switch"], lines)


def _cells(rows: Sequence[Row]) -> list[str]:
    kept = " / ".join(f"{row['responses']:,} ({decimal(row['kept'])})" for row in rows)
    nats = " / ".join(between(row, "nats") for row in rows)
    options = " / ".join(decimal(row["nats_options"]) for row in rows)
    habits = [" / ".join(decimal(row[name]) for row in rows) for name in ("own", "repeat")]
    return [f"{rows[0]['people']}", kept, nats, options, *habits]


def beaten(rows: Sequence[Row]) -> str:
    """Where no model predicts as well as the rule that counts how often this person repeats."""
    of: dict[str, list[Row]] = {}
    for row in rows:
        if row["kind"] == "experiment" and row["repeat"] is not None:
            of.setdefault(row["experiment"], []).append(row)
    rule = [name for name, some in of.items() if all(_rule_wins(row) for row in some)]
    rest = [name for name in of if name not in rule]
    said = (
        f"**Repeat-or-switch beats both models in {len(rule)} of {len(of)} experiments with known "
        f"options** ({', '.join(rule)})"
    )
    return f"{said}; not in {', '.join(rest)}." if rest else f"{said}."


def _rule_wins(row: Row) -> bool:
    return bool(row["repeat"] < row["nats_options"])


def misalignment(rows: Sequence[Row]) -> str:
    lines = [
        [
            row["experiment"] or "mean",
            f"{row['n']}",
            f"{row['responses']:,}",
            f"{decimal(row['kept_base'])} / {decimal(row['kept_aligned'])}",
            between(row, "d"),
            decimal(row["p_holm"]) if row["kind"] == "experiment" else "–",
            between(row, "difference", "difference_low", "difference_high"),
            decimal(row["paired_d"]),
        ]
        for row in rows
        if row["kind"] in ("experiment", "mean")
    ]
    heads = ["experiment", "n", "responses of both", "kept", "d", "p (Holm)", "difference in nats"]
    return table([*heads, "paired d"], lines)


def positions(rows: Sequence[Row]) -> str:
    """Means over experiments, by model."""
    means = [row for row in rows if row["kind"] == "mean"]
    models = list(dict.fromkeys(row["model"] for row in rows))
    by = {(row["position"], row["model"]): row for row in means}
    lines = []
    for position in dict.fromkeys(row["position"] for row in means):
        here = [by.get((position, model)) for model in models]
        known = [row for row in here if row is not None]
        cells = [str(max(row["experiments"] for row in known))]
        for row in here:
            cells += ["–", "–"] if row is None else [decimal(row["nats"]), _gain(row)]
        lines.append([position, *cells])
    heads = [f"{NAMES.get(model, model)}: {what}" for model in models for what in ("nats", "gain")]
    return table(["response", "experiments", *heads], lines)


def _gain(row: Row) -> str:
    return between(row, "gain", "gain_low", "gain_high")


def without(responses: Sequence[Row], d: Sequence[Row]) -> str:
    """What the experiment with branches does to means over experiments."""
    said = []
    for model in dict.fromkeys(row["model"] for row in responses):
        here = [row for row in responses if row["model"] == model]
        said.append(f"{_means(here, 'nats')} for {NAMES.get(model, model)}")
    return (
        f"Without {BRANCHING} in brackets, the mean of nats over experiments is "
        f"{' and '.join(said)}; the mean of d below is {_means(d, 'd')}."
    )


def _means(rows: Sequence[Row], name: str) -> str:
    there = [row for row in rows if row["kind"] == "experiment" and row[name] is not None]
    some = [row for row in there if row["experiment"] != BRANCHING]
    every, rest = (decimal(sum(row[name] for row in of) / len(of)) for of in (there, some))
    return f"{every} ({rest})"


def branches(sessions: Sessions, decisions: pl.DataFrame) -> str:
    """Nats of each label where marks join with one of them, by model."""
    said = decisions.select(
        pl.col("participant").cast(pl.String),
        pl.col("round").cast(pl.Int32).alias("position"),
        pl.col("response").alias("label"),
    )
    frame = sessions.frame.filter(pl.col("experiment") == BRANCHING).join(
        said, on=["participant", "position"]
    )
    lines = []
    for model, rows in frame.group_by("model", maintain_order=True):
        parts = [rows, *(rows.filter(pl.col("label") == label) for label in ("s", "h"))]
        means = [
            f"{decimal(float(part['nats'].to_numpy().mean()))} ({part.height:,})" for part in parts
        ]
        lines.append([NAMES.get(str(model[0]), str(model[0])), *means])
    return table(["model", "all: nats (responses)", "`<<s>>`", "`<<h>>`"], lines)


def personas(rows: Sequence[Row]) -> str:
    lines = [
        [
            NAMES.get(row["model"], row["model"]),
            row["experiment"] or "mean",
            row["arms"],
            f"{row['n']}",
            between(row, "difference"),
            decimal(row["smallest"]),
            decimal(row["equal"]),
            between(row, "unequal", "unequal_low", "unequal_high"),
            decimal(row["d"]),
        ]
        for row in rows
        if row["arms"] in ARMS
    ]
    heads = ["model", "experiment", "arms", "n", "difference in nats", "smallest", "equal"]
    return table([*heads, "without equal", "d"], lines)


def who(rows: Sequence[Row]) -> str:
    """What own facts do, beside what any interview does: over models and experiments."""
    said = []
    for arms in ARMS:
        here = [row for row in rows if row["arms"] == arms and row["kind"] == "experiment"]
        shown = sum(row["low"] is not None and row["low"] * row["high"] > 0 for row in here)
        values = [row["difference"] for row in here if row["difference"] is not None]
        said.append(
            f"{arms}: {decimal(min(values))} to {decimal(max(values))}, {shown} of {len(here)} "
            "intervals exclude 0"
        )
    return f"**Nats saved, over models and experiments.** {'; '.join(said)}."


def notes(folder: Path) -> str:
    return "\n".join(f"- {line}" for line in caveats(folder))


def filled(study: Path, arms: Path) -> dict[str, str]:
    """What stands at each mark of the page."""
    analysis, scores, decisions = analyze_study(study)
    made = further_analysis(analysis, ["responses", "misalignment", "positions"])
    sessions = session_responses(scores, decisions)
    own, *_ = analyze_study(arms)
    of_arms = further_analysis(own, ["personas"])["personas"]
    return {
        "notes": notes(study),
        "responses": responses(made["responses"]),
        "beaten": beaten(made["responses"]),
        "misalignment": misalignment(made["misalignment"]),
        "positions": positions(made["positions"]),
        "branches": branches(sessions, decisions),
        "without": without(made["responses"], made["misalignment"]),
        "who": who(of_arms),
        "personas": personas(of_arms),
        "arms": notes(arms),
    }


def main(arguments: Sequence[str]) -> int:
    if len(arguments) != 2 or not all(Path(one).is_dir() for one in arguments):
        print("usage: python scripts/sessions_results.py STUDY PERSONAS", file=sys.stderr)
        return 2
    put_texts(PAGE, filled(*map(Path, arguments)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
