"""Engines of packages that give what no model can: one sentence, and nothing of it is stored."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.support.extensions import example, on_path
from tremble.engines.base import Limits, ResponseScore, Score
from tremble.engines.guarded import GuardedEngine
from tremble.engines.registry import open_with
from tremble.errors import UserError
from tremble.extensions.entries import Entry
from tremble.models.spec import RunOptions
from tremble.tokenization.refusal import Refusal

ENTRY = Entry("engine", "even", "faulty", "1.0", "module:x", "", None)
BEGIN = "The engine 'even' of the package faulty 1.0 "
HALF = math.log(0.5)


class Engine:
    """One that gives what a test says; two prompts of two options."""

    tokenizer = None

    def __init__(self, **gives: Any) -> None:
        self.gives = gives

    def _of(self, name: str, usual: Any) -> Any:
        found = self.gives.get(name, usual)
        return found() if callable(found) else found

    def score(self, prompts: Any) -> Iterator[Score]:
        for score in self._of("score", [good(1), good(0)]):
            yield score() if callable(score) else score

    def efforts(self, prompts: Any) -> Any:
        return self._of("efforts", [1, 2.0])

    def identity(self) -> Any:
        return self._of("identity", {"a": 1})

    def limits(self) -> Any:
        return self._of("limits", Limits(None, "float64", "cpu"))

    def report(self) -> Any:
        return self._of("report", {"path": "own"})


def good(index: int, *logprobs: Any) -> Score:
    return Score(index, logprobs or (HALF, HALF - 1))


def guarded(**gives: Any) -> GuardedEngine:
    return GuardedEngine(Engine(**gives), ENTRY)  # type: ignore[arg-type]


def prompts(refused: bool = False) -> Any:
    refusal = Refusal("too_long", "too long") if refused else None
    return [SimpleNamespace(paths=((1,), (2,)), refusal=refusal, response=None)] * 2


def said(logprob: Any = -1.0, closing: Any = -0.5, tokens: Any = 2, likeliest: Any = True) -> Score:
    """The score of `asked`."""
    return Score(0, (HALF,), response=ResponseScore(logprob, closing, tokens, likeliest))


def asked() -> Any:
    """One prompt of a response of two tokens."""
    return [SimpleNamespace(paths=((1, 2),), refusal=None, response=0)]


def crash() -> Any:
    raise KeyError("gpu")


def test_sound_scores_pass_in_their_order() -> None:
    assert list(guarded().score(prompts())) == [good(1), good(0)]
    assert [one.index for one in guarded(score=[good(0, 0.0, -800.0), good(1)]).score(prompts())]


@pytest.mark.parametrize(
    ("scores", "why"),
    [
        ([good(0), good(0)], "scores the prompt 0 twice"),
        ([good(1)], "gives no score for 1 of 2 prompts, the first of which is the prompt 0"),
        ([good(2)], "scores the prompt 2, but there are 2, from 0"),
        ([good(-1)], "scores the prompt -1"),
        ([good(True)], "scores the prompt True"),
        ([good(0, HALF)], "gives the prompt 0 1 log-probabilities, but its options have 2 paths"),
        ([good(0, 0.1, -3.0)], "the log-probability 0.1"),
        ([good(0, HALF, HALF + 0.2)], "add up to 1.11"),
        ([good(0, HALF, -math.inf)], "the log-probability -inf"),
        ([good(0, HALF, None)], "something other than numbers"),
        ([good(0, HALF, "-1")], "something other than numbers"),
        ([Score(0, None)], "NoneType log-probabilities"),  # type: ignore[arg-type]
        ([Score(0, error="x")], "the error_kind None"),
        ([Score(0, error="x", error_kind="odd")], "'odd'"),  # type: ignore[arg-type]
        ([None], "yields NoneType in score"),
        ([crash], "failed (KeyError: 'gpu', test_engines.py line"),
        (crash, "failed (KeyError: 'gpu', test_engines.py line"),
        (lambda: exit(4), "failed (SystemExit: 4"),
        (None, "failed (TypeError"),
    ],
)
def test_scores_that_cannot_be_are_a_sentence(scores: Any, why: str) -> None:
    with pytest.raises(UserError) as raised:
        list(guarded(score=scores).score(prompts()))
    assert str(raised.value).startswith(BEGIN) and why in str(raised.value)


@pytest.mark.parametrize(
    ("score", "why"),
    [
        (Score(0, (HALF,)), "a score without response"),
        (Score(0, (HALF,), response=(-1.0, -0.5, 2, True)), "a score without response"),  # type: ignore[arg-type]
        (said("-1"), "something other than numbers"),
        (said(tokens=1), "tokens must be 2"),
        (said(likeliest=1), "likeliest True or False"),
        (said(0.5), "the log-probability 0.5"),
        (said(closing=0.5), "closed with 0.5"),
        (said(-math.inf), "the log-probability -inf"),
    ],
)
def test_a_response_that_is_none_is_a_sentence(score: Score, why: str) -> None:
    with pytest.raises(UserError) as raised:
        list(guarded(score=[score]).score(asked()))
    text = str(raised.value)
    assert text.startswith(BEGIN + "gives the prompt 0 ") and why in text


def test_a_response_passes_with_floats_and_is_refused_without_a_number() -> None:
    whole = said(-1, -2)
    assert list(guarded(score=[whole]).score(asked())) == [whole]
    for score in (said(math.nan), said(closing=math.nan)):
        (found,) = guarded(score=[score]).score(asked())
        assert (found.error_kind, found.response) == ("not_a_number", None)
    unasked = [replace(good(at), response=whole.response) for at in (0, 1)]
    assert list(guarded(score=unasked).score(prompts())) == [good(0), good(1)]


def test_nan_is_what_it_is_of_other_engines_and_refusals_pass() -> None:
    (first, second) = guarded(score=[good(0, math.nan, HALF), good(1)]).score(prompts())
    assert (first.error_kind, first.logprobs, second) == ("not_a_number", (), good(1))
    refused = [Score.refused(at, Refusal("too_long", "too long")) for at in (0, 1)]
    assert list(guarded(score=refused).score(prompts(refused=True))) == refused
    with pytest.raises(UserError, match=r"use Score\.refused"):
        list(guarded().score(prompts(refused=True)))


@pytest.mark.parametrize(
    ("gives", "ask", "why"),
    [
        ({"efforts": [1.0]}, lambda e: e.efforts(prompts()), "gives 1 efforts for 2 prompts"),
        ({"efforts": [1, math.nan]}, lambda e: e.efforts(prompts()), "no number from 0"),
        ({"efforts": ["a", 1]}, lambda e: e.efforts(prompts()), "failed (ValueError"),
        ({"efforts": crash}, lambda e: e.efforts(prompts()), "failed (KeyError"),
        ({"identity": None}, lambda e: e.identity(), "gives NoneType in identity, not dict"),
        ({"limits": crash}, lambda e: e.limits(), "failed (KeyError"),
        ({"limits": {}}, lambda e: e.limits(), "gives dict in limits, not Limits"),
        ({"report": {}}, lambda e: e.report(), "a report without path"),
        ({"report": crash}, lambda e: e.report(), "failed (KeyError"),
    ],
)
def test_the_other_answers_are_checked(
    gives: dict[str, Any], ask: Callable[[Any], Any], why: str
) -> None:
    with pytest.raises(UserError) as raised:
        ask(guarded(**gives))
    assert str(raised.value).startswith(BEGIN) and why in str(raised.value)


@pytest.mark.parametrize("returned", ["None", "1 / 0"])
def test_opening_gives_an_engine_or_a_sentence(
    returned: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_path(monkeypatch, example(tmp_path / "site", ("return cls(model)", f"return {returned}")))
    model: Any = SimpleNamespace(identity={}, tokenizer=None)
    with pytest.raises(UserError, match="engine 'even' of the package tremble-dictator"):
        open_with("even", model, RunOptions(), lambda _: None)


def whole(given: Any) -> Score:
    """The score of `asked`, with a distribution over three tokens."""
    return replace(said(), distribution=given)


@pytest.mark.parametrize("given", [None, [HALF, HALF, -math.inf], np.log([0.2, 0.3, 0.5])])
def test_a_whole_distribution_may_be_given(given: Any) -> None:
    (prompt,) = asked()
    prompt.whole = True
    (score,) = guarded(score=[whole(given)]).score([prompt])
    if given is None:
        assert score.distribution is None
    else:
        assert score.distribution is not None and score.distribution.dtype == np.float32
        assert score.distribution == pytest.approx(given)


@pytest.mark.parametrize("given", [[0.2, 0.8], [[HALF, HALF]], ["a"], [math.nan, HALF], 1.0])
def test_what_is_no_distribution_is_a_sentence(given: Any) -> None:
    (prompt,) = asked()
    prompt.whole = True
    with pytest.raises(UserError, match="the prompt 0 a distribution that is not") as raised:
        list(guarded(score=[whole(given)]).score([prompt]))
    assert str(raised.value).startswith(BEGIN)
