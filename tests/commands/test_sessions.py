"""Sessions at the command line: responses with and without options, or with two and no target."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.commands import mistake, tremble
from tremble.decisions.record import Decision
from tremble.engines import mock
from tremble.models.byte_tokenizer import VOCABULARY, ByteTokenizer
from tremble.prompts.conversation import Conversation
from tremble.prompts.formulations import standard
from tremble.tokenization.options import terminator_ids

BOTH = ["J", "F"]


def transcript(number: int, asked: bool, length: int = 10) -> tuple[str, list[list[str] | None]]:
    """Choices of J or F, after every fifth of them a number, which has no options, if `asked`."""
    draw = random.Random(number)
    text, options = "Machines are marked J or F. ", list[list[str] | None]()
    for turn in range(length):
        text += f"Round {turn + 1}: You press <<{draw.choice('JF')}>>. "
        options.append(BOTH)
        if asked and turn % 5 == 4:
            text += f"How sure are you? You say <<{draw.randint(10, 99)}>>. "
            options.append(None)
    return text, options


def study(
    folder: Path,
    people: int = 4,
    asked: bool = False,
    offered: bool = True,
    **more: Any,
) -> Path:
    lines = []
    for number in range(people):
        text, options = transcript(number, asked)
        line = {"kind": "session", "id": f"s{number}", "dataset": "mine", "study": "cards"}
        line |= {"participant": str(number), "text": text, **more}
        lines.append(line | ({"options": options} if offered else {}))
    return write(folder, lines)


def write(folder: Path, lines: Sequence[dict[str, Any]]) -> Path:
    (folder / "mine.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n", "utf-8")
    path = folder / "s.toml"
    path.write_text(
        '[study]\nname = "s"\ndata = ["mine.jsonl"]\nformats = ["plain"]\n'
        '[[model]]\nid = "mock:one"\n',
        "utf-8",
    )
    return path


def by_last(ids: Sequence[int]) -> np.ndarray:
    made = 1 + np.sin(np.arange(1.0, VOCABULARY + 1) * (1 + ids[-1]) + len(ids)) ** 2
    return np.asarray(made / made.sum())


@pytest.fixture
def bytewise(monkeypatch: pytest.MonkeyPatch) -> None:
    """The model gives probabilities to bytes, so that what a response has can be added up."""

    def opened(*_: Any) -> mock.MockEngine:
        return mock.MockEngine("mock:one", by_last)

    monkeypatch.setattr("tremble.engines.open.open_engine", opened)
    monkeypatch.setattr("tremble.xray.decision.open_engine", opened)


@pytest.mark.usefixtures("bytewise")
def test_xray_shows_a_response_without_options(tmp_path: Path) -> None:
    file = study(tmp_path, asked=True)
    out = tmp_path / "out"
    assert tremble("run", file, "--out", out)[0] == 0
    text, _ = transcript(0, asked=True)
    before, said = text.split("You say <<")[0] + "You say <<", text.split("You say <<")[1][:2]
    ids, each = [256, *before.encode()], []
    for byte in said.encode():
        each.append(math.log(by_last(ids)[byte]))
        ids.append(byte)
    ends = terminator_ids(ByteTokenizer().pieces(), ">")
    closing = math.log(by_last(ids)[list(ends)].sum())

    code, printed, _ = tremble("xray", file, "s0/r6", "--out", out, "--json")
    assert code == 0
    found = json.loads(printed)
    assert found["people"]["response"] == said
    (reading,) = found["readings"]
    assert reading["text"] == before
    assert [token["id"] for token in reading["tokens"]] == [256, *before.encode()]
    assert (reading["options"], reading["mass"], reading["first_mass"]) == ([], None, None)
    response = reading["response"]
    assert response["text"] == said
    assert [token["logprob"] for token in response["tokens"]] == pytest.approx(each)
    assert response["logprob"] == pytest.approx(sum(each))
    assert response["closing_logprob"] == pytest.approx(closing)
    assert reading["stored"]["same_prompt"] and not reading["stored"]["differs"]
    assert reading["stored"]["response_logprob"] == pytest.approx(sum(each))

    code, printed, _ = tremble("xray", file, "s0/r6", "--out", out)
    assert code == 0
    nats = f"{-sum(each):.5f}".removeprefix("0")
    assert [line.split()[-1] for line in printed.splitlines() if "response: nats " in line] == [
        nats,
        f"{-closing:.5f}".removeprefix("0"),
        nats,
    ]
    assert "mass" not in printed and f"response: {said}" in printed
    page = tmp_path / "x.html"
    assert tremble("xray", file, "s0/r6", "--out", out, "--html", page)[0] == 0
    assert "The response, token by token" in page.read_text("utf-8")
    assert nats in page.read_text("utf-8")


@pytest.mark.usefixtures("bytewise")
def test_xray_shows_options_and_the_response_among_them(tmp_path: Path) -> None:
    file = study(tmp_path, asked=True)
    code, printed, _ = tremble("xray", file, "s0/r2", "--json")
    assert code == 0
    (reading,) = json.loads(printed)["readings"]
    (said,) = [o for o in reading["options"] if o["label"] == reading["response"]["text"]]
    assert said["logprob"] == pytest.approx(reading["response"]["logprob"])
    shares = [math.exp(option["logprob"]) for option in reading["options"]]
    assert reading["mass"] == pytest.approx(sum(shares))


def test_probe_leaves_out_responses_without_options(tmp_path: Path) -> None:
    file = study(tmp_path, people=4, asked=True)
    code, printed, error = tremble("probe", file, "--json")
    assert (code, error) == (0, "")
    found = json.loads(printed)
    assert found["without_options"] == 4 * 2
    assert [row["median_mass"] for row in found["families"]] == [pytest.approx(0.9)]
    assert "no options to have a mass: 8 decisions." in tremble("probe", file)[1]


def test_probe_of_sessions_without_options_says_so(tmp_path: Path) -> None:
    said = mistake("probe", study(tmp_path, people=4, offered=False))
    assert "None of the 40 decisions of the study 's' has known options" in said


def test_data_check_shows_what_a_model_reads_of_sessions(tmp_path: Path) -> None:
    """Two experiments with other instructions: the first prompt in full, then ends."""
    study(tmp_path)
    lines = []
    texts = []
    for number in range(4):
        text = f"Rules of game {number % 2}. {'So it is. ' * 90}{transcript(number, False)[0]}"
        texts.append(text)
        lines.append(
            {"kind": "session", "id": f"s{number}", "study": "ab"[number % 2], "text": text}
            | {"participant": str(number), "person": {"age": 20 + number, "gender": "female"}}
            | {"config": {"part": number}, "options": BOTH}
        )
    write(tmp_path, lines)
    code, out, _ = tremble("data", "check", tmp_path / "mine.jsonl")
    assert code == 0

    def before(number: int, response: int) -> str:
        return "<<".join(texts[number].split("<<")[:response]) + "<<"

    assert f"In full; the model's label comes right after it:\n{before(0, 1)}\n" in out
    for response in (2, 10):
        whole = before(0, response)
        about = f"the same session, s0/r{response}, its end, after {len(whole) - 300:,} characters"
        assert f"{about}:\n...{whole[-300:]}\n" in out
    whole = before(1, 1)
    assert f"after {len(whole) - 300:,} characters:\n...{whole[-300:]}\n" in out
    # Sessions 0 and 2 are told the same up to their first response, 0 and 1 are not.
    assert out.count("the same text as prompt 1") == out.count("the same text as prompt 2") == 1
    assert "  person age: 20, 21, 22, 23\n  person gender: 'female'\n" in out

    found = json.loads(tremble("data", "check", tmp_path / "mine.jsonl", "--json")[1])
    assert found["first_prompt"]["text"] == before(0, 1)
    for number, row in enumerate(found["prompts"]):
        assert row["text"] == before(number, 1)
        assert row["responses"] == [
            {
                "id": f"s{number}/r{response}",
                "characters": len(before(number, response)),
                "text": before(number, response)[-300:],
            }
            for response in (2, 10)
        ]
    person = found["families"]["session"]["person"]
    assert person["age"] == {"values": [20, 21, 22, 23], "distinct": 4}


def test_data_check_puts_few_prompts_of_a_long_session_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many responses: the first as a whole, and two from the end on."""

    made = []

    def counted(decision: Decision, presentation: int) -> Conversation:
        made.append(decision.id)
        return standard(decision, presentation)

    monkeypatch.setattr("tremble.api.conditions.standard", counted)
    text = "".join(f"Turn {turn}: <<{'JF'[turn % 2]}>>.\n" for turn in range(2000))
    write(tmp_path, [{"kind": "session", "id": "s", "participant": "1", "text": text}])
    found = json.loads(tremble("data", "check", tmp_path / "mine.jsonl", "--json")[1])
    assert found["decisions"] == 2000
    assert made == ["s/r1", "s/r1"]  # `first_prompt`, and the only condition
    assert [one["id"] for one in found["prompts"][0]["responses"]] == ["s/r2", "s/r2000"]
    assert found["prompts"][0]["responses"][1]["text"] == text[: text.rindex("<<") + 2][-300:]


