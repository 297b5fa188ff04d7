"""The prompts of one data set for one tokenizer, in a compact form: tokens as flat arrays.

A table is a Polars frame with one row per decision and presentation, in the order of the data.
What a prompt is made of (token ids, option paths, row key) stands at the first row that shows it
and is null at those that repeat it, so that equal prompts are tokenised and kept once. A token
takes four bytes in memory and far less on disk, since histories repeat one another.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, TypedDict, overload

import numpy as np
import numpy.typing as npt
import polars as pl

from tremble.disk.tables import read_rows, read_table
from tremble.prompts.parts import own_prompt
from tremble.store.schemas import Types
from tremble.study.columns import repeated, rows_of_a_part, token_lists
from tremble.study.draft import Draft
from tremble.tokenization.options import Ids, Reading, TokenPaths, boundary_warning
from tremble.tokenization.refusal import Refusal
from tremble.tokenization.surface_forms import SurfaceForms

_ROW: Types = {
    "decision": pl.String,
    "dataset": pl.String,
    "family": pl.String,
    "presentation": pl.Int8,
    "keys": pl.List(pl.String),  # of the options, in shown order
    "prompt": pl.UInt32,  # which distinct prompt, counted from 0 in order of appearance
}
_PROMPT: Types = {
    "row_key": pl.String,
    "prefix": pl.List(pl.UInt32),
    "paths": pl.List(pl.List(pl.UInt32)),
    "closed": pl.List(pl.Boolean),
    "closing": pl.UInt32,  # which set of closing ids, counted from 0; null where none
    "closing_ids": pl.List(pl.UInt32),  # that set, at the first prompt that needs it
    "spelled": pl.UInt32,  # which spellings the paths are, in the same way
    "spelled_as": pl.String,  # those spellings as JSON, at the first prompt that has them
    "join": pl.Boolean,
    "error": pl.String,
    "reason": pl.String,  # the error without what its kind says
    "error_kind": pl.String,
    "prompt_tokens": pl.Int32,
    "length": pl.Int32,  # tokens of the longest sequence that is computed
    "warning": pl.String,  # of a doubtful token boundary, at the first prompt that has one
    "control_texts": pl.String,  # in people's words, as a JSON list; null where none
}
TABLE = pl.Schema({**_ROW, **_PROMPT})
_REST = ["closing", "join", "reason", "error_kind", "spelled"]
_TOKENS = ["prefix", "paths", "closed", *_REST]
_JUMPS = 32  # back and forth between blocks of a table, before it is read whole


class TableBuilder:
    """Makes the rows of a table out of drafts, block by block. `tokenise` is asked for new prompts
    only, as is `control_texts` for control tokens in people's words; of prompts before no more than
    a mark is kept."""

    def __init__(
        self,
        tokenise: Callable[[Sequence[Draft]], Sequence[TokenPaths]],
        control_texts: Callable[[str], Sequence[str]] = lambda words: (),
    ) -> None:
        self._tokenise = tokenise
        self._control_texts = control_texts
        self._places: dict[bytes, int] = {}
        self._terminators: dict[Ids, int] = {}
        self._surface_forms: dict[SurfaceForms, int] = {}
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
            self._prompt(drafts[row], paths) for row, paths in zip(firsts, tokenised, strict=True)
        ]
        prompts = pl.DataFrame(
            {name: _column(name, [prompt.get(name) for prompt in found]) for name in _PROMPT}
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
            "prompt": places,
        }
        columns = {name: _column(name, values) for name, values in rows.items()}
        return pl.DataFrame({**columns, **prompts.to_dict()})

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
        }
        if found := self._control_texts(draft.words):
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
        if not self._warned and paths.refusal is None:
            doubt = boundary_warning(draft.text, draft.labels[0])
            # Where a wording of tremble's makes the boundary there is nothing to mend.
            if doubt is not None and own_prompt(draft.decision) is not None:
                prompt["warning"] = doubt
                self._warned = True
        return prompt


def _column(name: str, values: Sequence[Any]) -> pl.Series:
    if name == "prefix":
        return token_lists(values).rename(name)
    dtype = TABLE[name]
    made = repeated(values, dtype) if dtype.is_nested() else pl.Series(values, dtype=dtype)
    return made.rename(name)


class ControlCount(TypedDict):
    """Control tokens found together in people's words, and in how many decisions."""

    texts: list[str]
    decisions: int


