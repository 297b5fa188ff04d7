"""Decisions from files, records and frames; what they hold, and what is wrong with them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import tremble as tr
from tests.support.commands import tremble
from tests.support.public_records import ASKED, records
from tests.support.record_lines import write_lines
from tremble.decisions import jsonl

pandas = pytest.importorskip("pandas")
RECORD: dict[str, Any] = {"prompt": ASKED, "options": ["keep", "share"], "choice": "keep"}


def refusal(call: Callable[[], object]) -> str:
    with pytest.raises(tr.UserError) as error:
        call()
    return str(error.value)


def flat(given: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Records as rows of a frame."""
    return [
        {**{key: value for key, value in one.items() if key != "config"}}
        | {f"config.{key}": value for key, value in one["config"].items()}
        for one in given
    ]


def test_all_ways_in_give_the_same_decisions(tmp_path: Path) -> None:
    given = records(3)
    path = write_lines(tmp_path / "mine.jsonl", *given)
    packed = tmp_path / "mine.jsonl.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    from_file = list(tr.read_decisions(path))
    assert from_file == list(jsonl.read(path))
    rows = flat(given)
    for source in (
        str(path),
        packed,
        given,
        pl.DataFrame(rows),
        pandas.DataFrame(rows),
        tr.read_decisions(path),
    ):
        decisions = tr.read_decisions(source, dataset="mine")
        assert [one.breakdown for one in decisions] == [one["config"] for one in given]
        assert list(decisions) == from_file, type(source)


def test_embedded_data_go_by_their_name_and_paths_by_theirs(tmp_path: Path) -> None:
    assert len(tr.read_decisions("demo")) == 1911
    assert refusal(lambda: tr.read_decisions(Path("demo"))) == (
        "There is no file 'demo'; check the path."
    )
    assert refusal(lambda: tr.read_decisions("dmo")) == "There is no file 'dmo'; check the path."
    assert "not embedded" in refusal(lambda: tr.read_decisions("glee"))
    assert "is a folder" in refusal(lambda: tr.read_decisions(tmp_path))


def test_missing_values_of_frames_are_left_out_and_whole_numbers_are_whole() -> None:
    rows = {
        "prompt": [ASKED, f"Once more. {ASKED}"],
        "options": [["keep", "share"], ["keep", "share"]],
        "choice": ["keep", None],
        "rate": [np.nan, 0.25],
        "n": [np.nan, 12.0],
        "participant": [7.0, np.nan],
        "config.frame": ["gain", None],
        "config.dose": [np.nan, 0.5],
        "config.day": [pandas.NaT, pandas.Timestamp(2024, 5, 1)],
    }
    decisions = tr.read_decisions(pandas.DataFrame(rows))
    assert (decisions[0].participant, decisions[0].n, decisions[0].config) == (
        "7", None, {"frame": "gain"}
    )  # fmt: skip
    assert (decisions[1].participant, decisions[1].n) == (None, 12)
    assert decisions[1].rates == {"keep": 0.25, "share": 0.75}
    assert decisions[1].config == {"dose": 0.5, "day": "2024-05-01T00:00:00"}


def test_values_that_json_has_not_are_taken_for_what_they_are() -> None:
    made = tr.read_decisions(
        [
            {
                **RECORD,
                "options": np.array(["keep", "share"]),
                "round": np.int64(3),
                "config": {
                    "dose": np.float64(0.5),
                    "day": date(2024, 5, 1),
                    "flag": np.bool_(True),
                },
            }
        ]
    )
    assert made[0].round == 3
    assert made[0].config == {"dose": 0.5, "day": "2024-05-01", "flag": True}
    # Where null says something, it stays: rounds nobody was told of.
    game = {
        "kind": "game", "id": "g", "dataset": "d", "family": "repeated_matrix",
        "rules": {"rounds": None}, "events": [],
    }  # fmt: skip
    move = {
        "id": "g/1",
        "game": "g",
        "at": 0,
        "options": ["cooperate", "defect"],
        "choice": "defect",
    }
    (decision,) = tr.read_decisions([game, move])
    assert decision.game is not None and decision.game.rules == {"rounds": None}


