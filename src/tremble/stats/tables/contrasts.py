"""Contrasts: people's effects, each run's, and by how much they differ, a row each."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from tremble.errors import UserError
from tremble.stats.frames.designs import Design, designs
from tremble.stats.frames.evidence import Evidence
from tremble.stats.frames.shared_prompts import Prompts, Shared, prompt_rows
from tremble.stats.frames.treatments import Arms, Contrast, Settings, arms_of
from tremble.stats.inference.effects import Effect
from tremble.stats.inference.intervals import FEW_ITEMS
from tremble.stats.inference.meta_analysis import same_sign
from tremble.stats.inference.multiplicity import holm
from tremble.stats.tables.contrast_effects import BOTH, Measured, Scored, scored_alike, together
from tremble.text import counted, join_notes

Row = dict[str, Any]
FEW_ANSWERS = 5  # of the rarer answer in an arm; fewer make an interval too short

# What `analyze --json` gives under "contrasts"; rows hold more (`ContrastTables.rows`).
CONTRAST_COLUMNS = (
    "model",
    "format",
    "formulation",
    "dataset",
    "family",
    "contrast",
    "level",
    "control",
    "outcome",
    "over",
    "people",
    "people_low",
    "people_high",
    "effect",
    "low",
    "high",
    "difference",
    "difference_low",
    "difference_high",
    "p",
    "p_holm",
    "same_sign",
    "n",
    "people_n",
    "items",
    "mass",
    "note",
)


@dataclass(frozen=True, slots=True, eq=False)
class Treated:
    """One family: its design, its contrasts, of each what of its prompts its arms share, and other
    keys by which the same decisions would be compared."""

    design: Design
    arms: list[Arms]
    shared: list[Shared | None]
    same: list[list[str]]

    def refused(self, place: int) -> bool:
        """Whether a contrast does not reach the prompts."""
        shared = self.shared[place]
        return shared is not None and shared.too_many


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """One contrast of one run, the run `place` of those that were `measured` together."""

    measured: Measured
    place: int

    @property
    def known(self) -> bool:
        """Whether people and run have an effect."""
        return self.measured.people is not None

    @property
    def people(self) -> Effect:
        assert self.measured.people is not None
        return self.measured.people

    @property
    def model(self) -> Effect:
        return self.measured.model[self.place]

    @property
    def difference(self) -> Effect:
        return self.measured.difference[self.place]


class ContrastTables:
    """Contrasts of a study's decisions: `families`, `runs` (model, format, formulation), and what
    was `found`: by family and number of the run, one for each of the family's arms, None where the
    contrast is refused or the run has nothing in an arm.

    Raises UserError for a contrast that the decisions cannot have (`arms_of`), for outcomes that
    are no number, and where none of the contrasts reaches a prompt.
    """

    def __init__(self, evidence: Evidence, contrasts: Sequence[Contrast]) -> None:
        self.families = treated(evidence, contrasts)
        refuse_unreached(self.families, every=False)
        self.runs: list[Row] = (
            self.families[0].design.responses.runs.to_dicts() if self.families else []
        )
        self.scored: dict[tuple[str, int], Scored] = {}
        self.found: dict[tuple[str, int], list[Found]] = {}
        for family in self.families:
            design = family.design
            for scored in scored_alike(design, range(len(self.runs))):
                if not len(scored.at):
                    continue
                measured = [scored.measured(arms) for arms in family.arms]
                for place, run in enumerate(scored.runs):
                    self.scored[design.family, run] = scored
                    self.found[design.family, run] = [Found(one, place) for one in measured]

    def kept(self, family: Treated, run: int) -> dict[int, Found]:
        """What was found of a run's contrasts that have an effect, by their place among `arms`."""
        found = self.found.get((family.design.family, run), [])
        return {
            place: one for place, one in enumerate(found) if one.known and not family.refused(place)
        }

    def rows(self) -> list[Row]:
        """A row per run, family, contrast and level, with CONTRAST_COLUMNS; beside them `people_p`,
        `people_p_holm`, `effect_p` and `effect_p_holm` (two-sided, of no effect, adjusted as
        `p_holm` is), `scale`, the range of the outcome, `few`, why so few
        people say nothing, and `least_mass`, the mass of the arm with the least.

        `p` is of no difference between model and people; Holm's adjustment is over the contrasts of
        one run and family. A contrast whose arms share their prompts has its reason in `note`.
        """
        rows: list[Row] = []
        for run, name in enumerate(self.runs):
            for family in self.families:
                found = self.found.get((family.design.family, run))
                if found is not None:
                    chances = _chances(self.kept(family, run))
                    own = [
                        {
                            **name,
                            **contrast_row(family, place, one),
                            "same_sign": chances.get(place),
                        }
                        for place, one in enumerate(found)
                    ]
                    rows += _adjusted(own)
        return rows


