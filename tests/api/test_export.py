"""The tidy table: every decision of every run, in terms that other programs take."""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import statsmodels.api as sm
from statsmodels.stats.sandwich_covariance import cov_cluster, cov_cluster_2groups
from typer.testing import CliRunner

from tests.support.scored_sessions import PAIR, drawn, said, scored, study
from tests.support.stat_frames import decision, loop_r, score
from tests.support.studies import run, study_file
from tremble.api.codebook import MEANINGS, codebook, without_empty
from tremble.api.export import OF_SESSIONS, OF_TRAINING, export_study, tidy
from tremble.api.results import analyze_study
from tremble.commands.program import app
from tremble.stats.frames.clusters import top_levels
from tremble.stats.frames.matrix import AllPoints
from tremble.stats.frames.session_responses import session_responses
from tremble.stats.tables.analysis import analyze
from tremble.stats.tables.misalignment import misalignment_table
from tremble.store.schemas import DECISIONS, SCORES


def table(scores: list[Any], decisions: list[Any]) -> pl.DataFrame:
    plain = [{"presentations": 1, "config": "{}", **row} for row in decisions]
    return tidy(pl.DataFrame(scores, schema=SCORES), pl.DataFrame(plain, schema=DECISIONS))


def test_checkpoints_have_their_place_in_training() -> None:
    """The base and a stage before belong to both runs; other studies have no such columns."""
    names = ["base", "sft", "a1", "b1", "b2"]
    scores = [score("a", [0.3, 0.1], model=name) for name in [*names, "beside"]]
    decisions = [{"presentations": 1, "config": "{}", **decision("a", choice="yes")}]
    listed = [("sft", 4, "sft", ""), ("a1", 2, "dpo", "a"), ("b1", 2, "dpo", "b")]
    listed.append(("b2", 8, "dpo", "b"))
    keys = ("model", "step", "stage", "run")
    made = [{**dict(zip(keys, one, strict=True)), "tokens": None} for one in listed]
    frames = pl.DataFrame(scores, schema=SCORES), pl.DataFrame(decisions, schema=DECISIONS)
    found = tidy(*frames, trajectory={"base": "base", "checkpoints": made})
    assert found.select("model", "run", "stage", "step", "checkpoint").rows() == [
        ("base", None, None, 0, 0),
        ("sft", None, "sft", 4, 1),
        ("a1", "a", "dpo", 2, 2),
        ("b1", "b", "dpo", 2, 2),
        ("b2", "b", "dpo", 8, 3),
        ("beside", None, None, None, None),
    ]
    assert not {"run", "stage", "step", "checkpoint"} & set(tidy(*frames).columns)


def test_presentations_are_normalised_then_averaged_and_theory_stands_beside() -> None:
    found = table(
        [
            score("a", [0.3, 0.1]),
            score("a", [0.1, 0.1], presentation=1),
            score("b", [0.2, 0.2], error="too long", logprobs=[None, None], mass=None),
        ],
        [
            decision("a", choice="yes", presentations=2, normative=[0.25, 0.75]),
            decision("b", choice="no", normative_why="indifferent"),
        ],
    )
    one, other = found.rows(named=True)
    assert one["prediction"] == pytest.approx((0.75 + 0.5) / 2)
    assert one["mass"] == pytest.approx((0.4 + 0.2) / 2)
    assert (one["outcome"], one["normative"], one["presentations"], one["missing"]) == (
        (1.0, 0.25, 2, None)
    )
    assert (other["prediction"], other["outcome"], other["presentations"]) == (None, 0.0, 0)
    assert (other["missing"], other["normative_why"]) == ("too long", "indifferent")


def test_a_problem_with_three_options_has_a_row_for_each_known_share() -> None:
    found = table(
        [score("p", [0.5, 0.3, 0.2])],
        [
            decision("p", keys=["yes", "no", "maybe"], target=None, rates=[0.6, None, 0.1], n=10),
            decision("q", target=None, choice="no"),
        ],
    )
    shown = found.select("decision", "option", "outcome", "kind", "missing").rows()
    assert shown == [
        ("p", "yes", 0.6, "option", None),
        ("p", "maybe", 0.1, "option", None),
        ("q", None, None, None, "no target option is coded"),
    ]
    assert found["prediction"].to_list()[:2] == pytest.approx([0.5, 0.2])


