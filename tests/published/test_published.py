"""The published figures: bounds against brute force, headline counts by name, the overlay."""

from __future__ import annotations

import csv
import itertools
import random
from decimal import Decimal
from pathlib import Path
from statistics import median

import pytest

from tests.support.places import ROOT
from tremble.published import sweep
from tremble.published.figures import FOUR, GAMES, Entry, entries, entries_of, table
from tremble.published.recount import as_markdown, rounds_to
from tremble.published.text_claims import claims

FIGURE = ("mass_base", "mass_aligned", "r_base", "r_aligned")


def truths(entry: Entry, steps: int) -> list[tuple[float, ...]]:
    """Corner and inner true values within .005 of each printed one, in units of 1/1000."""
    inner = [round(10 * k / (steps - 1)) - 5 for k in range(steps)]
    options = []
    for name in FIGURE:
        values = [10 * getattr(entry, name) + step for step in inner]
        low = 0 if name.startswith("mass") else -1000
        options.append([v for v in values if low <= v <= 1000])
    return list(itertools.product(*options))


def outcome(truth: tuple[float, ...], mass: Decimal | None, corr: Decimal | None) -> str:
    mass_base, mass_aligned, r_base, r_aligned = truth
    if mass is not None and (mass_base < 1000 * mass or mass_aligned < 1000 * mass):
        return "neither"
    if corr is not None and r_base < 1000 * corr and r_aligned < 1000 * corr:
        return "neither"
    return "base" if r_base > r_aligned else "aligned" if r_aligned > r_base else "neither"


def random_entries(source: random.Random, n: int, near: int) -> list[Entry]:
    """Figures close to the thresholds .80 and .30 and to each other, where rounding matters."""
    return [
        Entry(
            k,
            "x",
            source.choice([80, 80, 79, 81, 100, 0, 80 + source.randint(-near, near)]),
            source.choice([80, 100, 81, 80 + source.randint(-near, near)]),
            r := 30 + source.randint(-near, near),
            r + source.randint(-2, 2),
        )
        for k in range(n)
    ]


FILTERS = [
    (None, None),
    (Decimal("0.8"), None),
    (None, Decimal("0.3")),
    (Decimal("0.8"), Decimal("0.3")),
    (Decimal("0.795"), Decimal("0.305")),
    (Decimal("0.803"), Decimal("0.297")),
    (Decimal("0"), Decimal("-0.1")),
    (Decimal("1"), Decimal("0.3")),
]


@pytest.mark.parametrize("mass, corr", FILTERS)
@pytest.mark.slow
def test_bounds_are_those_of_an_enumeration_of_true_values(
    mass: Decimal | None, corr: Decimal | None
) -> None:
    source = random.Random(7)
    for _ in range(15):
        few = random_entries(source, 3, 2)
        worlds = [{outcome(t, mass, corr) for t in truths(e, 11)} for e in few]
        found = sweep.count(few, mass, corr)
        for side in ("base", "aligned"):
            each = [sum(o == side for o in world) for world in itertools.product(*worlds)]
            assert (found[f"{side}_min"], found[f"{side}_max"]) == (min(each), max(each)), few
        joint = {
            (world.count("base"), world.count("aligned")) for world in itertools.product(*worlds)
        }
        assert sweep.possible_counts(few, mass, corr) == joint
        plain = [outcome(tuple(10 * getattr(e, f) for f in FIGURE), mass, corr) for e in few]
        assert (found["base"], found["aligned"]) == (plain.count("base"), plain.count("aligned"))


@pytest.mark.parametrize("mass, corr", FILTERS[:4])
def test_median_bounds_are_those_of_an_enumeration(
    mass: Decimal | None, corr: Decimal | None
) -> None:
    source = random.Random(3)
    for _ in range(15):
        few = random_entries(source, 4, 1)
        options: list[list[float | None]] = []
        for entry in few:
            kept: set[float] = set()
            dropped = False
            for t in truths(entry, 3):
                low_mass = mass is not None and min(t[:2]) < 1000 * mass
                if low_mass or (corr is not None and max(t[2:]) < 1000 * corr):
                    dropped = True
                else:
                    kept.add(t[2] - t[3])
            ends: list[float | None] = [min(kept), max(kept)] if kept else []
            options.append(ends + [None] * dropped)
        medians = [
            median(values)
            for world in itertools.product(*options)
            if (values := [v for v in world if v is not None])
        ]
        bounds = sweep.median_bounds(few, mass, corr)
        if not medians:
            assert bounds is None
        else:
            assert bounds == pytest.approx((min(medians) / 1000, max(medians) / 1000))


