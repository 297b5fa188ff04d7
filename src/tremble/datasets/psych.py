"""Psych-101 and Psych-201 style files: a participant's whole session as one transcript a line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

from tremble.datasets.base import Card, Notes, Part, Sessions
from tremble.datasets.psych_files import Found, found_at, rows_of, without_folder
from tremble.datasets.psych_lines import Faulty, Transcript, experiment_of, transcript_of
from tremble.datasets.psych_options import SIDECAR, Options
from tremble.decisions.record import Decision, name_hash
from tremble.decisions.sessions import Session, is_empty, is_missing, name_in_id
from tremble.errors import UserError
from tremble.text import counted

LISTED = 1000  # faulty lines that are kept for --json
NAMED = 3  # faulty lines that are named; further ones are counted
CARD = Card(
    name="psych",
    title="Psych-101 and Psych-201: transcripts of psychological experiments",
    citation=(
        "M. Binz et al. (2024). Centaur: a foundation model of human cognition. arXiv:2410.20268 "
        "(Psych-101); arXiv:2605.07632 (Psych-201)."
    ),
    licence="Psych-101 and the repository of Psych-201: Apache 2.0; the original data: not stated",
    size="any; a line per participant",
    one_decision="one response of one participant, marked << >> in the transcript",
    files=(
        "a .jsonl, .gz, .zip or .parquet file, or a folder with one for each experiment, with an "
        f"optional {SIDECAR}"
    ),
    notes=(
        "Columns: text, experiment, participant; optional study, options, category, condition, "
        "reaction times, and facts about the participant. A response is any text between << and "
        ">>; all of them are kept, with or without options.",
        "The study, over which means are taken, is the column study, else the folder of the file, "
        "else the column experiment. The folder that is named itself gives a name if it holds one "
        "experiment and nothing else.",
        "Facts about a participant: the 25 that Psych-201 knows, such as age, gender and "
        "diagnosis, in any spelling of their names. Other columns are none.",
        f"Options: those of the line (a list, or a list for each response), otherwise those of "
        f"{SIDECAR} (experiment -> list, or a regular expression whose groups are the labels in "
        "the text since the last response, or else before the first one). Responses never add an "
        "option: earlier versions took the options from other people's responses, which was wrong "
        "where labels are drawn anew for each person. Import old files again.",
        "Without options there is the likelihood of a response; with them also a prediction. No "
        "option is the target, since labels are often drawn for each person: r has one point per "
        "option.",
        "Excluded and counted: responses without text or that say nan or None (they stay in the "
        "transcript), and lines equal to another one in study, participant and text.",
        "The prompt is the transcript up to the response; earlier responses keep their << >> "
        "marks.",
    ),
    manual=(
        "take prompts_training.jsonl of Psych-101 from "
        "https://huggingface.co/datasets/marcelbinz/Psych-101, the folders of experiments from "
        "https://github.com/marcelbinz/Psych-201, or any file of this kind"
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
_EMPTY = "a response without text; it stays in the transcript"
_MISSING = "a response that says nan or None; it stays in the transcript"
_AGAIN = "a line equal to another one in study, participant and text"


def load(path: Path, notes: Notes) -> Iterator[Decision]:
    """The decisions, session by session, in the order of the files.

    Responses that make no decision are counted in `notes.dropped`, faulty lines in `notes.faulty`
    (the first three are in `notes.faults`, more in `notes.faulty_lines`), sessions in
    `notes.sessions`. Raises UserError, after the last line, where a line is faulty and
    `notes.strict`, or where all are; at once for a file that cannot be read and for options that
    are none.
    """
    files = found_at(path)
    if files[0].folder is not None and files[0].file.parent == path and _several(files):
        files = without_folder(files)
    notes.sessions = Sessions()
    with closing(_Import(path, notes)) as work:
        for found in files:
            with rows_of(found.file) as rows:
                counted_as = found.counted
                for number, row in rows:
                    where = f"{found.file}, {counted_as} {number}"
                    try:
                        one = transcript_of(row, found.file, where, number, found.folder)
                    except Faulty as fault:
                        _keep(notes, fault, found.file, number)
                        continue
                    session = work.session(one, found, number, where)
                    if session is not None:
                        yield from session.decisions()
        work.end()


def _several(files: Iterable[Found]) -> bool:
    """Whether lines name more than one experiment, so that their folder is none's."""
    names: set[str | None] = {None}
    for found in files:
        with rows_of(found.file) as rows:
            for _, row in rows:
                names.add(experiment_of(row))
                if len(names) > 2:
                    return True
    return False


