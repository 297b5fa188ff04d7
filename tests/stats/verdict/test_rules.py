"""The rules of the verdict, each row of the table by which answers are given."""

from __future__ import annotations

import itertools
from dataclasses import replace as with_
from typing import Any

import pytest

from tremble.stats.verdict.answer import CANNOT_SAY, IN_PART, NO, NOT_SHOWN, YES, Answer, Margins
from tremble.stats.verdict.distribution import Distance, distribution
from tremble.stats.verdict.effects import Contrasted, effects
from tremble.stats.verdict.facts import level_facts
from tremble.stats.verdict.levels import Level, levels
from tremble.stats.verdict.read import Read
from tremble.stats.verdict.replace import cautious, replace

_LEVEL = Level(people=0.40, model=0.42, low=-0.01, high=0.05, scale=1.0)


@pytest.mark.parametrize(
    ("low", "high", "scale", "answer"),
    [
        (-0.05, 0.05, 1.0, YES),
        (-0.06, 0.04, 1.0, NOT_SHOWN),
        (0.04, 0.60, 1.0, NOT_SHOWN),
        (0.051, 0.30, 1.0, NO),
        (-0.30, -0.051, 1.0, NO),
        (-0.05, 0.30, 6.0, YES),  # on a scale of 1 to 7 the margin is .30
        (0.31, 0.90, 6.0, NO),
        (-3.0, 3.0, 1.0, NOT_SHOWN),
    ],
)
def test_levels_go_by_the_interval_in_shares_of_the_range(
    low: float, high: float, scale: float, answer: str
) -> None:
    made = levels(with_(_LEVEL, low=low, high=high, scale=scale))
    assert made is not None and made.answer == answer


def test_a_level_without_interval_cannot_be_said_and_without_mean_is_no_question() -> None:
    made = levels(with_(_LEVEL, low=None, high=None, why="4 people only"))
    assert made is not None and made.answer == CANNOT_SAY and "4 people only" in made.why
    assert levels(None) is None
    assert "no mean" not in made.why
    some = levels(with_(_LEVEL, left_out=1))
    assert some is not None and "; 1 more decision has no mean" in some.why
    fixed = levels(with_(_LEVEL, texts=True))
    assert fixed is not None and "for these texts" in fixed.why


def test_a_reason_names_what_is_lacking_and_no_more() -> None:
    """Of a row's note only the part about the interval, and how many decisions have no mean."""
    row = dict.fromkeys(("low", "high", "over"), None) | {"people": 0.4, "predicted": 0.5}
    row |= {"difference": 0.1, "scale": 1.0, "n": 7}
    row["note"] = "no interval: n is not known; no slope: one outcome only; 3 decisions excluded"
    made = levels(level_facts(row, None, 10))
    assert made is not None and made.answer == CANNOT_SAY
    assert ": n is not known; 3 more decisions have no mean" in made.why and "slope" not in made.why


@pytest.mark.parametrize(
    ("low", "high", "answer"),
    [
        (-0.02, 0.05, YES),
        (0.04, 0.06, NOT_SHOWN),
        (0.06, 0.09, NOT_SHOWN),
        (0.06, 0.20, NOT_SHOWN),
        (0.101, 0.20, NO),
    ],
)
def test_distances_near_and_far(low: float, high: float, answer: str) -> None:
    made = distribution(Distance((low + high) / 2, low, high, valued=True))
    assert made is not None and made.answer == answer


def test_distances_without_interval() -> None:
    made = distribution(Distance(None, None, None, valued=False, why="n is not known"))
    assert made is not None and made.answer == CANNOT_SAY and "n is not known" in made.why
    assert distribution(None) is None


def _contrast(people: float, model: float, half: float = 0.01, **more: Any) -> Contrasted:
    difference = model - people
    made = Contrasted(
        "stakes = high against low",
        people,
        model,
        difference - half,
        difference + half,
        people_p=0.001,
        model_p=0.001,
    )
    return with_(made, **more)


_NONE: dict[str, Any] = {
    "low": None,
    "high": None,
    "people_p": None,
    "model_p": None,
    "why": "no n",
}


@pytest.mark.parametrize(
    ("contrasts", "answer"),
    [
        ([_contrast(-0.08, 0.08)], NO),
        ([_contrast(-0.08, 0.08, people_p=0.2)], NOT_SHOWN),  # after Holm not clear
        ([_contrast(-0.08, 0.08, model_p=0.2)], IN_PART),  # no sign of the model's is clear
        ([_contrast(0.08, 0.10)], YES),
        ([_contrast(0.08, 0.10), _contrast(0.0, 0.03, people_p=0.9)], YES),
        ([_contrast(0.30, 0.20)], YES),  # within half of people's own effect
        ([_contrast(0.30, 0.10)], IN_PART),
        ([_contrast(0.30, 0.50)], IN_PART),
        ([_contrast(0.08, 0.10, half=0.20)], IN_PART),  # the size may be right or not
        ([_contrast(0.08, 0.10), _contrast(0.30, 0.10)], IN_PART),
        ([_contrast(0.08, 0.10), _contrast(0.08, -0.10)], NO),
        ([_contrast(0.02, 0.30, people_p=0.6)], NOT_SHOWN),
        ([_contrast(0.08, 0.0, model_p=0.0)], IN_PART),  # fixed texts: a model without any effect
        ([_contrast(0.08, -0.0006, model_p=0.0)], IN_PART),  # and one that is next to nothing
        ([_contrast(0.08, -0.006, model_p=0.0)], NO),
        ([with_(_contrast(0.08, 0.1), people=None, model=None, **_NONE)], CANNOT_SAY),
        ([with_(_contrast(0.08, 0.1), **_NONE)], CANNOT_SAY),
        ([_contrast(0.08, 0.1), with_(_contrast(0.08, 0.1), **_NONE)], NOT_SHOWN),
        ([_contrast(-0.08, 0.1), with_(_contrast(0.08, 0.1), **_NONE)], NO),
    ],
)
def test_effects(contrasts: list[Contrasted], answer: str) -> None:
    made = effects(contrasts)
    assert made is not None and made.answer == answer
    assert "stakes = high against low" in made.why


