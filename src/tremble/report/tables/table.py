"""What the tables say, once for the page and the terminal: sections of rows of text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from tremble.baselines.base import WORDS
from tremble.models.open import is_made_up
from tremble.stats.inference.significance import ALL, CORE_FAMILIES
from tremble.stats.tables.analysis import Analysis
from tremble.text import MISSING, decimal, p_value

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Column:
    """A heading; `number` columns are aligned right and never wrapped, `long` ones hold sentences,
    which a narrow terminal prints below the table."""

    name: str
    number: bool = False
    long: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """Rows under a heading of their own, such as one model in one format."""

    heading: str
    rows: list[list[str]]


@dataclass(frozen=True, slots=True)
class Table:
    """A table ready to print. `empty` is what to say when it has no rows."""

    id: str
    title: str
    caption: str
    columns: list[Column]
    sections: list[Section]
    empty: str


FAMILY_NAMES = {
    "persuasion_seller": "persuasion (seller)",
    "persuasion_review": "persuasion (review)",
    "repeated_matrix": "repeated matrix",
    "one_shot_matrix": "one-shot matrix",
    "multi_issue": "multi-issue",
    ALL: "all four repeated",
}


def family_name(family: str) -> str:
    """A family as people read it."""
    return FAMILY_NAMES.get(family, family)


def shown_model(name: str) -> str:
    """A model as people read it: one that is none is marked."""
    return f"{name} (built-in fake model)" if is_made_up(name) else name


def run_heading(row: Row) -> str:
    """The heading of what is said of one model, in one format and wording."""
    return f"{shown_model(row['model'])} · {row['format']} · {row['formulation']}"


def baseline_heading(name: str) -> str:
    """A baseline with what it predicts: "last choice: ..."."""
    return ": ".join(WORDS.get(name, (name.replace("_", " "),)))


def count(value: int | None) -> str:
    """A whole number with thousands separated; an en dash for None."""
    return MISSING if value is None else f"{value:,}"


def without_empty_pool(rows: Sequence[Row]) -> list[Row]:
    """The rows without those of all four repeated families, where there is none of the four."""
    if any(row.get("family") in CORE_FAMILIES for row in rows):
        return list(rows)
    return [row for row in rows if row.get("family") != ALL]


def _text(*parts: str | None) -> str:
    return "; ".join(part for part in parts if part)


def _sections(
    rows: Iterable[Row], heading: Callable[[Row], str], cells: Callable[[Row], list[str]]
) -> list[Section]:
    """Rows under their headings, in order of first appearance."""
    sections: dict[str, list[list[str]]] = {}
    for row in rows:
        sections.setdefault(heading(row), []).append(cells(row))
    return [Section(name, lines) for name, lines in sections.items()]


def _model(row: Row) -> list[str]:
    note = row["note"]
    if row["mass"] is None and row["n"] and "mass" not in (note or ""):
        note = _text(note, "mass not measured")
    return [
        family_name(row["family"]),
        count(row["n"]),
        count(row["missing"]),
        decimal(row["r"]),
        decimal(row["mass"]),
        note or "",
    ]


def _pair(row: Row) -> list[str]:
    base, aligned = row["r_base"], row["r_aligned"]
    # Two decimals would show a winner between equal numbers.
    close = None not in (base, aligned) and abs(base - aligned) < 0.01
    digits = 3 if close else 2
    won = row["winner"] or MISSING
    if row["winner"] and not row["kept"]:
        won += ", dropped"
    return [
        family_name(row["family"]),
        count(row.get("n")),
        decimal(base, digits),
        decimal(aligned, digits),
        won,
        _text(row["why"], row.get("note")),
    ]


def _test(row: Row) -> list[str]:
    statistic = row["statistic"]
    return [
        family_name(row["family"]),
        row["test"],
        row["direction"] or MISSING,
        count(row["n"]),
        MISSING if statistic is None else f"{statistic:,.10g}",
        p_value(row["p"]),
        row["note"] or "",
    ]


def _baseline(row: Row) -> list[str]:
    return [family_name(row["family"]), count(row["n"]), decimal(row["r"]), row["note"] or ""]


def layout(analysis: Analysis) -> list[Table]:
    """The four tables: models, pairs, tests, baselines; of a series of checkpoints without pairs
    only the first and the last."""
    of_pairs = [_pairs_table(analysis.pairs), _tests_table(analysis.tests)]
    if analysis.trajectory and not analysis.comparisons:
        of_pairs = []
    return [_models_table(analysis.models), *of_pairs, _baselines_table(analysis.baselines)]


def _models_table(rows: Sequence[Row]) -> Table:
    return Table(
        "models",
        "Models",
        "How well does each model predict people? r: Pearson correlation of the predictions with "
        "each choice (1 for the target option, 0 for the other), or with the share of people where "
        "many answered one prompt. Mass: the probability that the model gives to all options "
        "together, before normalising; the mean over decisions. Decisions: those with a score. "
        "Missing: those without one, which are not counted among the decisions.",
        [
            Column("Family"),
            Column("Decisions", True),
            Column("Missing", True),
            Column("r", True),
            Column("Mass", True),
            Column("Note", long=True),
        ],
        _sections(
            rows,
            run_heading,
            _model,
        ),
        "Nothing has been scored yet.",
    )


def _pairs_table(rows: Sequence[Row]) -> Table:
    return Table(
        "pairs",
        "Pairs",
        "Does the base or the aligned model of a pair predict people better? r base and r "
        "aligned: on the decisions that both have scored (n). A pair dropped by the filters has a "
        "winner but does not count in the tests.",
        [
            Column("Family"),
            Column("n", True),
            Column("r base", True),
            Column("r aligned", True),
            Column("Winner"),
            Column("Why dropped, notes", long=True),
        ],
        _sections(
            rows,
            lambda row: (
                f"{shown_model(row['base'])} against {shown_model(row['aligned'])} · "
                f"{row['mode']} · {row['formulation']}"
            ),
            _pair,
        ),
        "There is no pair to compare.",
    )


def _tests_table(rows: Sequence[Row]) -> Table:
    return Table(
        "tests",
        "Tests over pairs",
        "Does base or aligned win more often? Binomial: does one side win more than half of the "
        "pairs? Wilcoxon: are its differences in r also the larger ones (signed ranks)? n: kept "
        "pairs without ties. p: one-sided, in favour of the side with more wins; since the data "
        "chose that side, double p (at most 1) for a two-sided test. Models of one family (for "
        "example Qwen) are not independent, so p is more likely too small than too large.",
        [
            Column("Family"),
            Column("Test"),
            Column("In favour of"),
            Column("n", True),
            Column("Statistic", True),
            Column("p", True),
            Column("Note", long=True),
        ],
        _sections(
            without_empty_pool(rows),
            lambda row: f"{row['mode']} · {row['formulation']}",
            _test,
        ),
        "There is no pair to test.",
    )


def _baselines_table(rows: Sequence[Row]) -> Table:
    return Table(
        "baselines",
        "Baselines",
        "How well can people be predicted without a language model? r: on the same decisions as "
        "the models. Each heading says what the baseline predicts. Baselines with parameters are "
        "fitted to other participants, games or problems than those they predict; the share that "
        "“majority” predicts is that of these same decisions.",
        [
            Column("Family"),
            Column("Decisions", True),
            Column("r", True),
            Column("Note", long=True),
        ],
        _sections(rows, lambda row: baseline_heading(row["baseline"]), _baseline),
        "There are no decisions.",
    )
