"""Do a study's prompts make a model answer with the options? A few of them, before hours are spent.

Nothing is downloaded, and nothing is written to the study's folder.
"""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from tremble.api.low_mass import Seen, advice
from tremble.api.probe_model import Asked, choose
from tremble.api.probe_prompts import shown, spread
from tremble.engines.base import Score, option_mass
from tremble.errors import UserError
from tremble.models.files import Notify
from tremble.models.spec import model_name
from tremble.prompts.parts import own_prompt
from tremble.stats.filters import MIN_MASS
from tremble.study.cells import Cell
from tremble.study.file import Study
from tremble.study.render import Prompt
from tremble.tokenization.options import Tokenizer

Row = dict[str, Any]
PROMPTS = 20
SECONDS = 45.0  # of scoring, after which no further prompt is begun
_OTHERS = 3  # likeliest other answers of a family that are listed
_NO_OPTIONS = (
    "None of the {:,} decisions of the study {!r} has known options, so there is no mass to probe; "
    "give the sessions options, or go on with `tremble run`, which measures how likely "
    "the responses are."
)
_WORST = 3  # prompts that say what to change


@dataclass(frozen=True, slots=True)
class _Found:
    """One prompt with its score."""

    cell: Cell
    prompt: Prompt
    score: Score
    mass: float | None


def probe_study(
    study: Study, notify: Notify, advance: Callable[[int, int], None] = lambda done, of: None
) -> dict[str, Any]:
    """What one model makes of 20 prompts of a study, as JSON can hold it.

    - model, stands_for (the model of the study in whose place it is read), why (a sentence on the
      choice), made_up, not_asked (the other models of the study);
    - prompts: how many were asked; chosen: how many were to be; cut: a sentence where time was
      up; passed_over: prompts whose wording is not applicable; without_options: decisions that have
      none, which are not probed;
    - families: data (the entry), family, formats, formulations, prompts, failed (without a score),
      median_mass and lowest_mass, others: the likeliest tokens that begin no option, with their
      mean probability over the family's prompts (0 where they are not among the likeliest five)
      and the number of prompts in which they are likelier than all options together (`above`);
    - enough: the mass from which prompts count as good; worst: the prompts of least mass below it,
      each with decision, family, format, formulation, mass, other (the likeliest other token),
      probability, and advice: rule and sentence.

    `advance` is told of so many prompts done of so many. Raises UserError for faults of the study,
    where no decision has options, and where no model is to be had.
    """
    if not study.data:
        raise UserError(f'The study {study.name!r} has no data; add data = ["demo"] to [study].')
    strata, optionless = spread(study, PROMPTS)
    if not strata:
        raise UserError(_NO_OPTIONS.format(optionless, study.name))
    asked = choose(study, notify)
    tokenizer = asked.engine.tokenizer
    prompts, passed = shown(study, strata, asked.cells(study), tokenizer, PROMPTS)
    if not prompts:
        raise UserError(
            f"The study {study.name!r} has no prompt for {asked.name}: its wordings, include and "
            "exclude leave none; delete one of them."
        )
    found = _scored(asked, prompts, advance)
    cut = None
    if len(found) < len(prompts):
        cut = (
            f"{len(found)} of {len(prompts)} prompts were tried, because they are long for this "
            f"machine; each family has at least one, and no other was begun after {SECONDS:.0f} s."
        )
    return {
        "study": study.name,
        "model": asked.name,
        "stands_for": asked.stands_for.id,
        "why": asked.why,
        "made_up": asked.made_up,
        "not_asked": [model_name(spec) for spec in study.models if spec.id != asked.stands_for.id],
        "prompts": len(found),
        "chosen": len(prompts),
        "cut": cut,
        "passed_over": passed,
        "without_options": optionless,
        "families": _families(found, tokenizer),
        "enough": MIN_MASS,
        "worst": _worst(study, found, tokenizer),
    }


def _scored(
    asked: Asked,
    prompts: Sequence[tuple[Cell, Prompt]],
    advance: Callable[[int, int], None],
) -> list[_Found]:
    """The prompts with their scores: one of each family, and others while there is time."""
    ends = time.monotonic() + SECONDS
    seen: set[tuple[str, str]] = set()
    found = []
    for cell, prompt in prompts:
        family = (cell.dataset, prompt.decision.family)
        if family in seen and time.monotonic() > ends:
            continue
        seen.add(family)
        (score,) = asked.engine.score([prompt.paths])
        found.append(_Found(cell, prompt, score, _mass(prompt, score)))
        advance(len(found), len(prompts))
    return found


