"""From decisions to the prompts of each cell of a study: rendered, tokenised, block by block."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tremble.datasets import Notes, names, source
from tremble.decisions import Decision
from tremble.engines import ModelSpec
from tremble.engines.load import Opened
from tremble.errors import UserError
from tremble.prompts import Conversation, formulation, orders
from tremble.prompts.chat import Template, template_of
from tremble.study_file import Study
from tremble.tokens import TokenPaths, option_paths

BLOCK = 512  # decisions rendered and tokenised at a time


@dataclass(frozen=True)
class Cell:
    """One thing to score: a model in a format, over one data set in one formulation.

    `partner` names the model whose template is used, where it is not the model's own.
    """

    model: ModelSpec
    format: str
    template: Template | None
    partner: str | None
    dataset: str
    formulation: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """One decision as one model reads it, in one presentation."""

    decision: Decision
    presentation: int
    keys: tuple[str, ...]
    text: str
    paths: TokenPaths


def model_name(spec: ModelSpec) -> str:
    """The name under which a model stands in every table."""
    name = spec.id if spec.revision is None else f"{spec.id}@{spec.revision}"
    return name if spec.adapter is None else f"{name}+{Path(spec.adapter).name}"


def load_data(entry: str, folder: Path, notes: Notes | None = None) -> Iterator[Decision]:
    """The decisions of one entry of `data`: an embedded data set by name, or a JSONL file.

    Raises UserError where it is neither.
    """
    notes = notes or Notes()
    if entry in names():
        found = source(entry)
        if found.card.embedded:
            yield from found.load(folder, notes)
            return
        raise UserError(
            f"The data set {entry!r} is not embedded; run `tremble data import {entry} PATH "
            "--out FILE.jsonl` and name that file in data."
        )
    yield from source("jsonl").load(folder / entry, notes)


def cells(study: Study, opened: dict[ModelSpec, Opened]) -> list[Cell]:
    """Every (model, format) that the pairs and single models need, over all data and wordings.

    What needs a model that is not among `opened` is left out; its twin is read as ever.
    """
    by_id = {spec.id: spec for spec in study.models}

    def template(owner: str) -> Template:
        spec = by_id[owner]
        tokenizer = opened[spec].tokenizer
        return template_of(spec.template, tokenizer, owner)

    wanted: dict[tuple[str, str, Template | None, str | None], None] = {}

    def want(id_: str, owner: str | None = None, partner: str | None = None) -> None:
        """A model in plain text, or in chat with the template of `owner`."""
        if by_id[id_] not in opened or (owner is not None and by_id[owner] not in opened):
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
            if spec.id in paired or spec not in opened:
                continue
            own = spec.template or opened[spec].tokenizer.template
            plain = mode == "plain" or (mode == "native" and own is None)
            want(spec.id, None if plain else spec.id)
    return [
        Cell(by_id[id_], format_, found, partner, entry, wording)
        for id_, format_, found, partner in wanted
        for entry in study.data
        for wording in study.formulations
    ]


def blocks(study: Study, cell: Cell, opened: Opened) -> Iterator[list[Prompt]]:
    """The prompts of a cell, block by block."""
    block: list[Decision] = []
    for decision in load_data(cell.dataset, study.folder):
        block.append(decision)
        if len(block) == BLOCK:
            yield prompts_of(block, cell.formulation, cell.template, opened, study)
            block = []
    if block:
        yield prompts_of(block, cell.formulation, cell.template, opened, study)


def prompts_of(
    decisions: Sequence[Decision],
    wording: str,
    template: Template | None,
    opened: Opened,
    study: Study,
) -> list[Prompt]:
    """Every presentation of some decisions, rendered and tokenised for one model.

    Raises UserError naming the decision whose options cannot be told apart.
    """
    drafts = []
    for decision in decisions:
        for order in orders(decision):
            conversation = formulation(wording)(decision, order)
            text = _text(conversation, template, opened)
            drafts.append((decision, order, conversation.options, text))
    asked = [(text, [option.label for option in options]) for *_, options, text in drafts]
    try:
        paths = option_paths(opened.tokenizer, asked, study.reading, study.closing)
    except UserError:
        for (decision, *_), one in zip(drafts, asked, strict=True):
            try:
                option_paths(opened.tokenizer, [one], study.reading, study.closing)
            except UserError as error:
                raise UserError(f"Decision {decision.id!r}: {error}") from error
        raise
    return [
        Prompt(decision, order, tuple(option.key for option in options), text, path)
        for (decision, order, options, text), path in zip(drafts, paths, strict=True)
    ]


def _text(conversation: Conversation, template: Template | None, opened: Opened) -> str:
    """The prompt as one text, without a BOS that is the partner's and not this model's."""
    if template is None:
        return conversation.plain()
    text = template.render(conversation)
    printed = template.special.get("bos_token")
    if printed and printed != opened.tokenizer.special.get("bos_token"):
        return text.removeprefix(printed)
    return text
