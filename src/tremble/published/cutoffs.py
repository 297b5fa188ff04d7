"""Up to when the models of the 120 pairs were fed, as far as their documents say.

Only what a model card or a paper states is here; no date is inferred from what a model knows, from
a release date or from a system prompt. A stated cut-off is not proof: the effective one differs
between sources within one corpus (Cheng et al. 2024, arXiv:2403.12958). The comparison leans to
"may have been seen": the data count as public from the first day of the date given, a model as
fed to the last day of the latest date stated, tuning included.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tremble.datasets.base import Part
from tremble.errors import UserError
from tremble.published import pairs
from tremble.text import did_you_mean

Verdict = Literal["may have been seen", "after the cut-off", "unknown"]
NOT_STATED = "no statement known"


@dataclass(frozen=True, slots=True)
class Release:
    """Models that share a cut-off. Dates are year-month, None where no document states one.

    `pattern` fits the whole of a model's name behind the last slash, case aside. `tuning` is the
    date of younger data that an aligned model was tuned on, or else the end of all training.
    """

    name: str
    family: str
    pattern: str
    pretraining: str | None
    tuning: str | None
    source: str

    @property
    def latest(self) -> str | None:
        """The later of the dates stated."""
        stated = [date for date in (self.pretraining, self.tuning) if date is not None]
        return max(stated, default=None)

    def fits(self, model: str) -> bool:
        return re.fullmatch(self.pattern, pairs.short_name(model)) is not None


RELEASES = (
    Release(
        "Code Llama",
        "CodeLlama",
        r"codellama-(7|13|34)b(-python|-instruct)?(-hf)?",
        None,
        "2023-07",
        "Code Llama model card (Meta, August 2023): no date for the data; trained between January "
        "and July 2023, so that no data can be younger",
    ),
    Release(
        "Gemma 3",
        "Gemma",
        r"gemma-3-(270m|\d+b)(-pt|-it)?",
        "2024-08",
        None,
        "Gemma 3 model card, training dataset; https://ai.google.dev/gemma/docs/core/model_card_3",
    ),
    Release(
        "Llama 2",
        "Llama",
        r"llama-2-\d+b(-chat)?(-hf)?",
        "2022-09",
        "2023-07",
        "Llama 2 model card (Meta, July 2023), data freshness: some tuning data is younger",
    ),
    Release(
        "Llama 3 8B",
        "Llama",
        r"(meta-)?llama-3-8b(-instruct)?",
        "2023-03",
        None,
        "Llama 3 model card (Meta, April 2024), data freshness; "
        "https://github.com/meta-llama/llama3/blob/main/MODEL_CARD.md",
    ),
    Release(
        "Llama 3 70B",
        "Llama",
        r"(meta-)?llama-3-70b(-instruct)?",
        "2023-12",
        None,
        "Llama 3 model card (Meta, April 2024), data freshness; "
        "https://github.com/meta-llama/llama3/blob/main/MODEL_CARD.md",
    ),
    Release(
        "Llama 3.1",
        "Llama",
        r"(meta-)?llama-3\.1-\d+b(-instruct)?",
        "2023-12",
        None,
        "Llama 3.1 model card (Meta, July 2024), data freshness; "
        "https://github.com/meta-llama/llama-models/blob/main/models/llama3_1/MODEL_CARD.md",
    ),
    Release(
        "Llama 3.2",
        "Llama",
        r"llama-3\.2-[13]b(-instruct)?",
        "2023-12",
        None,
        "Llama 3.2 model card (Meta, September 2024), data freshness; "
        "https://github.com/meta-llama/llama-models/blob/main/models/llama3_2/MODEL_CARD.md",
    ),
    Release(
        "Minitron",
        "Nemotron",
        r"minitron-4b-base|nemotron-mini-4b-instruct",
        "2023-06",
        "2024-08",
        "Minitron-4B-Base model card (NVIDIA), data freshness; Nemotron-Mini-4B-Instruct model "
        "card: trained until August 2024",
    ),
    Release(
        "OLMo",
        "OLMo",
        r"olmo-7b(-instruct)?(-hf)?",
        "2023-03",
        None,
        "OLMo model card (Ai2, February 2024), date cutoff: February or March 2023, by the "
        "version of Dolma",
    ),
    Release(
        "OLMo 2",
        "OLMo",
        r"olmo-2-\d{4}-\d+b(-instruct)?",
        "2023-12",
        None,
        "OLMo 2 13B and 1B model cards (Ai2), date cutoff; 7B and 32B were trained on the same "
        "mixes",
    ),
    Release(
        "Olmo 3",
        "OLMo",
        r"olmo-3-\d{4}-\d+b|olmo-3(\.1)?-\d+b-instruct",
        "2024-12",
        None,
        "Olmo 3 7B and 32B model cards (Ai2), date cutoff",
    ),
    Release(
        "Yi",
        "Yi",
        r"yi-(6b|34b)(-chat)?",
        "2023-06",
        None,
        "README of Yi (01.AI, 2023), table of models, training data; https://github.com/01-ai/Yi",
    ),
)


def release_of(model: str) -> Release:
    """The release of one model, without dates where no document is known to state any.

    Raises UserError for a model that neither the table nor the catalogue of pairs knows.
    """
    for release in RELEASES:
        if release.fits(model):
            return release
    family = pairs.family_of(model)
    if family is None:
        known = [side for pair in pairs.catalogue() for side in (pair.base, pair.aligned)]
        hint = did_you_mean(pairs.short_name(model), [*pairs.model_families(), *known])
        if not hint.endswith("?"):  # too many to list
            hint = "; give a model or a family that `tremble pairs` lists."
        raise UserError(f"There is no model or model family {model!r}{hint}")
    return _undated(family)


def releases(family: str | None = None) -> list[Release]:
    """The releases of one model family (case aside), or of all 23, in the
    catalogue's order; within a family those without dates last.

    Raises UserError where the family is unknown.
    """
    models = [model for pair in pairs.find(family) for model in (pair.base, pair.aligned)]
    named = dict.fromkeys(map(release_of, models))
    families = list(dict.fromkeys(one.family for one in named))
    dated = [one for one in RELEASES if one in named]
    undated = [one for one in named if one not in RELEASES]
    return sorted([*dated, *undated], key=lambda one: families.index(one.family))


def asked_for(name: str) -> list[Release]:
    """The releases that a model's or a family's name stands for.

    Raises UserError where it is neither.
    """
    if name.casefold() in map(str.casefold, pairs.model_families()):
        return releases(name)
    return [release_of(name)]


def _undated(family: str) -> Release:
    dated = any(release.family == family for release in RELEASES)
    name = f"{family} (others)" if dated else family
    return Release(name, family, "", None, None, NOT_STATED)


def exposure(part: Part, release: Release) -> Verdict:
    """Whether a model can have read the data: only a later first day counts as after."""
    latest = release.latest
    if part.public_since is None or latest is None:
        return "unknown"
    first = (*map(int, part.public_since.split("-")), 1)[:2]  # a bare year: its January
    last = tuple(map(int, latest.split("-")))
    return "after the cut-off" if first > last else "may have been seen"


@dataclass(frozen=True, slots=True)
class Dated:
    """One data set, or one part of it, held against the releases."""

    dataset: str
    part: Part
    verdicts: tuple[tuple[Release, Verdict], ...]

    def names(self, wanted: Verdict) -> list[str]:
        """The releases of one verdict."""
        return [release.name for release, given in self.verdicts if given == wanted]


def compare(dataset: str, parts: Sequence[Part], against: Sequence[Release]) -> list[Dated]:
    """Every part of a data set against every release."""
    return [
        Dated(dataset, part, tuple((release, exposure(part, release)) for release in against))
        for part in parts
    ]
