"""The numbers of docs/what_r_cannot_see.md, computed again from its tables."""

from __future__ import annotations

import re

import numpy as np
import pytest

from tests.support.places import ROOT

PAGE = (ROOT / "docs" / "what_r_cannot_see.md").read_text("utf-8")


def example(name: str) -> tuple[list[np.ndarray], str]:
    """The rows of numbers of a table, and the words between it and the next heading."""
    table, _, words = PAGE.partition(f"<!-- example: {name} -->\n")[2].partition("\n\n")
    rows = [line.strip("| ").split("|")[1:] for line in table.splitlines()[2:]]
    return [np.array([float(cell) for cell in row]) for row in rows], words.partition("\n## ")[0]


def r(x: np.ndarray, y: np.ndarray) -> float:
    return float(np.corrcoef(x, y)[0, 1])


def test_the_level() -> None:
    (people, model), words = example("level")
    assert f"r is {r(people, model):.2f}." in words
    means = [f"{values.mean():.2f}".lstrip("0") for values in (people, model)]
    assert f"People say yes {means[0]} of the time, the model {means[1]}." in words
    assert model.mean() / people.mean() > 2


def test_the_size_of_differences() -> None:
    (people, model), words = example("size")
    assert r(people, model) == pytest.approx(1) and "r is 1.00" in words
    assert people.mean() == pytest.approx(model.mean())
    assert (people[-1] - people[0], model[-1] - model[0]) == pytest.approx((0.2, 0.8))
    slope = float(np.polyfit(model, people, 1)[0])
    assert f"here it is {slope:.2f}".replace(" 0.", " .") in words


def test_the_direction_of_a_treatment() -> None:
    (people, model), words = example("treatment")
    assert people[4:] - people[:4] == pytest.approx([0.1] * 4)
    assert model[4:] - model[:4] == pytest.approx([-0.1] * 4)
    assert f"r is {r(people, model):.2f}.".replace("0.", ".") in words


def test_the_spread_of_answers() -> None:
    (people, model), words = example("spread")
    amounts = np.array([0, 5, 10])
    means = [[float(row[at : at + 3] @ amounts) for at in (0, 3)] for row in (people, model)]
    assert means[0] == pytest.approx([5, 6]) and means[1] == pytest.approx([5, 6])
    assert "People give 5 and 6 on average" in words
    assert all(
        row[at : at + 3].sum() == pytest.approx(1) for row in (people, model) for at in (0, 3)
    )


def test_noise_in_what_people_did() -> None:
    """By simulation: single choices of very many people, drawn with these shares."""
    (shares,), words = example("noise")
    rng = np.random.default_rng(1)
    predicted = np.tile(shares, 400_000)
    found = r(predicted, (rng.random(predicted.size) < predicted).astype(float))
    stated = re.search(r"Its expected r with single choices is (\.\d\d)", words)
    assert stated is not None
    assert found == pytest.approx(float(stated[1]), abs=0.005)


def test_the_mass() -> None:
    words = " ".join(PAGE.partition("## Whether the model would")[2].split())
    yes, no = (float(x) for x in re.findall(r'"(?:yes|no)" (\.\d+)', words)[:2])
    assert f"predicts yes with {yes / (yes + no):.2f}".replace(" 0.", " .") in words
    assert f"{1 - yes - no:.4f}".lstrip("0") in words and f"{yes + no:.4f}".lstrip("0") in words
