"""The results that README.md shows: `python scripts/readme_results.py DEMO FULL`.

DEMO is the folder of `tremble demo`, whose table it shows; FULL that of `tremble demo --full`, of
whose verdict it shows the base model in repeated games.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from textwrap import fill
from typing import Any

from marked import put_texts

from tremble.api.results import analyze_study, verdict_analysis
from tremble.report.tables.answers import verdict_layout
from tremble.text import decimal

README = Path(__file__).parents[1] / "README.md"
NAMES = {
    ("embedded/gemma-3-270m", "plain"): "Gemma 3 270M, base, plain",
    ("embedded/smollm2-135m-instruct", "chat"): "SmolLM2-135M-Instruct, chat",
}


def table(folder: Path) -> str:
    """A row per family: r and mass of both models, and r of the last choice repeated."""
    analysis, *_ = analyze_study(folder)
    cells: dict[tuple[str, str, str], dict[str, Any]] = {
        (row["model"], row["format"], row["family"]): row for row in analysis.models
    }
    last = {
        row["family"]: row["r"] for row in analysis.baselines if row["baseline"] == "last_choice"
    }
    heads = [f" {name}: r (mass) |" for name in NAMES.values()]
    lines = [f"| family | n |{''.join(heads)} last choice repeated: r |", "|---|---|---|---|---|"]
    for family in dict.fromkeys(row["family"] for row in analysis.models):
        rows = [cells[model, format_, family] for model, format_ in NAMES]
        numbers = [f"{decimal(row['r'])} ({decimal(row['mass'])})" for row in rows]
        lines.append(
            f"| {family} | {rows[0]['n']:,} | {' | '.join(numbers)} | {decimal(last.get(family))} |"
        )
    return "\n".join(lines)


def verdict(folder: Path) -> str:
    """What `tremble verdict FULL --family repeated_matrix` prints of the base model, as far as it
    answers."""
    analysis, *_ = analyze_study(folder)
    rows = [row for row in verdict_analysis(folder, analysis) if row["family"] == "repeated_matrix"]
    model = next(iter(NAMES))[0]
    answers = next(
        one.rows for one in verdict_layout(rows)[0].sections if one.heading.startswith(model)
    )
    said = [f"{name}: {answer}. {why}" for name, answer, why in answers if answer != "not asked"]
    return "\n".join(fill(line, 124, subsequent_indent="    ") for line in said)


def main(arguments: Sequence[str]) -> int:
    if len(arguments) != 2 or not all(Path(one).is_dir() for one in arguments):
        print("usage: python scripts/readme_results.py DEMO FULL", file=sys.stderr)
        return 2
    demo, full = map(Path, arguments)
    put_texts(README, {"verdict": f"```\n{verdict(full)}\n```", "demo": table(demo)})
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
