"""A study as one tidy table for R and Stata, with a codebook.

One row per decision and run (model, format, wording); of three or more options, and of responses
in sessions whose options have no target, one row for each option: of a single choice for all of
them, of rates for those with a known share. What is said of a response, its nats, is in one row
alone, that of what the person said. Decisions without a score stay, with the reason: what is left
out of a table cannot be counted.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from tremble.api.codebook import BEFORE_R, CODEBOOK, MEANINGS, codebook, without_empty
from tremble.api.parameters import CONFIG, FACTS, PREFIXES, parameter_columns, parameters
from tremble.disk.tables import columns_of
from tremble.disk.whole import is_special, write_whole
from tremble.errors import UserError
from tremble.stats.frames.clusters import units
from tremble.stats.frames.comparisons import format_column
from tremble.stats.frames.outcomes import CHOICE, outcomes
from tremble.stats.frames.predictions import RUN, predictions, scored_presentations
from tremble.stats.progress.training import lines_of
from tremble.stats.tables.models import runs
from tremble.store.provenance import slug
from tremble.store.schemas import SCORES, completed, with_columns
from tremble.store.study_folder import Store

FORMATS = ("csv", "parquet")
SAID = ("nats", "nats_closed", "response_tokens", "response_likeliest")
OF_SESSIONS = ("response", *SAID)
OF_TRAINING = ("run", "stage", "step", "checkpoint")
OTHER = "other"  # kind of a row that r leaves out
_CURE = "give another --out"
CHANGED_SECONDS = 60.0  # a table that is so much newer than its codebook is no longer as exported
LEADING = 6  # first columns by which an exported table is known


def tidy(
    scores: pl.DataFrame,
    decisions: pl.DataFrame,
    columns: Mapping[str, str] | None = None,
    trajectory: Mapping[str, Any] | None = None,
) -> pl.DataFrame:
    """One row per run, decision and option in question; columns as in `MEANINGS`, then one per
    game parameter (`config_NAME`) and fact about the person (`person_NAME`).

    `scores` and `decisions` as a study holds them (`Store.scores`, `Store.decisions`), `columns`
    the parameters' columns by their own names if known (`parameter_columns`), `trajectory` the
    checkpoints of a training as the record of a run has them.
    """
    facts = _facts(decisions)
    shares = scored_presentations(scores)
    predicted = predictions(scores, decisions, shares).rename({"key": "option"})
    shown = shares.group_by(*RUN, "decision").agg(presentations=pl.col("presentation").n_unique())
    failed = (
        scores.filter(pl.col("error").is_not_null())
        .with_columns(format_column())
        .group_by(*RUN, "decision")
        .agg(error=pl.col("error").first())
    )
    rows = (
        runs(scores)
        .join(facts, how="cross")
        .join(predicted, on=[*RUN, "decision", "option"], how="left", maintain_order="left")
        .join(shown, on=[*RUN, "decision"], how="left", maintain_order="left")
        .join(failed, on=[*RUN, "decision"], how="left", maintain_order="left")
        .join(_places(trajectory), on="model", how="left", maintain_order="left")
        .join(_said(scores), on=[*RUN, "decision"], how="left", maintain_order="left")
        .with_columns(pl.when("says").then(pl.col(name)).alias(name) for name in SAID)
        .with_columns(
            presentations=pl.col("presentations").fill_null(0),
            missing=pl.when(pl.col("prediction").is_not_null())
            .then(None)
            .when(pl.col("option").is_null() & pl.col("nats").is_not_null())
            .then(None)
            .when(pl.col("option").is_null() & pl.col("response").is_null())
            .then(pl.lit("no target option is coded"))
            .when("impossible")
            .then(pl.lit("the model gives the response the probability 0"))
            .otherwise(pl.coalesce("error", pl.lit("not scored"))),
        )
    )
    columns = parameter_columns(decisions) if columns is None else columns
    empty = {
        "item": rows["item"].null_count() == rows.height,
        "value": rows["value"].null_count() == rows.height,
        "choices_each": rows["choices_each"].null_count() == rows.height,
        **dict.fromkeys(OF_TRAINING, not trajectory),
        **dict.fromkeys(OF_SESSIONS, rows["response"].null_count() == rows.height),
    }
    leading = [name for name in MEANINGS if not empty.get(name)]
    table = rows.select(leading)
    for kind, named in ((CONFIG, columns), (FACTS, parameter_columns(decisions, FACTS))):
        values = parameters(decisions, named, kind)
        table = table.join(values, on="decision", how="left", maintain_order="left")
    return table


def _places(trajectory: Mapping[str, Any] | None) -> pl.DataFrame:
    """model, and where it is in its training: run, stage, step and checkpoint."""
    rows: dict[str, dict[str, Any]] = {}
    for line in lines_of(trajectory) if trajectory else ():
        for place, model in enumerate(line.models):
            of_all = not place or model in rows  # the base, or of a stage before
            rows[model] = {
                "model": model,
                "run": None if of_all else line.run or None,
                "stage": line.stages[place] or None,
                "step": line.steps[place],
                "checkpoint": place,
            }
    schema = {"model": pl.String, "run": pl.String, "stage": pl.String}
    return pl.DataFrame(
        list(rows.values()), schema={**schema, "step": pl.Int64, "checkpoint": pl.Int64}
    )


def _said(scores: pl.DataFrame) -> pl.DataFrame:
    """How likely what people said in sessions is, a row per run and response that was scored."""
    scores = completed(scores, SCORES).filter(pl.col("error").is_null())
    nats = -pl.col("response_logprob")
    known = nats.is_finite()
    return (
        scores.filter(nats.is_not_null())
        .with_columns(format_column())
        .unique([*RUN, "decision"], keep="last", maintain_order=True)
        .select(
            *(*RUN, "decision"),
            nats=pl.when(known).then(nats),
            nats_closed=pl.when(known).then(nats - pl.col("closing_logprob")),
            response_tokens="response_tokens",
            response_likeliest=pl.col("response_likeliest").cast(pl.Int8),
            impossible=~known,
        )
    )


def _facts(decisions: pl.DataFrame) -> pl.DataFrame:
    """A row per decision and option in question: all that no run changes."""
    unit = units(decisions).rename({"item": "unit_item"}).drop("cluster")
    decisions = with_columns(decisions, "choices_each", "response")
    facts = (
        decisions.join(
            _by_option(decisions), on="decision", how="left", maintain_order="left_right"
        )
        .join(unit, on="decision", how="left", maintain_order="left")
        .with_columns(
            option=pl.coalesce("key", "target"),
            # As `frames.clusters.kinds_of` has them.
            cluster_participant=pl.coalesce("person", pl.format("game {}", "cluster")),
            cluster_game=pl.coalesce("unit_item", "cluster"),
            item=pl.coalesce(
                "item",
                pl.when(pl.col("unit_item").str.starts_with("text ")).then(
                    pl.col("unit_item").str.strip_prefix("text ")
                ),
            ),
        )
    )
    theory = decisions.select("decision", option="keys", normative="normative")
    theory = theory.filter(pl.col("normative").is_not_null()).explode("option", "normative")
    facts = facts.drop("normative", "presentations", "key").with_columns(says=_says())
    for beside in (theory, _values(decisions)):
        facts = facts.join(beside, on=["decision", "option"], how="left", maintain_order="left")
    return facts


def _says() -> pl.Expr:
    """Of the rows of a response the one of what was said, or the first: it holds its nats."""
    said = (pl.col("option") == pl.col("choice").cast(pl.String)).fill_null(False)
    first = pl.col("decision").is_first_distinct()
    return said | (~said.any().over("decision") & first)


def _by_option(decisions: pl.DataFrame) -> pl.DataFrame:
    """decision, key, outcome and kind: the points of `outcomes`, and of choices among three or more
    options with a coded target the other options too, of the kind `OTHER`."""
    did = outcomes(decisions).select("decision", "key", "outcome", "kind")
    several = decisions.filter(pl.col("keys").list.len() > 2)
    coded = did.filter(pl.col("kind") == CHOICE).join(several, on="decision", how="semi")
    chosen, target = (pl.col(name).cast(pl.String) for name in ("choice", "target"))
    beside = (
        several.join(coded, on="decision", how="semi", maintain_order="left")
        .explode("keys")
        .select(
            "decision",
            key="keys",
            outcome=(pl.col("keys") == chosen).cast(pl.Float64),
            kind=pl.when(pl.col("keys") == target).then(pl.lit(CHOICE)).otherwise(pl.lit(OTHER)),
        )
    )
    return pl.concat([did.join(coded, on="decision", how="anti", maintain_order="left"), beside])


def _values(decisions: pl.DataFrame) -> pl.DataFrame:
    """decision, option and value: a row for each option that has one."""
    if "values" not in decisions:
        return pl.DataFrame(
            schema={"decision": pl.String, "option": pl.String, "value": pl.Float64}
        )
    return (
        decisions.filter(pl.col("values").is_not_null())
        .select("decision", option="keys", value=pl.col("values").cast(pl.List(pl.Float64)))
        .explode("option", "value")
        .drop_nulls("value")
    )


def _check_replaced(path: Path, book: Path, to: str) -> None:
    """Raises UserError where something else than an export with its codebook is in the way, or one
    that was changed since."""
    if path.is_dir():
        raise UserError(f"{str(path)!r} is a folder; give a file in it, such as table.{to}.")
    there = _columns_there(path)
    if there is not None:
        own = all(name in MEANINGS or name.startswith(tuple(PREFIXES.values())) for name in there)
        if not own or there[:LEADING] != list(MEANINGS)[:LEADING]:
            raise UserError(
                f"{str(path)!r} already exists and was not written by `tremble export --to {to}`, "
                f"so it is not overwritten; {_CURE}."
            )
        if path.is_symlink():
            return  # it leads to a table whose codebook has another name
        if not book.is_file():
            raise UserError(f"{str(path)!r} already exists without a codebook next to it; {_CURE}.")
        if path.stat().st_mtime > book.stat().st_mtime + CHANGED_SECONDS:
            raise UserError(f"{str(path)!r} was changed after it was exported; {_CURE}.")
    if _columns_there(book) not in (None, list(CODEBOOK), list(BEFORE_R)):
        raise UserError(
            f"{str(book)!r} already exists and is not the codebook of an export; {_CURE}."
        )


def _columns_there(path: Path) -> list[str] | None:
    """The columns of a table that is there; none where they cannot be read, None where nothing is
    there."""
    try:
        if not path.is_file():
            return None
        with path.open("rb") as file:
            packed = file.read(4) == b"PAR1"
        if packed:
            return list(columns_of(path))
        with path.open(encoding="utf-8", newline="") as lines:
            return next(csv.reader(lines), [])
    except (OSError, ValueError, csv.Error, UserError):
        return []


@contextmanager
def _codebook(book: Path, content: pl.DataFrame) -> Iterator[None]:
    """A codebook, written before its table, so that no table is there without one; it goes again
    where the table cannot be written. In the end it is the newer one: a table that is newer was
    changed by somebody."""
    new = not book.exists()
    write_whole(book, content.write_csv, _CURE)
    try:
        yield
    except BaseException:
        if new:
            with suppress(OSError):
                book.unlink()
        raise
    with suppress(OSError):
        os.utime(book)


def tidy_study(store: Store) -> tuple[pl.DataFrame, dict[str, str]]:
    """`tidy` of a study's folder, empty texts in it still as such, and the parameters' own names by
    column."""
    decisions = store.decisions()
    columns = parameter_columns(decisions)
    found = tidy(store.scores(), decisions, columns, store.read_run().get("trajectory"))
    names = {column: parameter for parameter, column in columns.items()}
    facts = parameter_columns(decisions, FACTS)
    return found, names | {column: f"person.{fact}" for fact, column in facts.items()}


def export_study(folder: Path, to: str, out: Path | None = None) -> tuple[Path, Path | None, int]:
    """Write the tidy table of a study folder and its codebook; their paths and the rows.

    `out` defaults to STUDY/export/NAME.csv or .parquet; the codebook stands beside it as
    NAME.codebook.csv, and there is none beside a stream, a pipe or a device. Missing values and
    empty texts are empty cells, or nulls. Raises UserError for another format, a folder that is no
    study, a place that cannot be written, and another file in the way.
    """
    if to not in FORMATS:
        raise UserError(
            f"There is no export to {to!r}; give csv, which Stata reads with `import delimited` "
            "and R with `read.csv`, or parquet."
        )
    store = Store(folder)
    name = slug(store.read_run()["study"])
    path = out if out is not None else folder / "export" / f"{name}.{to}"
    # What is written into, never replaced, has no codebook; to read from a pipe would be to wait.
    book = None if is_special(path) else path.parent / f"{path.stem}.codebook.csv"
    if book is not None:
        _check_replaced(path, book, to)
    found, names = tidy_study(store)
    table = without_empty(found)
    write = partial(write_whole, path, table.write_csv if to == "csv" else table.write_parquet)
    if book is None:
        write(_CURE)
    else:
        with _codebook(book, codebook(found, names, path.name if to == "csv" else None)):
            write(_CURE)
    return path, book, table.height
