"""Write docs/demo_analysis.md from a scored study: `python scripts/demo_analysis.py STUDY`.

STUDY is the folder of `tremble demo --full` (or another study with a pair). Every table of
`analyze` and `verdict`, what each says here, and code that recomputes some of their numbers from
the rows; the code is run, and a number that it does not give is an error.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from demo_sentences import SENTENCES
from demo_trace import blocks, run_blocks
from demo_words import Results

from tremble.api.results import analyze_study, further_analysis, verdict_analysis
from tremble.report.tables.answers import verdict_layout
from tremble.report.tables.further import further_layout
from tremble.report.tables.table import Table, count, layout
from tremble.stats.filters import MIN_MASS, MIN_R
from tremble.stats.tables.further import FURTHER
from tremble.stats.verdict.answer import Margins
from tremble.store.study_folder import Store
from tremble.study.notes import caveats

PAGE = Path(__file__).parents[1] / "docs" / "demo_analysis.md"
MAX_ROWS = 30  # in a section
Row = dict[str, Any]


def read(folder: Path) -> Results:
    analysis, _, decisions = analyze_study(folder)
    margins = Margins(**Store(folder).read_run().get("margins", {}))
    rows = verdict_analysis(folder, analysis)
    return Results(analysis, decisions, further_analysis(analysis), rows, margins)


def tables(results: Results) -> list[Table]:
    """All tables, laid out as the terminal shows them; the tables of wins, which are long, begin
    with what says most."""
    ordered = {name: sorted(rows, key=place) for name, rows in results.further.items()}
    return [*layout(results.analysis), *verdict_layout(results.verdicts), *further_layout(ordered)]


def place(row: Row) -> tuple[bool, ...]:
    """The filters of Shapira et al. (2026) before others; kept pairs, dropped ones, those without a
    winner."""
    filters = (row.get("mass"), row.get("min_r"))
    other = "min_r" in row and filters != (MIN_MASS, MIN_R)
    none = "pairs" in row and "dropped by the filters" not in (row.get("note") or "")
    return other, not row.get("kept", True), none


def line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def markdown(table: Table, command: str) -> Iterator[str]:
    """Sections as tables under their headings, cut after MAX_ROWS with the count of the rest."""
    rule = line(["--:" if column.number else "---" for column in table.columns])
    for section in table.sections:
        if section.heading:
            yield f"*{section.heading}*\n"
        yield line([column.name for column in table.columns])
        yield rule
        yield from map(line, section.rows[:MAX_ROWS])
        left = len(section.rows) - MAX_ROWS
        yield ""
        if left > 0:
            yield f"{count(left)} more of {count(len(section.rows))} rows: `{command}`.\n"


def made(folder: Path, run: Row) -> Iterator[str]:
    """How the study came about: commands, caveats, versions, and where its rows are."""
    name = run["study"]
    demo = {"demo": "tremble demo", "demo-full": "tremble demo --full"}
    yield "```"
    yield f"{demo.get(name, 'tremble run STUDY.toml')} --out {name}"
    yield f"tremble analyze {name}"
    yield f"tremble analyze {name} --table all"
    yield f"tremble verdict {name}"
    yield f"python scripts/demo_analysis.py {name}"
    yield "```\n"
    yield "**Read this first.**\n"
    yield from (f"- {note}" for note in caveats(folder))
    yield "\n**Where the rows are**, in the folder of the study:\n"
    manifests = [
        json.loads((folder / job["folder"] / "manifest.json").read_text("utf-8"))
        for job in run["jobs"]
    ]
    for job, manifest in zip(run["jobs"], manifests, strict=True):
        yield (
            f"- `{job['folder']}/part-*.parquet`: {count(manifest['rows'])} rows of "
            f"{job['model']} ({manifest['format']})"
        )
    height = count(Store(folder).decisions().height)
    yield "- `run.json` names the folders in use; others are from earlier runs and are not read"
    yield f"- `decisions/`: {height} decisions, what people did and the parameters of their games"
    yield (
        f"- `tremble export {name} --to parquet`: both joined, one row per model and decision "
        "(and per option with three or more options)\n"
    )
    versions = {
        f"{key} {value}": None for one in manifests for key, value in one["versions"].items()
    }
    yield f"Versions: {', '.join(versions)}. What the columns mean: [numbers.md](numbers.md).\n"


def trace(results: Results, folder: Path, run: Row) -> Iterator[str]:
    yield "## Tracing a number\n"
    yield (
        "You need only Python with polars and numpy. Each block continues the one before it and "
        "prints what is shown below it. This page is written only if the values equal those of "
        "the tables to nine decimals.\n"
    )
    code = blocks(results, run)
    for block, printed in zip(code, run_blocks(code, folder, run["study"]), strict=True):
        yield f"{block.about}\n"
        yield f"```python\n{block.code}```\n"
        yield f"```text\n{printed}```\n"


def page(folder: Path) -> str:
    """The page as Markdown. Raises AssertionError where code and table differ."""
    run, results = Store(folder).read_run(), read(folder)
    parts = ["# One study, analysed to the last table\n"]
    parts.append(
        "Written by `scripts/demo_analysis.py` from a scored study; no number is typed by hand. "
        "The sentences before a table are filled in from its rows.\n"
    )
    parts += made(folder, run)
    for table in tables(results):
        further = f" --table {table.id}" if table.id in FURTHER else ""
        parts.append(f"## {table.title}\n")
        sentence = SENTENCES[table.id](results) if table.id in SENTENCES else ""
        parts += [f"{text}\n" for text in (table.caption, sentence) if text]
        parts += markdown(table, f"tremble analyze {run['study']}{further}")
    parts += trace(results, folder, run)
    return "\n".join(parts).rstrip() + "\n"


def main(arguments: Sequence[str]) -> int:
    if len(arguments) not in (1, 2) or not Path(arguments[0]).is_dir():
        print("usage: python scripts/demo_analysis.py STUDY [PAGE.md]", file=sys.stderr)
        return 2
    target = Path(arguments[1]) if len(arguments) == 2 else PAGE
    target.write_text(page(Path(arguments[0]).resolve()), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
