"""The page beyond its first tables: further tables, the published cloud, the core study's page."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import polars as pl
import pytest
from typer.testing import CliRunner

from test_further import PAIR, people
from test_report import HOSTILE, read
from test_study import data, run, study_file
from tremble import published
from tremble.cli import app
from tremble.errors import UserError
from tremble.pairs import catalogue
from tremble.report.cloud import beside_published
from tremble.report.further_layout import further_layout
from tremble.report.layout import Column, Section, Table
from tremble.report.page import page
from tremble.report.parts import MOST_ROWS, Part, cut, further_parts
from tremble.stats import Analysis, analyze
from tremble.stats.further import FURTHER, further_tables
from tremble.stats.verdict import verdict_table

__all__ = ["data"]

pytest.importorskip("vl_convert")
Study = tuple[Analysis, pl.DataFrame, pl.DataFrame, dict[str, list[dict[str, Any]]]]


@pytest.fixture(scope="module")
def study() -> Study:
    scores, decisions = people()
    analysis = analyze(scores, decisions, [PAIR])
    return analysis, scores, decisions, further_tables(analysis, decisions, [PAIR], resamples=200)


def made(study: Study, rows_of: Any = None) -> tuple[list[Part], ElementTree.Element]:
    analysis, scores, decisions, tables = study
    parts = further_parts(analysis, decisions, rows_of or tables.__getitem__)
    return parts, parsed(page(analysis, scores, decisions, "A study", [], parts))


@pytest.fixture(scope="module")
def whole(study: Study) -> ElementTree.Element:
    return made(study)[1]


def parsed(text: str) -> ElementTree.Element:
    read(text)
    return ElementTree.fromstring(text.removeprefix("<!DOCTYPE html>"))


def folds(tree: ElementTree.Element) -> dict[str, ElementTree.Element]:
    return {fold.attrib["id"]: fold for fold in tree.iter("details")}


def words(element: ElementTree.Element) -> str:
    return " ".join("".join(element.itertext()).split())


def rows(element: ElementTree.Element) -> list[list[str]]:
    """Rows of cells, headings of sections left out."""
    lines = [[words(cell) for cell in line] for body in element.iter("tbody") for line in body]
    return [line for line in lines if len(line) > 1]


def test_every_further_table_is_on_the_page_as_analyze_prints_it(
    study: Study, whole: ElementTree.Element
) -> None:
    found = folds(whole)
    assert list(found) == ["verdict", *FURTHER]
    for name, about in FURTHER.items():
        assert f"{about}." in words(found[name])
        (table,) = further_layout({name: study[3][name]})
        expected = [[" ".join(c.split()) for c in row] for s in table.sections for row in s.rows]
        assert rows(found[name]) == expected[:MOST_ROWS], name
        if not expected:
            assert "Nothing to show." in words(found[name])
    assert rows(found["intervals"])
    assert all("open" in found[name].attrib for name in ("verdict", "intervals"))
    assert "open" not in found["sweep"].attrib  # 36 filters: a long one
    links = {link.attrib["href"] for link in whole.iter("a")}
    assert {"#verdict", "#intervals", "#further", "#published"} <= links


def test_the_verdict_on_the_page_is_that_of_the_data(
    study: Study, whole: ElementTree.Element
) -> None:
    analysis, _, decisions, _ = study
    expected = verdict_table(analysis.predicted, analysis.points, decisions, analysis.said)
    shown = rows(folds(whole)["verdict"])
    assert [row[1] for row in shown] == [row["verdict"] for row in expected]
    assert [row[-1].replace(" ", "_") for row in shown] == [
        row["why"].replace(" ", "_") for row in expected
    ]
    assert not any("last_choice" in cell for row in shown for cell in row)


def test_wins_are_cells_and_not_names_in_a_heading() -> None:
    row = {"base": 3, "aligned": 1, "mode": "native", "family": "lottery", "mass": None}
    (table,) = further_layout({"sweep": [row]})
    assert [(s.heading, s.rows) for s in table.sections] == [
        ("native", [["3", "1", "lottery", "none"]])
    ]


def test_a_table_that_fails_says_so_and_leaves_the_rest(
    study: Study, whole: ElementTree.Element
) -> None:
    def rows_of(name: str) -> Sequence[dict[str, Any]]:
        if name == "ceilings":
            raise UserError(f"The ceiling of {HOSTILE} is out of reach; take a ladder.")
        if name == "sweep":
            return [{"mode": 1}, {}]  # rows of unequal columns: the layout fails
        return study[3][name]

    parts, tree = made(study, rows_of)
    before, found = folds(whole), folds(tree)
    assert list(found) == list(before)
    assert f"The ceiling of {HOSTILE} is out of reach; take a ladder." in words(found["ceilings"])
    assert "could not be made (KeyError: 'mode')" in words(found["sweep"])
    assert "tremble analyze DIR --table sweep" in words(found["sweep"])
    assert [part.id for part in parts if part.trouble] == ["ceilings", "sweep"]
    for name in set(found) - {"ceilings", "sweep"}:
        assert words(found[name]) == words(before[name])


def test_long_tables_are_cut_and_say_where_the_rest_is(study: Study) -> None:
    sections = [Section("a", [["1"], ["2"]]), Section("b", [["3"], ["4"]]), Section("c", [["5"]])]
    shown, left_out = cut(Table("t", "T", "", [Column("x")], sections, ""), 3)
    assert left_out == 2
    assert [(s.heading, s.rows) for s in shown.sections] == [("a", [["1"], ["2"]]), ("b", [["3"]])]
    many = [{"family": "lottery", "value": str(i)} for i in range(MOST_ROWS + 1234)]
    _, tree = made(study, lambda name: many)
    text = words(folds(tree)["round"])
    assert len(rows(folds(tree)["round"])) == MOST_ROWS
    assert "1,234 more rows; tremble analyze DIR --table round --json prints all." in text


def pair(base: str, aligned: str, family: str, r: tuple[float | None, ...], **more: Any) -> dict:
    return {
        "base": base,
        "aligned": aligned,
        "family": family,
        "mode": "native",
        "formulation": "standard",
        "r_base": r[0],
        "r_aligned": r[1],
        "mass_base": 0.9,
        "mass_aligned": 0.9,
        "why": None,
        "note": None,
        **more,
    }


def printed() -> list[dict[str, str]]:
    """The embedded figures, read without the package's reader."""
    folder = Path(published.__file__).parent / "figures"
    with (folder / "per_pair.csv").open() as file:
        return list(csv.DictReader(file))