def test_a_choice_among_three_options_has_a_row_for_each_and_r_goes_by_the_target() -> None:
    """Of two options the row of the target, as ever; shown in another order a choice has the same
    rows; without a target all options are points of r."""
    values = [1.0, 2.0, 4.0]
    three: dict[str, Any] = {"keys": ["yes", "no", "maybe"], "target": "no"}
    decisions = [
        decision("a", choice="maybe", values=values, **three),
        decision("b", choice="no", **(three | {"keys": ["no", "maybe", "yes"]})),
        decision("c", choice="yes"),
        decision("d", choice="no", **(three | {"target": None})),
        decision("e", **three),
    ]
    scores = [score(row["decision"], [0.5, 0.3, 0.2][: len(row["keys"])]) for row in decisions]
    scores[1]["keys"] = decisions[1]["keys"]
    found = table(scores, decisions)
    shown = found.select("decision", "option", "kind", "outcome", "value").rows()
    assert shown == [
        ("a", "yes", "other", 0.0, 1.0),
        ("a", "no", "choice", 0.0, 2.0),
        ("a", "maybe", "other", 1.0, 4.0),
        ("b", "no", "choice", 1.0, None),
        ("b", "maybe", "other", 0.0, None),
        ("b", "yes", "other", 0.0, None),
        ("c", "yes", "choice", 1.0, None),
        ("d", "yes", "option", 0.0, None),
        ("d", "no", "option", 1.0, None),
        ("d", "maybe", "option", 0.0, None),
        ("e", "no", None, None, None),
    ]
    assert found["prediction"].to_list()[:6] == pytest.approx([0.5, 0.3, 0.2, 0.5, 0.3, 0.2])
    assert found["missing"].null_count() == found.height
    book = {row["column"]: row for row in codebook(found).rows(named=True)}
    assert "drop rows of kind other" in book["kind"]["meaning"]
    assert (book["value"]["known"], book["value"]["values"]) == (3, "1 to 4")
    frame = pl.DataFrame(
        [{"presentations": 1, "config": "{}", **row} for row in decisions], schema=DECISIONS
    )
    (model,) = analyze(pl.DataFrame(scores, schema=SCORES), frame).models
    points = found.filter(pl.col("kind") != "other").drop_nulls("outcome")
    assert model["r"] == pytest.approx(
        loop_r(points["prediction"].to_list(), points["outcome"].to_list())
    )


def test_parameters_are_columns_with_names_that_stata_takes() -> None:
    long = "a very long parameter name indeed"
    found = table(
        [score("a", [0.5, 0.5]), score("b", [0.5, 0.5])],
        [
            decision("a", choice="yes", config=json.dumps({"Stakes ($)": 100, long: True})),
            decision("b", choice="yes", config=json.dumps({"stakes": "high", f"{long} 2": None})),
        ],
    )
    # No item was read, no option has a value, and nobody made several choices.
    own = found.columns[len(MEANINGS) - 3 - len(OF_SESSIONS) - len(OF_TRAINING) :]
    assert own[0] == "config_stakes"
    assert len(set(found.columns)) == len(found.columns)
    assert all(len(name) <= 32 and name.replace("_", "a").isalnum() for name in found.columns)
    assert found["config_stakes"].to_list() == [100.0, None]  # numbers stay numbers
    assert found[own[1]].to_list() == ["true", None]
    assert found[own[2]].to_list() == [None, "high"]


def test_responses_of_sessions_have_their_nats_also_without_options() -> None:
    """With two options on the target's row, which keeps its prediction; without any on a row of
    its own, which lacks nothing."""
    rows = [said("one", "p", 1, "A", keys=["A", "B"], target="A"), said("one", "p", 2, "a word")]
    rows.append(said("one", "p", 3, "cut"))
    log = [math.log(0.6), math.log(0.2)]
    scores = [scored(rows[0], 0.5, logprobs=log), scored(rows[1], 7.0, response_tokens=3)]
    found = tidy(*study(rows, [*scores, scored(rows[2], None)]))
    shown = found.select("option", "response", "nats", "response_tokens", "missing").rows()
    assert shown == [
        ("A", "A", 0.5, 1, None),
        (None, "a word", 7.0, 3, None),
        (None, "cut", None, None, "the session was cut before it"),
    ]
    assert found["prediction"].to_list() == [pytest.approx(0.75), None, None]
    assert found["nats_closed"].to_list()[:2] == pytest.approx(
        [0.5 - math.log(0.9), 7 - math.log(0.9)]
    )
    assert set(OF_SESSIONS) <= {row["column"] for row in codebook(found).rows(named=True)}


