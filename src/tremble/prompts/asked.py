"""How a decision is asked for: in a wording, which may be under a control or in another reading."""

from __future__ import annotations

from dataclasses import dataclass

from tremble.tokenization.options import READINGS, Reading

# Arms of interviews before sessions (`personas` in a study file) to their names beside a wording.
# They stand where controls do and are none: they add facts about a person, and take nothing away.
ARMS = {"own": "persona_own", "other": "persona_other", "refused": "persona_refused"}


@dataclass(frozen=True, slots=True)
class Asked:
    """A wording alone, under a control, or in another reading than the study's own.

    An arm of `ARMS` is held as a control (`arm` says whether it is one)."""

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
    def arm(self) -> str | None:
        """The arm of interviews, by its key in `ARMS`; None for a wording alone and for anything
        else beside it."""
        return next((arm for arm, name in ARMS.items() if name == self.control), None)

    @property
    def name(self) -> str:
        """How it is called in columns, folders and tables."""
        return self.wording if self.beside is None else f"{self.wording}+{self.beside}"
