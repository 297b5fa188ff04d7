"""Every printed figure of Shapira et al. (2026): recounted, or the reason why it cannot be."""

from __future__ import annotations

from functools import lru_cache

from tremble.published.figures import ALL, FOUR, entries_of, table
from tremble.published.other_claims import config_claims, oddity_claims, type_claims, variant_claims
from tremble.published.pairs import catalogue, model_families
from tremble.published.recount import (
    NO,
    ROUNDING,
    YES,
    Claim,
    counted,
    p_claim,
    p_of,
    ratio_claim,
    rounds_to,
    same,
    unknown,
)
from tremble.published.sweep import median_bounds, median_difference

Wins = tuple[int, int]

_SCORES = "needs the scores of the models in that format; the figures hold native formats only"
_PEOPLE = "needs the human data, which are not among the figures"
_NASH = "needs predictions and equilibria game by game; the figures hold one r per pair"
_SETTING = "a setting of the study, not a result; every recount here uses it"
_WORDING = "needs the scores under that wording; the figures hold the standard wording only"

# Rows of headline.csv that nothing among the figures can check.
_UNKNOWN = {
    "n_human_decisions_bargaining": ("decisions by people, bargaining", _PEOPLE),
    "n_human_decisions_persuasion": ("decisions by people, persuasion", _PEOPLE),
    "n_human_decisions_negotiation": ("decisions by people, negotiation", _PEOPLE),
    "n_one_shot_games": ("one-shot games", _PEOPLE),
    "n_lottery_problems": ("lottery problems", _PEOPLE),
    "one_shot_multiple_pure_equilibria_share": (
        "share of one-shot games with several pure equilibria",
        "needs the payoffs of all 2,416 games, which are not among the figures",
    ),
    "nash_corr_humans": ("r of people with the Nash prediction, one-shot", _NASH),
    "nash_corr_aligned_mean": ("mean r of aligned models with Nash, one-shot", _NASH),
    "nash_corr_base_mean": ("mean r of base models with Nash, one-shot", _NASH),
    "filter_mass_threshold": ("least mean mass of both models", _SETTING),
    "filter_min_corr": ("least r of the better model", _SETTING),
    "format_variants_token_mass": ("mass under the simplified and minimal endings", _WORDING),
    "numbers_only_valid_pairs": ("pairs kept without the dialogue", _WORDING),
}
_SAME_MODEL = "model_family_"
# Size bins in billions: below 3 and from 14, the ends of the study's figure 2.
_SCALE = {
    "scale_median_diff_bargaining_under_3B": ("bargaining", False),
    "scale_median_diff_bargaining_14B_up": ("bargaining", True),
    "scale_median_diff_negotiation_smallest": ("negotiation", False),
    "scale_median_diff_negotiation_largest": ("negotiation", True),
    "scale_median_diff_matrix_smallest": ("matrix", False),
    "scale_median_diff_matrix_largest": ("matrix", True),
}
# Headline rows that repeat a row of the table of configurations: games, parameter, value.
_CONFIG = {
    "persuasion_seller_knows": ("persuasion", "Seller knowledge", "Knows"),
    "persuasion_seller_uninformed": ("persuasion", "Seller knowledge", "Uninformed"),
    "bargaining_delta1_0.8": ("bargaining", "Discount delta1", "0.8"),
    **{
        f"round_{label}_{games}": (games, "Round filter", value)
        for label, value in (("1", "1"), ("2_on", ">=2"))
        for games in ("bargaining", "negotiation", "persuasion")
    },
}


@lru_cache(maxsize=1)
def claims() -> tuple[Claim, ...]:
    """All claims: the running text row by row, then Tables 1, 2, 12 to 16, then the oddities.

    Every row of `headline.csv` has at least one, named in `source` as "headline: ROW".
    """
    return (
        *(claim for row in table("headline") for claim in _headline(row)),
        *variant_claims(),
        *type_claims(),
        *config_claims(),
        *oddity_claims(),
    )


def _row(name: str) -> dict[str, str]:
    return next(row for row in table("headline") if row["claim"] == name)


def _wins(row: dict[str, str]) -> Wins:
    return int(row["base"]), int(row["aligned"])


def _headline(row: dict[str, str]) -> list[Claim]:
    name = row["claim"]
    source, value = f"headline: {name}", row["value"]
    if name in _UNKNOWN:
        what, why = _UNKNOWN[name]
        return [unknown(source, what, value, why)]
    if name in _SCALE:
        return [_scale(source, value, *_SCALE[name])]
    if name in _CONFIG:
        return _repeated(source, row, _CONFIG[name])
    if name.startswith(_SAME_MODEL):
        return [_model_family(source, _wins(row), name.removeprefix(_SAME_MODEL))]
    if name == "overall_multi_round":
        return _family(source, "all four repeated families", row, ALL)
    if name.startswith("multi_round_"):
        games = name.removeprefix("multi_round_")
        return _family(source, games, row, games)
    if name.startswith(("one_shot_matrix", "lotteries")):
        return _one_shot_or_lottery(source, row)
    if name in ("both_plain_prompt", "both_chat_template"):
        format = "plain" if "plain" in name else "chat"
        printed = f"{row['ratio']}:1" + (f", p {row['p']}" if row["p"] else "")
        return [unknown(source, f"base to aligned wins, both {format}", printed, _SCORES)]
    if name.startswith("prompt_variant"):
        return _variants(source, row)
    return [_single(source, name, row)]