def test_how_many_choices_are_behind_a_rate_has_a_column_where_it_is_said(tmp_path: Path) -> None:
    asked = {"prompt": "Yes or no, as JSON?", "options": ["yes", "no"]}
    records = [
        {**asked, "rate": 0.4, "n": 10, "choices_each": 5},
        {**asked, "rate": 0.5, "n": 20},
        {**asked, "choice": "no", "participant": "1"},
    ]
    for name, held in (("said", records), ("unsaid", records[1:])):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "mine.jsonl").write_text("\n".join(map(json.dumps, held)))
        run(study_file(folder, '[[model]]\nid = "mock:one"\n'), folder / "out")
        path, book, _ = export_study(folder / "out", "csv")
        assert book is not None
        rows = list(csv.DictReader(path.open(encoding="utf-8", newline="")))
        codes = {row["column"]: row for row in csv.DictReader(book.open(encoding="utf-8"))}
        if name == "unsaid":
            assert "choices_each" not in rows[0] and "choices_each" not in codes
        else:
            assert [(row["n"], row["choices_each"]) for row in rows] == [
                ("10", "5"),
                ("20", ""),
                ("", ""),
            ]
            assert codes["choices_each"]["known"] == "1"
            assert codes["choices_each"]["r"] == "numeric"


def test_the_codebook_counts_what_is_missing() -> None:
    found = table(
        [score("a", [0.6, 0.4]), score("b", [0.2, 0.8])],
        [decision("a", choice="yes"), decision("b", choice="no"), decision("c", choice="no")],
    )
    book = {row["column"]: row for row in codebook(found).rows(named=True)}
    assert list(book) == found.columns
    assert book["prediction"] == {
        "column": "prediction",
        "type": "number",
        "meaning": MEANINGS["prediction"],
        "known": 2,
        "missing": 1,
        "values": "0.2 to 0.6",
        "r": "numeric",
    }
    assert book["choice"]["values"] == "no, yes"
    assert book["participant"]["known"] == 0
    assert (
        "vcovCL(fit, cluster = ~ cluster_participant + cluster_game)"
        in (book["cluster_participant"]["meaning"])
    )
    assert "vce(cluster" in book["cluster_game"]["meaning"]


GAMES_OF_ONE = [("p1", "g1"), ("p1", "g2"), ("p2", "g3"), (None, "g4"), (None, "g4"), (None, None)]
TWO_IN_A_GAME = [("p1", "g1"), ("p2", "g1"), ("p3", "g2"), ("p4", "g2")]
CROSSED = [(f"p{i}", f"g{j}") for i in range(4) for j in range(3)]


@pytest.mark.parametrize(
    ("played", "outer"),
    [
        (GAMES_OF_ONE, ["cluster_participant"]),
        (TWO_IN_A_GAME, ["cluster_game"]),
        (CROSSED, ["cluster_participant", "cluster_game"]),
    ],
)
def test_the_units_of_a_row_are_those_that_intervals_resample(
    played: list[tuple[str | None, str | None]], outer: list[str]
) -> None:
    """And clustering by both, as the codebook advises, is clustering by the outer one."""
    played = played * 5
    names = [f"d{i}" for i in range(len(played))]
    found = table(
        [score(name, [0.5, 0.5]) for name in names],
        [
            decision(name, choice="yes", participant=who, game=game, cluster=game or name)
            for name, (who, game) in zip(names, played, strict=True)
        ],
    )
    columns = ["cluster_participant", "cluster_game"]
    assert found.select(columns).null_count().row(0) == (0, 0)
    frame = pl.DataFrame(
        [
            {"decision": n, "dataset": "d", "participant": w, "cluster": g or n}
            for n, (w, g) in zip(names, played, strict=True)
        ]
    )
    points = pl.DataFrame(
        {"decision": names, "family": "bargaining", "key": "yes", "outcome": 1.0, "weight": 1.0}
    )
    levels = top_levels(AllPoints(points, frame).families[0].clusters)
    assert len(levels) == len(outer)
    for level, column in zip(levels, outer, strict=True):
        pairs = set(zip(level.codes.tolist(), found[column], strict=True))
        assert len(pairs) == len(set(level.codes.tolist())) == found[column].n_unique()
    if len(outer) == 1:
        rng = np.random.default_rng(0)
        x = sm.add_constant(rng.normal(size=len(names)))
        fit = sm.OLS(rng.normal(size=len(names)), x).fit()
        codes = [found[column].rank("dense").to_numpy().astype(int) for column in columns]
        both = cov_cluster_2groups(fit, codes[0], codes[1], use_correction=False)[0]
        alone = cov_cluster(fit, codes[columns.index(outer[0])], use_correction=False)
        assert both == pytest.approx(alone)


