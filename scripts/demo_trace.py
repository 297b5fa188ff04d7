"""Code blocks that recompute numbers of a study from its Parquet rows, with polars and numpy.

Used by `demo_analysis.py`, which runs them and refuses to write a page that they contradict.
"""

from __future__ import annotations

import contextlib
import io
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo_words import Results, where

from tremble.report.tables.table import family_name
from tremble.stats.filters import MIN_MASS, MIN_R, SLACK
from tremble.store.provenance import hash8, slug
from tremble.text import decimal

Row = dict[str, Any]
SAME = 1e-9
# As far as the token, quoted, and its probability.
_LIKELIEST = re.compile(
    r"the options have only \S+ of the probability, .+?; "
    r"the likeliest other answer is (.+?) \([.\d]+\)"
)

_ROWS = """from pathlib import Path

import numpy as np
import polars as pl

study = Path("{name}")  # the folder given as --out
decisions = pl.read_parquet(next(study.glob("{decisions}-*.parquet")))


def scored(folder):
    \"\"\"The rows in force, one per decision and presentation.\"\"\"
    parts = [pl.read_parquet(part) for part in sorted((study / folder).glob("part-*.parquet"))]
    asked = pl.read_parquet(next((study / folder).glob("expected-*.parquet")))
    rows = pl.concat(parts).unique(asked.columns, keep="last", maintain_order=True)
    return rows.join(asked, on=asked.columns, how="semi")


def predictions(folder):
    \"\"\"p (of the target) and mass of each decision.\"\"\"
    shown = ["decision", "presentation"]
    return (
        scored(folder)
        .join(decisions.select("decision", "target"), on="decision")
        .explode("keys", "logprobs")
        .with_columns(p=pl.col("logprobs").exp() / pl.col("logprobs").exp().sum().over(shown))
        .filter(pl.col("keys") == pl.col("target"))
        .group_by("decision", maintain_order=True)
        .agg(pl.col("p", "mass").mean())
    )


people = decisions.filter(pl.col("family") == "{family}").select(
    "decision", y=(pl.col("choice") == pl.col("target")).cast(pl.Float64)
)
base = predictions("{base}")
aligned = predictions(
    "{aligned}"
)
both = people.join(base, on="decision").join(aligned, on="decision", suffix="_aligned")
y, p, q = (both[name].to_numpy() for name in ("y", "p", "p_aligned"))
r_aligned = np.corrcoef(q, y)[0, 1]
print(f"n = {{len(y)}}, r = {{r_aligned:.6f}}")
"""
_DIFFERENCE = """r_base, r_between = np.corrcoef(p, y)[0, 1], np.corrcoef(p, q)[0, 1]
difference = r_base - r_aligned


def fisher(r):
    half = 1.959963984540054 / np.sqrt(len(y) - 3)
    return np.tanh(np.arctanh(r) - half), np.tanh(np.arctanh(r) + half)


down, up = r_base - fisher(r_base)[0], fisher(r_aligned)[1] - r_aligned
rest = 1 - r_base**2 - r_aligned**2 - r_between**2
shared = (r_between - r_base * r_aligned / 2) * rest + r_between**3
shared /= (1 - r_base**2) * (1 - r_aligned**2)
zou_low = difference - np.sqrt(down**2 + up**2 - 2 * shared * down * up)
print(f"difference = {difference:.6f}, lower end = {zou_low:.6f}")
"""
_WIN = f"""mass_base, mass_aligned = both["mass"].mean(), both["mass_aligned"].mean()
winner = "base" if r_base > r_aligned else "aligned"
kept = min(mass_base, mass_aligned) >= {MIN_MASS} and max(r_base, r_aligned) >= {MIN_R}
print(f"mass {{mass_base:.4f}} and {{mass_aligned:.4f}}: {{winner}}, kept: {{kept}}")
"""
_SLOPE = """x = np.column_stack([np.ones_like(q), np.log(q / (1 - q))])
line = np.zeros(2)  # intercept and slope
for _ in range(50):  # Newton's method
    fitted = 1 / (1 + np.exp(-x @ line))
    line += np.linalg.solve((x.T * fitted * (1 - fitted)) @ x, x.T @ (y - fitted))
slope = line[1]
print(f"slope = {slope:.6f}")
"""
_LEVEL = """predicted, outcome = q.mean(), y.mean()
level = predicted - outcome
print(f"predicted {predicted:.6f}, people {outcome:.6f}, difference {level:.6f}")
"""
_AT_FAULT = """folder = "{folder}"
here = decisions.filter(pl.col("family") == "{family}").select("decision")
read = scored(folder).join(here, on="decision")
mass = read.group_by("decision").agg(pl.col("mass").mean())["mass"].mean()
beside = (
    read.drop_nulls("other_token")
    .group_by("other_token")
    .agg(times=pl.len(), chance=pl.col("other_logprob").exp().mean())
    .sort("times", "chance", "other_token", descending=[True, True, False])
)
likeliest, chance = repr(beside["other_token"][0]), beside["chance"][0]
print(f"mass {{mass:.6f}}, likeliest {{likeliest}} {{chance:.6f}}")
"""


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of code, what stands before it, and what its variables must be."""

    about: str
    code: str
    values: dict[str, Any]


def blocks(results: Results, run: dict[str, Any]) -> list[Block]:
    """The blocks of the first pair, in its family of single choices with most decisions, a kept
    one before others, then one of the least mass; each goes on from the one before it."""
    pair, other, fit, level = _traced(results, run["comparisons"][0])
    entry, counterpart = run["datasets"][0], pair["aligned"]
    folder = {job["model"]: job["folder"] for job in run["jobs"]}
    code = _ROWS.format(
        name=run["study"],
        decisions=f"decisions/{slug(entry)}-{hash8(entry)}",
        family=pair["family"],
        base=folder[pair["base"]],
        aligned=folder[counterpart],
    )
    state = "kept" if pair["kept"] else "dropped"
    made = [
        Block(
            f"**r.** Models and Pairs give {counterpart} an r of {decimal(pair['r_aligned'])} "
            f"in {family_name(pair['family'])}.",
            code,
            {"r_aligned": pair["r_aligned"]},
        ),
        Block(
            f"**A difference and one end of an interval.** Differences gives r of base minus r of "
            f"aligned as {decimal(other['difference'])}, and {decimal(other['zou_low'])} as the "
            "lower end of Zou's interval (2007, Psychological Methods 12). Low and high come from "
            "the bootstrap over whole participants, which is described in "
            "[uncertainty.md](uncertainty.md).",
            _DIFFERENCE,
            {"difference": other["difference"], "zou_low": other["zou_low"]},
        ),
        Block(
            f"**A win.** Pairs names {pair['winner']} the winner, and the pair is {state}.",
            _WIN,
            {name: pair[name] for name in ("winner", "kept", "mass_base", "mass_aligned")},
        ),
        Block(
            f"**A calibration slope.** Measures gives {counterpart} {decimal(fit['slope'])}.",
            _SLOPE,
            {"slope": fit["slope"]},
        ),
        Block(
            f"**A level.** The table of levels gives {counterpart} a difference of "
            f"{decimal(level['difference'])}: its mean prediction minus the mean of what people "
            "did.",
            _LEVEL,
            {
                "level": level["difference"],
                "predicted": level["predicted"],
                "outcome": level["people"],
            },
        ),
    ]
    return [*made, *_at_fault(results, folder)]


def _traced(results: Results, compared: Row) -> tuple[Row, Row, Row, Row]:
    """The rows of pairs, differences, measures and levels that are recomputed."""
    names = {key: compared[key] for key in ("base", "aligned", "mode")}
    choices = set(results.decisions.filter(results.decisions["choice"].is_not_null())["family"])
    # A calibration line, too, must exist; a family with one outcome has none.
    return max(
        (
            (pair, other, fit, level)
            for pair in results.analysis.pairs
            if pair.items() >= names.items() and pair["winner"] and pair["family"] in choices
            for other in results.further["differences"]
            if all(other[key] == pair[key] for key in (*names, "formulation", "family"))
            for fit in results.further["measures"]
            if fit["model"] == pair["aligned"] and fit["slope"] is not None
            if all(fit[key] == pair[key] for key in ("formulation", "family"))
            for level in results.further["levels"]
            if all(level[key] == fit[key] for key in ("model", "format", "formulation", "family"))
            if level["outcome"] == "target" and level["n"] == pair["n"]
        ),
        key=lambda rows: (rows[0]["kept"], rows[0]["n"]),
    )


def _at_fault(results: Results, folder: dict[str, str]) -> list[Block]:
    """A block for the verdict over the least mass, where that is why nothing can be said."""
    rows = [row for row in results.verdicts if row["mass"] is not None]
    low = min(rows, key=lambda row: row["mass"], default=None)
    if low is None or low["mass"] >= results.margins.mass - SLACK:
        return []
    found = _LIKELIEST.match(low["replace_why"])
    if found is None:
        return []
    named = {"folder": folder[low["model"]], "family": low["family"]}
    return [
        Block(
            f"**A sentence of the verdict.** About {where(low)} it says: {found[0]}.",
            _AT_FAULT.format(**named),
            {"mass": low["mass"], "likeliest": found[1]},
        )
    ]


def run_blocks(code: Sequence[Block], folder: Path, name: str) -> list[str]:
    """What each block prints, run in order where `name` is the study's (absolute) `folder`.

    Raises AssertionError for a block whose value is not that of the table.
    """
    space: dict[str, Any] = {}
    printed = []
    with tempfile.TemporaryDirectory() as place, contextlib.chdir(place):
        Path(name).symlink_to(folder)
        for block in code:
            with contextlib.redirect_stdout(io.StringIO()) as out:
                exec(block.code, space)
            printed.append(out.getvalue())
            for value, wanted in block.values.items():
                given = space[value]
                close = isinstance(wanted, float) and abs(given - wanted) < SAME
                assert close or given == wanted, f"{value} is {given}, the table says {wanted}"
    return printed