def _family(source: str, what: str, row: dict[str, str], games: str) -> list[Claim]:
    wins = _wins(row)
    claims = [
        counted(source, f"wins, {what}", wins, entries_of(games)),
        p_claim(source, f"p of {what}", wins, row["p"]),
    ]
    if row["ratio"]:
        claims.append(ratio_claim(source, f"ratio, {what}", wins, row["ratio"]))
    if row["of"]:
        claims.append(_valid(source, f"valid comparisons, {what}", wins, row["of"]))
    return claims


def _valid(source: str, what: str, wins: Wins, of: str) -> Claim:
    total = sum(wins)
    return same(source, what, of, str(total), str(total) == of, "sum of the printed wins")


def _model_family(source: str, wins: Wins, family: str) -> Claim:
    numbers = [pair.number for pair in catalogue() if pair.family == family]
    return counted(
        source,
        f"wins of the family {family}",
        wins,
        entries_of(ALL, numbers),
        "four repeated families, both filters, two decimals",
    )


def _one_shot_or_lottery(source: str, row: dict[str, str]) -> list[Claim]:
    wins = _wins(row)
    if row["claim"] == "one_shot_matrix_table2_per_pair":
        return [p_claim(source, "p of one-shot games, last row of Table 2", wins, row["p"])]
    games, what = (
        ("lottery", "lotteries")
        if row["claim"] == "lotteries"
        else ("one_shot", "one-shot matrix games")
    )
    reason = "both filters, two decimals"
    if games == "one_shot":
        best = max(max(entry.r_base, entry.r_aligned) for entry in entries_of(games))
        reason += f"; the largest printed r is .{best}, so that no pair passes the filter"
    return [
        counted(source, f"wins, {what}", wins, entries_of(games), reason),
        p_claim(source, f"p of {what}", wins, row["p"]),
        ratio_claim(source, f"ratio, {what}", wins, row["ratio"]),
        _valid(source, f"valid pairs, {what}", wins, row["of"]),
    ]


def _scale(source: str, printed: str, games: str, large: bool) -> Claim:
    """Medians at the main filters; the printed one is also held against what rounding allows."""
    numbers = [p.number for p in catalogue() if (p.params_b >= 14 if large else p.params_b < 3)]
    entries = entries_of(games, numbers)
    median, bounds = median_difference(entries), median_bounds(entries)
    unfiltered = median_difference(entries, None, None)
    assert median is not None and bounds is not None and unfiltered is not None
    value, n = median
    if rounds_to(value, printed):
        agrees = YES
    else:
        half = 0.005 + 1e-9  # of the printed median itself
        allowed = bounds[0] - half <= float(printed) <= bounds[1] + half
        agrees = ROUNDING if allowed else NO
    reason = (
        f"{n} kept pairs; true values allow {bounds[0]:+.3f} to {bounds[1]:+.3f}; "
        f"without filters {unfiltered[0]:+.3f}"
    )
    what = f"median r of base minus aligned, {games}, {'from 14B' if large else 'below 3B'}"
    return Claim(source, what, printed, f"{value:+.3f}", agrees, reason)


def _repeated(source: str, row: dict[str, str], key: tuple[str, str, str]) -> list[Claim]:
    games, parameter, value = key
    config = next(
        c
        for c in table("config_robustness")
        if (c["games"], c["parameter"], c["value"]) == (games, parameter, value)
    )
    wins = _wins(config)
    what = f"{games}, {parameter} {value}"
    if row["ratio"]:
        return [ratio_claim(source, f"ratio, {what}", wins, row["ratio"])]
    shown = f"{row['base']}:{row['aligned']}"
    reason = "text against table alone: the counts themselves need scores by value"
    claims = [
        same(
            source,
            f"wins in text and table, {what}",
            shown,
            f"{wins[0]}:{wins[1]}",
            _wins(row) == wins,
            reason,
        )
    ]
    if row["p"]:
        claims.append(p_claim(source, f"p of {what}", wins, row["p"]))
    return claims


