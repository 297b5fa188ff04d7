"""A held-out task: preference pairs or demonstrations, one JSON object a line.

A pair has `prompt` (a text, or messages that end with the user's) with `chosen` and `rejected` (a
text, or messages of which the last is the assistant's; the prompt may stand before it). Without
`prompt` the two are whole conversations that share all but their last message, as messages or as
text in the form of HH-RLHF, with `Human:` and `Assistant:` behind blank lines. A prompt may have
this form too: it begins with `Human:` and ends with `Assistant:`. A demonstration has `messages`
(which end with the assistant's), or `prompt` and `completion`. Each line may have an `id` and a
`subset`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import blake2b, sha256
from pathlib import Path
from typing import Any, Final, Literal

from tremble.decisions.files import lines_of
from tremble.decisions.lines import Line
from tremble.decisions.record import Decision
from tremble.disk.paths import is_file, path_of
from tremble.errors import UserError
from tremble.prompts.turns import ASSISTANT, USER, Turn
from tremble.tasks.task_lines import READ, kind_of, read_line
from tremble.text import counted

Kind = Literal["pairs", "demonstrations"]
EMPTY: Final = "empty answer"
EQUAL: Final = "equal answers"


@dataclass(frozen=True, slots=True)
class Item:
    """One prompt with its answer, or with its two.

    `prompt` are (role, content), the last one the user's; `answers` are (chosen, rejected) of a
    pair, (answer,) of a demonstration. `cluster`: a hash of the first user turn (16 hexadecimal
    digits), the same for all items that begin alike, which are not independent. `subset`: a group
    that the file names. `line`: where it was read.
    """

    id: str
    cluster: str
    prompt: tuple[Turn, ...]
    answers: tuple[str, ...]
    subset: str | None = None
    line: int | None = field(default=None, compare=False)

    @property
    def chosen(self) -> str:
        """The better answer of a pair, the only one of a demonstration."""
        return self.answers[0]

    @property
    def rejected(self) -> str | None:
        """The worse answer of a pair."""
        return self.answers[1] if len(self.answers) > 1 else None

    @property
    def asked(self) -> str:
        """All that is said before the answer, without roles."""
        return "\n\n".join(content for _, content in self.prompt)


@dataclass(frozen=True, slots=True)
class Task:
    """What a task file holds. `repeated`: lines equal to an earlier one, which count once;
    `skipped`: how many lines were skipped, by reason (`EMPTY`, `EQUAL`); `unread`: keys that no
    item is read from, in the order of the file."""

    path: Path
    kind: Kind
    items: tuple[Item, ...]
    repeated: int = 0
    skipped: Mapping[str, int] = field(default_factory=dict)
    unread: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """A hash of what is asked and answered, in file order (16 hexadecimal digits)."""
        held = [[one.prompt, one.answers, one.subset, one.id] for one in self.items]
        return _hash(json.dumps([self.kind, held]))

    @property
    def clusters(self) -> int:
        """How many different first user turns there are."""
        return len({one.cluster for one in self.items})


def read_task(path: str | Path, skip: bool = False) -> Task:
    """The held-out task of a JSONL file, which gzip may have packed.

    `skip`: pairs of equal answers and items with an empty answer are skipped and counted; else they
    are errors, as is everything else that is no pair or demonstration. Raises UserError with file,
    line, the value and the cure.
    """
    file = path_of(str(path))
    if not is_file(file):
        raise UserError(f"There is no task file {str(path)!r}; check the path.")
    reader = _Reader(file, skip)
    with lines_of(file) as lines:
        for number, raw in lines:
            reader.line(number, raw)
    return reader.task()


def looks_like_task(path: Path) -> bool:
    """Whether the first line of a file is an item of a task, and no decision of people."""
    with suppress(UserError, ValueError, RecursionError), lines_of(path) as lines:
        for _, raw in lines:
            value = json.loads(raw)
            keys = set(value) if isinstance(value, dict) else set()
            of_task = keys & {"chosen", "rejected", "completion", "messages"}
            return bool(of_task) and "options" not in keys
    return False


def shared_with(
    items: Iterable[Item], decisions: Iterable[Decision], read: Collection[int] = ()
) -> list[str]:
    """The ids of the items whose prompt is also the prompt of a decision, in their order: training
    on such a task is training on what is scored.

    Compared are the texts of decisions that have a prompt of their own, with and without their
    system text, and further texts, of which `read` are the marks (`text_mark`): what games are as
    prompts. White space and case do not count.
    """
    known = set(read)
    for decision in decisions:
        if decision.prompt is not None:
            known.add(text_mark(decision.prompt))
            known.add(text_mark(f"{decision.system or ''} {decision.prompt}"))
    return [item.id for item in items if not known.isdisjoint(prompt_marks(item))]


def doubled(items: Iterable[Item]) -> tuple[list[str], list[str]]:
    """The ids of the items that have the prompt and the answers of an earlier one, and of the pairs
    that have those of an earlier one the other way round, in their order. White space at the ends
    of answers does not count."""
    known: set[tuple[tuple[Turn, ...], tuple[str, ...]]] = set()
    again, turned = [], []
    for item in items:
        answers = tuple(one.strip() for one in item.answers)
        if (item.prompt, answers) in known:
            again.append(item.id)
        elif (item.prompt, answers[::-1]) in known:
            turned.append(item.id)
        known.add((item.prompt, answers))
    return again, turned


def prompt_marks(item: Item) -> set[int]:
    """The marks of an item's prompt: of each user turn, and of all of it."""
    said = [item.asked, *(content for role, content in item.prompt if role == USER)]
    return {text_mark(text) for text in said}


