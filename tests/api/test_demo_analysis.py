"""The page of one analysed study: all tables are there, and its numbers follow from the rows."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from pathlib import Path
from typing import Any, cast

import numpy as np
import polars as pl
import pytest
import statsmodels.api as sm
from scipy import stats

from tests.support.counterparts import PAIR, people
from tests.support.scripts import script
from tests.support.studies import run, study_file
from tremble.api.export import export_study
from tremble.api.results import analyze_study
from tremble.datasets.base import Notes
from tremble.datasets.demo import load, sample
from tremble.decisions import jsonl
from tremble.stats.filters import Filters
from tremble.stats.frames.comparisons import Comparison
from tremble.stats.tables.analysis import analyze
from tremble.stats.tables.further import (
    FURTHER,
    OF_SESSIONS,
    OF_TRAINING,
    further_tables,
)
from tremble.stats.verdict.table import verdict_table
from tremble.store.study_folder import Store
from tremble.text import MISSING

pytestmark = pytest.mark.slow

BASE, ALIGNED = ("mock:base", "plain"), ("mock:aligned", "chat")
# Predictions of fitted baselines are not among the rows of a study; their own tests are elsewhere.
NOT_OF_ROWS = {"r baseline"}
Frame = pl.DataFrame
Table = list[dict[str, str]]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study by the mock engine: choices, and rates of problems with two options and more."""
    folder = tmp_path_factory.mktemp("study")
    sizes = {"repeated_matrix": 160, "lottery": 40, "one_shot_matrix": 40, "bargaining": 20}
    sizes |= {"persuasion": 40, "negotiation": 6}
    jsonl.write(sample(list(load(folder, Notes())), sizes, seed=1), folder / "mine.jsonl")
    run(study_file(folder), folder / "out")
    return folder / "out"


@pytest.fixture(scope="module")
def text(study: Path) -> str:
    target = study.parent / "page.md"
    assert script("demo_analysis").main([str(study), str(target)]) == 0
    return target.read_text("utf-8")


@pytest.fixture(scope="module")
def rows(study: Path) -> Frame:
    """The tidy rows that have an outcome and a prediction, and that r is over."""
    path, _, _ = export_study(study, "parquet", study.parent / "tidy.parquet")
    found = pl.read_parquet(path).drop_nulls(["prediction", "outcome"])
    # negotiation has three options, one of them the target
    assert found.filter(kind="other").height == 2 * found.filter(family="negotiation").height / 3
    return found.filter(pl.col("kind") != "other")


def sections(text: str) -> dict[str, str]:
    """What stands under each heading of the second level."""
    return dict(part.split("\n", 1) for part in re.split(r"^## ", text, flags=re.M)[1:])


def tables(section: str) -> list[tuple[str, Table]]:
    """(heading in italics, rows by column) of every table."""
    found: list[tuple[str, Table]] = []
    heading = ""
    columns: list[str] = []
    for line in section.split("\n"):
        if re.fullmatch(r"\*.+\*", line):
            heading = line.strip("*")
        if not line.startswith("| "):
            columns = []
            continue
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if not columns:
            columns = [name.lower() for name in cells]
            found.append((heading, []))
        elif set(line) - set("| -:"):
            found[-1][1].append(dict(zip(columns, cells, strict=True)))
    return found


def of(rows: Frame, run: tuple[str, str], family: str) -> Frame:
    model, form = run
    name = {"persuasion (seller)": "persuasion_seller"}.get(family, re.sub(r"[- ]", "_", family))
    return rows.filter(model=model, format=form, family=name)


def r(frame: Frame, x: str, y: str) -> float | None:
    frame = frame.drop_nulls([x, y])
    if frame.height < 3 or min(frame[x].n_unique(), frame[y].n_unique()) < 2:
        return None
    return float(np.corrcoef(frame[x], frame[y])[0, 1])


