"""A terminal that shows what texts hold: names come from files of strangers, and none of them moves
the cursor, changes colours, or is read as markup."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from tremble.text import encodable, visible


class ShownConsole(Console):
    """`rich`'s console, with control characters shown, not obeyed, and strings as they stand:
    neither markup nor names of emoji are read in them, and characters that the stream's encoding
    lacks are shown by others."""

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, emoji=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """Before it is measured: what is shown is longer than what is obeyed."""
        return super().render_str(self._shown(text), **options)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """What no string became, such as texts with a style, last of all."""
        for segment in super().render(renderable, options):
            if segment.control:
                yield segment
            else:
                yield segment._replace(text=self._shown(segment.text))

    def _shown(self, text: str) -> str:
        return encodable(visible(text), self.encoding)
