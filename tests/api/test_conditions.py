"""`data check` shows a prompt of each condition."""

from __future__ import annotations

import json
import re
from itertools import product
from pathlib import Path
from typing import Any

from tests.support.commands import tremble
from tests.support.record_lines import write_lines

ASKED = "Do you keep or share? Answer as JSON with the key decision."
GOOD: dict[str, Any] = {
    "prompt": ASKED,
    "options": ["keep", "share"],
    "choice": "keep",
    "participant": "1",
}


def test_a_prompt_of_each_condition(tmp_path: Path) -> None:
    """Eight conditions, 2 x 4; the file begins with 30 lines of one of them. What is shown has
    every value, and says how many conditions there are besides."""
    wording = {"gain": "You may win.", "loss": "You may lose."}
    cells = [("gain", 1)] * 30 + list(product(wording, (1, 2, 3, 4)))
    lines = [
        {
            **GOOD,
            "id": f"deal/{row}",
            "prompt": f"{wording[frame]} Stakes: {stakes}. {ASKED}",
            "config": {"frame": frame, "stakes": stakes},
        }
        for row, (frame, stakes) in enumerate(cells, 2)
    ]
    path = write_lines(tmp_path / "mine.jsonl", *lines)
    out = tremble("data", "check", path)[1]
    named = re.findall(r"^prompt \d of 6: deal/(\d+) \(line (\d+)\), (frame.*?)[:.]", out, re.M)
    assert len(named) == 6
    for id_, line, varied in named:
        frame, stakes = cells[int(id_) - 2]
        assert int(line) == int(id_) - 1
        assert varied == f"frame = {frame!r}, stakes = {stakes}"
        assert f"{wording[frame]} Stakes: {stakes}." in out
    shown = [cells[int(id_) - 2] for id_, *_ in named]
    assert len(set(shown)) == 6
    assert {stakes for _, stakes in shown} == {1, 2, 3, 4}
    assert {frame for frame, _ in shown} == set(wording)
    assert "\n2 more conditions (combinations of family and config values): --all shows" in out
    whole = tremble("data", "check", path, "--all")[1]
    assert whole.count(" Stakes: ") == 8 and "more condition" not in whole
    found = json.loads(tremble("data", "check", path, "--json")[1])
    assert found["conditions"] == 8
    read = {(one["config"]["frame"], one["config"]["stakes"]) for one in found["prompts"]}
    assert read == set(product(wording, (1, 2, 3, 4)))
    assert "xray" in out and f"tremble xray {path} deal/2 --model NAME" in out


def test_a_late_condition_of_a_long_file_is_shown(tmp_path: Path) -> None:
    """500 stakes in one frame, then the other one, whose prompt is what the user must see."""
    lines = [
        {**GOOD, "id": f"deal/{at}", "config": {"frame": "loss" if at == 499 else "gain", "at": at}}
        for at in range(500)
    ]
    out = tremble("data", "check", write_lines(tmp_path / "mine.jsonl", *lines))[1]
    assert "deal/499 (line 500), frame = 'loss', at = 499" in out
    assert "494 more conditions" in out
