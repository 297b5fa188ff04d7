"""The page beyond its first tables: the verdict and the further tables, cut where they are long."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import polars as pl
import pytest
from typer.testing import CliRunner

from tests.support.counterparts import PAIR, people
from tests.support.pages import HOSTILE, folds, parsed, rows, words
from tests.support.studies import run, study_file
from tremble.commands.program import app
from tremble.errors import UserError
from tremble.report.page.parts import MOST_ROWS, Part, cut, further_parts
from tremble.report.page.study import study_page
from tremble.report.tables.further import further_layout
from tremble.report.tables.table import Column, Section, Table
from tremble.stats.tables.analysis import Analysis, analyze, plain
from tremble.stats.tables.further import FURTHER, further_tables
from tremble.stats.verdict.table import verdict_table

pytestmark = pytest.mark.slow

pytest.importorskip("vl_convert")
Study = tuple[Analysis, pl.DataFrame, pl.DataFrame, dict[str, list[dict[str, Any]]]]


@pytest.fixture(scope="module")
def study() -> Study:
    scores, decisions = people()
    analysis = analyze(scores, decisions, [PAIR])
    return analysis, scores, decisions, further_tables(analysis, resamples=200)


def made(study: Study, rows_of: Any = None) -> tuple[list[Part], ElementTree.Element]:
    analysis, scores, _, tables = study
    parts = further_parts(
        rows_of or tables.__getitem__, lambda: plain(verdict_table(analysis.evidence))
    )
    return parts, parsed(study_page(analysis, scores, "A study", [], parts))


@pytest.fixture(scope="module")
def whole(study: Study) -> ElementTree.Element:
    return made(study)[1]


def test_every_further_table_is_on_the_page_as_analyze_prints_it(
    study: Study, whole: ElementTree.Element
) -> None:
    found = folds(whole)
    assert list(found) == ["verdict", "numbers", *(name for name in FURTHER if study[3][name])]
    assert len(found) < len(FURTHER)  # some tables have nothing to say of this study
    for name, about in FURTHER.items():
        (table,) = further_layout({name: study[3][name]})
        if name not in found:
            assert not table.sections
            continue
        assert (about if about.endswith("?") else f"{about}.") in words(found[name])
        expected = [[" ".join(c.split()) for c in row] for s in table.sections for row in s.rows]
        assert rows(found[name]) == expected[:MOST_ROWS], name
    assert rows(found["intervals"])
    assert all("open" in found[name].attrib for name in ("verdict", "intervals"))
    assert "open" not in found["sweep"].attrib  # 36 filters: a long one
    links = {link.attrib["href"] for link in whole.iter("a")}
    assert {"#verdict", "#intervals", "#further", "#published"} <= links


def test_the_verdict_on_the_page_is_that_of_the_data(
    study: Study, whole: ElementTree.Element
) -> None:
    expected = verdict_table(study[0].evidence)
    shown = rows(folds(whole)["verdict"])
    ranking = [row for row in shown if row[0] == "Ranking"]
    assert [row[1] for row in ranking] == [row["verdict"] for row in expected]
    # What the baseline is stands once, in brackets.
    said = [row[-1] for row in ranking]
    assert [text.count(" (the same person's previous choice)") for text in said] == [1, 0]
    assert [
        text.replace(" (the same person's previous choice)", "").replace(" ", "_").lower()
        for text in said
    ] == [f"{row['why']}.".replace(" ", "_").lower() for row in expected]
    together = [row[1] for row in shown if row[0] == "Replace participants"]
    assert together == [row["replace"] for row in expected]
    assert not any("last_choice" in cell for row in shown for cell in row)


def test_the_reader_s_question_comes_before_all_tables(whole: ElementTree.Element) -> None:
    headings = [words(heading) for heading in whole.iter("h2")]
    assert headings[:2] == ["Can this model replace participants here?", "Models"]
    ids = [element.attrib["id"] for element in whole.iter() if "id" in element.attrib]
    assert ids.index("verdict") < ids.index("models")
    assert len(set(ids)) == len(ids)
    first = next(link for link in whole.iter("a"))
    assert first.attrib["href"] == "#verdict"
    for cell in whole.iter("th"):
        if cell.attrib.get("scope") == "col":
            name = words(cell)
            assert "_" not in name and (name[0].isupper() or name.split()[0] in "rnp"), name


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
    assert "failed (KeyError: 'mode')" in words(found["sweep"])
    assert "tremble analyze DIR --table sweep" in words(found["sweep"])
    assert [part.heading.id for part in parts if part.trouble] == ["ceilings", "sweep"]
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


def test_a_page_without_one_table_is_finished_in_part(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = data / "out"
    run(study_file(data), out)

    def broken(*_: Any) -> None:
        raise ZeroDivisionError("no ceiling here")

    monkeypatch.setattr("tremble.stats.tables.further.ceiling_table", broken)
    shown = CliRunner().invoke(app, ["report", str(out)])
    assert shown.exit_code == 1
    assert "Ceilings is missing on the page." in shown.stderr
    found = folds(parsed((out / "report" / "index.html").read_text("utf-8")))
    assert "ZeroDivisionError: no ceiling here" in words(found["ceilings"])
    assert rows(found["intervals"])
