"""When data became public, against the cut-offs that models' documents state."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from tests.support.commands import mistake, tremble
from tremble.datasets.base import Part, names, source
from tremble.errors import UserError
from tremble.published import pairs
from tremble.published.cutoffs import RELEASES, Release, asked_for, exposure, release_of, releases

MAY, AFTER, UNKNOWN = "may have been seen", "after the cut-off", "unknown"


def release(pretraining: str | None, tuning: str | None = None) -> Release:
    return Release("R", "F", "r", pretraining, tuning, "a card")


@pytest.mark.parametrize(
    ("public", "pretraining", "tuning", "expected"),
    [
        ("2023-11", "2023-12", None, MAY),
        ("2023-12", "2023-12", None, MAY),  # the same month is a doubt
        ("2024-01", "2023-12", None, AFTER),
        ("2023-12-31", "2023-12", None, MAY),
        ("2024-01-01", "2023-12", None, AFTER),
        ("2023", "2023-01", None, MAY),  # a year may be its January
        ("2023", "2022-12", None, AFTER),
        ("1994", "2022-09", None, MAY),
        ("2023-05", "2022-09", "2023-07", MAY),  # the younger tuning data decide
        ("2023-08", "2022-09", "2023-07", AFTER),
        ("2023-08", None, "2023-07", AFTER),
        ("2023-08", None, None, UNKNOWN),
        (None, "2023-12", None, UNKNOWN),
    ],
)
def test_a_doubt_counts_as_seen(
    public: str | None, pretraining: str | None, tuning: str | None, expected: str
) -> None:
    assert exposure(Part("d", public), release(pretraining, tuning)) == expected


@pytest.mark.parametrize(
    ("model", "latest"),  # as the model cards print it
    [
        ("meta-llama/Llama-2-7b-hf", "2023-07"),
        ("meta-llama/Llama-2-13b-chat-hf", "2023-07"),
        ("meta-llama/Meta-Llama-3-8B-Instruct", "2023-03"),
        ("meta-llama/Meta-Llama-3-70B", "2023-12"),
        ("meta-llama/Meta-Llama-3.1-8B", "2023-12"),
        ("meta-llama/Llama-3.2-1B-Instruct", "2023-12"),
        ("google/gemma-3-27b-pt", "2024-08"),
        ("google/gemma-3-270m", "2024-08"),
        ("google/gemma-2-9b", None),
        ("google/gemma-7b", None),
        ("allenai/OLMo-7B-hf", "2023-03"),
        ("allenai/OLMo-2-1124-13B-Instruct", "2023-12"),
        ("allenai/Olmo-3-1025-7B", "2024-12"),
        ("allenai/Olmo-3.1-32B-Instruct", "2024-12"),
        ("allenai/OLMoE-1B-7B-0125", None),
        ("01-ai/Yi-34B-Chat", "2023-06"),
        ("01-ai/Yi-1.5-34B", None),
        ("nvidia/Minitron-4B-Base", "2024-08"),
        ("codellama/CodeLlama-7b-Python-hf", "2023-07"),
        ("google/codegemma-7b", None),
        ("Qwen/Qwen2.5-7B", None),
    ],
)
def test_which_cut_off_a_model_has(model: str, latest: str | None) -> None:
    assert release_of(model).latest == latest


def test_every_model_of_the_pairs_fits_at_most_one_release() -> None:
    used = set()
    for pair in pairs.catalogue():
        for model in (pair.base, pair.aligned):
            fitting = [one for one in RELEASES if one.fits(model)]
            assert len(fitting) <= 1, model
            assert all(one.family == pair.family for one in fitting), model
            used.update(fitting)
    assert used == set(RELEASES)
    assert {one.family for one in releases()} == set(pairs.model_families())


def test_dates_and_sources_are_written_as_promised() -> None:
    for one in RELEASES:
        assert one.latest is not None and one.source
        for date in (one.pretraining, one.tuning):
            assert date is None or re.fullmatch(r"20\d\d-(0[1-9]|1[0-2])", date)
    for name in names():
        for part in source(name).card.dated():
            assert part.public_since is not None or part.public_note
            assert re.fullmatch(r"\d{4}(-\d\d(-\d\d)?)?", part.public_since or "1994")


def test_a_family_stands_for_its_releases() -> None:
    assert [one.name for one in asked_for("olmo")] == ["OLMo", "OLMo 2", "Olmo 3", "OLMo (others)"]
    assert [one.name for one in asked_for("Yi")] == ["Yi", "Yi (others)"]
    assert [one.name for one in asked_for("qwen")] == ["Qwen"]
    assert [one.name for one in asked_for("google/gemma-3-4b-it")] == ["Gemma 3"]
    for unknown in ("nobody/nothing", "derived-llama-3.1-8b"):
        with pytest.raises(UserError, match="There is no model"):
            asked_for(unknown)


def test_a_card_without_parts_is_its_own_part() -> None:
    card = replace(source("glee").card, public_since="2024-10", public_note="why")
    assert card.dated() == (Part("glee", "2024-10", "why"),)
    assert [part.name for part in source("demo").card.dated()] == [
        "repeated games",
        "one-shot games",
        "lotteries",
        "GLEE",
    ]


def test_the_command() -> None:
    code, out, _ = tremble("data", "dates", "--model", "Llama", "--json")
    rows = {(row["dataset"], row["part"], row["release"]): row for row in json.loads(out)}
    assert code == 0
    # GLEE: October 2024; Llama 3.1: December 2023; Akata et al.: May 2023; Llama 3 8B: March 2023.
    assert rows["glee", "glee", "Llama 3.1"]["verdict"] == AFTER
    assert rows["akata2025", "akata2025", "Llama 3.1"]["verdict"] == MAY
    assert rows["akata2025", "akata2025", "Llama 3 8B"]["verdict"] == AFTER
    assert rows["demo", "one-shot games", "Llama 2"]["verdict"] == MAY
    assert rows["jsonl", "jsonl", "Llama 2"]["verdict"] == UNKNOWN
    assert {row["family"] for row in rows.values()} == {"Llama"}

    # Psych-101: October 2024; a user's own transcripts have a date that only the user knows.
    assert rows["psych", "Psych-101", "Llama 3.1"]["verdict"] == AFTER
    assert rows["psych", "other transcripts", "Llama 3.1"]["verdict"] == UNKNOWN

    code, out, _ = tremble("data", "dates")
    assert code == 0
    lines = [line.split("  ") for line in out.splitlines()]
    cells = {cells[0]: [cell.strip() for cell in cells[1:] if cell.strip()] for cells in lines}
    assert cells["casino"] == ["2021-03", "all with a date", "–"]
    assert cells["glee"] == ["2024-10", "Olmo 3", "all others with a date"]
    assert cells["akata2025"] == ["2023-05", "all others with a date", "Llama 3 8B, OLMo"]
    assert cells["psych: other transcripts"] == ["unknown", "–", "–"]
    assert "demo: lotteries" in out and "cut-off unknown:" in out
    assert "did you mean 'llama'?" in mistake("data", "dates", "--model", "Lama").casefold()
    assert "tremble pairs" in mistake("data", "dates", "--model", "zzzz")


def test_the_card_shows_when_and_how() -> None:
    _, out, _ = tremble("data", "show", "demo")
    assert "public since, lotteries" in out
    _, out, _ = tremble("data", "show", "akata2025")
    assert "tremble data fetch akata2025" in out and "2023-05" in out
    card = json.loads(tremble("data", "show", "akata2025", "--json")[1])
    assert card["sources"][0]["filename"] == "repgames.csv"
