"""Write the figures of Shapira et al. (2026) out of a folder.

`python scripts/embed_published.py FOLDER`: FOLDER holds the published tables as CSV files;
`tremble.published.figures` reads what is written here. Numbers and names are taken over,
sentences are not, but for the few words on what each wording changes. Refuses to lose a number:
every compact row must give back the figures it was made of.
"""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Sequence
from pathlib import Path

TARGET = Path(__file__).parents[1] / "src" / "tremble" / "published" / "figures"
GAMES = ("bargaining", "persuasion", "negotiation", "matrix", "one_shot", "lottery")
FIGURES = ("mass_base", "mass_aligned", "corr_base", "corr_aligned")
Table = list[list[str]]


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def hundredths(text: str) -> str:
    """'0.83' -> '83', '-0.04' -> '-4', '-0.00' -> '-0': the printed sign of a zero is kept."""
    sign, digits = ("-", text[1:]) if text.startswith("-") else ("", text)
    whole, _, decimals = digits.partition(".")
    short = sign + str(int(whole + decimals))
    assert len(decimals) == 2 and printed(short) == text, text
    return short


def printed(short: str) -> str:
    """The inverse of `hundredths`."""
    sign, digits = ("-", short[1:]) if short.startswith("-") else ("", short)
    return f"{sign}{int(digits) // 100}.{int(digits) % 100:02d}"


def per_pair(folder: Path) -> Table:
    cells: dict[str, dict[str, str]] = {}
    for row in rows(folder / "per_pair.csv"):
        numbers = " ".join(hundredths(row[name]) for name in FIGURES)
        assert cells.setdefault(row["number"], {}).setdefault(row["family_of_games"], numbers)
    for games in cells.values():
        assert set(games) == set(GAMES), games
    body = [[number, *(games[g] for g in GAMES)] for number, games in cells.items()]
    return [["number", *GAMES], *body]


def copied(folder: Path, name: str, columns: Sequence[str]) -> Table:
    return [list(columns), *([row[c] for c in columns] for row in rows(folder / name))]


# Words that stand behind a value in the notes of headline.csv and are not part of it.
_BEHIND = r"(?: (?:of the games|base wins.*|in favour.*|for simplified.*|game types))?"
_VALUE = re.compile(rf"value=([^;(]+?){_BEHIND}\s*(?:[;(]|$)")
_RATIO = re.compile(r"ratio ([\d.]+):1")
_OF = re.compile(r"\d of (\d+) (?:=|valid|filtered)|(\d+) valid pairs")


def headline(folder: Path) -> Table:
    """Counts and p as they are; ratio, value and the number of pairs out of the note."""
    table = [["claim", "base", "aligned", "of", "p", "ratio", "value"]]
    for row in rows(folder / "headline.csv"):
        value, ratio, of = (pattern.search(row["note"]) for pattern in (_VALUE, _RATIO, _OF))
        table.append(
            [
                row["claim"],
                row["base_wins"],
                row["aligned_wins"],
                (of[1] or of[2]) if of else "",
                row["p_value"],
                ratio[1] if ratio else "",
                value[1] if value else "",
            ]
        )
    return table


def config(folder: Path) -> Table:
    table = [["games", "parameter", "value", "base", "aligned", "valid", "filtered", "p"]]
    return table + [list(row.values()) for row in rows(folder / "config_robustness.csv")]


def config_space(folder: Path) -> Table:
    return [["games", "parameter", "values"]] + [
        list(row.values()) for row in rows(folder / "config_space.csv")
    ]


def main(folder: Path) -> None:
    pairs = ("number", "family", "base", "aligned", "size_label", "params_b", "hub_org")
    variants = ("cluster", "variant", "modification", "usable", "base_wins", "aligned_wins")
    types = ("game_type", "base_wins", "aligned_wins")
    tables = {
        "pairs": copied(folder, "pairs.csv", pairs),
        "per_pair": per_pair(folder),
        "headline": headline(folder),
        "config_robustness": config(folder),
        "config_space": config_space(folder),
        "prompt_variants": copied(folder, "prompt_variants.csv", variants),
        "one_shot_types": copied(folder, "one_shot_types.csv", types),
    }
    TARGET.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        with (TARGET / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(table)
        print(f"{name}.csv: {len(table) - 1} rows")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
