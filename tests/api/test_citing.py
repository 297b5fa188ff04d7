"""What a study cites of its models, told by the names and identities that were stored."""

from __future__ import annotations

from typing import Any

from tests.support.bibtex import entries
from tremble.api.citing import citations
from tremble.api.provenance import model_rows
from tremble.report.tables.bibtex import bibtex

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def models(**weights: str) -> list[dict[str, Any]]:
    """Models by name, with `weights` as a run stores them."""
    identities = {
        name: {"engine": "transformers", "weights": one, "adapter": None, "dtype": "float32"}
        for name, one in weights.items()
    }
    return model_rows({"models": identities, "comparisons": []}, [])


def cited(rows: list[dict[str, Any]]) -> dict[str, dict[str, str]]:
    made = citations([], rows, ["0.2.0"])
    return {one.key: one.fields for one in entries(bibtex(made)) if one.key != "tremble"}


def test_a_model_of_the_hub_has_its_organisation_address_and_revision() -> None:
    (row,) = models(**{"Qwen/Qwen2.5-0.5B@main": COMMIT})
    assert (row["kind"], row["hub_name"], row["revision"]) == ("hub", "Qwen/Qwen2.5-0.5B", COMMIT)
    found = cited([row])
    assert found["qwen-qwen2-5-0-5b"] == {
        "author": "{Qwen}",
        "title": "{Qwen2.5-0.5B}",
        "url": "https://huggingface.co/Qwen/Qwen2.5-0.5B",
        "note": f"Revision {COMMIT}",
    }
    assert found["qwen25"]["eprint"] == "2412.15115"


def test_a_name_without_an_organisation_has_no_author() -> None:
    found = cited(models(gpt2=COMMIT))
    assert "author" not in found["gpt2"] and found["gpt2"]["title"] == "{gpt2}"


def test_two_revisions_of_a_model_are_two_entries_and_its_report_is_one() -> None:
    found = cited(models(**{"Qwen/Qwen2.5-0.5B@a": COMMIT, "Qwen/Qwen2.5-0.5B@b": COMMIT[::-1]}))
    assert {"qwen-qwen2-5-0-5b", "qwen-qwen2-5-0-5b-2", "qwen25"} < {*found}
    assert len(found) == 4  # and the core study


def test_checkpoints_are_cited_by_their_repository_alone() -> None:
    """A series of 154 branches is one entry, and files of one's own training are none."""
    names = [f"org/run@step{n}" for n in range(154)]
    own = {"runs/dpo/checkpoint-2": "0123456789abcdef"}
    rows = models(**dict.fromkeys(names, COMMIT), **{"org/base": COMMIT}, **own)
    made = citations([], rows, ["0.2.0"], [*names, *own])
    found = {one.key: one.fields for one in entries(bibtex(made)) if one.key != "tremble"}
    assert set(found) == {"org-run", "org-base", *(set(cited([])))}
    assert found["org-run"]["note"] == "Checkpoints of a training"
    assert found["org-base"]["note"] == f"Revision {COMMIT}"
    assert not any(one["fill_in"] for one in made)


def test_embedded_models_are_cited_by_their_names_on_the_hub() -> None:
    rows = models(**{"embedded/gemma-3-270m": "gguf-0123456789abcdef"})
    assert (rows[0]["kind"], rows[0]["content_hash"]) == ("embedded", "gguf-0123456789abcdef")
    entry = cited(rows)["google-gemma-3-270m"]
    assert entry["author"] == "{google}"
    assert entry["note"] == r"As embedded/gemma-3-270m, weights gguf-0123456789abcdef"


def test_files_of_nobody_are_to_be_filled_in() -> None:
    rows = models(**{"../my_model 100%": "0123456789abcdef", "x.gguf": "gguf-0123456789abcdef"})
    assert [row["kind"] for row in rows] == ["folder", "gguf"]
    found = cited(rows)
    assert found["model-my-model-100"]["author"] == "{AUTHORS}"
    assert r"my\_model 100\%" in found["model-my-model-100"]["title"]
    made = citations([], rows, [])
    assert [bool(one["fill_in"]) for one in made] == [False, False, True, True]


def test_a_users_data_are_to_be_filled_in_and_known_ones_are_cited() -> None:
    data = [
        {"dataset": "mine", "entries": ["a@b.jsonl"], "families": ["custom"], "studies": []},
        {"dataset": "choices13k", "entries": ["c.jsonl"], "families": ["lottery"], "studies": []},
    ]
    made = citations(data, [], ["0.2.0"])
    assert [one["key"] for one in made[2:]] == ["data-mine", "peterson2021"]
    assert made[2]["fill_in"] and not made[3]["fill_in"]
    assert len(entries(bibtex(made))) == 4
