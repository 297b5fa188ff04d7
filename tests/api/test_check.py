"""What `data check` understands of a file, and what it doubts."""

from __future__ import annotations

import json
import math
import tracemalloc
from dataclasses import replace
from itertools import product
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import pytest

from tests.support.commands import tremble
from tests.support.record_lines import write_lines
from tremble.api.check import check_decisions, import_decisions
from tremble.decisions import jsonl
from tremble.decisions.spread import largest_spread
from tremble.errors import UserError
from tremble.stats.frames.clusters import units
from tremble.study.decision_frame import decision_frame

ASKED = "Do you keep or share? Answer as JSON with the key decision."
GOOD: dict[str, Any] = {
    "prompt": ASKED, "options": ["keep", "share"], "choice": "keep", "participant": "1"
}  # fmt: skip
RATE: dict[str, Any] = {"prompt": ASKED, "options": ["keep", "share"], "rate": 0.9, "n": 30}


def warned(folder: Path, *records: dict[str, Any]) -> list[str]:
    """The warnings, without the name of the file."""
    path = write_lines(folder / "mine.jsonl", *records)
    _, faults, warnings = check_decisions(path)
    assert not faults
    return [warning.removeprefix(f"{path}, ") for warning in warnings]


def one(folder: Path, *records: dict[str, Any]) -> str:
    (warning,) = warned(folder, *records)
    return warning


@pytest.mark.parametrize(
    ("first", "second"), [("caf\u00e9", "cafe\u0301"), ("Cafe", "cafe"), ("a bar", "a  bar")]
)
def test_what_is_written_in_two_ways_on_two_lines(tmp_path: Path, first: str, second: str) -> None:
    """An option, a fact and its name: each counts as two."""
    options = [
        {**GOOD, "prompt": f"{word} or share? As JSON.", "options": [word, "share"], "choice": word}
        for word in (first, second)
    ]
    assert one(tmp_path, *options).startswith(
        f"line 2: the option {second!r} was {first!r} before, which differ only in case"
    )
    values = [{**GOOD, "person": {"town": word}} for word in (first, second)]
    assert f"person town has the values {first!r} and {second!r}" in one(tmp_path, *values)
    names = [{**GOOD, "person": {word: 1}} for word in (first, second)]
    assert f"person has the names {first!r} and {second!r}" in one(tmp_path, *names)


def test_options_that_one_line_tells_apart_are_meant(tmp_path: Path) -> None:
    line = {**GOOD, "prompt": "A or a? As JSON.", "options": ["A", "a"], "choice": "a"}
    assert warned(tmp_path, line, {**line, "options": ["a", "A"], "target": "A"}) == []
    family = {**GOOD, "options": ["Keep", "Share"], "choice": "Keep", "family": "other"}
    assert warned(tmp_path, GOOD, family) == []


def test_a_sound_record_is_not_doubted(tmp_path: Path) -> None:
    assert warned(tmp_path, GOOD, RATE, {**RATE, "rate_sd": 0.3}) == []


