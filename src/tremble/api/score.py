"""Scoring single prompts, without a study: what `tremble score` calls."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from tremble.decisions import jsonl
from tremble.decisions.record import Decision
from tremble.engines.base import Score, scored_options
from tremble.engines.open import open_engine
from tremble.errors import UserError
from tremble.models.files import Notify
from tremble.models.spec import ModelSpec, RunOptions
from tremble.prompts.chat import Template, template_of
from tremble.prompts.conversation import Conversation
from tremble.prompts.formulations import standard
from tremble.study.control_notes import Read, control_notes
from tremble.text import one_line
from tremble.tokenization.control_texts import ControlTexts
from tremble.tokenization.options import (
    FULL_LABEL,
    READINGS,
    Tokenizer,
    TokenPaths,
    boundary_warning,
    option_paths,
)


@dataclass(frozen=True, slots=True)
class Asked:
    """Which model, in which format and reading."""

    model: str
    chat: bool = False
    template: str | None = None
    reading: str = FULL_LABEL
    where: str = "stdin"


def prompt_line(record: Mapping[str, Any]) -> BinaryIO:
    """One prompt for `score_prompts`, from the keys of its record (docs/data.md). Raises UserError
    for what JSON cannot hold."""
    try:
        return io.BytesIO(json.dumps(record).encode())
    except (TypeError, ValueError) as error:
        raise UserError(
            f"The prompt cannot be written as JSON ({one_line(error)}); use only texts and lists."
        ) from error


def score_prompts(lines: BinaryIO, asked: Asked, notify: Notify) -> Iterator[dict[str, Any]]:
    """One result per JSON line, in order: option probabilities, mass, likeliest tokens.

    Raises UserError for a faulty line, an unknown model, and what cannot be tokenised, before
    anything is scored.
    """
    if asked.reading not in READINGS:
        raise UserError(f"There is no reading {asked.reading!r}; use joint or next_token.")
    if asked.template is not None and not asked.chat:
        raise UserError("--template is for the chat format; add --chat.")
    decisions = list(jsonl.read_prompts(lines, asked.where))
    if not decisions:
        raise UserError("Nothing to score on stdin; give one JSON record per line.")
    for decision in decisions:
        if decision.prompt is None:
            raise UserError(
                f"{asked.where}, line {decision.line}: give a prompt (games can only be scored in "
                "a study)."
            )
    # One prompt shares nothing: no path to choose and to check.
    options = RunOptions(engine="reference") if len(decisions) == 1 else RunOptions()
    engine = open_engine(ModelSpec(asked.model, template=asked.template), options, notify)
    template = template_of(asked.template, engine.tokenizer, asked.model) if asked.chat else None
    talks = [standard(decision) for decision in decisions]
    texts = [talk.plain() if template is None else template.render(talk) for talk in talks]
    # The plain text as it is may open the answer; what a template prints does not.
    openings = texts if template is None else [talk.opening for talk in talks]
    for note in _notes(talks, template, engine.tokenizer, asked.model):
        notify(note)
    prompts = [
        (text, [option.label for option in decision.options])
        for text, decision in zip(texts, decisions, strict=True)
    ]
    paths = option_paths(engine.tokenizer, prompts, asked.reading, openings=openings)
    window = engine.limits().window
    for decision, path in zip(decisions, paths, strict=True):
        if window is not None and path.length > window:
            raise UserError(
                f"The prompt {decision.id!r} has {path.length} tokens, but {asked.model} takes "
                f"{window}; shorten it."
            )
    waiting: dict[int, Score] = {}
    shown = 0
    for scored in engine.score(paths):
        waiting[scored.index] = scored
        while shown in waiting:
            score = waiting.pop(shown)
            yield _result(
                decisions[shown], texts[shown], paths[shown], score, engine.tokenizer, asked
            )
            shown += 1


def _notes(
    talks: Sequence[Conversation], template: Template | None, tokenizer: Tokenizer, model: str
) -> Iterator[str]:
    """What a reader must know beside the numbers."""
    if template is not None:
        yield from template.remarks()
    finder = ControlTexts(tokenizer)
    texts = [found for talk in talks if (found := finder.found(talk.words))]
    yield from control_notes([Read(model, "", [{"texts": one, "decisions": 1} for one in texts])])


def _result(
    decision: Decision,
    text: str,
    paths: TokenPaths,
    score: Score,
    tokenizer: Tokenizer,
    asked: Asked,
) -> dict[str, Any]:
    return {
        "id": decision.id,
        "model": asked.model,
        "format": "chat" if asked.chat else "plain",
        **scored_options(decision.options, score, tokenizer),
        "prompt_tokens": len(paths.prefix),
        "join": paths.token_boundary,
        "warning": boundary_warning(text, decision.options[0].label),
        "error": score.error,
    }