def treated(evidence: Evidence, contrasts: Sequence[Contrast]) -> list[Treated]:
    """The families that the contrasts are about, with their arms: of those that compare the same
    decisions, whatever their sign and their key, the first. Raises UserError for contrasts that the
    decisions cannot have (`arms_of`), and for outcomes that are no number."""
    every = {design.family: design for design in designs(evidence)}
    settings = {
        name: design.settings for name, design in every.items() if len(design.responses.names)
    }
    arms: dict[str, dict[object, Arms]] = {}
    same: dict[str, dict[object, list[str]]] = {}
    for contrast in contrasts:
        _check_outcomes(evidence, every, contrast)
        for family, some in arms_of(settings, contrast).items():
            for one in some:
                first = arms.setdefault(family, {}).setdefault(one.compared, one)
                names = same.setdefault(family, {}).setdefault(one.compared, [])
                if set(one.contrast.by) != set(first.contrast.by):
                    names.append(f"{one.contrast.name} ({one.level} against {one.control})")
    rows = prompt_rows(evidence.scores, evidence.decisions)
    made = []
    for family, design in every.items():
        if family in arms:
            prompts = Prompts(design.responses.names, rows)
            mine = list(arms[family].values())
            shared = [prompts.shared(one) for one in mine]
            made.append(Treated(design, mine, shared, list(same[family].values())))
    return made


def _check_outcomes(evidence: Evidence, every: Mapping[str, Design], contrast: Contrast) -> None:
    """Raises UserError where a family that a contrast is about has no outcome in one number."""
    for family, design in every.items():
        held = design.responses
        if len(held.names) or contrast.family not in (None, family):
            continue
        keys = Settings(evidence.decisions.filter(pl.col("family") == family)).keys
        if not set(contrast.by) <= set(keys):
            continue
        if held.without:
            raise UserError(
                f"The contrast by {contrast.name!r} needs a numeric outcome, but "
                f"{counted(held.without, 'decision')} of {family!r} have none, since they have "
                "options without values and without a target; give every option a value, or name a "
                "target."
            )
        if contrast.family is not None:
            raise UserError(
                f"The contrast by {contrast.name!r} is about {family!r}, but no decision of that "
                "family says what people chose; leave the contrast out."
            )


def refuse_unreached(families: Sequence[Treated], every: bool) -> None:
    """Raises UserError where contrasts do not reach a prompt: for the first one where `every` has
    to, else where none does."""
    places = [(family, place) for family in families for place in range(len(family.arms))]
    refused = [(family, place) for family, place in places if family.refused(place)]
    if refused and (every or len(refused) == len(places)):
        raise UserError(_unreached(*refused[0]))


def _unreached(family: Treated, place: int) -> str:
    arms, shared, name = family.arms[place], family.shared[place], family.design.family
    assert shared is not None
    what = "" if shared.key == arms.contrast.name else f", in {arms.contrast.name},"
    return (
        f"{shared.key}{what} ({arms.level} against {arms.control}) reaches no prompt of {name}: "
        f"{shared.both:,} of {shared.prompts:,} prompts of one arm are also in the other arm, "
        "so a model cannot tell them apart; put what differs into the prompt, or leave the "
        "contrast out."
    )