@pytest.mark.parametrize(
    ("source", "what"),
    [
        (7, "cannot be read from an int"),
        ({"prompt": "x"}, "cannot be read from a dict"),
        ([], "The list of records is empty"),
        ([1], "records, line 1: an int is not a record"),
        ([RECORD, {**RECORD, "choice": "no"}], "records, line 2: choice 'no' is not among"),
        ([{**RECORD, "config": {"a": {1, 2}}}], "records, line 1: the record cannot be written"),
        ([{**RECORD, "prompt": "\ud800"}], "half of a surrogate pair"),
        (pl.DataFrame({"prompt": [ASKED]}), "frame, line 1: options is missing"),
    ],
)
def test_what_is_no_decision_is_one_sentence(source: Any, what: str) -> None:
    said = refusal(lambda: tr.read_decisions(source))
    assert what in said and "\n" not in said


def test_a_frame_shows_what_was_read_and_reads_back(tmp_path: Path) -> None:
    decisions = tr.read_decisions(records(3), dataset="mine")
    frame = decisions.frame()
    assert frame["participant"].to_list() == [one["participant"] for one in records(3)]
    assert frame["config.stakes"].to_list() == [0, 0, 1, 1, 2, 2]
    again = tr.read_decisions(frame)
    assert list(again) == list(decisions)
    rated = tr.read_decisions(
        [
            {
                "prompt": ASKED,
                "options": [{"key": "a", "label": "keep", "value": 1},
                            {"key": "b", "label": "share", "value": 2, "spellings": ["give"]}],
                "rates": {"a": 0.25, "b": 0.75},
                "n": 8,
                "choices_each": 5,
            },
            {**RECORD, "person": {"age": 31, "from": "north"}},
        ]
    )  # fmt: skip
    assert list(tr.read_decisions(rated.frame(), dataset="records")) == list(rated)


def test_games_are_shown_in_words(tmp_path: Path) -> None:
    decisions = tr.read_decisions("demo")
    frame = decisions.frame()
    assert frame.height == 1911 and frame["prompt"].null_count() == 0
    first = frame.row(0, named=True)
    assert "Round 1" in first["prompt"] or first["system"]
    assert frame["id"].n_unique() == 1911


def test_a_sequence_that_does_not_change() -> None:
    decisions = tr.read_decisions(records(3))
    assert isinstance(decisions[1:], tr.Decisions) and len(decisions[1:]) == 5
    assert decisions[-1].id == "mine/loss2"
    with pytest.raises(TypeError):
        decisions[0] = decisions[1]  # type: ignore[index]
    with pytest.raises(AttributeError):
        decisions.name = "x"  # type: ignore[misc]


def test_records_are_written_and_nothing_of_the_users_is_replaced(tmp_path: Path) -> None:
    decisions = tr.read_decisions(records(2), dataset="mine")
    path = decisions.write(tmp_path / "sub" / "mine.jsonl")
    assert list(jsonl.read(path)) == list(decisions)
    decisions[:1].write(path)  # our own
    assert len(tr.read_decisions(path)) == 1
    own = tmp_path / "own.jsonl"
    own.write_text('{"prompt": "mine"}\n')
    assert refusal(lambda: decisions.write(own)) == (
        f"{str(own)!r} was not written by tremble; give another path."
    )
    assert own.read_text() == '{"prompt": "mine"}\n'
    assert "use a name that ends in .jsonl" in refusal(lambda: decisions.write(tmp_path / "a.csv"))
    assert "--out" not in refusal(lambda: decisions.write(tmp_path))


def test_a_check_says_what_the_command_says(tmp_path: Path) -> None:
    given = [*records(2), {**RECORD, "choice": "no", "id": "x"}, {**RECORD, "id": "y"}]
    path = write_lines(tmp_path / "mine.jsonl", *given)
    code, out, error = tremble("data", "check", path)
    found = tr.check(path)
    assert not found and code == 2
    assert repr(found) == "\n".join(
        [line.removeprefix("tremble: ") for line in error.splitlines()]
        + out.splitlines()[:-2]  # the command's last line is a further command
    )
    said = json.loads(tremble("data", "check", path, "--json")[1])
    assert said == {**found.summary, "faults": found.faults, "warnings": found.warnings}


