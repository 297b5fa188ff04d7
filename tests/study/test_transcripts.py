"""Sessions in a study: read as one text, scored response by response, as single prompts are."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from tests.support.commands import tremble
from tests.support.scored_sessions import said
from tests.support.scored_sessions import scored as scored_row
from tests.support.scored_sessions import study as stored
from tests.support.sessions import session
from tests.support.toys import GreedyTokenizer
from tremble.api.methods import methods_facts
from tremble.api.results import analyze_study, further_analysis
from tremble.decisions.record import Option
from tremble.engines.mock import MockEngine, NextToken
from tremble.games.session import whole
from tremble.models.byte_tokenizer import VOCABULARY, ByteTokenizer
from tremble.prompts.arms import Interviewed
from tremble.prompts.chat import GEMMA, Template
from tremble.prompts.interview import own_questions
from tremble.prompts.parts import begun
from tremble.report.tables.methods import paragraph
from tremble.stats.frames.comparisons import Comparison
from tremble.stats.frames.session_responses import session_responses
from tremble.stats.tables.misalignment import misalignment_table
from tremble.stats.tables.responses import response_table
from tremble.store.study_folder import Store
from tremble.study.cells import Facts
from tremble.study.file import read_study
from tremble.study.prompt_table import PromptTable
from tremble.study.run import score_study
from tremble.study.session_notes import branching, session_notes
from tremble.study.session_rows import Interviews, SessionReader, session_text
from tremble.study.table_builder import TableBuilder
from tremble.study.table_view import TableView
from tremble.tokenization.options import terminator_ids

END = terminator_ids(ByteTokenizer().pieces(), ">")


def write(folder: Path, sessions: Sequence[dict[str, Any]], study: str = "", run: str = "") -> Path:
    lines = [{"schema": 1, "kind": "session", "dataset": "mine", **one} for one in sessions]
    (folder / "mine.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n", encoding="utf-8")
    text = f'[study]\nname = "s"\ndata = ["mine.jsonl"]\nformats = ["plain"]\n{study}\n'
    text += f'[run]\n{run}\n[[model]]\nid = "mock:one"\n'
    (folder / "s.toml").write_text(text, encoding="utf-8")
    return folder / "s.toml"


def scored(
    file: Path, monkeypatch: pytest.MonkeyPatch, model: NextToken, window: int | None = None
) -> pl.DataFrame:
    def opened(*_: Any) -> MockEngine:
        return MockEngine("mock:one", model, window=window)

    monkeypatch.setattr("tremble.engines.open.open_engine", opened)
    score_study(read_study(file), file.parent / "out", lambda _: None)
    return Store(file.parent / "out").scores()


def by_last(ids: Sequence[int]) -> np.ndarray:
    """A model in which the next byte depends on the two before it and on how many there are."""
    made = np.arange(1.0, VOCABULARY + 1)
    made = 1 + np.sin(made * (1 + ids[-1]) + 3 * ids[-2] + len(ids)) ** 2
    return np.asarray(made / made.sum())


def nats(text: str, response: str, model: Callable[..., np.ndarray]) -> tuple[float, float]:
    """-log p of a response after a text, and of what closes it, byte by byte."""
    ids, total = [256, *text.encode()], 0.0
    for byte in response.encode():
        total -= math.log(model(ids)[byte])
        ids.append(byte)
    return total, -math.log(model(ids)[list(END)].sum())


def test_each_response_is_scored_as_the_end_of_all_text_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = [
        "Pick one. <<A>> wins. Now <<B>> loses; say why: <<because>>.",
        "Pick one. <<B>>, then <<B>>. <<>> And <<nan>>? <<A>>",
    ]
    options = [[["A", "B"], ["A", "B"], None], ["A", "B"]]
    file = write(
        tmp_path,
        [
            {"id": f"one/{at}", "text": text, "participant": str(at), "study": "one"}
            | {"options": own}
            for at, (text, own) in enumerate(zip(texts, options, strict=True))
        ],
    )
    rows = {row["decision"]: row for row in scored(file, monkeypatch, by_last).to_dicts()}
    responses = [(0, 1, "A"), (0, 2, "B"), (0, 3, "because"), (1, 1, "B"), (1, 2, "B"), (1, 5, "A")]
    assert sorted(rows) == sorted(f"one/{at}/r{number}" for at, number, _ in responses)
    for at, number, response in responses:
        row = rows[f"one/{at}/r{number}"]
        before = "<<".join(texts[at].split("<<")[:number]) + "<<"
        said, closing = nats(before, response, by_last)
        assert row["response_logprob"] == pytest.approx(-said, abs=1e-9)
        assert row["closing_logprob"] == pytest.approx(-closing, abs=1e-9)
        assert row["response_tokens"] == len(response)
        first = int(np.argmax(by_last([256, *before.encode()])))
        assert row["response_likeliest"] == (first == response.encode()[0])
        if response == "because":  # no options: no prediction, and no mass
            assert (row["keys"], row["logprobs"], row["mass"]) == ([], None, None)
        else:
            both = [-nats(before, label, by_last)[0] for label in "AB"]
            assert row["logprobs"] == pytest.approx(both, abs=1e-9)
            assert row["mass"] == pytest.approx(sum(map(math.exp, both)), abs=1e-9)


def test_a_table_of_a_session_takes_little(tmp_path: Path) -> None:
    """At most 6 bytes a token and 120 a response, on disk and of flat arrays in memory."""
    text = "".join(
        f"Trial {n}: you press <<{'JF'[n * 7 % 3 % 2]}>> and win {n}.\n" for n in range(900)
    )
    decisions = session(text)
    interviews = Interviews("none", ("none",), None)  # type: ignore[arg-type]
    reader = SessionReader(ByteTokenizer(), None, interviews)
    table = reader.rows(decisions, TableBuilder(lambda _: ()))
    path = tmp_path / "t.parquet"
    table.write_parquet(path)
    allowed = 6 * len(text.encode()) + 120 * len(decisions)
    assert path.stat().st_size <= allowed
    tokens = table["trunk_ids"].drop_nulls()
    assert len(tokens) == 1 and int(tokens.list.len()[0]) == len(text.encode()) + 1
    assert table["prefix"].list.len().sum() == 0  # every byte is a token: no branches
    view = TableView(path, "joint")
    assert [len(paths.prefix) for paths in view] == [
        1 + len(text[:at].encode()) for at in _starts(text)
    ]


def test_branches_are_counted_by_experiment_and_said_beside_its_numbers(tmp_path: Path) -> None:
    """A tokenizer that joins the mark with one of two answers: half the responses of one experiment
    are branches, none of the other's."""
    interviews = Interviews("none", ("none",), None)  # type: ignore[arg-type]
    reader = SessionReader(GreedyTokenizer(["J>>"]), None, interviews)
    builder = TableBuilder(lambda _: ())
    odd = session("Say <<J>> or <<F>>. <<J>> <<F>>.", "1", "letters")
    tables = [reader.rows(odd, builder), reader.rows(session("Say <<F>>.", "2", "else"), builder)]
    pl.concat(tables).write_parquet(tmp_path / "t.parquet")
    counted = PromptTable(tmp_path / "t.parquet").sessions()
    assert counted is not None
    assert (counted["responses"], counted["branches"]) == (5, 2)
    assert counted["branching"] == {"letters": 0.5}
    manifest = {"model": "m", "dataset": "d", "formulation": "standard", "format": "plain"}
    (note,) = session_notes([{**manifest, "sessions": counted | {"added": 0}}])
    assert "(share of responses: letters .50)" in note
    known = branching([{**manifest, "sessions": counted}])
    assert known == {("m", "letters"): 0.5}
    assert branching([{**manifest, "format": "chat", "sessions": counted}]) == {}
    rows = [said("letters", "p", 1, "s"), said("else", "p", 1, "h")]
    scores = [scored_row(row, 1.0, model) for model in ("m", "n") for row in rows]
    made = replace(session_responses(*stored(rows, scores)), branching=known)
    notes = {(row["model"], row["experiment"]): row["note"] for row in response_table(made)}
    assert "marks share a token with .50 of the responses" in notes["m", "letters"]
    for other in (("m", "else"), ("n", "letters")):
        assert "marks" not in (notes[other] or "")
    pair = Comparison("m", "n", "plain", "plain", "plain")
    of_pair = {row["experiment"]: row["note"] for row in misalignment_table(made, [pair])}
    assert "marks share a token with .50 of the responses" in of_pair["letters"]
    assert "marks" not in (of_pair["else"] or "")