def test_spellings_of_facts_that_interviews_take_for_one(tmp_path: Path) -> None:
    people = [{"age": 20, "gender": "Female"}, {"AGE": 21, "gender": "female"}]
    people += [{"nationality": "german"}, {"nationality": "German"}]
    write(
        tmp_path,
        [
            {"kind": "session", "id": str(at), "participant": str(at), "text": "Say <<it>>."}
            | {"person": person}
            for at, person in enumerate(people)
        ],
    )
    _, _, error = tremble("data", "check", tmp_path / "mine.jsonl")
    said = {
        word: next(line for line in error.splitlines() if word in line)
        for word in ("'AGE'", "'Female'", "'German'")
    }
    one = "count as two in `--by`, but as one in interviews; write"
    assert one in said["'AGE'"] and one in said["'Female'"]
    # An interview says "german" or "German".
    assert "count as two; write" in said["'German'"]


def balanced(folder: Path, asked: bool = False) -> Path:
    """30 people with two options at every choice and no target, in two conditions."""
    lines = []
    for number in range(30):
        text, options = transcript(number, asked)
        line: dict[str, Any] = {"kind": "session", "id": f"s{number}", "text": text}
        line |= {
            "participant": str(number),
            "config": {"condition": "ab"[number % 2]},
            "options": options,
        }
        lines.append(line)
    return write(folder, lines)


