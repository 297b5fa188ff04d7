"""What every contestant gets: the distinct prompts of a data entry, as text and as token ids.

A prompt is exchanged as a dictionary: `context` (the text before the answer, without a BOS that
the tokenizer adds itself) and `labels`; `prefix`, `paths`, `closed`, `closing`, `join` as in
`TokenPaths`; `sequences`, the ids after the prefix of each sequence that a model without tricks
computes. A job holds `model` (a folder), `spec` (the model as the user named it) and `prompts`.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from tremble.decisions.record import in_blocks
from tremble.errors import UserError
from tremble.models.files import Notify
from tremble.models.open import Opened, is_made_up, open_tokenizer
from tremble.models.spec import ModelSpec, RunOptions
from tremble.prompts.asked import Asked
from tremble.prompts.chat import template_of
from tremble.prompts.formulations import standard
from tremble.study.data import load_data
from tremble.study.file import STANDARD, Study
from tremble.study.render import Prompt, prompts_of
from tremble.text import did_you_mean
from tremble.tokenization.options import maximal

Ids = Sequence[int]
FORMATS = ("plain", "chat")


@dataclass(frozen=True, slots=True)
class Task:
    """Distinct prompts in the order of the data; `counts` says for how many each stands.

    A decision that is shown in two orders counts as two. `left_out` prompts were too long for
    the model, or cannot be scored. `seconds` is the time of rendering and tokenising.
    """

    prompts: list[dict[str, Any]]
    counts: list[int]
    left_out: int
    seconds: float

    @property
    def decisions(self) -> int:
        return sum(self.counts)


def prepare(
    spec: ModelSpec, data: str, family: str | None, format_: str, most: int | None, notify: Notify
) -> Task:
    """The first `most` prompts of a data entry (of one family) as a study would ask them.

    Raises UserError for a model, data, a family or a format that cannot be had.
    """
    if is_made_up(spec.id):
        raise UserError(f"The model {spec.id!r} computes nothing to time; give another --model.")
    if format_ not in FORMATS:
        raise UserError(f"There is no format {format_!r}{did_you_mean(format_, list(FORMATS))}")
    if spec.template is not None and format_ != "chat":
        raise UserError("--template is for the chat format; add --format chat.")
    options = RunOptions()
    opened = open_tokenizer(spec, options, notify)
    template = template_of(spec.template, opened.tokenizer, spec.id) if format_ == "chat" else None
    study = Study("bench", (data,), (), (spec,), run=options)
    how = study.how_read(Asked(STANDARD))
    started = time.perf_counter()
    records: dict[str, tuple[dict[str, Any], int]] = {}
    taken = left_out = 0
    families: set[str] = set()
    for block in in_blocks(load_data(data, study.folder)):
        for prompt in prompts_of(block, standard, template, opened.tokenizer, how):
            families.add(prompt.decision.family)
            if family not in (None, prompt.decision.family) or taken == most:
                continue
            taken += 1
            paths = prompt.paths
            too_long = opened.window is not None and paths.length > opened.window
            if paths.error is not None or too_long:
                left_out += 1
                continue
            key = paths.key()
            record, count = records.get(key) or (_record(prompt, opened), 0)
            records[key] = (record, count + 1)
        if taken == most:
            break
    if family is not None and family not in families:
        raise UserError(
            f"The data {data!r} contain no decisions of the family "
            f"{family!r}{did_you_mean(family, sorted(families))}"
        )
    if not records:
        raise UserError(f"The data {data!r} contain no prompt that can be scored; give other data.")
    seconds = time.perf_counter() - started
    made, counts = zip(*records.values(), strict=True)
    return Task(list(made), list(counts), left_out, seconds)


def _record(prompt: Prompt, opened: Opened) -> dict[str, Any]:
    text, paths = prompt.text, prompt.paths
    bos = opened.tokenizer.special.get("bos_token")
    if opened.tokenizer.bos and bos:
        text = text.removeprefix(bos)
    return {
        "context": text,
        "labels": [option.label for option in prompt.decision.options],
        "prefix": list(paths.prefix),
        "paths": [list(path) for path in paths.paths],
        "closed": list(paths.terminated),
        "closing": list(paths.terminator),
        "join": paths.token_boundary,
        "sequences": [list(node) for node in maximal(paths.nodes())],
    }


def rows_of(prompt: dict[str, Any]) -> int:
    """The decision rows of a prompt: places whose next-token distribution is needed."""
    return len(_nodes(prompt))


def tokens_of(prompt: dict[str, Any]) -> int:
    """Tokens that one prompt takes on its own: its prefix, and each place after it once."""
    return len(prompt["prefix"]) + len(_nodes(prompt)) - 1


def _nodes(prompt: dict[str, Any]) -> set[tuple[int, ...]]:
    return {tuple(s[:end]) for s in prompt["sequences"] for end in range(len(s) + 1)}


def distinct_tokens(prompts: Sequence[dict[str, Any]]) -> int:
    """Nodes of the prefix tree over the token sequences of all prompts, counted without the
    planner, so that what it plans can be held against them."""
    sequences = sorted([*p["prefix"], *s] for p in prompts for s in p["sequences"])
    before: Ids = ()
    total = 0
    for sequence in sequences:
        shared = 0
        for mine, other in zip(sequence, before, strict=False):
            if mine != other:
                break
            shared += 1
        total += len(sequence) - shared
        before = sequence
    return total


def sample(prompts: Sequence[dict[str, Any]], most: int, seed: int) -> list[int]:
    """Places of at most `most` prompts (0: all), one drawn from each stretch of equal lengths.

    The prompts are sorted by length and cut into `most` stretches of equal size (give or take
    one), so that the mean length, and with it the rate, is that of all prompts.
    """
    if most == 0 or most >= len(prompts):
        return list(range(len(prompts)))
    draw = random.Random(seed)
    order = sorted(range(len(prompts)), key=lambda i: (tokens_of(prompts[i]), draw.random()))
    edges = [round(part * len(order) / most) for part in range(most + 1)]
    return sorted(order[draw.randrange(low, high)] for low, high in pairwise(edges))


def factors(task: Task) -> dict[str, Any]:
    """How much work identical prompts and shared prefixes save, as counts and as factors."""
    tokens = sum(map(tokens_of, task.prompts))
    distinct = distinct_tokens(task.prompts)
    return {
        "decisions": task.decisions,
        "distinct_prompts": len(task.prompts),
        "identical_prompts": task.decisions / len(task.prompts),
        "tokens_of_all": sum(
            tokens_of(p) * n for p, n in zip(task.prompts, task.counts, strict=True)
        ),
        "tokens_of_distinct_prompts": tokens,
        "distinct_tokens": distinct,
        "shared_prefixes": tokens / distinct,
    }
