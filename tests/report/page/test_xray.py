"""The page of one decision."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

from tests.support.commands import tremble, write_study
from tests.support.xrays import OWN


class Tags(HTMLParser):
    """The tags of a page, their attributes, and the text outside of style sheets."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str | None] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name in ("src", "href", "action")]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_escapes_what_comes_from_data_and_needs_nothing_else(tmp_path: Path) -> None:
    label = "<img src=x onerror=y>"
    record = {**OWN, "id": "<i>1", "options": [label, "no"], "choice": label}
    path = write_study(tmp_path, [record])
    page = tmp_path / "page.html"
    code, out, _ = tremble("xray", path, "<i>1", "--html", page)
    assert (code, out) == (0, f"The page was written to {page}\n")
    tags = Tags(page.read_text(encoding="utf-8"))
    assert {"script", "img", "link", "i", "iframe"}.isdisjoint(tags.tags)
    assert tags.links == []
    assert "url(" not in page.read_text() and "@import" not in page.read_text()
    assert "<script>alert(1)</script>" in tags.text
    assert f"{label}: probability" in tags.text
    assert "\x1b" not in page.read_text()
    assert tags.tags.count("article") == 2  # the twins
    assert "mock:a (base), plain" in tags.text
    assert "mock:b (aligned), chat" in tags.text
    assert tags.text.index("answer starts here") < tags.text.index("Never shown to a model")
