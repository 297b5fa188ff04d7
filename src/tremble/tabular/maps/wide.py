"""Names with a part in braces: `ultimatum.{round}.player.accepted` stands for many columns."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tremble.tabular.cells import plain

ROUND = "round"
_PART = re.compile(r"\{([A-Za-z_]\w*)\}")


@dataclass(frozen=True, slots=True)
class Pattern:
    """A name with parts, in their order. A part `{round}` takes whole numbers, others any text."""

    text: str
    parts: tuple[str, ...]

    def column(self, values: Mapping[str, str]) -> str:
        """The column for these values of its parts."""
        return _PART.sub(lambda part: values[part[1]], self.text)

    def values(self, column: str) -> dict[str, str] | None:
        """What the parts are in a column's name; None for a column of another kind."""
        found = re.fullmatch(_expression(plain(self.text)), plain(column))
        return None if found is None else found.groupdict()

    def begins(self, column: str) -> dict[str, str] | None:
        """What the parts are in a column whose name begins as these do, up to the character behind
        the last part: `ultimatum.3.player.payoff`."""
        text = plain(self.text)
        *_, last = _PART.finditer(text)
        found = re.match(_expression(text[: last.end() + 1]), plain(column))
        return None if found is None else found.groupdict()

    def edges(self) -> list[tuple[str, str, str]]:
        """Each part with the character before it and the one behind, "" where there is none."""
        text = plain(self.text)
        return [
            (part[1], text[: part.start()][-1:], text[part.end() :][:1])
            for part in _PART.finditer(text)
        ]


def spots(column: str, value: str, edge: tuple[str, str, str]) -> list[tuple[int, int]]:
    """Where a value stands in a column's name as the part of this edge does in its pattern: `2` in
    `payoff_2` as in `choice_{round}`. Beside a number any letter is like another."""
    part, before, behind = edge
    if part == ROUND:
        before, behind = ("a" if one.isalpha() else one for one in (before, behind))
        value = f"0*{int(value)}"
    else:
        value = re.escape(value)
    letter, lower = r"[^\W\d_]", part == ROUND
    start, end = (letter if lower and one == "a" else re.escape(one) for one in (before, behind))
    made = f"(?<={start}){value}" if start else f"^{value}"
    made += f"(?={end})" if end else "$"
    return [found.span() for found in re.finditer(made, column)]


def pattern_of(name: str) -> Pattern | None:
    """The pattern that a name is; None for a name without parts."""
    parts = tuple(dict.fromkeys(_PART.findall(name)))
    return Pattern(name, parts) if parts else None


def neighbours(name: str) -> str | None:
    """The first place where two parts stand side by side, so that nothing tells where one ends."""
    beside = re.search(r"\{[A-Za-z_]\w*\}\{[A-Za-z_]\w*\}", name)
    return None if beside is None else beside[0]


def masked(columns: Iterable[str], part: str) -> list[str]:
    """Names of columns with a part in place of their numbers, to find what a pattern meant."""
    return list(dict.fromkeys(re.sub(r"\d+", f"{{{part}}}", column) for column in columns))


def _expression(text: str) -> str:
    """A regular expression with a group for each part; a part that comes again is the same."""
    made, last, known = [], 0, set()
    for part in _PART.finditer(text):
        name = part[1]
        made.append(re.escape(text[last : part.start()]))
        wanted = r"\d+" if name == ROUND else ".+?"
        made.append(f"(?P={name})" if name in known else f"(?P<{name}>{wanted})")
        known.add(name)
        last = part.end()
    return "".join([*made, re.escape(text[last:])])