def test_a_model_that_does_not_move_is_said_so_first() -> None:
    fixed, sized = _contrast(0.08, 0.0, model_p=0.0), _contrast(0.30, 0.80)
    alone, hardly, both = (
        effects(given)
        for given in ([fixed], [_contrast(0.08, -0.004, model_p=0.0)], [sized, fixed])
    )
    assert alone is not None and hardly is not None and both is not None
    assert alone.why.startswith(
        "the model does not move with 1 contrast that moves people; no effect clearly has the "
        "wrong sign, but the size is wrong: stakes = high against low moves people's mean by +.08 "
        "but does not move the model's (+.00)"
    )
    assert hardly.why.startswith("the model hardly moves with 1 contrast")
    assert "but hardly moves the model's (-.004)" in hardly.why
    # It comes first, although the other effect is further off.
    assert both.why.index("by +.08") < both.why.index("by +.30")
    # Nothing of the kind where the model's effect may be any, nor where people's is not clear.
    for other in (_contrast(0.08, 0.0, half=0.2), _contrast(0.30, 0.10)):
        made = effects([other])
        assert made is not None and made.answer == IN_PART
        assert "does not move" not in made.why and "hardly moves" not in made.why


def test_effects_of_values_and_of_fixed_texts() -> None:
    """Margins are shares of the scale; what holds of fixed texts alone says so."""
    wide = _contrast(0.2, 0.4)
    answers = [effects([with_(wide, scale=scale)]) for scale in (1.0, 6.0)]
    assert [one and one.answer for one in answers] == [IN_PART, YES]
    fixed = effects([_contrast(-0.08, 0.08, texts=True)])
    assert fixed is not None and fixed.answer == NO and "for these texts" in fixed.why
    assert effects([]) is None


_ALL = ("ranking", "levels", "effects", "distribution")


def _answers(**given: str | None) -> dict[str, Answer | None]:
    return {name: None if given.get(name) is None else Answer(given[name], "") for name in _ALL}  # type: ignore[arg-type]


def test_answers_of_too_little_mass_say_so_before_what_was_measured() -> None:
    no, unable = Answer(NO, "r is negative"), Answer(CANNOT_SAY, "3 people only")
    for mass in (0.79, 0.0):
        said = cautious(no, Read(mass))
        assert said == Answer(NO, "too little mass for a conclusion; measured: r is negative")
    said = cautious(no, Read(None))
    assert said == Answer(NO, "no conclusion without the mass; measured: r is negative")
    assert cautious(no, Read(0.80)) == no and cautious(no, Read(0.5), Margins(mass=0.4)) == no
    assert cautious(unable, Read(0.1)) == unable and cautious(None, Read(0.1)) is None


def test_replace_takes_the_rows_of_its_table_in_order() -> None:
    """Held against the rule written out a second time, for every combination of answers."""
    every = (YES, IN_PART, NO, NOT_SHOWN, CANNOT_SAY, None)
    for ranking, level, effect, distance in itertools.product(every[:-1], every, every, every):
        given = _answers(ranking=ranking, levels=level, effects=effect, distribution=distance)
        told = [one.answer for one in given.values() if one is not None]
        if NO in told:
            expected = NO
        elif CANNOT_SAY in told:
            expected = CANNOT_SAY
        elif all(one == YES for one in told) and effect is not None:
            expected = YES
        elif all(one == NOT_SHOWN for one in told):
            expected = NOT_SHOWN
        else:
            expected = IN_PART
        assert replace(given, Read(0.95)).answer == expected, given
        assert replace(given, Read(0.01)).answer == CANNOT_SAY
        assert replace(given, Read(None)).answer == CANNOT_SAY


def test_replace_says_what_is_at_fault_and_what_could_be_contrasted() -> None:
    good = _answers(ranking=YES, levels=YES)
    low = replace(good, Read(0.0001, "'\\n' (.83)"))
    assert low.why.startswith(
        "the options have only .0001 of the probability, too little for a conclusion (at least .80 "
        "is needed); the likeliest other answer is '\\n' (.83); "
    )
    assert replace(good, Read(0.80)).answer == IN_PART  # the filter is met
    near = replace(good, Read(0.7999), margins=Margins(mass=0.8))
    assert near.why.startswith("the options have only .7999 of")
    without = replace(good, Read(0.9), ["stakes", "frame"])
    assert without.answer == IN_PART
    assert without.why.endswith("add a [[contrast]] by stakes, frame to the study file")
    assert "no config key" in replace(good, Read(0.9)).why
    assert replace(_answers(ranking=YES, levels=NO), Read(0.9)).why == "because of levels"
