"""R reads what was exported, by the codebook's own line, and runs what docs/r.md shows."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from tests.support.commands import tremble, write_study
from tests.support.places import ROOT
from tests.support.sessions import session
from tests.support.studies import run, study_file
from tremble.api.codebook import line_of_r
from tremble.api.results import analyze_study, further_analysis
from tremble.decisions import jsonl

RSCRIPT = shutil.which("Rscript")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(RSCRIPT is None, reason="Rscript is not here (Debian: r-base-core)"),
]
BLOCKS = re.findall(r"```r\n(.*?)```", (ROOT / "docs" / "r.md").read_text("utf-8"), re.DOTALL)
READ, CORRELATED, NATS, DRAWN = BLOCKS
# Texts that R takes for something else if it may guess, and letters that a CSV or a locale loses.
GUESSED = ["NA", "T", "F", "TRUE", "001", "1e5", "0x1A", "Inf", "-"]
LETTERS = ["#", "'", '"', "\\n", ",", ";", "é", "信頼", "😀", " a ", "a\nb", "a, b"]
TEXTS = [*GUESSED, *LETTERS, ""]
# Each column as a class and its values: numbers to the last bit, texts byte by byte.
TOLD = """
told <- lapply(rows, function(x) c(class(x), if (is.numeric(x)) sprintf("%.17g", x) else
  vapply(x, function(t) if (is.na(t)) "NA" else paste(c("x", charToRaw(t)), collapse = ""), "",
    USE.NAMES = FALSE)))
write.csv(told, "told.csv", row.names = FALSE)
"""


def r(folder: Path, script: str, locale: str = "C.UTF-8") -> None:
    assert RSCRIPT is not None
    (folder / "script.R").write_text(script, "utf-8")
    done = subprocess.run(
        [RSCRIPT, "--vanilla", "script.R"],
        cwd=folder,
        env={**os.environ, "LC_ALL": locale},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr


def records() -> list[dict[str, Any]]:
    """40 people on six texts, half with a fee; a parameter with every odd text, one with numbers
    and nothing, and one whose texts are numbers in quotes."""
    rng = np.random.default_rng(3)
    return [
        {
            "prompt": f"Offer {text}, {'with' if person % 2 else 'without'} a fee: take it?",
            "options": ["yes", "no"],
            "choice": "yes" if rng.random() < (0.3 if person % 2 else 0.6) else "no",
            "participant": TEXTS[person % 6] if person < 6 else f"{person:03d}",
            "item": f"{text} {person % 2}",
            "config": {
                "condition": "fee" if person % 2 else "control",
                "odd": TEXTS[(person * 6 + text) % len(TEXTS)],
                "flag": "TF"[person % 2],
                "amount": 0.1 * text if text else None,
                "信頼": "01",
            },
        }
        for person in range(40)
        for text in range(6)
    ]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with mine.csv, its codebook and mine.json, as docs/r.md has them made."""
    folder = tmp_path_factory.mktemp("r")
    path = write_study(folder, records(), base="mock:a", aligned="mock:b")
    code, _, said = tremble("run", path, "--out", folder / "out")
    assert code == 0, said
    for what in (
        ["export", folder / "out", "--to", "csv", "--out", folder / "mine.csv"],
        ["analyze", folder / "out", "--json", "--contrast", "condition=control"],
    ):
        code, text, said = tremble(*what)
        assert code == 0, said
    (folder / "mine.json").write_text(text, "utf-8")
    return folder


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
def test_the_line_of_the_codebook_reads_every_cell_as_it_was_written(
    study: Path, locale: str
) -> None:
    r(study, READ + TOLD, locale)
    rows, told = read(study / "mine.csv"), read(study / "told.csv")
    book = {row["column"]: row for row in read(study / "mine.codebook.csv")}
    assert list(told[0]) == list(rows[0]) == list(book)[:-1]
    assert told[0] == {name: book[name]["r"] for name in told[0]}
    assert len(told) == len(rows) + 1
    for row, cells in zip(rows, told[1:], strict=True):
        for name, cell in cells.items():
            if cell == "NA":
                assert row[name] == ""
            elif book[name]["r"] == "numeric":
                # R rounds some decimals to the neighbour of the nearest double.
                assert float(cell) == pytest.approx(float(row[name]), rel=4e-16)
            else:
                assert bytes.fromhex(cell.removeprefix("x")).decode("utf-8") == row[name]


