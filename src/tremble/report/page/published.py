"""The page of the figures of Shapira et al. (2026): wins, the cloud of pairs, the recount."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from tremble.published import sweep
from tremble.published.figures import CITATION, table
from tremble.published.recount import Claim
from tremble.published.text_claims import claims
from tremble.report.page.cloud import cloud_figure
from tremble.report.page.parts import Heading, Part, folded
from tremble.report.page.templates import render
from tremble.report.tables.published import WINS, filter_text, games_name, wins_cells
from tremble.report.tables.table import Column, Section, Table
from tremble.text import MISSING, decimal

Row = dict[str, Any]
_PRINTED_IN = {
    "headline": ("Running text", "Counts and statistics in the text"),
    "prompt_variants": ("Wordings", "Wins under 14 wordings, Tables 1 and 4"),
    "one_shot_types": ("Topologies", "Wins in one-shot games by topology, Table 2"),
    "config_robustness": ("Game parameters", "Wins by value of every parameter, Tables 12 to 16"),
    "oddities": ("Oddities", "Printed figures that contradict each other"),
}


def published_page() -> str:
    """The page as text. Raises MissingExtra without altair and vl-convert."""
    main = sweep.wins(masses=(sweep.MASS,), min_corrs=(sweep.MIN_CORR,))
    every = claims()
    return render(
        "published.html",
        title="The figures of Shapira et al. (2026), recounted",
        citation=CITATION,
        mass=decimal(float(sweep.MASS)),
        min_corr=decimal(float(sweep.MIN_CORR)),
        main=_wins_table("wins", ["Family"], [[games_name(row["games"])] for row in main], main),
        cloud=cloud_figure(),
        sweep=[_sweep_part(games) for games in sweep.EVERY],
        claims=[_claims_part(source, every) for source in _PRINTED_IN],
        agreement=_agreement(every),
    )


def _wins_table(
    id: str, columns: Sequence[str], firsts: Sequence[list[str]], rows: Sequence[Row]
) -> Table:
    lines = [[*first, *wins_cells(row)] for first, row in zip(firsts, rows, strict=True)]
    headed = [Column(name, number=place > 0) for place, name in enumerate(columns)]
    headed += [Column(name, number=True) for name in WINS]
    return Table(id, "", "", headed, [Section("", lines)], "")


def _sweep_part(games: str) -> Part:
    rows = sweep.wins((games,))
    filters = [[filter_text(row["mass"]), filter_text(row["min_corr"])] for row in rows]
    table = _wins_table(f"sweep-{games}", ["Minimum mass", "Minimum r"], filters, rows)
    about, name = f"{len(rows)} combinations of the two filters.", games_name(games)
    title = name[0].upper() + name[1:]
    return folded(Heading(f"sweep-{games}", title, about, "tremble published wins --json"), table)


def _claims_part(source: str, every: Sequence[Claim]) -> Part:
    own = [claim for claim in every if claim.source.split(":")[0] == source]
    title, about = _PRINTED_IN[source]
    changes = _changes() if source == "prompt_variants" else {}
    lines = [
        [
            claim.claim,
            *([changes[claim.source]] if changes else []),
            claim.printed,
            claim.recounted or MISSING,
            claim.agrees or MISSING,
            claim.reason,
        ]
        for claim in own
    ]
    first = ["Claim", "What the wording changes"] if changes else ["Claim"]
    columns = [Column(name) for name in (*first, "Printed", "Recounted", "Agrees", "Reason")]
    shown = Table(source, title, "", columns, [Section("", lines)], "")
    heading = Heading(f"claims-{source}", title, f"{about}. {_agreement(own)}", "")
    return folded(heading, shown, most=len(own))


def _changes() -> dict[str, str]:
    """What every wording changes, in the study's table, by the source of its claim."""
    return {
        f"prompt_variants: {row['variant']}": row["modification"]
        for row in table("prompt_variants")
    }


def _agreement(some: Sequence[Claim]) -> str:
    """How many of these claims agree, in a sentence."""
    counts = Counter(claim.agrees for claim in some)
    return (
        f"Of {len(some)} printed figures, {counts['yes']} agree with the recount (or, where the "
        "claim says so, with the other printed figures that they must match), "
        f"{counts['within rounding']} agree within rounding, {counts['no']} do not agree; "
        f"{counts[None]} cannot be recounted."
    )
