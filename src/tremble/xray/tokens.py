"""One prompt as one model reads it, for people: its tokens, what each is, and what it scores."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import polars as pl

from tremble.engines.base import Engine, Score, scored_options
from tremble.errors import UserError
from tremble.models.spec import model_name
from tremble.prompts.parts import own_prompt
from tremble.study.cells import Cell
from tremble.study.file import Pair
from tremble.study.inapplicable import blamed, is_misfit
from tremble.study.render import Prompt
from tremble.tokenization.options import Ids, Tokenizer, TokenPaths, boundary_warning, with_bos

Found = dict[str, Any]
DIFFERENCE = 1e-4  # nat: a stored score farther away than this is not the same number
_ADDS_UP = 1e-3  # nat: rounding between passes of different lengths stays far below


class TokenReader:
    """Reads ids of one tokenizer back as pieces of text."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        texts = list(tokenizer.special_texts)
        encoded = tokenizer.encode(texts)
        self._special = {i[0]: t for t, i in zip(texts, encoded, strict=True) if len(i) == 1}

    @cached_property
    def _vocabulary(self) -> Sequence[str]:
        return self.tokenizer.pieces()

    def piece(self, token: int, before: int | None) -> str:
        """The text a token adds behind the token `before`; where it is only a part of a character,
        or prints nothing, its name in the vocabulary."""
        if token in self._special:
            return self._special[token]
        decode = self.tokenizer.decode
        # Some tokenizers print a word's space only behind another token.
        if before is None:
            text = decode([token])
        else:
            head, both = decode([before]), decode([before, token])
            text = both[len(head) :] if both.startswith(head) else decode([token])
        return text if text and "\ufffd" not in text else str(self._vocabulary[token])

    def tokens(self, ids: Sequence[int], before: int | None = None) -> list[Found]:
        """Each of some ids as `id`, `piece`, `mark` ("bos", "special" or None) and `join` (False).

        The id that the tokenizer itself puts first is a BOS wherever it stands, so that a second
        one is seen; where it puts none, the model's BOS is one at the beginning alone.
        """
        found = []
        for place, token in enumerate(ids):
            mark = "special" if self._special.get(token, "").strip() else None
            at_start = place == 0 and before is None
            if token in self.tokenizer.bos or (
                at_start
                and not self.tokenizer.bos
                and self._special.get(token) == self.tokenizer.special.get("bos_token", "")
            ):
                mark = "bos"
            found.append(
                {"id": token, "piece": self.piece(token, before), "mark": mark, "join": False}
            )
            before = token
        return found

    def straddled(self, text: str, paths: TokenPaths) -> list[Found]:
        """The last tokens of a context on its own that are others once an option follows."""
        ids = with_bos(self.tokenizer.encode([text])[0], self.tokenizer.bos)
        start = len(paths.prefix)
        return self.tokens(ids[start:], paths.prefix[-1])

    def path(self, paths: TokenPaths, number: int, tail: str) -> list[Found]:
        """The tokens of one option; `join` is set at those that hold text of the context, which
        ends with `tail` behind the prefix."""
        found = self.tokens(paths.paths[number], paths.prefix[-1])
        left = len(tail)
        for token in found:
            token["join"] = left > 0
            left -= len(token["piece"])
        return found


def presented(
    rendered: Mapping[Cell, Sequence[Prompt]], asked: int | str | None
) -> tuple[dict[Cell, list[Prompt]], list[str]]:
    """The prompts of one decision in the presentation asked for, "all" or the first (None), and
    sentences on what is left out.

    Raises UserError where there is no such presentation, and where the wording fits none.
    """
    every = [prompt for prompts in rendered.values() for prompt in prompts]
    numbers = list(dict.fromkeys(prompt.presentation for prompt in every))
    first = numbers[:1] if asked is None else [asked]
    wanted = [number for number in numbers if asked == "all" or number in first]
    if every and not wanted:
        raise UserError(
            f"The decision {every[0].decision.id!r} has no presentation {asked}; it has: "
            f"{', '.join(map(str, numbers))}."
        )
    unfit = {
        prompt.presentation: prompt.paths.error
        for prompt in every
        if prompt.presentation in wanted
        and prompt.paths.error is not None
        and is_misfit(prompt.paths.error)
    }
    if wanted and len(unfit) == len(wanted):
        kind, why = blamed(unfit[wanted[0]])
        whose = "wording" if kind == "wording" else "control of the wording"
        raise UserError(
            f"The {whose} {next(iter(rendered)).formulation!r} does not fit the decision "
            f"{every[0].decision.id!r}: {why}; name another with --formulation."
        )
    notes = [
        f"The {kind} does not fit {count} of the presentations: {why}."
        for (kind, why), count in Counter(map(blamed, unfit.values())).items()
    ]
    if asked is None and numbers[1:]:
        notes.append(
            f"Presentation {numbers[0]} of {len(numbers)}; the others are "
            f"{', '.join(map(str, numbers[1:]))}: --presentation takes one of them, or all."
        )
    fitting = set(wanted) - unfit.keys()
    return {
        cell: [prompt for prompt in prompts if prompt.presentation in fitting]
        for cell, prompts in rendered.items()
    }, notes


