"""From decisions to the prompts of each cell of a study: rendered, tokenised, block by block."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache

import polars as pl

from tremble.decisions.record import Decision, Option
from tremble.decisions.sessions import of_session
from tremble.errors import UserError
from tremble.games.base import family, known
from tremble.prompts.asked import ARMS
from tremble.prompts.chat import Template
from tremble.prompts.conversation import (
    ControlNotApplicable,
    Conversation,
    Formulation,
    NotApplicable,
)
from tremble.prompts.formulations import spoken
from tremble.prompts.parts import begun
from tremble.prompts.presentations import presentations
from tremble.study.cells import Cell
from tremble.study.columns import in_parts
from tremble.study.data import GamesOnDemand, PeopleOnDemand, decisions_of
from tremble.study.draft import Draft
from tremble.study.file import NO_PERSONA, STANDARD, HowRead, Study
from tremble.study.session_rows import Interviews, SessionReader, in_groups
from tremble.study.table_builder import TableBuilder
from tremble.tokenization.control_texts import ControlTexts
from tremble.tokenization.options import (
    FULL_LABEL,
    NoTerminator,
    Tokenizer,
    TokenizerFacts,
    TokenPaths,
    option_paths,
    unread,
)
from tremble.tokenization.refusal import Refusal
from tremble.tokenization.surface_form_paths import surface_form_paths

NOT_TERMINATED = "a label must be closed, but the answer begins without a quote"
NO_OPTIONS = Refusal(
    "wording_not_applicable",
    "a response without options is only read as it stands in its transcript, token by token",
)
Advance = Callable[[int], None]  # is told of so many prompts more


@dataclass(frozen=True, slots=True)
class Prompt:
    """One decision as one model reads it, in one presentation; there is no `conversation` where the
    wording or control is not applicable."""

    decision: Decision
    presentation: int
    keys: tuple[str, ...]
    conversation: Conversation | None
    text: str
    paths: TokenPaths


def render(
    study: Study,
    cell: Cell,
    tokenizer: Tokenizer,
    advance: Advance = lambda _: None,
    window: int | None = None,
) -> Iterator[pl.DataFrame]:
    """Every prompt of a cell, rendered and tokenised, as the parts of a table, at least one;
    `advance` is told of so many more, block by block. `window`: the model's.

    A decision to which the wording is not applicable has rows with the reason and without tokens.
    Raises UserError for the first decision that cannot be read or tokenised.
    """
    words, how = wording_of(study, cell), study.how_read(cell.asked)
    control_texts = ControlTexts(tokenizer).found
    builder = TableBuilder(
        lambda drafts: _tokenised(drafts, tokenizer, how), control_texts, study.has_task
    )
    decisions = (
        decision
        for decision in decisions_of(cell.dataset, study.folder, study.part)
        if cell.families is None or decision.family in cell.families
    )

    cut = window if study.too_long == "cut" else None
    # Most studies have no sessions, and need nothing of what reads them.
    reader = cache(lambda: session_reader(study, cell, tokenizer, cut))

    def blocks() -> Iterator[pl.DataFrame]:
        yield builder.rows(())  # so that there are columns where there are no rows
        for block in in_groups(decisions):
            sessions = reader() if of_session(block[0]) else None
            if sessions is not None:
                rows = sessions.rows(block, builder)
            else:
                drafts = _drafts(block, words, cell.template, tokenizer, study.counterbalance)
                rows = builder.rows(drafts)
            yield rows
            advance(rows.height)

    return in_parts(blocks())


def session_reader(
    study: Study, cell: Cell, tokenizer: Tokenizer, window: int | None = None
) -> SessionReader | None:
    """What reads the sessions of a cell, where it reads them as they are, whole responses, alone or
    behind an interview; `window`: what they are cut to."""
    asked = cell.asked
    as_they_are = asked.wording == STANDARD and asked.control in (None, *ARMS.values())
    if not as_they_are or study.how_read(asked).reading != FULL_LABEL:
        return None
    people = PeopleOnDemand(cell.dataset, study.folder, study.questions)
    interviews = Interviews(asked.arm or NO_PERSONA, study.personas, people)
    return SessionReader(tokenizer, cell.template, interviews, study.special_tokens, window)


def wording_of(study: Study, cell: Cell) -> Formulation:
    """The words of a cell; a control that takes something from other games, and an interview with
    somebody else's facts, have those of its data."""
    people = PeopleOnDemand(cell.dataset, study.folder, study.questions)
    return spoken(cell.asked, GamesOnDemand(cell.dataset, study.folder), study.own, people)


