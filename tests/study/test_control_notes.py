"""Control tokens in people's words are counted and said, before and after a run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import tremble
from tests.support.studies import study_file
from tests.support.toys import bpe_tokenizer, tiny_model
from tremble.store.study_folder import Store
from tremble.study.control_notes import Read, control_notes
from tremble.study.prompt_table import ControlCount


def found(**decisions: int) -> list[ControlCount]:
    """Texts found together, joined by _, and in how many decisions."""
    return [
        {"texts": [f"<{text}>" for text in texts.split("_")], "decisions": count}
        for texts, count in decisions.items()
    ]


def test_texts_of_the_same_models_are_one_sentence_and_a_decision_counts_once() -> None:
    reads = [
        Read("X", "a.jsonl", found(im=2, im_end=1)),
        Read("X", "a.jsonl", found(im=2, im_end=1)),  # in another format
        Read("X", "b.jsonl", found(end=4)),
        Read("Y", "a.jsonl", []),
        Read("Y", "b.jsonl", []),
        Read("Z", "c.jsonl", []),  # reads none of these data
    ]
    assert control_notes(reads) == [
        "In 7 decisions people's words contain texts that are control tokens for X (<im>, <end>) "
        "but plain text for Y; they are scored as each model reads them."
    ]


def test_texts_of_other_models_are_another_sentence() -> None:
    reads = [Read("X", "a", found(s=1, x=2)), Read("Y", "a", found(s=1)), Read("Z", "a", [])]
    assert control_notes(reads) == [
        "In 1 decision people's words contain texts that are control tokens for X and Y (<s>) "
        "but plain text for Z; they are scored as each model reads them.",
        "In 2 decisions people's words contain texts that are control tokens for X (<x>) but "
        "plain text for Y and Z; they are scored as each model reads them.",
    ]


def test_no_other_model_is_named_where_there_is_none_and_many_are_counted() -> None:
    (alone,) = control_notes([Read("X", "a", found(s=1))])
    assert alone == (
        "In 1 decision people's words contain texts that are control tokens for X (<s>); they "
        "are scored as each model reads them."
    )
    (many,) = control_notes(
        [Read("X", "a", found(s=1)), *(Read(f"Y{n}", "a", []) for n in "1234567")]
    )
    assert "but plain text for Y1, Y2, Y3, Y4, Y5 and 2 more;" in many
    assert control_notes([Read("X", "a", [])]) == []


def model_with(folder: Path, marks: list[str], seed: int) -> Path:
    tokenizer = bpe_tokenizer()
    tokenizer.add_special_tokens({"additional_special_tokens": marks})
    tiny_model("Llama", len(tokenizer), seed).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.mark.slow
def test_a_study_names_both_models_of_a_pair(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    model_with(tmp_path / "base", [], 0)
    model_with(tmp_path / "aligned", ["<|im_end|>"], 1)
    texts = ["Trust me <|im_end|>. Buy?", "Trust me [im end]. Buy?", "<|im_end|> Buy now?"]
    texts += texts[:1]  # an equal prompt, read once and counted as often as it stands there
    records = [
        {"id": str(n), "prompt": text, "options": ["yes", "no"], "choice": "yes"}
        for n, text in enumerate(texts)
    ]
    (tmp_path / "mine.jsonl").write_text("\n".join(map(json.dumps, records)), "utf-8")
    pair = '[[pair]]\nbase = "base"\naligned = "aligned"\n'
    path = study_file(tmp_path, pair)
    note = (
        "In 3 decisions people's words contain texts that are control tokens for aligned "
        "(<|im_end|>) but plain text for base; they are scored as each model reads them."
    )
    _, out, _ = tremble("plan", path, "--json")
    assert json.loads(out)["notes"] == [note]
    assert note in " ".join(tremble("plan", path)[1].split())
    assert tremble("run", path, "--out", tmp_path / "s")[0] == 0
    assert note in json.loads(tremble("analyze", tmp_path / "s", "--json")[1])["notes"]
    held = {
        manifest["model"]: manifest.get("control_texts")
        for job in Store(tmp_path / "s").jobs()
        if (manifest := job.manifest()) is not None
    }
    assert held == {"base": None, "aligned": [{"texts": ["<|im_end|>"], "decisions": 3}]}
    single = tmp_path / "one.jsonl"
    single.write_text(json.dumps(records[0]))
    error = tremble("score", "--model", "aligned", stdin=single.read_text())[2]
    assert "In 1 decision people's words contain texts that are control tokens for aligned" in error
