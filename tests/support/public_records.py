"""Records of people's own prompts, for the tests of what Python users call."""

from __future__ import annotations

from typing import Any

ASKED = "Do you keep or share? Answer as JSON with the key decision."


def records(count: int = 40) -> list[dict[str, Any]]:
    """So many people under two frames each: 2 * count records."""
    return [
        {
            "id": f"mine/{frame}{n}",
            "prompt": f"You are in round {n} ({frame}). {ASKED}",
            "options": ["keep", "share"],
            "choice": "keep" if (7 * n + len(frame)) % 3 else "share",
            "participant": str(n),
            "config": {"frame": frame, "stakes": n % 4},
        }
        for n in range(count)
        for frame in ("neutral", "loss")
    ]
