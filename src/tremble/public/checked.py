"""The result of a check, as an object."""

from __future__ import annotations

from typing import Any

from tremble.api.check import check_records
from tremble.api.conditions import SHOWN, prompts_said
from tremble.api.offered import offers_said
from tremble.api.understood import families_said
from tremble.public.decisions import reader_of
from tremble.public.show import fragment
from tremble.public.words import in_python
from tremble.text import counted

MOST = 20  # faults and warnings that are shown unasked


class Check:
    """The result of `tr.check`: true if there is no error.

    `faults` (errors) and `warnings` are sentences that name the lines and say what to do. `summary`
    has the same numbers as `tremble data check --json`: decisions, faulty, families, first_prompt,
    conditions, prompts.

    >>> import tremble as tr
    >>> found = tr.check([{"prompt": "Keep or share?", "options": ["keep", "share"]}])
    >>> bool(found), found.summary["faulty"]
    (False, 1)
    """

    def __init__(
        self, where: str, summary: dict[str, Any], faults: list[str], warnings: list[str]
    ) -> None:
        self.where = where
        self.summary = summary
        self.faults = faults
        self.warnings = warnings

    def __bool__(self) -> bool:
        return not self.faults

    def complaints(self, most: int | None = MOST) -> list[str]:
        """Errors, then lines that begin with "warning:"; the first `most` of each, None for all."""
        return [*self.faults[:most], *(f"warning: {line}" for line in self.warnings[:most])]

    def said(
        self, most: int | None = MOST, how: str = "", others: str = "summary['prompts'] has others"
    ) -> list[str]:
        """A summary of the decisions, a line each, then the prompts of six conditions. `most` as
        for `complaints`, None also for all prompts; `how` says how to see the rest, `others` how to
        see other prompts."""
        shown = None if most is None else SHOWN
        return [*self._counted(most, how), *prompts_said(self.summary, shown, others)]

    def _counted(self, most: int | None, how: str) -> list[str]:
        left = [
            counted(len(lines) - most, f"more {what}")
            for what, lines in (("error", self.faults), ("warning", self.warnings))
            if most is not None and len(lines) > most
        ]
        sound = counted(self.summary["decisions"], "valid decision")
        more = f"; {' and '.join(left)}{how}" if left else ""
        faulty = counted(self.summary["faulty"], "invalid line")
        if "offers" in self.summary:
            sound += f", {counted(self.summary['offers'], 'valid offer')}"
        about = [*families_said(self.summary), *offers_said(self.summary)]
        return [f"{self.where}: {sound}, {faulty}{more}", *about]

    def __repr__(self) -> str:
        return "\n".join([*self.complaints(), *self.said()])

    def _repr_html_(self) -> str:
        first, *rest = self._counted(MOST, "")
        text = "\n".join(self.said()[len(rest) + 1 :])
        return fragment(first, [*self.complaints(), *rest], text=text)


@in_python()
def check(decisions: Any) -> Check:
    """Check decisions: what they contain, what is wrong or may be wrong, and how to fix it.

    `decisions`: anything that `tr.read_decisions` reads or returns, with or without errors in it.
    Raises UserError if there is nothing to read; errors in decisions are in the result.

    >>> import tremble as tr
    >>> record = {"prompt": "Keep or share? Answer as JSON.", "options": ["keep", "share"]}
    >>> found = tr.check([{**record, "choice": "keep"}, {**record, "choice": "Keep"}])
    >>> found.faults
    ["records, line 2: choice 'Keep' is not among the options ['keep', 'share']."]
    >>> found.summary["decisions"]
    1
    """
    read, _, where = reader_of(decisions)
    return Check(str(where), *check_records(read, where))
