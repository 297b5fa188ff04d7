"""The messages of the commands, with keywords of Python for options of a command."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tremble.errors import UserError
from tremble.text import did_you_mean

# Options that are named in sentences and are a keyword here; "the --out of `tremble run`" is that
# of the command, and so is what stands in a command line, between backticks.
_OPTION = re.compile(
    r"(?<![\w'\"-])--(out|chat|template|model|contrast|formulation|format|formats|presentation|base|keep|task)\b"
    r"(?![\w-]| of )"
)
_FLAGS = {"chat": "chat=True"}


@contextmanager
def in_python() -> Iterator[None]:
    """Errors of the user's that say `out` where a command would say `--out`, and so on."""
    try:
        yield
    except UserError as error:
        error.args = (with_keywords(str(error)), *error.args[1:])
        raise


def with_keywords(sentence: str) -> str:
    """A sentence with the keywords of Python for the options of a command."""
    parts = sentence.split("`")
    parts[::2] = [_OPTION.sub(lambda at: _FLAGS.get(at[1], at[1]), part) for part in parts[::2]]
    return "`".join(parts)


def check_keywords(what: str, given: Mapping[str, Any], known: list[str]) -> None:
    """Raises UserError for a keyword that `what` does not take."""
    for name in given:
        if name not in known:
            raise UserError(f"{what} has no argument {name!r}{did_you_mean(name, known)}")
