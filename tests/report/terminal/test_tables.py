"""Tables in a terminal of any width: nothing is cut. What stands above and beside them."""

from __future__ import annotations

import io
import itertools
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from tests.support.commands import tremble, write_study
from tests.support.counterparts import PAIR, people
from tests.support.pages import HOSTILE
from tests.support.places import ROOT
from tests.support.studies import run, study_file
from tests.support.trainings import COLUMNS, TEXTS_OF_TRAINING
from tests.support.treatments import factorial
from tremble.api.plan import plan_study
from tremble.commands.program import app
from tremble.report.page.xray import xray_page
from tremble.report.tables.answers import verdict_layout
from tremble.report.tables.captions import BY, CAPTIONS, CONTRASTS, PLAIN, heading
from tremble.report.tables.contrasts import contrast_layout
from tremble.report.tables.further import further_layout, table_of
from tremble.report.tables.plan import plan_layout
from tremble.report.tables.table import Column, Section, Table, layout, shown_model
from tremble.report.tables.xray import comparison
from tremble.report.terminal.console import _BENCH, show_bench
from tremble.report.terminal.shown import ShownConsole
from tremble.report.terminal.tables import print_tables
from tremble.stats.filters import Filters
from tremble.stats.frames.treatments import Contrast
from tremble.stats.tables.analysis import Analysis, analyze, plain
from tremble.stats.tables.breakdowns import breakdown, wins_table
from tremble.stats.tables.contrasts import ContrastTables
from tremble.stats.tables.effect_agreement import effects_table
from tremble.stats.tables.further import FURTHER, further_tables
from tremble.stats.tables.model_breakdown import model_breakdown
from tremble.stats.verdict.table import verdict_table
from tremble.study.file import read_study
from tremble.study.notes import caveats
from tremble.text import did_you_mean
from tremble.xray.decision import look_at
from tremble.xray.request import Request

NUMBERS = ROOT / "docs" / "numbers.md"
# Tables of which the study below has no rows, by the columns that the modules promise.
LACKING = {
    "controls": ("model format formulation family control n r r_control loss low high mass "
    "mass_control note"),
    "spellings": "model format formulation family n mass_exact mass r_exact r spellings note",
    "presentations": "family n presentations prediction sd sd_largest r r_lowest r_highest model",
    "topology": "by parameter value mode formulation family pairs kept base aligned ties p note",
    "distributions": "model format formulation family distance texts people_n mean chance excess "
    "low high share share_low share_high over note",
    "votes": "family mode formulation pairs test direction n statistic p sided p_two_sided mean "
    "low high note p_holm p_bh",
} | COLUMNS  # fmt: skip
ERRORS = "contrasts rmse_base rmse_aligned difference low high"
TEXTS: tuple[str, ...] = (
    "model",
    "format",
    "formulation",
    "family",
    "control",
    "spellings",
    "note",
    "by",
    "distance",
    "over",
)
TEXTS += ("parameter", "value", "mode", "test", "direction", "sided", *TEXTS_OF_TRAINING)
COUNTED: tuple[str, ...] = (
    "decisions",
    "distinct_prompts",
    "identical_prompts",
    "tokens_of_distinct_prompts",
)
COUNTED += ("distinct_tokens", "shared_prefixes", "computed_over_distinct")
LONG = "a reason of many words that no line of a narrow terminal has room for, " * 3


@pytest.fixture(scope="module")
def study() -> list[Table]:
    """Every table of a study: the four first ones, the verdict, the further ones."""
    scores, decisions = people()
    found = analyze(scores, decisions, [PAIR], Filters(min_r=0.1))
    further = further_tables(found, resamples=200)
    for name, columns in LACKING.items():
        if not further[name]:
            row = {key: key if key in TEXTS else 1234.5 for key in columns.split()}
            further[name] = [
                row | {"family": family, "note": LONG} for family in ("lottery", "b c")
            ]
    verdicts = verdict_table(found.evidence, resamples=200)
    return [*layout(found), *verdict_layout(plain(verdicts)), *further_layout(further)]


def printed(tables: list[Table], width: int) -> str:
    out = io.StringIO()
    print_tables(tables, Console(file=out, width=width, color_system=None))
    return out.getvalue()


def words(table: Table) -> Counter[str]:
    cells = itertools.chain(*(row for section in table.sections for row in section.rows))
    return Counter(word for cell in cells for word in cell.split())


