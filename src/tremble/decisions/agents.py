"""Who played a game (`agents`), and the checks of what names them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tremble.decisions.fields import Fields
from tremble.decisions.record import AGENT_KINDS, STATUS, STATUSES, Game
from tremble.text import as_written, composed, did_you_mean

_KEYS = {"kind", "base"}


def agents_of(check: Fields, value: dict[str, Any]) -> dict[str, dict[str, str]]:
    """The `agents` of a game's line: name to `kind` and perhaps `base`, names composed as those of
    participants are; empty where the line has none. Fails for any other form."""
    agents: dict[str, dict[str, str]] = {}
    for written, facts in check.table(value, "agents").items():
        name = composed(written)
        if not name:
            check.fail("an agent in agents has an empty name; write its name.")
        if name in agents:
            check.fail(f"agents names {name!r} twice; keep one.")
        if not isinstance(facts, dict):
            check.fail(
                f"agents.{name} is {as_written(facts)}; it must be an object with kind, and "
                "optionally base."
            )
        for key in facts:
            if key not in _KEYS:
                check.fail(
                    f"agents.{name} has an unknown key {key!r}{did_you_mean(key, sorted(_KEYS))}"
                )
        if facts.get("kind") not in AGENT_KINDS:
            check.fail(
                f"agents.{name}.kind is {as_written(facts.get('kind'))}; it must be "
                f"{', '.join(AGENT_KINDS[:-1])} or {AGENT_KINDS[-1]}."
            )
        agents[name] = {"kind": facts["kind"]}
        base = check.name(facts, "base")
        if base is not None:
            agents[name]["base"] = base
    return agents


def check_agent(
    check: Fields, game: Game, participant: str | None, config: Mapping[str, Any]
) -> None:
    """Fails where a game says who played and this participant is none of them, or where `status`
    in the config of an agent's record is not how its reply was understood."""
    if not game.agents or participant is None:
        return
    if participant not in game.agents:
        check.fail(
            f"participant {participant!r} is not among the agents of game "
            f"{game.id!r}{did_you_mean(participant, list(game.agents))}"
        )
    status = config.get(STATUS, STATUSES[0])
    if status not in STATUSES:
        check.fail(
            f"config.{STATUS} is {as_written(status)}; for an agent it says how the reply was "
            f"understood: {', '.join(STATUSES[:-1])} or {STATUSES[-1]}."
        )