def _starts(text: str) -> list[int]:
    return [at + 2 for at in range(len(text)) if text.startswith("<<", at)]


def ages(count: int) -> list[dict[str, Any]]:
    """People who press A where their age is even, and B where it is odd, nine times out of ten."""
    made = []
    for number in range(count):
        age = 20 + number % 4
        said = ["AB"[(age + (turn == number % 10)) % 2] for turn in range(10)]
        text = "You choose A or B.\n" + "".join(f"You press <<{one}>>.\n" for one in said)
        made.append(
            {"id": f"one/{number}", "text": text, "participant": str(number), "study": "one"}
            | {"options": ["A", "B"], "person": {"age": age}}
        )
    return made


def by_age(ids: Sequence[int]) -> np.ndarray:
    """A model that goes by the last digit of the age that it was told."""
    text = bytes(one for one in ids if one < 256).decode()
    made = np.full(VOCABULARY, 0.02 / (VOCABULARY - 2))
    told = text.partition("Interviewee: ")[2].partition(".")[0]
    a = 0.49 if not told.isdigit() else (0.88, 0.1)[int(told[-1]) % 2]
    made[ord("A")], made[ord("B")] = a, 0.98 - a
    return made


def by_nothing(ids: Sequence[int]) -> np.ndarray:
    return np.full(VOCABULARY, 1 / VOCABULARY)


