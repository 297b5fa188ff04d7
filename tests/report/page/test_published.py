"""The core study's page."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.support.pages import folds, parsed, places, printed, read, rows, words
from tremble.commands.program import app
from tremble.published.figures import table
from tremble.published.text_claims import claims as every_claim

pytestmark = pytest.mark.slow

pytest.importorskip("vl_convert")


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory) -> str:
    target = tmp_path_factory.mktemp("core") / "sub" / "core.html"
    done = CliRunner().invoke(app, ["report", "--published", "--out", str(target)])
    assert done.exit_code == 0, done.stderr
    assert str(target) in done.stdout
    return target.read_text("utf-8")


@pytest.mark.slow
def test_the_core_study_s_page_holds_every_claim_and_every_filter(core: str) -> None:
    tree = parsed(core)
    found = folds(tree)
    claims = [
        row for name, fold in found.items() if name.startswith("claims") for row in rows(fold)
    ]
    changes = {row["variant"]: row["modification"] for row in table("prompt_variants")}
    expected = [
        [
            c.claim,
            *[text for name, text in changes.items() if c.source == f"prompt_variants: {name}"],
            *(c.printed, c.recounted or "–", c.agrees or "–", c.reason),
        ]
        for c in every_claim()
    ]
    flat = [[" ".join(cell.split()) for cell in row] for row in expected]
    assert sorted(claims) == sorted(flat)
    sweep = {name: rows(fold) for name, fold in found.items() if name.startswith("sweep")}
    assert {name: len(lines) for name, lines in sweep.items()} == {
        f"sweep-{name}": 36
        for name in (
            "bargaining",
            "persuasion",
            "negotiation",
            "matrix",
            "one_shot",
            "lottery",
            "all",
        )
    }
    cells = [[int(x) for x in row["negotiation"].split()] for row in printed()]
    kept = [c for c in cells if min(c[:2]) >= 70 and max(c[2:]) >= 20]
    wins = [sum(c[2] > c[3] for c in kept), sum(c[2] < c[3] for c in kept)]
    (line,) = [row for row in sweep["sweep-negotiation"] if row[:2] == [".70", ".20"]]
    assert line[2:4] == [str(win) for win in wins]
    assert "arXiv:2603.17218" in words(tree)


def test_the_core_study_s_page_draws_every_printed_pair(core: str) -> None:
    (svg,) = re.findall(r"<svg.*?</svg>", core, re.S)
    at = places(svg, "aria-label=")
    assert len(at) == 720
    families = ["bargaining", "persuasion", "negotiation", "matrix", "one_shot", "lottery"]
    cells = [[int(x) for x in row[name].split()] for name in families for row in printed()]
    by_r = sorted(zip([(c[2], c[3]) for c in cells], at, strict=True))
    for ((base, _), (x, _)), ((other, _), (further, _)) in pairwise(by_r):
        assert (other > base) == (further > x + 0.01)


def test_the_core_study_s_page_stands_alone(core: str) -> None:
    assert not re.search(r"(https?:)?//[a-z]", core)
    tags = read(core).tags
    ids = [attrs["id"] for _, attrs in tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert {(a["href"] or "")[1:] for _, a in tags if "href" in a} <= set(ids)
    assert "script" not in {tag for tag, _ in tags}


def test_one_of_a_folder_and_published_is_asked_for(tmp_path: Path) -> None:
    both = CliRunner().invoke(app, ["report", "mine", "--published"])
    assert both.exit_code == 2
    assert "mine and --published" in both.stderr
    neither = CliRunner().invoke(app, ["report"])
    assert neither.exit_code == 2
    assert "tremble report --published" in neither.stderr
    folder = CliRunner().invoke(app, ["report", "--published", "--out", str(tmp_path)])
    assert folder.exit_code == 2
    assert f"{tmp_path} is a folder" in folder.stderr