@pytest.mark.parametrize("asked", [False, True])
def test_what_two_options_without_a_target_are_said_to_be(tmp_path: Path, asked: bool) -> None:
    file = balanced(tmp_path, asked)
    no_mean = "options without values and without a target option have no mean"
    uncoded = "with two options, a distribution is a level, which needs a target option"

    plan = json.loads(tremble("plan", file, "--json")[1])
    (enough,) = plan["families"]
    assert enough["answers"]["ranking"] is None
    assert enough["answers"]["levels"] == enough["answers"]["effects"] == no_mean
    assert enough["answers"]["distribution"] == uncoded

    out = tmp_path / "out"
    assert tremble("run", file, "--out", out)[0] == 0
    (row,) = json.loads(tremble("verdict", out, "--json")[1])
    assert (row["levels"], row["effects"], row["distribution"]) == (None, None, None)
    assert row["levels_why"] == row["effects_why"] == no_mean
    assert row["distribution_why"] == uncoded
    assert "[[contrast]]" not in row["replace_why"]

    printed = "".join(tremble(*args)[1] for args in [("analyze", out), ("verdict", out)])
    printed += tremble("analyze", out, "--table", "levels")[1]
    assert "three or more options is" not in printed and "decisions with more" not in printed
    flat = " ".join(printed.split())
    assert "no level: the options have no values, and none of them is the target" in flat
    assert "one point per option of 300 decisions without a target option (600)" in flat


def test_a_verdict_recommends_no_contrast_that_a_run_refuses(tmp_path: Path) -> None:
    file = balanced(tmp_path)
    file.write_text(file.read_text("utf-8") + '[[contrast]]\nby = "condition"\n', "utf-8")
    said = mistake("run", file, "--out", tmp_path / "out")
    assert "300 decisions of 'session' have none, since they have options without values" in said
    assert "without a target; give every option a value, or name a target." in said

    # With a target the contrast is recommended, and taken.
    lines = [json.loads(line) for line in (tmp_path / "mine.jsonl").read_text().splitlines()]
    named = write(tmp_path, [line | {"target": "J"} for line in lines])
    out = tmp_path / "named"
    assert tremble("run", named, "--out", out)[0] == 0
    (row,) = json.loads(tremble("verdict", out, "--json")[1])
    assert "add a [[contrast]] by condition to the study file" in row["replace_why"]
    named.write_text(named.read_text("utf-8") + '[[contrast]]\nby = "condition"\n', "utf-8")
    assert tremble("run", named, "--out", out)[0] == 0
    (row,) = json.loads(tremble("verdict", out, "--json")[1])
    assert row["effects"] is not None
