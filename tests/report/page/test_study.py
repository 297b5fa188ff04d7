"""The page is sound HTML that hostile names cannot break."""

from __future__ import annotations

import html
import re
import sys
from xml.etree import ElementTree

import pytest

from tests.support.pages import HOSTILE, read, study
from tests.support.stat_frames import decision, frames, score
from tremble.errors import MissingExtra
from tremble.report.page.parts import further_parts
from tremble.report.page.study import study_page
from tremble.stats.tables.analysis import analyze, plain
from tremble.stats.verdict.table import verdict_table

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def hostile() -> str:
    pytest.importorskip("vl_convert")
    analysis, scores, _ = study(HOSTILE)
    rows = [{"model": HOSTILE, "family": "bargaining", "note": HOSTILE}]
    parts = further_parts(lambda name: rows, lambda: plain(verdict_table(analysis.evidence)))
    return study_page(analysis, scores, HOSTILE, [f"beware of {HOSTILE}"], parts)


def test_the_page_is_well_formed(hostile: str) -> None:
    read(hostile)
    body = hostile.removeprefix("<!DOCTYPE html>")
    ElementTree.fromstring(body)


def test_hostile_names_are_text_and_nothing_else(hostile: str) -> None:
    reader = read(hostile)
    assert not [tag for tag, _ in reader.tags if tag in ("script", "b", "img", "iframe", "object")]
    assert not [a for _, attrs in reader.tags for a in attrs if a.startswith("on")]
    text = "".join(reader.text)
    assert f"beware of {HOSTILE}" in text
    assert f"{HOSTILE} · plain · standard" in text
    assert f"window too short for {HOSTILE}" in text
    assert html.escape("<script>", quote=False) in hostile


def test_the_page_needs_nothing_from_outside(hostile: str) -> None:
    assert not re.search(r"(https?:)?//[a-z]", hostile)
    assert "@import" not in hostile
    for _, attrs in read(hostile).tags:
        for name in ("src", "href", "xlink:href", "data"):
            assert (attrs.get(name) or "#").startswith("#")


def test_ids_are_unique_and_every_reference_has_one(hostile: str) -> None:
    tags = read(hostile).tags
    ids = [attrs["id"] for _, attrs in tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    for _, attrs in tags:
        for name in (attrs.get("aria-labelledby") or "").split():
            assert name in ids
        if (attrs.get("href") or "").startswith("#"):
            assert (attrs["href"] or "")[1:] in ids
    assert set(re.findall(r"url\(#([^)]+)\)", hostile)) <= set(ids)


def test_headings_have_scopes_and_drawings_have_words(hostile: str) -> None:
    tags = read(hostile).tags
    assert all(attrs.get("scope") for tag, attrs in tags if tag == "th")
    drawings = re.findall(r"<svg[^>]*>.*?</svg>", hostile, re.S)
    assert len(drawings) == 4  # pairs, two runs, the published cloud
    for svg in drawings:
        assert re.match(
            r'<svg role="img" aria-labelledby="(\S+)-title \1-desc"[^>]*>'
            r'<title id="\1-title">[^<]+</title><desc id="\1-desc">[^<]+</desc>',
            svg,
        )
    assert "prefers-color-scheme: dark" in hostile
    assert "@media print" in hostile


def test_a_study_without_pairs_or_outcomes_has_a_page() -> None:
    pytest.importorskip("vl_convert")
    scores, decisions = frames([score("d", [0.5, 0.5])], [decision("d", target=None)])
    text = study_page(analyze(scores, decisions), scores, "Small", [])
    read(text)
    assert "No pair has an r for both models." in text
    assert "No scored decision has a coded outcome." in text
    assert "Read this first" not in text


def test_without_the_extra_the_page_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("altair", "vl_convert"):
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, name, None)
            with pytest.raises(MissingExtra, match=r"the page needs .*tremble\[report\]"):
                study_page(*study()[:2], title="x", caveats=[])