def contrast_row(family: Treated, place: int, found: Found) -> Row:
    """The columns of CONTRAST_COLUMNS but for those over several contrasts, and those beside
    them."""
    made, design = found.measured, family.design
    arms, counts, refused = made.arms, made.counts, family.refused(place)
    effects: list[Effect | None] = [None, None, None]
    if found.known and not refused:
        effects = [found.people, found.model, found.difference]
    people, model, difference = map(_parts, effects)
    return {
        "dataset": ", ".join(counts.datasets) or None,
        "family": design.family,
        "contrast": arms.contrast.name,
        "level": arms.level,
        "control": arms.control,
        "outcome": design.outcome,
        "over": None if refused else made.over,
        **_named(people, "people", "people_low", "people_high", "people_p"),
        **_named(model, "effect", "low", "high", "effect_p"),
        **_named(difference, "difference", "difference_low", "difference_high", "p"),
        "n": counts.n,
        "people_n": counts.people,
        "items": counts.items,
        "mass": _number(made.mass[found.place]),
        "scale": design.responses.scale,
        "few": counts.few,
        "least_mass": _number(made.least_mass[found.place]),
        "note": _unreached(family, place) if refused else _note(family, place, found),
    }


def _parts(effect: Effect | None) -> tuple[float | None, ...]:
    if effect is None:
        return None, None, None, None
    return effect.value, effect.low, effect.high, effect.p


def _named(values: tuple[float | None, ...], *names: str) -> Row:
    return dict(zip(names, values, strict=True))


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _note(family: Treated, place: int, found: Found) -> str | None:
    design, shared, made = family.design, family.shared[place], found.measured
    counts = made.counts
    flat = None
    if found.known and made.note is None and found.people.variance is None:
        flat = "no interval: too few people, or people who did not differ"
    elif found.known and made.note is None and found.difference.variance is None:
        flat = "no interval: the differences do not vary"
    elif found.known and made.over == BOTH and found.model.variance is None and not made.note:
        flat = "the model's predictions do not vary, so its effect has no interval"
    return join_notes(
        made.note,
        flat,
        _rare(counts.rarer) if found.known and found.people.variance else None,
        _few_items(made),
        f"{counted(counts.unscored, 'decision')} of these arms not scored"
        if counts.unscored
        else None,
        f"{shared.both:,} of {shared.prompts:,} prompts of one arm are also in the other"
        if shared is not None
        else None,
        f"for {counted(counts.unnamed, 'choice')} neither participant nor game is known: the "
        "interval is too short if one person made several"
        if counts.unnamed
        else None,
        "items are named in one arm only, so they are not paired" if counts.half_named else None,
        f"{counted(design.responses.without, 'decision')} of the family without a numeric outcome"
        if design.responses.without
        else None,
        design.responses.uneven,
        f"the same comparison as {', '.join(family.same[place])}" if family.same[place] else None,
    )


def _few_items(made: Measured) -> str | None:
    """What must stand beside an interval that speaks of other texts on the ground of a few."""
    if made.over != BOTH or made.counts.items >= FEW_ITEMS or made.note is not None:
        return None
    return f"too few items to generalise: {made.counts.items} items, fewer than {FEW_ITEMS}"


def _rare(number: int | None) -> str | None:
    """What a reader must know of an interval where an arm hardly has one of the two answers: it
    covers less than it says (docs/uncertainty.md)."""
    if number is None or number >= FEW_ANSWERS:
        return None
    return f"only {number} of the rarer answer in an arm: interval rough"


def _chances(kept: Mapping[int, Found]) -> dict[int, float]:
    """By place the chance that a second sample of the same size has people's effect with the same
    sign; those without an interval have none."""
    known = {place: found.people for place, found in kept.items() if found.people.variance}
    if not known:
        return {}
    people = together([*known.values()])
    chances = same_sign(people.value, people.variance)
    return {place: float(chance) for place, chance in zip(known, chances, strict=True)}


def _adjusted(rows: list[Row]) -> list[Row]:
    """The rows of one run and family with every p adjusted over them."""
    for name in ("", "people_", "effect_"):
        adjusted = holm([row[f"{name}p"] for row in rows])
        for row, p in zip(rows, adjusted, strict=True):
            row[f"{name}p_holm"] = p
    return rows


def contrast_rows(evidence: Evidence, contrasts: Sequence[Contrast]) -> list[Row]:
    """`ContrastTables.rows`, with the columns that stand beside CONTRAST_COLUMNS."""
    return ContrastTables(evidence, contrasts).rows()
