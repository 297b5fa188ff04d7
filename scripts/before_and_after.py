"""r and mass before and after the prompts were rewritten: `python scripts/before_and_after.py OLD`.

OLD is docs/demo_analysis.md as it was before (`git show 7286894:docs/demo_analysis.md`), written
from `tremble demo --full`; the page of today is read from docs. The table goes into
docs/wordings.md.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"
PAGE = DOCS / "wordings.md"
HEADING = "## r and mass before and after the prompts were rewritten"
_MODEL = re.compile(r"\*(?P<model>[^*]+?) · (?P<format>plain|chat) · standard\*")
Cell = tuple[str, str, str]  # decisions, r, mass


def models(page: str) -> dict[tuple[str, str], dict[str, Cell]]:
    """The section *Models* of such a page: (model, format) to family to what is printed there."""
    found: dict[tuple[str, str], dict[str, Cell]] = {}
    section = page.partition("\n## Models\n")[2].partition("\n## ")[0]
    for block in re.split(r"\n(?=\*)", section):
        if (title := _MODEL.match(block)) is None:
            continue
        rows = [line.strip("| ").split(" | ") for line in block.split("\n") if line[:2] == "| "]
        head = rows[0]
        n, r, mass = (head.index(name) for name in ("Decisions", "r", "Mass"))
        found[title["model"], title["format"]] = {
            row[0]: (row[n], row[r], row[mass]) for row in rows[2:]
        }
    if not found:
        raise SystemExit("no table of models found; give a page of scripts/demo_analysis.py")
    return found


def table(old: str, new: str) -> str:
    """Both pages side by side, a row per family."""
    before, after = models(old), models(new)
    if list(before) != list(after):
        raise SystemExit(f"the pages are of other models: {list(before)} and {list(after)}")
    names = [f"{model.rpartition('/')[2]}, {format_}" for model, format_ in before]
    lines = ["| family | decisions |" + "".join(f" {n}: before | after |" for n in names)]
    lines.append("|---|---|" + "---|---|" * len(names))
    for family, (n, *_) in next(iter(before.values())).items():
        cells = [
            f"{r} ({mass})"
            for run in before
            for _, r, mass in (before[run][family], after[run][family])
        ]
        lines.append(f"| {family} | {n} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> int:
    if len(arguments) != 1 or not Path(arguments[0]).is_file():
        print("usage: python scripts/before_and_after.py OLD_PAGE.md", file=sys.stderr)
        return 2
    old = Path(arguments[0]).read_text("utf-8")
    made = table(old, (DOCS / "demo_analysis.md").read_text("utf-8"))
    page = PAGE.read_text("utf-8")
    start, heading, rest = page.partition(HEADING)
    if not heading:
        raise SystemExit(f"{PAGE} has no heading {HEADING!r}")
    _, following, tail = rest.partition("\n## ")
    text = (
        "Written by `scripts/before_and_after.py` from `tremble demo --full` with both versions of "
        "the prompts: r, and the mean mass in brackets."
    )
    PAGE.write_text(f"{start}{heading}\n\n{text}\n\n{made}\n{following}{tail}", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
