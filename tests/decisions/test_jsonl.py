"""Records: what is written reads back the same; every fault has its line and its cure."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.record_lines import GAME, OWN, PLAYED, write_lines
from tests.support.round_trip import come_back, same_again
from tremble.datasets.base import Notes, source
from tremble.decisions import jsonl
from tremble.decisions.lines import Fault
from tremble.decisions.record import FAMILIES, Decision, Event, Game, Option
from tremble.errors import UserError
from tremble.prompts.formulations import standard


def test_the_shortest_record(tmp_path: Path) -> None:
    (decision,) = jsonl.read(write_lines(tmp_path / "mine.jsonl", OWN))
    assert decision.id == "mine/1"
    assert decision.dataset == "mine"
    assert decision.family == "custom"
    assert decision.opening == '{"decision": "'
    assert decision.options == (Option("accept", "accept"), Option("reject", "reject"))
    assert (decision.target, decision.choice) == ("accept", "accept")


def test_messages_are_folded_into_one_system_and_one_user_text(tmp_path: Path) -> None:
    talk = [
        {"role": "system", "content": "Rules."},
        {"role": "user", "content": "One."},
        {"role": "user", "content": "Two."},
    ]
    (decision,) = jsonl.read(write_lines(tmp_path / "m.jsonl", {**OWN, "prompt": talk}))
    assert decision.system == "Rules."
    assert decision.prompt == "One.\n\nTwo."


def test_rate_is_short_for_two_options(tmp_path: Path) -> None:
    record = {"prompt": "A or B?", "options": ["A", "B"], "target": "B", "rate": 0.25, "n": 4}
    (decision,) = jsonl.read(write_lines(tmp_path / "m.jsonl", record))
    assert decision.rates == {"B": 0.25, "A": 0.75}
    assert decision.n == 4


def test_a_decision_takes_its_game_and_what_it_says(tmp_path: Path) -> None:
    (decision,) = jsonl.read(write_lines(tmp_path / "m.jsonl", GAME, PLAYED))
    assert decision.game is not None
    assert decision.game.events == (Event("moves", {"round": 1, "choice": "a"}, {"row": 1}),)
    assert (decision.dataset, decision.family) == ("mine", "repeated_matrix")


# What can stand in a record: texts, numbers, facts within facts. Never half a surrogate pair, an
# infinite number or one that is none, which are no JSON.
ODD = (
    "", " ", "\n", "\r\n", '"', "\\", "\\ud800", "\u2028", "\x00", "\ufeff", "\x85",
    "e\u0301", "\U0001f600", "\u202eabc", "NaN", "null", '{"kind": "game"}', "<<J>>",
)  # fmt: skip
_text = st.sampled_from(ODD) | st.text(max_size=6)
_name = _text.filter(bool)
_number = (
    st.sampled_from([0, -0.0, 1.0, 1e-17, 5e-324, 0.1 + 0.2, 10**15, -1e15])
    | st.integers(-(10**15), 10**15)
    | st.floats(-1e15, 1e15)
)
_share = st.sampled_from([0.0, -0.0, 1e-17, 1.0]) | st.floats(0, 1)
_fact = st.recursive(
    st.none() | st.booleans() | _number | _text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_text, inner, max_size=3),
    max_leaves=5,
)
_facts = st.dictionaries(_text, _fact, max_size=3)
_private = st.fixed_dictionaries(
    {}, optional={"private": st.dictionaries(_name, _facts, max_size=2), "x": _fact}
)
_seen = st.none() | st.dictionaries(_name, st.integers(0, 9), max_size=2)
_told = _facts.filter(lambda data: not {"type", "seen"} & set(data))
_events = st.lists(st.builds(Event, _text, _told, _seen), max_size=3).map(tuple)
_games = st.builds(
    Game, _name, _name, st.sampled_from(FAMILIES), _facts | _private, _events, _private, _facts
)


def composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)


@st.composite
def _decisions(draw: st.DrawFn, games: list[Game], number: int) -> Decision:
    """A decision of one of the three forms, in one of the games where it has one."""
    words = draw(st.lists(_name, min_size=6, max_size=9, unique_by=composed))
    options = [Option(word, label) for word, label in zip(words[:3], words[3:6], strict=True)]
    options[0] = Option(words[0], words[3], tuple(words[6:]))
    options = options[: draw(st.integers(2, 3))]
    keys = [option.key for option in options]
    target: str | None = draw(st.sampled_from(keys))
    people: dict[str, Any] = {"choice": draw(st.sampled_from(keys))}
    if draw(st.booleans()):
        people = {
            "rates": {key: draw(_share) for key in keys},
            "n": draw(st.none() | st.integers(1, 2**31 - 1)),
            "rate_sd": draw(st.none() | st.floats(0, 0.5)),
            "choices_each": draw(st.none() | st.integers(1, 100)),
        }
        target = draw(st.sampled_from([target, None])) if len(keys) > 2 else target
    form = draw(st.sampled_from(["game", "rules", "prompt"] if games else ["rules", "prompt"]))
    family, dataset = draw(st.sampled_from(FAMILIES)), draw(_name)
    if form == "game":
        game = draw(st.sampled_from(games))
        family, dataset = game.family, game.dataset
        seen: dict[str, Any] = {"game": game, "at": draw(st.integers(0, len(game.events)))}
    elif form == "rules":
        seen = {"rules": draw(_facts | _private), "history": draw(_events)}
    else:
        family = draw(st.sampled_from(["custom", family]))
        seen = {"prompt": draw(_name), "system": draw(st.none() | _name), "opening": draw(_text)}
        seen["item"] = draw(st.none() | _name.map(lambda name: composed(f"{name}{number}")))
    return Decision(
        id=f"{draw(_text)}{number}",
        dataset=dataset,
        family=family,
        options=tuple(options),
        target=target,
        participant=draw(st.none() | _name.map(composed)),  # as they are read
        round=draw(st.none() | st.integers(1, 2**31 - 1)),
        role=draw(st.none() | _name),
        config=draw(_facts),
        **people,
        **seen,
    )


@settings(
    max_examples=30,
    deadline=None,  # machines differ
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
@pytest.mark.slow
def test_what_is_written_reads_back_the_same(tmp_path: Path, data: st.DataObject) -> None:
    games = data.draw(st.lists(_games, max_size=3, unique_by=lambda game: game.id))
    count = data.draw(st.integers(1, 4))
    same_again([data.draw(_decisions(games, number)) for number in range(count)], tmp_path / "a")


def test_what_a_user_writes_in_short_is_written_in_full(tmp_path: Path) -> None:
    talk = [{"role": "system", "content": "A\n"}, {"role": "user", "content": " \u2028"}]
    lines = [
        OWN,
        {**OWN, "prompt": talk, "opening": "", "config": {"x": [1, 1.0, None, {"y": -0.0}]}},
        {"prompt": "?", "options": ["A", "B"], "target": "B", "rate": 0.3, "n": 4, "rate_sd": 0.5},
        {**OWN, "options": [{"key": "accept", "label": "Yes", "spellings": ["OK", "OK"]}, "no"]},
        GAME,
        {**PLAYED, "participant": 7, "role": "row", "round": 1},
    ]
    path = write_lines(tmp_path / "m.jsonl", *lines)
    come_back(source("jsonl").decisions(path, Notes()), tmp_path)


def test_a_decision_may_be_called_like_a_game_with_the_word_game(tmp_path: Path) -> None:
    lines = [GAME, *({**PLAYED, "id": id_} for id_ in ("game g", "g"))]
    path = write_lines(tmp_path / "m.jsonl", *lines)
    assert [decision.id for decision in jsonl.read(path)] == ["game g", "g"]


@pytest.mark.parametrize("key", ["type", "seen"])
def test_an_event_whose_data_would_be_lost_is_not_written(tmp_path: Path, key: str) -> None:
    told: dict[str, Any] = {"rules": {}, "history": (Event("moves", {key: "x"}),)}
    decision = Decision("1", "d", "lottery", (Option("a", "A"), Option("b", "B")), "a", **told)
    with pytest.raises(UserError, match=f"event 'moves' has {key!r} in its data"):
        jsonl.write([decision], tmp_path / "m.jsonl")
    assert not list(tmp_path.iterdir())


FAULTS = [
    ("{", "not JSON"),
    ("[1]", "not an object"),
    ({**OWN, "schema": 2}, "schema is 2"),
    ({**OWN, "kind": "play"}, "kind is 'play'"),
    ({**OWN, "choise": "accept"}, "unknown key 'choise'; did you mean 'choice'"),
    ({**OWN, "prompt": ""}, "prompt is empty"),
    ({**OWN, "prompt": [{"role": "system", "content": "x"}]}, "only system messages"),
    ({**OWN, "prompt": [{"role": "assistant", "content": "x"}]}, "as a sentence"),
    ({**OWN, "at": 3}, "at has no effect in a record with prompt"),
    ({**OWN, "id": "a \ud800"}, "surrogate"),
    ({**OWN, "choice": None, "rate": 0.5, "n": 10**20}, "n is 1000"),
    ({**OWN, "rules": {}}, "exactly one of game, rules and prompt"),
    ({**OWN, "options": ["accept"]}, "at least two options"),
    ({**OWN, "options": ["accept", "accept"]}, "same key"),
    ({**OWN, "options": ["accept", {"key": "x", "label": "accept"}]}, "same label"),
    ({**OWN, "options": ["accept", ""]}, "non-empty"),
    ({**OWN, "choice": "maybe"}, "choice 'maybe' is not among the options"),
    ({**OWN, "target": "maybe"}, "target 'maybe' is not among the options"),
    ({**OWN, "rate": 0.5}, "exactly one of choice, rates and rate"),
    ({**OWN, "choice": None}, "neither choice, rates nor rate"),
    ({**OWN, "choice": None, "rate": 1.5}, "between 0 and 1"),
    ({**OWN, "choice": None, "rate": True}, "between 0 and 1"),
    ('{"prompt": "x", "options": ["a", "b"], "rate": NaN}', "NaN is not a number"),
    ('{"config": {"x": -1e400}}', "-1e400 is too large a number"),
    ('{"config": {"x": 1' + 5000 * "0" + "}}", "a whole number of more than 4300 digits"),
    ({**OWN, "choice": None, "rates": {"accept": 0.5}}, "the options are"),
    ({**OWN, "choice": None, "rate": 0.5, "n": 0}, "n is 0"),
    ({**OWN, "choice": None, "rate": 0.5, "n": 2.5}, "n is 2.5"),
    ({**OWN, "rate_sd": -1}, "rate_sd is -1"),
    ({**OWN, "opening": 3}, "opening is 3"),
    ({**OWN, "item": ["a"]}, "item is ['a']; it must be a non-empty text"),
    ({**OWN, "item": 1.5}, "item is 1.5; it must be a non-empty text"),
    ({**OWN, "item": ""}, "item is ''; it must be a non-empty text"),
    ({**PLAYED, "item": "a"}, "item has no effect in a record with game"),
    ({**PLAYED, "game": "h"}, "there is no game 'h' before this line"),
    ({"id": "x", "rules": {}, "family": "chess", "options": ["a", "b"], "choice": "a"}, "chess"),
    ({"rules": {}, "family": "lottery", "options": ["a", "b"], "choice": "a"}, "id is missing"),
]


@pytest.mark.parametrize(("line", "message"), FAULTS)
def test_every_fault_has_its_line_and_its_cure(tmp_path: Path, line: Any, message: str) -> None:
    path = write_lines(tmp_path / "m.jsonl", OWN, "", line)
    with pytest.raises(Fault) as caught:
        list(jsonl.read(path))
    assert caught.value.line == 3
    text = str(caught.value)
    assert text.startswith(f"{path}, line 3: ")
    assert message in text
    assert "\n" not in text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"at": 2}, "events 0 to 1"),
        ({"at": -1}, "at is -1"),
        ({"at": None}, "at is missing"),
        ({"dataset": "other"}, "the game it is 'mine'"),
    ],
)
def test_faults_of_a_played_decision(tmp_path: Path, change: Any, message: str) -> None:
    path = write_lines(tmp_path / "m.jsonl", GAME, {**PLAYED, **change})
    with pytest.raises(Fault, match=message):
        list(jsonl.read(path))


def test_duplicate_ids(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "m.jsonl", {**OWN, "id": "x"}, {**OWN, "id": "x"})
    with pytest.raises(Fault, match="line 2: the id 'x' appeared before"):
        list(jsonl.read(path))


def test_not_utf8_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    path.write_bytes(json.dumps(OWN).encode() + b'\n{"prompt": "caf\xe9"}\n')
    with pytest.raises(Fault, match="line 2: not UTF-8"):
        list(jsonl.read(path))


def test_an_empty_file_and_a_missing_one(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is empty"):
        list(jsonl.read(write_lines(tmp_path / "m.jsonl")))
    with pytest.raises(UserError, match="There is no file"):
        list(jsonl.read(tmp_path / "none.jsonl"))


def test_all_faults_can_be_collected(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "m.jsonl", OWN, "{", {**OWN, "id": "b"}, "[]")
    faults: list[Fault] = []
    assert [d.id for d in jsonl.read(path, faults.append)] == ["m/1", "b"]
    assert [fault.line for fault in faults] == [2, 4]


def test_games_read_long_ago_are_read_again_from_the_file(tmp_path: Path) -> None:
    games = [{**GAME, "id": f"g{i}", "rules": {"rounds": i}} for i in range(600)]
    plays = [{**PLAYED, "id": f"d{i}", "game": f"g{i}"} for i in range(600)]
    path = write_lines(tmp_path / "m.jsonl", *games, *plays)
    found = [d.game.rules["rounds"] for d in jsonl.read(path) if d.game is not None]
    assert found == list(range(600))


def test_one_id_for_two_things_is_not_written(tmp_path: Path) -> None:
    game = Game("g", "mine", "session", {}, (Event("text", {"text": "x"}),))
    options = (Option("a", "a"), Option("b", "b"))

    def played(id_: str, game: Game) -> Decision:
        return Decision(id_, "mine", "session", options, "a", "a", game=game)

    file = tmp_path / "m.jsonl"
    assert jsonl.write([played("1", game), played("2", replace(game))], file) == 2  # the same
    other = replace(game, events=())
    with pytest.raises(UserError, match="Two different games have the id 'g'; give each"):
        jsonl.write([played("1", game), played("2", other)], file)
    with pytest.raises(UserError, match="Two decisions have the id '1'; give each"):
        jsonl.write([played("1", game), played("1", game)], file)
    assert len(list(jsonl.read(file))) == 2


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "m.jsonl", OWN)
    before = path.read_bytes()

    def breaks() -> Any:
        yield from jsonl.read(path)
        raise UserError("the source broke")

    with pytest.raises(UserError):
        jsonl.write(breaks(), path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["m.jsonl"]


def _own_game(choices: list[str], seen_from: int, hidden: str) -> list[Any]:
    """A user's own game of three rounds: the other's note is seen from `seen_from` events on."""
    events = []
    for number, choice in enumerate(choices):
        own = OTHER[choice]
        move = {"type": "moves", "choice": choice, "other": own, "points": 5}
        events.append({**move, "other_points": number, "note": hidden, "seen": {"row": number + 1}})
    last = {"type": "moves", "choice": "a", "other": hidden, "points": 1, "other_points": 1}
    events.append({**last, "seen": {"row": seen_from}})
    payoffs = {own: {other: [1, 2] for other in "ab"} for own in "ab"}
    rules = {"rounds": 9, "payoffs": payoffs}
    game = {**GAME, "rules": rules, "events": events, "config": {"secret": hidden}}
    plays = [
        {"id": f"g/r{at}", "game": "g", "at": at, "role": "row", "options": ["a", "b"], "choice": c}
        for at, c in enumerate(choices)
    ]
    return [game, *plays]


OTHER = {"a": "b", "b": "a"}


def _prompts(path: Path, lines: list[Any]) -> list[str]:
    return [standard(decision).plain() for decision in jsonl.read(write_lines(path, *lines))]


@pytest.mark.parametrize("at", [0, 1, 2])
def test_own_games_do_not_leak_a_choice_or_what_comes_after(tmp_path: Path, at: int) -> None:
    path = tmp_path / "m.jsonl"
    before = ["a", "b", "a"]
    changed = before[:at] + [OTHER[choice] for choice in before[at:]]
    first = _prompts(path, _own_game(before, 99, "a"))
    second = _prompts(path, _own_game(changed, 99, "a"))
    assert first[: at + 1] == second[: at + 1]
    assert first[at + 1 :] != second[at + 1 :] or at == 2  # later prompts do tell it


def test_own_games_do_not_leak_what_the_person_could_not_see(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    plays = ["a", "b", "a"]
    assert _prompts(path, _own_game(plays, 99, "a")) == _prompts(path, _own_game(plays, 99, "b"))


@pytest.mark.slow
def test_importing_streams(tmp_path: Path) -> None:
    """Four times the decisions need little more memory: only marks of their ids are kept."""
    import tracemalloc

    from tremble.api.check import import_decisions

    peaks = []
    for games in (300, 1200):
        lines: list[Any] = []
        for number in range(games):
            name = f"g{number}"
            payoffs = {own: {other: [1, 2] for other in "ab"} for own in "ab"}
            told = {"rules": {"rounds": 9, "payoffs": payoffs}, "config": {"padding": "x" * 2000}}
            lines.append({**GAME, **told, "id": name, "events": []})
            lines += [{**PLAYED, "id": f"{name}/r{i}", "game": name, "at": 0} for i in range(5)]
        path = write_lines(tmp_path / "in.jsonl", *lines)
        del lines
        tracemalloc.start()
        summary = import_decisions(jsonl.read(path), tmp_path / "out.jsonl")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert summary["decisions"] == 5 * games
    assert (peaks[1] - peaks[0]) / 4500 < 400  # bytes a decision; a decision alone takes more