@pytest.mark.parametrize("width", range(60, 201, 14))
@pytest.mark.slow
def test_every_cell_of_every_table_is_whole_at_every_width(study: list[Table], width: int) -> None:
    assert {table.id for table in study} >= {"models", "pairs", "tests", "verdict", *FURTHER}
    for table in study:
        out = printed([table], width)
        assert max(map(len, out.splitlines())) <= width, table.id
        assert not words(table) - Counter(out.split()), table.id


def test_columns_without_room_stand_in_a_second_table_with_the_same_keys() -> None:
    """40 columns hold the keys (7 and 5) and 2 of the numbers of 9: 7 + 5 + 9 + 9 + 4 gaps of 2 are
    38, a third number makes it 49."""
    rows = [["bargain", "first", "1,200,300", "22", "3", "x " * 20], ["lottery", "later", *"1234"]]
    columns = [
        Column("Family"),
        Column("Value"),
        *(Column(n, True) for n in ("nnnnnnnnn", "B", "C")),
    ]
    columns[3:] = [Column("bbbbbbbbb", True), Column("ccccccccc", True), Column("Why", long=True)]
    lines = printed([Table("t", "T", "", columns, [Section("", rows)], "")], 40).splitlines()
    split = [line.split() for line in lines if line.startswith(" ") and line.strip()]
    assert [line for line in split if "─" not in line[0]] == [
        ["Family", "Value", "nnnnnnnnn", "bbbbbbbbb"],
        ["bargain", "first", "1,200,300", "22"],
        ["lottery", "later", "1", "2"],
        ["Family", "Value", "ccccccccc"],
        ["bargain", "first", "3"],
        ["lottery", "later", "3"],
        ["x"] * 9,  # the rest of the reason, indented
    ]
    assert "bargain, first: x x x x x x x x x x x" in lines
    assert "lottery, later: 4" in lines


def test_rows_of_one_family_are_told_apart_in_every_part() -> None:
    """Texts in front are not enough: the test is a key as well, and the count before it not."""
    rows = [
        {"family": "lottery", "pairs": 7, "test": test, "statistic": 1.0} for test in ("a", "b")
    ]
    rows = [row | {f"number_{i}": 0.5 for i in range(12)} for row in rows]
    lines = printed([table_of("t", "T", rows)], 60).splitlines()
    heads = [line.split() for line in lines if "Family" in line]
    assert len(heads) > 1
    assert all(line[:1] == ["Family"] and "Test" in line for line in heads)
    assert sum("Pairs" in line for line in heads) == 1


@pytest.mark.parametrize("width", [12, 30])
def test_where_not_even_one_column_fits_everything_is_a_line(width: int) -> None:
    rows = [[HOSTILE * 2, "1,234,567.89", LONG]]
    columns = [Column("Model"), Column("n", True), Column("Note", long=True)]
    out = printed([Table("t", "T", "", columns, [Section("", rows)], "")], width)
    flat = re.sub(r"\s", "", out)
    for cell in rows[0]:
        assert re.sub(r"\s", "", cell) in flat
    assert max(map(len, out.splitlines())) <= width


@pytest.mark.slow
def test_in_a_pipe_lines_are_as_long_as_they_must_be(data: Path) -> None:
    out = data / "out"
    run(study_file(data), out)
    for command in (["analyze", "--table", "all"], ["analyze"]):
        shown = CliRunner().invoke(app, [command[0], str(out), *command[1:]], env={"COLUMNS": "40"})
        assert shown.exit_code == 0
        head = [line for line in shown.stdout.splitlines() if line.startswith(" Family")]
        assert (head and max(map(len, head)) > 80) or command == ["analyze"]
    answers = CliRunner().invoke(app, ["verdict", str(out)]).stdout.split("numbers behind")[0]
    answers = answers.split("Can this model")[1]
    assert "Replace participants" in answers and max(map(len, answers.splitlines())) <= 100


def test_xray_keeps_its_twins_and_every_figure(tmp_path: Path) -> None:
    path = write_study(
        tmp_path, [{"id": "d", "prompt": "?", "options": ["yes", "no"], "rate": 0.5}]
    )
    found = look_at(Request(str(path), "d"), lambda _: None)
    table = comparison(found)
    for width in range(60, 201, 20):
        out = printed([table], width)
        assert not words(table) - Counter(out.split())
        assert max(map(len, out.splitlines())) <= width
    page = xray_page(found)
    # One style for all pages: the dark ground is set in base.html alone.
    assert page.count("--ground: #16171a") == 1
    folder = ROOT / "src" / "tremble" / "report" / "page"
    own = (folder / "xray.html").read_text("utf-8")
    assert "--ground" not in own and "<table" not in own and "<head>" not in own


