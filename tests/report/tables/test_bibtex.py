"""Citations as BibTeX, read back by a reader of its own."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.bibtex import entries
from tests.support.places import ROOT
from tremble.datasets import citations as cited
from tremble.datasets.base import names, source
from tremble.report.tables.bibtex import bibtex, escaped


def row(**given: Any) -> dict[str, Any]:
    blank: dict[str, Any] = {"fill_in": None, "authors": ["{X}"], "year": 2001, "fields": {}}
    return {**blank, "cites": "x.", "key": "x", "kind": "misc", "title": "T", **given}


def as_row(one: cited.Citation) -> dict[str, Any]:
    return row(
        key=one.key,
        kind=one.kind,
        authors=list(one.authors),
        title=one.title,
        year=one.year,
        fields=one.fields,
    )


@settings(max_examples=50)
@given(*[st.text(max_size=20)] * 3)
def test_any_text_makes_an_entry_that_can_be_read(title: str, author: str, note: str) -> None:
    given = row(cites=note, title=title, authors=[f"{{{author}}}"], fields={"note": note})
    (read,) = entries(bibtex([given]))
    assert (read.kind, read.key) == ("misc", "x")
    assert read.fields["title"] == f"{{{escaped(title)}}}"
    assert read.fields["author"] == f"{{{escaped(author)}}}"
    assert read.fields["note"] == escaped(note)


def test_what_latex_obeys_is_written_out() -> None:
    assert escaped("50% of A & B_1 #2 $3 ~ ^ {x} \\y") == (
        r"50\% of A \& B\_1 \#2 \$3 \textasciitilde{} \textasciicircum{} "
        r"\textbraceleft{}x\textbraceright{} \textbackslash{}y"
    )
    # Undone by hand it is the text again.
    undone = escaped("a_b\\{c}").replace(r"\textbackslash{}", "\\")
    undone = undone.replace(r"\textbraceleft{}", "{").replace(r"\textbraceright{}", "}")
    assert undone.replace(r"\_", "_") == "a_b\\{c}"


def test_links_are_not_escaped_and_stay_links() -> None:
    (read,) = entries(bibtex([row(fields={"url": "https://h.co/a_b/c d{%"})]))
    assert read.fields["url"] == "https://h.co/a_b/c%20d%7B%25"


def test_a_name_with_a_revision_above_an_entry_begins_no_entry() -> None:
    assert len(entries(bibtex([row(cites="the model acme/x@main."), row(key="y")]))) == 2


def test_persons_can_be_taken_apart_and_organisations_cannot() -> None:
    (read,) = entries(bibtex([row(authors=["Ben Allal, L.", "{A and B}", "others"])]))
    assert read.fields["author"] == "Ben Allal, L. and {A and B} and others"


def test_every_source_of_data_is_cited_with_what_its_card_says() -> None:
    own = {"jsonl", "lotteries_text", "table"}
    families = {"repeated_matrix", "one_shot_matrix", "lottery", "bargaining"}
    for name in names():
        found = cited.of_data(name, families)
        assert bool(found) == (name not in own and source(name).load is not None), name
        words = " ".join(source(name).card.citation.split())
        for one in found:
            (read,) = entries(bibtex([as_row(one)]))
            assert one.year is None or str(one.year) in words, one.key
            volume = one.fields.get("volume")
            assert volume is None or re.search(rf"\b{volume}\b", words), one.key
            number = one.fields.get("eprint")
            assert number is None or number in words, one.key
            for author in one.authors:
                if author != "others":
                    assert author.partition(",")[0].strip("{}") in words, (one.key, author)
            # Cards of many papers name no titles.
            assert name == "normal_form" or one.title in words, one.key
            assert read.fields["title"][1:-1] == escaped(one.title)


def test_every_paper_of_the_notice_is_cited() -> None:
    notice = " ".join((ROOT / "NOTICE").read_text("utf-8").split())
    embedded = notice.partition("src/tremble/published/figures")[0]
    families = {"repeated_matrix", "one_shot_matrix", "lottery", "bargaining"}
    found = cited.of_data("demo", families)
    assert len(found) == len(re.findall(r"\((?:19|20)\d\d\)\. ", embedded)) == 11
    for one in found:
        assert one.title in embedded
        initials = [" ".join(reversed(author.split(", "))) for author in one.authors]
        assert f"{', '.join(initials)} ({one.year})" in embedded


def test_the_embedded_data_cite_the_families_and_papers_that_are_there() -> None:
    def keys(*families: str, studies: tuple[str, ...] = ()) -> set[str]:
        return {one.key for one in cited.of_data("demo", families, studies)}

    assert keys("lottery") == {"peterson2021"}
    assert keys("bargaining", "persuasion") == {"shapira2024glee"}
    assert keys("one_shot_matrix", "lottery", studies=("rogersetal2009", "peterson2021")) == {
        "rogersetal2009",
        "peterson2021",
    }
    assert keys("custom") == set()
    assert cited.of_data("mine", ["lottery"]) == ()


def test_tremble_is_cited_as_its_own_file_says() -> None:
    cff = (ROOT / "CITATION.cff").read_text("utf-8")
    one = cited.of_tremble(["0.2.0"])
    assert f'title: "{one.title}"' in cff
    assert [f"{{{name}}}" for name in re.findall(r"^  - name: (.*)$", cff, re.MULTILINE)] == [
        *one.authors
    ]
    core = cited.CORE_STUDY
    assert core.title in cff and f"arXiv:{core.fields['eprint']}" in cff
    assert re.findall(r"family-names: (\w+)", cff) == [a.partition(",")[0] for a in core.authors]
    assert cited.of_tremble([]).fields == {}


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("google/gemma-3-270m", "gemma3"),
        ("Qwen/Qwen2.5-0.5B-Instruct", "qwen25"),
        ("HuggingFaceTB/SmolLM2-135M-Instruct", "smollm2"),
        ("EleutherAI/pythia-70m", "pythia"),
        ("Qwen/Qwen2.5-Coder-7B", None),
        ("acme/gemma-3-270m", None),
        ("google/gemma-3n-E2B", None),
        ("mistralai/Mistral-7B-v0.3", None),
    ],
)
def test_reports_are_of_their_own_models_alone(name: str, key: str | None) -> None:
    found = cited.report_on(name)
    assert (found and found.key) == key
