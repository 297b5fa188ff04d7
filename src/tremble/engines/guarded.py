"""Engines of packages: what they give is checked before it is stored, and what they break down with
is a sentence that names the package."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, TypeVar, get_args

import numpy as np
import numpy.typing as npt

from tremble.engines.base import Engine, Limits, ResponseScore, Score, option_mass
from tremble.errors import TrembleError, UserError
from tremble.extensions.entries import Entry
from tremble.extensions.extensions import BROKEN, failure, unfit
from tremble.tokenization.options import Tokenizer, TokenPaths
from tremble.tokenization.refusal import NOT_A_NUMBER, ErrorKind

T = TypeVar("T")
_ABOVE = 1e-6  # what sums of probabilities may exceed 1 by, and log-probabilities 0
_WHOLE = 1e-3  # what the probabilities of all tokens may add up to beside 1
_KINDS = get_args(ErrorKind)
_CALLED = ("score", "efforts", "identity", "limits", "report")


class GuardedEngine:
    """An engine of a package as tremble uses it. All methods raise UserError, with the package in
    it, where the package's own break down or give something else than the protocol says."""

    def __init__(self, engine: Engine, entry: Entry) -> None:
        """Raises UserError where that is no engine."""
        self._engine, self._entry = engine, entry
        lacking = [name for name in _CALLED if not callable(getattr(engine, name, None))]
        lacking += [] if hasattr(engine, "tokenizer") else ["tokenizer"]
        if lacking:
            raise unfit(
                entry,
                f"cannot be used: open_engine returns {type(engine).__name__} without "
                f"{', '.join(lacking)}, not an Engine.",
            )

    @property
    def tokenizer(self) -> Tokenizer:
        return self._engine.tokenizer

    def score(self, prompts: Sequence[TokenPaths]) -> Iterator[Score]:
        """The package's scores, each prompt once. Those with NaN are refused, as tremble's own
        engines refuse them."""
        count = len(prompts)
        left = bytearray(b"\1") * count
        scores = self._asked(lambda: iter(self._engine.score(prompts)))
        end = object()
        while (score := self._asked(lambda: next(scores, end))) is not end:
            if not isinstance(score, Score):
                raise self._unfit(f"yields {type(score).__name__} in score, not Score.")
            index = score.index
            if type(index) is not int or not 0 <= index < count:
                raise self._unfit(f"scores the prompt {index!r}, but there are {count:,}, from 0.")
            if not left[index]:
                raise self._unfit(f"scores the prompt {index} twice.")
            left[index] = 0
            yield self._sound(score, prompts[index])
        if any(left):
            missing = left.index(1)
            raise self._unfit(
                f"gives no score for {sum(left):,} of {count:,} prompts, the first of which is the "
                f"prompt {missing}."
            )

    def efforts(self, prompts: Sequence[TokenPaths]) -> Sequence[float]:
        made: list[float] = self._asked(
            lambda: [float(one) for one in self._engine.efforts(prompts)]
        )
        if len(made) != len(prompts):
            raise self._unfit(f"gives {len(made):,} efforts for {len(prompts):,} prompts.")
        if not all(math.isfinite(one) and one >= 0 for one in made):
            raise self._unfit("gives an effort that is no number from 0.")
        return made

    def identity(self) -> dict[str, Any]:
        return self._of_type("identity", dict)

    def limits(self) -> Limits:
        return self._of_type("limits", Limits)

    def report(self) -> dict[str, Any]:
        made = self._of_type("report", dict)
        if not isinstance(made.get("path"), str):
            raise self._unfit("gives a report without path, a text.")
        if not _is_number(made.get("checking_seconds", 0.0)):
            raise self._unfit("gives a report whose checking_seconds are no number.")
        return made

    def _sound(self, score: Score, paths: TokenPaths) -> Score:
        """The score, with floats, or the refusal of one that is not a number. Raises UserError
        where it can be no score of that prompt."""
        what = f"gives the prompt {score.index}"
        if score.error is not None or score.error_kind is not None:
            if not isinstance(score.error, str) or score.error_kind not in _KINDS:
                raise self._unfit(
                    f"{what} the error_kind {score.error_kind!r} and the error {score.error!r}; a "
                    f"score without numbers has a text as error and one of these kinds: "
                    f"{', '.join(_KINDS)}."
                )
            return score
        if paths.refusal is not None:
            raise self._unfit(
                f"{what} a score, though its refusal says that it has none; use Score.refused."
            )
        given = score.logprobs
        if not isinstance(given, Sequence) or len(given) != len(paths.paths):
            number = len(given) if isinstance(given, Sequence) else type(given).__name__
            raise self._unfit(
                f"{what} {number} log-probabilities, but its options have {len(paths.paths)} paths."
            )
        numbers = (*given, *(n for n in (score.first_mass, score.other_logprob) if n is not None))
        if not all(map(_is_number, numbers)):
            raise self._unfit(f"{what} something other than numbers: {list(given)!r}.")
        if score.other_token is not None and type(score.other_token) is not int:
            raise self._unfit(f"{what} the other_token {score.other_token!r}, not a token's id.")
        logprobs = tuple(float(value) for value in given if value is not None)
        if any(math.isnan(value) for value in numbers if value is not None):
            return Score.refused(score.index, NOT_A_NUMBER)
        if (largest := max(logprobs)) > _ABOVE:
            raise self._unfit(
                f"{what} the log-probability {largest:g}; natural logarithms of probabilities are "
                "at most 0."
            )
        if not all(map(math.isfinite, logprobs)):
            raise self._unfit(
                f"{what} the log-probability {min(logprobs)}; give a finite number, however small "
                "the probability is."
            )
        mass = option_mass(logprobs)
        if mass is not None and mass > 1 + _ABOVE:
            raise self._unfit(
                f"{what} log-probabilities whose probabilities add up to {mass:g}, more than 1."
            )
        response = self._response(score, paths)
        if response is not None and math.isnan(response.logprob + response.closing):
            return Score.refused(score.index, NOT_A_NUMBER)
        whole = self._distribution(score, paths)
        return replace(score, logprobs=logprobs, response=response, distribution=whole)

    def _distribution(self, score: Score, paths: TokenPaths) -> npt.NDArray[np.float32] | None:
        """The distribution at the answer start, where that is asked for and given: an engine may
        have none. Raises UserError where it is no distribution."""
        given = score.distribution
        if given is None or not paths.whole:
            return None
        try:
            logs = np.asarray(given, dtype=np.float32)
            total = float(np.exp(logs, dtype=np.float64).sum()) if logs.ndim == 1 else math.nan
        except (TypeError, ValueError):
            total = math.nan
        if not abs(total - 1) <= _WHOLE:
            raise self._unfit(
                f"gives the prompt {score.index} a distribution that is not the natural "
                "log-probabilities of all tokens, which add up to 1 as probabilities."
            )
        return logs

    def _response(self, score: Score, paths: TokenPaths) -> ResponseScore | None:
        """How likely a response is, with floats, where that is asked for; those may be NaN. Raises
        UserError where it can be none of that prompt."""
        if paths.response is None:
            return None
        given, tokens = score.response, len(paths.paths[paths.response])
        what = f"gives the prompt {score.index}"
        if not isinstance(given, ResponseScore):
            raise self._unfit(
                f"{what} a score without response, though the prompt asks how likely what a "
                "participant said is; give Score.response wherever TokenPaths.response is set."
            )
        if not (_is_number(given.logprob) and _is_number(given.closing)):
            raise self._unfit(f"{what} a response with something other than numbers: {given!r}.")
        if given.tokens != tokens or not isinstance(given.likeliest, bool):
            raise self._unfit(
                f"{what} the response {given!r}; tokens must be {tokens}, those of its path, and "
                "likeliest True or False."
            )
        logprob, closing = float(given.logprob), float(given.closing)
        if max(logprob, closing) > _ABOVE or logprob == -math.inf:
            raise self._unfit(
                f"{what} a response of the log-probability {logprob:g}, closed with {closing:g}; "
                "natural logarithms of probabilities are at most 0, and that of a response finite."
            )
        return replace(given, logprob=logprob, closing=closing)

    def _of_type(self, method: str, kind: type[T]) -> T:
        made = self._asked(getattr(self._engine, method))
        if not isinstance(made, kind):
            raise self._unfit(f"gives {type(made).__name__} in {method}, not {kind.__name__}.")
        return made

    def _asked(self, ask: Callable[[], Any]) -> Any:
        try:
            return ask()
        except TrembleError:
            raise
        except BROKEN as error:
            raise failure(self._entry, error) from error

    def _unfit(self, what: str) -> UserError:
        return unfit(self._entry, what)


def _is_number(value: object) -> bool:
    """Whether that is a number, also one of numpy."""
    return not isinstance(value, bool | str) and hasattr(value, "__float__")
