"""The schema of a map: every key once. docs/tables.md says what they mean; a test holds the two
against each other."""

from __future__ import annotations

from tremble.decisions.record import CUSTOM, DEFAULT_OPENING
from tremble.settings.schema import REQUIRED, Key

TOP = "map"  # the keys that stand before the tables
SCHEMA = (
    Key(TOP, "dataset", "text", None, "name of the data set", example='"trial"'),
    Key(TOP, "keep_ids", "flag", False, "participants keep the names that the file has"),
    Key("file", "sheet", "text", None, "sheet of the spreadsheet", example='"Data"'),
    Key("file", "delimiter", "text", None, "character between cells", example='";"'),
    Key("file", "encoding", "text", None, "encoding of the text", example='"cp1252"'),
    Key("file", "decimal", "text", ".", "decimal mark", words=(".", ",")),
    Key("file", "header_rows", "count", None, "number of header rows", example="2"),
    Key("file", "missing", "cells", (), "codes for missing answers", example='["-99"]'),
    Key("file", "codes", "flag", False, "use codes instead of labels"),
    Key("task", "family", "text", CUSTOM, "name of this kind of decision", example='"trust"'),
    Key("task", "rows", "lists", {}, "use only these rows", example='{ type = ["choice"] }'),
    Key("task", "participant", "patterns", (), "who chose", example='"id"'),
    Key("task", "outcome", "text", None, "what was chosen", example='"accepted"'),
    Key("task", "options", "options", (), "what could be chosen", example='["yes", "no"]'),
    Key("task", "target", "text", None, "key of the option coded 1", example='"yes"'),
    Key("task", "rate", "text", None, "share of the target option", example='"share"'),
    Key("task", "n", "text", None, "number of people behind a rate", example='"n"'),
    Key("task", "rate_sd", "text", None, "standard deviation of the rate", example='"sd"'),
    Key("task", "rates", "names", {}, "share of each option", example='{ yes = "p1", no = "p2" }'),
    Key(
        "task",
        "counts",
        "names",
        {},
        "number of people per option",
        example='{ yes = "a", no = "b" }',
    ),
    Key("task", "percent", "flag", False, "rates are in per cent"),
    Key("task", "item", "patterns", (), "item (version of the text)", example='"vignette"'),
    Key("task", "round", "text", None, "round number", example='"trial"'),
    Key("task", "role", "text", None, "role in the game", example='"role"'),
    Key("task", "order", "text", None, "order of earlier decisions", example='"time"'),
    Key("task", "config", "columns", {}, "what was varied", example='["condition"]'),
    Key("task", "facts", "columns", {}, "facts about the person", example='["age"]'),
    Key("task", "columns", "names", {}, "short names", example='{ offer = "Q12_1" }'),
    Key(
        "task",
        "words",
        "words",
        {},
        "meaning of cells, in words",
        example='{ frame = { 1 = "gain" } }',
    ),
    Key("task", "system", "text", None, "system text", example='"You are a person."'),
    Key("task", "prompt", "text", REQUIRED, "what the person read", example='"Yes or no?"'),
    Key(
        "task", "opening", "any text", DEFAULT_OPENING, "text right before the label", example='""'
    ),
)
DROP = "drop"
OPTION = ("key", "label", "value", "cells")
