"""What the methods of a study claim: only what its tables hold, else the reason they give."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import tremble
from tests.support.studies import run, study_file
from tremble.api.methods import methods_facts
from tremble.report.tables.methods import paragraph
from tremble.report.tables.provenance import provenance_layout

ONE = '[[model]]\nid = "mock:one"\n'
PAIR = '[[pair]]\nbase = "mock:base"\naligned = "mock:aligned"\n'
CONTRAST = '[[contrast]]\nby = "frame"\ncontrol = "a"\n'


def records(people: int, texts: int, chosen: str | None = None) -> list[dict[str, Any]]:
    """So many people on so many texts of two frames; `chosen`: all chose it."""
    return [
        {
            "id": f"{person}/{text}",
            "participant": str(person),
            "prompt": f"Text {text}, frame {'ab'[text % 2]}. Yes or no, as JSON?",
            "options": ["yes", "no"],
            "choice": chosen or ["yes", "no"][(person * person + text) % 3 > 1],
            "config": {"frame": "ab"[text % 2]},
        }
        for person in range(people)
        for text in range(texts)
    ]


def study(folder: Path, tables: str, made: list[dict[str, Any]], **asked: Any) -> Path:
    (folder / "mine.jsonl").write_text("\n".join(map(json.dumps, made)), "utf-8")
    run(study_file(folder, tables, **asked), folder / "out")
    return folder / "out"


def provenance(folder: Path) -> dict[str, str]:
    rows = [row for one in provenance_layout(methods_facts(folder)).sections for row in one.rows]
    return {str(what): str(value) for what, value in rows}


def table(folder: Path, *arguments: str) -> list[dict[str, Any]]:
    code, out, error = tremble("analyze", folder, *arguments, "--json")
    assert code == 0, error
    made: list[dict[str, Any]] = json.loads(out)[arguments[-1] if arguments else "tests"]
    return made


def test_no_interval_no_pair_and_one_way_are_not_claimed(tmp_path: Path) -> None:
    """One model on three texts: no interval, no twin, nothing turned, nothing sampled."""
    out = study(tmp_path, ONE, records(24, 3), counterbalance=["order"], sample=500)
    words, rows = paragraph(methods_facts(out)), provenance(out)
    (interval,) = table(out, "--table", "intervals")
    assert interval["low"] is None
    assert f"none has an interval: {interval['note']}." in words
    assert rows["intervals"] == f"0 of 1 have one; the others: {interval['note']}"
    assert "resampled" not in rows["family custom"]
    for claim in (
        "bootstrap",
        "resamples",
        "Twins",
        "twin",
        "ase models",
        "ase and aligned",
        "ontrasts",
    ):
        assert claim not in words, claim
    for claim in ("ounterbalanced", "sampled", "distributions", "ffects of"):
        assert claim not in words, claim
    assert rows["counterbalanced"] == "none"
    assert "model was" not in words and "in the provenance table" not in words
    assert "mock:one is a built-in fake model of tremble: its numbers mean nothing." in words


def test_what_was_computed_is_claimed(tmp_path: Path) -> None:
    out = study(tmp_path, PAIR + CONTRAST, records(30, 24))
    words, rows = paragraph(methods_facts(out)), provenance(out)
    assert all(row["low"] is not None for row in table(out, "--table", "intervals"))
    said = "intervals (95%, 5,000 resamples of whole participants and items; both kinds where they"
    assert said in words and "have one" not in rows["intervals"]
    assert (
        "Effects of these contrasts were estimated, with Student's t: frame (control: a)." in words
    )
    assert rows["contrast"] == "frame (control: a)"
    judged = json.loads(tremble("verdict", out, "--json")[1])
    answered = {
        name
        for row in judged
        for name in ("levels", "effects", "distribution")
        if row[name] not in (None, "cannot say")
    }
    for name, margin in {"levels": "level .", "effects": "effect ", "distribution": "dist"}.items():
        assert (margin in words) == (name in answered), name


@pytest.mark.parametrize("people", [12, 40])
def test_tests_over_pairs_are_those_with_a_p(tmp_path: Path, people: int) -> None:
    out = study(tmp_path, PAIR, records(people, 6))
    words, rows = paragraph(methods_facts(out)), provenance(out)["tests over pairs"]
    tested = {row["test"] for row in table(out) if row["p"] is not None}
    if tested:
        assert "Base and aligned models were compared by one-sided" in words and rows.startswith(
            "one-sided"
        )
    else:
        why = table(out)[0]["note"]
        assert "Base and aligned models were not tested" in words and f": {why}." in words
        assert rows.startswith(f"none, {why}")
    assert ("binomial" in words) == ("binomial" in tested)
    assert ("Wilcoxon" in words) == ("wilcoxon" in tested)


def test_a_claim_of_tests_goes_by_the_p_values(tmp_path: Path) -> None:
    """The facts alone, since made-up models seldom pass the filters."""
    facts = methods_facts(study(tmp_path, PAIR, records(12, 6)))
    facts["computed"]["tests"] = {"made": ["binomial", "wilcoxon"], "why": None}
    said = (
        "Base and aligned models were compared by one-sided binomial and Wilcoxon signed-rank "
        "tests over the pairs"
    )
    assert said in paragraph(facts)


def test_an_r_that_is_nowhere_defined(tmp_path: Path) -> None:
    out = study(tmp_path, ONE, records(24, 6, "yes"))
    (row,) = json.loads(tremble("analyze", out, "--json")[1])["models"]
    words = paragraph(methods_facts(out))
    assert row["r"] is None
    assert (
        f"which is undefined in all of these data: {row['note']}." in words
        and "bootstrap" not in words
    )


def test_a_contrast_without_an_interval_is_not_claimed(tmp_path: Path) -> None:
    out = study(tmp_path, ONE + CONTRAST, records(1, 2))
    words = paragraph(methods_facts(out))
    assert "Student" not in words
    assert "Contrasts asked for, but without an interval: frame (control: a)" in words
    assert "can replace participants could not be judged: " in words and "margins" not in words
    assert "margins" not in provenance(out)


def test_a_study_without_a_score_claims_nothing(tmp_path: Path) -> None:
    out = study(tmp_path, PAIR, records(24, 3))
    for path in [*out.rglob("part-*"), *out.rglob("manifest.json")]:
        path.unlink()
    words = paragraph(methods_facts(out))
    assert "No model has been scored yet. The study is not finished. Analysed with tremble" in words
    for claim in ("We compared", "were read", "Pearson", "Scored", "margins", "wording", "We read"):
        assert claim not in words, claim
    assert "r" not in provenance(out)
    code, said, _ = tremble("verdict", out)
    assert code == 0 and "No decision with known options has been scored" in said
    code, _, error = tremble("report", out, "--out", tmp_path / "page.html")
    assert code == 0 and "is missing on the page" not in error
