"""The schema of a map: every key once. docs/tables.md says what they mean; a test holds the two
against each other."""

from __future__ import annotations

from tremble.decisions.record import CUSTOM, DEFAULT_OPENING
from tremble.settings.schema import REQUIRED, Key

TOP = "map"  # the keys that stand before the tables
SCHEMA = (
    Key(TOP, "dataset", "text", None, "what the data set is called", example='"trial"'),
    Key(TOP, "keep_ids", "flag", False, "participants keep the names of the file"),
    Key("file", "sheet", "text", None, "a sheet of a spreadsheet", example='"Data"'),
    Key("file", "delimiter", "text", None, "what stands between cells", example='";"'),
    Key("file", "encoding", "text", None, "how the text is stored", example='"cp1252"'),
    Key("file", "decimal", "text", ".", "the decimal mark", words=(".", ",")),
    Key("file", "header_rows", "count", None, "rows before the data", example="2"),
    Key("file", "missing", "cells", (), "codes for no answer", example='["-99"]'),
    Key("file", "codes", "flag", False, "codes in place of labels"),
    Key("task", "family", "text", CUSTOM, "what the decisions are called", example='"trust"'),
    Key("task", "rows", "lists", {}, "only these rows", example='{ type = ["choice"] }'),
    Key("task", "participant", "patterns", (), "who chose", example='"id"'),
    Key("task", "outcome", "text", None, "what was chosen", example='"accepted"'),
    Key("task", "options", "options", (), "what could be chosen", example='["yes", "no"]'),
    Key("task", "target", "text", None, "the key coded 1", example='"yes"'),
    Key("task", "rate", "text", None, "share of the target", example='"share"'),
    Key("task", "n", "text", None, "number of people behind a rate", example='"n"'),
    Key("task", "rate_sd", "text", None, "standard deviation of the rate", example='"sd"'),
    Key("task", "rates", "names", {}, "share of each option", example='{ yes = "p1", no = "p2" }'),
    Key("task", "counts", "names", {}, "people of each option", example='{ yes = "a", no = "b" }'),
    Key("task", "percent", "flag", False, "rates are in per cent"),
    Key("task", "item", "patterns", (), "versions of one text", example='"vignette"'),
    Key("task", "round", "text", None, "the round", example='"trial"'),
    Key("task", "role", "text", None, "the role", example='"role"'),
    Key("task", "order", "text", None, "order of the history", example='"time"'),
    Key("task", "config", "columns", {}, "what was varied", example='["condition"]'),
    Key("task", "facts", "columns", {}, "about the person", example='["age"]'),
    Key("task", "columns", "names", {}, "short names", example='{ offer = "Q12_1" }'),
    Key("task", "words", "words", {}, "what cells mean", example='{ frame = { 1 = "gain" } }'),
    Key("task", "system", "text", None, "text before the prompt", example='"You are a person."'),
    Key("task", "prompt", "text", REQUIRED, "what the person read", example='"Yes or no?"'),
    Key("task", "opening", "any text", DEFAULT_OPENING, "what the label follows", example='""'),
)
DROP = "drop"
OPTION = ("key", "label", "value", "cells")
