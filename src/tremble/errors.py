"""What tremble raises. Every message holds the user's own value and the cure, in one sentence."""

from __future__ import annotations


class TrembleError(Exception):
    """Base of every error that tremble raises on purpose.

    >>> import tremble as tr
    >>> issubclass(tr.UserError, tr.TrembleError)
    True
    """


class UserError(TrembleError):
    """Something the user asked for cannot be done; the command line prints it and exits with 2.

    >>> import tremble as tr
    >>> try:
    ...     tr.read_decisions("nowhere.jsonl")
    ... except tr.UserError as error:
    ...     print(error)
    There is no file 'nowhere.jsonl'; check the path.
    """

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows: the sentence without a traceback."""
        return [f"tremble: {self}"]


class ModelUnavailable(UserError):
    """A model is unavailable now, though the study file is right: a study goes on without it.

    >>> import tremble as tr
    >>> issubclass(tr.ModelUnavailable, tr.UserError)
    True
    """


class MissingExtra(UserError):
    """An optional dependency is not installed.

    >>> import tremble as tr
    >>> print(tr.MissingExtra("the page", "report"))
    the page needs an optional package: pip install "tremble[report]".
    """

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f'{what} needs an optional package: pip install "tremble[{extra}]".')