def test_it_says_what_it_understood(tmp_path: Path) -> None:
    other = ASKED.replace("Do", "And do")
    lines = [
        {**GOOD, "config": {"frame": "gain", "stakes": 1}},
        {**GOOD, "choice": "share", "prompt": other, "config": {"frame": "loss", "stakes": 2}},
        {**GOOD, "participant": "2", "config": {"frame": "gain", "stakes": 3}},
        {**GOOD, "participant": "2", "config": {"frame": "gain", "stakes": 4}},
        {**GOOD, "participant": "2", "config": {"frame": "gain", "stakes": 5}},
        {**RATE, "family": "many", "rate": 0.25, "n": 10},
        {**RATE, "family": "many", "rate": 0.5, "n": 40},
    ]
    path = write_lines(tmp_path / "mine.jsonl", *lines)
    code, out, said = tremble("data", "check", path)
    assert (code, said) == (0, "")
    first, second, prompt = (
        "mine/1 (line 1)",
        "mine/2 (line 2)",
        [*ASKED.split("\n"), '{"decision": "'],
    )
    assert out.splitlines() == [
        f"{path}: 7 valid decisions, 0 invalid lines",
        "custom: 5 decisions, 2 participants (2 to 3 each), 2 items",
        "  chosen: 'keep' .80 (the target option), 'share' .20",
        "  config frame: 'gain', 'loss'",
        "  config stakes: 1, 2, 3, 4 and 1 more",
        "many: 2 decisions, rates based on 10 to 40 people each",
        "  chosen: 'keep' .38 (the target option), 'share' .62",
        f"prompt 1 of 6: {first}, frame = 'gain', stakes = 1. In full; the model's label comes "
        "right after it:",
        *prompt,
        "",
        f"prompt 2 of 6: {second}, frame = 'loss', stakes = 2:",
        f"And do{prompt[0].removeprefix('Do')}",
        *prompt[1:],
        "",
        "prompt 3 of 6: mine/3 (line 3), frame = 'gain', stakes = 3: the same text as prompt 1",
        "",
        "prompt 4 of 6: mine/4 (line 4), frame = 'gain', stakes = 4: the same text as prompt 1",
        "",
        "prompt 5 of 6: mine/5 (line 5), frame = 'gain', stakes = 5: the same text as prompt 1",
        "",
        "prompt 6 of 6: mine/6 (line 6): the same text as prompt 1",
        "",
        f"One decision token by token, by its id: tremble xray {path} mine/1 --model NAME",
    ]
    found = json.loads(tremble("data", "check", path, "--json")[1])
    custom, many = found["families"]["custom"], found["families"]["many"]
    assert (custom["people"], custom["per_person"], custom["items"]) == (2, [2, 3], 2)
    assert custom["config"]["stakes"] == {"values": [1, 2, 3, 4], "distinct": 5}
    assert (many["people"], many["n"], many["target_share"]) == (None, [10, 40], 0.375)
    text = f'{ASKED}\n{{"decision": "'
    assert found["first_prompt"] == {"line": 1, "text": text, "id": "mine/1"}
    assert found["prompts"][0] == {
        **found["first_prompt"],
        "family": "custom",
        "config": {"frame": "gain", "stakes": 1},
    }


def test_items_are_those_that_intervals_resample(tmp_path: Path) -> None:
    """Against the units of the statistics, for names and texts that hang together through each
    other, over several conditions."""
    texts, names = ("A?", "B?", "C?", "D?"), (None, "x", "y", "z")
    for number, chosen in enumerate(product(range(3), repeat=4)):
        lines = [
            {**GOOD, "prompt": f"{texts[text]} {ASKED}", "item": names[(text * name) % 4],
             "config": {"line": line}}
            for line, (text, name) in enumerate(enumerate(chosen))
        ] + [{**GOOD, "prompt": f"{texts[number % 4]} {ASKED}", "item": "x",
              "config": {"line": 9}}]  # fmt: skip
        path = write_lines(tmp_path / "mine.jsonl", *lines)
        expected = units(decision_frame(jsonl.read(path)))["item"].drop_nulls().n_unique()
        assert check_decisions(path)[0]["families"]["custom"]["items"] == expected, chosen


def test_a_target_that_some_have_or_that_is_another_one_by_line(tmp_path: Path) -> None:
    three = {**GOOD, "options": ["keep", "share", "give"], "prompt": f"Or give? {ASKED}"}
    path = tmp_path / "mine.jsonl"
    write_lines(path, {**three, "target": "keep"}, three, {**three, "choice": "give"})
    out = tremble("data", "check", path)[1]
    assert (
        "  chosen: 'keep' .67 (the target option), 'share' .00, 'give' .33, 1 of the decisions"
        in out
    )
    write_lines(path, GOOD, {**GOOD, "target": "share"}, {**GOOD, "target": "share"})
    out = tremble("data", "check", path)[1]
    assert (
        "  chosen: 'keep' 1.00, 'share' .00, the target option (it differs between lines) .33\n"
        in out
    )
    write_lines(path, three)
    assert "'give' .00, no target option\n" in tremble("data", "check", path)[1]


