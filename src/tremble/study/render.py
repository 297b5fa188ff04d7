"""From decisions to the prompts of each cell of a study: rendered, tokenised, block by block."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import polars as pl

from tremble.decisions.record import Decision, Option, in_blocks
from tremble.errors import UserError
from tremble.games.base import family, known
from tremble.models.open import Opened
from tremble.prompts.chat import Template
from tremble.prompts.conversation import ControlNotApplicable, Conversation, NotApplicable
from tremble.prompts.formulations import control_of, spoken
from tremble.prompts.other_games import OtherGames
from tremble.prompts.presentations import presentations
from tremble.study.cells import CONTROL_MISFIT, MISFIT, STANDARD, Cell, reading_of
from tremble.study.data import decisions_of, games_of
from tremble.study.file import Study
from tremble.study.prompt_table import Draft, TableBuilder
from tremble.tokenization.options import (
    NoTerminator,
    Tokenizer,
    TokenizerFacts,
    TokenPaths,
    option_paths,
    unread,
)
from tremble.tokenization.surface_form_paths import surface_form_paths

NOT_TERMINATED = "a label must be closed, and the answer opens without a quote"


@dataclass(frozen=True, slots=True)
class Prompt:
    """One decision as one model reads it, in one presentation; `said` is None where the wording
    does not fit."""

    decision: Decision
    presentation: int
    keys: tuple[str, ...]
    said: Conversation | None
    text: str
    paths: TokenPaths


def render(
    study: Study,
    cell: Cell,
    tokenizer: Tokenizer,
    told: Callable[[int], None] = lambda prompts: None,
) -> pl.DataFrame:
    """Every prompt of a cell, rendered and tokenised, as a table; `told` hears of so many more,
    block by block.

    A decision that the wording does not fit has rows with the reason and without tokens. Raises
    UserError for the first decision that cannot be read or tokenised.
    """
    others = other_games(study, cell)
    builder = TableBuilder(lambda drafts: _tokenised(drafts, tokenizer, study, cell.formulation))
    decisions = (
        decision
        for decision in decisions_of(study, cell.dataset)
        if cell.families is None or decision.family in cell.families
    )
    for block in in_blocks(decisions):
        drafts = _drafts(block, cell.formulation, cell.template, tokenizer, study, others)
        builder.add(drafts)
        told(len(drafts))
    return builder.table()


def other_games(study: Study, cell: Cell) -> OtherGames | None:
    """Games of a cell's data, where its control puts their history in place of one's own."""
    if control_of(cell.formulation)[1] != "other_history":
        return None
    return games_of(study, cell.dataset)


def prompts_of(
    decisions: Sequence[Decision],
    wording: str,
    template: Template | None,
    opened: Opened,
    study: Study,
    others: OtherGames | None = None,
) -> list[Prompt]:
    """Every presentation of some decisions, rendered and tokenised for one model.

    Raises UserError naming the decision whose options cannot be told apart.
    """
    drafts = _drafts(decisions, wording, template, opened.tokenizer, study, others)
    paths = _tokenised(drafts, opened.tokenizer, study, wording)
    return [
        Prompt(
            draft.decision,
            draft.presentation,
            tuple(option.key for option in draft.options),
            draft.said,
            draft.text,
            path,
        )
        for draft, path in zip(drafts, paths, strict=True)
    ]


def _drafts(
    decisions: Iterable[Decision],
    wording: str,
    template: Template | None,
    tokenizer: TokenizerFacts,
    study: Study,
    others: OtherGames | None = None,
) -> list[Draft]:
    """Every presentation of some decisions as a text."""
    words = spoken(wording, others)
    own_bos = tokenizer.special.get("bos_token")
    drafts = []
    for decision in decisions:
        for number in presentations(decision, study.counterbalance):
            try:
                said = words(decision, number)
            except NotApplicable as reason:
                control = isinstance(reason, ControlNotApplicable)
                misfit = f"{CONTROL_MISFIT if control else MISFIT}{reason}"
                drafts.append(Draft(decision, number, decision.options, "", misfit))
                continue
            if template is None:
                text = said.plain()
            else:
                text = template.render(said)
                # A BOS that is the partner's and not this model's is left out.
                printed = template.special.get("bos_token")
                if printed and printed != own_bos:
                    text = text.removeprefix(printed)
            options = _declared(decision, said.options)
            drafts.append(Draft(decision, number, options, text, said=said))
    return drafts


def _declared(decision: Decision, options: tuple[Option, ...]) -> tuple[Option, ...]:
    """The options with the spellings that their family knows for these labels."""
    if decision.prompt is not None or not known(decision.family):
        return options
    found = family(decision.family).surface_forms
    return tuple(
        replace(o, surface_forms=(*o.surface_forms, *found[o.label])) if o.label in found else o
        for o in options
    )


def _tokenised(
    drafts: Sequence[Draft], tokenizer: Tokenizer, study: Study, wording: str
) -> list[TokenPaths]:
    """The token paths of drafts. Labels that nothing closes are an error in the standard wording,
    in others the reason why this one prompt cannot be scored."""
    reading, forgiving = reading_of(study, wording), wording != STANDARD

    def paths(some: Sequence[Draft]) -> list[TokenPaths]:
        if study.spellings == "exact":
            asked = [(draft.text, draft.labels) for draft in some]
            return option_paths(tokenizer, asked, reading, study.closing)
        words = [
            (draft.text, [(o.label, o.surface_forms) for o in draft.options]) for draft in some
        ]
        return surface_form_paths(tokenizer, words, reading, study.closing)

    fitting = [draft for draft in drafts if draft.misfit is None]
    try:
        found = paths(fitting)
    except UserError:
        found = []
        for draft in fitting:
            try:
                found += paths([draft])
            except UserError as error:
                if not (forgiving and isinstance(error, NoTerminator)):
                    raise UserError(f"Decision {draft.decision.id!r}: {error}") from error
                found.append(unread(MISFIT + NOT_TERMINATED, reading))
    waiting = iter(found)
    return [
        next(waiting) if draft.misfit is None else unread(draft.misfit, reading) for draft in drafts
    ]