def places(svg: str, kind: str) -> list[tuple[float, float]]:
    """Where the marks of a layer are, in pixels of their panel, in the order of the data."""
    marks = re.findall(r"<path[^>]*>", svg)
    at = [re.search(r"translate\(([-\d.]+),([-\d.]+)\)", mark) for mark in marks if kind in mark]
    return [(float(found[1]), float(found[2])) for found in at if found]


PAIRS = [
    pair("google/gemma-2b", "google/gemma-2b-it", "repeated_matrix", (0.41, 0.12)),
    pair("mine/base", f"mine/{HOSTILE}", "repeated_matrix", (-0.2, 0.33), mode="plain"),
    pair("google/gemma-2b", "google/gemma-2b-it", "persuasion", (None, None), why="all said yes"),
    pair("google/gemma-2b", "google/gemma-2b-it", "dialogue", (0.4, 0.3)),
]


def test_points_are_the_study_s_r_over_the_printed_ones() -> None:
    found = beside_published(PAIRS, ["repeated_matrix", "persuasion", "dialogue"])
    (figure,) = found.figures
    svg = str(figure.svg)
    cells = [[int(x) for x in row["matrix"].split()] for row in printed()]
    r = [(base / 100, aligned / 100) for _, _, base, aligned in cells]
    grey, own = places(svg, 'fill="#888b93"'), places(svg, "aria-label=")
    assert (len(grey), len(own)) == (120, 2)
    r += [(0.41, 0.12), (-0.2, 0.33)]
    # One scale for all points and both axes: pixels are a straight line of r, upwards on y.
    (x0, y0), (x1, _) = grey[0], max(grey)
    per = (x1 - x0) / (max(r[:120])[0] - r[0][0])
    for (x, y), (base, aligned) in zip([*grey, *own], r, strict=True):
        assert x - x0 == pytest.approx(per * (base - r[0][0]), abs=0.05)
        assert y0 - y == pytest.approx(per * (aligned - r[0][1]), abs=0.05)
    titles = [words(t) for t in ElementTree.fromstring(svg).iter("title")]
    assert "google/gemma-2b .41, google/gemma-2b-it .12, native" in titles
    assert f"mine/base -.20, mine/{HOSTILE} .33, plain" in titles


def test_counterparts_stand_beside_their_printed_r() -> None:
    found = beside_published(PAIRS, ["repeated_matrix", "persuasion", "dialogue"])
    first, second = found.counterparts.sections
    (number,) = [one.number for one in catalogue() if one.base == "gemma-2b"]
    (row,) = [row for row in printed() if int(row["number"]) == number]
    base, aligned = (int(x) / 100 for x in row["matrix"].split()[2:])
    (cells,) = first.rows
    assert cells[:1] + cells[1:4:2] == ["repeated matrix", ".41", ".12"]
    assert [float(cells[2]), float(cells[4])] == [base, aligned]
    assert cells[5] == f"gemma-2b, gemma-2b-it (no. {number})"
    assert second.rows[0][2:6:2] == ["–", "–"]
    assert second.rows[0][5] == "none: no published pair is of these two models"
    assert found.sentences == [
        "Not among the published families (bargaining, persuasion, negotiation, repeated matrix, "
        "one-shot matrix, lottery): dialogue.",
        "Persuasion: 1 of 1 comparisons have no r for both twins (all said yes).",
    ]