def test_plan_and_bench_cut_nothing(tmp_path: Path) -> None:
    path = write_study(
        tmp_path, [{"id": "d", "prompt": "?", "options": ["yes", "no"], "rate": 0.5}]
    )
    tables = plan_layout(plan_study(read_study(path), tmp_path / "out", lambda _: None))
    row = dict.fromkeys(key for _, key, _ in _BENCH) | {"prompts": 1_234_567, "seconds": 89012.3}
    result = {
        "machine": {"processor": "P", "cores": 2, "memory_gb": None, "square_gflops": None},
        "factors": dict.fromkeys(COUNTED, 1.0) | {"efficiency": None},
        "data": {"family": None, "entry": "demo", "format": "plain"},
        "model": "m",
        "rows": [row | {"contestant": "lm-eval", "note": LONG, "max_abs_diff": 1.5e-6}],
    }
    for width in range(60, 201, 20):
        for table in tables:
            assert not words(table) - Counter(printed([table], width).split())
        out = io.StringIO()
        show_bench(result, ShownConsole(file=out, width=width))
        assert {"1,234,567", "89012.3", "1.5e-06"} <= set(out.getvalue().split())
        assert " ".join(LONG.split()) in " ".join(out.getvalue().split())


def test_every_number_is_explained_by_its_name_or_above_its_table(study: list[Table]) -> None:
    assert set(CAPTIONS) == {"verdict", "numbers", *FURTHER}
    scores, decisions = people()
    evidence = analyze(scores, decisions, [PAIR]).evidence
    rows = plain(breakdown(evidence, [PAIR], "stakes"))
    evidence = factorial().evidence()
    treated = ContrastTables(evidence, [Contrast(("stakes", "frame")), Contrast(("stakes",))])
    made = {
        "contrasts": plain(treated.rows()),
        "effects": plain(effects_table(treated)),
        "effect_errors": [dict.fromkeys(ERRORS.split(), 1.0) | {"note": None}],
    }
    contrasts = contrast_layout(made)
    assert [table.id for table in contrasts] == list(CONTRASTS)
    tables = [table for table in study if table.id in CAPTIONS]
    tables += [*contrasts, table_of("models", "", plain(model_breakdown(evidence, "stakes")))]
    tables += [table_of("pairs", "", rows), table_of("wins", "", plain(wins_table(rows)))]
    for table in tables:
        said = ({**CAPTIONS, **CONTRASTS, **BY}[table.id]).casefold()
        assert table.caption == {**CAPTIONS, **CONTRASTS}.get(table.id, "")
        for column in table.columns:
            if column.number and column.name.casefold() not in PLAIN:
                name = column.name.casefold().removesuffix(" tempered")
                assert re.search(rf"\b{name}\b", said), (table.id, column.name)
        assert table.id == "measures" or "tempered" not in " ".join(c.name for c in table.columns)
    assert "Tempered:" in CAPTIONS["measures"]


def test_the_caption_stands_under_the_title(study: list[Table]) -> None:
    (table,) = [table for table in study if table.id == "intervals"]
    lines = printed([table], 1000).splitlines()
    assert lines[:2] == [table.title, CAPTIONS["intervals"]]


def test_headings_are_in_sentence_case_without_underscores(study: list[Table]) -> None:
    keys = (
        "log_loss",
        "r_base",
        "p_bh",
        "se",
        "sd_largest",
        "auc",
        "williams_t",
        "family",
        "min_r",
    )
    assert [heading(key) for key in keys] == [
        *("Log loss", "r base", "p BH", "SE", "SD largest", "AUC", "Williams t", "Family", "Min r"),
    ]
    for table in study:
        for column in table.columns:
            first = column.name.split()[0]
            assert "_" not in column.name and (first[0].isupper() or len(first) == 1), column.name


def test_baselines_have_no_underscores_in_cells_and_reasons(study: list[Table]) -> None:
    (added,) = further_layout(
        {"added": [{"baseline": "cognitive_hierarchy", "n": 1, "note": "as good as last_choice"}]}
    )
    assert added.sections[0].rows == [["cognitive hierarchy", "1", "as good as last choice"]]
    for table in study:
        assert "last_choice" not in str(table.sections), table.id


