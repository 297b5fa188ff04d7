"""Tables of sessions on studies small enough to compute by hand."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from tests.support.scored_sessions import (
    PAIR,
    TWO,
    Row,
    drawn,
    of,
    plain_d,
    said,
    scored,
    sessions,
    study,
)
from tremble.errors import UserError
from tremble.report.tables.further import further_layout
from tremble.stats.frames.comparisons import Comparison
from tremble.stats.tables.analysis import analyze
from tremble.stats.tables.further import KnownOfSessions, further_tables
from tremble.stats.tables.misalignment import misalignment_table
from tremble.stats.tables.misalignment_means import generation_numbers
from tremble.stats.tables.responses import response_table
from tremble.study.file import read_study
from tremble.study.record import comparisons


def test_responses_are_counted_and_averaged_within_experiments() -> None:
    decisions, nats, scores = drawn()
    rows = response_table(sessions(decisions, scores))
    inside = np.array([row["config"].startswith('{"experiment": "e3"') for row in decisions])
    row = of(rows, model="post", experiment="e3")
    assert row["nats"] == pytest.approx(nats["post"][inside].mean())
    assert row["nats_closed"] == pytest.approx(row["nats"] - math.log(0.9))
    assert row["first"] == pytest.approx((nats["post"][inside] < math.log(2)).mean())
    assert (row["people"], row["responses"], row["kept"]) == (8, inside.sum(), 1.0)
    assert row["low"] < row["nats"] < row["high"]
    assert (row["options"], row["even"], row["mass"]) == (0, None, None)
    of_experiments = [row["nats"] for row in rows if row["model"] == "post" and row["experiment"]]
    mean = of(rows, model="post", kind="mean")
    low, high = stats.ttest_1samp(of_experiments, 0).confidence_interval(0.95)
    assert (mean["nats"], mean["low"], mean["high"]) == pytest.approx(
        (np.mean(of_experiments), low, high)
    )
    memory = of(rows, model="post", kind="category mean", category="Memory")
    assert memory["nats"] == pytest.approx(np.mean(of_experiments[1::2]))
    assert (memory["experiments"], memory["low"]) == (3, None)  # below five none
    assert memory["note"] == "only 3 experiments (an interval needs 5)"


def test_tokens_and_responses_that_were_cut() -> None:
    rows = [said("one", "p", number, "A word") for number in (1, 2, 3, 4)]
    scores = [scored(row, 3.0 * row["round"], response_tokens=row["round"]) for row in rows[:3]]
    (row,) = response_table(sessions(rows, [*scores, scored(rows[3], None)]))
    assert (row["responses"], row["kept"], row["nats"]) == (3, 0.75, 6.0)
    assert row["per_token"] == pytest.approx(18 / 6)
    (nothing,) = response_table(sessions(rows, [*(scored(row, None) for row in rows[:3])])) or [{}]
    assert nothing == {}  # nothing scored at all is no table


def test_habits_stand_beside_responses_with_options() -> None:
    rows = [said("one", "p", n, "A", keys=TWO) for n in (1, 2, 3)] + [said("one", "p", 4, "hm")]
    log = [math.log(0.6), math.log(0.2)]
    scores = [scored(row, 1.0, logprobs=log, mass=0.8) for row in rows[:3]] + [scored(rows[3], 9.0)]
    (row,) = response_table(sessions(rows, scores))
    assert (row["responses"], row["options"], row["nats"]) == (4, 3, 3.0)
    assert row["nats_options"] == pytest.approx(-math.log(0.75))
    assert row["even"] == pytest.approx(math.log(2))
    assert row["own"] == pytest.approx(-math.log(1 / 2 * 2 / 3 * 3 / 4) / 3)
    assert row["repeat"] == pytest.approx(-math.log(1 / 2 * 1 / 2 * 2 / 3) / 3)
    assert row["mass"] == pytest.approx(0.8)


def test_a_pair_is_compared_on_what_both_kept() -> None:
    decisions, nats, scores = drawn()
    scores = [row for row in scores if (row["model"], row["decision"][-2:]) != ("post", "r3")]
    rows = misalignment_table(sessions(decisions, scores), [PAIR])
    experiments = [row for row in rows if row["kind"] == "experiment"]
    assert len(experiments) == 6
    third = np.array([row["round"] == 3 for row in decisions])
    for number, row in enumerate(experiments):
        inside = np.array([f'"e{number}"' in one["config"] for one in decisions])
        both = inside & ~third
        base, post = nats["base"][both], nats["post"][both]
        assert row["d"] == pytest.approx(plain_d(base, post), abs=1e-9)
        assert row["difference"] == pytest.approx((post - base).mean())
        assert (row["responses"], row["n"], row["pairs"]) == (both.sum(), 8, 1)
        assert (row["kept_base"], row["kept_aligned"]) == (1.0, both.sum() / inside.sum())
        person = [one["participant"] for one, here in zip(decisions, both, strict=True) if here]
        means = [
            np.mean([d for d, who in zip(post - base, person, strict=True) if who == name])
            for name in dict.fromkeys(person)
        ]
        assert row["paired_d"] == pytest.approx(np.mean(means) / np.std(means, ddof=1))
        assert row["low"] < row["d"] < row["high"]
    p = [row["p"] for row in experiments]
    assert [row["p_holm"] for row in experiments] == pytest.approx(
        list(multipletests(p, method="holm")[1])
    )
    mean = of(rows, kind="mean")
    d = [row["d"] for row in experiments]
    low, high = stats.ttest_1samp(d, 0).confidence_interval(0.95)
    assert (mean["d"], mean["low"], mean["high"]) == pytest.approx((np.mean(d), low, high))
    assert mean["n"] == 6
    assert of(rows, category="Risk", kind="category mean")["d"] == pytest.approx(np.mean(d[::2]))


def test_below_five_experiments_a_mean_has_no_interval() -> None:
    decisions, _, scores = drawn(experiments=4)
    mean = of(misalignment_table(sessions(decisions, scores), [PAIR]), kind="mean")
    assert (mean["low"], mean["high"], mean["p"]) == (None, None, None)
    assert mean["note"] == "only 4 experiments (an interval needs 5)"


def test_nothing_that_both_scored_is_said() -> None:
    decisions, _, scores = drawn(experiments=2)
    scores = [r for r in scores if r["model"] == "base" or r["decision"].startswith("e0")]
    row = of(misalignment_table(sessions(decisions, scores), [PAIR]), experiment="e1")
    assert (row["d"], row["responses"], row["note"]) == (None, 0, "no response scored by both")
    assert (row["kept_base"], row["kept_aligned"]) == (1.0, 0.0)


GENERATIONS = [("g1", "Code"), ("g2", "Code"), ("g2", "Math"), ("g3", "Math"), (None, None)]


def of_many() -> tuple[list[Row], list[Row]]:
    """The table of five pairs with a base of their own each, and their experiments' rows."""
    models = tuple(f"{side}{i}" for i in range(5) for side in ("base", "post"))
    decisions, _, scores = drawn(models=models, experiments=5)
    pairs = [
        Comparison(
            f"base{i}", f"post{i}", "plain", "plain", "plain", type=type_, generation=generation
        )
        for i, (generation, type_) in enumerate(GENERATIONS)
    ]
    rows = misalignment_table(sessions(decisions, scores), pairs)
    return rows, [row for row in rows if row["kind"] == "experiment"]


