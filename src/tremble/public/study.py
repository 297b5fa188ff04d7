"""A study as an object: from arguments or from a study file; it can be planned and run."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Unpack

from tremble.api.plan import plan_study
from tremble.datasets.base import names
from tremble.decisions import jsonl
from tremble.disk.paths import is_file, is_folder, path_of
from tremble.disk.temporary import system_folder, temporary_folder
from tremble.errors import UserError
from tremble.public.decisions import Decisions, read_decisions
from tremble.public.frames import is_frame
from tremble.public.options import (
    StudyOptions,
    contrast_rows,
    model_rows,
    pair_rows,
    study_text,
)
from tremble.public.planned import Plan
from tremble.public.progress import shown
from tremble.public.result import Result
from tremble.public.words import in_python
from tremble.store.provenance import slug
from tremble.study import file
from tremble.study.notes import after_run
from tremble.study.run import score_study

_PATHS = ("adapter", "template")  # of a model: perhaps paths


class Study:
    """A study: data, models, wordings, formats, and how to run.

    Run the same study again into the same folder to resume: only what is missing is scored.

    >>> import tremble as tr
    >>> asked = "Keep or share? Answer as JSON with the key decision."
    >>> records = [
    ...     {"prompt": f"Round {n}. {asked}", "options": ["keep", "share"],
    ...      "choice": "keep" if n % 3 else "share", "participant": n}
    ...     for n in range(40)
    ... ]
    >>> study = tr.Study(
    ...     "mine", data=tr.read_decisions(records), pairs=[("mock:base", "mock:aligned")]
    ... )
    >>> result = study.run("runs/mine")
    >>> result.models.select("model", "n").rows()
    [('mock:base', 40), ('mock:aligned', 40)]
    """

    @in_python()
    def __init__(
        self,
        name: str,
        *,
        data: Any,
        pairs: Sequence[Any] = (),
        models: Sequence[Any] = (),
        contrasts: Sequence[Any] = (),
        **options: Unpack[StudyOptions],
    ) -> None:
        """`name` is also the name of the study's folder, unless `plan` and `run` get another one.

        `data`: decisions (`read_decisions`), the path of a JSONL file, the name of an embedded data
        set, or a list of these; `run` writes decisions into the study's folder as
        `data/NAME.jsonl`. `pairs`: (base model, aligned model) each. `models`: further models, as
        names or as dicts with id, base, revision, adapter and template. `contrasts`: what you
        varied, as "frame=neutral", or as dicts with by, control and family. `options`: the keys
        of a study file (`StudyOptions`, docs/study_files.md). Paths start in the current folder.

        Raises UserError for the same errors as a study file.
        """
        held, entries = data_entries(data)
        rows = {
            "pair": pair_rows(pairs),
            "model": _placed(model_rows(models), moved=bool(held)),
            "contrast": contrast_rows(contrasts),
        }
        text = study_text(name, entries, rows, options)
        label = f"Study({name!r})"
        # Beside objects nothing of theirs is on disk yet: their entries lead to no file from here.
        folder = Path(slug(str(name))) if held else Path()
        self._asked = file.study_from(text, Path(label), folder)
        self._held = held

    @classmethod
    def of_file(cls, path: str | os.PathLike[str]) -> Study:
        """The study of a study file: what `tr.read_study` calls."""
        return cls._of_asked(file.read_study(path_of(path)), {})

    @classmethod
    def _of_asked(cls, asked: file.Study, held: Mapping[str, Decisions]) -> Study:
        """A study that was read already; `held`: decisions by their entries of its data."""
        made = cls.__new__(cls)
        made._asked, made._held = asked, dict(held)
        return made

    @property
    def name(self) -> str:
        return self._asked.name

    @property
    def text(self) -> str:
        """The same study as a study file (TOML); the study's folder contains it.

        >>> import tremble as tr
        >>> print(tr.Study("mine", data="demo", models=["mock:one"]).text)
        # Written by tremble, from Python.
        [study]
        name = "mine"
        data = ["demo"]
        <BLANKLINE>
        [[model]]
        id = "mock:one"
        <BLANKLINE>
        """
        return self._asked.text

    @in_python()
    def plan(self, out: str | os.PathLike[str] | None = None, *, progress: bool = True) -> Plan:
        """What `run` with the folder `out` will take, and what your data can show (statistical
        power). Nothing is written. `out` defaults to the study's name. Raises UserError as `run`.

        >>> import tremble as tr
        >>> study = tr.Study("mine", data=tr.read_decisions("demo")[:30], models=["mock:one"])
        >>> study.plan().totals["rows"]
        30
        """
        said: list[str] = []
        with self._ready() as asked, shown(progress) as bar:
            return Plan(plan_study(asked, self._folder(out), said.append, bar), said)

    @in_python()
    def run(self, out: str | os.PathLike[str] | None = None, *, progress: bool = True) -> Result:
        """Score what is missing in the folder `out`, and return the result. Finished scores are not
        computed again. `out` defaults to the study's name. Notebooks and terminals show a progress
        bar unless `progress` is False.

        Raises UserError, before anything is written, for errors in the study or its data. If it is
        interrupted, the finished scores are kept.

        >>> import tremble as tr
        >>> study = tr.Study("mine", data=tr.read_decisions("demo")[:30], models=["mock:one"])
        >>> study.run("runs/mine")
        <Result of the study 'mine' in runs/mine: 30 decisions, 1 model>
        """
        said: list[str] = []
        folder = self._folder(out)
        with self._ready() as asked, shown(progress) as bar:
            failed = score_study(asked, folder, said.append, bar)
        return Result(folder, after_run(folder, failed), said)

    def _folder(self, out: str | os.PathLike[str] | None) -> Path:
        return Path(slug(self.name)) if out is None else path_of(out)

    @contextmanager
    def _ready(self) -> Iterator[file.Study]:
        """The study with its decisions in files: objects in a folder for the time being, from which
        a run takes them over once the study is accepted."""
        if not self._held:
            yield self._asked
            return
        with temporary_folder(system_folder(), "tremble-data", "set TMPDIR") as folder:
            for entry, decisions in self._held.items():
                jsonl.write(decisions, folder / entry, "the data")
            yield replace(self._asked, folder=folder, brought=tuple(self._held))

    def __repr__(self) -> str:
        models = ", ".join(model.id for model in self._asked.models)
        return f"<Study {self.name!r}: {', '.join(self._asked.data)}; {models}>"


@in_python()
def read_study(path: str | os.PathLike[str]) -> Study:
    """Read a study file (docs/study_files.md). Paths in it are relative to its folder.

    Raises UserError for a missing file, unknown keys and wrong values.

    >>> from pathlib import Path
    >>> import tremble as tr
    >>> text = '[study]\\nname = "mine"\\ndata = ["demo"]\\n[[model]]\\nid = "mock:one"\\n'
    >>> _ = Path("mine.toml").write_text(text)
    >>> tr.read_study("mine.toml")
    <Study 'mine': demo; mock:one>
    """
    return Study.of_file(path)


@in_python()
def open_study(folder: str | os.PathLike[str]) -> Result:
    """Open the result of a study that was run before, from Python or with `tremble run`.

    Raises UserError if the folder is not a study folder.

    >>> import tremble as tr
    >>> study = tr.Study("mine", data=tr.read_decisions("demo")[:30], models=["mock:one"])
    >>> study.run("runs/mine").models.equals(tr.open_study("runs/mine").models)
    True
    """
    return Result(path_of(folder))


def data_entries(given: Any) -> tuple[dict[str, Decisions], list[str]]:
    """Decisions to be written, by their entries of `data`, and all entries, in order."""
    alone = isinstance(given, str | os.PathLike | Decisions) or is_frame(given)
    parts = [given] if alone else list(given)
    if parts and all(isinstance(part, Mapping) for part in parts):
        parts = [parts]  # records
    held: dict[str, Decisions] = {}
    entries: list[str] = []
    for part in parts:
        if isinstance(part, str | os.PathLike):
            entries.append(os.fspath(part))
            continue
        decisions = part if isinstance(part, Decisions) else read_decisions(part)
        if not len(decisions):
            raise UserError(f"The data {decisions.name!r} contain no decisions; give at least one.")
        entry = _entry(slug(decisions.name), held)
        held[entry] = decisions
        entries.append(entry)
    return held, [_whole(entry) if held and entry not in held else entry for entry in entries]


def _entry(name: str, taken: Mapping[str, Decisions]) -> str:
    """A place in the study's folder that no other data have."""
    entry, number = f"data/{name}.jsonl", 1
    while entry in taken:
        number += 1
        entry = f"data/{name}-{number}.jsonl"
    return entry


def _whole(entry: str) -> str:
    """A path that means the same from every folder; a data set's name stays."""
    return entry if entry in names() else str(path_of(entry).absolute())


def _placed(rows: Sequence[Mapping[str, Any]], moved: bool) -> list[Mapping[str, Any]]:
    """Models whose adapters and templates are found from the study's folder: paths start in the
    current one, and with `moved` the study file will be in another."""
    if not moved:
        return list(rows)
    return [{key: _found(key, value) for key, value in row.items()} for row in rows]


def _found(key: str, value: Any) -> Any:
    if key not in _PATHS or not isinstance(value, str | os.PathLike):
        return value
    path = path_of(value)
    return str(path.absolute()) if is_file(path) or is_folder(path) else value
