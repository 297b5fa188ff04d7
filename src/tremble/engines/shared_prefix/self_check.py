"""What speaks for or against a path before anything is scored with it."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch.nn import Conv1d

from tremble.engines.base import Engine, Score
from tremble.engines.positions import tempered_from
from tremble.engines.shared_prefix.stream import CHECKED_TOKENS, Plan
from tremble.tokenization.options import TokenPaths
from tremble.tokenization.trunk import Stretch

_ATTENTION = {"full_attention", "sliding_attention", "chunked_attention"}
_RECURRENT = re.compile(r"Mamba|SSM|Recurrent|Rglru|DeltaNet|LinearAttention|Lightning|ShortConv")
_STATE_PARAMETERS = {"A_log", "dt_bias"}
CHECKED = 8  # prompts that a check scores twice


@dataclass(frozen=True, slots=True)
class SelfCheck:
    """The shared path held against the reference: largest difference in nat over some prompts, and
    what is tolerated. `why` says what speaks against the path, None where nothing does; `model` is
    the name of the one that was checked, for itself and for others that differ in an adapter."""

    prompts: int
    max_difference: float | None
    tolerance: float
    why: str | None
    model: str | None = None

    def sentence(self) -> str:
        if self.why is not None:
            return f"Self-check: prompts are scored one by one, because {self.why}."
        return (
            f"Self-check: shared prefixes agree with single prompts to {self.max_difference:.1g} "
            f"nat on {self.prompts} prompts."
        )


@dataclass(frozen=True, slots=True)
class Precision:
    """How far a lower precision moves the log-odds of options, held against float32: the largest
    and the mean change over some prompts, in nat. `why`: why it was not measured, else None."""

    prompts: int
    max_log_odds: float | None = None
    mean_log_odds: float | None = None
    why: str | None = None

    def sentence(self, dtype: str) -> str:
        if self.why is not None:
            return f"The error of {dtype} was not measured: {self.why}."
        return (
            f"{dtype} moves the log-odds of options by up to {self.max_log_odds:.2g} nat, "
            f"{self.mean_log_odds:.2g} on average, on {self.prompts} prompts."
        )


def checked_prompts(plan: Plan, prompts: Sequence[TokenPaths], window: int = 0) -> list[TokenPaths]:
    """Those of `prompts`, of which `plan` is, that a path is checked on, and a branch; `window` as
    in `widest_window`. On trunks one is as long as the check reaches (`Plan.checked_tokens`), if
    need be a beginning of the longest."""
    # The reference takes a pass for every surface form; those of the labels show as much.
    sample = [
        replace(prompts[index].labels_alone(), whole=False)
        for index in plan.sample(CHECKED, window)
    ]
    reach = plan.checked_tokens(window)
    if plan.on_trunks and max((paths.length for paths in sample), default=0) < reach:
        longest = prompts[plan.longest_prompt].labels_alone()
        sample.append(_beginning(longest, reach - (longest.length - len(longest.prefix))))
    return [*sample, _branched(max(sample, key=_worth_a_branch))]


def _beginning(paths: TokenPaths, tokens: int) -> TokenPaths:
    """The same options behind so many tokens of the same prompt, at least one."""
    prefix, stop = paths.prefix, max(tokens, 1)
    if isinstance(prefix, Stretch) and stop <= prefix.stop:
        return replace(paths, prefix=Stretch(prefix.trunk, stop))
    return replace(paths, prefix=tuple(prefix[:stop]))


def _worth_a_branch(paths: TokenPaths) -> tuple[bool, int]:
    affordable = not isinstance(paths.prefix, Stretch) or paths.length <= CHECKED_TOKENS
    return affordable, paths.length


def _branched(paths: TokenPaths) -> TokenPaths:
    """The same prompt with one token in its middle exchanged: a branch that every check has. On a
    trunk it is the beginning of the prompt, no longer than a check can afford."""
    prefix = paths.prefix
    ids = prefix[:CHECKED_TOKENS] if isinstance(prefix, Stretch) else prefix
    middle = len(ids) // 2
    others = (*ids, *(token for path in paths.paths for token in path))
    other = next((token for token in others if token != ids[middle]), 0)
    behind = (other, *ids[middle + 1 :])
    if isinstance(prefix, Stretch) and middle <= prefix.stop:
        return replace(paths, prefix=Stretch(prefix.trunk, middle, behind))
    return replace(paths, prefix=(*ids[:middle], *behind))


def scored_alone(engine: Engine, sample: Sequence[TokenPaths]) -> list[Score]:
    """The scores of some prompts in their order, by an engine that is to know of no trunk: their
    ids are written out, and those on trunks are scored each in a call of its own."""
    on_trunks = [at for at, paths in enumerate(sample) if isinstance(paths.prefix, Stretch)]
    others = [at for at, paths in enumerate(sample) if not isinstance(paths.prefix, Stretch)]
    scores: dict[int, Score] = {}
    for places in (others, *([at] for at in on_trunks)):
        asked = [replace(sample[at], prefix=tuple(sample[at].prefix)) for at in places]
        for score in engine.score(asked) if asked else ():
            scores[places[score.index]] = replace(score, index=places[score.index])
    return [scores[at] for at in range(len(sample))]


def compare(scores: Sequence[Score], expected: Sequence[Score], tolerance: float) -> SelfCheck:
    """Scores of one path against those of another, prompt by prompt."""
    worst = max(_difference(a, b) for a, b in zip(scores, expected, strict=True))
    why = None
    if not worst <= tolerance:
        why = f"log-probabilities differ by {worst:.2g} nat (at most {tolerance:g} is allowed)"
    return SelfCheck(len(scores), worst if math.isfinite(worst) else None, tolerance, why)


def precision(scores: Sequence[Score], exact: Sequence[Score]) -> Precision:
    """The change in log-odds between any two options of a prompt: the range of the changes in
    their log-probabilities."""
    changes = []
    if scores and all(len(one.logprobs) < 2 for one in (*scores, *exact) if one.error is None):
        return Precision(len(scores), why="no prompt that was checked has two options")
    for one, other in zip(scores, exact, strict=True):
        if one.error is None and other.error is None and len(one.logprobs) > 1:
            moved = [a - b for a, b in zip(one.logprobs, other.logprobs, strict=True)]  # type: ignore[operator]
            changes.append(max(moved) - min(moved))
    if not changes or not all(map(math.isfinite, changes)):
        return Precision(len(scores), why="a prompt has no finite score in both precisions")
    return Precision(len(changes), max(changes), math.fsum(changes) / len(changes))


def _difference(one: Score, other: Score) -> float:
    """The largest difference of two scores' log-probabilities, infinite where only one has them."""
    if one.error is not None or other.error is not None:
        return 0.0 if one.error == other.error else math.inf
    if (one.response is None) != (other.response is None):
        return math.inf
    differences = [
        0.0 if a == b else abs(a - b)
        for a, b in zip(_compared(one), _compared(other), strict=True)
        if a is not None and b is not None
    ]
    return math.inf if any(map(math.isnan, differences)) else max(differences)


