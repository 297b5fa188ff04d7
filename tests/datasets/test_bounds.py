"""What importers read has bounds, and what they write is what `data check` takes."""

from __future__ import annotations

import json
import lzma
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import mistake, tremble
from tests.support.record_lines import GAME, OWN, PLAYED, write_lines
from tremble.api.check import check_decisions, import_decisions
from tremble.datasets.base import Notes, source
from tremble.decisions import jsonl
from tremble.decisions.record import Decision, Event, Game, Option
from tremble.errors import UserError
from tremble.study.decision_frame import decision_row

DEEP = "[" * 3000 + "]" * 3000
DIGITS = "9" * 5000
PAYOFFS = {own: {other: [1, 2] for other in "ab"} for own in "ab"}
OPTIONS = (Option("a", "a"), Option("b", "b"))


def loaded(name: str, path: Path) -> list[Decision]:
    return list(source(name).decisions(path, Notes()))


def lotteries(**cells: str) -> str:
    row = {"problem": "p", "option_a": "x", "option_b": "y", "rate_b": ".5", **cells}
    quoted = ['"' + cell.replace('"', '""') + '"' for cell in row.values()]
    return f"{','.join(row)}\n{','.join(quoted)}\n"


def normal_form(**cells: str) -> str:
    row = {
        "paper": "p", "game": "1", "matrixrow": "1 2;3 4", "matrixcol": "", "choicerow": ".5;.5",
        "choicecol": "", "shape": "2 2", "symmetric": "1", "subjects": "10", "unique": "1", **cells,
    }  # fmt: skip
    return f"{','.join(row)}\n{','.join(row.values())}\n"


SOUND = {
    "lotteries_text": ("x.csv", lotteries(n="10")),
    "normal_form": ("games.csv", normal_form()),
}
ODD: dict[str, tuple[str, str, str, str]] = {
    "lotteries, digits": ("lotteries_text", "x.csv", lotteries(n=DIGITS), "line 2: n is"),
    "lotteries, percent": (
        "lotteries_text", "x.csv", lotteries(rate_sd=f"1e{DIGITS} %"), "line 2: rate_sd is",
    ),
    "lotteries, deep": (
        "lotteries_text", "x.csv", lotteries(gamble_a=DEEP, gamble_b=DEEP), "line 2: gamble_a is",
    ),
    "lotteries, digits in a gamble": (
        "lotteries_text", "x.csv", lotteries(gamble_a=f"[[1, {DIGITS}]]", gamble_b="[[1, 2]]"),
        "line 2: gamble_a is",
    ),
    "lotteries, a large cell": (
        "lotteries_text", "x.csv", lotteries(option_a="x" * 10**6), "line 2: not CSV (field larger",
    ),
    "lotteries, deep lines": ("lotteries_text", "x.jsonl", DEEP, "line 1: nested too deeply"),
    "lotteries, digits in lines": ("lotteries_text", "x.jsonl", DIGITS, "line 1: it holds a whole"),
    "normal_form, people": ("normal_form", "games.csv", normal_form(subjects=DIGITS), "subjects"),
    "normal_form, counts": (
        "normal_form", "games.csv", normal_form(choicerow=f"{DIGITS} 9;1 9"), "choicerow is",
    ),
    "normal_form, points": (
        "normal_form", "games.csv", normal_form(matrixrow=f"{DIGITS} 1;2 3"), "matrixrow is",
    ),
    "normal_form, other digits": (
        "normal_form", "games.csv", normal_form(subjects="\u0663"), "subjects is",
    ),
    "casino, deep": ("casino", "casino_train.json", DEEP, "nested too deeply"),
    "casino, digits": ("casino", "casino_train.json", f"[{DIGITS}]", "it holds a whole number"),
    "psych, deep": (
        "psych", "x.jsonl", '{"text": "", "x": ' + DEEP + "}", "line 1: nested too deeply"
    ),
    "psych, digits": ("psych", "x.jsonl", '{"text": ' + DIGITS + "}", "line 1: it holds a whole"),
    "jsonl, deep": ("jsonl", "x.jsonl", DEEP, "line 1: nested too deeply"),
}  # fmt: skip


@pytest.mark.parametrize("name", list(SOUND))
def test_what_the_odd_files_are_made_of_is_sound(tmp_path: Path, name: str) -> None:
    file, text = SOUND[name]
    (tmp_path / file).write_text(text, "utf-8")
    assert len(loaded(name, tmp_path / file)) == 1


@pytest.mark.parametrize("case", list(ODD))
def test_odd_numbers_and_nesting_are_one_sentence(tmp_path: Path, case: str) -> None:
    name, file, text, message = ODD[case]
    path = tmp_path / file
    path.write_text(text, "utf-8")
    with pytest.raises(UserError) as caught:
        loaded(name, path)
    said = str(caught.value)
    assert str(path) in said
    assert message in said
    assert len(said) < 1300
    assert "\n" not in said


def test_a_config_of_glee_that_is_nested_deep(tmp_path: Path) -> None:
    game = tmp_path / "bargaining" / "1" / "2" / "3" / "G"
    game.mkdir(parents=True)
    for text in ('{"game_type": ' + DEEP + "}", '{"game_type": ' + DIGITS + "}"):
        (game / "config.json").write_text(text)
        with pytest.raises(UserError, match=r"config\.json is not JSON"):
            loaded("glee", tmp_path)


def test_an_r_file_that_would_fill_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("rdata")
    from tremble.datasets import nay_vorobeychik_rows as rows

    monkeypatch.setattr(rows, "_LARGEST", 10**6)
    file = tmp_path / "NV_games.rda"
    for content, message in (
        (lzma.compress(b"RDX3\n" + bytes(10**7)), "it is larger than 1 MB once unpacked"),
        (b"RDX3\n" + bytes(10**7), "it is larger than 1 MB once unpacked"),
        (lzma.compress(lzma.compress(bytes(10**7))), "packed twice"),
    ):
        file.write_bytes(content)
        with pytest.raises(UserError, match=message):
            loaded("nay_vorobeychik", file)