def test_a_hand_made_table() -> None:
    """.80 is at least .8; .795 to .805 may be short of it; a tie is nobody's; mass ends at 1."""
    eight = Decimal("0.8")
    clear = Entry(1, "x", 95, 95, 40, 20)
    edge = Entry(2, "x", 80, 95, 40, 20)
    tie = Entry(3, "x", 95, 95, 40, 40)
    found = sweep.count([clear, edge, tie], eight, Decimal("0.3"))
    assert found == {
        **{"base": 2, "aligned": 0, "ties": 1},
        **{"base_min": 1, "base_max": 3, "aligned_min": 0, "aligned_max": 1},
    }
    top = Entry(4, "x", 100, 100, 40, 20)
    assert sweep.outcomes(top, Decimal(1), None) == {"base", "neither"}
    assert sweep.outcomes(top, Decimal("1.001"), None) == {"neither"}


def test_the_table_as_printed() -> None:
    """Copied from Tables 10 and 11 by hand: the first pair and one with a negative zero."""
    first = {e.games: e for e in entries() if e.number == 1}
    assert first["bargaining"] == Entry(1, "bargaining", 99, 100, 26, -4)
    assert first["lottery"] == Entry(1, "lottery", 93, 100, 10, 45)
    assert len(entries()) == 720
    assert [len(entries_of(games)) for games in GAMES] == [120] * 6
    assert len(entries_of("all")) == 480


# Every count of the running text that the printed pairs can be held against. "yes": the plain
# count agrees; "within rounding": true values behind the printed ones give it; "no": none do.
HEADLINE = {
    "overall_multi_round": ("213:22", "within rounding"),
    "multi_round_bargaining": ("75:4", "within rounding"),
    "multi_round_persuasion": ("32:4", "within rounding"),
    "multi_round_negotiation": ("25:1", "within rounding"),
    "multi_round_matrix": ("81:13", "within rounding"),
    "model_family_Qwen": ("82:15", "no"),
    "model_family_Gemma": ("28:2", "no"),
    "model_family_Falcon": ("21:6", "no"),
    "model_family_Llama": ("17:0", "no"),
    "model_family_OLMo": ("16:3", "no"),
    "model_family_DeepSeek": ("8:4", "no"),
    "model_family_SmolLM": ("5:3", "no"),
    "one_shot_matrix": ("14:57", "no"),
    "lotteries": ("28:62", "no"),
    "scale_median_diff_bargaining_under_3B": ("+0.22", "yes"),
    "scale_median_diff_bargaining_14B_up": ("+0.36", "within rounding"),
    "scale_median_diff_negotiation_smallest": ("+0.35", "no"),
    "scale_median_diff_negotiation_largest": ("+0.43", "within rounding"),
    "scale_median_diff_matrix_smallest": ("+0.04", "no"),
    "scale_median_diff_matrix_largest": ("+0.11", "yes"),
}
NEVER = {
    "n_human_decisions_bargaining",
    "n_human_decisions_persuasion",
    "n_human_decisions_negotiation",
    "both_plain_prompt",
    "both_chat_template",
    "n_one_shot_games",
    "one_shot_multiple_pure_equilibria_share",
    "n_lottery_problems",
    "nash_corr_humans",
    "nash_corr_aligned_mean",
    "nash_corr_base_mean",
    "filter_mass_threshold",
    "filter_min_corr",
    "format_variants_token_mass",
    "numbers_only_valid_pairs",
}
# Recounted from other printed figures, not from the pairs; the first disagrees.
DERIVED = {"prompt_variants_win_rate_range": "no"} | dict.fromkeys(
    (
        "n_pairs",
        "n_human_decisions_total",
        "n_human_decisions_matrix",
        "n_predictions_total",
        "overall_multi_round_abstract",
        "prompt_variants_overall",
        "prompt_variants_each",
        "prompt_variant_selfish_rate",
        "prompt_variant_observer_rate",
        "persuasion_seller_knows",
        "persuasion_seller_uninformed",
        "bargaining_delta1_0.8",
        "round_1_bargaining",
        "round_1_negotiation",
        "round_1_persuasion",
        "round_2_on_bargaining",
        "round_2_on_negotiation",
        "round_2_on_persuasion",
        "one_shot_matrix_table2_per_pair",
        "one_shot_types_aligned_ahead",
        "n_one_shot_valid_pairs",
        "n_lottery_valid_pairs",
        "nash_closer_pairs",
    ),
    "yes",
)