@dataclass(frozen=True, slots=True)
class PromptTable:
    """A table on disk. Every method reads the columns that it needs, and keeps none.

    All raise UserError where the file is missing or damaged.
    """

    path: Path
    reading: Reading = "joint"

    def rows(self) -> pl.DataFrame:
        """One row per decision and presentation: decision, dataset, family, presentation, keys,
        prompt, and its prompt's row_key, join, prompt_tokens, length and `refusal`, why no model
        can be asked, with its `refusal_kind`, both null where one can."""
        names = {"error": "refusal", "error_kind": "refusal_kind"}
        facts = ["row_key", "join", "prompt_tokens", "length", *names]
        frame = read_table(self.path, [*_ROW, *facts]).rename(names)
        if not frame["row_key"].null_count():  # every prompt differs from all others
            return frame
        facts = frame.columns[len(_ROW) :]
        of_prompts = frame.select(facts).filter(pl.col("row_key").is_not_null())
        return frame.select(list(_ROW)).hstack(of_prompts[frame["prompt"]])

    def too_long(self, window: int) -> tuple[str, int] | None:
        """The first decision whose prompt has more than `window` tokens, and how many."""
        frame = read_table(self.path, ["decision", "length"])
        longer = frame.filter(pl.col("length") > window)
        return longer.row(0) if longer.height else None

    def warning(self) -> tuple[str, str] | None:
        """The first decision whose prompt meets its label doubtfully, and the sentence."""
        doubts = read_table(self.path, ["decision", "warning"]).drop_nulls("warning")
        return doubts.row(0) if doubts.height else None

    def control_texts(self) -> list[ControlCount]:
        """Control tokens in people's words: each set of texts found together, and in how many
        decisions."""
        frame = read_table(self.path, ["decision", "prompt", "control_texts"])
        texts = frame.drop_nulls("control_texts").select("prompt", texts="control_texts")
        found = frame.join(texts.unique("prompt"), on="prompt", maintain_order="left")
        counts = found.group_by("texts", maintain_order=True).agg(
            pl.col("decision").n_unique().alias("decisions")
        )
        return [
            {"texts": json.loads(row["texts"]), "decisions": row["decisions"]}
            for row in counts.iter_rows(named=True)
        ]

    def token_paths(self, prompts: pl.Series | None = None) -> TableView:
        """The token paths of distinct prompts, by their number in the order asked for; of all of
        them without `prompts`."""
        return TableView(self.path, self.reading, prompts)


def scorable(window: int | None) -> pl.Expr:
    """Of the rows of a table: whether a model with such a window is asked for their score."""
    fits = pl.lit(True) if window is None else pl.col("length") <= window
    return pl.col("refusal").is_null() & fits


