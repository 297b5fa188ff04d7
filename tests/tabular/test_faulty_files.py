"""Tables and maps with a fault: one sentence that names it, exit code 2, nothing written."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.commands import mistake
from tests.support.fault import CSV, Fault, write
from tests.support.file_faults import FORMS
from tests.support.table_faults import CELLS, MAPS, NAMES
from tests.support.toml_text import toml_of
from tremble.tabular.templates import rendering

LONGEST = 400  # characters of a sentence without folders
NESTED = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"


def sentence(fault: Fault, folder: Path) -> str:
    """What the import says of it, without folders; nothing else is there afterwards."""
    table, map_, out = folder / fault.name, folder / "map.toml", folder / "out.jsonl"
    write(fault, table)
    map_.write_text(toml_of(fault.map()), "utf-8")
    said = mistake("data", "import", "table", table, "--map", map_, "--out", out)
    assert sorted(path.name for path in folder.iterdir()) == sorted([fault.name, "map.toml"])
    return said.replace(f"{folder}/", "").removeprefix("tremble: ")


@pytest.mark.parametrize("fault", [*NAMES, *CELLS, *MAPS, *FORMS], ids=lambda fault: fault.name)
def test_a_fault_is_one_sentence_with_the_users_own_value(fault: Fault, tmp_path: Path) -> None:
    said = sentence(fault, tmp_path)
    for part in fault.parts:
        assert part in said
    assert len(said) <= LONGEST


def test_the_table_without_a_fault_is_imported(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="decisions"):
        sentence(Fault("sound.csv", CSV, ()), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("prompt", "end"),
    [
        (NESTED, "does not end within 1 s"),
        ("{{ offer|center(5 * 10 ** 7) }}", "memory, or prints without end"),
        ("{{ arm ~ 'x' * 10 ** 10 }}", "memory, or prints without end"),
    ],
    ids=["forever", "huge", "memory"],
)
def test_a_template_that_takes_all_is_refused(
    prompt: str, end: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rendering, "SECONDS", 1.0)
    said = sentence(Fault("bomb.csv", CSV, (), {"prompt": prompt}), tmp_path)
    assert "the prompt of the task 'custom'" in said
    assert end in said or "does not end within 1 s" in said