def read_alone(study: Study, cell: Cell, decision: Decision, tokenizer: Tokenizer) -> list[Prompt]:
    """Every presentation of one decision in a cell, as `render` makes them."""
    reader = session_reader(study, cell, tokenizer) if of_session(decision) else None
    if reader is not None:
        with suppress(ControlNotApplicable):  # said below
            text, paths = reader.prompt(decision)
            keys = tuple(option.key for option in decision.options)
            return [Prompt(decision, 0, keys, begun(text, decision.options), text, paths)]
    words, how = wording_of(study, cell), study.how_read(cell.asked)
    return prompts_of([decision], words, cell.template, tokenizer, how, study.counterbalance)


def prompts_of(
    decisions: Iterable[Decision],
    words: Formulation,
    template: Template | None,
    tokenizer: Tokenizer,
    how: HowRead,
    counterbalance: Collection[str] = (),
) -> list[Prompt]:
    """Every presentation of some decisions, rendered and tokenised for one model.

    Raises UserError naming the decision whose options cannot be told apart.
    """
    drafts = _drafts(decisions, words, template, tokenizer, counterbalance)
    return [
        Prompt(
            draft.decision,
            draft.presentation,
            tuple(option.key for option in draft.options),
            draft.conversation,
            draft.text,
            path,
        )
        for draft, path in zip(drafts, _tokenised(drafts, tokenizer, how), strict=True)
    ]


def _drafts(
    decisions: Iterable[Decision],
    words: Formulation,
    template: Template | None,
    tokenizer: TokenizerFacts,
    counterbalance: Collection[str],
) -> list[Draft]:
    """Every presentation of some decisions as a text."""
    own_bos = tokenizer.special.get("bos_token")
    drafts = []
    for decision in decisions:
        for number in presentations(decision, counterbalance):
            try:
                conversation = words(decision, number)
            except NotApplicable as reason:
                drafts.append(Draft(decision, number, decision.options, "", _refusal(reason)))
                continue
            if not decision.options:
                drafts.append(Draft(decision, number, (), "", NO_OPTIONS))
                continue
            if template is None:
                text = opening = conversation.plain()
            else:
                text, opening = template.rendered_for(conversation, own_bos), conversation.opening
            options = _declared(decision, conversation.options)
            drafts.append(
                Draft(decision, number, options, text, opening=opening, conversation=conversation)
            )
    return drafts


def _refusal(reason: NotApplicable) -> Refusal:
    control = isinstance(reason, ControlNotApplicable)
    return Refusal("control_not_applicable" if control else "wording_not_applicable", str(reason))


def _declared(decision: Decision, options: tuple[Option, ...]) -> tuple[Option, ...]:
    """The options with the surface forms that their family knows for these labels."""
    if decision.prompt is not None or not known(decision.family):
        return options
    forms = family(decision.family).surface_forms
    return tuple(
        replace(o, surface_forms=(*o.surface_forms, *forms[o.label])) if o.label in forms else o
        for o in options
    )


def _tokenised(drafts: Sequence[Draft], tokenizer: Tokenizer, how: HowRead) -> list[TokenPaths]:
    """The token paths of drafts, in their order."""
    readable = [draft for draft in drafts if draft.refusal is None]
    try:
        paths = _paths(readable, tokenizer, how)
    except UserError:
        paths = [_path_of_one(draft, tokenizer, how) for draft in readable]
    waiting = iter(paths)
    return [
        next(waiting) if draft.refusal is None else unread(draft.refusal, how.reading)
        for draft in drafts
    ]


def _path_of_one(draft: Draft, tokenizer: Tokenizer, how: HowRead) -> TokenPaths:
    """The token paths of a draft, or why it has none. Raises UserError naming the decision."""
    try:
        return _paths([draft], tokenizer, how)[0]
    except UserError as error:
        if isinstance(error, NoTerminator) and not how.must_end:
            return unread(Refusal("wording_not_applicable", NOT_TERMINATED), how.reading)
        raise UserError(f"Decision {draft.decision.id!r}: {error}") from error


def _paths(drafts: Sequence[Draft], tokenizer: Tokenizer, how: HowRead) -> list[TokenPaths]:
    openings = [draft.opening for draft in drafts]
    if how.surface_forms == "exact":
        labels = [(draft.text, draft.labels) for draft in drafts]
        return option_paths(tokenizer, labels, how.reading, how.terminator, openings)
    words = [(draft.text, [(o.label, o.surface_forms) for o in draft.options]) for draft in drafts]
    return surface_form_paths(tokenizer, words, how.reading, how.terminator, openings)