@pytest.mark.slow
def test_r_of_the_analysis_follows_from_the_exported_rows(data: Path) -> None:
    out = data / "out"
    run(study_file(data), out)
    found = CliRunner().invoke(app, ["export", str(out), "--to", "csv"])
    assert found.exit_code == 0
    with (out / "export" / "trial.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    models = analyze_study(out)[0].models
    for model in models:
        if model["r"] is None:
            continue
        here = [
            row
            for row in rows
            if (row["model"], row["format"], row["family"])
            == (model["model"], model["format"], model["family"])
            and row["kind"] != "other"
        ]
        assert len({row["decision"] for row in here}) == model["n"] + model["missing"]
        r = loop_r(
            [float(row["prediction"]) for row in here], [float(row["outcome"]) for row in here]
        )
        assert model["r"] == pytest.approx(r, abs=1e-12)
        mass = math.fsum(float(row["mass"]) for row in here) / len(here)
        assert model["mass"] == pytest.approx(mass)
    assert any(model["r"] is not None for model in models)


def test_parquet_holds_the_same_and_a_wrong_wish_is_one_sentence(data: Path) -> None:
    out = data / "out"
    run(study_file(data), out)
    path, book, rows = export_study(out, "parquet", data / "deep" / "table.parquet")
    assert book is not None
    frame = pl.read_parquet(path)
    assert frame.height == rows
    assert pl.read_csv(book)["column"].to_list() == frame.columns
    found = CliRunner().invoke(app, ["export", str(out), "--to", "sav"])
    assert (found.exit_code, found.stderr) == (
        2,
        "tremble: There is no export to 'sav'; give csv, which Stata reads with `import "
        "delimited` and R with `read.csv`, or parquet.\n",
    )
    (data / "file").write_text("")
    found = CliRunner().invoke(app, ["export", str(out), "--out", str(data / "file" / "x.csv")])
    assert found.exit_code == 2
    assert found.stderr.count("\n") == 1


def test_d_of_a_session_study_from_the_export_alone() -> None:
    """Cohen's d of every experiment out of the CSV, by numpy, as the table has it; sessions of
    which some responses have options, and some were cut for one model."""
    decisions, _, scores = drawn()
    decisions = [
        row | {"keys": ["A", "B", "C"][: 2 + n % 2], "choice": "A"} if n % 3 else row
        for n, row in enumerate(decisions)
    ]
    known = {row["decision"]: row for row in decisions}
    scores = [
        row | _options(known[row["decision"]]["keys"], n)
        for n, row in enumerate(scores)
        if not (n % 11 == 0 and row["model"] == "post")
    ]
    frames = study(decisions, scores)
    table = csv.DictReader(io.StringIO(without_empty(tidy(*frames)).write_csv()))
    rows = [row for row in table if row["nats"]]
    assert len(rows) == len(scores)  # a row per response and run, options or not
    nats: dict[tuple[str, str], dict[str, float]] = {}
    for row in rows:
        of_run = nats.setdefault((row["config_experiment"], row["model"]), {})
        assert row["decision"] not in of_run
        of_run[row["decision"]] = float(row["nats"])
    found = misalignment_table(session_responses(*frames), [PAIR])
    for one in (row for row in found if row["kind"] == "experiment"):
        base, post = (nats[one["experiment"], model] for model in ("base", "post"))
        both = sorted(set(base) & set(post))
        x, y = (np.array([model[name] for name in both]) for model in (base, post))
        pooled = np.sqrt((x.var(ddof=1) + y.var(ddof=1)) / 2)
        assert one["responses"] == len(both)
        assert one["d"] == pytest.approx((y.mean() - x.mean()) / pooled, rel=0, abs=1e-9)


def test_r_of_sessions_and_probabilities_of_zero_in_the_export() -> None:
    """Without a target every option is a point of r; a response that a model rules out has no nats
    and says why."""
    decisions, _, scores = drawn(experiments=1, people=6, models=("base",))
    decisions = [
        row | {"keys": ["A", "B"], "choice": "AB"[n % 3 == 0], "response": "AB"[n % 3 == 0]}
        for n, row in enumerate(decisions)
    ]
    scores = [row | _options(["A", "B"], n) | {"keys": ["A", "B"]} for n, row in enumerate(scores)]
    scores[0] |= {"response_logprob": -math.inf}
    decisions[1] |= {"keys": [], "choice": None}
    scores[1] |= {"keys": [], "logprobs": [], "response_logprob": -math.inf, "mass": None}
    frames = study(decisions, scores)
    found = tidy(*frames)
    points = found.filter(pl.col("option").is_not_null())
    assert points.height == 2 * (len(decisions) - 1)
    assert set(points["outcome"]) == {0.0, 1.0}
    (model,) = analyze(*frames).models
    assert model["r"] == pytest.approx(np.corrcoef(points["outcome"], points["prediction"])[0, 1])
    with_nats = found.filter(pl.col("nats").is_not_null())
    assert with_nats["decision"].n_unique() == with_nats.height == len(decisions) - 2
    assert (with_nats["option"] == with_nats["response"]).all()
    (ruled_out,) = found.filter(decision=decisions[1]["decision"]).rows(named=True)
    assert ruled_out["missing"] == "the model gives the response the probability 0"


def _options(keys: list[str], n: int) -> dict[str, object]:
    return {"logprobs": [math.log((1 + at + n % 3) / 20) for at in range(len(keys))], "mass": 0.5}
