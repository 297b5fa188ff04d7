"""How a decision is asked for: in a wording, which may be under a control or in another reading."""

from __future__ import annotations

from dataclasses import dataclass

from tremble.tokenization.options import READINGS, Reading


@dataclass(frozen=True, slots=True)
class Asked:
    """A wording alone, under a control, or in another reading than the study's own."""

    wording: str
    control: str | None = None
    reading: Reading | None = None

    @classmethod
    def parse(cls, name: str) -> Asked:
        """What goes by such a name: 'standard', 'standard+no_history', 'standard+next_token'."""
        wording, _, beside = name.partition("+")
        for reading in READINGS:
            if beside == reading:
                return cls(wording, reading=reading)
        return cls(wording, beside or None)

    @property
    def beside(self) -> str | None:
        """What stands beside the wording: the control or the reading, None for the wording
        alone."""
        return self.control or self.reading

    @property
    def name(self) -> str:
        """How it is called in columns, folders and tables."""
        return self.wording if self.beside is None else f"{self.wording}+{self.beside}"