def test_records_in_memory_are_checked_as_their_file_is(tmp_path: Path) -> None:
    given = [*records(2), {**RECORD, "choice": "no", "id": "x"}, {**RECORD, "id": "y"}]
    path = write_lines(tmp_path / "records.jsonl", *given)
    there, here = tr.check(path), tr.check(given)
    assert here.summary == there.summary
    assert here.faults == [line.replace(str(path), "records") for line in there.faults]
    assert here.warnings == [line.replace(str(path), "records") for line in there.warnings]
    frame = pl.DataFrame(flat(records(2)))
    assert tr.check(frame).summary["families"] == tr.check(records(2)).summary["families"]
    sound = tr.read_decisions(records(2))
    assert tr.check(sound).summary == tr.check(records(2)).summary and tr.check(sound)
    assert tr.check("demo") and tr.check(tr.read_decisions("demo")[5:9]).summary["decisions"] == 4


def test_what_a_notebook_shows_is_escaped() -> None:
    nasty = "<script>alert(1)</script>"
    decisions = tr.read_decisions(
        [{**RECORD, "prompt": f"{nasty} {ASKED}", "config": {"a": nasty}}]
    )
    for shown in (decisions._repr_html_(), tr.check(decisions)._repr_html_()):
        assert nasty not in shown and "&lt;script&gt;" in shown
        assert "1 decision" in shown


def test_of_many_decisions_a_notebook_looks_at_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tremble.public.decisions._LOOKED_AT", 4)
    shown = tr.read_decisions(records(3))._repr_html_()
    assert "6 decisions; the following is about the first 4." in shown
    assert "4 decisions of" in shown


MAP = {
    "file": {"missing": ["-9"]},
    "drop": {"done": ["no"]},
    "task": [
        {
            "family": "dictator",
            "participant": "who",
            "outcome": "choice",
            "options": ["keep", "share"],
            "config": {"frame": "arm"},
            "facts": ["age"],
            "prompt": "You have {{ stake }} coins. Do you keep or share? Answer as JSON.",
        }
    ],
}
TABLE = {
    "who": ["b", "a", "b", "c"],
    "done": ["yes", "yes", "no", "yes"],
    "stake": [4, 5, 6, 7],
    "choice": ["keep", "share", "keep", "-9"],
    "arm": ["x", "y", "x", "y"],
    "age": [30, None, 30, 22],
}


def test_a_table_is_read_by_a_map(tmp_path: Path) -> None:
    """From a frame, a file and the map's file: the same decisions, and what was left out."""
    frame = pl.DataFrame(TABLE)
    decisions = tr.read_decisions(frame, MAP, dataset="mine")
    found = [(d.participant, d.choice, d.config, dict(d.facts)) for d in decisions]
    assert found == [
        ("1", "keep", {"frame": "x"}, {"age": 30}),
        ("2", "share", {"frame": "y"}, {}),
    ]
    assert decisions[0].prompt is not None and decisions[0].prompt.startswith("You have 4 coins.")
    assert len(decisions.notes) == 2 and all(
        note.startswith("excluded: 1 (") for note in decisions.notes
    )
    frame.write_csv(tmp_path / "mine.csv")
    of_file = tr.read_decisions(tmp_path / "mine.csv", MAP)
    assert [d.prompt for d in of_file] == [d.prompt for d in decisions]
    assert (of_file.name, of_file.notes) == ("mine", decisions.notes)
    toml = tmp_path / "map.toml"
    toml.write_text(
        """
[file]
missing = ["-9"]
[drop]
done = ["no"]
[[task]]
family = "dictator"
participant = "who"
outcome = "choice"
options = ["keep", "share"]
config = { frame = "arm" }
facts = ["age"]
prompt = "You have {{ stake }} coins. Do you keep or share? Answer as JSON."
"""
    )
    assert list(tr.read_decisions(tmp_path / "mine.csv", toml)) == list(of_file)
    with pytest.raises(tr.UserError, match="did you mean 'choice'"):
        tr.read_decisions(frame, {"task": [{**MAP["task"][0], "outcome": "choise"}]})  # type: ignore[index]
