"""The multiverse of the embedded pair: wordings, formats, readings and controls on one page.

`python scripts/multiverse.py` writes the decisions of examples/multiverse.jsonl;
`python scripts/multiverse.py STUDY` writes docs/multiverse.md from the scored study.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from tremble.api.results import analyze_study, further_analysis
from tremble.datasets import demo
from tremble.datasets.base import Notes
from tremble.decisions.jsonl import write
from tremble.prompts.formulations import FORMULATIONS
from tremble.report.tables.table import count, family_name
from tremble.study.notes import caveats
from tremble.text import decimal

ROOT = Path(__file__).parents[1]
DATA = ROOT / "examples" / "multiverse.jsonl"
PAGE = ROOT / "docs" / "multiverse.md"
SEED = 20260101
SIZES = {
    "bargaining": 24,
    "persuasion": 20,
    "persuasion_seller": 20,
    "negotiation": 6,
    "repeated_matrix": 80,
    "one_shot_matrix": 40,
    "lottery": 40,
}
Row = dict[str, Any]
Run = tuple[str, str]  # model and format


def decisions() -> list[Any]:
    return demo.sample(demo.load(Path(), Notes()), SIZES, SEED)


def page(folder: Path) -> str:
    """The page as Markdown."""
    analysis, *_ = analyze_study(folder)
    table = further_analysis(analysis, ["controls"])["controls"]
    readings = [row for row in table if row["control"] == "next_token"]
    controls = [row for row in table if row["control"] != "next_token"]
    runs = list(dict.fromkeys((row["model"], row["format"]) for row in analysis.models))
    parts = [
        "# A multiverse: wordings, formats, readings, controls\n",
        "Written by `scripts/multiverse.py` from the study of `examples/multiverse.toml`, scored "
        "with `tremble run`; no number is typed by hand. How much do results depend on wording, "
        "format and reading? Cells: r, with the mean mass in brackets. *next token*: the reading "
        "of Shapira et al. (2026), which takes only the one token right after the opening. A "
        "dash: r is undefined or nothing was scored.\n",
        *(f"- {line}" for line in caveats(folder)),
        "",
    ]
    for family in dict.fromkeys(row["family"] for row in analysis.models):
        parts += wordings_of(family, analysis.models, readings, runs)
    parts += ["## Controls, standard wording\n", *control_table(controls)]
    return "\n".join(parts).rstrip() + "\n"


def wordings_of(
    family: str, models: Sequence[Row], readings: Sequence[Row], runs: list[Run]
) -> list[str]:
    """A table of wordings, with two columns for each model and format."""
    full_label = {_place(row): row for row in models if row["family"] == family}
    first_token = {_place(row): row for row in readings if row["family"] == family}
    n = max((row["n"] for row in full_label.values()), default=0)
    short = [_short(*run) for run in runs]
    head = ["wording", *(name for one in short for name in (one, "next token"))]
    lines = [f"## {family_name(family)}, {count(n)} decisions\n", _line(head), _rule(len(head))]
    for wording in FORMULATIONS:
        cells = [wording]
        for run in runs:
            cells.append(_cell(full_label.get((*run, wording)), ""))
            cells.append(_cell(first_token.get((*run, wording)), "_control"))
        lines.append(_line(cells))
    return [*lines, "", *spread(full_label, first_token, runs), ""]


def spread(
    full_label: Mapping[tuple[str, ...], Row],
    first_token: Mapping[tuple[str, ...], Row],
    runs: list[Run],
) -> list[str]:
    """A line per model, format and reading: lowest, median and highest over the wordings."""
    head = ["model, format", "reading", "wordings", "lowest r", "median", "highest"]
    lines = [_line([*head, "lowest mass", "highest"]), _rule(8)]
    for model, format_ in runs:
        short = _short(model, format_)
        for reading, rows, under in (
            ("joint", full_label, ""),
            ("next token", first_token, "_control"),
        ):
            of_run = [rows[place] for place in rows if place[:2] == (model, format_)]
            r = [row[f"r{under}"] for row in of_run if row[f"r{under}"] is not None]
            mass = [row[f"mass{under}"] for row in of_run if row[f"mass{under}"] is not None]
            cells = [decimal(of(r)) if r else "–" for of in (min, median, max)]
            cells += [decimal(of(mass)) if mass else "–" for of in (min, max)]
            lines.append(_line([short, reading, count(len(r)), *cells]))
    return lines


def control_table(rows: Sequence[Row]) -> list[str]:
    head = ["family", "control", "model, format", "n", "r", "under it", "loss", "95%", "mass"]
    head.append("mass under it")
    lines = [_line(head), _rule(len(head))]
    for row in sorted(rows, key=lambda row: (row["family"], row["control"])):
        low, high = decimal(row["low"]), decimal(row["high"])
        lines.append(
            _line(
                [
                    family_name(row["family"]),
                    row["control"],
                    _short(row["model"], row["format"]),
                    count(row["n"]),
                    *(decimal(row[name]) for name in ("r", "r_control", "loss")),
                    "–" if row["low"] is None else f"{low} to {high}",
                    *(decimal(row[name]) for name in ("mass", "mass_control")),
                ]
            )
        )
    return lines


def _short(model: str, format_: str) -> str:
    """'gemma-3-270m chat:smollm2-135m-instruct': names without where they come from."""
    how, mark, partner = format_.partition(":")
    return f"{model.rpartition('/')[2]} {how}{mark}{partner.rpartition('/')[2]}"


def _cell(row: Row | None, under: str) -> str:
    """r and mass; a dash where nothing was scored."""
    if row is None or row[f"mass{under}"] is None:
        return "–"
    return f"{decimal(row[f'r{under}'])} ({decimal(row[f'mass{under}'])})"


def _place(row: Row) -> tuple[str, str, str]:
    return row["model"], row["format"], row["formulation"]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _rule(columns: int) -> str:
    return f"|{'---|' * columns}"


def main(arguments: Sequence[str]) -> int:
    if not arguments:
        DATA.parent.mkdir(exist_ok=True)
        write(decisions(), DATA)
        return 0
    if len(arguments) != 1 or not Path(arguments[0]).is_dir():
        print("usage: python scripts/multiverse.py [STUDY]", file=sys.stderr)
        return 2
    PAGE.write_text(page(Path(arguments[0])), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
