"""The page is sound HTML that hostile names cannot break; missing values have their reason."""

from __future__ import annotations

import html
import io
import random
import re
import sys
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import polars as pl
import pytest
from rich.console import Console

from stat_frames import decision, frames, score
from tremble.errors import MissingExtra
from tremble.report.charts import binned
from tremble.report.layout import layout
from tremble.report.page import not_scored, page
from tremble.report.parts import further_parts
from tremble.report.terminal import tables
from tremble.stats import Analysis, Comparison, analyze

HOSTILE = "acme/<script>alert('x')</script>&\"quoted\"[bold]{{ 7 * 7 }}"
VOID = {"meta", "link", "br", "hr", "img", "input"}


def study(base: str = "acme/base", n: int = 40) -> tuple[Analysis, pl.DataFrame, pl.DataFrame]:
    rng = random.Random(3)
    people = [
        decision(f"{family}/{i}", family=family, choice=["yes", "no"][i % 2])
        for family in ("bargaining", "negotiation")
        for i in range(n)
    ]
    people += [decision(f"persuasion/{i}", family="persuasion", choice="yes") for i in range(n)]
    rows = []
    for d in people:
        yes = d["choice"] == "yes"
        for model, form, strength in [(base, "plain", 0.5), ("acme/aligned", "chat", 0.3)]:
            p = 0.2 + strength * yes + 0.3 * rng.random()
            low = model == "acme/aligned" and d["family"] == "negotiation"
            rows.append(
                score(
                    d["decision"],
                    [p, 1 - p],
                    family=d["family"],
                    model=model,
                    format=form,
                    mass=0.05 if low else 0.95,
                )
            )
    rows[0] |= {"error": f"window too short for {base}", "logprobs": None, "mass": None}
    scores, decisions = frames(rows, people)
    pair = Comparison(base, "acme/aligned", "plain", "chat", "native")
    return analyze(scores, decisions, [pair]), scores, decisions