def test_texts_of_the_data_come_to_r_as_people_wrote_them(study: Path) -> None:
    """Against the records, not the CSV; the empty text alone is missing."""
    r(study, READ + TOLD)
    told = read(study / "told.csv")
    assert (told[0]["config_odd"], told[0]["config_flag"]) == ("character", "character")
    assert (told[0]["config_amount"], told[0]["participant"]) == ("numeric", "character")
    columns = ("config_odd", "config_flag", "config_parameter", "participant")

    def text(cell: str) -> str | None:
        return None if cell == "NA" else bytes.fromhex(cell[1:]).decode("utf-8")

    found = sorted(
        [text(row[name]) or "" for name in columns]
        for row in told[1:]
        if text(row["model"]) == "mock:a"
    )
    wanted = sorted(
        [
            row["config"]["odd"],
            row["config"]["flag"],
            row["config"]["信頼"],
            row["participant"],
        ]
        for row in records()
    )
    assert found == wanted
    assert sum(row["config_odd"] == "NA" for row in told[1:]) == 2 * sum(
        row["config"]["odd"] == "" for row in records()
    )


def test_a_file_of_any_name_is_read(tmp_path: Path) -> None:
    name = 'a "b" \\ c.csv'
    table = pl.DataFrame({"x": ["T", None], "y": [1.5, None]})
    table.write_csv(tmp_path / name)
    r(tmp_path, f"rows <- {line_of_r(table, name)}\n{TOLD}")
    assert [(row["x"], row["y"]) for row in read(tmp_path / "told.csv")] == [
        ("character", "numeric"),
        ("x54", "1.5"),
        ("NA", "NA"),
    ]


def test_nats_of_an_experiment_are_those_of_analyze(tmp_path: Path) -> None:
    """Sessions of which some have options: every response counts once."""
    file = tmp_path / "sessions.jsonl"
    jsonl.write(
        [
            one if turn % 3 else replace(one, options=(), choice=None, target=None)
            for name in ("1", "2", "3")
            for experiment in ("one", "two")
            for turn, one in enumerate(session("<<J>> <<F>> <<J>> <<J>>.", name, experiment))
        ],
        file,
    )
    run(study_file(tmp_path, data=["sessions.jsonl"], formats=["plain"]), tmp_path / "out")
    export = ["export", tmp_path / "out", "--to", "csv", "--out", tmp_path / "mine.csv"]
    assert tremble(*export)[0] == 0
    r(tmp_path, f'{READ}found <- {NATS}write.csv(found, "nats.csv")')
    found = {
        (row["model"], row["config_experiment"]): float(row["nats"])
        for row in read(tmp_path / "nats.csv")
    }
    analysis, *_ = analyze_study(tmp_path / "out")
    wanted = {
        (row["model"], row["experiment"]): row["nats"]
        for row in further_analysis(analysis, ["responses"])["responses"]
        if row["kind"] == "experiment"
    }
    assert len(found) == 4 and found == pytest.approx(wanted)


def test_r_of_a_model_is_that_of_analyze(study: Path) -> None:
    r(study, READ + CORRELATED + 'write.csv(data.frame(run = names(r), r = r), "r.csv")')
    found = {row["run"]: float(row["r"]) for row in read(study / "r.csv")}
    models = json.loads((study / "mine.json").read_text("utf-8"))["models"]
    keys = ("model", "format", "formulation", "family")
    wanted = {" | ".join(row[key] for key in keys): row["r"] for row in models}
    assert found == pytest.approx(wanted)
    assert len(found) == 2


def test_the_plot_of_contrasts_shows_people_and_every_model(study: Path) -> None:
    asked = 'quit(status = !requireNamespace("jsonlite", quietly = TRUE))'
    assert RSCRIPT is not None
    if subprocess.run([RSCRIPT, "--vanilla", "-e", asked], check=False).returncode:
        pytest.skip("R's package jsonlite is not here (Debian: r-cran-jsonlite)")
    r(study, DRAWN + 'write.csv(drawn, "drawn.csv", row.names = FALSE)')
    assert (study / "contrasts.pdf").read_bytes().startswith(b"%PDF")
    rows = json.loads((study / "mine.json").read_text("utf-8"))["contrasts"]
    assert [row["model"] for row in rows] == ["mock:a", "mock:b"]
    wanted = [("people", *(rows[0][key] for key in ("people", "people_low", "people_high")))]
    wanted += [
        (
            ", ".join([row["model"], row["format"], row["formulation"]]),
            *(row[key] for key in ("effect", "low", "high")),
        )
        for row in rows
    ]
    drawn = read(study / "drawn.csv")
    for row, (who, *numbers) in zip(drawn, wanted, strict=True):
        assert row["who"] == who
        assert row["what"] == "custom, condition:\nfee less control"
        assert [float(row[key]) for key in ("effect", "low", "high")] == pytest.approx(numbers)
    assert len({row["y"] for row in drawn}) == len({row["colour"] for row in drawn}) == 3