def test_the_four_repeated_families_are_named_and_left_out_where_there_is_none() -> None:
    def row(family: str, n: int) -> dict[str, Any]:
        named = {"mode": "native", "formulation": "standard", "family": family, "test": "binomial"}
        return {
            **named,
            "direction": None,
            "n": n,
            "statistic": None,
            "p": None,
            "note": "no pairs",
        }

    def families(*rows: dict[str, Any]) -> list[str]:
        tests = layout(Analysis([], [], list(rows), []))[2]
        return [cells[0] for section in tests.sections for cells in section.rows]

    assert families(row("lottery", 1), row("all", 0)) == ["lottery"]
    assert families(row("bargaining", 1), row("all", 1)) == ["bargaining", "all four repeated"]
    (sweep,) = further_layout({"sweep": [row("persuasion", 3), row("all", 3)]})
    assert [cells[0] for cells in sweep.sections[0].rows] == ["persuasion", "all four repeated"]
    text = " ".join(NUMBERS.read_text("utf-8").split())
    assert "**All four repeated**" in text
    for family in ("bargaining", "persuasion", "negotiation", "repeated matrix"):
        assert family in text.split("**All four repeated**")[1][:200]


def test_every_further_table_stands_in_the_documents() -> None:
    text = NUMBERS.read_text("utf-8")
    table = text.split("| table | what it holds |")[1].split("\n\n")[0]
    rows = [line for line in table.splitlines() if line.startswith("| `")]
    named = [name for line in rows for name in re.findall(r"`(\w+)`", line.split("|")[1])]
    assert sorted(named) == sorted(FURTHER)
    assert "half right" in text  # ties of the column `right`


@pytest.mark.slow
def test_notes_stand_before_the_first_tables_and_elsewhere_in_one_line_below(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = data / "out"
    run(study_file(data), out)
    monkeypatch.setattr("tremble.study.notes.caveats", lambda _: ["Beware."])
    assert "Note: Beware." in tremble("analyze", out)[1]
    for command in (("analyze", out, "--table", "ceilings"), ("verdict", out)):
        text = tremble(*command)[1]
        assert "Beware" not in text
        assert text.endswith(f"\nFor all notes: tremble analyze {out}\n")
    monkeypatch.undo()
    (manifest, _) = sorted(out.rglob("manifest.json"))
    manifest.unlink()
    for command in (("analyze", out, "--table", "ceilings"), ("verdict", out), ("analyze", out)):
        text = tremble(*command)[1]
        assert text.startswith(f"Note: Not finished: {manifest.parent.relative_to(out)}; ")
        # Of the mocks the first page of notes says more; a table marks them.
        assert ("For all notes:" in text) is (command != ("analyze", out))
        assert ("Built-in fake models" in text) is (command == ("analyze", out))


@pytest.mark.slow
def test_models_that_are_none_are_marked_in_every_table_and_said_once(data: Path) -> None:
    out = data / "out"
    run(study_file(data), out)
    (said,) = [note for note in caveats(out) if "fake model" in note.lower()]
    assert said.startswith("Built-in fake models: mock:base, mock:aligned;")
    for asked in ((), ("--table", "intervals,differences,theory")):
        text = " ".join(tremble("analyze", out, *asked)[1].split()).replace(said, "")
        names = re.findall(r"mock:(?:base|aligned)\S*(?: \(built-in fake model\))?", text)
        assert len(names) > 3 and all(name.endswith(" (built-in fake model)") for name in names)
    assert "(built-in fake model)" in tremble("verdict", out)[1]
    assert [shown_model(name) for name in ("mock", "org/mock", "mockingbird", "mock:x")] == [
        *("mock (built-in fake model)", "org/mock", "mockingbird", "mock:x (built-in fake model)")
    ]
    rows = [{"family": "b", "mode": "native", "base": 3, "aligned": 1}]
    assert further_layout({"parameter": rows})[0].sections[0].rows == [["b", "3", "1"]]
    # Numbers for other programs hold the name as it is.
    assert "(built-in fake model)" not in tremble("analyze", out, "--json")[1]


def test_all_names_that_are_equally_close_are_suggested() -> None:
    known = ["Discount delta1", "Discount delta2", "Stakes"]
    both = "; did you mean 'Discount delta1' or 'Discount delta2'?"
    assert did_you_mean("Discount delta", known) == both
    assert did_you_mean("delta", known) == both
    assert did_you_mean("Stake", known) == "; did you mean 'Stakes'?"
    all_ = "; choose from: Discount delta1, Discount delta2, Stakes."
    assert did_you_mean("colour", known) == all_


def test_rows_of_the_export_are_told_as_they_are(data: Path) -> None:
    out = data / "out"
    run(study_file(data), out)
    _, _, said = tremble("export", out, "--to", "stata")
    assert "csv, which Stata reads with `import delimited`" in said
    told = " ".join(tremble("export", "--help")[1].split())
    readme = (ROOT / "README.md").read_text("utf-8")
    for text in (told, readme):
        assert "row per decision, model, format" in text
        assert "per decision and model" not in text
