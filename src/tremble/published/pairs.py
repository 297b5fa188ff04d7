"""The 120 pairs of base and aligned models of Shapira et al. (2026), as a catalogue.

Names, families and sizes are as printed in Table 3 of arXiv:2603.17218v2. The hub organisation is
not printed there and has not been checked, and no licence is stated: both are shown as such.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from tremble.errors import UserError
from tremble.published.figures import table
from tremble.text import did_you_mean

NOT_STATED = "not stated"
NOT_VERIFIED = "not verified"


@dataclass(frozen=True, slots=True)
class Pair:
    """One row of Table 3: a base checkpoint and its aligned counterpart from the same provider.

    `size_label` is as printed; `params_b` is the same in billions of parameters. `licence` is
    "not stated" unless a document of the study states one, and none does.
    """

    number: int
    family: str
    base: str
    aligned: str
    size_label: str
    params_b: float
    hub_org: str
    licence: str = NOT_STATED


@lru_cache(maxsize=1)
def catalogue() -> tuple[Pair, ...]:
    """All pairs, by number."""
    return tuple(
        Pair(
            number=int(row["number"]),
            family=row["family"],
            base=row["base"],
            aligned=row["aligned"],
            size_label=row["size_label"],
            params_b=float(row["params_b"]),
            hub_org=row["hub_org"],
        )
        for row in table("pairs")
    )


def model_families() -> list[str]:
    """The 23 model families, in the order of the table."""
    return list(dict.fromkeys(pair.family for pair in catalogue()))


def find(family: str | None = None, max_params: float | None = None) -> list[Pair]:
    """The pairs of one model family (case does not matter), up to `max_params` billion.

    Raises UserError where the family is unknown.
    """
    if family is not None:
        known = {name.casefold(): name for name in model_families()}
        if family.casefold() not in known:
            hint = did_you_mean(family, model_families())
            raise UserError(f"There is no model family {family!r}{hint}")
        family = known[family.casefold()]
    return [
        pair
        for pair in catalogue()
        if (family is None or pair.family == family)
        and (max_params is None or pair.params_b <= max_params)
    ]


def short_name(model: str) -> str:
    """What stands behind the last slash, in lower case: 'google/Gemma-2b' -> 'gemma-2b'."""
    return model.rstrip("/").rpartition("/")[2].casefold()


@lru_cache(maxsize=1)
def _by_model() -> dict[str, tuple[Pair, ...]]:
    pairs: dict[str, tuple[Pair, ...]] = {}
    for pair in catalogue():
        for model in (pair.base, pair.aligned):
            name = short_name(model)
            pairs[name] = (*pairs.get(name, ()), pair)
    return pairs


def pairs_of(model: str) -> tuple[Pair, ...]:
    """Every pair that a model belongs to, on either side; a hub name or a folder's will do."""
    return _by_model().get(short_name(model), ())


def family_of(model: str) -> str | None:
    """The model family of one model, or None where the catalogue does not know it."""
    pairs = pairs_of(model)
    return pairs[0].family if pairs else None


def params_of(model: str) -> float | None:
    """Parameters in billions as printed, or None where the catalogue does not know the model."""
    pairs = pairs_of(model)
    return pairs[0].params_b if pairs else None


def pair_of(base: str, aligned: str) -> Pair | None:
    """The published pair that these two models make up, in these roles, or None."""
    for pair in pairs_of(base):
        if (short_name(pair.base), short_name(pair.aligned)) == (
            short_name(base),
            short_name(aligned),
        ):
            return pair
    return None


def likely_family(model: str) -> str | None:
    """The family by the catalogue, else the one whose name the model's begins with: a
    'gemma-3-270m' that is not listed is a Gemma, 'my-tuned-model' has none."""
    named = {re.sub(r"[^a-z]", "", name.casefold()): name for name in model_families()}
    first_word = re.split(r"[^a-z]", short_name(model), maxsplit=1)[0]
    return family_of(model) or named.get(first_word)


def family_of_pair(models: Iterable[str]) -> str | None:
    """The one family that these models belong to as far as their names tell; None if none or
    several. A model without a known name goes with the other: a tuned copy bears any name."""
    known = {family for family in map(likely_family, models) if family is not None}
    return known.pop() if len(known) == 1 else None