def test_every_table_is_there_with_a_sentence_before_it(text: str) -> None:
    found = sections(text)
    titles = ["Models", "Pairs", "Tests over pairs", "Baselines", *FURTHER.values()]
    titles[4:4] = ["Can this model replace participants here?", "The numbers behind the ranking"]
    assert list(found) == [*titles, "Tracing a number"]
    names = {title: name for name, title in FURTHER.items()}
    # Not in this study, nor in the demo.
    without = {"controls", "spellings", *OF_SESSIONS, *OF_TRAINING}
    assert set(FURTHER) - set(script("demo_sentences").SENTENCES) == without
    for title in titles:
        before = found[title].split("\n*")[0].split("\n|")[0]
        sentences = [part for part in before.split("\n\n") if part.strip().endswith(".")]
        # What the columns mean, and what they say here.
        assert names.get(title) in without or len(sentences) == 2, title
        empty = names.get(title) in ("topology", "votes", *without)
        assert bool(tables(found[title])) != empty, title
    assert "needs two by two options and no ties" in found[FURTHER["topology"]]
    assert "No pair is kept" in found[FURTHER["votes"]]
    assert "None" not in text and "nan" not in text.split()


def test_the_sentences_of_the_five_questions_count_the_rows(text: str, rows: Frame) -> None:
    found = sections(text)
    verdict = found["Can this model replace participants here?"]
    said = [row for _, table in tables(verdict) for row in table]
    replaced = Counter(row["answer"] for row in said if row["question"] == "Replace participants")
    assert sum(replaced.values()) == 12 and len(replaced) > 1
    for answer, number in replaced.items():
        assert f"“{answer}” {number} times" in verdict
    ranking = [row for row in said if row["question"] == "Ranking" and row["answer"] == "no"]
    assert f"because a baseline predicts people better ({len(ranking)})" in verdict
    assert all("predicts people better" in row["why"] for row in ranking)
    assert "yes" not in {row["answer"] for row in said} and "No answer is “yes”." in verdict
    behind = {name: tables(found[FURTHER[name]]) for name in ("levels", "distributions", "worth")}
    all_of = {name: [row for _, table in parts for row in table] for name, parts in behind.items()}
    levels = all_of["levels"]
    known = [row for row in levels if row["low"] != MISSING]
    assert f"{len(known)} of {len(levels)} rows have an interval" in found[FURTHER["levels"]]
    clear = [row for row in all_of["distributions"] if float(row["low"]) > 0]
    told = f"above zero (its whole interval) in {len(clear)} of {len(all_of['distributions'])} rows"
    assert clear and told in found[FURTHER["distributions"]]
    highest = max((row["k"] for row in all_of["worth"]), key=float)
    assert f"The highest k is {highest} (" in found[FURTHER["worth"]]
    # Spread between people over the squared distance of .5 from all people's shares, noise taken
    # off.
    lottery = of(rows, BASE, "lottery")
    share, n = lottery["outcome"].to_numpy(), lottery["n"].to_numpy()
    spread = lottery["rate_sd"].to_numpy() ** 2
    k = spread.sum() / (((0.5 - share) ** 2).sum() - (spread / n).sum())
    assert f" and {k:.2f} in lottery." in found[FURTHER["worth"]]


def test_a_long_table_says_how_much_is_left_out(text: str, study: Path) -> None:
    found = sections(text)[FURTHER["sweep"]]
    ((heading, shown),) = tables(found)
    assert heading == "native · standard"
    # 6 families and all of them, 6 x 6 filters.
    assert (len(shown), "222 more of 252 rows" in found) == (30, True)
    # The core study's filters come first, and wins are counts of both sides.
    here = [row for row in shown if (row["mass"], row["min r"]) == (".80", ".30")]
    assert shown[: len(here)] == here and len({row["family"] for row in here}) == len(here)
    assert all(
        int(row["base"]) + int(row["aligned"]) + int(row["ties"]) == int(row["kept"])
        for row in shown
    )


