"""What of a study's matrix is scored: families, include and exclude of a study file.

A cell is left out if one [[exclude]] matches it; where there are [[include]]s, only what one of
them matches stays. Families part the decisions of one cell, all else is of the cell as a whole.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from tremble.decisions.record import Decision
from tremble.errors import UserError
from tremble.models.spec import model_name
from tremble.study.cells import Cell
from tremble.study.file import Rule, Study
from tremble.text import did_you_mean

NO_CONTROL = "none"  # the control of a cell that has none


def of_families(
    asked: Sequence[str], decisions: Iterable[Decision], seen: dict[str, None]
) -> Iterator[Decision]:
    """The decisions of the families asked for (names or globs; none: all); `seen` takes the names
    of all that there are."""
    for decision in decisions:
        seen[decision.family] = None
        if of_family(asked, decision.family):
            yield decision


def of_family(asked: Sequence[str], family: str) -> bool:
    """Whether a family is among those asked for."""
    return not asked or _fits(asked, [family])


def check_families(asked: Sequence[str], there: Mapping[str, Collection[str]]) -> None:
    """Raises UserError where `asked` names one that no data hold, and where an entry of data
    holds none of them. `there`: entry of data -> the families in it."""
    known = list(dict.fromkeys(name for names in there.values() for name in names))
    for pattern in asked:
        if not _fits([pattern], known):
            raise UserError(
                f"families in [study] holds {pattern!r}, but no decision is of such a "
                f"family{did_you_mean(pattern, known)}"
            )
    for entry, names in there.items():
        if asked and not any(_fits(asked, [name]) for name in names):
            raise UserError(
                f"The data {entry!r} have no decision of the families in [study], only of "
                f"{', '.join(names)}; remove {entry!r} from data, or add one of these to families."
            )


def selected(study: Study, every: Sequence[Cell], there: Mapping[str, list[str]]) -> list[Cell]:
    """The cells that stay, with the families that stay in them. `there`: entry of data -> the
    families in it.

    Raises UserError for an include or exclude that matches nothing, and where nothing stays.
    """
    rules = (*study.include, *study.exclude)
    names = _names(study, every, there)
    for one in rules:
        _check(one, names)
    matched: set[int] = set()
    kept = []
    for cell in every:
        whole = there[cell.dataset]
        left = []
        for family in whole:
            hits = _hits(study, cell, family)
            matched |= hits
            if _kept(study, hits):
                left.append(family)
        if left:
            part = left != whole or study.families
            kept.append(replace(cell, families=tuple(left)) if part else cell)
    if _all_there(study, every):
        for at, one in enumerate(rules):
            if at not in matched:
                raise UserError(
                    f"{_shown(one)} matches nothing: the study has each of these names, but never "
                    "together; correct or delete it."
                )
    if every and not kept:
        raise UserError(
            f"The study {study.name!r} has nothing left to score: its {len(study.include)} "
            f"[[include]] and {len(study.exclude)} [[exclude]] drop all {len(every)} cells; "
            "delete one of them."
        )
    return kept


def keeps(study: Study, cell: Cell, family: str) -> bool:
    """Whether include and exclude leave a family of a cell in the study."""
    return _kept(study, _hits(study, cell, family))


def _hits(study: Study, cell: Cell, family: str) -> set[int]:
    """Which rules match a family of a cell, counted from the first include on."""
    facts = {**_facts(cell), "family": [family]}
    rules = (*study.include, *study.exclude)
    return {at for at, one in enumerate(rules) if _matches(one, facts)}


def _kept(study: Study, hits: Collection[int]) -> bool:
    includes = len(study.include)
    included = not includes or any(at < includes for at in hits)
    return included and all(at < includes for at in hits)


def _all_there(study: Study, every: Sequence[Cell]) -> bool:
    """Whether no model is missing, whose cells a rule may mean."""
    return {cell.model for cell in every} == set(study.models)


def _facts(cell: Cell) -> dict[str, list[str]]:
    """What a cell is called by each key of a rule; a model goes by its id and by its name, and a
    formulation under a control is called "standard+no_history"."""
    return {
        "model": [cell.model.id, model_name(cell.model)],
        "data": [cell.dataset],
        "formulation": [cell.asked.wording],
        "format": [cell.format],
        "control": [cell.asked.beside or NO_CONTROL],
    }


def _names(
    study: Study, every: Sequence[Cell], there: Mapping[str, list[str]]
) -> dict[str, list[str]]:
    """Every name that a rule can mean, by key, those of models that cannot be had among them."""
    facts = [_facts(cell) for cell in every]
    names = {key: [name for one in facts for name in one[key]] for key in ("format", "control")}
    if not _all_there(study, every):
        names["format"] += ["plain", "chat"]
    names["model"] = [name for model in study.models for name in (model.id, model_name(model))]
    names["data"] = list(study.data)
    names["family"] = [name for families in there.values() for name in families]
    names["formulation"] = list(study.formulations)
    return {key: list(dict.fromkeys(values)) for key, values in names.items()}


def _check(one: Rule, names: Mapping[str, list[str]]) -> None:
    for key, patterns in one.patterns.items():
        for pattern in patterns:
            if not _fits([pattern], names[key]):
                wording, plus, control = pattern.partition("+")
                if key == "formulation" and plus:
                    raise UserError(
                        f"formulation = {pattern!r} in [[{one.table}]] joins a wording and a "
                        f'control; give them separately, as formulation = "{wording}" and control '
                        f'= "{control}".'
                    )
                raise UserError(
                    f"{key} = {pattern!r} in [[{one.table}]] matches nothing in the study"
                    f"{did_you_mean(pattern, names[key])}"
                )


def _matches(one: Rule, facts: Mapping[str, Sequence[str]]) -> bool:
    return all(_fits(patterns, facts[key]) for key, patterns in one.patterns.items())


def _fits(patterns: Iterable[str], names: Sequence[str]) -> bool:
    """Whether one of the names is, or is a case of, one of the patterns."""
    return any(
        name == pattern or fnmatchcase(name, pattern) for pattern in patterns for name in names
    )


def _shown(one: Rule) -> str:
    keys = " and ".join(f"{key} = {', '.join(map(repr, v))}" for key, v in one.patterns.items())
    return f"[[{one.table}]] with {keys}"
