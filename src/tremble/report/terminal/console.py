"""Small tables of the command line: data cards, scores of single prompts, timings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.table import Column as Heading
from rich.table import Table
from rich.text import Text

from tremble.datasets.base import Card, Part
from tremble.published.cutoffs import Dated, Release
from tremble.report.tables.table import Column, Section
from tremble.report.tables.table import Table as LaidOut
from tremble.report.terminal.shown import ShownConsole
from tremble.report.terminal.tables import print_tables
from tremble.text import MISSING

_NAMED = 3  # releases named on both sides


def _texts(*names: str) -> Table:
    """Columns of texts, of which none is cut."""
    columns = (Heading(name, overflow="fold") for name in names)
    return Table(*columns, box=None, pad_edge=False)


def show_cards(cards: Sequence[Card], console: ShownConsole) -> None:
    table = _texts("name", "what", "size", "licence", "options")
    for card in cards:
        options = ", ".join(option.name for option in card.options)
        table.add_row(card.name, card.title, card.size, card.licence, options)
    _print_trimmed(table, console)


def _print_trimmed(table: Table, console: ShownConsole) -> None:
    """A table without the spaces that rich puts behind short cells."""
    for segments in console.render_lines(table):
        line = Text.assemble(*((part.text, part.style or "") for part in segments))
        line.rstrip()
        console.print(line, no_wrap=True, overflow="ignore", crop=False)


def show_card(card: Card, console: ShownConsole) -> None:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold")
    table.add_column()
    for name in ("title", "citation", "licence", "size", "one_decision", "files"):
        table.add_row(name.replace("_", " "), getattr(card, name))
    for part in card.dated():
        name = "public since" if part.name == card.name else f"public since, {part.name}"
        table.add_row(name, _public(part))
    if card.sources:
        table.add_row("fetch", f"tremble data fetch {card.name}")
    if card.manual:
        table.add_row("by hand", card.manual)
    for option in card.options:
        values = " or ".join(option.values)
        table.add_row("option", f"{option.name} = {values}: {option.meaning}")
    for note in card.notes:
        table.add_row("note", note)
    _print_trimmed(table, console)


def _public(part: Part) -> str:
    return (part.public_since or "unknown") + (f": {part.public_note}" if part.public_note else "")


def show_dates(dated: Sequence[Dated], against: Sequence[Release], console: ShownConsole) -> None:
    """Each part of a data set with the releases that may have read it, and theirs below."""
    table = _texts("data", "public since", "may have been seen by", "public after the cut-off of")
    for row in dated:
        name = row.dataset if row.part.name == row.dataset else f"{row.dataset}: {row.part.name}"
        seen, after = row.names("may have been seen"), row.names("after the cut-off")
        since = row.part.public_since or "unknown"
        table.add_row(name, since, _releases(seen, after), _releases(after, seen))
    _print_trimmed(table, console)
    stated = _texts("model", "data until", "tuned until", "stated in")
    for release in against:
        if release.latest is not None:
            dates = (release.pretraining or MISSING, release.tuning or MISSING)
            stated.add_row(release.name, *dates, release.source)
    if stated.row_count:
        console.print()
        _print_trimmed(stated, console)
    silent = [release.name for release in against if release.latest is None]
    if silent:
        console.print(f"\ncut-off unknown: {', '.join(silent)}", highlight=False)
    console.print(
        "\nDates are compared by month; if in doubt, data count as seen. Data used to align "
        "(tune) a "
        "model can be more recent than the cut-off of its pre-training."
    )


def _releases(names: Sequence[str], others: Sequence[str]) -> str:
    """Releases in a cell whose neighbour has the `others`: of two long lists one is enough."""
    if len(names) <= _NAMED or len(names) < len(others):
        return ", ".join(names) or MISSING
    return "all others with a date" if others else "all with a date"


def show_scored(result: dict[str, Any], console: ShownConsole) -> None:
    """One prompt's options, mass and likeliest tokens."""
    console.print(f"{result['model']}, {result['format']}, {result['id']}")
    if result["error"] is not None:
        console.print(f"not scored: {result['error']}")
        return
    table = Table(box=None, pad_edge=False)
    table.add_column("option", overflow="fold")
    for name in ("probability", "prediction", "log-probability"):
        table.add_column(name, justify="right", no_wrap=True)
    for option in result["options"]:
        table.add_row(
            option["label"],
            *(_or_none(option[name]) for name in ("probability", "prediction", "logprob")),
        )
    console.print(table)
    console.print(
        f"mass {_or_none(result['mass'])} (first tokens {_or_none(result['first_mass'])}), "
        f"{result['prompt_tokens']} prompt tokens"
        + (", a token spans the token boundary" if result["join"] else "")
    )
    tops = ", ".join(f"{t['token']!r} {t['probability']:.3f}" for t in result["top"])
    if tops:
        console.print(f"likeliest next tokens: {tops}")
    if result["warning"] is not None:
        console.print(f"warning: {result['warning']}")


_BENCH = (
    ("Prompts", "prompts", "{:,}"),
    ("s", "seconds", "{:.1f}"),
    ("Distinct/s", "distinct_per_s", "{:.2f}"),
    ("Decisions/s", "decisions_per_s", "{:.2f}"),
    ("Tremble is", "times_slower", "{:.1f}x"),
    ("Distinct tokens/s", "distinct_tokens_per_s", "{:,.0f}"),
    ("Share", "share", "{:.0%}"),
    ("Peak MiB", "peak_memory_mb", "{:,.0f}"),
    ("Max diff, nat", "max_abs_diff", "{:.1e}"),
)


def _or_none(number: float | None) -> str:
    return MISSING if number is None else f"{number:.4f}"


def show_bench(result: dict[str, Any], console: ShownConsole) -> None:
    """The machine, the factors apart, and a row for each contestant."""
    about, counts, data = result["machine"], result["factors"], result["data"]
    rate = about["square_gflops"]
    memory = about["memory_gb"]
    console.print(
        f"{about['processor']}, {about['cores']} cores"
        + ("" if memory is None else f", {memory:.0f} GiB")
        + ("" if rate is None else f"; float32 matrix product {rate:.0f} GFLOP/s")
    )
    family = "" if data["family"] is None else f", {data['family']}"
    console.print(f"{result['model']}, {data['entry'] + family}, {data['format']}")
    console.print(
        f"identical prompts: {counts['decisions']:,} decisions, "
        f"{counts['distinct_prompts']:,} distinct, {counts['identical_prompts']:.2f}x"
    )
    console.print(
        f"shared prefixes: {counts['tokens_of_distinct_prompts']:,} tokens, "
        f"{counts['distinct_tokens']:,} distinct, {counts['shared_prefixes']:.2f}x"
    )
    share, over = counts["efficiency"], counts["computed_over_distinct"]
    console.print(
        "efficiency: "
        + ("–" if share is None else f"{share:.0%} of the rate of plain matrix products")
        + ("" if over is None else f"; tokens computed over distinct {over:.3f}")
    )
    rows = [
        [
            row["contestant"],
            *(MISSING if row[key] is None else form.format(row[key]) for _, key, form in _BENCH),
            row["note"],
        ]
        for row in result["rows"]
    ]
    columns = [Column("Contestant"), *(Column(title, number=True) for title, *_ in _BENCH)]
    columns.append(Column("Note", long=True))
    print_tables([LaidOut("bench", "Timings", "", columns, [Section("", rows)], "")], console)