def _variants(source: str, row: dict[str, str]) -> list[Claim]:
    usable = {v["variant"]: _variant_wins(v) for v in table("prompt_variants") if v["base_wins"]}
    name = row["claim"]
    if name == "prompt_variants_overall":
        total = (sum(b for b, _ in usable.values()), sum(a for _, a in usable.values()))
        wins, reason = _wins(row), f"sum over the {len(usable)} usable wordings of Table 1"
        printed, summed = f"{wins[0]}:{wins[1]}", f"{total[0]}:{total[1]}"
        return [
            same(source, "wins over all usable wordings", printed, summed, total == wins, reason),
            p_claim(source, "p over all usable wordings", wins, row["p"]),
            _valid(source, "comparisons over all usable wordings", wins, row["of"]),
        ]
    if name == "prompt_variants_each":
        worst = max(map(p_of, usable.values()))
        limit = float(row["p"].removeprefix("<"))
        reason = "largest one-sided binomial p of the usable wordings"
        what = "p of every usable wording"
        return [same(source, what, row["p"], f"{worst:.2e}", worst < limit, reason)]
    if name == "prompt_variants_win_rate_range":
        clusters = ("Baseline", "Framing", "Persona")
        these = [v["variant"] for v in table("prompt_variants") if v["cluster"] in clusters]
        rates = [100 * usable[v][0] / sum(usable[v]) for v in these]
        every = [100 * b / (b + a) for b, a in usable.values()]
        ends = [f"{end:.0f}" for end in (min(rates), max(rates))]
        spread = f"{min(rates):.1f} to {max(rates):.1f}%"
        reason = (
            "baseline, framing and persona wordings of Table 1; "
            f"over all usable ones {min(every):.1f} to {max(every):.1f}%"
        )
        agrees = "-".join(ends) + "%" == row["value"]
        return [same(source, "range of base's share of wins", row["value"], spread, agrees, reason)]
    variant = "Selfish" if "selfish" in name else "Observer"
    base, aligned = usable[variant]
    share = 100 * base / (base + aligned)
    agrees = rounds_to(share, row["value"].removesuffix("%"))
    what = f"base's share of wins, wording {variant}"
    reason = f"from {base}:{aligned} of Table 1"
    return [same(source, what, row["value"], f"{share:.1f}%", agrees, reason)]


def _variant_wins(row: dict[str, str]) -> Wins:
    return int(row["base_wins"]), int(row["aligned_wins"])


def _single(source: str, name: str, row: dict[str, str]) -> Claim:
    """The rows that have nothing in common with others."""
    value = row["value"]
    if name == "n_pairs":
        pairs, families = len(catalogue()), len(model_families())
        what, reason = "pairs", f"rows of Table 3; they are of {families} model families"
        return same(source, what, value, str(pairs), str(pairs) == value, reason)
    if name == "n_human_decisions_total":
        parts = [int(_row(f"n_human_decisions_{games}")["value"]) for games in FOUR]
        total, reason = str(sum(parts)), "sum of the four printed parts"
        return same(source, "decisions by people", value, total, total == value, reason)
    if name == "n_human_decisions_matrix":
        made = str(195 * 10 * 2)
        reason = "195 people, 10 rounds, 2 games, as the study states"
        what = "decisions by people, repeated matrix"
        return same(source, what, value, made, made == value, reason)
    if name == "n_predictions_total":
        models = {m for pair in catalogue() for m in (pair.base, pair.aligned)}
        decisions = int(_row("n_human_decisions_total")["value"])
        predictions = 2 * len(catalogue()) * decisions
        reason = (
            f"240 models of 120 pairs x {decisions:,}; only {len(models)} models are different, "
            f"which makes {len(models) * decisions:,}"
        )
        agrees = round(predictions / 1e6, 1) == float(value.split()[0])
        return same(source, "predictions", f"over {value}", f"{predictions:,}", agrees, reason)
    if name == "overall_multi_round_abstract":
        wins = _wins(_row("overall_multi_round"))
        quotient = wins[0] / wins[1]
        what, reason = "ratio in the abstract", f"from {wins[0]}:{wins[1]}"
        return same(source, what, value, f"{quotient:.2f}:1", 9.5 <= quotient < 10, reason)
    if name == "one_shot_types_aligned_ahead":
        types = table("one_shot_types")
        ahead = sum(int(t["aligned_wins"]) > int(t["base_wins"]) for t in types)
        share = f"{ahead} of {len(types)}"
        what, reason = "topologies with aligned ahead", "rows of Table 2"
        return same(source, what, value, share, share == value, reason)
    if name in ("n_one_shot_valid_pairs", "n_lottery_valid_pairs"):
        parent = "one_shot_matrix" if "one_shot" in name else "lotteries"
        return _valid(source, f"valid pairs ({parent})", _wins(_row(parent)), value)
    if name == "nash_closer_pairs":
        aligned, of = int(row["aligned"]), int(row["of"])
        p = p_of((of - aligned, aligned))
        reason = (
            "one-sided binomial p where the other pairs are all base's (not printed); "
            f"the count itself: {_NASH}"
        )
        printed = f"{aligned} of {of}, p {row['p']}"
        agrees = p < float(row["p"].removeprefix("<"))
        return same(
            source, "pairs with aligned closer to Nash", printed, f"p {p:.2e}", agrees, reason
        )
    raise AssertionError(f"headline.csv has a row without a claim: {name}")