def test_means_over_pairs_types_and_generations() -> None:
    rows, experiments = of_many()

    def mean(pairs: list[int]) -> list[float]:
        """By experiment, the mean of d over some pairs."""
        return [
            np.mean(
                [of(experiments, base=f"base{i}", experiment=f"e{e}")["d"] for i in pairs]
            ).item()
            for e in range(5)
        ]

    for about, pairs in (
        ({"kind": "mean"}, [0, 1, 2, 3, 4]),
        ({"kind": "type mean", "type": "Code"}, [0, 1]),
        ({"kind": "type mean", "type": "Math"}, [2, 3]),
        ({"kind": "generation mean", "generation": "g2"}, [1, 2]),
    ):
        row = of(rows, base=None, **about)
        expected = mean(pairs)
        low, high = stats.ttest_1samp(expected, 0).confidence_interval(0.95)
        assert (row["d"], row["low"], row["high"]) == pytest.approx((np.mean(expected), low, high))
        assert (row["n"], row["pairs"]) == (5, len(pairs))
    slope = of(rows, kind="slope over generations")
    y = [np.mean(mean(pairs)) for pairs in ([0], [1, 2], [3])]
    assert slope["d"] == pytest.approx(np.polyfit([1, 2, 3], y, 1)[0])
    assert (slope["n"], slope["pairs"], slope["low"]) == (3, 4, None)
    assert slope["note"] == "only 3 generations (an interval needs 5)"
    risk = of(rows, base=None, kind="category mean", category="Risk")
    assert risk["d"] == pytest.approx(np.mean(mean([0, 1, 2, 3, 4])[::2]))


def test_generations_are_numbers_or_in_the_order_of_the_file() -> None:
    def numbers(*names: str | None) -> dict[str, float]:
        return generation_numbers(
            [Comparison("a", "b", "plain", "plain", "plain", generation=name) for name in names]
        )

    assert numbers("Qwen2", None, "Qwen3", "Qwen2") == {"Qwen2": 1.0, "Qwen3": 2.0}
    assert numbers("2", "2.5", "3") == {"2": 2.0, "2.5": 2.5, "3": 3.0}
    assert numbers("2", "nan") == {"2": 1.0, "nan": 2.0}
    assert numbers(None) == {}


def test_five_generations_have_an_interval_of_the_line() -> None:
    decisions, _, scores = drawn(models=("base", *(f"post{i}" for i in range(5))), experiments=2)
    pairs = [
        Comparison("base", f"post{i}", "plain", "plain", "plain", generation=str(2**i))
        for i in range(5)
    ]
    rows = misalignment_table(sessions(decisions, scores), pairs)
    y = [of(rows, kind="generation mean", generation=str(2**i))["d"] for i in range(5)]
    line = stats.linregress([1, 2, 4, 8, 16], y)
    slope = of(rows, kind="slope over generations")
    reach = stats.t.ppf(0.975, 3) * line.stderr
    assert (slope["d"], slope["low"], slope["high"], slope["p"]) == pytest.approx(
        (line.slope, line.slope - reach, line.slope + reach, line.pvalue)
    )