def text_mark(text: str) -> int:
    """64 bits that stand for a text; white space and case do not count."""
    bare = " ".join(text.casefold().split())
    return int.from_bytes(blake2b(bare.encode("utf-8", "surrogatepass"), digest_size=8).digest())


class _Reader:
    """Takes lines one by one; keeps what was seen before."""

    def __init__(self, path: Path, skip: bool) -> None:
        self.path, self.skip = path, skip
        self.kind: Kind | None = None
        self.first = 0  # the line that said which kind of file this is
        self.items: list[Item] = []
        self.ids: dict[str, int] = {}
        self.known: set[str] = set()
        self.repeated, self.lines = 0, 0
        self.skipped: Counter[str] = Counter()
        self.unread: dict[str, None] = {}

    def line(self, number: int, raw: bytes) -> None:
        line = Line(self.path, number)
        if not self.lines:
            _check_form(line, raw)
        value = line.parse(raw)
        self.lines += 1
        self.unread.update(dict.fromkeys(key for key in value if key not in READ))
        self._same_kind(line, value)
        mark = _hash(json.dumps(value, sort_keys=True))
        if mark in self.known:
            self.repeated += 1
            return
        self.known.add(mark)
        prompt, answers = read_line(line, value)
        why = _unusable(answers)
        if why is not None and not self.skip:
            self._refuse(line, why, answers)
        if why is not None:
            self.skipped[why] += 1
            return
        name = self._name(line, value)
        first = next(content for role, content in prompt if role == USER)
        subset = _label(line, value, "subset")
        self.items.append(Item(name, _hash(first.strip()), prompt, answers, subset, number))

    def _same_kind(self, line: Line, value: dict[str, Any]) -> None:
        kind: Kind = "pairs" if kind_of(line, value) else "demonstrations"
        if self.kind is None:
            self.kind, self.first = kind, line.line
        elif kind != self.kind:
            line.fail(
                f"it is one of the {kind}, but line {self.first} is one of the {self.kind}; keep "
                "preference pairs and demonstrations in two files."
            )

    def _name(self, line: Line, value: dict[str, Any]) -> str:
        stem = Path(self.path.name.removesuffix(".gz")).stem
        name = _label(line, value, "id") or f"{stem}:{line.line}"
        if name in self.ids:
            line.fail(
                f"the id {name!r} is also that of line {self.ids[name]}, which differs; give every "
                "item its own id."
            )
        self.ids[name] = line.line
        return name

    def _refuse(self, line: Line, why: str, answers: tuple[str, ...]) -> None:
        if why == EQUAL:
            line.fail(
                f"chosen and rejected are equal ({answers[0][:60]!r}); correct one of them, or "
                "remove the line."
            )
        place = next(at for at, one in enumerate(answers) if not one.strip())
        side = ("chosen", "rejected")[place] if self.kind == "pairs" else ASSISTANT
        line.fail(f"the {side} answer is empty ({answers[place]!r}); write it, or remove the line.")

    def task(self) -> Task:
        if not self.lines:
            raise UserError(
                f"{str(self.path)!r} holds no item; write one JSON object per line, with prompt, "
                "chosen and rejected, or with prompt and completion."
            )
        if not self.items:
            why = ", ".join(f"{counted(n, 'line')} with {what}" for what, n in self.skipped.items())
            raise UserError(
                f"{str(self.path)!r} holds no item that can be scored ({why}); give it answers "
                "that differ."
            )
        assert self.kind is not None  # every line has one
        items, skipped = tuple(self.items), dict(self.skipped)
        return Task(self.path, self.kind, items, self.repeated, skipped, tuple(self.unread))


def _check_form(line: Line, raw: bytes) -> None:
    """Raises Fault where the first line is that of a table or a list, which polars can convert."""
    name = Path(line.path.name.removesuffix(".gz"))
    begin = raw.lstrip()[:4]
    if begin == b"PAR1":
        what, read = "a Parquet file", "read_parquet"
    elif begin.startswith(b"["):
        what, read = "a JSON list", "read_json"
    elif name.suffix.lower() == ".csv" and not begin.startswith(b"{"):
        what, read = "a CSV file", "read_csv"
    else:
        return
    line.fail(
        f"this is {what}, and what is read is one JSON object per line; convert it in Python: "
        f'polars.{read}("{line.path.name}").write_ndjson("{name.with_suffix(".jsonl")}").'
    )


def _unusable(answers: tuple[str, ...]) -> str | None:
    """Why a model cannot be asked which answer it prefers. Templates trim answers, so white space
    at the ends makes no difference."""
    bare = [one.strip() for one in answers]
    if not all(bare):
        return EMPTY
    return EQUAL if len(set(bare)) < len(bare) else None


def _label(line: Line, value: dict[str, Any], key: str) -> str | None:
    """A name: a text, or a whole number as a text; None where it is not said."""
    name = value.get(key)
    if isinstance(name, int) and not isinstance(name, bool):
        return str(name)
    if name is not None and (not isinstance(name, str) or not name.strip()):
        line.fail(f"{key} is {name!r}; it must be a text that is not empty, or left out.")
    return name


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:16]
