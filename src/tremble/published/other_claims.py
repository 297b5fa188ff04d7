"""Claims on the printed tables of wordings, topologies and configurations, and the oddities."""

from __future__ import annotations

from tremble.published.figures import FOUR, entries_of, table
from tremble.published.pairs import catalogue
from tremble.published.recount import Claim, counted, p_agrees, p_of, ratio, same, unknown
from tremble.published.sweep import MASS, count

_ODDITIES = "oddities"


def variant_claims() -> list[Claim]:
    """Table 1: no score of a wording is among the figures, but the standard one is."""
    claims = []
    for row in table("prompt_variants"):
        source, what = f"prompt_variants: {row['variant']}", f"wins, wording {row['variant']}"
        if not row["base_wins"]:
            why = "counts not printed; needs the scores under that wording"
            claims.append(unknown(source, what, "not usable", why))
            continue
        wins = (int(row["base_wins"]), int(row["aligned_wins"]))
        if row["variant"] == "Standard":
            chosen = entries_of("bargaining") + entries_of("negotiation")
            how = "bargaining and negotiation, both filters, two decimals"
            claims.append(counted(source, what, wins, chosen, how))
        else:
            why = "needs the scores under that wording"
            claims.append(unknown(source, what, ratio(wins), why))
    return claims


def type_claims() -> list[Claim]:
    """Table 2: counts by topology cannot be had, their sums can be checked."""
    valid = sum(_headline_wins("one_shot_matrix"))
    claims = []
    for row in table("one_shot_types"):
        wins = (int(row["base_wins"]), int(row["aligned_wins"]))
        why = "the sum alone is checked: the counts themselves need scores by topology"
        claims.append(
            same(
                f"one_shot_types: {row['game_type']}",
                f"wins of topology {row['game_type']} add up to the valid pairs",
                f"{ratio(wins)}, {valid} valid",
                f"sum {sum(wins)}",
                sum(wins) == valid,
                why,
            )
        )
    return claims


def config_claims() -> list[Claim]:
    """Tables 12 to 16: the p values follow from the printed counts, the counts need scores.

    Only a value that every decision has can be recounted from the figures by pair: no human
    buyer was myopic, so "Buyer myopic: No" is all of persuasion.
    """
    claims = []
    for row in table("config_robustness"):
        place = f"{row['games']}, {row['parameter']} {row['value']}"
        source = f"config_robustness: {place}"
        valid, filtered = int(row["valid"]), int(row["filtered"])
        if not row["base"]:
            why = f"no pair kept, {filtered} filtered; needs scores by value"
            if row["parameter"] == "Buyer myopic":
                why = "no human buyer was myopic: there is no decision, hence no pair"
            claims.append(unknown(source, f"wins, {place}", "none valid", why))
            continue
        wins = (int(row["base"]), int(row["aligned"]))
        p = p_of(wins)
        agrees = p_agrees(p, row["p"])
        why = "counts need scores by value; one-sided binomial p of the printed counts"
        if sum(wins) != valid or valid + filtered != len(catalogue()):
            agrees, why = False, f"{why}; valid or filtered pairs do not add up"
        if (row["parameter"], row["value"]) == ("Buyer myopic", "No"):
            how = "every human buyer is long-living, so this is all of persuasion"
            claims.append(counted(source, f"wins, {place}", wins, entries_of("persuasion"), how))
        printed = f"{ratio(wins)}, p {row['p']}"
        claims.append(same(source, f"p of {place}", printed, f"p {p:.2e}", agrees, why))
    return claims


def _headline_wins(name: str) -> tuple[int, int]:
    row = next(row for row in table("headline") if row["claim"] == name)
    return int(row["base"]), int(row["aligned"])


def _total(names: list[str]) -> tuple[int, int]:
    wins = [_headline_wins(name) for name in names]
    return sum(base for base, _ in wins), sum(aligned for _, aligned in wins)


def oddity_claims() -> list[Claim]:
    """Where the printed figures contradict one another, each recounted."""
    return [
        _overall_is_the_sum_of_families(),
        _model_families_fit_the_overall(),
        _standard_wording_is_the_text(),
        _every_cell_is_significant(),
        _one_exception_among_parameters(),
        _one_shot_without_a_filter_on_r(),
        unknown(
            _ODDITIES,
            "wins in each cell of the filter sweep (Tables 5 to 9)",
            "not among the figures",
            "the tables are not embedded; the recount is what `tremble published wins --sweep` "
            "prints",
        ),
    ]


def _overall_is_the_sum_of_families() -> Claim:
    four = _total([f"multi_round_{games}" for games in FOUR])
    overall = _headline_wins("overall_multi_round")
    reason = "sum of the four printed families"
    return same(_ODDITIES, "overall wins", ratio(overall), ratio(four), four == overall, reason)


def _model_families_fit_the_overall() -> Claim:
    overall = _headline_wins("overall_multi_round")
    families = [
        row["claim"] for row in table("headline") if row["claim"].startswith("model_family_")
    ]
    by_family = _total(families)
    return same(
        _ODDITIES,
        "wins by model family stay within the overall count",
        f"at most {ratio(overall)}",
        ratio(by_family),
        by_family[0] <= overall[0] and by_family[1] <= overall[1],
        f"sum of the {len(families)} printed model families, 16 more unprinted; their aligned wins "
        f"alone exceed the overall {overall[1]}",
    )


def _standard_wording_is_the_text() -> Claim:
    two = _total(["multi_round_bargaining", "multi_round_negotiation"])
    standard = next(row for row in table("prompt_variants") if row["variant"] == "Standard")
    wins = (int(standard["base_wins"]), int(standard["aligned_wins"]))
    reason = "printed bargaining and negotiation together, the same wording and games"
    what = "wins under the standard wording"
    return same(_ODDITIES, what, ratio(wins), ratio(two), wins == two, reason)


def _every_cell_is_significant() -> Claim:
    cells = [(40, 28), (39, 28), (3, 0), (4, 0)]
    return same(
        _ODDITIES,
        "p in every cell of the filter sweep",
        "< .05",
        ", ".join(f"{ratio(cell)} {p_of(cell):.3f}" for cell in cells),
        all(p_of(cell) < 0.05 for cell in cells),
        "one-sided binomial p of four printed cells of the filter sweep",
    )


def _one_exception_among_parameters() -> Claim:
    behind = [
        f"{row['games']} {row['parameter']} {row['value']} {row['base']}:{row['aligned']}"
        for row in table("config_robustness")
        if row["base"]
        and row["parameter"] != "Round filter"
        and (int(row["base"]) <= int(row["aligned"]) or p_of(_wins(row)) >= 0.05)
    ]
    return same(
        _ODDITIES,
        "delta1 = .8 is the only exception",
        "1 exception",
        "; ".join(behind),
        len(behind) == 1,
        "configurations, rounds 1 and from 2 apart, where base is behind or p is .05 or more",
    )


def _one_shot_without_a_filter_on_r() -> Claim:
    printed = _headline_wins("one_shot_matrix")
    one_shot = count(entries_of("one_shot"), MASS, None)
    return same(
        _ODDITIES,
        "one-shot wins with the mass filter only",
        ratio(printed),
        f"{one_shot['base']}:{one_shot['aligned']}, {one_shot['ties']} tied",
        (one_shot["base"], one_shot["aligned"]) == printed,
        "mass filter alone, two decimals; the filter on r would keep no pair",
    )


def _wins(row: dict[str, str]) -> tuple[int, int]:
    return int(row["base"]), int(row["aligned"])
