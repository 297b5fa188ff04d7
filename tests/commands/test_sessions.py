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
from tremble.engines import mock
from tremble.models.byte_tokenizer import VOCABULARY, ByteTokenizer
from tremble.tokenization.options import terminator_ids

BOTH = ["J", "F"]


def transcript(number: int, asked: bool, length: int = 10) -> tuple[str, list[list[str] | None]]:
    """Choices of J or F, after every fifth of them a number, which has no options, if `asked`."""
    draw = random.Random(number)
    text, options = "Machines are marked J or F. ", []
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

    monkeypatch.setattr("tremble.study.score.open_engine", opened)
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
