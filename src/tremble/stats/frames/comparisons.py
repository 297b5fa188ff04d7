"""Which scores are held against which: base and aligned counterparts, each in a format."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from tremble.decisions.record import FAMILIES


@dataclass(frozen=True, slots=True)
class Comparison:
    """One pair in one mode ("native", "plain" or "chat").

    A template names the model whose chat template was used; None is the model's own. `type` (of the
    post-training) and `generation` (of the models) are what the study file says of the pair.
    """

    base: str
    aligned: str
    base_format: str
    aligned_format: str
    mode: str
    base_template: str | None = None
    aligned_template: str | None = None
    type: str | None = None
    generation: str | None = None


def format_name(model: str, format: str, template: str | None) -> str:
    """'plain', 'chat', or 'chat:PARTNER' where another model's template was used."""
    if format == "chat" and template is not None and template != model:
        return f"chat:{template}"
    return format


def format_column() -> pl.Expr:
    """`format_name` over the columns model, format and template."""
    template = pl.col("template").cast(pl.String)
    borrowed = (pl.col("format") == "chat") & template.is_not_null() & (template != pl.col("model"))
    return (
        pl.when(borrowed)
        .then(pl.concat_str(pl.lit("chat:"), template))
        .otherwise(pl.col("format"))
        .alias("format")
    )


def family_order(families: pl.Series) -> list[str]:
    """The distinct families, tremble's own first in their usual order, then by name."""
    present = set(families.drop_nulls().to_list())
    return [f for f in FAMILIES if f in present] + sorted(present.difference(FAMILIES))
