"""Pages of the report, read back; a study whose names are hostile."""

from __future__ import annotations

import csv
import random
import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import polars as pl

from tests.support.stat_frames import decision, frames, score
from tremble import published
from tremble.stats.frames.comparisons import Comparison
from tremble.stats.tables.analysis import Analysis, analyze

HOSTILE = "acme/<script>alert('x')</script>&\"quoted\"[bold]{{ 7 * 7 }}"
VOID = {"meta", "link", "br", "hr", "img", "input"}


def study(base: str = "acme/base", n: int = 40) -> tuple[Analysis, pl.DataFrame, pl.DataFrame]:
    rng = random.Random(3)
    people = [
        decision(f"{family}/{i}", family=family, choice=["yes", "no"][i % 2])
        for family in ("bargaining", "negotiation")
        for i in range(n)
    ]
    people += [decision(f"persuasion/{i}", family="persuasion", choice="yes") for i in range(n)]
    rows = []
    for d in people:
        yes = d["choice"] == "yes"
        for model, form, strength in [(base, "plain", 0.5), ("acme/aligned", "chat", 0.3)]:
            p = 0.2 + strength * yes + 0.3 * rng.random()
            low = model == "acme/aligned" and d["family"] == "negotiation"
            rows.append(
                score(
                    d["decision"],
                    [p, 1 - p],
                    family=d["family"],
                    model=model,
                    format=form,
                    mass=0.05 if low else 0.95,
                )
            )
    rows[0] |= {"error": f"window too short for {base}", "logprobs": None, "mass": None}
    scores, decisions = frames(rows, people)
    pair = Comparison(base, "acme/aligned", "plain", "chat", "native")
    return analyze(scores, decisions, [pair]), scores, decisions


class Reader(HTMLParser):
    """Checks that tags nest and collects ids, links, scripts and text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def read(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    reader.close()
    assert reader.open == []
    return reader


def parsed(text: str) -> ElementTree.Element:
    read(text)
    return ElementTree.fromstring(text.removeprefix("<!DOCTYPE html>"))


def folds(tree: ElementTree.Element) -> dict[str, ElementTree.Element]:
    return {fold.attrib["id"]: fold for fold in tree.iter("details")}


def words(element: ElementTree.Element) -> str:
    return " ".join("".join(element.itertext()).split())


def rows(element: ElementTree.Element) -> list[list[str]]:
    """Rows of cells, headings of sections left out."""
    lines = [[words(cell) for cell in line] for body in element.iter("tbody") for line in body]
    return [line for line in lines if len(line) > 1]


def printed() -> list[dict[str, str]]:
    """The embedded figures, read without the package's reader."""
    folder = Path(published.__file__).parent / "figures"
    with (folder / "per_pair.csv").open() as file:
        return list(csv.DictReader(file))


def places(svg: str, kind: str) -> list[tuple[float, float]]:
    """Where the marks of a layer are, in pixels of their panel, in the order of the data."""
    marks = re.findall(r"<path[^>]*>", svg)
    at = [re.search(r"translate\(([-\d.]+),([-\d.]+)\)", mark) for mark in marks if kind in mark]
    return [(float(found[1]), float(found[2])) for found in at if found]