# What is written.


def played(**changes: Any) -> Decision:
    game = Game("g", "mine", "repeated_matrix", {"rounds": 9, "payoffs": PAYOFFS}, ())
    made = Decision("d", "mine", "repeated_matrix", OPTIONS, "a", "a", game=game, role="row")
    return replace(made, **changes)


def in_game(**changes: Any) -> Decision:
    game = played().game
    assert game is not None
    return played(game=replace(game, **changes))


REFUSED = {
    "no number of people": played(n=0),
    "no such round": played(round=0),
    "a choice that is no option": played(choice="c"),
    "an empty name": played(participant=""),
    "too far on": played(at=1),
    "a large number": played(config={"x": 1e16}),
    "no number": played(config={"x": float("nan")}),
    "half a character": played(config={"x": "\ud800"}),
    "no JSON": played(config={"x": {1, 2}}),
    "rules that do not fit": in_game(rules={"rounds": 9}),
    "a family of nobody": in_game(family="chess"),
    "points beyond computing": in_game(rules={"rounds": 9, "payoffs": {"a": 1e300}}),
    "an event later on": in_game(events=(Event("moves", {"x": 1e300}),)),
    "an event without what it needs": played(
        game=replace(played().game, events=(Event("moves", {"choice": "c"}),)),  # type: ignore[type-var]
        at=1,
    ),
    "labels": played(options=(Option("a", "x"), Option("b", "x"))),
    "too deep": played(config={"x": json.loads("[" * 100 + "]" * 100)}),
}


@pytest.mark.parametrize("case", list(REFUSED))
def test_what_the_check_refuses_is_not_written(tmp_path: Path, case: str) -> None:
    bad = REFUSED[case]
    good = [played(id=f"d{number}") for number in range(3)]
    other = replace(bad, id="bad", game=bad.game and replace(bad.game, id="other"))
    out = tmp_path / "out.jsonl"
    with pytest.raises(UserError, match=r"The record '(bad|other)'.*; fix ") as caught:
        import_decisions(iter([*good, other]), out)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())
    # It is what `data check` says of the same lines, where there can be such lines.
    try:
        jsonl.write([*good, other], out)
    except UserError:
        return
    assert check_decisions(out)[1]


def test_what_is_found_sound_is_found_once_for_all_like_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what differs in anything but names is looked at: here the last of a thousand."""
    looked: list[str] = []
    row = decision_row

    def counted(decision: Decision) -> dict[str, Any]:
        looked.append(decision.id)
        return row(decision)

    monkeypatch.setattr("tremble.api.check.decision_row", counted)
    games = [replace(played(), id=f"d{n}", participant=f"p{n}") for n in range(1000)]
    summary = import_decisions(iter(games), tmp_path / "out.jsonl")
    assert summary["decisions"] == 1000
    assert looked == ["d0"]
    for change in ({"round": 2}, {"role": "column"}, {"choice": "b"}, {"config": {"x": True}}):
        looked.clear()
        import_decisions(iter([*games, played(id="last", **change)]), tmp_path / "out.jsonl")
        assert looked == ["d0", "last"]
    with pytest.raises(UserError, match="'last'"):
        import_decisions(iter([*games, played(id="last", n=0)]), tmp_path / "new.jsonl")


@pytest.mark.slow
def test_importing_what_the_check_refuses(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "m.jsonl", GAME, PLAYED)  # rules without payoffs
    assert tremble("data", "check", path)[0] == 2
    out = tmp_path / "out.jsonl"
    said = mistake("data", "import", "jsonl", path, "--out", out)
    assert "The record 'g/r1' would not be valid, so nothing was written" in said
    assert not out.exists()
    assert "JSON lines are written, not a table" in mistake(
        "data", "import", "jsonl", path, "--out", tmp_path / "out.csv"
    )


@pytest.mark.slow
@pytest.mark.parametrize("target", ["-", "/dev/stdout"])
def test_records_to_standard_output(tmp_path: Path, target: str) -> None:
    """With nothing else among them; also where that is a file which is there."""
    import subprocess

    if target != "-" and not Path(target).exists():
        pytest.skip("the system has no /dev/stdout")
    path = write_lines(tmp_path / "m.jsonl", OWN, {**OWN, "id": "x"})
    command = [sys.executable, "-c", "from tremble.cli import main; main()"]
    command += ["data", "import", "jsonl", str(path), "--out", target]
    with (tmp_path / "to.jsonl").open("wb") as out:
        done = subprocess.run(
            [*command, "--json"], stdout=out, stderr=subprocess.PIPE, check=True, env=os.environ
        )
    assert [d.id for d in jsonl.read(tmp_path / "to.jsonl")] == ["m/1", "x"]
    assert json.loads(done.stderr)["decisions"] == 2
    piped = subprocess.run(command, capture_output=True, check=True, env=os.environ)
    assert piped.stdout == (tmp_path / "to.jsonl").read_bytes()
    assert re.search(rb"2 decisions written to", piped.stderr)


def test_an_import_of_nothing(tmp_path: Path) -> None:
    nothing: Iterator[Decision] = iter(())
    with pytest.raises(UserError, match="contain no decisions"):
        import_decisions(nothing, tmp_path / "x.jsonl")
    with pytest.raises(UserError, match="contain no decisions"):
        import_decisions(nothing, tmp_path / "none" / "x.jsonl")
    assert list(tmp_path.iterdir()) == []
