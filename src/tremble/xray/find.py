"""The decision and the models that are meant, found in a study by their names."""

from __future__ import annotations

from dataclasses import replace
from difflib import get_close_matches
from heapq import nlargest
from os.path import commonprefix

from tremble.decisions.record import Decision
from tremble.errors import UserError
from tremble.models.spec import ModelSpec, model_name
from tremble.study.data import load_data
from tremble.study.file import Study
from tremble.text import did_you_mean
from tremble.xray.request import Request

MANY = 8  # models that are looked at without being named
FEW = 3  # ids listed where several are meant


def find_decision(study: Study, request: Request) -> tuple[str, Decision]:
    """The one decision whose id is, or begins with, the one that is meant; its entry of `data`."""
    ids: list[str] = []
    begun: list[str] = []
    first: tuple[str, Decision] | None = None
    for entry in study.data:
        for decision in load_data(entry, study.folder):
            if decision.id == request.id:
                return entry, decision
            ids.append(decision.id)
            if decision.id.startswith(request.id):
                begun.append(decision.id)
                first = first or (entry, decision)
    if len(begun) == 1 and first is not None:
        return first
    if begun:
        some = ", ".join(map(repr, begun[:FEW]))
        raise UserError(
            f"{len(begun):,} decisions have an id that begins with {request.id!r}; give more of "
            f"it: {some}{' and so on' if len(begun) > FEW else ''}."
        )
    # Comparing with every id of a large data set would take a quarter of a minute.
    shared = ((len(commonprefix((known, request.id))), known) for known in ids)  # noqa: RUF071
    near = [known for _, known in nlargest(2000, shared)]
    if close := get_close_matches(request.id, near, n=1):
        hint = f"; did you mean {close[0]!r}?"
    else:
        hint = f"; the first are {', '.join(map(repr, ids[:FEW]))}." if ids else "; it is empty."
    raise UserError(f"There is no decision {request.id!r} in {', '.join(study.data)}{hint}")


def choose_models(study: Study, request: Request) -> tuple[set[ModelSpec], Study]:
    """The models to look at, and the study cut down to them and their counterparts."""
    named = {model_name(spec): spec for spec in study.models}
    for name in request.models:
        if name not in named and not any(spec.id == name for spec in study.models):
            raise UserError(
                f"The study {study.name!r} has no model {name!r}{did_you_mean(name, list(named))}"
            )
    chosen = [
        spec
        for name, spec in named.items()
        if not request.models or name in request.models or spec.id in request.models
    ]
    if len(chosen) > MANY and not request.models:
        raise UserError(
            f"The study {study.name!r} has {len(chosen)} models; name some with --model, "
            f"for example {model_name(chosen[0])!r}."
        )
    ids = {spec.id for spec in chosen}
    pairs = tuple(pair for pair in study.pairs if {pair.base, pair.aligned} & ids)
    ids |= {id_ for pair in pairs for id_ in (pair.base, pair.aligned)}
    # A template asked for is everybody's; the study's own otherwise.
    specs = {
        spec: replace(spec, template=request.template or spec.template)
        for spec in study.models
        if spec.id in ids
    }
    return (
        {specs[spec] for spec in chosen},
        replace(study, pairs=pairs, models=tuple(specs.values())),
    )
