"""Decisions as an object: read from any source, shown, written."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, overload

import polars as pl

from tremble.api.check import check_records
from tremble.api.conditions import SHOWN, prompts_said
from tremble.api.understood import families_said
from tremble.datasets.base import Notes, names
from tremble.decisions import jsonl
from tremble.decisions.record import Decision, Offer, Option
from tremble.disk.paths import is_folder, path_of
from tremble.disk.replaced import start_of, would_replace
from tremble.errors import UserError
from tremble.prompts.formulations import standard
from tremble.public.frames import CONFIG, PERSON, column_of, is_frame, plain, records_of
from tremble.public.show import fragment
from tremble.public.words import in_python
from tremble.study.data import load_data
from tremble.tabular.maps.map_file import map_from, read_map
from tremble.tabular.rows.load import load_table
from tremble.tabular.table import stem_of
from tremble.text import counted

Record = Mapping[str, Any]
PathLike = str | os.PathLike[str]
_LOOKED_AT = 20_000  # decisions that a notebook checks before it shows them: a second or two
_FRAME = "frame"
_RECORDS = "records"  # what faults call records that are in no file, and what these are named after


class Decisions(Sequence[Decision]):
    """Decisions of people: a sequence of `Decision`s in a fixed order.

    `tr.read_decisions` returns them. A slice is `Decisions` again. `name` is their name in a study.

    >>> import tremble as tr
    >>> asked = {"prompt": "Do you keep or share?", "options": ["keep", "share"]}
    >>> decisions = tr.read_decisions([{**asked, "choice": "keep", "participant": "7"}])
    >>> len(decisions), decisions[0].choice
    (1, 'keep')
    >>> decisions.frame().select("participant", "prompt", "choice").rows()
    [('7', 'Do you keep or share?', 'keep')]
    """

    __slots__ = ("_held", "_name", "_notes", "_where")

    def __init__(
        self,
        decisions: Iterable[Decision],
        name: str = _RECORDS,
        where: PathLike | None = None,
        notes: Sequence[str] = (),
    ) -> None:
        """`where`: the name of their file in messages; `notes`: what was excluded from it, and
        what may be wrong in it."""
        self._held = tuple(decisions)
        self._name = name
        self._where = Path(name if where is None else where)
        self._notes = tuple(notes)

    @property
    def name(self) -> str:
        """The name of these data in a study: of the file or the data set, or `dataset`."""
        return self._name

    @property
    def where(self) -> Path:
        """Where they come from, as messages say it."""
        return self._where

    @property
    def notes(self) -> tuple[str, ...]:
        """What was excluded from their table, and what may be wrong in it, a sentence each."""
        return self._notes

    def __len__(self) -> int:
        return len(self._held)

    def __iter__(self) -> Iterator[Decision]:
        return iter(self._held)

    @overload
    def __getitem__(self, at: int) -> Decision: ...
    @overload
    def __getitem__(self, at: slice) -> Decisions: ...
    def __getitem__(self, at: int | slice) -> Decision | Decisions:
        if isinstance(at, slice):
            return Decisions(self._held[at], self._name, self._where, self._notes)
        return self._held[at]

    def frame(self) -> pl.DataFrame:
        """One row per decision. Columns are the keys of records (docs/data.md): id, dataset,
        family, participant, item, round, role, system, prompt, opening, options, choice, target,
        rates, n, rate_sd, choices_each, a column `config.NAME` for every parameter, and a column
        `person.NAME` for every fact about participants.

        `prompt` is the text with the wording standard, also for games that tremble puts into words.
        Options are labels, or objects if keys differ from labels or options have values.

        >>> import tremble as tr
        >>> tr.read_decisions("demo")[:2].frame()["family"].to_list()
        ['repeated_matrix', 'repeated_matrix']
        """
        return _frame(self._held)

    def write(self, path: PathLike) -> Path:
        """Write the records as JSON lines, and return the path. `read_decisions`, study files and
        the commands read them. Only a file that tremble wrote is replaced.

        Raises UserError if the file cannot be written, or if another file is there.

        >>> import tremble as tr
        >>> tr.read_decisions("demo")[:3].write("three.jsonl").name
        'three.jsonl'
        >>> len(tr.read_decisions("three.jsonl"))
        3
        """
        target, cure = path_of(path), "give another path"
        there = not is_folder(target) and would_replace(target, cure)
        if there and not jsonl.begins_as_written(start_of(target, 10_000_000, cure)):
            raise UserError(f"{str(target)!r} was not written by tremble; {cure}.")
        jsonl.write(self._held, target, "the path")
        return target

    def read(self, _: jsonl.OnFault | None = None) -> Iterator[Decision]:
        """The decisions, each with the number of its line, or else its position from 1."""
        return (
            decision if decision.line is not None else replace(decision, line=place)
            for place, decision in enumerate(self._held, 1)
        )

    def __repr__(self) -> str:
        families = dict.fromkeys(decision.family for decision in self._held)
        return f"<{counted(len(self), 'decision')} of {self.name!r}: {', '.join(families) or '-'}>"

    def _repr_html_(self) -> str:
        """The summary of `check` and prompts; of many decisions, only of the first."""
        if len(self) > _LOOKED_AT:
            whole = (
                f"{counted(len(self), 'decision')}; the following is about the first "
                f"{_LOOKED_AT:,}."
            )
            return f"<p>{whole}</p>{self[:_LOOKED_AT]._repr_html_()}"
        found, faults, warnings = check_records(self.read, self._where)
        said = families_said(found)
        text = "\n".join(prompts_said(found, SHOWN, "tr.check(decisions).summary has others"))
        doubted = [
            f"{counted(len(lines), what)}: tr.check(decisions) lists them."
            for lines, what in ((faults, "error"), (warnings, "warning"))
            if lines
        ]
        return fragment(repr(self).strip("<>"), [*self.notes, *doubted, *said], text=text)


def _frame(decisions: Sequence[Decision]) -> pl.DataFrame:
    talks = [standard(decision) for decision in decisions]
    columns: dict[str, list[Any]] = {
        name: [getattr(decision, name) for decision in decisions]
        for name in ("id", "dataset", "family", "participant", "item", "round", "role")
    }
    columns["system"] = [talk.system or None for talk in talks]
    columns["prompt"] = [talk.user for talk in talks]
    columns["opening"] = [talk.opening for talk in talks]
    made = [column_of(name, values) for name, values in columns.items()]
    made.append(_options(decisions))
    for name in ("choice", "target", "rates", "n", "rate_sd", "choices_each"):
        values = [getattr(decision, name) for decision in decisions]
        made.append(_rates(values) if name == "rates" else column_of(name, values))
    parameters = dict.fromkeys(name for decision in decisions for name in decision.breakdown)
    made += [
        column_of(f"{CONFIG}{name}", [decision.breakdown.get(name) for decision in decisions])
        for name in parameters
    ]
    facts = dict.fromkeys(name for decision in decisions for name in decision.facts)
    made += [
        column_of(f"{PERSON}{name}", [decision.facts.get(name) for decision in decisions])
        for name in facts
    ]
    return pl.DataFrame(made)


def _options(decisions: Sequence[Decision]) -> pl.Series:
    """The labels, or every option in full where one of them is more than its label."""
    if all(option == Option(option.key, option.key) for d in decisions for option in d.options):
        labels = [[option.label for option in d.options] for d in decisions]
        return pl.Series("options", labels, pl.List(pl.String))
    kind = {"key": pl.String, "label": pl.String, "value": pl.Float64}
    whole = pl.Struct({**kind, "spellings": pl.List(pl.String)})
    options = [
        [
            {"key": o.key, "label": o.label, "value": o.value, "spellings": list(o.surface_forms)}
            for o in d.options
        ]
        for d in decisions
    ]
    return pl.Series("options", options, pl.List(whole))


def _rates(shares: Sequence[Mapping[str, float] | None]) -> pl.Series:
    """Shares by option key; a null column where there are none."""
    keys = dict.fromkeys(key for held in shares for key in held or {})
    if not keys:
        return pl.Series("rates", [None] * len(shares), pl.Null)
    kind = pl.Struct(dict.fromkeys(keys, pl.Float64))
    return pl.Series("rates", [None if held is None else dict(held) for held in shares], kind)


@in_python()
def read_decisions(source: Any, map: Any = None, dataset: str | None = None) -> Decisions:
    """Read decisions of people from a file, a data set, records or a data frame.

    `source`: the path of a file of JSON lines (`mine.jsonl`, or compressed, `mine.jsonl.gz`), the
    name of an embedded data set (`"demo"`), a list of records as dicts, or a Polars or pandas
    frame whose columns are the keys of records: prompt, options, choice, participant, and so on,
    with a column `config.NAME` for what you varied (docs/data.md). With `map`, the path of a map or
    its content as a dict, `source` is a table as your tool wrote it: a file, a folder of files or a
    frame (docs/tables.md); `notes` then says what was excluded. `dataset`: the name of the data
    set, for records that do not name one.

    Raises UserError for the first invalid record, with its line (records in memory count from 1),
    for a missing file, and for an unknown data set; `tr.check` lists all errors.

    >>> import polars as pl
    >>> import tremble as tr
    >>> asked = "Do you keep or share? Answer as JSON with the key decision."
    >>> frame = pl.DataFrame(
    ...     {
    ...         "prompt": [asked, asked],
    ...         "options": [["keep", "share"]] * 2,
    ...         "choice": ["keep", "share"],
    ...         "participant": [1, 2],
    ...         "config.frame": ["neutral", "loss"],
    ...     }
    ... )
    >>> decisions = tr.read_decisions(frame, dataset="dictator")
    >>> decisions
    <2 decisions of 'dictator': custom>
    >>> decisions[1].config
    {'frame': 'loss'}
    >>> try:
    ...     tr.read_decisions([{"prompt": asked, "options": ["keep", "share"], "choice": "both"}])
    ... except tr.UserError as error:
    ...     print(error)
    records, line 1: choice 'both' is not among the options ['keep', 'share'].
    """
    if map is not None:
        return _mapped(source, map, dataset)
    if isinstance(source, Decisions):
        return source if dataset is None else Decisions(source, dataset, source.where)
    read, name, where = reader_of(source, dataset)
    return Decisions((one for one in read(None) if isinstance(one, Decision)), name, where)


@in_python()
def read_offers(source: Any, dataset: str | None = None) -> tuple[Offer, ...]:
    """Read offers, the numbers that participants chose in games, in their order.

    `source`: a file of JSON lines or a list of records, as for `tr.read_decisions`, which passes
    offers over; `dataset` as there. Raises UserError for the first invalid record, with its line.

    >>> import tremble as tr
    >>> game = {"kind": "game", "id": "g", "family": "bargaining", "rules": {"money": 100}}
    >>> made = {"kind": "offer", "id": "g/o1", "game": "g", "at": 0, "participant": "m"}
    >>> offers = tr.read_offers([game, {**made, "value": 40, "range": [0, 100], "unit": "$"}])
    >>> [(offer.id, offer.value, offer.unit) for offer in offers]
    [('g/o1', 40.0, '$')]
    """
    read, _, _ = reader_of(source, dataset)
    return tuple(one for one in read(None) if isinstance(one, Offer))


Read = Callable[[jsonl.OnFault | None], Iterator[Decision | Offer]]


def reader_of(source: Any, dataset: str | None = None) -> tuple[Read, str, Path]:
    """What reads a source, given what takes its faults; its name; and what faults call it.

    Raises UserError for what is no source of decisions.
    """
    if isinstance(source, Decisions):
        return source.read, source.name, source.where
    if isinstance(source, str) and source in names():
        return lambda _: load_data(source, Path(), Notes()), dataset or source, Path(source)
    if isinstance(source, str | os.PathLike):
        path = path_of(source)
        if is_folder(path):
            raise UserError(f"{str(path)!r} is a folder; give the .jsonl file in it.")
        name = dataset or Path(path.name.removesuffix(".gz")).stem
        return lambda on_fault: jsonl.read_all(path, on_fault, dataset), name, path
    records, where = _records(source)
    name = dataset or _RECORDS
    return lambda on_fault: jsonl.read_all_records(records, where, on_fault, name), name, where


def _records(source: Any) -> tuple[Sequence[Record], Path]:
    """Records in memory, and what faults call them."""
    if is_frame(source):
        return records_of(source), Path(_FRAME)
    held = list(source) if isinstance(source, Iterable) else None
    if held is None or isinstance(source, Mapping | bytes):
        raise UserError(
            f"Decisions cannot be read from {_kind(source)}; give the path of a JSONL file, the "
            "name of an embedded data set, a list of records, or a Polars or pandas frame."
        )
    if not held:
        raise UserError("The list of records is empty; give at least one record.")
    for number, record in enumerate(held, 1):
        if not isinstance(record, Mapping):
            raise UserError(
                f"records, line {number}: {_kind(record)} is not a record; give a dict with "
                "prompt, options and choice (docs/data.md)."
            )
    return [plain(record) for record in held], Path(_RECORDS)


def _kind(value: object) -> str:
    name = type(value).__name__
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"


def _mapped(source: Any, map: Any, dataset: str | None) -> Decisions:
    """Decisions of a table of any form, by a map."""
    held = read_map(path_of(map)) if isinstance(map, str | os.PathLike) else map_from(map)
    if is_frame(source):
        name, where = dataset or _FRAME, Path(_FRAME)
    else:
        source = where = path_of(source)
        name = dataset or stem_of(source)
    notes = Notes()
    decisions = tuple(load_table(source, held, notes, name))
    left_out = [f"excluded: {count} ({reason})" for reason, count in notes.dropped.items()]
    return Decisions(decisions, held.dataset or name, where, [*left_out, *notes.odd])
