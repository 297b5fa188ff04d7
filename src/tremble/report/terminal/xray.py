"""A decision looked at closely, in a terminal. Marks are words, so that they survive a pipe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.text import Text

from tremble.report.tables.table import count
from tremble.report.tables.xray import (
    comparison,
    folded,
    heading,
    notes,
    people,
    presentations,
    printable,
    visible,
    where_and_who,
)
from tremble.report.terminal.tables import print_tables
from tremble.text import MISSING, counted, decimal

XRay = Mapping[str, Any]
_HEAD_LINES, _TAIL_LINES = 12, 12


def show_xray(xray: XRay, console: Console, everything: bool = False) -> None:
    """Prints the parts of the prompt, its text and tokens for each model, the scores side by side,
    and then what no model saw. Long texts are folded, unless `everything`."""
    _title(console, xray["decision"]["id"])
    _plain(console, where_and_who(xray))
    for note in notes(xray):
        _plain(console, f"Note: {note}")
    shown = presentations(xray)
    for number, readings in shown.items():
        if len(shown) > 1:
            console.print()
            _title(console, f"Presentation {number}")
        for part in ("system", "user", "opening"):
            _text(console, part, readings[0][part], everything)
        for reading in readings:
            console.print()
            _title(console, heading(reading))
            _text(console, "text", reading["text"], everything)
            _tokens(console, reading, everything)
            _options(console, reading)
    console.print()
    print_tables([comparison(xray)], console)
    _title(console, "Never shown to a model")
    for name, words in people(xray):
        _plain(console, f"{name}: {words}")


def _title(console: Console, text: str) -> None:
    console.print(Text(printable(text), style="bold", overflow="fold"))


def _plain(console: Console, text: str) -> None:
    console.print(Text(printable(text), overflow="fold"))


def _text(console: Console, name: str, text: str, everything: bool) -> None:
    """A part of the prompt, indented by a bar."""
    if not text:
        _plain(console, f"{name}: none")
        return
    console.print(Text(f"{name}:", style="underline"))
    lines = printable(text).split("\n")
    left_out = len(lines) - _HEAD_LINES - _TAIL_LINES
    if left_out > 1 and not everything:
        fold = f"… {counted(left_out, 'more line')}; --all shows them"
        lines = [*lines[:_HEAD_LINES], fold, *lines[-_TAIL_LINES:]]
    for line in lines:
        _plain(console, f"  | {line}")


def _tokens(console: Console, reading: XRay, everything: bool) -> None:
    """Up to the answer start: piece/id, and a line's end where a token holds one."""
    tokens = reading["tokens"]
    console.print(Text(f"{count(len(tokens))} tokens, as piece/id:", style="underline"))
    head, middle, tail = (tokens, [], []) if everything else folded(tokens)
    line = Text("  ", overflow="fold")
    for token in head:
        _append(line, token)
    if middle:
        line.append(f"\n  … {count(len(middle))} more tokens; --all shows them\n  ")
    for token in tail:
        _append(line, token)
    line.append("▌", style="bold")
    line.append("answer starts here")
    console.print(line)
    if reading["straddled"]:
        line = Text(
            "  token boundary: tokenised on its own, the prompt continues with ", overflow="fold"
        )
        for token in reading["straddled"]:
            _append(line, token)
        console.print(line)


def _append(line: Text, token: XRay) -> None:
    mark = {"bos": "BOS:", "special": "special:"}.get(token["mark"] or "", "")
    if token["join"]:
        mark = "boundary:" + mark
    line.append(mark, style="bold")
    line.append(visible(token["piece"]), style="reverse" if mark else "")
    line.append(f"/{token['id']}", style="dim")
    line.append("\n  " if token["piece"].endswith("\n") else " ")


def _options(console: Console, reading: XRay) -> None:
    """The tokens of each option, and of a response, with their log-probabilities."""
    said, options = reading["response"], reading["options"]
    closes = "closing quote" if said is None else "closing mark"
    if options:
        _underlined(console, "options, token by token with log-probabilities:")
    for option in options:
        closing = f"{closes} {_number(option['closing_logprob'])}" if option["closed"] else ""
        _path(console, option["label"], option["tokens"], closing)
    if said is not None:
        _underlined(console, "the response, token by token with log-probabilities:")
        _path(console, said["text"], said["tokens"], f"{closes} {_number(said['closing_logprob'])}")
    tokens = [token for one in (*options, *filter(None, [said])) for token in one["tokens"]]
    if any(token["join"] for token in tokens):
        _plain(console, "  (boundary: this token also contains text from before the answer)")
    if any(token["logprob"] is None for token in tokens) and reading["error"] is None:
        what = "options" if options else "responses"
        _plain(console, f"  ({MISSING}: this model scores {what}, not tokens)")


def _number(value: float | None) -> str:
    return decimal(value, 4)


def _underlined(console: Console, text: str) -> None:
    console.print(Text(text, style="underline"))


def _path(console: Console, label: str, tokens: list[XRay], closing: str) -> None:
    line = Text(f"  {printable(label)}:  ", overflow="fold")
    for token in tokens:
        _append(line, token)
        line.append(f"{_number(token['logprob'])}  ")
    line.append(closing)
    console.print(line)
