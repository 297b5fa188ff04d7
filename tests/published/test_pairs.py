"""The catalogue of published pairs, its commands, and a study laid over the published cloud."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from tremble.commands.program import app
from tremble.errors import UserError
from tremble.published.pairs import (
    catalogue,
    family_of,
    family_of_pair,
    find,
    model_families,
    pair_of,
    pairs_of,
    params_of,
)
from tremble.published.points import cloud, overlay


def tremble(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, list(arguments))
    return result.exit_code, result.stdout, result.stderr


def mistake(*arguments: str) -> str:
    code, out, error = tremble(*arguments)
    assert (code, out) == (2, "")
    assert error.count("\n") == 1 and error.startswith("tremble: ")
    return error


def test_the_catalogue_as_printed() -> None:
    assert [pair.number for pair in catalogue()] == list(range(1, 121))
    assert len(model_families()) == 23
    assert {pair.licence for pair in catalogue()} == {"not stated"}
    assert (catalogue()[26].base, catalogue()[26].params_b) == ("gemma-2b", 2.0)


def test_find_by_family_and_size() -> None:
    assert [pair.number for pair in find("zamba2")] == [120]
    assert {pair.family for pair in find(max_params=0.1)} == {"SmolLM"}
    assert [pair.number for pair in find("DeepSeek", 6.7)] == [8, 9]
    with pytest.raises(UserError, match="'Quen'; did you mean 'Qwen'"):
        find("Quen")


@pytest.mark.parametrize("name", ["gemma-2b", "google/gemma-2b", "models/google/Gemma-2b/"])
def test_a_model_is_known_by_the_part_behind_the_slash(name: str) -> None:
    assert (family_of(name), params_of(name)) == ("Gemma", 2.0)
    assert [pair.number for pair in pairs_of(name)] == [27]


def test_models_of_several_pairs_and_of_none() -> None:
    assert [pair.number for pair in pairs_of("mistralai/Mistral-7B-v0.1")] == [55, 56]
    assert (family_of("gpt2"), params_of("gpt2"), pairs_of("gpt2")) == (None, None, ())
    found = pair_of("Mistral-7B-v0.1", "mistralai/Mistral-7B-Instruct-v0.1")
    assert found is not None and found.number == 56
    assert pair_of("gemma-2b-it", "gemma-2b") is None  # the roles are the other way round
    for pair in catalogue():  # one name never stands for two families or sizes
        for model in (pair.base, pair.aligned):
            assert {(p.family, p.params_b) for p in pairs_of(model)} == {
                (pair.family, pair.params_b)
            }


def test_twins_of_two_providers_belong_to_no_family() -> None:
    assert family_of_pair(("google/gemma-2b", "mine/anything")) == "Gemma"
    assert family_of_pair(("gemma-3-270m", "gemma-3-270m-it")) == "Gemma"  # listed nowhere
    # A Gemma that is not listed beside a SmolLM that is, either way round.
    two = "embedded/gemma-3-270m", "embedded/smollm2-135m-instruct"
    assert family_of(two[1]) == "SmolLM" and family_of(two[0]) is None
    assert family_of_pair(two) is family_of_pair(two[::-1]) is None
    assert family_of_pair(("codellama-99b", "llama-99b")) is None
    assert family_of_pair(("seed-42", "neo")) is None  # words that a name of one's own has, too
    row = overlay([study_row(*two, "lottery")]).filter(source="study").row(0, named=True)
    assert (row["model_family"], row["params_b"]) == (None, None)


def test_the_cloud_has_a_point_per_pair_and_family_of_games() -> None:
    points = cloud()
    assert points.shape == (720, 8)
    first = points.row(0, named=True)
    assert first == {
        "number": 1,
        "model_family": "CodeGemma",
        "params_b": 7.0,
        "games": "bargaining",
        "mass_base": 0.99,
        "mass_aligned": 1.0,
        "r_base": 0.26,
        "r_aligned": -0.04,
    }


def study_row(base: str, aligned: str, family: str, **more: Any) -> dict[str, Any]:
    figures = {"r_base": 0.5, "r_aligned": None, "mass_base": 0.9, "mass_aligned": None}
    return {"base": base, "aligned": aligned, "family": family, **figures, **more}


def test_a_study_is_laid_over_the_published_cloud() -> None:
    frame = overlay(
        [
            study_row("google/codegemma-7b", "google/codegemma-7b-it", "repeated_matrix"),
            study_row("google/codegemma-7b", "google/codegemma-7b-it", "session", mode="plain"),
            study_row("google/gemma-2b", "mine/gemma-2b-sft", "lottery"),
            study_row("mock:a", "mock:b", "one_shot_matrix"),
        ]
    )
    assert frame["source"].value_counts().sort("source")["count"].to_list() == [720, 4]
    known, session, half, own = frame.filter(source="study").to_dicts()
    assert (known["games"], known["number"], known["model_family"]) == ("matrix", 1, "CodeGemma")
    assert (known["published_r_base"], known["published_r_aligned"]) == (0.41, 0.32)
    assert (known["r_base"], known["r_aligned"], known["mass_aligned"]) == (0.5, None, None)
    assert (session["games"], session["mode"], session["published_r_base"]) == (
        "session",
        "plain",
        None,
    )
    assert (half["number"], half["model_family"], half["params_b"]) == (None, "Gemma", 2.0)
    assert half["published_r_base"] is None
    assert (own["games"], own["model_family"], own["params_b"]) == ("one_shot", None, None)
    assert overlay([]).height == 720


def test_pairs_on_the_command_line() -> None:
    code, out, _ = tremble("pairs", "--family", "Qwen", "--max-params", "0.5", "--json")
    found = json.loads(out)
    assert code == 0 and [pair["number"] for pair in found] == [68, 69, 70, 71]
    assert found[0]["hub_org_status"] == "not verified" and found[0]["licence"] == "not stated"
    code, out, _ = tremble("pairs", "--family", "Zamba2")
    assert code == 0 and "not verified" in out and "1 pairs" not in out
    assert "did you mean 'Gemma'" in mistake("pairs", "--family", "Gema")
    assert "-1" in mistake("pairs", "--max-params", "-1")


@pytest.mark.slow
def test_published_wins_on_the_command_line() -> None:
    code, out, _ = tremble("published", "wins", "--json")
    rows = json.loads(out)
    assert code == 0 and len(rows) == 252
    bounds = ["base_min", "base_max", "aligned_min", "aligned_max"]
    assert list(rows[0]) == ["games", "mass", "min_corr", "base", "aligned", "ties", *bounds]
    assert (rows[0]["games"], rows[0]["mass"], rows[0]["min_corr"]) == ("bargaining", None, None)
    one = ("--mass", "none", "--min-corr", ".05", "--games", "repeated_matrix", "--json")
    (row,) = json.loads(tremble("published", "wins", *one)[1])
    assert (row["games"], row["mass"], row["min_corr"]) == ("matrix", None, 0.05)
    code, out, _ = tremble("published", "wins", "--mass", ".8", "--min-corr", ".3")
    assert code == 0 and "bargaining" in out and "lottery" in out


@pytest.mark.slow
def test_the_terminal_shows_the_core_study_s_filters_and_names_the_sweep() -> None:
    """The rows without options are those of .80 and .30 in the sweep of the JSON."""
    rows = json.loads(tremble("published", "wins", "--json")[1])
    main = [row for row in rows if (row["mass"], row["min_corr"]) == (0.8, 0.3)]
    names = {"matrix": "repeated matrix", "one_shot": "one-shot matrix", "all": "all four repeated"}
    _, out, _ = tremble("published", "wins")
    found = {line[:19].strip(): line[19:].split()[:3] for line in out.splitlines()}
    for row in main:
        counts = [str(row[side]) for side in ("base", "aligned", "ties")]
        assert found[names.get(row["games"], row["games"])] == counts
    assert "--sweep" in out and "Least mass" not in out
    # Seven families, 36 filters each, five figures in a row besides the two filters.
    swept = tremble("published", "wins", "--sweep")[1]
    assert (
        sum(line.split()[3:4] != [] and line.count(" to ") == 2 for line in swept.splitlines())
        == 252
    )
    one = tremble("published", "wins", "--mass", ".7")[1]
    assert sum(line.count(" to ") == 2 for line in one.splitlines()) == 7 * 6
    help_of_games = " ".join(tremble("published", "wins", "--help")[1].replace("│", " ").split())
    for family in ("bargaining", "persuasion", "negotiation", "matrix"):
        assert family in help_of_games


@pytest.mark.parametrize(
    "arguments, part",
    [
        (("--mass", "1.2"), "'1.2'"),
        (("--mass", "nan"), "'nan'"),
        (("--min-corr", "high"), "'high'"),
        (("--min-corr", "-1"), "'-1'; give a number from 0 to 1"),
        (("--min-corr", "2"), "'2'; give a number from 0 to 1"),
        (("--games", "matirx"), "did you mean 'matrix'"),
    ],
)
def test_bad_values_of_published_wins(arguments: tuple[str, ...], part: str) -> None:
    assert part in mistake("published", "wins", *arguments)
