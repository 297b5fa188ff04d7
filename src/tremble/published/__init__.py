"""The figures of the core study, recounted, and room to lay one's own study beside them.

E. Shapira, M. Tennenholtz, R. Reichart, "Alignment Makes Language Models Normative, Not
Descriptive", arXiv:2603.17218v2 (2026), CC BY 4.0. `figures` reads them, `sweep` recounts the
wins under every filter and says what rounding leaves open, `claims()` holds each printed figure
against a recount or says why there is none, `cloud()` is one row per pair and family of games.

Names resolve on first use: `tremble.pairs` needs `figures`, and `cloud` needs `tremble.pairs`.
No module bears the name of a function here: importing it would hide the function.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tremble.published.figures import CITATION, entries
    from tremble.published.points import cloud, overlay
    from tremble.published.recount import Claim
    from tremble.published.sweep import wins
    from tremble.published.text_claims import claims

__all__ = ["CITATION", "Claim", "claims", "cloud", "entries", "overlay", "wins"]

_HOME = {
    "CITATION": "figures",
    "Claim": "recount",
    "claims": "text_claims",
    "cloud": "points",
    "entries": "figures",
    "overlay": "points",
    "wins": "sweep",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
