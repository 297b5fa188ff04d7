"""Situations that are told apart."""

from __future__ import annotations

from tests.support.ceilings import table
from tests.support.stat_frames import decision
from tremble.stats.frames.contexts import contexts


def test_situations_differ_by_numbers_round_role_and_options() -> None:
    same = {"numbers": "{}", "round": 1, "role": "buyer"}
    rows = [same, same, same | {"round": 2}, same | {"role": "seller"}, same | {"numbers": "[]"}]
    rows += [same | {"keys": ["no", "yes"]}, same | {"numbers": None}]
    found = contexts(table([decision(f"d{i}", **row) for i, row in enumerate(rows)]))["context"]
    assert found[0] == found[1]
    assert found[6] is None
    assert found[:6].n_unique() == 5
