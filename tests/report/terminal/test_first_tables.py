"""The first tables in a terminal of 80 columns."""

from __future__ import annotations

import io
import re

from rich.console import Console

from tests.support.pages import HOSTILE, study
from tremble.report.terminal.tables import show_tables
from tremble.stats.tables.analysis import Analysis


def printed(analysis: Analysis, width: int = 80) -> str:
    out = io.StringIO()
    show_tables(analysis, Console(file=out, width=width, color_system=None))
    return out.getvalue()


def test_the_terminal_prints_every_table_within_80_columns() -> None:
    analysis, *_ = study(HOSTILE)
    out = printed(analysis)
    assert max(map(len, out.splitlines())) <= 80
    for word in ("Models", "Pairs", "Tests over pairs", "Baselines"):
        assert word in out.splitlines()
    flat = re.sub(r"\s+", "", out)
    assert re.sub(r"\s+", "", HOSTILE) in flat
    assert "all40choicesareyes" in flat


def test_an_empty_study_has_words_for_it() -> None:
    out = printed(Analysis([], [], [], []))
    assert "Nothing has been scored yet." in out
    assert "There is no pair to compare." in out
