"""The rows of a table of prompts, made out of drafts and their token paths."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import polars as pl

from tremble.decisions.participants import experiment_of
from tremble.prompts.parts import own_prompt
from tremble.study.columns import repeated, token_lists
from tremble.study.draft import Draft
from tremble.study.table_schema import MARKS, PROMPT, TABLE
from tremble.tasks.task_file import text_mark
from tremble.tokenization.options import TokenPaths, boundary_warning
from tremble.tokenization.session_text import SessionTokens
from tremble.tokenization.surface_forms import SurfaceForms
from tremble.tokenization.trunk import Ids, Stretch


class TableBuilder:
    """Makes the rows of a table out of drafts, block by block. `tokenise` is asked for new prompts
    only, as is `control_texts` for control tokens in people's words; of prompts before no more than
    a mark is kept. `compared`: the texts are compared with the prompts of a task."""

    def __init__(
        self,
        tokenise: Callable[[Sequence[Draft]], Sequence[TokenPaths]],
        control_texts: Callable[[str], Sequence[str]] = lambda words: (),
        compared: bool = False,
    ) -> None:
        self._tokenise = tokenise
        self._control_texts = control_texts
        self._compared = compared
        self._places: dict[bytes, int] = {}
        self._terminators: dict[Ids, int] = {}
        self._surface_forms: dict[SurfaceForms, int] = {}
        self._trunks = 0
        self._warned = False

    def rows(self, drafts: Sequence[Draft]) -> pl.DataFrame:
        """The next rows. Raises what `tokenise` raises."""
        places, firsts = [], []
        for row, draft in enumerate(drafts):
            mark = draft.mark
            if mark not in self._places:
                self._places[mark] = len(self._places)
                firsts.append(row)
            places.append(self._places[mark])
        tokenised = self._tokenise([drafts[row] for row in firsts])
        found = [
            self._prompt(drafts[row], paths) | self._marks(drafts[row])
            for row, paths in zip(firsts, tokenised, strict=True)
        ]
        return _frame(drafts, places, firsts, found)

    def session(
        self,
        drafts: Sequence[Draft],
        tokenised: Sequence[TokenPaths],
        told: SessionTokens | None = None,
    ) -> pl.DataFrame:
        """The next rows, of prompts that begin one text, with their token paths, in the order in
        which they begin it; `told`: the session that they are of, None where nothing of it is
        read."""
        places, firsts, found = [], [], []
        trunks: dict[int, int] = {}  # those that stand here already, by identity
        for row, (draft, paths) in enumerate(zip(drafts, tokenised, strict=True)):
            prompt = self._prompt(draft, paths)
            mark = prompt["row_key"].encode()
            new = len(self._places)
            places.append(self._places.setdefault(mark, new))
            if places[-1] < new:
                continue
            if told is not None and isinstance(prefix := paths.prefix, Stretch):
                known = id(prefix.trunk) in trunks
                number = trunks.setdefault(id(prefix.trunk), self._trunks)
                self._trunks += not known
                ids = () if known else prefix.trunk.ids
                prompt |= {"trunk": number, "stop": prefix.stop, "prefix": prefix.rest}
                if not known:
                    prompt |= {"trunk_ids": ids, "added": told.added, "branches": told.branches}
                    prompt |= {"experiment": experiment_of(draft.decision), "read": len(told.paths)}
                prompt["held"] = len(prefix.rest) + len(ids)
            firsts.append(row)
            found.append(prompt)
        room = any(one.refusal is None or one.refusal.kind != "cut" for one in tokenised)
        return _frame(drafts, places, firsts, found, room)

    def _prompt(self, draft: Draft, paths: TokenPaths) -> dict[str, Any]:
        prompt: dict[str, Any] = {
            "row_key": paths.key(),
            "prefix": paths.prefix,
            "paths": paths.paths,
            "closed": paths.terminated,
            "join": paths.token_boundary,
            "error": paths.error,
            "reason": None if paths.refusal is None else paths.refusal.reason,
            "error_kind": None if paths.refusal is None else paths.refusal.kind,
            "prompt_tokens": len(paths.prefix),
            "length": paths.length,
            "held": len(paths.prefix),
            "response": paths.response,
        }
        # Those of a session are looked for once, and stand at its first prompt.
        if draft.words and (found := self._control_texts(draft.words)):
            prompt["control_texts"] = json.dumps(found, ensure_ascii=False)
        if paths.terminator:
            known = len(self._terminators)
            prompt["closing"] = self._terminators.setdefault(paths.terminator, known)
            if prompt["closing"] == known:
                prompt["closing_ids"] = paths.terminator
        if paths.surface_forms is not None:
            known = len(self._surface_forms)
            prompt["spelled"] = self._surface_forms.setdefault(paths.surface_forms, known)
            if prompt["spelled"] == known:
                prompt["spelled_as"] = paths.surface_forms.to_json()
        if not self._warned and paths.refusal is None and paths.response is None:
            doubt = boundary_warning(draft.text, draft.labels[0])
            # Where a wording of tremble's makes the boundary there is nothing to mend.
            if doubt is not None and own_prompt(draft.decision) is not None:
                prompt["warning"] = doubt
                self._warned = True
        return prompt

    def _marks(self, draft: Draft) -> dict[str, int]:
        if not self._compared or draft.conversation is None:
            return {}
        told = draft.conversation
        texts = zip(MARKS, (told.words, told.user, told.plain()), strict=True)
        return {name: text_mark(text) for name, text in texts if text.strip()}


def _frame(
    drafts: Sequence[Draft],
    places: Sequence[int],
    firsts: Sequence[int],
    found: Sequence[Mapping[str, Any]],
    room: bool | None = None,
) -> pl.DataFrame:
    """Rows of drafts: `places` are the numbers of their prompts, `firsts` the rows that show one
    first, with what is `found` of it. `room`: of a session, whether it keeps any response."""
    prompts = pl.DataFrame(
        {name: _column(name, [prompt.get(name) for prompt in found]) for name in PROMPT}
    )
    if len(firsts) < len(drafts):
        found_at = dict(zip(firsts, range(len(firsts)), strict=True))
        at = pl.Series([found_at.get(row) for row in range(len(drafts))], dtype=pl.UInt32)
        prompts = prompts.select(pl.all().gather(at))
    rows: dict[str, Sequence[Any]] = {
        "decision": [draft.decision.id for draft in drafts],
        "dataset": [draft.decision.dataset for draft in drafts],
        "family": [draft.decision.family for draft in drafts],
        "presentation": [draft.presentation for draft in drafts],
        "keys": [tuple(option.key for option in draft.options) for draft in drafts],
        "room": [room, *[None] * (len(drafts) - 1)] if drafts else [],
        "prompt": places,
    }
    columns = {name: _column(name, values) for name, values in rows.items()}
    return pl.DataFrame({**columns, **prompts.to_dict()})


def _column(name: str, values: Sequence[Any]) -> pl.Series:
    if name == "prefix":
        return token_lists(values).rename(name)
    if name == "trunk_ids":
        return _sparse_lists(values).rename(name)
    dtype = TABLE[name]
    made = repeated(values, dtype) if dtype.is_nested() else pl.Series(values, dtype=dtype)
    return made.rename(name)


def _sparse_lists(values: Sequence[Sequence[int] | None]) -> pl.Series:
    """A column of lists of token ids, most of them null."""
    lists = [value for value in values if value is not None]
    places = iter(range(len(lists)))
    at = [None if value is None else next(places) for value in values]
    made = token_lists(lists) if lists else pl.Series([], dtype=pl.List(pl.UInt32))
    return made.gather(pl.Series(at, dtype=pl.UInt32))
