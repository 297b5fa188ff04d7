"""One decision in a terminal."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.commands import tremble, write_study
from tests.support.xrays import LONG, look
from tremble.report.page.xray import xray_page


@pytest.mark.slow
def test_the_terminal_has_a_column_for_each_twin_and_folds_long_prompts(tmp_path: Path) -> None:
    path = write_study(tmp_path, [LONG])
    out = tremble("xray", path, "game-2")[1]
    assert any(
        "mock:a (base), plain" in x and "mock:b (aligned), chat" in x for x in out.split("\n")
    )
    assert "Round 1: J." in out
    assert "Round 50: J." not in out
    assert "76 more lines; --all shows them" in out
    found = look(path, "game-2")
    tokens = len(found["readings"][0]["tokens"])
    assert f"{tokens - 24 - 48:,} more tokens; --all shows them" in out
    whole = tremble("xray", path, "game-2", "--all")[1]
    assert "--all" not in whole
    assert whole.count("Round 50: J.") == 3  # the user's part, and each twin's text
    page = xray_page(found)
    assert page.count('<span class="token') > 2 * tokens  # the page folds, and holds them all
