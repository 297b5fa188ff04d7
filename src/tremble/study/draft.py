"""A prompt as a text, before it is tokenised."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b

from tremble.decisions.record import Decision, Option
from tremble.prompts.conversation import Conversation
from tremble.tokenization.options import terminator_character
from tremble.tokenization.refusal import Refusal


@dataclass(frozen=True, slots=True)
class Draft:
    """One decision in one presentation as a text, not yet tokenised. `options` as shown.

    `opening` is the end of the text that opens the answer: in the plain format the text itself,
    which the answer continues, in a chat what follows the template. `refusal` says why the wording
    or control is not applicable; then there is no text and no `conversation`.
    """

    decision: Decision
    presentation: int
    options: tuple[Option, ...]
    text: str
    refusal: Refusal | None = None
    opening: str = ""
    conversation: Conversation | None = None

    @property
    def labels(self) -> list[str]:
        return [option.label for option in self.options]

    @property
    def words(self) -> str:
        """What people read (`Conversation.words`)."""
        return "" if self.conversation is None else self.conversation.words

    @property
    def mark(self) -> bytes:
        """What stands for everything that decides its tokens: the text, what ends the answer, the
        labels, and their surface forms."""
        digest = blake2b(digest_size=16)
        surface_forms = [
            word
            for o in self.options
            for word in (o.label, *o.surface_forms, "")
            if o.surface_forms
        ]
        for part in (
            self.text,
            terminator_character(self.opening) or "",
            *self.labels,
            *surface_forms,
            *([self.refusal.sentence] if self.refusal else []),
        ):
            raw = part.encode("utf-8", "surrogatepass")
            digest.update(len(raw).to_bytes(8, "little") + raw)
        return digest.digest()
