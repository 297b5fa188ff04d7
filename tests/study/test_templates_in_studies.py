"""What templates print, from the study file to the notes beside the numbers; `score`, `plan` and
`xray` render as a run does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import mistake, tremble
from tests.support.studies import study_file
from tests.support.toys import TEMPLATE
from tremble.store.study_folder import Store

MODEL = '[[model]]\nid = "mock:one"\ntemplate = "t.jinja"\n'
COINS = "The other player offers you 3 of 10 coins. Do you take it?"
OPENED = '{"decision": "'
ONE_LINE = (
    "{% for m in messages %}{% if m.role == 'user' %}[ASK] {{ m.content }} [/ASK] {% endif %}"
    "{% endfor %}"
)
THINKS = TEMPLATE.replace("<|assistant|>", "<|assistant|><think>{{ '\\n' }}")
CHANNELS = (
    "{% for m in messages %}<|start|>{{ m.role }}<|message|>{{ m.content }}<|end|>{% endfor %}"
    "{# <|channel|>final #}{% if add_generation_prompt %}<|start|>assistant{% endif %}"
)
PARTS = "{% for m in messages %}{% for part in m.content %}{{ part.text }}{% endfor %}{% endfor %}"


def write(
    folder: Path, template: str, *prompts: str, options: tuple[str, ...] = ("1", "10")
) -> Path:
    """A study in the chat format with a made-up model and a template of its own."""
    records = [
        {"id": str(n), "prompt": text, "options": options, "choice": options[0]}
        for n, text in enumerate(prompts)
    ]
    (folder / "mine.jsonl").write_text("\n".join(map(json.dumps, records)), "utf-8")
    (folder / "t.jinja").write_text(template, "utf-8")
    return study_file(folder, MODEL, formats=["chat"])


def reading(path: Path, id_: str = "0") -> dict[str, Any]:
    code, out, error = tremble("xray", path, id_, "--model", "mock:one", "--json")
    assert code == 0, error
    (found,) = json.loads(out)["readings"]
    return dict(found)


@pytest.mark.parametrize("line_end", ["", "{{ '\\n' }}"])
@pytest.mark.parametrize("wide", ['27"', "27 inches"])
def test_quotes_of_people_and_templates_do_not_close_the_opening(
    tmp_path: Path, line_end: str, wide: str
) -> None:
    path = write(
        tmp_path, ONE_LINE + line_end, f"The screen is {wide} wide. Would you order 1 or 10?"
    )
    assert [option["closed"] for option in reading(path)["options"]] == [True, False]
    assert tremble("run", path, "--out", tmp_path / "s")[0] == 0
    found = tremble(
        "score", "--model", "mock:one", "--chat", "--template", tmp_path / "t.jinja",
        stdin=(tmp_path / "mine.jsonl").read_text(),
    )  # fmt: skip
    assert found[0] == 0, found[2]


def test_an_open_quote_of_a_plain_prompt_without_an_opening_still_closes_labels(
    tmp_path: Path,
) -> None:
    record = {"prompt": 'Say "', "opening": "", "options": ["yes", "yes please"], "choice": "yes"}
    assert tremble("score", "--model", "mock:one", stdin=json.dumps(record))[0] == 0
    said = mistake("score", "--model", "mock:one", "--chat", stdin=json.dumps(record))
    assert (
        "is the beginning of another label" in said
    )  # in a chat the answer opens behind the template


def test_a_label_that_holds_what_closes_labels_is_refused_everywhere(tmp_path: Path) -> None:
    path = write(tmp_path, TEMPLATE, COINS, options=("12", '12"'))
    for command in (("run", path, "--out", tmp_path / "s"), ("xray", path, "0")):
        assert "The labels '12' and '12\"' cannot be told apart" in mistake(*command)
    line = json.loads((tmp_path / "mine.jsonl").read_text())
    assert "cannot be told apart" in mistake("score", "--model", "mock:one", stdin=json.dumps(line))
    code, _, error = tremble("data", "check", tmp_path / "mine.jsonl")
    assert "line 1: The labels '12' and '12\"' cannot be told apart" in error
    assert code == 2


def test_a_template_that_prints_nothing_of_people_is_refused_before_anything_is_written(
    tmp_path: Path,
) -> None:
    path = write(tmp_path, PARTS, COINS)
    for command in (("run", path, "--out", tmp_path / "s"), ("xray", path, "0")):
        said = mistake(*command)
        assert "t.jinja prints nothing of the user text (it wants texts as lists of parts)" in said
        assert "give another with template = in [[model]], or with --template." in said
    assert not (tmp_path / "s").exists()
    (reason,) = json.loads(tremble("plan", path, "--json")[1])["cannot"]
    assert "prints nothing of the user text" in reason["why"]


@pytest.mark.parametrize(
    ("template", "end", "said"),
    [
        (
            THINKS,
            "<|assistant|><think>\n\n</think>\n\n",
            "tremble closes the thought that it opens",
        ),
        (
            CHANNELS,
            "<|end|><|start|>assistant<|channel|>final<|message|>",
            "tremble gives the answer its final channel",
        ),
    ],
)
def test_a_thought_is_closed_and_a_channel_given_and_both_are_said(
    tmp_path: Path, template: str, end: str, said: str
) -> None:
    path = write(tmp_path, template, COINS)
    out = tmp_path / "s"
    assert reading(path)["text"].endswith(
        COINS + ("\n" if template is THINKS else "") + end + OPENED
    )
    assert said in json.loads(tremble("xray", path, "0", "--json")[1])["notes"][-1]
    (note,) = json.loads(tremble("plan", path, "--json")[1])["notes"]
    assert said in note
    assert tremble("run", path, "--out", out)[0] == 0
    assert note in json.loads(tremble("analyze", out, "--json")[1])["notes"]
    (job,) = Store(out).jobs()
    manifest = job.manifest()
    assert manifest is not None
    assert manifest["template"]["remarks"] == [note]
    assert end.endswith(manifest["template"]["prefill"]["text"])
    error = tremble(
        "score", "--model", "mock:one", "--chat", "--template", tmp_path / "t.jinja",
        stdin=json.dumps({"prompt": COINS, "options": ["yes", "no"]}),
    )[2]  # fmt: skip
    assert said in error


def test_what_needs_nothing_is_not_spoken_of(tmp_path: Path) -> None:
    path = write(tmp_path, TEMPLATE, COINS)
    assert json.loads(tremble("plan", path, "--json")[1])["notes"] == []
    assert tremble("run", path, "--out", tmp_path / "s")[0] == 0
    (job,) = Store(tmp_path / "s").jobs()
    manifest = job.manifest()
    assert manifest is not None
    assert manifest["template"]["prefill"] is None
    assert manifest["template"]["remarks"] == []
    assert manifest["template"]["before_user"] == "<|user|>"
    assert "control_texts" not in manifest