def test_every_r_on_the_page_is_numpys_on_the_tidy_rows(text: str, rows: Frame) -> None:
    runs = {
        f"{model} (built-in fake model) · {form} · standard": (model, form)
        for model, form in (BASE, ALIGNED)
    }
    checked = dict.fromkeys(("r", "r base", "r aligned", "r people", "r model", "r baseline"), 0)
    for title, section in sections(text).items():
        theory = "normative prediction" in title
        other = "normative" if theory else "outcome"
        for heading, table in tables(section):
            for row in table:
                named = {name: row[name] for name in row if name in checked}
                for name, cell in named.items():
                    if name in NOT_OF_ROWS or (
                        title == "Baselines" and not heading.startswith("last choice: ")
                    ):
                        continue
                    if title == "Baselines":
                        want = last_choice(of(rows, BASE, row["family"]))
                    else:
                        side = {"r base": BASE, "r aligned": ALIGNED}.get(name)
                        frame = of(rows, side or runs.get(heading, BASE), row["family"])
                        of_two = [(FURTHER["added"], "majority"), (FURTHER["levels"], None)]
                        one_shot = row["family"] == "one-shot matrix"
                        if one_shot and (title, row.get("baseline")) in of_two:
                            frame = frame.filter(kind="rate")
                        want = r(frame, "outcome" if name == "r people" else "prediction", other)
                    assert (cell == MISSING) == (want is None), (title, heading, row, name)
                    if want is not None:
                        step = 10.0 ** -len(cell.split(".")[1])
                        assert abs(float(cell) - want) <= 0.5001 * step, (title, row, name)
                        checked[name] += 1
    assert checked.pop("r baseline") == 0
    assert min(checked.values()) > 4, checked


def last_choice(frame: Frame) -> float | None:
    """r of repeating one's previous choice in the same game, even odds in the first round."""
    if frame["choice"].null_count():
        return None
    # Simultaneous decisions do not occur in these families; rounds are those a person decided in.
    frame = frame.sort("game", "round").with_columns(
        before=pl.col("outcome").shift(1).over("game", "participant").fill_null(0.5)
    )
    return r(frame, "before", "outcome")


def code(text: str) -> list[tuple[str, str]]:
    return re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", text, flags=re.S)


