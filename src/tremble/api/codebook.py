"""The codebook of an exported table: what each column means and holds, and how R reads it."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

CODEBOOK = ("column", "type", "meaning", "known", "missing", "values", "r")
BEFORE_R = CODEBOOK[:-1]  # as 0.1.0 wrote them
FEW = 12  # so many distinct texts are listed
WHOLE = "all columns"  # the row that says how R reads the table

MEANINGS = {
    "model": "model as named in the study",
    "format": "format of the prompt: plain, chat, or chat:MODEL (with the template of another "
    "model)",
    "formulation": "wording of the prompt",
    "dataset": "data set the decision comes from",
    "family": "family of games",
    "decision": "identifier of the decision or problem",
    "game": "identifier of the game played, empty if there is none",
    "cluster_participant": "first of two units that intervals resample whole: the participant, or "
    "the game if the participant is unknown. Within a family of games, only this one is used if "
    "every game has one participant, only cluster_game if every participant has one game, else "
    "both, crossed. R: sandwich::vcovCL(fit, cluster = ~ cluster_participant + cluster_game)",
    "cluster_game": "second of two units that intervals resample whole: the game; without a game "
    "the item, if the text is an item; else the decision itself. If one unit contains the other, "
    "clustering by both is the same as clustering by the outer one. Stata: vce(cluster "
    "cluster_participant cluster_game), or the outer one alone",
    "participant": "identifier of the person, empty where unknown",
    "item": "what the person read, for your own prompts: the item that the record names, else for "
    "single choices a digest of system text, prompt and opening; no column without your own "
    "prompts",
    "round": "round of the game, from 1",
    "role": "the person's role in the game",
    "n": "number of people behind a rate, empty for single choices and if not printed",
    "rate_sd": "standard deviation of the target's rate between people",
    "choices_each": "number of choices that each person behind a rate made in this problem, empty "
    "if the data do not say so (each made one); n counts people, so the rate is based on n times "
    "as many choices; no column if no data say so",
    "kind": "choice (the target, 0/1), rate (share of the target), option (one of several options "
    "without a target, 0/1 or its share), other (0/1, an option that is not the target of a choice "
    "among three or more; r in the tables uses all rows except these: drop rows of kind other); "
    "empty if no options are known",
    "option": "option whose probability and outcome are in this row: the target option if there "
    "is one; with three or more options a row for each of them, for rates if its share is known, "
    "and so in sessions without a target, also with two options",
    "value": "value of the option, a point on a scale or an amount; no column if no option has one",
    "choice": "option the person chose, empty for rates",
    "outcome": "what people did: 1 where the option was chosen, 0 where not, or its share",
    "prediction": "probability of the option, normalised over the options of each presentation, "
    "averaged over presentations",
    "mass": "probability of all options together before normalising, averaged over presentations",
    "presentations": "presentations in which options have a score",
    "response": "what the person said in a session, between its marks; no column without sessions",
    "nats": "minus the natural log of the probability of this response under the whole vocabulary, "
    "summed over its tokens; in one row per response, that of the option chosen if options are "
    "known; no column without sessions",
    "nats_closed": "nats with the mark that closes the response; no column without sessions",
    "response_tokens": "number of tokens of the response; no column without sessions",
    "response_likeliest": "1 if the first token of the response is the likeliest first token, else "
    "0; no column without sessions",
    "run": "run of the training, empty for checkpoints that belong to all runs; no column without "
    "checkpoints of a training",
    "stage": "stage of the training; no column without checkpoints of a training",
    "step": "steps of the stage so far; no column without checkpoints of a training",
    "checkpoint": "number of the checkpoint in its run, 0 for the base; no column without "
    "checkpoints of a training",
    "normative": "probability of the option according to theory, empty if theory makes no "
    "prediction",
    "normative_why": "why theory makes no prediction",
    "missing": "why there is no prediction, or no nats where no options are known; empty if there "
    "is one",
}


def codebook(
    table: pl.DataFrame, names: Mapping[str, str] | None = None, file: str | None = None
) -> pl.DataFrame:
    """One row per column of a tidy table: column, type, meaning, known, missing, values (the
    smallest and largest number, or the distinct texts where they are at most twelve), and r, the
    column's class in R.

    `names` are the parameters' names as the data have them, by column. Empty texts are counted as
    missing, for so they are written (`without_empty`), and the meaning says how many there are.
    With `file`, the name of a CSV, a last row has as its meaning the line of R that reads it.
    """
    rows = [_described(table[name], (names or {}).get(name)) for name in table.columns]
    if file is not None:
        blank = dict.fromkeys(CODEBOOK)
        whole = {"column": WHOLE, "type": "table", "meaning": line_of_r(table, file)}
        rows.append({**blank, **whole, "r": "data.frame"})
    return pl.DataFrame(rows, infer_schema_length=None)


def without_empty(table: pl.DataFrame) -> pl.DataFrame:
    """A table with empty texts as missing: R and Stata cannot tell the two apart in a CSV."""
    texts = pl.col(pl.String)
    return table.with_columns(pl.when(texts != "").then(texts))


def line_of_r(table: pl.DataFrame, file: str) -> str:
    """One line of R that reads a table's CSV as it was written: texts such as T, NA or 001 stay
    texts, and only empty cells are missing. Texts are UTF-8 whatever the locale."""
    classes = ", ".join(f'{name} = "{_class(table[name])}"' for name in table.columns)
    path = file.replace("\\", "\\\\").replace('"', '\\"')
    return f'read.csv("{path}", colClasses = c({classes}), na.strings = "", encoding = "UTF-8")'


def _class(column: pl.Series) -> str:
    return "numeric" if column.dtype.is_numeric() else "character"


def _described(column: pl.Series, parameter: str | None) -> dict[str, str | int | None]:
    """The codebook's row of one column."""
    number = column.dtype.is_numeric()
    known, empty = column.drop_nulls(), 0
    if number:
        numbers = known.cast(pl.Float64).to_numpy()
        values = f"{numbers.min():g} to {numbers.max():g}" if len(numbers) else ""
    else:
        empty = int((known == "").sum())
        known = known.filter(known != "")
        distinct = known.unique().sort()
        few = len(distinct) <= FEW
        values = ", ".join(distinct) if few else f"{len(distinct):,} different texts"
    named = parameter if parameter is not None else column.name.removeprefix("config_")
    what = "fact about the person" if column.name.startswith("person_") else "game parameter"
    meaning = MEANINGS.get(column.name, f"{what} {named}")
    if empty:
        rows = "1 row" if empty == 1 else f"{empty:,} rows"
        meaning += f"; an empty text is written as missing (in {rows})"
    return {
        "column": column.name,
        "type": "number" if number else "text",
        "meaning": meaning,
        "known": len(known),
        "missing": len(column) - len(known),
        "values": values,
        "r": _class(column),
    }
