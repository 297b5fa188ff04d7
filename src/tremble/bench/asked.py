"""The prompts of a benchmark: as a study would ask them, equal ones once and counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tremble.engines import ModelSpec, RunOptions
from tremble.engines.files import Say
from tremble.engines.load import open_tokenizer
from tremble.errors import UserError, did_you_mean
from tremble.prompts import formulation, orders
from tremble.prompts.chat import template_of
from tremble.rendering import load_data
from tremble.tokens import TokenPaths, option_paths


@dataclass(frozen=True)
class Asked:
    """Distinct prompts: texts as (context, labels), token paths, and how many decisions (times
    presentations) each stands for; `decisions` is their sum."""

    model: str
    texts: Sequence[tuple[str, list[str]]]
    paths: Sequence[TokenPaths]
    counts: Sequence[int]

    @property
    def decisions(self) -> int:
        return sum(self.counts)


def asked_prompts(
    model: str,
    data: str,
    family: str | None,
    format_: str,
    template: str | None,
    most: int | None,
    folder: Path,
    say: Say,
) -> Asked:
    """The distinct prompts of a data entry in the standard formulation, at most `most` of them.

    Raises UserError where there is no such data, family, format or template.
    """
    if format_ not in ("plain", "chat"):
        raise UserError(f"There is no format {format_!r}; it is plain or chat.")
    opened = open_tokenizer(ModelSpec(model), RunOptions(), say)
    own = template_of(template, opened.tokenizer, model) if format_ == "chat" else None
    texts: list[tuple[str, list[str]]] = []
    families: set[str] = set()
    for decision in load_data(data, folder):
        families.add(decision.family)
        if family is not None and decision.family != family:
            continue
        for order in orders(decision):
            talk = formulation("standard")(decision, order)
            text = talk.plain() if own is None else own.render(talk)
            texts.append((text, [option.label for option in talk.options]))
    if not texts:
        known = did_you_mean(family, sorted(families)) if family is not None else "."
        raise UserError(f"{data!r} holds no decisions of the family {family!r}{known}")
    found: dict[str, int] = {}
    kept: list[tuple[tuple[str, list[str]], TokenPaths]] = []
    counts: list[int] = []
    for asked, paths in zip(texts, option_paths(opened.tokenizer, texts), strict=True):
        place = found.setdefault(paths.key(), len(kept))
        if place == len(kept):
            kept.append((asked, paths))
            counts.append(0)
        counts[place] += 1
    kept, counts = kept[:most], counts[:most]
    return Asked(model, [text for text, _ in kept], [paths for _, paths in kept], counts)