def test_the_code_on_the_page_gives_its_numbers(
    text: str,
    study: Path,
    rows: Frame,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shutil.copytree(study, tmp_path / "trial")
    monkeypatch.chdir(tmp_path)
    space: dict[str, Any] = {}
    assert len(code(text)) == text.count("```python") == 5
    for block, printed in code(text):
        exec(block, space)
        assert capsys.readouterr().out == printed
    base, aligned = (of(rows, run, "repeated matrix").sort("decision") for run in (BASE, ALIGNED))
    y, p, q = base["outcome"], base["prediction"], aligned["prediction"]
    a, b, c = (float(np.corrcoef(*two)[0, 1]) for two in ((p, y), (q, y), (p, q)))
    assert space["r_aligned"] == pytest.approx(b, abs=1e-12)
    assert space["difference"] == pytest.approx(a - b, abs=1e-12)
    # Zou (2007), equation 15: two Fisher intervals and the correlation between both r.
    reach = stats.norm.ppf(0.975) / (len(y) - 3) ** 0.5
    low, high = np.tanh(np.arctanh(a) - reach), np.tanh(np.arctanh(b) + reach)
    corr = ((c - a * b / 2) * (1 - c * c - a * a - b * b) + c**3) / ((1 - a * a) * (1 - b * b))
    length = (a - low) ** 2 + (high - b) ** 2 - 2 * corr * (a - low) * (high - b)
    assert space["zou_low"] == pytest.approx(a - b - length**0.5, abs=1e-9)
    assert space["winner"] == ("base" if a > b else "aligned")
    mass = [cast(float, twin["mass"].mean()) for twin in (base, aligned)]
    assert space["kept"] == (min(mass) >= 0.8 and max(a, b) >= 0.3)
    logit = np.log(q.to_numpy() / (1 - q.to_numpy()))
    fit = sm.Logit(y.to_numpy(), sm.add_constant(logit)).fit(disp=0, tol=1e-12)
    assert space["slope"] == pytest.approx(fit.params[1], abs=1e-6)
    level = float(np.sum(q.to_numpy() - y.to_numpy())) / len(y)
    assert space["level"] == pytest.approx(level, abs=1e-12)
    ((said, _),) = [part for part in code_with_words(text) if "**A level.**" in part[0]]
    # Three decimals nearer to zero than .01, and no sign where they are all 0.
    shown = f"{level:.{3 if abs(level) < 0.01 else 2}f}".replace("0.", ".", 1)
    assert f"a difference of {'.000' if shown == '-.000' else shown}:" in said


def code_with_words(text: str) -> list[tuple[str, str]]:
    """Every block with the paragraph before it."""
    return re.findall(r"(\*\*[^\n]*)\n\n```python\n(.*?)```", text, flags=re.S)


def test_a_sentence_of_the_verdict_follows_from_the_rows(study: Path, tmp_path: Path) -> None:
    """Of made-up rows: masses below the filter, and what was likeliest beside the options."""
    shutil.copytree(study, tmp_path / "out")
    (part,) = (tmp_path / "out").glob("scores/mock-aligned-*/*/*/part-*.parquet")
    frame = pl.read_parquet(part)
    numbers = range(frame.height)
    made = frame.with_columns(
        mass=pl.Series([0.2 + (i % 7) / 100 for i in numbers]),
        other_token=pl.Series(["Yes" if i % 3 else "\n" for i in numbers]),
        other_logprob=pl.Series([float(np.log(0.1 + (i % 5) / 50)) for i in numbers]),
    )
    made.write_parquet(part)
    _, scores, decisions = analyze_study(study)
    base = scores.filter(model="mock:base")
    scores = pl.concat([base, made.select(base.columns).cast(base.schema)])
    entries = Store(study).read_run()
    found = analyze(scores, decisions, [Comparison(**one) for one in entries["comparisons"]])
    known = script("demo_words").Results(
        found, decisions, further_tables(found, resamples=999), verdict_table(found.evidence)
    )
    trace = script("demo_trace")
    code = trace.blocks(known, entries)
    printed = trace.run_blocks(code, tmp_path / "out", "trial")
    low = min(known.verdicts, key=lambda row: row["mass"])
    family = decisions.filter(family=low["family"])["decision"].to_list()
    rows = [row for row in made.iter_rows(named=True) if row["decision"] in family]
    by_decision: dict[str, list[float]] = {}
    for row in rows:
        by_decision.setdefault(row["decision"], []).append(row["mass"])
    mass = np.mean([np.mean(one) for one in by_decision.values()])
    chance = np.mean([np.exp(row["other_logprob"]) for row in rows if row["other_token"] == "Yes"])
    assert (len(code), low["model"]) == (6, "mock:aligned") and mass < 0.3
    assert printed[-1] == f"mass {mass:.6f}, likeliest 'Yes' {chance:.6f}\n"
    assert f"the options have only {mass:.2f} of".replace(" 0.", " .") in code[-1].about
    assert f"likeliest other answer is 'Yes' ({chance:.2f})".replace("(0.", "(.") in code[-1].about


def test_a_number_that_the_rows_do_not_give_stops_the_page(study: Path) -> None:
    trace = script("demo_trace")
    false = trace.Block("", "r = 0.25\n", {"r": 0.25 + 1e-6})
    with pytest.raises(AssertionError, match=r"r is 0.25, the table says 0.250001"):
        trace.run_blocks([false], study, "trial")


def sentences(min_r: float | None) -> dict[str, str]:
    """What is said of 40 people whom the base model knows better, at a filter of r (None: off)."""
    scores, decisions = people()
    found = analyze(scores, decisions, [PAIR], Filters(min_r=min_r))
    further = further_tables(found, resamples=999)
    verdicts = verdict_table(found.evidence, resamples=999)
    known = script("demo_words").Results(found, decisions, further, verdicts)
    return {name: said(known) for name, said in script("demo_sentences").SENTENCES.items()}


def test_a_conclusion_stands_under_its_condition() -> None:
    kept, dropped = sentences(None), sentences(0.99)
    assert kept["pairs"].startswith(
        "The filters keep 1 of 1 comparisons. The higher r belongs to base in repeated matrix."
    )
    assert dropped["pairs"].startswith(
        "The filters keep 0 of 1 comparisons. Dropped: repeated matrix (base higher)."
    )
    assert "p would be .50: no test here can reach .05." in kept["tests"]
    assert "of 1 rows: repeated matrix (" in kept["differences"]
    assert "base higher)" in kept["differences"]
    assert (kept["votes"][:3], dropped["votes"]) == (
        "The",
        "No pair is kept, so there is nothing to test.",
    )
    assert "A pair is kept in 2 of 2 subsets (base wins 2, aligned 0)." in kept["parameter"]
    assert "A pair is kept in 0 of 2 subsets. Of the others, 2 are dropped" in dropped["parameter"]
    assert "have no such one-shot game" in kept["topology"]