def test_parameters_of_very_many_values(tmp_path: Path) -> None:
    lines = [{**GOOD, "config": {"x": number}} for number in range(1001)]
    path = write_lines(tmp_path / "mine.jsonl", *lines)
    assert "  config x: 0, 1, 2, 3 and at least 996 more\n" in tremble("data", "check", path)[1]


def test_who_nobody_named(tmp_path: Path) -> None:
    nobody = {key: value for key, value in GOOD.items() if key != "participant"}
    said = one(tmp_path, GOOD, nobody, nobody, nobody, nobody)
    assert said.startswith("lines 2, 3, 4 and 1 more: no participant: it is unknown")
    assert "5 decisions, 1 participant (1 each), 4 without a participant" in tremble(
        "data", "check", tmp_path / "mine.jsonl"
    )[1]  # fmt: skip
    write_lines(tmp_path / "mine.jsonl", nobody)
    assert (
        "1 decision, participants unknown" in tremble("data", "check", tmp_path / "mine.jsonl")[1]
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"prompt": "Keep it? Answer in JSON."}, "never names the option 'share'; say"),
        ({"prompt": "Keep the shares? JSON."}, "never names the option 'share'; say"),
        ({"prompt": "JSON."}, "never names the options 'keep', 'share'; say"),
        ({"prompt": "選擇分享。JSON.", "options": ["分享", "保留"], "choice": "分享"},
         "never names the option '保留'; say"),
        ({"prompt": "From 1 to 6? JSON.", "options": list("1234567"), "choice": "1",
          "target": "1"}, "never names the option '7'; say"),
        ({"prompt": "Keep or share?"}, "the answer begins as JSON, '{\"decision\": \"', but the"),
        ({"prompt": "Keep or share?", "opening": '{"answer": "'}, "the answer begins as JSON"),
        ({"prompt": f"<p>{ASKED}</p>"}, "HTML in the prompt, '</p>'; a model"),
        ({"prompt": f"Now.<br/>{ASKED}"}, "HTML in the prompt, '<br/>'; a model"),
        ({"prompt": f"A&nbsp;B. {ASKED}"}, "HTML in the prompt, '&nbsp;'; a model"),
        ({"system": "<div class='x'>"}, "HTML in the prompt, \"<div class='x'>\"; a model"),
        ({"options": ["keep", "share half of it all"], "choice": "keep",
          "prompt": f"{ASKED} share half of it all"},
         "labels of very unequal length: 'keep' has 4 characters, 'share half of it all' 20;"),
        ({"options": ["keep", " share"]}, "the label ' share' begins or ends with white space"),
        ({"options": ["keep\xa0", "share"], "choice": "keep\xa0"},
         r"the label 'keep\xa0' begins or ends"),
        ({"options": ["keep", "share\u200b"]}, r"the label 'share\u200b' begins or ends"),
    ],
)  # fmt: skip
def test_doubts_of_one_record(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    assert said in one(tmp_path, {**GOOD, **change})


@pytest.mark.parametrize(
    "change",
    [
        {"prompt": "KEEP it, or\nShare it, as json?"},
        {"prompt": "Give your decision: keep or share."},
        {"prompt": "Keep or share?", "opening": "I:"},
        {"prompt": "Keep or share: ", "opening": 'My answer is "'},
        {"prompt": "Keep or share? Write the answer.", "opening": '{"answer": "'},
        {"prompt": "From 1 to 7? JSON.", "options": list("1234567"), "choice": "1", "target": "1"},
        {"prompt": "From 1 to 7? JSON.", "options": list("7654321"), "choice": "1", "target": "1"},
        {"prompt": f"If x < 3 and y > 2 & z: {ASKED}"},
        {"prompt": f"Press <A> or <B>. {ASKED}"},
        {"options": [" keep", " share"], "choice": " keep"},
        {"options": [{"key": "keep", "label": "stay", "spellings": ["keep"]}, "share"]},
        {"n": 1},
    ],
)
def test_what_is_not_doubted(tmp_path: Path, change: dict[str, Any]) -> None:
    assert warned(tmp_path, {**GOOD, **change}) == []


def test_a_game_is_not_asked_for_its_words(tmp_path: Path) -> None:
    paid = {"J": {"J": [3, 3], "F": [0, 5]}, "F": {"J": [5, 0], "F": [1, 1]}}
    game = {"kind": "game", "id": "g", "family": "repeated_matrix",
            "rules": {"rounds": 10, "payoffs": paid}, "events": []}  # fmt: skip
    played = {"id": "p", "game": "g", "at": 0, "options": ["J", "F"], "choice": "J",
              "config": {"rounds": 10, "trials": 4}, "round": 1}  # fmt: skip
    path = write_lines(tmp_path / "mine.jsonl", game, played)
    found, faults, warnings = check_decisions(path)
    assert (found["decisions"], faults, warnings) == (1, [], [])
    family = found["families"]["repeated_matrix"]
    assert (family["games"], family["items"], family["people"]) == (1, None, None)


def test_the_order_of_options_that_turns_the_coding(tmp_path: Path) -> None:
    turned = {**GOOD, "options": ["share", "keep"]}
    said = one(tmp_path, GOOD, turned, GOOD, turned, turned, turned)
    assert said.startswith(
        "lines 2, 4, 5 and 1 more: the options are in a different order than on line 1, so the "
        "target option is 'share' here and 'keep' there"
    )
    named = [{**record, "target": "share"} for record in (GOOD, turned)]
    assert warned(tmp_path, *named) == []
    apart = [GOOD, {**turned, "family": "other"}]  # another family has a coding of its own
    assert warned(tmp_path, *apart) == []


def test_values_on_some_lines_alone(tmp_path: Path) -> None:
    valued = [{"key": "keep", "value": 0}, {"key": "share", "value": 5}]
    said = one(tmp_path, GOOD, {**GOOD, "options": valued}, {**GOOD, "options": valued})
    assert said.startswith("lines 2 and 3: the options 'keep', 'share' have values here and none")
    said = one(tmp_path, {**GOOD, "options": valued}, GOOD)
    assert said.startswith("line 2: the options 'keep', 'share' have no values here and some on")
    assert warned(tmp_path, *[{**GOOD, "options": valued}] * 2) == []


@pytest.mark.parametrize("other", ["gain", "Gain ", "GAIN", "\xa0Gain"])
def test_values_of_config_that_are_nearly_the_same(tmp_path: Path, other: str) -> None:
    lines = [{**GOOD, "config": {"frame": frame}} for frame in ("Gain", "loss", other, other)]
    said = one(tmp_path, *lines)
    assert said.startswith(f"lines 3 and 4: config frame has the values 'Gain' and {other!r}, ")


def test_names_and_letters_of_config_that_are_nearly_the_same(tmp_path: Path) -> None:
    lines = [{**GOOD, "config": {name: "x"}} for name in ("frame", "Frame")]
    assert "config has the names 'frame' and 'Frame'" in one(tmp_path, *lines)
    lines = [{**GOOD, "config": {"place": name}} for name in ("caf\xe9", "cafe\u0301")]
    assert "config place has the values" in one(tmp_path, *lines)
    apart = [{**GOOD, "config": {"a": "x", "b": "X"}}, {**GOOD, "config": {"a": "y", "b": 1}}]
    assert warned(tmp_path, *apart) == []


def test_names_of_config_that_have_a_meaning(tmp_path: Path) -> None:
    said = one(tmp_path, {**GOOD, "round": 2, "config": {"rounds": 40}})
    assert said.startswith("line 1: config rounds is read as the number of rounds")


def refused(tmp_path: Path, *records: dict[str, Any]) -> str:
    _, (said,), _ = check_decisions(write_lines(tmp_path / "mine.jsonl", *records))
    return said


def test_a_spread_that_no_rate_can_have(tmp_path: Path) -> None:
    said = refused(tmp_path, {**RATE, "rate_sd": 45}, {**RATE, "rate": 0.3, "rate_sd": 45})
    # Of 30 people half at 0 and half at 1: sqrt(.25 * 30 / 29).
    assert said.endswith(
        ", lines 1 and 2: rate_sd is 45, but the standard deviation of rates of 30 people is at "
        "most .51, because they lie between 0 and 1: for 45 % write 0.45."
    )
    assert "rate_sd is 0.6, but" in refused(tmp_path, {**RATE, "rate": 0.5, "rate_sd": 0.6})
    assert "rate_sd is 0.45, more than is possible for this rate of 30" in one(
        tmp_path, {**RATE, "rate_sd": 0.45}
    )
    assert warned(tmp_path, {**RATE, "rate": 0.5, "rate_sd": 0.5}) == []
    unsized = {key: value for key, value in RATE.items() if key != "n"}
    assert warned(tmp_path, {**unsized, "rate_sd": 0.42}) == []  # as 1 and .8 of two people
    assert "rate_sd is 1.2, but" in refused(tmp_path, {**unsized, "rate_sd": 1.2})


@pytest.mark.parametrize("n", [2, 3, 5])
def test_no_numbers_from_0_to_1_spread_more(n: int) -> None:
    """Over all of a grid; and where all are 0 or 1, the bound is met but for its rounding."""
    for people in product([0, 0.2, 0.5, 0.9, 1], repeat=n):
        mean, spread = fmean(people), stdev(people)
        assert round(spread, 2) <= largest_spread(round(mean, 2), n)
        if set(people) <= {0, 1}:
            assert math.isclose(spread, largest_spread(mean, n), abs_tol=0.11)


def test_a_condition_belongs_under_config(tmp_path: Path) -> None:
    for key in ("condition", "Treatment", "group"):
        path = write_lines(tmp_path / "mine.jsonl", *[{**GOOD, key: "gain"}] * 2)
        _, (fault,), _ = check_decisions(path)
        assert fault == (
            f'{path}, lines 1 and 2: unknown key {key!r}; put it under config ("config": '
            f'{{"{key}": ...}}), to use it in contrasts and --by.'
        )


def test_warnings_of_many_words_are_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tremble.api.across._MOST", 5)
    lines = [{**GOOD, "options": [f"keep{i}", "share"], "choice": "share"} for i in range(8)]
    path = write_lines(tmp_path / "mine.jsonl", *lines)
    warnings = check_decisions(path)[2]
    assert len(warnings) == 6
    assert warnings[-1] == f"{path}: 3 further warnings of other kinds; fix these first."


@pytest.mark.slow
def test_what_is_kept_of_a_line_is_small(tmp_path: Path) -> None:
    """Of 20,000 people with texts of 2,000 characters that are all doubted."""
    path = tmp_path / "mine.jsonl"
    with path.open("w") as out:
        for number in range(20_000):
            line = {**GOOD, "prompt": f"{number} " + "x" * 2000, "participant": str(number),
                    "config": {"number": number, "text": f"text {number}"}}  # fmt: skip
            out.write(json.dumps(line) + "\n")
    tracemalloc.start()
    found, _, warnings = check_decisions(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found["families"]["custom"]["people"] == 20_000
    assert len(warnings) < 20
    assert peak < 30 * 10**6  # 1.5 kB a line


def test_an_import_checks_how_many_choices_each_made(tmp_path: Path) -> None:
    """Also of a decision that is like one before in all else."""
    rated = next(jsonl.read(write_lines(tmp_path / "r.jsonl", {**RATE, "choices_each": 5})))
    wrong = replace(rated, id="wrong", choices_each=0)
    with pytest.raises(UserError, match=r"'wrong' would not be valid, .* choices_each is 0"):
        import_decisions(iter([rated, wrong]), tmp_path / "out.jsonl")
    assert not (tmp_path / "out.jsonl").exists()
