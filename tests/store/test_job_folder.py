"""Parts of one job that several versions wrote."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from tremble.store.job_folder import JobFolder
from tremble.store.schemas import SCORES, completed


def part(*names: str, error: str | None = None, kind: str | None = None) -> pl.DataFrame:
    rows = pl.DataFrame(
        {"decision": names, "error": [error] * len(names), "error_kind": [kind] * len(names)},
        schema={"decision": pl.String, "error": pl.String, "error_kind": pl.String},
    )
    return completed(rows, SCORES).select(list(SCORES))


def as_0_1(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.drop("error_kind")


def test_parts_of_two_versions_are_read_oldest_first_and_none_is_lost(tmp_path: Path) -> None:
    folder = JobFolder(tmp_path, "scores/mock-base-00000000/d-00000000/standard.plain")
    folder.append(as_0_1(part("a", "b", error="the wording does not fit: no one else plays")))
    folder.append(as_0_1(part("c")))
    folder.append(part("d", error="the model returned nothing", kind="not_a_number"))
    folder.append(part("e"))
    folder.append(as_0_1(part("f", error="900 tokens, the model's window is 512")))
    rows = folder.all_rows()
    assert rows.schema == SCORES
    assert rows.select("decision", "error_kind").rows() == [
        ("a", "wording_not_applicable"),
        ("b", "wording_not_applicable"),
        ("c", None),
        ("d", "not_a_number"),
        ("e", None),
        ("f", "too_long"),
    ]


def test_parts_of_one_version_are_read_at_once(tmp_path: Path) -> None:
    for name, as_stored in (("now", lambda rows: rows), ("before", as_0_1)):
        folder = JobFolder(tmp_path / name, "scores/m-00000000/d-00000000/standard.plain")
        folder.root.mkdir()
        for decision in "abc":
            folder.append(as_stored(part(decision)))
        assert folder.all_rows()["decision"].to_list() == ["a", "b", "c"]
