"""One line of a file of transcripts as a session, or what is wrong with it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tremble.datasets.psych_facts import facts_of, is_scalar, times_of, value_of
from tremble.datasets.psych_files import Row
from tremble.datasets.psych_options import Offered, Wrong, of_line
from tremble.decisions.files import LONGEST, parsed
from tremble.decisions.sessions import BEGIN, END, MarkFault, pieces
from tremble.errors import UserError
from tremble.text import as_written, composed

_CONFIG = ("category", "condition")  # of the experiment, not of the person


class Faulty(Exception):
    """A line that is no session; what is wrong with it, as a sentence with file and line. `column`:
    its place in the text, from 1, where it has one; `what`: the sentence without any place."""

    def __init__(self, sentence: str, where: str, column: int | None = None) -> None:
        super().__init__(sentence)
        self.column = column
        begin = f"{where}: " if column is None else f"{where}, column {column} of text: "
        self.what = sentence.removeprefix(begin)


@dataclass(frozen=True, slots=True)
class Transcript:
    """One line. `names`: of its study, what it is counted under first. `options`: those of the
    line, None where it says none."""

    names: tuple[str, ...]
    participant: str
    texts: tuple[str, ...]
    responses: tuple[str, ...]
    options: Offered | None
    person: Mapping[str, Any]
    config: Mapping[str, Any]
    times: tuple[float | None, ...] | None


def transcript_of(row: Row, file: Path, where: str, line: int, folder: str | None) -> Transcript:
    """The transcript of a line or of a table's row, which sentences call `where`. Its study: the
    column `study`, else `folder`, else the column `experiment`. Raises Faulty."""
    try:
        value = row if isinstance(row, dict) else _object(row, file, where, line)
    except UserError as error:
        raise Faulty(str(error), where) from error
    names = [_name(value.get("study")), folder, _name(value.get("experiment"))]
    known = tuple(dict.fromkeys(name for name in names if name is not None))
    if not known:
        raise Faulty(
            f"{where}: experiment is missing; give a name under experiment or study.", where
        )
    participant = _name(value.get("participant"))
    if participant is None:
        given = as_written(value.get("participant"))[:100]
        raise Faulty(
            f"{where}: participant is {given}; give a name or a whole number, without which "
            "participants cannot be told apart.",
            where,
        )
    parts = _pieces(value.get("text"), where)
    responses = tuple(parts[1::2])
    options = None
    if value_of(value.get("options")) is not None:
        try:
            options = of_line(value["options"], len(responses))
        except Wrong as wrong:
            raise Faulty(f"{where}: {wrong}", where) from wrong
    config = {name: value_of(value.get(name)) for name in _CONFIG}
    return Transcript(
        known,
        participant,
        tuple(parts[::2]),
        responses,
        options,
        facts_of(value),
        {name: told for name, told in config.items() if is_scalar(told)},
        times_of(value),
    )


def experiment_of(row: Row) -> str | None:
    """The column `experiment` of a line that has no column `study`; None for every other line, also
    for one that is no session."""
    try:
        value = row if isinstance(row, dict) else _object(row, Path(), "", 0)
    except UserError:
        return None
    return None if _name(value.get("study")) is not None else _name(value.get("experiment"))


def _object(raw: bytes, file: Path, where: str, line: int) -> dict[str, Any]:
    if len(raw) > LONGEST:
        raise UserError(
            f"{where}: a line of more than {LONGEST // 10**6} MB; write one session per line, and "
            "split longer ones."
        )
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise UserError(
            f"{where}: not UTF-8 at byte {error.start}; save the file as UTF-8."
        ) from error
    value = parsed(text, str(file), "write one JSON object per line", line, nan_is_null=True)
    if not isinstance(value, dict):
        raise UserError(f"{where}: {str(value)[:100]!r} is not an object; write one per line.")
    return value


def _name(value: Any) -> str | None:
    """A name, also a whole number; None for anything else."""
    value = value_of(value)
    if isinstance(value, bool):
        return None
    if isinstance(value, float) and math.isfinite(value) and value.is_integer():
        value = int(value)
    return composed(str(value)) if isinstance(value, str | int) else None


def _pieces(text: Any, where: str) -> list[str]:
    if not isinstance(text, str):
        raise Faulty(
            f"{where}: text is {as_written(text)[:100]}; give the transcript with {BEGIN} {END} "
            "around each response.",
            where,
        )
    try:
        return pieces(text)
    except MarkFault as fault:
        sentence = f"{where}, column {fault.column} of text: {fault}"
        raise Faulty(sentence, where, fault.column) from fault
