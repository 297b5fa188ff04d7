"""Data sets of packages whose decisions no file could hold: one sentence, before anything runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.commands import mistake, tremble
from tests.support.extensions import installed, on_path
from tremble.datasets.base import Notes, source
from tremble.errors import UserError

HEAD = """
from tremble.datasets.base import Card
from tremble.decisions.record import Decision, Event, Game, Option
O = (Option("a", "yes"), Option("b", "no"))
class D:
    CARD = Card("dd", "t", "c", "l", "s", "o", "f", embedded=True)
    @staticmethod
    def load(path, notes):
        for i in range(4):
            yield Decision(%s)
"""
SOUND = 'f"d{i}", "dd", "custom", O, "a", "ab"[i % 2], prompt=f"Take {i}, yes or no?"'
RATES = 'f"d{i}", "dd", "custom", O, "a", rates=%s, n=5, prompt=f"Take {i}, yes or no?"'


def data_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fields: str) -> None:
    points = "[tremble.datasets]\ndd = yields:D\n"
    site = installed(tmp_path / "site", {"yields.py": HEAD % fields}, points, name="faulty")
    on_path(monkeypatch, site)


@pytest.mark.parametrize(
    ("fields", "decision", "why"),
    [
        (SOUND.replace('f"d{i}"', '"d"'), "'d'", "two decisions have the id 'd'"),
        (SOUND.replace('f"d{i}"', "i"), "0", "id is 0; it must be a text"),
        (SOUND.replace('"ab"[i % 2]', '"zz"'), "'d0'", "choice 'zz' is not among the options"),
        (SOUND.replace('"a", "ab"', '"zz", "ab"'), "'d0'", "target 'zz' is not among the options"),
        (SOUND.replace(" O,", " O[:1],"), "'d0'", "at least two options"),
        (SOUND.replace(" O,", " [*O],"), "'d0'", "options must be a tuple"),
        (SOUND.replace(" O,", ' (O[0], Option("a", "no")),'), "'d0'", "the same key in ['a', 'a']"),
        (SOUND.replace(" O,", ' (O[0], Option("b", "yes")),'), "'d0'", "the same label"),
        (SOUND.replace(" O,", ' (O[0], Option("b", "\\ud800")),'), "'d0'", "cannot be written"),
        (RATES % '{"a": 45 + i, "b": 55 - i}', "'d0'", "for 45 % write 0.45"),
        (RATES % '{"a": float("nan"), "b": 0.5}', "'d0'", "cannot be written as JSON"),
        (RATES % '{"a": 0.5}', "'d0'", "rates are given for ['a']"),
        (SOUND.replace('prompt=f"Take {i}, yes or no?"', "round=1"), "'d0'", "neither game, rules"),
        (
            SOUND.replace('"custom"', '"nofam"').replace("prompt=f", "rules={},role=f"),
            "'d0'",
            "nofam",
        ),
        (
            SOUND + ', config={"x": 1}, item="one"',
            "'d1'",
            "different text than in the decision 'd0'",
        ),
        (
            SOUND.split(", prompt")[0].replace("custom", "lottery")
            + ', at=2, game=Game(f"g{i}", "dd", "lottery", {}, (Event("x", {}),))',
            "'d0'",
            "at is 2; game 'g0' has events 0 to 1",
        ),
    ],
)
def test_what_no_file_could_hold_is_a_sentence_with_package_and_decision(
    fields: str, decision: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data_set(tmp_path, monkeypatch, fields)
    with pytest.raises(UserError) as raised:
        list(source("dd").load(tmp_path, Notes()))
    said = str(raised.value)
    begin = f"The data set 'dd' of the package faulty 1.0 yields the decision {decision}, which"
    assert said.startswith(begin) and why in said


def test_a_study_reads_only_what_a_file_could_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = tmp_path / "s.toml"
    study.write_text('[study]\nname = "s"\ndata = ["dd"]\n[[model]]\nid = "mock:a"\n', "utf-8")
    data_set(tmp_path, monkeypatch, RATES % '{"a": 45 + i, "b": 55 - i}')
    assert "for 45 % write 0.45" in mistake("run", study, "--out", tmp_path / "s")


@pytest.mark.parametrize("fields", [SOUND, RATES % '{"a": 0.25, "b": 0.75}'])
def test_what_is_sound_comes_as_it_is(
    fields: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data_set(tmp_path, monkeypatch, fields)
    loaded = list(source("dd").load(tmp_path, Notes()))
    assert [one.id for one in loaded] == ["d0", "d1", "d2", "d3"]
    out = tmp_path / "d.jsonl"
    assert tremble("data", "import", "dd", tmp_path, "--out", out)[0] == 0


def test_what_is_no_decision_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    points = "[tremble.datasets]\ndd = yields:D\n"
    source_text = HEAD.replace("yield Decision(%s)", "yield {}")
    on_path(monkeypatch, installed(tmp_path, {"yields.py": source_text}, points, name="faulty"))
    with pytest.raises(UserError, match=r"faulty 1\.0 yields dict in load, not Decision"):
        list(source("dd").load(tmp_path, Notes()))


def test_an_exit_of_a_package_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data_set(tmp_path, monkeypatch, "exit(3)")
    with pytest.raises(UserError, match=r"of the package faulty 1.0 failed \(SystemExit: 3"):
        list(source("dd").load(tmp_path, Notes()))
