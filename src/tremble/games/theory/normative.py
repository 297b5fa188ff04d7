"""What theory says a person should do, as a probability for each option."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Normative:
    """What theory says a person should do: a probability per option key (they add up to one), or
    None with the reason `why` (indifferent, not unique, type unknown). Never an even split in
    place of not knowing: where theory rules an option out and says no more, that option has 0, the
    others have None, and `why` says so."""

    shares: Mapping[str, float | None] | None
    why: str | None = None