class TableView(Sequence[TokenPaths]):
    """Token paths, made one at a time when asked for. Of a large table only the rows around the
    last one asked for are in memory; one that is read crosswise is read whole.

    All methods raise UserError where the file is missing or damaged.
    """

    def __init__(self, path: Path, reading: Reading, prompts: pl.Series | None = None) -> None:
        self._path, self._reading = path, reading
        facts = read_table(path, ["prompt_tokens", "spelled"])
        is_first = facts["prompt_tokens"].is_not_null()
        self._firsts = is_first.arg_true().to_numpy()  # rows, by the number of the prompt
        self._numbers = None if prompts is None else prompts.to_numpy()
        spelled = facts["spelled"].filter(is_first)
        self._spelled = None if spelled.null_count() == len(spelled) else spelled
        texts = read_table(path, ["spelled_as"])["spelled_as"].drop_nulls()
        self._surface_forms = [SurfaceForms.from_json(text) for text in texts]
        sets = read_table(path, ["closing_ids"])["closing_ids"].drop_nulls()
        self._terminators = [tuple(ids) for ids in sets.to_list()]
        tokens = int(facts["prompt_tokens"].sum())
        self._rows = rows_of_a_part(4 * tokens, facts.height)  # of a block
        self._at = -1  # which block is in memory
        self._block: _Block | None = None
        self._jumps = 0
        if facts.height <= self._rows:
            self._read(0)

    def __len__(self) -> int:
        return len(self._firsts if self._numbers is None else self._numbers)

    @overload
    def __getitem__(self, index: int) -> TokenPaths: ...
    @overload
    def __getitem__(self, index: slice) -> list[TokenPaths]: ...
    def __getitem__(self, index: int | slice) -> TokenPaths | list[TokenPaths]:
        if isinstance(index, slice):
            return [self._one(at) for at in range(*index.indices(len(self)))]
        at = index + len(self) if index < 0 else index
        if not 0 <= at < len(self):
            raise IndexError(f"prompt {index} of {len(self)}")
        return self._one(at)

    def surface_forms(self, index: int) -> SurfaceForms | None:
        """The surface forms that a prompt's paths are; None where they are those of the labels."""
        which = None if self._spelled is None else self._spelled[self._number(index)]
        return None if which is None else self._surface_forms[which]

    def _number(self, index: int) -> int:
        return index if self._numbers is None else int(self._numbers[index])

    def _one(self, index: int) -> TokenPaths:
        number = self._number(index)
        wanted = int(self._firsts[number]) // self._rows
        if self._block is None or wanted != self._at:
            self._read(wanted)
        assert self._block is not None
        prefix, paths, terminated, closing, join, reason, kind, spelled = self._block.of(number)
        return TokenPaths(
            prefix,
            paths,
            terminated,
            () if closing is None else self._terminators[closing],
            join,
            self._reading,
            None if kind is None else Refusal(kind, reason),
            None if spelled is None else self._surface_forms[spelled],
        )

    def _read(self, wanted: int) -> None:
        """Puts a block into memory in place of the last one."""
        if self._block is not None and wanted not in (0, self._at + 1):
            self._jumps += 1
            if self._jumps > _JUMPS:
                self._rows, wanted = max(1, int(self._firsts[-1]) + 1), 0
        start = wanted * self._rows
        self._block = None
        frame = read_rows(self._path, _TOKENS, start, self._rows)
        frame = frame.filter(pl.col("prefix").is_not_null())
        self._block = _Block(int(np.searchsorted(self._firsts, start)), frame)
        self._at = wanted


class _Block:
    """The prompts of some rows of a table, as flat arrays; `first` is the number of the first one.

    The ids of prompt i's prefix are `prefix[prefix_at[i]:prefix_at[i + 1]]`, counted from there.
    """

    def __init__(self, first: int, frame: pl.DataFrame) -> None:
        self._first = first
        self._prefix, self._prefix_at = _flat(frame["prefix"])
        options, self._option_at = _lists(frame["paths"])
        self._ids, self._id_at = _flat(options)
        self._terminated, _ = _flat(frame["closed"])
        self._rest = [frame[name].to_list() for name in _REST]

    def of(self, number: int) -> tuple[Any, ...]:
        """Prefix, paths, terminated, and what `_REST` names of a prompt."""
        at = number - self._first
        first, last = int(self._option_at[at]), int(self._option_at[at + 1])
        ends = self._id_at[first : last + 1].tolist()
        return (
            tuple(self._prefix[self._prefix_at[at] : self._prefix_at[at + 1]].tolist()),
            tuple(tuple(self._ids[start:end].tolist()) for start, end in pairwise(ends)),
            tuple(self._terminated[first:last].tolist()),
            *(column[at] for column in self._rest),
        )


def _lists(column: pl.Series) -> tuple[pl.Series, npt.NDArray[np.int64]]:
    """The items of all lists of a column, and where each list starts among them."""
    lengths = column.list.len().to_numpy()
    items = column if lengths.all() else column.filter(pl.Series(lengths > 0))
    return items.explode(), np.concatenate(([0], np.cumsum(lengths, dtype=np.int64)))


def _flat(column: pl.Series) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
    items, starts = _lists(column)
    return items.to_numpy(), starts
