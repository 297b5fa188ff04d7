"""From decisions to the prompts of each cell of a study: rendered, tokenised, block by block."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import polars as pl

from tremble.decisions import Decision, Option
from tremble.engines import ModelSpec
from tremble.engines.load import Opened
from tremble.errors import UserError
from tremble.games import family, known
from tremble.prompt_cache import table_key
from tremble.prompt_table import Draft, TableBuilder
from tremble.prompts import (
    ControlDoesNotFit,
    Conversation,
    DoesNotFit,
    OtherGames,
    control_of,
    controlled,
    presentations,
    spoken,
)
from tremble.prompts.chat import FROZEN_DATE, Template, template_of
from tremble.spelled_paths import spelled_paths
from tremble.study_data import decisions_of, games_of
from tremble.study_file import Study
from tremble.tokens import (
    READINGS,
    Ids,
    NoClosing,
    Reading,
    Tokenizer,
    TokenizerFacts,
    TokenPaths,
    option_paths,
    unread,
)

BLOCK = 512  # decisions rendered and tokenised at a time
NOT_CLOSED = "a label must be closed, and the answer opens without a quote"
STANDARD = "standard"  # the wording in which every decision must be readable
# How the reason of a prompt that is left out begins.
MISFIT = "the wording does not fit: "
CONTROL_MISFIT = "the control does not fit: "  # in a wording that fits


@dataclass(frozen=True)
class Cell:
    """One thing to score: a model in a format, over one data set in one formulation, which may be
    under a control ("standard+no_history").

    `partner` names the model whose template is used, where it is not the model's own. `families`
    are those whose decisions are asked for, None for all.
    """

    model: ModelSpec
    format: str
    template: Template | None
    partner: str | None
    dataset: str
    formulation: str
    families: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """A model's tokenizer and window, for as long as the tokenizer itself is not in memory."""

    key: str
    bos: Ids
    special: Mapping[str, str]
    special_texts: Sequence[str]
    template: str | None
    window: int | None

    @classmethod
    def of(cls, opened: Opened) -> Facts:
        found = opened.tokenizer
        return cls(
            found.key,
            found.bos,
            dict(found.special),
            list(found.special_texts),
            found.template,
            opened.window,
        )


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


def model_name(spec: ModelSpec) -> str:
    """The name under which a model stands in every table."""
    name = spec.id if spec.revision is None else f"{spec.id}@{spec.revision}"
    return name if spec.adapter is None else f"{name}+{Path(spec.adapter).name}"


def cells(study: Study, tokenizers: Mapping[ModelSpec, TokenizerFacts]) -> list[Cell]:
    """Every (model, format) that the pairs and single models need, over all data and wordings.

    What needs a model that is not among `tokenizers` is left out; its twin is read as ever.
    """
    by_id = {spec.id: spec for spec in study.models}

    def template(owner: str) -> Template:
        spec = by_id[owner]
        return template_of(spec.template, tokenizers[spec], owner)

    wanted: dict[tuple[str, str, Template | None, str | None], None] = {}

    def want(id_: str, owner: str | None = None, partner: str | None = None) -> None:
        """A model in plain text, or in chat with the template of `owner`."""
        if by_id[id_] not in tokenizers or (owner and by_id[owner] not in tokenizers):
            return
        if owner is None:
            wanted[id_, "plain", None, None] = None
        else:
            wanted[id_, "chat", template(owner), partner] = None

    paired = {id_ for pair in study.pairs for id_ in (pair.base, pair.aligned)}
    for mode in study.formats:
        for pair in study.pairs:
            if mode == "chat":
                want(pair.base, pair.aligned, model_name(by_id[pair.aligned]))
            else:
                want(pair.base)
            want(pair.aligned, None if mode == "plain" else pair.aligned)
        for spec in study.models:
            if spec.id in paired or spec not in tokenizers:
                continue
            own = spec.template or tokenizers[spec].template
            plain = mode == "plain" or (mode == "native" and own is None)
            want(spec.id, None if plain else spec.id)
    return [
        Cell(by_id[id_], format_, found, partner, entry, wording)
        for id_, format_, found, partner in wanted
        for entry in study.data
        for wording in wordings(study)
    ]


def wordings(study: Study) -> list[str]:
    """Every formulation alone, then each under every control and in every other reading."""
    besides = (*study.controls, *study.also_read)
    under = [controlled(word, name) for word in study.formulations for name in besides]
    return [*study.formulations, *under]


def reading_of(study: Study, wording: str) -> Reading:
    """The reading that a cell's options are scored in, by the name of its wording."""
    beside = control_of(wording)[1]
    return next((reading for reading in READINGS if reading == beside), study.reading)


def prompts_key(study: Study, cell: Cell, tokenizer: TokenizerFacts, data: str | None) -> str:
    """The key of a cell's prompts: equal for all models that read the data alike."""
    template = cell.template
    return table_key(
        {
            "data": [cell.dataset, data],
            "families": None if cell.families is None else sorted(cell.families),
            "sample": study.sample,
            "formulation": cell.formulation,
            "counterbalance": sorted(study.counterbalance),
            "template": None if template is None else [template.text, dict(template.special)],
            "date": FROZEN_DATE.isoformat(),
            "tokenizer": tokenizer.key,
            "bos": tokenizer.bos,
            "special": dict(tokenizer.special),
            "special_texts": list(tokenizer.special_texts),
            "reading": reading_of(study, cell.formulation),
            "closing": study.closing,
            "spellings": study.spellings,
        }
    )


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


def in_blocks(decisions: Iterable[Decision]) -> Iterator[list[Decision]]:
    """Decisions as many at a time as are rendered and tokenised together."""
    waiting = iter(decisions)
    while block := list(islice(waiting, BLOCK)):
        yield block


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
            except DoesNotFit as reason:
                control = isinstance(reason, ControlDoesNotFit)
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
    found = family(decision.family).spellings
    return tuple(
        replace(o, spellings=(*o.spellings, *found[o.label])) if o.label in found else o
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
        words = [(draft.text, [(o.label, o.spellings) for o in draft.options]) for draft in some]
        return spelled_paths(tokenizer, words, reading, study.closing)

    fitting = [draft for draft in drafts if draft.misfit is None]
    try:
        found = paths(fitting)
    except UserError:
        found = []
        for draft in fitting:
            try:
                found += paths([draft])
            except UserError as error:
                if not (forgiving and isinstance(error, NoClosing)):
                    raise UserError(f"Decision {draft.decision.id!r}: {error}") from error
                found.append(unread(MISFIT + NOT_CLOSED, reading))
    waiting = iter(found)
    return [
        next(waiting) if draft.misfit is None else unread(draft.misfit, reading) for draft in drafts
    ]
