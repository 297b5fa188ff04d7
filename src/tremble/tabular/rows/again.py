"""Ids that begin again: in the next session, in the next file of a folder."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from tremble.tabular.maps.names import FILE, Names, Source
from tremble.tabular.rows.columns import Columns
from tremble.text import counted

_SESSION = re.compile(
    r"(?:session|sess|sitzung)(?:[ ._-]?(?:id|code|nr|no|num|number|name|label|date))?"
    r"|(?:(?:test|start|recorded|experiment)[ ._-]?)?date|day|datum",
    re.IGNORECASE,
)


def sessions(names: Names) -> list[str]:
    """Columns of the file that look like a session, where the map names participants by one column;
    those by which it orders what they did are none."""
    task = names.task
    if len(task.participant) != 1:
        return []
    known = [*task.participant, *(name for name in (task.round, task.order) if name)]
    used = {names.find(name).name for name in known}
    often = Counter(names.in_file())
    return [
        name
        for name, times in often.items()
        if times == 1 and name not in used and _SESSION.fullmatch(name)
    ]


def come_again(columns: Columns, looked: Sequence[str]) -> Iterator[str]:
    """A sentence where ids come in several files, or else in several sessions, of which `looked`
    has the columns."""
    names = columns.names
    name = names.task.participant[0] if len(names.task.participant) == 1 else None
    if name is None or names.find(name).kind != "column":
        return
    ids = columns.cells(name, names.places[0])
    if len(columns.table.sources) > 1:
        files = [columns.file(at) for at in range(len(ids))]
        again = _again(ids, files)
        if again:
            yield _sentence(name, again, "file of the folder", FILE)
            return
    for column in looked:
        again = _again(ids, columns.of(Source("column", column), names.places[0]))
        if again:
            yield _sentence(name, again, repr(column), column)
            return


def _again(ids: Sequence[str | None], groups: Iterable[str | None]) -> tuple[int, int] | None:
    """How many ids come in more than one group, and how many there are; None where none does, and
    where groups hold one id each, as moments do."""
    pairs = {(one, group) for one, group in zip(ids, groups, strict=True) if one and group}
    several = Counter(one for one, _ in pairs)
    again = sum(count > 1 for count in several.values())
    if not again or len(pairs) < 2 * len({group for _, group in pairs}):
        return None
    return again, len(several)


def _sentence(name: str, again: tuple[int, int], what: str, column: str) -> str:
    some, all_ = again
    return (
        f"{some:,} of {counted(all_, 'participant')} of {name!r} appear in more than one {what} "
        "and count as the same people; if they are different people, write participant = "
        f'["{column}", "{name}"]'
    )