def _compared(score: Score) -> tuple[float | None, ...]:
    """Its log-probabilities: of options, of the response, and of what closes that.

    That of a response is a sum over its tokens, each of which is rounded: such a sum varies with
    the root of their number, so it is brought to the scale of one token.
    """
    said = score.response
    if said is None:
        return score.logprobs
    options = score.logprobs if len(score.logprobs) > 1 else ()  # alone, it is the response again
    return (*options, said.logprob / math.sqrt(max(1, said.tokens)), said.closing)


def cannot_share(model: Any, tokens: int) -> str | None:
    """What rules shared prefixes out, in passes of so many tokens, before they are tried.

    Recurrent parts are looked for by what they are made of: in a low precision, and in short
    passes, states that run on from one branch to the next can hide below the tolerance.
    """
    takes = inspect.signature(model.forward).parameters
    for name in ("position_ids", "logits_to_keep"):
        if name not in takes:
            return f"the model's forward pass does not take {name}"
    kinds = set(getattr(model.config.get_text_config(), "layer_types", None) or ())
    for kind in sorted(kinds - _ATTENTION):
        return f"it has layers of the kind {kind!r}, which do not use attention over tokens"
    for name, part in model.named_modules():
        if _RECURRENT.search(type(part).__name__) or isinstance(part, Conv1d):
            return f"its part {name!r} carries a state from token to token"
    for name, _ in model.named_parameters():
        if name.rpartition(".")[2] in _STATE_PARAMETERS:
            return f"its parameter {name!r} belongs to a state that runs from token to token"
    if tokens > tempered_from(model):
        return "its attention is scaled by the place of a token in the pass, not in its prompt"
    return None
