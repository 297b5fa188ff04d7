"""Files that are none, damaged, empty or in another form than the map says."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyreadstat

from tests.support.fault import CSV, Content, Fault, book
from tests.support.places import ROOT


def _frame() -> pd.DataFrame:
    return pd.read_csv(io.StringIO(CSV))


_WHOLE: dict[str, Callable[[Path], Any]] = {
    "t.parquet": lambda path: pl.read_csv(CSV.encode()).write_parquet(path),
    "t.sav": lambda path: pyreadstat.write_sav(_frame(), path),
    "t.dta": lambda path: pyreadstat.write_dta(_frame(), path),
    "t.csv.gz": lambda path: path.write_bytes(gzip.compress(CSV.encode())),
    "t.json": lambda path: path.write_text(json.dumps(_frame().to_dict("records"), indent=1)),
    "t.xlsx": book(*(line.split(",") for line in CSV.split())),
}


def _cut(path: Path) -> None:
    """The first two thirds of a sound file."""
    _WHOLE[path.name](path)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3])


def _archive(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("notes.txt", "hello")


def _no_rows(path: Path) -> None:
    pyreadstat.write_sav(_frame().head(0), path)


_SOUND: dict[str, Content] = {"k.csv": CSV, "k.json": "[]", "k.sav": _WHOLE["t.sav"]}
FORMS = [
    Fault(
        "locked.xlsx",
        (ROOT / "tests/tabular/exports/excel/locked.xlsx").read_bytes(),
        ("locked.xlsx", "protected by a password"),
    ),
    *(
        Fault(f"text.{ending}", CSV, (f"text.{ending}", "is not a ", "or is damaged"))
        for ending in ("sav", "zsav", "por", "dta", "xlsx", "xls", "ods", "parquet")
    ),
    *(
        Fault(f"bytes.{ending}", sign + bytes(range(256)) * 20, (f"bytes.{ending}", "is not a "))
        for ending, sign in {"sav": b"$FL2", "dta": b"<stata_dta>", "xlsx": b"PK\x03\x04"}.items()
    ),
    Fault("book.sav", _WHOLE["t.xlsx"], ("book.sav", "a spreadsheet or a zip archive", ".xlsx")),
    Fault("archive.xlsx", _archive, ("archive.xlsx", "is not a spreadsheet")),
    *(
        Fault(name, _cut, (name, "again"))
        for name in ("t.parquet", "t.sav", "t.dta", "t.csv.gz", "t.json", "t.xlsx")
    ),
    *(
        Fault(f"empty.{ending}", "", (f"empty.{ending}",))
        for ending in (
            "csv",
            "tsv",
            "txt",
            "json",
            "jsonl",
            "parquet",
            "xlsx",
            "sav",
            "dta",
            "csv.gz",
        )
    ),
    Fault("white.csv", "\ufeff \n\n", ("white.csv is empty",)),
    Fault("white.xlsx", book(), ("white.xlsx is empty",)),
    Fault("list.json", "[]", ("'choice'", "list.json", "which has no columns")),
    Fault("number.json", "3", ("number.json contains 3",)),
    Fault("head.csv", CSV.partition("\n")[0], ("head.csv", "(it has no rows)")),
    Fault(
        "head.xlsx",
        book(["id", "arm", "offer", "choice"]),
        ("head.xlsx", "(it has no rows)"),
    ),
    Fault("head.sav", _no_rows, ("head.sav", "(it has no rows)")),
    Fault(
        "said.csv", CSV, ("'id,arm,offer,choice'", "delimiter in [file]"), file={"delimiter": ";"}
    ),
    Fault(
        "tabs.csv",
        CSV.replace(",", "\t"),
        ("'id\\tarm\\toffer\\tchoice'", "delimiter"),
        file={"delimiter": ","},
    ),
    Fault("two.csv", CSV, ("',;'", "not a single character"), file={"delimiter": ",;"}),
    Fault(
        "latin.csv",
        CSV.replace("ann", "äh").encode("cp1252"),
        ("line 2", "0xe4", 'encoding = "cp1252"'),
    ),
    Fault("latin.json", '[{"id": "ä"}]'.encode("cp1252"), ("line 1", "0xe4", '"cp1252"')),
    Fault("unmarked.csv", CSV.encode("utf-16-le"), ("line 1", "0x00", 'encoding = "utf-16-le"')),
    *(
        Fault(f"{ending} {encoding}.{ending}", content, (sentence,), file={"encoding": encoding})
        for encoding, sentence in {
            "utf-16": "not ",
            "utf-32": "not UTF-32",
            "punycode": "not ",
        }.items()
        for ending, content in {"csv": CSV.replace("ann", "ä"), "json": '[{"id": "äb"}]'}.items()
    ),
    *(
        Fault(name, content, ('"klingon"',), file={"encoding": "klingon"})
        for name, content in _SOUND.items()
    ),
    Fault("quote.csv", CSV.replace("ann,b", '"ann,b'), ("line 3", "quoted cell")),
    Fault("inner quote.csv", CSV.replace("ann,b", '"an"n,b'), ("line 3", "quoted cell")),
    Fault("longer.csv", CSV.replace("4,no", "4,no,no"), ("line 3", "5 cells", "has 4")),
    Fault(
        "broken.csv", CSV.replace("ann,b,4,no", "ann\n,b,4,no"), ("line 3", "1 cell", "line break")
    ),
    Fault("nul.csv", CSV.replace("ann,b", "an\0n,b"), ("line 3", "0x00")),
    Fault("nul.json", '[{"id": "a\0"}]', ("line 1", "not JSON")),
    Fault("table.docx", CSV, ("table.docx", "not have the ending of a table")),
    Fault("table.zip", _archive, ("table.zip", "unpack it")),
]
