"""The cells of a study: a model in a format, over one data set, in one wording."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import Any

from tremble.disk.paths import is_file, path_of
from tremble.models.open import Opened
from tremble.models.spec import ModelSpec, model_name
from tremble.prompts.asked import ARMS, Asked
from tremble.prompts.chat import Template, template_of
from tremble.prompts.sandbox import FROZEN_DATE
from tremble.study.file import NO_PERSONA, Study
from tremble.study.origins import Origin
from tremble.study.prompt_cache import table_key
from tremble.tokenization.options import TokenizerFacts
from tremble.tokenization.trunk import Ids


@dataclass(frozen=True)
class Cell:
    """One thing to score: a model in a format, over one data set as it is asked for.

    `partner` names the model whose template is used, where it is not the model's own. `families`
    are those whose decisions are asked for, None for all. `own`: of a wording or control of the
    user's own its texts as JSON, {"wording": {...}, "control": {...}}; None where there is none.
    `task`: whether it is of answers to a held-out task, whose file is `dataset`.
    """

    model: ModelSpec
    format: str
    template: Template | None
    partner: str | None
    dataset: str
    asked: Asked
    families: tuple[str, ...] | None = None
    own: str | None = None
    task: bool = False

    @property
    def formulation(self) -> str:
        """How what is asked is called: "standard", "standard+no_history"."""
        return self.asked.name

    @property
    def own_texts(self) -> dict[str, dict[str, str]] | None:
        """`own` as it was before it was JSON."""
        return None if self.own is None else json.loads(self.own)


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
        tokenizer = opened.tokenizer
        return cls(
            tokenizer.key,
            tokenizer.bos,
            dict(tokenizer.special),
            list(tokenizer.special_texts),
            tokenizer.template,
            opened.window,
        )


def cells(study: Study, tokenizers: Mapping[ModelSpec, TokenizerFacts]) -> list[Cell]:
    """Every (model, format) that the pairs and single models need, over all data and wordings.

    What needs a model that is not among `tokenizers` is left out; its counterpart is read as ever.
    """
    by_id = {spec.id: spec for spec in study.models}

    def template_by(owner: str) -> Template:
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
            wanted[id_, "chat", template_by(owner), partner] = None

    # Of checkpoints those without a template of their own read a chat in that of the last, or if
    # none has one in that of the task.
    of_trajectory, given = trajectory_models(study), given_template(study)
    lender = template_lender(of_trajectory, tokenizers)
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
            if mode == "plain" or (mode == "native" and own is None):
                want(spec.id)
            elif own is None and lender is not None and spec in of_trajectory:
                want(spec.id, lender.id, model_name(lender))
            elif own is None and spec in of_trajectory and given is not None:
                template = template_of(given, tokenizers[spec], given)
                wanted[spec.id, "chat", template, None] = None
            else:
                want(spec.id, spec.id)
    return [
        Cell(by_id[id_], format_, template, partner, entry, asked, own=_own_texts(study, asked))
        for id_, format_, template, partner in wanted
        for entry in study.data
        for asked in wordings(study)
    ]


def trajectory_models(study: Study) -> list[ModelSpec]:
    """The base and the checkpoints of a study's trajectory, in their order."""
    asked = study.trajectory
    if asked is None:
        return []
    by_id = {spec.id: spec for spec in study.models}
    return [
        by_id[id_] for id_ in dict.fromkeys([asked.base, *(c.model for c in asked.checkpoints)])
    ]


def given_template(study: Study) -> str | None:
    """The chat template that a study asks for in [trajectory], by name or as a file; None where it
    asks for none."""
    asked = None if study.trajectory is None else study.trajectory.template
    if asked is None:
        return None
    place = study.folder / path_of(asked)
    return str(place) if is_file(place) else asked


def template_lender(
    models: Sequence[ModelSpec], tokenizers: Mapping[ModelSpec, TokenizerFacts]
) -> ModelSpec | None:
    """The last of some models that has a chat template; None where none has."""
    known = (spec for spec in reversed(models) if spec in tokenizers)
    return next((m for m in known if m.template or tokenizers[m].template is not None), None)


def _own_texts(study: Study, asked: Asked) -> str | None:
    own = {what: one.texts() for what, one in study.own.of(asked).items()}
    return json.dumps(own, ensure_ascii=False) if own else None


def wordings(study: Study) -> list[Asked]:
    """Every formulation alone, then each under every control, behind every interview and in every
    other reading."""
    alone = [Asked.parse(name) for name in study.formulations]
    under = [
        asked
        for name in study.formulations
        for asked in (
            *(Asked(name, control) for control in study.controls),
            *(Asked(name, ARMS[arm]) for arm in study.personas if arm != NO_PERSONA),
            *(Asked(name, reading=reading) for reading in study.also_read),
        )
    ]
    return [*alone, *under]


def _of_sessions(study: Study, facts: Facts) -> dict[str, Any]:
    """What decides how sessions are read, where it is not as usual."""
    special = {} if study.special_tokens == "plain" else {"special_tokens": study.special_tokens}
    if study.too_long != "cut":
        return special
    questions = [astuple(one) for one in study.questions] if study.interviews else []
    return {**special, "cut": [facts.window, *study.personas], "asked": questions}


def prompts_key(
    study: Study,
    cell: Cell,
    tokenizer: Facts,
    data: str | None,
    origins: Sequence[Origin] = (),
) -> str:
    """The key of a cell's prompts: equal for all models that read the data alike. `origins`: the
    packages that what they are made with comes from, see `origins.prompt_origins`."""
    template, how = cell.template, study.how_read(cell.asked)
    return table_key(
        {
            "data": [cell.dataset, data],
            "families": None if cell.families is None else sorted(cell.families),
            "sample": study.sample,
            **study.part.key(),
            "formulation": cell.formulation,
            **({} if cell.own is None else {"own": cell.own}),
            **(
                {} if cell.asked.arm is None else {"questions": list(map(astuple, study.questions))}
            ),
            "counterbalance": sorted(study.counterbalance),
            "template": None if template is None else [template.text, dict(template.special)],
            "date": FROZEN_DATE.isoformat(),
            "tokenizer": tokenizer.key,
            "bos": tokenizer.bos,
            "special": dict(tokenizer.special),
            "special_texts": list(tokenizer.special_texts),
            "reading": how.reading,
            "closing": how.terminator,
            "spellings": how.surface_forms,
            **_of_sessions(study, tokenizer),
            # Only where there are some: the keys of all other prompts stay.
            **({"extensions": [dict(origin) for origin in origins]} if origins else {}),
            **({"compared": True} if study.has_task else {}),
        }
    )