def score(
    engine: Engine, paths: TokenPaths, labels: Sequence[float | None] | None = None
) -> tuple[Score, list[list[float]] | None]:
    """One prompt's row, and each option's log-probabilities token by token, that of its closing
    last where one is scored. `labels` are the options' log-probabilities where those are known.

    The second is None where the prompt has no score, and where the parts do not add up to it (a
    made-up model without probabilities of tokens).
    """
    [row] = engine.score([paths])
    if row.error is None and labels is not None:
        row = replace(row, logprobs=tuple(labels))
    if row.error is not None or None in row.logprobs:
        return row, None
    totals = [value for value in row.logprobs if value is not None]
    if all(len(path) == 1 for path in paths.paths) and not any(paths.terminated):
        return row, [[value] for value in totals]
    steps = _steps(paths)
    asked = [
        TokenPaths(paths.prefix + node, tuple((t,) for t in after), (False,) * len(after))
        for node, after in steps.items()
    ]
    nodes = list(steps)
    known: dict[Ids, Mapping[int, float | None]] = {
        nodes[found.index]: dict(zip(steps[nodes[found.index]], found.logprobs, strict=False))
        for found in engine.score(asked)
    }
    parts = []
    for path, terminated, total in zip(paths.paths, paths.terminated, totals, strict=True):
        values = [known[path[:end]].get(path[end]) for end in range(len(path))]
        if terminated:
            values.append(_log_sum([known[path].get(token) for token in paths.terminator]))
        numbers = [value for value in values if value is not None]
        agrees = math.isclose(math.fsum(numbers), total, rel_tol=0.0, abs_tol=_ADDS_UP)
        if len(numbers) < len(values) or not agrees:
            return row, None
        parts.append(numbers)
    return row, parts


def _steps(paths: TokenPaths) -> dict[Ids, list[int]]:
    """Which next tokens are asked for at each place behind the prefix."""
    found: dict[Ids, dict[int, None]] = {}
    for path, terminated in zip(paths.paths, paths.terminated, strict=True):
        for end in range(len(path)):
            found.setdefault(path[:end], {})[path[end]] = None
        if terminated:
            found.setdefault(path, {}).update(dict.fromkeys(paths.terminator))
    return {node: list(after) for node, after in found.items()}


def _log_sum(values: Sequence[float | None]) -> float | None:
    shares = [math.exp(value) for value in values if value is not None]
    total = math.fsum(shares)
    return math.log(total) if total > 0 and len(shares) == len(values) else None


