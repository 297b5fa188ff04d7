"""One prompt as one model reads it, for people: its text, its tokens and its scores."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import polars as pl

from tremble.engines.base import Engine, Score, scored_options
from tremble.models.spec import model_name
from tremble.prompts.conversation import Conversation
from tremble.prompts.parts import own_prompt
from tremble.study.cells import Cell
from tremble.study.file import Pair
from tremble.study.render import Prompt
from tremble.tokenization.options import TokenPaths, boundary_warning
from tremble.xray.tokens import DIFFERENCE, TokenReader, score

Found = dict[str, Any]


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
    - response: what the person said in a session: text, logprob (natural, of all its tokens),
      tokens as of options, closing_logprob, likeliest (whether its first token is); else None.
      Without known options `options` is empty, and mass, first_mass and other are None;
    - mass, first_mass, top: the likeliest tokens at the answer start, `option` where one begins
      with it; other: the likeliest that begins none;
    - row_key, closing (ids), reading, warning, error.
    """
    assert prompt.conversation is not None, "what is not applicable is not read"
    return {
        **_of_cell(cell, pairs),
        **_of_text(prompt, prompt.conversation),
        **_of_tokens(prompt, prompt.conversation, engine, reader),
        "row_key": prompt.paths.key(),
        "reading": prompt.paths.reading,
        "closing": list(prompt.paths.labels_alone().terminator),
    }


def _of_cell(cell: Cell, pairs: Sequence[Pair]) -> Found:
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
    }


def _of_text(prompt: Prompt, conversation: Conversation) -> Found:
    said = prompt.decision.response or ""
    label = conversation.options[0].label if conversation.options else said
    own = own_prompt(prompt.decision) is not None
    return {
        "presentation": prompt.presentation,
        "system": conversation.system,
        "user": conversation.user,
        "opening": conversation.opening,
        "text": prompt.text,
        "warning": boundary_warning(prompt.text, label) if own else None,
    }


def _of_tokens(
    prompt: Prompt, conversation: Conversation, engine: Engine, reader: TokenReader
) -> Found:
    paths = prompt.paths.labels_alone()
    # Read off what a study scores, all surface forms together: a made-up model splits its mass over
    # whatever it is asked for, so labels that it scores alone are other numbers.
    surface_forms = prompt.paths.surface_forms
    whole = None if surface_forms is None else next(iter(engine.score([prompt.paths])))
    known = None
    if surface_forms is not None and whole is not None and whole.error is None:
        known = [logprobs[0] for logprobs in surface_forms.by_option(whole.logprobs)]
    scored, parts = score(engine, paths, known)
    words = scored_options(conversation.options, scored, engine.tokenizer)
    straddled = reader.straddled(prompt.text, paths)
    tail = "".join(token["piece"] for token in straddled)
    for place, option in enumerate(words["options"]):
        option |= _of_option(reader.path(paths, place, tail), paths.terminated[place], parts, place)
    response = _response(prompt, paths, scored, parts, reader)
    options = conversation.options
    if not options:  # the only path is the response, whose probability is no mass of options
        words |= {"mass": None, "first_mass": None}
    before, firsts = paths.prefix[-1], {path[0] for path in paths.paths if options}
    top = [
        {**entry, "id": token, "token": reader.piece(token, before), "option": token in firsts}
        for entry, (token, _) in zip(words["top"], scored.top, strict=True)
    ]
    return {
        "tokens": reader.tokens(paths.prefix),
        "join": paths.token_boundary,
        "straddled": straddled,
        **words,
        "top": top,
        "response": response,
        "other": _other(scored, reader, before) if options else None,
        "spelled": _surface_forms(prompt.paths, whole),
        "error": scored.error,
    }


def _of_option(
    tokens: list[Found], terminated: bool, parts: list[list[float]] | None, place: int
) -> Found:
    """An option's tokens, each with its log-probability, and that of what ends it."""
    numbers = [] if parts is None else [_finite(value) for value in parts[place]]
    for at, token in enumerate(tokens):
        token["logprob"] = numbers[at] if numbers else None
    return {
        "tokens": tokens,
        "closed": terminated,
        "closing_logprob": numbers[-1] if terminated and numbers else None,
    }


def _response(
    prompt: Prompt,
    paths: TokenPaths,
    scored: Score,
    parts: list[list[float]] | None,
    reader: TokenReader,
) -> Found | None:
    """What the person said, where how likely that is is asked for."""
    place = paths.response
    if place is None or prompt.decision.response is None:
        return None
    tail = "".join(token["piece"] for token in reader.straddled(prompt.text, paths))
    tokens = _of_option(reader.path(paths, place, tail), False, parts, place)["tokens"]
    how = scored.response
    return {
        "text": prompt.decision.response,
        "tokens": tokens,
        "logprob": None if how is None else _finite(how.logprob),
        "closing_logprob": None if how is None else _finite(how.closing),
        "likeliest": None if how is None else how.likeliest,
    }


def _surface_forms(paths: TokenPaths, score: Score | None) -> Found | None:
    if (
        paths.surface_forms is None
        or score is None
        or score.error is not None
        or None in score.logprobs
    ):
        return None
    shares = [math.exp(value) for value in score.logprobs if value is not None]
    options = []
    for texts, of_texts in zip(
        paths.surface_forms.texts, paths.surface_forms.by_option(shares), strict=True
    ):
        most = sorted(zip(texts, of_texts, strict=True), key=lambda pair: -(pair[1] or 0.0))[:5]
        options.append([{"text": text, "probability": share} for text, share in most])
    return {"mass": math.fsum(shares), "texts": options}


def _other(score: Score, reader: TokenReader, before: int) -> Found | None:
    """The likeliest token that begins no option."""
    token, logprob = score.other_token, score.other_logprob
    if token is None or logprob is None:
        return None
    return {"token": reader.piece(token, before), "id": token, "probability": math.exp(logprob)}


def stored(held: pl.DataFrame | None, prompt: Prompt, reading: Found) -> Found | None:
    """What the study holds of this row: whether of the same prompt, and if so its logprobs (of the
    options, and of the response of a session), how far
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
    said = reading["response"]
    comparison: Found = {
        "same_prompt": row["row_key"] == reading["row_key"],
        "logprobs": None,
        "response_logprob": None,
    }
    if not comparison["same_prompt"]:
        return {**comparison, "max_abs_diff": None, "differs": None, "error": None}
    # Where spellings were counted, the labels alone stand apart.
    alone = row["exact_logprobs"] or row["logprobs"] or [None] * len(now)
    before = [_finite(value) for value in alone]
    of_response = None if said is None else _finite(row.get("response_logprob"))
    both = list(zip(before, now, strict=True))
    if said is not None:
        both.append((of_response, said["logprob"]))
    apart = max((abs(a - b) for a, b in both if a is not None and b is not None), default=None)
    lacking = any((a is None) != (b is None) for a, b in both)
    return {
        **comparison,
        "logprobs": before,
        "response_logprob": of_response,
        "max_abs_diff": apart,
        "differs": lacking or (apart is not None and apart > DIFFERENCE),
        "error": row["error"],
    }


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
