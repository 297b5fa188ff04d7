"""What a run tells of its progress."""

from __future__ import annotations


class Progress:
    """Told of prompts as they are scored; the command line shows it, the library ignores it."""

    def prepare(self, prompts: int) -> None:
        """`prompts` prompts, of all models, are about to be rendered."""

    def start(self, model: str, prompts: int) -> None:
        """`prompts` distinct prompts of a model are about to be scored. Those that no model can be
        asked are not among them."""

    def advance(self, prompts: int) -> None:
        """So many more of them are done."""
