"""Psych-101 and Psych-201 style files: a participant's whole session as one transcript a line.

A session is one game whose events are pieces of text and responses in turn, so that it is stored
once however many responses it has. The file is read twice: first for what the participants of each
experiment responded, then for the decisions.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tremble.datasets.base import Card, Notes, Part
from tremble.decisions.files import LONGEST, json_of, lines_of, parsed
from tremble.decisions.record import Decision, Event, Game, Option, name_hash
from tremble.disk.paths import is_file, is_folder
from tremble.errors import UserError
from tremble.games.session import BEGIN, END
from tremble.text import as_written

MOST_OPTIONS = 20  # different responses; beyond it an answer is a number or a text, not a choice
SIDECAR = "options.json"
CARD = Card(
    name="psych",
    title="Psych-101 and Psych-201: transcripts of psychological experiments",
    citation=(
        "M. Binz et al. (2024). Centaur: a foundation model of human cognition. arXiv:2410.20268 "
        "(Psych-101); arXiv:2605.07632 (Psych-201)."
    ),
    licence="Psych-101: Apache 2.0; other files of this kind: not stated",
    size="any; a line per participant",
    one_decision="one response of one participant, marked << >> in the transcript",
    files=f"a .jsonl file, with an optional {SIDECAR} in the same folder",
    notes=(
        "Columns: text, experiment, participant; optional options (a list). Other columns are "
        "kept in `person` and appear in no prompt.",
        f"Options: those of the line, otherwise those of {SIDECAR} (experiment -> list), "
        "otherwise the responses of OTHER participants of the experiment. The participant's own "
        "responses never add an option.",
        "Dropped and counted, by reason: responses where the others gave more than "
        f"{MOST_OPTIONS} different ones or fewer than two, responses that are not an option, "
        "empty responses, and lines that repeat a session word for word. Dropped responses stay "
        "in the transcript of later ones.",
        "With two options the first is the target; with more there is none, and r has one point "
        "per option.",
        "The prompt is the transcript up to the response; earlier responses keep their << >> "
        "marks.",
    ),
    manual=(
        "take prompts_training.jsonl of Psych-101 from "
        "https://huggingface.co/datasets/marcelbinz/Psych-101, or any file of this kind"
    ),
    parts=(
        Part(
            "Psych-101",
            "2024-10",
            "the month of arXiv:2410.20268; the experiments in it were published separately before",
        ),
        Part("other transcripts", None, "your own or from another source: only you know"),
    ),
)

_COLUMNS = ("text", "experiment", "participant", "options")
_MARKS = re.compile(f"{BEGIN}|{END}")


@dataclass(slots=True)
class Given:
    """What participants of one experiment responded: response -> up to two of those who did.

    Two are enough to tell whether somebody other than a given participant did."""

    by: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def add(self, participant: str, responses: Iterable[str]) -> None:
        for response in responses:
            known = self.by.get(response, ())
            if len(known) < 2 and participant not in known:
                self.by[response] = (*known, participant)

    def by_others(self, participant: str) -> list[str]:
        """The different responses of all participants but this one, in order."""
        return in_order(text for text, who in self.by.items() if who != (participant,))


@dataclass(frozen=True, slots=True)
class _Session:
    """One line: pieces of text before each response and after the last, and the responses."""

    line: int
    experiment: str
    participant: str
    texts: tuple[str, ...]
    responses: tuple[str, ...]
    options: tuple[str, ...] | None
    facts: Mapping[str, Any]


def in_order(responses: Iterable[str]) -> list[str]:
    """Numbers by size, then texts by letters."""

    def place(text: str) -> tuple[int, float, str]:
        number = re.fullmatch(r"-?\d+(\.\d+)?", text)
        return (0, float(text), text) if number else (1, 0.0, text)

    return sorted(responses, key=place)


def load(path: Path, notes: Notes) -> Iterator[Decision]:
    """The decisions, session by session, in the order of the file.

    Responses that make no decision are counted in `notes.dropped`. Raises UserError, with file
    and line, for the first line that is not as described.
    """
    file = _file(path)
    declared = _sidecar(file.with_name(SIDECAR))
    given: dict[str, Given] = {}
    for session in _sessions(file):
        given.setdefault(session.experiment, Given()).add(
            session.participant, {text for text in session.responses if text.strip()}
        )
    if not given:
        raise UserError(f"{file} is empty; give one JSON object per line.")
    seen: dict[tuple[str, str], int] = {}
    marks: set[int] = set()
    for session in _sessions(file):
        mark = name_hash(repr(replace(session, line=0)))
        if mark in marks:
            notes.dropped["a session that another line repeats word for word"] += 1
            continue
        marks.add(mark)
        who = (session.experiment, session.participant)
        seen[who] = seen.get(who, 0) + 1
        if not session.responses:
            notes.dropped["a session without responses"] += 1
            continue
        options = session.options or declared.get(session.experiment)
        unknown = "a response that is not among the declared options"
        if options is None:
            options = tuple(given[session.experiment].by_others(session.participant))
            unknown = "a response that no other participant of the experiment gave"
            reason = _too_many_or_few(len(options))
            if reason is not None:
                notes.dropped[reason] += len(session.responses)
                continue
        yield from _decisions(session, seen[who], options, unknown, notes)


def _decisions(
    session: _Session, number: int, options: tuple[str, ...], unknown: str, notes: Notes
) -> Iterator[Decision]:
    """The decisions of one session, the `number`-th of this participant in this experiment; a
    response that is not among `options` is counted under `unknown`."""
    again = "" if number == 1 else f"/{number}"
    events: list[Event] = []
    for text, response in zip(session.texts[:-1], session.responses, strict=True):
        events += [Event("text", {"text": text}), Event("response", {"response": response})]
    events.append(Event("text", {"text": session.texts[-1]}))
    who = f"{_in_id(session.experiment)}/{_in_id(session.participant)}"
    game = Game(
        id=f"{CARD.name}/{who}{again}",
        dataset=CARD.name,
        family="session",
        rules={},
        events=tuple(events),
        person=session.facts,
        config={"experiment": session.experiment},
    )
    shown = tuple(Option(text, text) for text in options)
    for place, response in enumerate(session.responses):
        if response not in options:
            notes.dropped[unknown if response.strip() else "an empty response"] += 1
            continue
        yield Decision(
            id=f"{game.id}/r{place + 1}",
            dataset=CARD.name,
            family=game.family,
            options=shown,
            target=options[0] if len(options) == 2 else None,
            choice=response,
            game=game,
            at=2 * place + 1,
            participant=who,
            round=place + 1,
            line=session.line,
        )


def _in_id(name: str) -> str:
    """A name without "/", which parts names in an id. Different names stay different, and as they
    are where they hold neither a "/" nor what stands for one."""
    if not re.search("/|%2F|%25", name):
        return name
    return name.replace("%", "%25").replace("/", "%2F")


def _too_many_or_few(count: int) -> str | None:
    if count > MOST_OPTIONS:
        return f"responses where others gave more than {MOST_OPTIONS} different ones"
    if count < 2:
        return "responses where others gave fewer than two different ones"
    return None


def _file(path: Path) -> Path:
    if is_file(path):
        return path
    if not is_folder(path):
        raise UserError(f"There is no file or folder {str(path)!r}; check the path.")
    files = sorted(path.glob("*.jsonl"))
    if len(files) != 1:
        raise UserError(
            f"{len(files)} .jsonl files in {str(path)!r}; name the one with the transcripts."
        )
    return files[0]


def _sidecar(file: Path) -> dict[str, tuple[str, ...]]:
    """Experiment to declared options; nothing where there is no such file."""
    if not is_file(file):
        return {}
    cure = "write an object of experiment to a list of options"
    by_experiment = json_of(file, cure)
    if not isinstance(by_experiment, dict):
        raise UserError(f"{file}: a JSON {type(by_experiment).__name__}; {cure}.")
    return {
        experiment: _options(f"{file}, experiment {experiment!r}", options)
        for experiment, options in by_experiment.items()
    }


def _options(where: str, value: Any) -> tuple[str, ...]:
    sound = isinstance(value, list) and len(value) > 1 and len(set(map(str, value))) == len(value)
    if not sound or not all(isinstance(text, str) and text.strip() for text in value):
        raise UserError(
            f"{where}: options is {as_written(value)[:100]}; give a list of two or more different "
            "texts."
        )
    return tuple(value)


def _sessions(file: Path) -> Iterator[_Session]:
    with lines_of(file) as lines:
        for line, raw in lines:
            yield _session(file, line, raw)


def _session(file: Path, line: int, raw: bytes) -> _Session:
    where = f"{file}, line {line}"
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
    value = parsed(text, str(file), "write one JSON object per line", line)
    if not isinstance(value, dict):
        raise UserError(f"{where}: {str(value)[:100]!r} is not an object; write one per line.")
    names = []
    for key in ("experiment", "participant"):
        name = value.get(key)
        if type(name) not in (str, int) or name == "":
            raise UserError(
                f"{where}: {key} is {as_written(name)}; give a name or a number, without which "
                "other participants cannot be told from this one."
            )
        names.append(str(name))
    transcript = value.get("text")
    if not isinstance(transcript, str):
        raise UserError(
            f"{where}: text is {as_written(transcript)[:100]}; give the transcript with {BEGIN} "
            f"{END} around each response."
        )
    pieces = _pieces(where, transcript)
    options = value.get("options")
    return _Session(
        line,
        names[0],
        names[1],
        tuple(pieces[::2]),
        tuple(pieces[1::2]),
        None if options is None else _options(where, options),
        {key: fact for key, fact in value.items() if key not in _COLUMNS},
    )


def _pieces(where: str, text: str) -> list[str]:
    """Text, response, text, ..., text."""
    marks = list(_MARKS.finditer(text))
    for place, mark in enumerate(marks):
        if mark.group() != (END if place % 2 else BEGIN):
            near = text[max(0, mark.start() - 20) : mark.end() + 20]
            raise UserError(
                f"{where}: {mark.group()} near {near!r} has no matching mark; put {BEGIN} before "
                f"and {END} after each response, and nowhere else."
            )
    if len(marks) % 2:
        near = text[marks[-1].start() : marks[-1].end() + 20]
        raise UserError(f"{where}: {near!r} is never closed; put {END} after the response.")
    return _MARKS.split(text)
