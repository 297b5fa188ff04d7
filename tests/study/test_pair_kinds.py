"""Type and generation of a pair, from the study file over the record of the run to its tables."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.studies import PAIR, run, study_file, write_own_prompts
from tremble.api.results import analyze_study


def test_they_are_in_the_record_where_the_file_says_them(tmp_path: Path) -> None:
    write_own_prompts(tmp_path, 3)
    for said in ({"type": "Code", "generation": "2.5"}, {}):
        lines = "".join(f"{key} = {json.dumps(value)}\n" for key, value in said.items())
        out = tmp_path / f"out{len(said)}"
        run(study_file(tmp_path, PAIR + lines), out)
        (kept,) = json.loads((out / "run.json").read_text("utf-8"))["comparisons"]
        assert {key: kept[key] for key in ("type", "generation") if key in kept} == said
        analysis, *_ = analyze_study(out)
        (one,) = analysis.comparisons
        assert (one.type, one.generation) == (said.get("type"), said.get("generation"))
        assert analysis.equal_others == {}
