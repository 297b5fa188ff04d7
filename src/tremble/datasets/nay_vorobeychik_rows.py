"""The file of Nay & Vorobeychik (2016): its 30 versions, its columns, and every check of them.

`my.payoff` follows from two moves under the payoffs of a version. With an error it is that of the
options carried out, and so tells the own one, which the person learned. `other.payoff` is not
read: with errors it is that of the own choice rather than of what was carried out, and in version
18 it is something else.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from tremble.decisions.files import FRESH
from tremble.disk.paths import why
from tremble.errors import MissingExtra, UserError
from tremble.text import one_line

FILE = "NV_games.rda"
FRAME = "NV_games"
LAGS = 9
CHOSEN = ("coop", "defect")
SAME = 1e-9  # between two amounts that are equal
_LARGEST = 256_000_000  # bytes of the file unpacked; those of the source are 70 million
_PACKED: dict[bytes, Any] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ": lzma.open}
_NUMBERS = ("period", "group", "infin", "contin", "delta", "error", "risk", "r", "s", "t", "p")
_LAGGED = ("my.decision", "other.decision", "my.payoff")


@dataclass(frozen=True, slots=True)
class Version:
    """One version: the study's short name and the points for both cooperating, cooperating alone,
    defecting alone and both defecting. Either `rounds` or `continues` is given. `normalised`: the
    points are r, s, t, p, not amounts seen; `lottery`: what is paid is drawn by lot."""

    study: str
    points: tuple[float, float, float, float]
    rounds: int | None = None
    continues: float | None = None
    error: float = 0.0
    lottery: bool = False
    normalised: bool = False
    continuous: bool = False

    def table(self) -> dict[str, dict[str, list[float]]]:
        """Own option -> other's option -> [own points, other's points]."""
        both, alone, against, neither = self.points
        return {
            "cooperate": {"cooperate": [both, both], "defect": [alone, against]},
            "defect": {"cooperate": [against, alone], "defect": [neither, neither]},
        }

    def expected(self) -> dict[str, Any]:
        """Column -> the value that all rows of this version have."""
        row: dict[str, Any] = {
            "data": self.study,
            "infin": float(self.rounds is None),
            "contin": float(self.continuous),
            "error": self.error,
            "risk": float(self.lottery),
        }
        if self.continues is not None:
            row["delta"] = self.continues
        if self.normalised:
            row |= zip("rstp", self.points, strict=True)
        return row


_KS = (0.1, 0.0, 0.12, 0.06)
_DF = {low: (low, 0.072, 0.3, 0.15) for low in (0.192, 0.24, 0.288)}
_FR = (0.198, -0.066, 0.264, 0.0)
_DB = ((0.325, 0.05, 0.5, 0.175), (0.375, 0.05, 0.5, 0.225))
VERSIONS: dict[int, Version] = {
    1: Version("BR", (0.105, 0.005, 0.175, 0.075), 10),
    2: Version("BR", (0.1, 0.0, 0.17, 0.07), 10, lottery=True, normalised=True),
    3: Version("DO", (0.2, 0.0, 0.3, 0.1), continues=0.9),
    4: Version("KS", _KS, 10, lottery=True, normalised=True),
    5: Version("KS", _KS, 10, normalised=True),
    6: Version("DF", _DF[0.192], continues=0.5),
    7: Version("DF", _DF[0.192], continues=0.75),
    8: Version("DF", _DF[0.24], continues=0.5),
    9: Version("DF", _DF[0.24], continues=0.75),
    10: Version("DF", _DF[0.288], continues=0.75),
    11: Version("DF", _DF[0.288], continues=0.5),
    12: Version("FR", (0.033, -0.066, 0.099, 0.0), continues=0.875, error=0.125),
    13: Version("FR", (0.066, -0.066, 0.132, 0.0), continues=0.875, error=0.125),
    14: Version("FR", (0.099, -0.066, 0.165, 0.0), continues=0.875, error=0.125),
    15: Version("FR", _FR, continues=0.875),
    16: Version("FR", _FR, continues=0.875, error=0.0625),
    17: Version("FR", _FR, continues=0.875, error=0.125),
    18: Version("AM", (0.07, 0.0, 0.12, 0.04), 10),
    19: Version("FO", (1.25, 0.0, 2.25, 1.0), 8, continuous=True),
    20: Version("FO", (1.25, 0.0, 1.75, 1.0), 8, continuous=True),
    21: Version("FO", (1.25, 0.0, 2.25, 0.5), 8, continuous=True),
    22: Version("FO", (1.25, 0.0, 1.75, 0.5), 8, continuous=True),
    23: Version("DB", _DB[0], 2),
    24: Version("DB", _DB[0], 4),
    25: Version("DB", _DB[1], 4),
    26: Version("DB", _DB[1], 2),
    27: Version("DB", _DB[0], continues=0.5),
    28: Version("DB", _DB[0], continues=0.75),
    29: Version("DB", _DB[1], continues=0.75),
    30: Version("DB", _DB[1], continues=0.5),
}


def read_frame(file: Path) -> Any:
    """The data frame in the file, as pandas has it."""
    try:
        import rdata
    except ImportError as error:
        raise MissingExtra("Reading .rda files", "rdata") from error
    try:
        with warnings.catch_warnings():  # about a file that is then refused, or read and checked
            warnings.simplefilter("ignore", UserWarning)
            content = io.BytesIO(_unpacked(file))
            frames = rdata.read_rda(content, altrep_constructor_dict=_sequences(rdata))
    except UserError:
        raise
    except Exception as error:  # whatever a damaged file makes of the reader
        raise UserError(f"{file}: not an R data file ({one_line(error)}); {FRESH}.") from error
    if FRAME not in frames:
        raise UserError(
            f"{file}: it holds {', '.join(map(str, frames)) or 'nothing'}, not {FRAME}; give the "
            f"{FILE} of Nay and Vorobeychik as downloaded."
        )
    return frames[FRAME]


def _sequences(rdata: Any) -> dict[bytes, Any]:
    """How vectors are made that a file only describes, such as 1 to n: none of any length."""

    def bounded(make: Any) -> Any:
        def made(state: Any) -> Any:
            if state.value[0] * 8 > _LARGEST:
                raise ValueError(f"it describes a vector of {state.value[0]:g} numbers")
            return make(state)

        return made

    known = dict(rdata.parser.DEFAULT_ALTREP_MAP)
    return known | {name: bounded(known[name]) for name in known if name.startswith(b"compact_")}


def _unpacked(file: Path) -> bytes:
    """What is in a file that R packed, if it is no larger than what is asked for can be: the reader
    would unpack any size."""
    try:
        with file.open("rb") as stream:
            start = stream.read(6)
            stream.seek(0)
            packers = [open_ for magic, open_ in _PACKED.items() if start.startswith(magic)]
            if not packers:
                content = stream.read(_LARGEST + 1)
            else:
                with packers[0](stream) as unpacked:
                    content = unpacked.read(_LARGEST + 1)
    except OSError as error:
        if error.strerror:
            raise UserError(f"Cannot read {str(file)!r} ({why(error)}); check the path.") from error
        raise
    if any(content.startswith(magic) for magic in _PACKED):
        raise ValueError("packed twice")
    if len(content) > _LARGEST:
        raise UserError(
            f"{file}: it is larger than {_LARGEST // 10**6} MB once unpacked, which {FILE} is not; "
            f"{FRESH}."
        )
    return content


class Table:
    """The columns of the file as arrays, and every check of them."""

    def __init__(self, file: Path, frame: Any) -> None:
        self.file = file
        self._columns: dict[str, np.ndarray] = {}
        lags = [f"{name}{lag}" for name in _LAGGED for lag in range(1, LAGS + 1)]
        for name in (*_NUMBERS, *lags):
            self._columns[name] = self._column(frame, name, float)
        for name in ("my.decision", "data"):
            self._columns[name] = self._column(frame, name, object)
        if not len(self):
            raise UserError(f"{file}: there are no rows in it; {FRESH}.")
        self.cooperated: np.ndarray = self._columns["my.decision"] == CHOSEN[0]

    def __len__(self) -> int:
        return len(self._columns["period"])

    def _column(self, frame: Any, name: str, kind: type) -> np.ndarray:
        if name not in frame:
            raise UserError(
                f"{self.file}: there is no column {name} in {FRAME}; give the {FILE} of Nay and "
                "Vorobeychik as downloaded."
            )
        try:
            return np.asarray(frame[name].to_numpy(dtype=kind))
        except (TypeError, ValueError) as error:
            raise UserError(
                f"{self.file}: {name} is not a number ({one_line(error)}); {FRESH}."
            ) from error

    def numbers(self, name: str) -> np.ndarray:
        return self._columns[name]

    def _fail(self, row: int, name: str, wanted: str) -> NoReturn:
        value = self._columns[name][row]
        shown = f"{value:.10g}" if isinstance(value, float) else repr(value)[:100]
        raise UserError(f"{self.file}, row {row + 1}: {name} is {shown}, not {wanted}; {FRESH}.")

    def _all(self, sound: np.ndarray, name: str, wanted: str) -> None:
        if not sound.all():
            self._fail(int(np.flatnonzero(~sound)[0]), name, wanted)

    def check(self, starts: np.ndarray) -> None:
        """Raises UserError for the first row that is not what the file says elsewhere."""
        period, group = self.numbers("period"), self.numbers("group")
        first = np.zeros(len(self), bool)
        first[starts] = True
        before = np.r_[0.0, period[:-1]]
        self._all(first | ((period == before + 1) & (before > 0)), "period", "the next round or 1")
        self._all(np.isin(group, list(VERSIONS)), "group", f"a version from 1 to {len(VERSIONS)}")
        self._all(first | (group == np.r_[0.0, group[:-1]]), "group", "that of its play")
        self._all(np.isin(self._columns["my.decision"], CHOSEN), "my.decision", " or ".join(CHOSEN))
        for number, version in VERSIONS.items():
            rows = group == number
            for name, value in version.expected().items():
                column = self._columns[name]
                text = isinstance(value, str)
                same = column == value if text else np.abs(column - value) < SAME
                shown = value if text else f"{value:g}"
                self._all(~rows | same, name, f"{shown} as in all of version {number}")
            if version.rounds is not None:
                last = np.r_[first[1:], True]
                wanted = f"the last of {version.rounds} rounds of version {number}"
                self._all(~rows | ~last | (period == version.rounds), "period", wanted)
        self._check_lags(first)
        self.carried_out = self._what_was_carried_out()

    def _check_lags(self, first: np.ndarray) -> None:
        """The first lags say what happened in the row before, the others what its own lags say."""
        for name in _LAGGED:
            for lag in range(1, LAGS + 1):
                column, here = self._columns[f"{name}{lag}"], f"{name}{lag}"
                self._all(~first | np.isnan(column), here, "missing in the first round")
                if name == "other.decision" and lag == 1:
                    self._all(first | np.isin(column, (0, 1)), here, "0 or 1")
                    continue
                if name == "my.payoff" and lag == 1:
                    self._all(first | np.isfinite(column), here, "an amount")
                    continue
                source = self.cooperated if lag == 1 else self._columns[f"{name}{lag - 1}"]
                before = np.r_[np.nan, source[:-1]]
                same = (column == before) | (np.isnan(column) & np.isnan(before))
                self._all(first | same, here, "what the row before says")

    def _what_was_carried_out(self) -> np.ndarray:
        """Whether the own option carried out in each row was to cooperate: with an error, the
        option for which so much is paid; in the last round of a play, whose payoff no row tells,
        the one chosen."""
        carried_out: np.ndarray = self.cooperated.copy()
        for number, version in VERSIONS.items():
            if version.normalised:  # the amounts paid are on another scale
                continue
            later = np.flatnonzero(
                (self.numbers("group") == number) & np.isfinite(self.numbers("my.payoff1"))
            )
            points = np.array(version.points).reshape(2, 2)[::-1, ::-1]  # [cooperated][other did]
            own = self.cooperated[later - 1].astype(int)
            other, paid = (self.numbers(name)[later] for name in ("other.decision1", "my.payoff1"))
            pays = points[own, other.astype(int)], points[1 - own, other.astype(int)]
            as_chosen, replaced = (np.abs(amount - paid) < SAME for amount in pays)
            sound = np.ones(len(self), bool)
            sound[later] = as_chosen | (replaced & (version.error > 0))
            self._all(sound, "my.payoff1", f"what the row before pays in version {number}")
            carried_out[later - 1] = np.where(as_chosen, own, 1 - own)
        return carried_out