def read(
    cell: Cell, prompt: Prompt, pairs: Sequence[Pair], engine: Engine, reader: TokenReader
) -> Found:
    """One model's prompt in one presentation and format, its tokens and its scores.

    - model, roles ("base", "aligned"), format, formulation, template (its source), presentation;
    - system, user, opening: the parts; text: what they are in this format;
    - tokens: up to the answer start, see `TokenReader.tokens`;
    - join, and straddled: the context's own last tokens that are others before an option;
    - options: key, label, logprob, probability, prediction, and tokens, each with its own logprob
      (None where unknown) and `join` where it holds text of the context; closed, closing_logprob;
    - spelled: where a study counts spellings, `mass` with them and each option's `texts`, the
      likeliest five with their probability; else None;
    - mass, first_mass, top: the likeliest tokens at the answer start, `option` where one begins
      with it; other: the likeliest that begins none;
    - row_key, closing (ids), reading, warning, error.
    """
    said = prompt.said
    assert said is not None, "a prompt that does not fit is not read"
    paths, text = prompt.paths.labels_alone(), prompt.text
    # Read off what a study scores, all spellings together: a made-up model splits its mass over
    # whatever it is asked for, so labels that it scores alone are other numbers.
    surface_forms = prompt.paths.surface_forms
    whole = None if surface_forms is None else next(iter(engine.score([prompt.paths])))
    known = None
    if surface_forms is not None and whole is not None and whole.error is None:
        known = [found[0] for found in surface_forms.by_option(whole.logprobs)]
    row, parts = score(engine, paths, known)
    found = scored_options(said.options, row, engine.tokenizer)
    straddled = reader.straddled(text, paths)
    tail = "".join(token["piece"] for token in straddled)
    for place, option in enumerate(found["options"]):
        tokens = reader.path(paths, place, tail)
        numbers = [] if parts is None else [_finite(value) for value in parts[place]]
        for at, token in enumerate(tokens):
            token["logprob"] = numbers[at] if numbers else None
        terminated = paths.terminated[place]
        option |= {
            "tokens": tokens,
            "closed": terminated,
            "closing_logprob": numbers[-1] if terminated and numbers else None,
        }
    firsts = {path[0] for path in paths.paths}
    top = [
        {
            **entry,
            "id": token,
            "token": reader.piece(token, paths.prefix[-1]),
            "option": token in firsts,
        }
        for entry, (token, _) in zip(found["top"], row.top, strict=True)
    ]
    return {
        "model": model_name(cell.model),
        "roles": [
            role
            for role in ("base", "aligned")
            if any(getattr(pair, role) == cell.model.id for pair in pairs)
        ],
        "format": cell.format,
        "formulation": cell.formulation,
        "template": None if cell.template is None else cell.template.source,
        "presentation": prompt.presentation,
        "system": said.system,
        "user": said.user,
        "opening": said.opening,
        "text": text,
        "tokens": reader.tokens(paths.prefix),
        "join": paths.token_boundary,
        "straddled": straddled,
        **found,
        "top": top,
        "other": _other(row.other_token, row.other_logprob, reader, paths.prefix[-1]),
        "spelled": _surface_forms(prompt.paths, whole),
        "row_key": prompt.paths.key(),
        "reading": paths.reading,
        "closing": list(paths.terminator),
        "warning": None
        if own_prompt(prompt.decision) is None
        else boundary_warning(text, said.options[0].label),
        "error": row.error,
    }


def _surface_forms(paths: TokenPaths, row: Score | None) -> Found | None:
    if paths.surface_forms is None or row is None or row.error is not None or None in row.logprobs:
        return None
    shares = [math.exp(value) for value in row.logprobs if value is not None]
    options = []
    for texts, found in zip(
        paths.surface_forms.texts, paths.surface_forms.by_option(shares), strict=True
    ):
        most = sorted(zip(texts, found, strict=True), key=lambda pair: -(pair[1] or 0.0))[:5]
        options.append([{"text": text, "probability": share} for text, share in most])
    return {"mass": math.fsum(shares), "texts": options}


def _other(
    token: int | None, logprob: float | None, reader: TokenReader, before: int
) -> Found | None:
    if token is None or logprob is None:
        return None
    return {"token": reader.piece(token, before), "id": token, "probability": math.exp(logprob)}


def stored(held: pl.DataFrame | None, prompt: Prompt, reading: Found) -> Found | None:
    """What the study holds of this row: whether of the same prompt, and if so its logprobs, how far
    the two scores lie apart at most (nat; None where one lacks), whether that is a difference, and
    why it was not scored."""
    if held is None:
        return None
    rows = held.filter(
        pl.col("decision").cast(pl.String) == prompt.decision.id,
        pl.col("presentation") == prompt.presentation,
    )
    if not rows.height:
        return None
    row = rows.row(0, named=True)
    now = [option["logprob"] for option in reading["options"]]
    found: Found = {"same_prompt": row["row_key"] == reading["row_key"], "logprobs": None}
    if not found["same_prompt"]:
        return {**found, "max_abs_diff": None, "differs": None, "error": None}
    # Where spellings were counted, the labels alone stand apart.
    alone = row["exact_logprobs"] or row["logprobs"] or [None] * len(now)
    before = [_finite(value) for value in alone]
    both = list(zip(before, now, strict=True))
    apart = max((abs(a - b) for a, b in both if a is not None and b is not None), default=None)
    lacking = any((a is None) != (b is None) for a, b in both)
    return {
        **found,
        "logprobs": before,
        "max_abs_diff": apart,
        "differs": lacking or (apart is not None and apart > DIFFERENCE),
        "error": row["error"],
    }


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
