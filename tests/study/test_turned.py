"""The note on options that are coded by which stands first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.support.commands import tremble
from tests.support.record_lines import write_lines


def said(tmp_path: Path, *records: dict[str, Any]) -> str:
    tmp_path.mkdir(exist_ok=True)
    write_lines(tmp_path / "mine.jsonl", *records)
    study = tmp_path / "mine.toml"
    study.write_text('[study]\nname = "m"\ndata = ["mine.jsonl"]\n[[model]]\nid = "mock:one"\n')
    tremble("run", study, "--out", tmp_path / "m")
    return tremble("analyze", tmp_path / "m")[1].replace("\n", " ")


def record(first: str, then: str, **more: Any) -> dict[str, Any]:
    return {"prompt": f"{first} or {then}?", "options": [first, then], "choice": "stay", **more}


def test_a_note_says_that_the_first_option_is_coded(tmp_path: Path) -> None:
    turned = [record("stay", "go"), record("go", "stay"), record("go", "stay")]
    out = " ".join(said(tmp_path, *turned).split())
    assert (
        "custom: for the options 'go' and 'stay', the first one listed is coded 1 ('go' in 2 "
        "decisions, 'stay' in 1), so r is about the option listed first"
    ) in out


def test_no_note_where_the_target_says_which(tmp_path: Path) -> None:
    named = [record(*words, target="stay") for words in (("stay", "go"), ("go", "stay"))]
    assert "listed is coded" not in said(tmp_path / "named", *named)
    once = [record("stay", "go"), record("bus", "car", choice="bus")]
    assert "listed is coded" not in said(tmp_path / "once", *once)