def test_why_nothing_is_laid_over_is_said() -> None:
    alone = beside_published([], ["lottery"])
    assert alone.figures == []
    assert "compares no base model with an aligned twin" in alone.sentences[0]
    other = beside_published(PAIRS[3:], ["dialogue"])
    assert (other.figures, len(other.sentences)) == ([], 1)
    scores, decisions = people(10, 3)
    text = page(analyze(scores, decisions), scores, decisions, "Alone")
    assert alone.sentences[0] in words(parsed(text))


def test_wordings_have_a_drawing_each_the_published_one_first() -> None:
    rows = [{**PAIRS[0], "formulation": name} for name in ("b", "c", "d", "standard", "e", "f")]
    found = beside_published(rows, ["repeated_matrix"])
    drawn = [figure.title.rpartition(", ")[2] for figure in found.figures]
    assert drawn == ["standard", "b", "c", "d"]
    assert found.sentences == ["Not drawn, but in the table: e, f."]
    assert len(found.counterparts.sections) == 6
    assert all(len(places(str(f.svg), "aria-label=")) == 1 for f in found.figures)


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory) -> str:
    target = tmp_path_factory.mktemp("core") / "sub" / "core.html"
    done = CliRunner().invoke(app, ["report", "--published", "--out", str(target)])
    assert done.exit_code == 0, done.stderr
    assert str(target) in done.stdout
    return target.read_text("utf-8")


def test_the_core_study_s_page_holds_every_claim_and_every_filter(core: str) -> None:
    tree = parsed(core)
    found = folds(tree)
    claims = [
        row for name, fold in found.items() if name.startswith("claims") for row in rows(fold)
    ]
    expected = [
        [c.claim, c.printed, c.recounted or "–", c.agrees or "–", c.reason]
        for c in published.claims()
    ]
    flat = [[" ".join(cell.split()) for cell in row] for row in expected]
    assert sorted(claims) == sorted(flat)
    sweep = {name: rows(fold) for name, fold in found.items() if name.startswith("sweep")}
    assert {name: len(lines) for name, lines in sweep.items()} == {
        f"sweep-{name}": 36
        for name in (
            "bargaining",
            "persuasion",
            "negotiation",
            "matrix",
            "one_shot",
            "lottery",
            "all",
        )
    }
    cells = [[int(x) for x in row["negotiation"].split()] for row in printed()]
    kept = [c for c in cells if min(c[:2]) >= 70 and max(c[2:]) >= 20]
    wins = [sum(c[2] > c[3] for c in kept), sum(c[2] < c[3] for c in kept)]
    (line,) = [row for row in sweep["sweep-negotiation"] if row[:2] == [".70", ".20"]]
    assert line[2:4] == [str(win) for win in wins]
    assert "arXiv:2603.17218" in words(tree)


def test_the_core_study_s_page_draws_every_printed_pair(core: str) -> None:
    (svg,) = re.findall(r"<svg.*?</svg>", core, re.S)
    at = places(svg, "aria-label=")
    assert len(at) == 720
    families = ["bargaining", "persuasion", "negotiation", "matrix", "one_shot", "lottery"]
    cells = [[int(x) for x in row[name].split()] for name in families for row in printed()]
    by_r = sorted(zip([(c[2], c[3]) for c in cells], at, strict=True))
    for ((base, _), (x, _)), ((other, _), (further, _)) in pairwise(by_r):
        assert (other > base) == (further > x + 0.01)


def test_the_core_study_s_page_stands_alone(core: str) -> None:
    assert not re.search(r"(https?:)?//[a-z]", core)
    tags = read(core).tags
    ids = [attrs["id"] for _, attrs in tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert {(a["href"] or "")[1:] for _, a in tags if "href" in a} <= set(ids)
    assert "script" not in {tag for tag, _ in tags}


def test_one_of_a_folder_and_published_is_asked_for(tmp_path: Path) -> None:
    both = CliRunner().invoke(app, ["report", "mine", "--published"])
    assert both.exit_code == 2
    assert "mine and --published" in both.stderr
    neither = CliRunner().invoke(app, ["report"])
    assert neither.exit_code == 2
    assert "tremble report --published" in neither.stderr
    folder = CliRunner().invoke(app, ["report", "--published", "--out", str(tmp_path)])
    assert folder.exit_code == 2
    assert f"{tmp_path} is a folder" in folder.stderr


def test_a_page_without_one_table_is_finished_in_part(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = data / "out"
    run(study_file(data), out)

    def broken(*_: Any) -> None:
        raise ZeroDivisionError("no ceiling here")

    monkeypatch.setattr("tremble.stats.further.ceiling_table", broken)
    shown = CliRunner().invoke(app, ["report", str(out)])
    assert shown.exit_code == 1
    assert "Ceilings is missing on the page." in shown.stderr
    found = folds(parsed((out / "report" / "index.html").read_text("utf-8")))
    assert "ZeroDivisionError: no ceiling here" in words(found["ceilings"])
    assert rows(found["intervals"])
