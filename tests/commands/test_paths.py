"""A path that no file can have is one sentence, whichever command and option it is given to."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from typer.models import OptionInfo

from tests.support.commands import mistake
from tremble.commands.program import app

WRONG = {
    "null": "a\0b",
    "long": "a" * 256,
    "deep": "/".join(["deep"] * 1000),
    "nobody": "~nobody-of-this-name/x",
    "not UTF-8": "caf\udce9",
}


def takers() -> Iterator[tuple[str, list[str], int]]:
    """Every command line with one path to be given: its name, its words, and where the path goes;
    what else the command needs is there."""
    for words, command in commands():
        hints = get_type_hints(inspect.unwrap(command), include_extras=True)
        parameters = inspect.signature(command).parameters
        for taker, hint in hints.items():
            kind, *_ = (*get_args(hint), hint)  # Annotated[kind, ...]
            if Path not in (kind, *get_args(kind)):
                continue
            line, place = list(words), 0
            for name, parameter in parameters.items():
                if name == taker or parameter.default is inspect.Parameter.empty:
                    if isinstance(get_args(hints[name])[1], OptionInfo):
                        line.append(f"--{name}")
                    place = len(line) if name == taker else place
                    line.append("x")
            yield f"{' '.join(words)} {taker}", line, place


def commands() -> Iterator[tuple[list[str], Callable[..., Any]]]:
    groups = [([str(one.name)], one.typer_instance) for one in app.registered_groups]
    for words, group in [([], app), *groups]:
        assert group is not None
        for one in group.registered_commands:
            assert one.callback is not None
            yield [*words, one.name or one.callback.__name__], one.callback


TAKERS = list(takers())


def test_all_of_them_are_found() -> None:
    names = {name for name, *_ in TAKERS}
    assert {"run study", "xray html", "data import path", "data import out", "demo out"} <= names
    assert len(names) >= 14, names


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize(("name", "line", "place"), TAKERS, ids=[name for name, *_ in TAKERS])
def test_a_path_that_cannot_be(name: str, line: list[str], place: int, wrong: str) -> None:
    message = mistake(*line[:place], WRONG[wrong], *line[place + 1 :])
    assert message.startswith(("tremble: The path '", "tremble: The argument '"))


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize(
    "line",
    [
        ("xray", "demo", "one", "--format", "chat", "--template", "{}"),
        ("score", "--model", "mock:a", "--chat", "--template", "{}", "--prompt", "x",
         "--options", "a,b"),
        ("bench", "--python", "loop={}"),
    ],
    ids=lambda line: " ".join(line),
)  # fmt: skip
def test_a_text_that_may_be_a_path(line: tuple[str, ...], wrong: str) -> None:
    mistake(*(part.replace("{}", WRONG[wrong]) for part in line))