def _keep(notes: Notes, fault: Faulty, file: Path, line: int) -> None:
    notes.faulty += 1
    if len(notes.faults) < NAMED:
        notes.faults.append(str(fault))
    if len(notes.faulty_lines) < LISTED:
        notes.faulty_lines.append(
            {"file": str(file), "line": line, "column": fault.column, "what": fault.what}
        )


class _Import:
    """What is known of the lines before. To be closed."""

    def __init__(self, path: Path, notes: Notes) -> None:
        self._path = path
        self._notes = notes
        self._options = Options(path)
        self._marks: set[int] = set()
        self._times: Counter[tuple[str, str]] = Counter()  # sessions of a participant in a study
        self._unknown: Counter[str] = Counter()  # by study, responses that are no option
        self._several: dict[str, set[str]] = {}  # by study, the experiments in it
        self._lines = 0

    def session(self, one: Transcript, found: Found, line: int, where: str) -> Session | None:
        """The session of a line; None where it is no new one, or has no responses."""
        self._lines += 1
        notes, study = self._notes, one.names[0]
        who = (study, one.participant)
        mark = name_hash(repr((who, one.texts, one.responses)))
        if mark in self._marks:
            notes.dropped[_AGAIN] += 1
            return None
        self._marks.add(mark)
        if not one.responses:
            notes.dropped["a session without responses"] += 1
            return None
        self._times[who] += 1
        self._several.setdefault(study, set()).add(one.names[-1])
        self._options.saw(found.file, one.names)
        options = one.options
        if options is None:
            options = self._options.of(found.file, one.names, one.texts[:-1], where)
        again = "" if self._times[who] == 1 else f"/{self._times[who]}"
        session = Session(
            id=f"{CARD.name}/{name_in_id(study)}/{name_in_id(one.participant)}{again}",
            dataset=CARD.name,
            study=study,
            participant=one.participant,
            texts=one.texts,
            responses=one.responses,
            options=options,
            person=one.person,
            config=one.config,
            times=one.times,
            line=line,
        )
        self._count(session)
        return session

    def _count(self, session: Session) -> None:
        notes, empty = self._notes, 0
        for place, response in enumerate(session.responses):
            if is_empty(response):
                empty += 1
            elif is_missing(response):
                notes.dropped[_MISSING] += 1
            elif session.options is not None:
                labels = session.options[place]
                self._unknown[session.study] += labels is not None and response not in labels
        if empty:
            notes.dropped[_EMPTY] += empty
        assert notes.sessions is not None
        notes.sessions.add(session.study, len(session.responses), empty)

    def end(self) -> None:
        """After the last line. Raises UserError as `load` says."""
        notes = self._notes
        if not self._lines and not notes.faulty:
            raise UserError(f"{self._path} is empty; give one JSON object per line.")
        if notes.faulty and (notes.strict or not self._lines):
            which = counted(notes.faulty, "faulty line")
            raise UserError(f"{which}, so nothing was imported: {'; '.join(notes.faults)}")
        notes.odd += self._options.notes()
        for study, count in self._unknown.items():
            if count:
                are = "is" if count == 1 else "are"
                notes.odd.append(
                    f"{study}: {counted(count, 'response')} {are} none of the options, so only the "
                    "likelihood is used."
                )
        for study, experiments in self._several.items():
            if len(experiments) > 1:
                notes.odd.append(
                    f"{study}: its lines name {len(experiments)} experiments, which count as one "
                    "study; add a column study to keep them apart."
                )

    def close(self) -> None:
        self._options.close()