PERSONAS = 'personas = ["none", "own", "other", "refused"]'


@pytest.mark.parametrize(("model", "reads"), [(by_age, True), (by_nothing, False)])
def test_planted_truth_of_personas(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: NextToken, reads: bool
) -> None:
    """A model that moves with the age gains by a person's own facts; one that reads nothing gains
    exactly 0, whoever's they are."""
    file = write(tmp_path, ages(24), PERSONAS)
    scored(file, monkeypatch, model)
    analysis, _, _ = analyze_study(tmp_path / "out")
    rows = {
        row["arms"]: row
        for row in further_analysis(analysis, ["personas"])["personas"]
        if row["kind"] == "experiment"
    }
    gain = rows["own - other"]["difference"]
    assert rows["own - other"]["n"] == 24
    if reads:
        assert gain > 0 and rows["own - other"]["low"] > 0
        assert rows["own - none"]["difference"] > 0
        # Whose other has an age of the same parity loses nothing.
        assert 0 < rows["own - other"]["equal"] < 1
    else:
        assert {row["difference"] for row in rows.values()} == {0.0}
    assert rows["own - refused"]["difference"] == pytest.approx(rows["own - none"]["difference"])


def test_sessions_are_cut_to_a_window_alike_in_every_arm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write(tmp_path, ages(6), PERSONAS, 'too_long = "cut"')
    of = Facts.of
    monkeypatch.setattr(Facts, "of", lambda opened: replace(of(opened), window=200))
    rows = scored(file, monkeypatch, by_age, window=200)
    kept = (
        rows.filter(pl.col("error").is_null())
        .group_by("formulation")
        .agg(pl.col("decision").sort())
    )
    sets = {tuple(some) for some in kept["decision"].to_list()}
    assert kept.height == 4 and len(sets) == 1
    assert 0 < len(next(iter(sets))) < 60
    assert set(rows["error_kind"].drop_nulls()) == {"cut"}


CARDS = "Cards.\n\nBlock 1: you press <<J>> to see <bos> there.\nThen you press <<F>>.\nNow <<J>>."
ALL_ON_ONE = "Cards are J or F. You press <<J>>. You press <<F>>."
BLANK = "\n\nYou press <<J>>.\nThen you press <<F>>.\nEnd."  # the first turn says nothing
SHORT = "user\nYou press <<J>>.\nThen you press <<F>>."  # the first turn stands in the template