def _mass(prompt: Prompt, score: Score) -> float | None:
    """The probability of all options, with their spellings where those count."""
    if score.error is not None:
        return None
    forms = prompt.paths.surface_forms
    return option_mass(score.logprobs if forms is None else forms.added(score.logprobs))


def _families(found: Sequence[_Found], tokenizer: Tokenizer) -> list[Row]:
    groups: defaultdict[tuple[str, str], list[_Found]] = defaultdict(list)
    for one in found:
        groups[one.cell.dataset, one.prompt.decision.family].append(one)
    rows = []
    for (entry, family), some in groups.items():
        masses = [one.mass for one in some if one.mass is not None]
        rows.append(
            {
                "data": entry,
                "family": family,
                "formats": list(dict.fromkeys(one.cell.format for one in some)),
                "formulations": list(dict.fromkeys(one.cell.formulation for one in some)),
                "prompts": len(some),
                "failed": len(some) - len(masses),
                "median_mass": median(masses) if masses else None,
                "lowest_mass": min(masses, default=None),
                "others": _others([one for one in some if one.mass is not None], tokenizer),
            }
        )
    return rows


def _others(found: Sequence[_Found], tokenizer: Tokenizer) -> list[Row]:
    """The likeliest tokens that begin no option, over some prompts."""
    total: defaultdict[str, float] = defaultdict(float)
    above: defaultdict[str, int] = defaultdict(int)
    for one in found:
        for token, probability in _beside(one).items():
            text = tokenizer.decode([token])
            total[text] += probability
            above[text] += probability > (one.mass or 0.0)
    likeliest = sorted(total, key=lambda text: (-total[text], text))[:_OTHERS]
    return [
        {"token": text, "probability": total[text] / len(found), "above": above[text]}
        for text in likeliest
    ]


def _beside(one: _Found) -> dict[int, float]:
    """The probabilities of the likeliest tokens behind a prompt that begin none of its options."""
    firsts = {path[0] for path in one.prompt.paths.paths if path}
    listed = dict(one.score.top)
    if one.score.other_token is not None and one.score.other_logprob is not None:
        listed.setdefault(one.score.other_token, one.score.other_logprob)
    return {token: math.exp(value) for token, value in listed.items() if token not in firsts}


def _worst(study: Study, found: Sequence[_Found], tokenizer: Tokenizer) -> list[Row]:
    """The prompts of least mass, of each family, format and advice one."""
    low = [one for one in found if one.mass is not None and one.mass < MIN_MASS]
    rows: dict[tuple[Any, ...], Row] = {}
    for one in sorted(low, key=lambda one: one.mass or 0.0):
        row = _one(study, one, tokenizer)
        about = row["data"], row["family"], row["format"], *(a["rule"] for a in row["advice"])
        rows.setdefault(about, row)
    return list(rows.values())[:_WORST]


def _one(study: Study, one: _Found, tokenizer: Tokenizer) -> Row:
    prompt, score = one.prompt, one.score
    assert prompt.conversation is not None and one.mass is not None, "it was scored"
    token = score.other_token
    other = "" if token is None else tokenizer.decode([token])
    seen = Seen(
        labels=[option.label for option in prompt.conversation.options],
        other=other,
        mass=one.mass,
        first_mass=score.first_mass,
        own=own_prompt(prompt.decision) is not None,
        opening=prompt.conversation.opening,
        text=prompt.text,
        spellings=study.spellings == "all",
        straddled=prompt.paths.token_boundary,
        marks=[*tokenizer.special_texts, *tokenizer.special.values()],
    )
    logprob = score.other_logprob
    return {
        "decision": prompt.decision.id,
        "data": one.cell.dataset,
        "family": prompt.decision.family,
        "format": one.cell.format,
        "formulation": one.cell.formulation,
        "mass": one.mass,
        "other": other,
        "probability": None if logprob is None else math.exp(logprob),
        "advice": [{"rule": one.rule, "sentence": one.sentence} for one in advice(seen)],
    }