def test_the_tables_are_among_the_further_ones_with_captions() -> None:
    decisions, _, scores = drawn()
    more = [row | {"formulation": "standard+persona_own"} for row in scores]
    made = analyze(*study(decisions, [*scores, *more]), [PAIR])
    names = ["responses", "misalignment", "positions", "personas"]
    known = KnownOfSessions({"e0": "not used: the record has one"})
    tables = further_tables(made, names=names, known=known)
    assert all(tables[name] for name in names)
    for name in ("responses", "misalignment", "positions"):  # arms are compared in a table apart
        assert {row["formulation"] for row in tables[name]} == {"standard"}
    assert {row["category"] for row in tables["responses"]} == {"Memory", "Risk", None}
    for table in further_layout(tables):
        assert table.caption and all(section.rows for section in table.sections)
        for column in table.columns:
            name = column.name.casefold()
            known_name = name in ("n", "note", "mass") or not column.number
            assert known_name or name in table.caption.casefold(), (table.id, name)


def test_categories_of_one_experiment_have_no_mean_of_their_own() -> None:
    decisions, _, scores = drawn(experiments=3)
    for rows in (
        response_table(sessions(decisions, scores)),
        misalignment_table(sessions(decisions, scores), [PAIR]),
    ):
        kinds = [(row["kind"], row["category"]) for row in rows if row["kind"] == "category mean"]
        assert set(kinds) == {("category mean", "Risk")}  # e0 and e2; Memory is e1 alone


def test_responses_of_probability_zero_are_counted_not_averaged() -> None:
    decisions, nats, scores = drawn(experiments=1, people=25)
    scores[3]["response_logprob"] = -math.inf  # of the base model
    rows = response_table(sessions(decisions, scores))
    base, post = of(rows, model="base"), of(rows, model="post")
    assert base["nats"] == pytest.approx(np.delete(nats["base"], 3).mean())
    assert base["responses"] == len(decisions) - 1 and base["kept"] < 1
    assert base["note"] == "1 with the probability 0 left out" and post["note"] is None
    (pair,) = misalignment_table(sessions(decisions, scores), [PAIR])
    assert pair["responses"] == len(decisions) - 1
    assert "1 with the probability 0 left out" in pair["note"]


def test_a_heading_over_all_pairs_names_none() -> None:
    rows, _ = of_many()
    (table,) = further_layout({"misalignment": rows})
    headings = [section.heading for section in table.sections]
    assert headings[0] == "base0 · post0 · plain · standard"
    assert headings[-1] == "all pairs · plain · standard"


def test_a_study_file_says_type_and_generation_of_a_pair_and_its_record_keeps_them(
    tmp_path: Path,
) -> None:
    file = tmp_path / "study.toml"
    pair = '[[pair]]\nbase = "mock:a"\naligned = "mock:b"\n'
    file.write_text(
        f'[study]\nname = "x"\ndata = ["demo"]\n{pair}type = "Code"\ngeneration = "2"\n'
    )
    (one,) = comparisons(read_study(file))
    assert (one.type, one.generation) == ("Code", "2")
    file.write_text(f'{file.read_text()}{pair}type = "Math"\n')
    with pytest.raises(UserError, match="'mock:a' and 'mock:b' appears twice"):
        read_study(file)
    file.write_text(f'[study]\nname = "x"\ndata = ["demo"]\n{pair}generation = [2]\n')
    with pytest.raises(UserError, match="generation"):
        read_study(file)


def test_responses_without_options_are_not_missing_in_the_table_of_models() -> None:
    decisions = [
        said("one", f"p{p}", n, "A", keys=TWO if p else []) for p in range(3) for n in (1, 2)
    ]
    scores = [
        scored(
            row,
            0.5,
            logprobs=[-0.5, -1.5] if row["keys"] else None,
            mass=0.8 if row["keys"] else None,
        )
        for row in decisions[:-1]
    ]
    (row,) = analyze(*study(decisions, scores)).models
    assert (row["n"], row["missing"]) == (3, 1)
    assert row["note"].endswith("2 responses without options: see the table responses")


def test_a_pair_in_two_formats_is_said_to_hold_the_template() -> None:
    decisions = [said("one", f"p{p}", n, "A") for p in range(6) for n in (1, 2, 3)]
    scores = [
        scored(row, 0.1 * (at % 7) + shift, model, format=form)
        for at, row in enumerate(decisions)
        for model, form, shift in (("base", "plain", 0.0), ("post", "chat", 0.3))
    ]
    frames = study(decisions, scores)
    unlike = Comparison("base", "post", "plain", "chat", "native")
    rows = analyze(*frames, [unlike])
    (row,) = further_tables(rows, {}, ["misalignment"])["misalignment"]
    assert row["note"].startswith("base in plain text, aligned in its chat format")
    assert row["difference"] == pytest.approx(0.3)
