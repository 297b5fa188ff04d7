"""What a file says of offers: how many of each family, by whom, in which unit, where they lie."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tremble.decisions.record import Offer, name_hash
from tremble.text import counted, decimal


class Offered:
    """Takes in offers as they pass. Of agents and games it keeps hashes."""

    def __init__(self) -> None:
        self._families: dict[str, _Family] = {}

    def add(self, offer: Offer) -> None:
        self._families.setdefault(offer.family, _Family(offer.unit)).add(offer)

    def to_json(self) -> dict[str, Any]:
        """`offered`: by family `offers`, `people` (participants, null where nobody is named),
        `games`, `unit`, and `share`, the mean place of an offer in its range; nothing where there
        are no offers."""
        if not self._families:
            return {}
        return {"offered": {name: family.to_json() for name, family in self._families.items()}}


class _Family:
    def __init__(self, unit: str) -> None:
        self.unit = unit
        self.offers = 0
        self.people: set[int] = set()
        self.games: set[int] = set()
        self.share = 0.0

    def add(self, offer: Offer) -> None:
        self.offers += 1
        self.share += offer.share
        self.games.add(name_hash(f"{offer.dataset}\0{offer.game.id}"))
        if offer.participant is not None:
            self.people.add(name_hash(f"{offer.dataset}\0{offer.participant}"))

    def to_json(self) -> dict[str, Any]:
        return {
            "offers": self.offers,
            "people": len(self.people) or None,
            "games": len(self.games),
            "unit": self.unit,
            "share": self.share / self.offers,
        }


def offers_said(found: dict[str, Any]) -> Iterator[str]:
    """What `Offered.to_json` says, a line per family."""
    for name, family in found.get("offered", {}).items():
        people = family["people"]
        whose = "no participant" if people is None else counted(people, "participant")
        yield (
            f"{name}: {counted(family['offers'], 'offer')} in {family['unit']}, {whose}, "
            f"{counted(family['games'], 'game')}; mean place in the range "
            f"{decimal(family['share'])} (0 lowest, 1 highest)"
        )
