"""Small tables of the command line: data cards, and the scores of single prompts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tremble.datasets import Card


def card_table(cards: Sequence[Card]) -> Table:
    table = Table("name", "what", "size", "licence", box=None, pad_edge=False)
    for card in cards:
        table.add_row(*map(escape, (card.name, card.title, card.size, card.licence)))
    return table


def show_card(card: Card, console: Console) -> None:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold")
    table.add_column()
    for name in ("title", "citation", "licence", "size", "one_decision", "files"):
        table.add_row(name.replace("_", " "), escape(getattr(card, name)))
    for note in card.notes:
        table.add_row("note", escape(note))
    console.print(table)


def show_scored(result: dict[str, Any], console: Console) -> None:
    """One prompt's options, mass and likeliest tokens."""
    console.print(f"{escape(result['model'])}, {result['format']}, {escape(result['id'])}")
    if result["error"] is not None:
        console.print(f"not scored: {escape(result['error'])}")
        return
    table = Table(box=None, pad_edge=False)
    table.add_column("option")
    for name in ("probability", "prediction", "log-probability"):
        table.add_column(name, justify="right")
    for option in result["options"]:
        table.add_row(
            escape(option["label"]),
            f"{option['probability']:.4f}",
            "–" if option["prediction"] is None else f"{option['prediction']:.4f}",
            f"{option['logprob']:.4f}",
        )
    console.print(table)
    console.print(
        f"mass {result['mass']:.4f} (first tokens {result['first_mass']:.4f}), "
        f"{result['prompt_tokens']} prompt tokens"
        + (", a token spans the join" if result["join"] else "")
    )
    tops = ", ".join(f"{t['token']!r} {t['probability']:.3f}" for t in result["top"])
    if tops:
        console.print(f"likeliest next tokens: {escape(tops)}")
    if result["warning"] is not None:
        console.print(f"warning: {escape(result['warning'])}")


def show_bench(found: dict[str, Any], console: Console) -> None:
    """A benchmark: the three factors apart, and a row a contestant."""
    about, factors = found["machine"], found["factors"]
    rate = about["matrix_gflops"]
    console.print(
        f"{escape(found['model'])}, {escape(found['data'])}, {found['format']}; "
        f"{escape(about['processor'])}, {about['threads']} threads"
        + (f", float32 matrix product {rate:.0f} GFLOP/s" if rate else "")
    )
    console.print(
        f"{factors['decisions']:,} decisions, {factors['distinct_prompts']:,} distinct prompts "
        f"(identical prompts: x {factors['identical_prompts']:.2f}); "
        f"{factors['tokens']:,} tokens, {factors['distinct_tokens']:,} distinct "
        f"(shared prefixes: x {factors['shared_prefixes']:.2f})"
    )
    if factors["computed_over_distinct"] is not None:
        console.print(f"computed over distinct tokens: {factors['computed_over_distinct']:.3f}")
    if factors["efficiency"] is not None:
        console.print(
            f"efficiency: {factors['efficiency']['share']:.0%} of the rate that the model's own "
            "matrix products reach at that size by themselves"
        )
    table = Table(box=None, pad_edge=False)
    table.add_column("contestant")
    for name in ("n", "prompts/s", "decisions/s", "distinct tok/s", "peak MB", "max diff", "note"):
        table.add_column(name, justify="left" if name == "note" else "right")
    for row in found["rows"]:
        if not row["n"]:
            table.add_row(row["contestant"], "0", *["–"] * 5, escape(row["note"] or ""))
            continue
        difference, every = row["max_difference"], row["decisions_per_s"]
        table.add_row(
            row["contestant"],
            str(row["n"]),
            f"{row['distinct_prompts_per_s']:.2f}",
            "–" if every is None else f"{every:.2f}",
            f"{row['distinct_tokens_per_s']:.0f}",
            f"{row['peak_memory_mb']:.0f}",
            "–" if difference is None else f"{difference:.1e}",
            escape(row["note"] or ""),
        )
    console.print(table)
