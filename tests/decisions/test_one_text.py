"""An item is one text in one condition."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.record_lines import OWN, write_lines
from tests.support.round_trip import come_back
from tremble.decisions import jsonl
from tremble.decisions.lines import Fault


def test_an_item_has_one_text_in_one_condition(tmp_path: Path) -> None:
    """Another text is another item, or another condition, which config, role or round say."""
    low: dict[str, Any] = {"config": {"stakes": "low"}}
    high: dict[str, Any] = {"config": {"stakes": "high", "more": 1}}
    sound: list[dict[str, Any]] = [
        {**OWN, "item": "1", **low},
        {**OWN, "item": "1", **low, "participant": "b"},
        {**OWN, "item": "2", "prompt": "Bob offers 10.", **low},
        {**OWN, "item": "1", "prompt": "Alice offers 1000.", **high},
        {**OWN, "item": "1", "prompt": "Alice offers 10. Round 2.", "round": 2, **low},
        {**OWN, "item": "1", "prompt": "Alice offered 10.", "role": "seller", **low},
        {**OWN, "item": "1", "prompt": "Alice offers 10?", "dataset": "other", **low},
        {**OWN, "item": "1", "prompt": "Alice offers 11.", "family": "other", **low},
    ]
    read = list(jsonl.read(write_lines(tmp_path / "m.jsonl", *sound)))
    assert [decision.item for decision in read] == ["1", "1", "2", *"11111"]
    come_back(read, tmp_path)
    for other in ({"prompt": "Alice offers 9."}, {"system": "Be brief."}, {"opening": ""}):
        again = {"more": 1, "stakes": "high"}  # the same config, in another order
        line = {**sound[3], "config": again, **other}
        with pytest.raises(Fault) as caught:
            list(jsonl.read(write_lines(tmp_path / "m.jsonl", *sound, line)))
        assert caught.value.line == 9
        assert caught.value.message == (
            "the item '1' has a different text than on line 4, with the same config; give every "
            "text its own item, or say in config what differs."
        )
