"""The way a decision goes through the package: one `tremble run`, traced call by call."""

from __future__ import annotations

import importlib
import json
import pkgutil
import sys
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import tremble
from tests.support.structure import order_of_rooms, room_of
from tremble.cli import main

pytestmark = pytest.mark.slow

OWN = {"id": "one", "prompt": "Take 3?", "options": ["yes", "no"], "choice": "yes"}
# Entered by upstream rooms as well, which are given it: who hears of messages and of progress.
CALLED_BACK = {"report/terminal"}
ROOMS = 16
MODULES = 96  # in a process that has not run anything; caches hide some


@dataclass(frozen=True, slots=True)
class Entry:
    """The first call into a module, and the module it came from; "" for the program's start."""

    module: str
    caller: str


def entries(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> list[Entry]:
    """What `tremble` with these arguments enters, in order of first call.

    All modules are imported before, so that what importing runs does not count.
    """
    for module in pkgutil.walk_packages(tremble.__path__, "tremble."):
        if not module.name.startswith("tremble.bench.peers."):
            importlib.import_module(module.name)
    entered: dict[str, Entry] = {}

    def note(frame: FrameType, event: str, _: Any) -> None:
        name = _module(frame)
        if event == "call" and name is not None and name not in entered:
            back = frame.f_back
            while back is not None and _module(back) in (None, name):
                back = back.f_back
            entered[name] = Entry(name, "" if back is None else _module(back) or "")

    monkeypatch.setattr(sys, "argv", ["tremble", *arguments])
    # What the program does with its process is no part of the way, and this one goes on.
    monkeypatch.setattr("tremble.cli.catch_signals", lambda: None)
    monkeypatch.setattr("tremble.cli.open_streams", lambda: None)
    sys.setprofile(note)
    try:
        with pytest.raises(SystemExit) as ended:
            main()
    finally:
        sys.setprofile(None)
    assert ended.value.code == 0
    return list(entered.values())


def _module(frame: FrameType) -> str | None:
    """The module of the package that a frame's function is of, None for another one, and for a text
    that is evaluated, as types of parameters are."""
    if frame.f_code.co_name == "<module>":
        return None
    package, _, name = str(frame.f_globals.get("__name__", "")).partition(".")
    return name if package == "tremble" and name else None


def test_a_decision_goes_through_few_rooms_and_never_back_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One decision of one's own and one made-up model."""
    (tmp_path / "mine.jsonl").write_text(json.dumps(OWN), encoding="utf-8")
    study = '[study]\nname = "s"\ndata = ["mine.jsonl"]\n[[model]]\nid = "mock"\n'
    (tmp_path / "s.toml").write_text(study, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    entered = entries(["run", "s.toml"], monkeypatch)
    rooms: dict[str, str] = {}  # each with the room that first enters it
    for entry in entered:
        rooms.setdefault(room_of(entry.module), room_of(entry.caller) if entry.caller else "")
    way = " -> ".join(rooms)
    assert list(rooms)[:4] == ["cli", "commands", "disk", "study"], way  # disk: what a path may be
    assert {"datasets", "decisions", "prompts", "tokenization", "engines", "store"} <= set(rooms)
    assert len(rooms) <= ROOMS, way
    assert len(entered) <= MODULES, ", ".join(entry.module for entry in entered)
    place = {room: number for number, room in enumerate(order_of_rooms())}
    back_up = [
        f"{room} from {caller}"
        for room, caller in rooms.items()
        if caller and place[caller] < place[room] and room not in CALLED_BACK
    ]
    assert not back_up, f"{', '.join(back_up)}, on the way {way}"
