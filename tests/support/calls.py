"""How often a test has a function called."""

from __future__ import annotations

from typing import Any

import pytest


def counting(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> list[str]:
    """A mark for each time that a function is called."""
    calls: list[str] = []
    whole = getattr(owner, name)

    def counted(*given: Any, **named: Any) -> Any:
        calls.append(name)
        return whole(*given, **named)

    monkeypatch.setattr(owner, name, counted)
    return calls
