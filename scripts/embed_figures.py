"""Write the embedded data out of a folder of figures: `python scripts/embed_figures.py FOLDER`.

FOLDER holds `repeated_2x2.csv`, `one_shot.csv`, `lotteries.csv` and `glee_numeric.jsonl`; the
form they take here is described in `tremble.datasets.demo`. Refuses to lose anything: every
compact row must give back the figures it was made of.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tremble.datasets.akata2025 import OPTIONS
from tremble.datasets.demo import UNKNOWN, glee_record

TARGET = Path(__file__).parents[1] / "src" / "tremble" / "datasets" / "embedded"
Table = list[list[str]]


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def short(number: float) -> str:
    """40.0 -> '40', 0.725 -> '0.725': the shortest text that reads back as the same number."""
    text = repr(int(number)) if number == int(number) else repr(float(number))
    assert float(text) == number, number
    return text


def repeated(folder: Path) -> Table:
    table = [["participant", "game", "chosen", "other", "points"]]
    plays: dict[tuple[str, str], list[dict[str, str]]] = {}
    for row in rows(folder / "repeated_2x2.csv"):
        play = plays.setdefault((row["participant"], row["game"]), [])
        play.append(row)
        assert int(row["round"]) == len(play), row
    for (participant, game), play in plays.items():
        code = {OPTIONS[game][0].key: "1", OPTIONS[game][1].key: "0", "": UNKNOWN}
        chosen = "".join(code[row["choice"]] for row in play)
        other = "".join(code[row["other_choice"]] for row in play)
        table.append([participant, game, chosen, other, " ".join(row["points"] for row in play)])
    return table


def one_shot(folder: Path) -> Table:
    def matrix(text: str) -> str:
        return ";".join(" ".join(short(cell) for cell in row) for row in json.loads(text))

    table = [["study", "game", "player", "own", "other", "rates", "n"]]
    for row in rows(folder / "one_shot.csv"):
        rates = " ".join(short(rate) for rate in json.loads(row["choice_rates"]))
        payoffs = [matrix(row["own_payoffs"]), matrix(row["other_payoffs"])]
        table.append([row["study"], row["game"], row["player"], *payoffs, rates, row["n"]])
    return table


def lotteries(folder: Path) -> Table:
    def gamble(text: str) -> str:
        return " ".join(f"{short(chance)}:{short(payoff)}" for chance, payoff in json.loads(text))

    table = [["problem", "a", "b", "n", "trials", "rate_b", "sd_b"]]
    for row in rows(folder / "lotteries.csv"):
        gambles = [gamble(row["gamble_a"]), gamble(row["gamble_b"])]
        people = [row[name] for name in ("n", "trials", "rate_b", "rate_sd")]
        table.append([row["problem"], *gambles, *people])
    return table


def compact_glee(record: dict[str, Any]) -> dict[str, Any]:
    events = record["events"]
    compact = {key: value for key, value in record.items() if key != "events"}
    if record["family"] == "persuasion":
        triples = [events[at : at + 3] for at in range(0, len(events), 3)]
        compact["rounds"] = " ".join(
            nature["round_quality"][0] + advice["decision"][0] + answer["decision"][0]
            for nature, advice, answer in triples
        )
        worth = {nature["round_quality"]: nature["product_worth"] for nature, _, _ in triples}
        compact["worth"] = [worth["low-quality"], worth["high-quality"]]
    else:
        names = ("alice_gain", "bob_gain", "product_price")
        compact["rounds"] = [
            [*(float(offer[name]) for name in names if name in offer), answer["decision"]]
            for offer, answer in zip(events[::2], events[1::2], strict=True)
        ]
    assert glee_record(compact) == record, record["game"]
    return compact


def main(arguments: Sequence[str]) -> int:
    if len(arguments) != 1 or not Path(arguments[0]).is_dir():
        print("usage: python scripts/embed_figures.py FOLDER_OF_FIGURES", file=sys.stderr)
        return 2
    folder = Path(arguments[0])
    TARGET.mkdir(exist_ok=True)
    tables = {
        "repeated.csv": repeated(folder),
        "one_shot.csv": one_shot(folder),
        "lotteries.csv": lotteries(folder),
    }
    for name, table in tables.items():
        with (TARGET / name).open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(table)
    lines = (folder / "glee_numeric.jsonl").read_text(encoding="utf-8").splitlines()
    games = [json.dumps(compact_glee(json.loads(line)), separators=(",", ":")) for line in lines]
    (TARGET / "glee.jsonl").write_text("\n".join(games) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
