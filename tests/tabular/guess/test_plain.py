"""Maps guessed for plain tables import unchanged, to the decisions written down by hand."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from tests.tabular.guess.plain_files import FILES, PlainFile
from tremble.datasets.base import Notes
from tremble.decisions.record import Decision
from tremble.tabular.guess.registry import FirstMap, first_map
from tremble.tabular.maps.map_file import map_from
from tremble.tabular.rows.load import load_table


def imported(path: Path, text: str) -> list[Decision]:
    return list(load_table(path, map_from(tomllib.loads(text)), Notes(), "mine"))


def did(decision: Decision) -> str:
    """What was chosen, or the share of the first option and of how many."""
    if decision.choice is not None:
        return decision.choice
    assert decision.rates is not None
    return f"{next(iter(decision.rates.values())):g} of {decision.n}"


def guessed(file: PlainFile, folder: Path) -> tuple[FirstMap, list[Decision]]:
    path = folder / file.name
    file.write(path)
    made = first_map(path, "map.toml")
    return made, imported(path, made.text)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_imports_unchanged_to_the_right_decisions(tmp_path: Path, file: PlainFile) -> None:
    made, decisions = guessed(file, tmp_path)
    found: dict[str, list[tuple[str | None, str]]] = {}
    for decision in decisions:
        found.setdefault(decision.family, []).append((decision.participant, did(decision)))
    assert found == file.decisions
    assert file.config.items() <= decisions[0].config.items()
    assert made.trial.failure is None
    assert made.trial.decisions == {family: len(held) for family, held in found.items()}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_prompts_name_every_option_and_say_how_to_answer(tmp_path: Path, file: PlainFile) -> None:
    made, decisions = guessed(file, tmp_path)
    for decision in decisions:
        assert decision.prompt is not None
        assert all(option.label in decision.prompt for option in decision.options)
        told = decision.prompt.rpartition("Answer as JSON: ")[2]
        answers = [f'{{"decision": "{option.label}"}}' for option in decision.options]
        few = f"{', '.join(answers[:-1])} or {answers[-1]}."
        many = '{"decision": "..."}, with one of these in place of the dots.'
        assert told == (few if len(answers) <= 4 else many)
    prompts = [one.prompt for one in made.trial.shown]
    assert 1 <= len(prompts) <= 3
    assert len(set(prompts)) == len(prompts)
    assert set(prompts) <= {one.prompt for one in decisions}


def test_no_prompt_tells_what_was_chosen(tmp_path: Path) -> None:
    """Prompts of people who saw the same and chose otherwise are the same."""
    path = tmp_path / "a.csv"
    path.write_text(
        "id,offer,choice,choice_label,rt,payoff\n1,2,0,no,5,0\n2,2,1,yes,6,8\n"
        "3,4,1,yes,7,6\n4,4,0,no,8,0\n"
    )
    decisions = imported(path, first_map(path, "m").text)
    assert [one.prompt for one in decisions[:2]] == [decisions[0].prompt] * 2
    assert [one.choice for one in decisions] == ["no", "yes", "yes", "no"]