@pytest.mark.parametrize(
    "text", [CARDS, ALL_ON_ONE, "\n " + CARDS, BLANK, f" {BLANK}", f" \n\n{ALL_ON_ONE}", SHORT]
)
@pytest.mark.parametrize("before", ["", "Interviewer: Age?\nInterviewee: 30.0\n\n"])
@pytest.mark.parametrize("trims", [True, False])
def test_a_session_in_a_chat_is_each_response_in_the_template(
    text: str, before: str, trims: bool
) -> None:
    """Also where the template trims, prints a BOS that is another model's, and people say so."""
    printed = GEMMA if trims else GEMMA.replace(" | trim", "")
    template = Template(printed, "t", {"bos_token": "<start>"})
    decisions = session(text)
    read = session_text(whole(decisions[0].game), decisions, before, template, "<bos>")  # type: ignore[arg-type]
    assert len(read.places) == len(decisions)
    for decision, place in zip(decisions, read.places, strict=True):
        prompt = read.text[: place.stop] + place.suffix
        transcript = text[: text.index("<<", _starts(text)[decision.round - 1] - 2) + 2]  # type: ignore[operator]
        talk = begun(transcript, ())
        talk = replace(talk, user=before + talk.user)
        assert prompt == template.render(talk).removeprefix("<start>")
        assert read.text[place.start : place.start + len(place.response)] == decision.response
        assert place.stop <= place.start
    # People's words are the common text: what stands behind them is a turn's end and a line.
    frame = len("<end_of_turn>\n<start_of_turn>model\n") + 2
    line = max(map(len, text.split("\n")))
    begin = len("<start_of_turn>user\n")  # all there is in common with a turn of white space
    assert max(len(place.suffix) for place in read.places) < begin + frame + line
    assert read.text[read.words :].strip() == (before + text).strip()


def test_every_arm_keeps_the_same_responses_whatever_the_window() -> None:
    decisions = session("You press <<J>>.\nYou press <<F>>.", person={"age": 30})
    people, arms = Interviewed.of(decisions, own_questions()), ("none", "own", "refused")

    def rows(arm: str, window: int | None) -> pl.DataFrame:
        reader = SessionReader(ByteTokenizer(), None, Interviews(arm, arms, people), window=window)
        return reader.rows(decisions, TableBuilder(lambda _: ()))

    needed = [rows(arm, None)["length"].to_list() for arm in arms]
    longest = [max(lengths) for lengths in zip(*needed, strict=True)]  # "refused" says more
    assert longest[0] > needed[1][0]
    for window in (longest[0] - 1, longest[0], longest[1] - 1, longest[1]):
        kept = [length <= window for length in longest]
        for arm in arms:
            table = rows(arm, window)  # what is cut is one prompt, which stands there once
            errors = table.filter(pl.col("row_key").is_not_null())["error_kind"]
            assert errors.gather(table["prompt"]).is_null().to_list() == kept


def test_a_cut_takes_everything_behind_it() -> None:
    """A response with a long option that the window does not hold ends the session, though those
    behind it would fit."""
    text = "You press <<J>>. You press <<F>>. You press <<J>>."
    long = (Option("F", "F"), Option("J", "J" * 60))
    first, second, third = session(text)
    decisions = [first, replace(second, options=long), third]
    people, arms = Interviewed.of(decisions, own_questions()), ("none",)
    reader = SessionReader(ByteTokenizer(), None, Interviews("none", arms, people), window=70)
    table = reader.rows(decisions, TableBuilder(lambda _: ()))
    errors = table.filter(pl.col("row_key").is_not_null())["error_kind"]
    assert errors.gather(table["prompt"]).to_list() == [None, "cut", "cut"]


def test_a_study_of_sessions_shows_their_tables_unasked(tmp_path: Path) -> None:
    """And its verdict says why it has no answers, in place of that nothing was scored."""
    file = write(
        tmp_path,
        [
            {"participant": str(n), "study": "cards", "text": "You say <<red>>, then <<blue>>."}
            for n in range(3)
        ],
    )
    out = tmp_path / "out"
    assert tremble("run", file, "--out", out)[0] == 0
    code, said, _ = tremble("analyze", out)
    assert code == 0
    assert said.index("How likely does each model find what people said") < said.index("Models\n")
    assert "How much do models learn from a person's own past" in said
    assert "No rows in" not in said
    code, said, _ = tremble("verdict", out)
    assert code == 0 and "No decision with known options has been scored" in said
    assert tremble("report", out, "--out", tmp_path / "page.html")[0] == 0
    page = (tmp_path / "page.html").read_text("utf-8")
    assert page.index('id="sessions"') < page.index('id="responses"') < page.index('id="models"')
    words = paragraph(methods_facts(out))
    assert "Each response in a session was scored behind the text before it" in words
    assert "Nats per response are given with 95% intervals" in words
    for claim in ("each option", "Pearson", "replace participants"):  # no option is known
        assert claim not in words