def test_every_row_of_the_running_text_is_recounted_or_has_its_reason() -> None:
    rows = {row["claim"] for row in table("headline")}
    assert rows == set(HEADLINE) | NEVER | set(DERIVED)
    by_row: dict[str, list[tuple[str, str | None, str | None]]] = {}
    for claim in claims():
        assert claim.reason and (claim.agrees is None) == (claim.recounted is None)
        if claim.source.startswith("headline: "):
            row = claim.source.removeprefix("headline: ")
            by_row.setdefault(row, []).append((claim.printed, claim.recounted, claim.agrees))
    assert set(by_row) == rows
    for row, (printed, agrees) in HEADLINE.items():
        assert (by_row[row][0][0], by_row[row][0][2]) == (printed, agrees), row
        assert {a for *_, a in by_row[row][1:]} <= {"yes"}, row  # p, ratio, sum of the wins
    for row in NEVER:
        assert [(r, a) for _, r, a in by_row[row]] == [(None, None)], row
    for row, agrees in DERIVED.items():
        assert {a for *_, a in by_row[row]} == {agrees}, row


def test_the_other_tables_are_covered_row_by_row() -> None:
    sources = [claim.source for claim in claims()]
    for name, key in (("prompt_variants", "variant"), ("one_shot_types", "game_type")):
        for row in table(name):
            assert f"{name}: {row[key]}" in sources
    for row in table("config_robustness"):
        place = f"{row['games']}, {row['parameter']} {row['value']}"
        assert f"config_robustness: {place}" in sources
    refuted = [c.claim for c in claims() if c.source.startswith("config") and c.agrees == "no"]
    assert refuted == ["p of negotiation, Information Complete"]  # 22 / 2**21 = 1.049e-5
    assert [c.agrees for c in claims() if c.source.startswith("one_shot_types")] == ["yes"] * 12


def test_no_cell_of_the_sweep_explains_the_counts_by_model_family_or_outside_the_four() -> None:
    from tremble.published.pairs import find

    most = 0
    for mass, corr in itertools.product(sweep.MASSES, sweep.MIN_CORRS):
        hits = 0
        for row in table("headline"):
            if row["claim"].startswith("model_family_"):
                family = row["claim"].removeprefix("model_family_")
                mine = entries_of("all", [pair.number for pair in find(family)])
                wins = (int(row["base"]), int(row["aligned"]))
                hits += wins in sweep.possible_counts(mine, mass, corr)
        most = max(most, hits)
        assert (14, 57) not in sweep.possible_counts(entries_of("one_shot"), mass, corr)
        assert (28, 62) not in sweep.possible_counts(entries_of("lottery"), mass, corr)
    assert most == 2


def test_printed_numbers_are_compared_at_their_own_precision() -> None:
    assert rounds_to(0.0625, "0.063") and rounds_to(1.049e-5, "1.0e-5")
    assert not rounds_to(1.049e-5, "1.1e-5") and not rounds_to(0.0634, "0.062")


def test_the_document_shows_the_claims_as_they_are() -> None:
    text = (ROOT / "docs" / "published.md").read_text("utf-8")
    assert text.partition("<!-- claims -->\n")[2].strip() == as_markdown(claims()).strip()


def test_the_whole_sweep_has_a_row_per_cell_and_all_is_the_sum_of_four() -> None:
    rows = {(r["games"], r["mass"], r["min_corr"]): r for r in sweep.wins()}
    assert len(rows) == 7 * 6 * 6
    for mass, corr in itertools.product((None, 0.5, 0.9), (None, 0.1, 0.5)):
        for name in ("base", "aligned", "ties", "base_min", "base_max", "aligned_max"):
            parts = sum(rows[games, mass, corr][name] for games in FOUR)
            assert rows["all", mass, corr][name] == parts


def test_plain_counts_against_a_count_with_csv_and_fractions() -> None:
    """The embedded cells read once more, without the package's reader."""
    folder = Path(sweep.__file__).parent / "figures"
    with (folder / "per_pair.csv").open() as file:
        cells = [[int(x) for x in row["negotiation"].split()] for row in csv.DictReader(file)]
    kept = [c for c in cells if c[0] >= 70 and c[1] >= 70 and (c[2] >= 20 or c[3] >= 20)]
    (row,) = sweep.wins(["negotiation"], [Decimal("0.7")], [Decimal("0.2")])
    assert row["base"] == sum(c[2] > c[3] for c in kept)
    assert row["aligned"] == sum(c[2] < c[3] for c in kept)
    assert row["ties"] == sum(c[2] == c[3] for c in kept)
