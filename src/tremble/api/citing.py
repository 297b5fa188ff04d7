"""What a paper about a study cites: its data, its models, tremble, and the study it follows."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from tremble.datasets.citations import (
    CORE_STUDY,
    HUB_NAMES,
    Citation,
    of_data,
    of_tremble,
    report_on,
)

Row = dict[str, Any]
_HUB = "https://huggingface.co/"


def citations(
    data: Iterable[Mapping[str, Any]],
    models: Iterable[Mapping[str, Any]],
    versions: Sequence[str],
    checkpoints: Collection[str] = (),
) -> list[Row]:
    """What is cited, an entry each with a key of its own, as JSON can hold it.

    cites: what it is cited for; fill_in: None, or what the user must put in, a sentence; key, kind,
    authors, title, year and fields, as `datasets.citations.Citation` has them. `data` and `models`
    are those of `api.methods`; `checkpoints`: models of a training that are no published models of
    their own, so only the repositories on the hub that hold them are cited, once each.
    """
    found = [
        _row("tremble itself.", of_tremble(versions)),
        _row("the study whose measure tremble follows.", CORE_STUDY),
    ]
    for one in data:
        known = of_data(one["dataset"], one["families"], one["studies"])
        found += [_row(f"the data {one['dataset']}.", citation) for citation in known]
        if not known:
            found.append(_own_data(one))
    for model in models:
        if model["absent"] is None and model["kind"] != "made up":
            found += _of_checkpoint(model) if model["name"] in checkpoints else _of_model(model)
    return _apart(found)


def _row(cites: str, one: Citation, fill_in: str | None = None) -> Row:
    return {
        "cites": cites,
        "fill_in": fill_in,
        "key": one.key,
        "kind": one.kind,
        "authors": list(one.authors),
        "title": one.title,
        "year": one.year,
        "fields": dict(one.fields),
    }


def _own_data(one: Mapping[str, Any]) -> Row:
    name = one["dataset"]
    files = ", ".join(one["entries"])
    placeholder = Citation(
        f"data-{_plain(name)}",
        "misc",
        ("{AUTHORS}",),
        f"TITLE of the data {name}",
        None,
        {"year": "YEAR", "howpublished": "JOURNAL or URL"},
    )
    said = "fill in authors, title, year and where the data are published, or delete this entry."
    return _row(f"the data {name} ({files}), which seem to be your own.", placeholder, said)


def _of_model(model: Mapping[str, Any]) -> list[Row]:
    name = model["name"]
    hub_name = model["hub_name"] or HUB_NAMES.get(name)
    if hub_name is None:
        placeholder = Citation(
            f"model-{_plain(name)}",
            "misc",
            ("{AUTHORS}",),
            f"TITLE of the model {name}",
            None,
            {"year": "YEAR", "note": f"Weights {model['content_hash'] or 'unknown'}"},
        )
        said = "fill in who made the model, or delete this entry."
        return [_row(f"the model {name}, files of unknown origin.", placeholder, said)]
    owner, slash, title = hub_name.rpartition("/")
    where = f"Revision {model['revision']}" if model["revision"] else ""
    if not where:
        where = f"As {name}, weights {model['content_hash'] or 'unknown'}"
    entry = Citation(
        _plain(hub_name),
        "misc",
        (f"{{{owner}}}",) if slash else (),
        title,
        None,
        {"url": _HUB + hub_name, "note": where},
    )
    rows = [_row(f"the model {name}.", entry)]
    report = report_on(hub_name)
    if report is not None:
        rows.append(_row(f"the report on {hub_name} and related models.", report))
    return rows


def _of_checkpoint(model: Mapping[str, Any]) -> list[Row]:
    if model["hub_name"] is None:
        return []
    whole = {**model, "name": model["hub_name"], "revision": None, "content_hash": None}
    rows = _of_model(whole)
    rows[0]["fields"] = {**rows[0]["fields"], "note": "Checkpoints of a training"}
    return rows


def _apart(rows: Iterable[Row]) -> list[Row]:
    """Equal entries once, different ones under keys of their own."""
    made: dict[str, Row] = {}
    for row in rows:
        content = {name: row[name] for name in ("kind", "authors", "title", "year", "fields")}
        key, number = row["key"], 1
        while key in made and any(made[key][name] != value for name, value in content.items()):
            number += 1
            key = f"{row['key']}-{number}"
        made.setdefault(key, {**row, "key": key})
    return list(made.values())


def _plain(name: str) -> str:
    """A name as BibTeX takes it for a key."""
    return re.sub("[^a-z0-9]+", "-", name.lower()).strip("-") or "unnamed"
