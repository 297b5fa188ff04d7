"""Sessions for tests: transcripts as games, and the real files where they are at hand."""

from __future__ import annotations

import json
import os
import re
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tremble.decisions.record import Decision, Event, Game, Option

PSYCH = Path(os.environ.get("TREMBLE_DATA", "")) / "psych201"
needs_psych = pytest.mark.skipif(
    "TREMBLE_DATA" not in os.environ or not PSYCH.is_dir(),
    reason="TREMBLE_DATA is not set or has no sessions of Psych-201",
)


def events(text: str) -> tuple[Event, ...]:
    """A transcript as events."""
    pieces = re.split("<<(.*?)>>", text, flags=re.DOTALL)
    return tuple(
        Event("response", {"response": piece}) if place % 2 else Event("text", {"text": piece})
        for place, piece in enumerate(pieces)
    )


def session(
    text: str,
    participant: str = "1",
    experiment: str = "one",
    person: Mapping[str, Any] | None = None,
    part: str = "",
) -> list[Decision]:
    """The decisions of a session, one for each response that is not empty."""
    who = f"{experiment}/{participant}"
    game = Game(
        f"mine/{who}{part}",
        "mine",
        "session",
        {},
        events(text),
        person or {},
        {"experiment": experiment},
    )
    responses = [place for place, event in enumerate(game.events) if event.type == "response"]
    options = (Option("J", "J"), Option("F", "F"))
    return [
        Decision(
            f"{game.id}/r{number}",
            "mine",
            "session",
            options,
            target="J",
            choice=game.events[at].data["response"],
            response=game.events[at].data["response"],
            game=game,
            at=at,
            participant=who,
            round=number,
            config=game.config,
        )
        for number, at in enumerate(responses, 1)
        if game.events[at].data["response"]
    ]


def psych_lines(experiment: str) -> Iterator[dict[str, Any]]:
    """The lines of an experiment of the real files."""
    with zipfile.ZipFile(PSYCH / experiment / "prompts.jsonl.zip") as packed:
        (name,) = (name for name in packed.namelist() if not name.startswith("__MACOSX"))
        for line in packed.read(name).decode().splitlines():
            yield json.loads(line)