class Reader(HTMLParser):
    """Checks that tags nest and collects ids, links, scripts and text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def read(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    reader.close()
    assert reader.open == []
    return reader


def printed(analysis: Analysis, width: int = 80) -> str:
    out = io.StringIO()
    tables(analysis, Console(file=out, width=width, color_system=None))
    return out.getvalue()


@pytest.fixture(scope="module")
def hostile() -> str:
    pytest.importorskip("vl_convert")
    analysis, scores, decisions = study(HOSTILE)
    rows = [{"model": HOSTILE, "family": "bargaining", "note": HOSTILE}]
    parts = further_parts(analysis, decisions, lambda name: rows)
    return page(analysis, scores, decisions, HOSTILE, [f"beware of {HOSTILE}"], parts)


def test_the_page_is_well_formed(hostile: str) -> None:
    read(hostile)
    body = hostile.removeprefix("<!DOCTYPE html>")
    ElementTree.fromstring(body)


def test_hostile_names_are_text_and_nothing_else(hostile: str) -> None:
    reader = read(hostile)
    assert not [tag for tag, _ in reader.tags if tag in ("script", "b", "img", "iframe", "object")]
    assert not [a for _, attrs in reader.tags for a in attrs if a.startswith("on")]
    text = "".join(reader.text)
    assert f"beware of {HOSTILE}" in text
    assert f"{HOSTILE} · plain · standard" in text
    assert f"window too short for {HOSTILE}" in text
    assert html.escape("<script>", quote=False) in hostile


def test_the_page_needs_nothing_from_outside(hostile: str) -> None:
    assert not re.search(r"(https?:)?//[a-z]", hostile)
    assert "@import" not in hostile
    for _, attrs in read(hostile).tags:
        for name in ("src", "href", "xlink:href", "data"):
            assert (attrs.get(name) or "#").startswith("#")


def test_ids_are_unique_and_every_reference_has_one(hostile: str) -> None:
    tags = read(hostile).tags
    ids = [attrs["id"] for _, attrs in tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    for _, attrs in tags:
        for name in (attrs.get("aria-labelledby") or "").split():
            assert name in ids
        if (attrs.get("href") or "").startswith("#"):
            assert (attrs["href"] or "")[1:] in ids
    assert set(re.findall(r"url\(#([^)]+)\)", hostile)) <= set(ids)


def test_headings_have_scopes_and_drawings_have_words(hostile: str) -> None:
    tags = read(hostile).tags
    assert all(attrs.get("scope") for tag, attrs in tags if tag == "th")
    drawings = re.findall(r"<svg[^>]*>.*?</svg>", hostile, re.S)
    assert len(drawings) == 4  # pairs, two runs, the published cloud
    for svg in drawings:
        assert re.match(
            r'<svg role="img" aria-labelledby="(\S+)-title \1-desc"[^>]*>'
            r'<title id="\1-title">[^<]+</title><desc id="\1-desc">[^<]+</desc>',
            svg,
        )
    assert "prefers-color-scheme: dark" in hostile
    assert "@media print" in hostile


def cells(analysis: Analysis, table: str, family: str) -> list[list[str]]:
    (found,) = [t for t in layout(analysis) if t.id == table]
    return [row for s in found.sections for row in s.rows if row[0] == family]


def test_every_missing_value_stands_beside_its_reason() -> None:
    analysis, *_ = study()
    for table in layout(analysis):
        for section in table.sections:
            for row in section.rows:
                assert len(row) == len(table.columns)
                if "–" in row:
                    assert row[-1]
    (row,) = cells(analysis, "pairs", "persuasion")
    assert row[2:] == ["–", "–", "–", "all 40 said yes"]
    (row,) = cells(analysis, "pairs", "negotiation")
    assert row[4:] == ["base, dropped", "mass of aligned .05 below .80"]


def test_missing_decisions_are_shown_as_counts() -> None:
    analysis, scores, _ = study()
    assert [row[1:3] for row in cells(analysis, "models", "bargaining")] == [
        ["39", "1"],
        ["40", "0"],
    ]
    (failure,) = not_scored(scores)
    assert failure["rows"] == 1


def test_close_values_are_told_apart() -> None:
    row: dict[str, Any] = {
        "base": "b",
        "aligned": "a",
        "mode": "plain",
        "formulation": "standard",
        "family": "lottery",
        "r_base": 0.412,
        "r_aligned": 0.409,
        "winner": "base",
        "kept": True,
        "why": None,
    }
    (found,) = cells(Analysis([], [row], [], []), "pairs", "lottery")
    assert found[2:4] == [".412", ".409"]


def test_the_terminal_prints_every_table_within_80_columns() -> None:
    analysis, *_ = study(HOSTILE)
    out = printed(analysis)
    assert max(map(len, out.splitlines())) <= 80
    for word in ("Models", "Pairs", "Tests over pairs", "Baselines"):
        assert word in out.splitlines()
    flat = re.sub(r"\s+", "", out)
    assert re.sub(r"\s+", "", HOSTILE) in flat
    assert "all40saidyes" in flat


def test_an_empty_study_has_words_for_it() -> None:
    out = printed(Analysis([], [], [], []))
    assert "Nothing has been scored yet." in out
    assert "There is no pair to compare." in out


def test_a_study_without_pairs_or_outcomes_has_a_page() -> None:
    pytest.importorskip("vl_convert")
    scores, decisions = frames([score("d", [0.5, 0.5])], [decision("d", target=None)])
    text = page(analyze(scores, decisions), scores, decisions, "Small", [])
    read(text)
    assert "No pair has an r for both twins." in text
    assert "No scored decision has a known outcome." in text
    assert "Read this first" not in text


def test_without_the_extra_the_page_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("altair", "vl_convert"):
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, name, None)
            with pytest.raises(MissingExtra, match=r"the page needs .*tremble\[report\]"):
                page(*study(), title="x", caveats=[])


def test_bins_hold_every_point_once_and_their_means() -> None:
    _, scores, decisions = study()
    found = binned(scores, decisions)
    plain = found.filter(pl.col("model") == "acme/base", pl.col("family") == "negotiation")
    assert plain["points"].sum() == 40
    assert (plain["prediction"] * 10).floor().cast(pl.Int32).to_list() == plain["bin"].to_list()
    assert (plain["outcome"] * plain["points"]).sum() == pytest.approx(20)


def test_a_certain_prediction_is_in_the_last_bin() -> None:
    people = [decision("d", choice="yes")]
    found = binned(*frames([score("d", [1.0, 0.0])], people))
    assert found["bin"].to_list() == [9]
