"""Contrasts: which values of which config keys stand against which, and the decisions of each."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
import polars as pl

from tremble.errors import UserError
from tremble.stats.frames.subsets import place_of
from tremble.text import as_text, counted, did_you_mean

# Between two keys, and between their two values.
WITH = ":"
REST = "the rest"
_IN_FILE = f" Values that hold {WITH!r} are for a [[contrast]] in the study file."
_MOST_NAMED = 20  # values named in an error


@dataclass(frozen=True, slots=True)
class Contrast:
    """A treatment: the config keys `by`, one, or two for their interaction.

    `control`: a value for each key, as text; None: each value against the rest. `family`: None for
    every one whose decisions have the keys.
    """

    by: tuple[str, ...]
    control: tuple[str, ...] | None = None
    family: str | None = None

    @property
    def name(self) -> str:
        return WITH.join(self.by)

    def to_json(self) -> dict[str, Any]:
        """As the record of a run holds it."""
        control = None if self.control is None else list(self.control)
        return {"by": list(self.by), "control": control, "family": self.family}

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> Contrast:
        control = entry["control"]
        return cls(tuple(entry["by"]), None if control is None else tuple(control), entry["family"])


@dataclass(frozen=True, slots=True, eq=False)
class Arms:
    """One level against the control: `arm` (decisions) is the number of each decision's arm, -1 in
    none, and the effect the sum of `coefficients` (arms) times the means of the arms.

    `level` and `control` are what is shown, `pairs` the arms that differ by one key alone, with
    that key: (arm, other arm, key). `common`: whether other levels have the same control.
    """

    contrast: Contrast
    level: str
    control: str
    arm: np.ndarray
    coefficients: tuple[float, ...]
    pairs: tuple[tuple[int, int, str], ...]
    common: bool

    @property
    def compared(self) -> frozenset[frozenset[bytes]]:
        """What is compared, whatever it is called: digests of the decisions of the arms that count
        as above 0, and of those that count as below, without which is which."""
        sides: dict[bool, list[bytes]] = {}
        for number, coefficient in enumerate(self.coefficients):
            inside = np.packbits(self.arm == number).tobytes()
            sides.setdefault(coefficient > 0, []).append(blake2b(inside).digest())
        return frozenset(frozenset(side) for side in sides.values())


class Settings:
    """The config of some decisions of one family; each distinct text is read once.

    `decisions`: the column config, a row each, in the order that codes then have. `less`: which
    decisions of the family are not among them, in words, with a space before.
    """

    def __init__(self, decisions: pl.DataFrame, less: str = "") -> None:
        self.less = less
        self.height = decisions.height
        texts = decisions["config"] if "config" in decisions else pl.Series([None] * self.height)
        held = pl.DataFrame({"config": texts.cast(pl.String)})
        distinct = held.unique(maintain_order=True).with_row_index("at")
        self._at = held.join(distinct, on="config", nulls_equal=True, maintain_order="left")[
            "at"
        ].to_numpy()
        self._read = [
            {} if text is None else json.loads(text) for text in distinct["config"].to_list()
        ]
        self._codes: dict[str, tuple[np.ndarray, list[str]]] = {}
        self.keys = list(
            dict.fromkeys(
                name for held in self._read for name, value in held.items() if value is not None
            )
        )

    def codes(self, key: str) -> tuple[np.ndarray, list[str]]:
        """(decisions) which value each has, -1 for none, and the values: numbers by size, then
        texts by name."""
        if key not in self._codes:
            values = [config.get(key) for config in self._read]
            texts = [
                value if value is None or type(value) is str else as_text(value) for value in values
            ]
            named = sorted({text for text in texts if text is not None}, key=_order)
            number = {text: code for code, text in enumerate(named)}
            of_text = np.array([-1 if t is None else number[t] for t in texts], np.int64)
            self._codes[key] = of_text[self._at], named
        return self._codes[key]


def _order(text: str) -> tuple[bool, float, str]:
    place = place_of(text)
    return place is None, place or 0.0, text


def parse(text: str, keys: Collection[str] = ()) -> Contrast:
    """What --contrast says: "KEY", "KEY=CONTROL", "KEY:KEY" or "KEY:KEY=CONTROL:CONTROL".

    `keys`: those of the decisions, which may hold a colon or an equals sign; the longest one that a
    text begins with counts. Raises UserError for anything else.
    """
    by, value = _keys(text, keys)
    control = None if value is None else tuple(part.strip() for part in value.split(WITH))
    if len(by) == 1 and value is not None:
        control = (value.strip(),)
    if not all(by) or len(by) > 2 or (control is not None and not all(control)):
        raise UserError(
            f"--contrast {text!r} cannot be read; write KEY, KEY=CONTROL, or for an interaction "
            f"KEY{WITH}KEY=CONTROL{WITH}CONTROL."
        )
    if len(set(by)) < len(by):
        raise UserError(f"--contrast {text!r} names {by[0]!r} twice; name two keys, or one.")
    if control is not None and len(control) != len(by):
        raise UserError(
            f"--contrast {text!r} has {counted(len(control), 'value')} for "
            f"{counted(len(by), 'key')}; give one for each, or leave them out."
            f"{_IN_FILE if value is not None and WITH in value else ''}"
        )
    return Contrast(by, control)


def _keys(text: str, keys: Collection[str]) -> tuple[tuple[str, ...], str | None]:
    """The keys that a text names, and what stands behind the equals sign."""
    by: list[str] = []
    rest = text
    while True:
        known = [key for key in keys if rest.startswith(key) and _ends(rest[len(key) :])]
        key = max(known, key=len) if known else re.split(f"[={WITH}]", rest, maxsplit=1)[0]
        by.append(key.strip())
        rest = rest[len(key) :].lstrip()
        if not rest.startswith(WITH):
            return tuple(by), rest[1:] if rest else None
        rest = rest[1:].lstrip()


def _ends(rest: str) -> bool:
    return not rest.strip() or rest.lstrip()[0] in f"={WITH}"


def arms_of(settings: Mapping[str, Settings], contrast: Contrast) -> dict[str, list[Arms]]:
    """The arms of a contrast, by family; `settings` are those of each family.

    Families without the keys, and, where no family is named, those that have one value alone or
    not the control, are left out as long as one remains. Raises UserError where none does.
    """
    families = list(settings)
    if contrast.family is not None:
        if contrast.family not in settings:
            raise UserError(
                f"The contrast by {contrast.name!r} names the family {contrast.family!r}, which "
                "has "
                f"no decisions{did_you_mean(contrast.family, families)}"
            )
        families = [contrast.family]
    known = list(dict.fromkeys(key for family in families for key in settings[family].keys))
    less = next((settings[family].less for family in families if settings[family].less), "")
    for key in contrast.by:
        if key not in known:
            raise UserError(
                f"No decision has the config key {key!r}{less}{_known(key, known, 'config')}"
            )
    having = [f for f in families if set(contrast.by) <= set(settings[f].keys)]
    made: dict[str, list[Arms]] = {}
    refused: list[UserError] = []
    for family in having:
        try:
            made[family] = _arms(settings[family], contrast)
        except UserError as error:
            refused.append(error)
    if not having:
        raise UserError(
            f"No decision has both {' and '.join(map(repr, contrast.by))} in its config."
        )
    if not made:
        raise refused[0]
    return made


def _known(word: str, known: list[str], what: str) -> str:
    if not known:
        return f"; no decision has any {what}."
    hint = did_you_mean(word, known)
    if hint.endswith("?") or len(known) <= _MOST_NAMED:
        return hint
    names, more = sorted(known)[:_MOST_NAMED], len(known) - _MOST_NAMED
    return f"; choose from: {', '.join(names)} and {more} more."


def _arms(settings: Settings, contrast: Contrast) -> list[Arms]:
    """The arms within one family. Raises UserError where no two can be told apart."""
    sides = []
    for place, key in enumerate(contrast.by):
        code, values = settings.codes(key)
        if len(values) < 2:
            raise UserError(
                f"{key!r} is {values[0]!r} in every decision that has it{settings.less}, so there "
                "is nothing to contrast; name a key with two or more values."
            )
        control = None if contrast.control is None else contrast.control[place]
        sides.append(_sides(code, values, key, control, settings.less))
    if len(sides) == 1:
        return [_of_one(contrast, side) for side in sides[0]]
    made = [_of_two(contrast, one, other) for one in sides[0] for other in sides[1]]
    whole = [arms for arms in made if arms is not None]
    if not whole:
        first, second = contrast.by
        raise UserError(
            f"{first!r} and {second!r} do not cross: no value of one occurs with two values of the "
            "other, so there is no interaction; contrast by one of them."
        )
    return whole


@dataclass(frozen=True, slots=True, eq=False)
class _Side:
    """One value against the control, or the rest. `at` (decisions): 0 for the value, 1 for the
    other side, -1 for neither."""

    level: str
    control: str
    at: np.ndarray


def _sides(
    code: np.ndarray, values: list[str], key: str, control: str | None, less: str
) -> list[_Side]:
    """Every value against the control; without one against the rest, of two the second against
    the first."""
    if control is None and len(values) == 2:
        control = values[0]
    if control is None:
        at = [np.where(code < 0, -1, code != v) for v in range(len(values))]
        return [_Side(value, REST, one) for value, one in zip(values, at, strict=True)]
    other = _code(key, control, values, less)
    return [
        _Side(value, values[other], np.where(code == v, 0, np.where(code == other, 1, -1)))
        for v, value in enumerate(values)
        if v != other
    ]


def _of_one(contrast: Contrast, side: _Side) -> Arms:
    pairs = ((0, 1, contrast.by[0]),)
    common = contrast.control is not None
    return Arms(contrast, side.level, side.control, side.at, (1.0, -1.0), pairs, common)


def _of_two(contrast: Contrast, one: _Side, other: _Side) -> Arms | None:
    """The effect of the first key at the second's level less that at its control; None where no
    decision is in one of the four cells."""
    arm = np.where((one.at < 0) | (other.at < 0), -1, one.at + 2 * other.at)
    if len(np.unique(arm[arm >= 0])) < 4:
        return None
    first, second = contrast.by
    return Arms(
        contrast,
        f"{one.level}{WITH}{other.level}",
        f"{one.control}{WITH}{other.control}",
        arm,
        (1.0, -1.0, -1.0, 1.0),
        ((0, 1, first), (2, 3, first), (0, 2, second), (1, 3, second)),
        contrast.control is not None,
    )


def _code(key: str, control: str, values: list[str], less: str) -> int:
    """The code of a control: a value as it is written, or an equal number."""
    if control in values:
        return values.index(control)
    number = place_of(control)
    equal = [code for code, value in enumerate(values) if place_of(value) == number]
    if number is None or not equal:
        raise UserError(
            f"No decision{less} has {key} = {control!r}, the control of the contrast"
            f"{_known(control, values, 'value of it')}"
        )
    return equal[0]


def families_of(contrasts: Sequence[Contrast], decisions: pl.DataFrame) -> set[str]:
    """The families that some contrasts are about: those named, else those that have the keys."""
    keys = {
        str(name): set(Settings(part).keys)
        for (name,), part in decisions.partition_by("family", as_dict=True).items()
    }
    return {
        name
        for name, known in keys.items()
        for one in contrasts
        if one.family in (None, name) and set(one.by) <= known
    }
