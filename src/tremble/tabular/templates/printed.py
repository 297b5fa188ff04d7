"""What a template prints: cells, which are texts that can be reckoned with, and what somebody did
before. Missing ones: `prompts.own_template.Missing`."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

from tremble.tabular.cells import number_of

Number = int | float


class Cell(str):
    """A cell. It prints as it stands in the file; where the other side is a number, or a cell that
    is one, it compares and reckons as the number that it is."""

    __slots__ = ("number",)
    number: Number | None

    def __new__(cls, text: str, decimal: str = ".") -> Cell:
        made = super().__new__(cls, text)
        made.number = number_of(text, decimal)
        return made

    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        both = self._both(other)
        return str.__eq__(self, other) is True if both is None else both[0] == both[1]

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __lt__(self, other: Any) -> bool:
        return self._compared(operator.lt, str.__lt__, other)

    def __le__(self, other: Any) -> bool:
        return self._compared(operator.le, str.__le__, other)

    def __gt__(self, other: Any) -> bool:
        return self._compared(operator.gt, str.__gt__, other)

    def __ge__(self, other: Any) -> bool:
        return self._compared(operator.ge, str.__ge__, other)

    def __add__(self, other: Any) -> Any:
        both = self._both(other)
        return str.__add__(self, other) if both is None else both[0] + both[1]

    def __radd__(self, other: Any) -> Any:
        if isinstance(other, str):  # Python asks the text on the right first, which this one is
            return str.__add__(other, self)
        return self._number() if other == 0 else self._reckoned(operator.add, other, True)

    def __sub__(self, other: Any) -> Number:
        return self._reckoned(operator.sub, other)

    def __rsub__(self, other: Any) -> Number:
        return self._reckoned(operator.sub, other, True)

    def __mul__(self, other: Any) -> Any:
        return self._reckoned(operator.mul, other)

    def __rmul__(self, other: Any) -> Any:
        return self._reckoned(operator.mul, other, True)

    def __truediv__(self, other: Any) -> Number:
        return self._reckoned(operator.truediv, other)

    def __rtruediv__(self, other: Any) -> Number:
        return self._reckoned(operator.truediv, other, True)

    def __floordiv__(self, other: Any) -> Number:
        return self._reckoned(operator.floordiv, other)

    def __rfloordiv__(self, other: Any) -> Number:
        return self._reckoned(operator.floordiv, other, True)

    def __mod__(self, other: Any) -> Any:
        both = self._both(other)
        return str.__mod__(self, other) if both is None else both[0] % both[1]

    def __rmod__(self, other: Any) -> Any:
        if isinstance(other, str):
            return str.__mod__(other, self)
        return self._reckoned(operator.mod, other, True)

    def __neg__(self) -> Number:
        return -self._number()

    def __abs__(self) -> Number:
        return abs(self._number())

    def __float__(self) -> float:
        return float(self._number())

    def __int__(self) -> int:
        return int(self._number())

    def __round__(self, digits: int | None = None) -> Number:
        return round(self._number(), digits)

    def _number(self) -> Number:
        if self.number is None:
            raise TypeError(f"{str(self)!r} is not a number")
        return self.number

    def _both(self, other: object) -> tuple[Number, Number] | None:
        """Both sides as numbers, where both are."""
        if isinstance(other, Cell):
            other = other.number
        if self.number is None or isinstance(other, bool) or not isinstance(other, int | float):
            return None
        return self.number, other

    def _compared(
        self,
        numbers: Callable[[Number, Number], bool],
        texts: Callable[[str, str], bool],
        other: Any,
    ) -> bool:
        both = self._both(other)
        if both is None and not isinstance(other, str):
            self._number()
        return texts(self, other) if both is None else numbers(*both)

    def _reckoned(
        self, how: Callable[[Number, Number], Number], other: Any, turned: bool = False
    ) -> Number:
        both = self._both(other)
        if both is None:
            own, given = self._number(), str(other)
            raise TypeError(f"{given!r} is not a number, so it cannot be combined with {own}")
        return how(both[1], both[0]) if turned else how(*both)


class Method:
    """A method of texts behind a cell, such as `.title`, which is there to be called alone: where a
    column has a name with a dot, the name would else be the method's."""

    __slots__ = ("_cell", "_name")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, cell: str, name: str) -> None:
        self._cell, self._name = cell, name

    def __call__(self, *given: Any, **named: Any) -> Any:
        return getattr(str(self._cell), self._name)(*given, **named)

    def _refused(self, *_: Any) -> Any:
        raise TypeError(
            f"it prints or compares a function, .{self._name}; write .{self._name}(), or, for a "
            'column with a dot in its name, row["the name"]'
        )

    __str__ = __repr__ = __bool__ = __eq__ = __ne__ = __iter__ = __len__ = _refused
    __lt__ = __le__ = __gt__ = __ge__ = __add__ = __radd__ = __contains__ = _refused


class Past:
    """An earlier decision of the same person: its names, as `past.offer` or `past["any name"]`."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __str__(self) -> str:
        raise TypeError("it prints a whole earlier decision; add, for example, .choice")

    __repr__ = __str__  # of a list of them


class Row:
    """The columns of a row by their own names: `row["any name"]`."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __str__(self) -> str:
        raise TypeError('it prints a whole row; write row["the name of a column"]')

    __repr__ = __str__
