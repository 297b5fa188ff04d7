"""GLEE's raw games as plain rows: where the games lie, what a cell means, what is not GLEE.

Both forms of a game, the raw `config.json` with `game.csv` and one JSON record with numbers only,
become the same settings and the same `Row`s here, so that `glee.build` sees no difference.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tremble.decisions.files import text_of, too_deep
from tremble.disk.paths import is_file, is_folder
from tremble.errors import UserError
from tremble.text import one_line

FAMILIES = ("bargaining", "negotiation", "persuasion")
COLUMNS = {
    "bargaining": ("alice_gain", "bob_gain", "message", "player", "round", "decision"),
    "negotiation": ("message", "product_price", "player", "round", "decision"),
    "persuasion": ("round_quality", "product_worth", "player", "round", "message", "decision"),
}
PLAYERS = ("Alice", "Bob")
ROOT = "human_vs_llm"
MODELS_ROOT = "llm_vs_llm"
_FILES = ("config.json", "game.csv")
FRESH = "restore it from a fresh copy of GLEE"
_NOTHING = ("", "None", "nan")
_YES_NO = {"yes": "yes", "no": "no"}
_KEYS = {  # the word in the file -> the key of the option
    "bargaining": {"accept": "accept", "reject": "reject"},
    "negotiation": {
        "AcceptOffer": "AcceptOffer",
        "RejectOffer": "RejectOffer",
        "SellToJhon": "DealWithJohn",
        "BuyFromJhon": "DealWithJohn",
    },
    "persuasion": _YES_NO,
}
_QUALITIES = {"high-quality": "high", "low-quality": "low"}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a game. `kind` is offer, decision, recommendation (the seller's, in words or as
    yes or no) or quality (Nature's draw); what the kind does not have is None.

    `gains` are Alice's and Bob's nominal amounts, `choice` the key of an option, `raw` its word
    in the file, `quality` high or low, `worth` what the product is worth to the buyer.
    """

    kind: str
    player: str
    round: int
    gains: tuple[float, float] | None = None
    price: float | None = None
    message: str | None = None
    choice: str | None = None
    raw: str | None = None
    quality: str | None = None
    worth: float | None = None


def find_games(path: Path, roots: Sequence[str] = (ROOT,)) -> list[Path]:
    """The folders of the games at `path`, sorted: a family, the folder of families (one of
    `roots`), one above it.

    Raises UserError when there is no such path, or no game or two copies of GLEE under it.
    """
    if not is_file(path) and not is_folder(path):
        raise UserError(f"There is no file or folder {str(path)!r}; check the path.")
    top = path.parent if is_file(path) and path.name in _FILES else path
    tops = [top]
    if not set(roots).intersection(top.resolve().parts):
        tops = [copy for root in roots if (copy := _only(root, top, path)) is not None] or [top]
    games = {
        file.parent
        for below in tops
        for name in _FILES
        for file in below.rglob(name)
        if _in_a_family(file.parent)
    }
    if not games:
        raise UserError(
            f"No GLEE game in or under {str(path)!r}; give GLEE's folder {ROOT}, a folder above "
            "it, or one family below it."
        )
    return sorted(games)


def _only(root: str, top: Path, path: Path) -> Path | None:
    """The folder called `root` under `top`, None where there is none."""
    copies = sorted(folder for folder in top.rglob(root) if folder.is_dir())
    if len(copies) > 1:
        raise UserError(
            f"{len(copies)} folders called {root} under {str(path)!r}; name one, "
            f"for example {str(copies[0])!r}."
        )
    return copies[0] if copies else None


def _in_a_family(folder: Path) -> bool:
    """Games lie at <family>/x/y/z/<ID>, at most four folders below their family."""
    return not set(folder.resolve().parts[-5:-1]).isdisjoint(FAMILIES)


def read_config(file: Path) -> dict[str, Any]:
    """The settings of one game as the file has them, with a known `game_type`.

    Raises UserError for a file that is missing, not UTF-8, not JSON, or of another game.
    """
    text = _text(file)
    try:
        config = json.loads(text)
        if too_deep(config):
            raise ValueError("nested too deeply")
    except (ValueError, RecursionError) as error:
        raise UserError(f"{file} is not JSON ({one_line(error)}); {FRESH}.") from error
    if not isinstance(config, dict) or config.get("game_type") not in FAMILIES:
        game_type = config.get("game_type") if isinstance(config, dict) else config
        raise UserError(
            f"{file}: game_type is {str(game_type)[:60]!r}, but GLEE has {', '.join(FAMILIES)}; "
            f"{FRESH}."
        )
    return config


def section(config: Mapping[str, Any], key: str, where: str) -> dict[str, Any]:
    """The part of a game's settings called `key`. Raises UserError where there is none."""
    part = config.get(key)
    if not isinstance(part, dict):
        raise UserError(f"{where}: {key} is {part!r}, but GLEE has an object; {FRESH}.")
    return part


def read_rows(file: Path, family: str, settings: Mapping[str, Any]) -> list[Row]:
    """The rows of one `game.csv`, in order.

    Raises UserError naming the file, and the line where there is one, for a file that is missing,
    empty, not UTF-8 or not the family's table, and for a cell that makes no sense.
    """
    text = _text(file)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[Row] = []
    start = 1
    header: list[str] = []
    try:
        for cells in reader:
            where, start = f"{file}, line {start}", reader.line_num + 1
            if not header:
                header = _header(cells, family, settings, where)
            elif cells and len(cells) != len(header):
                raise UserError(
                    f"{where}: {len(cells)} cells under {len(header)} columns; {FRESH}."
                )
            elif cells:
                table = dict(zip(header, cells, strict=True))
                rows.append(row_of(table, family, settings, where))
    except csv.Error as error:
        raise UserError(f"{file}, line {start}: {one_line(error)}; {FRESH}.") from error
    if not rows:
        raise UserError(f"{file} has no rounds; {FRESH}.")
    return rows


def _header(cells: list[str], family: str, settings: Mapping[str, Any], where: str) -> list[str]:
    """The columns; where no messages are allowed, models' games have none for them."""
    silent = settings.get("messages_allowed") is False
    needed = [name for name in COLUMNS[family] if not (silent and name == "message")]
    missing = [name for name in needed if name not in cells]
    if missing or len(set(cells)) != len(cells):
        raise UserError(
            f"{where}: the columns are {','.join(cells)[:200]!r}, but a {family} game of GLEE has "
            f"{','.join(COLUMNS[family])!r}; {FRESH}."
        )
    return cells


def _text(file: Path) -> str:
    if not is_file(file):
        raise UserError(f"There is no {file}, although its game is there; {FRESH}.")
    text = text_of(file, FRESH)
    if not text.strip():
        raise UserError(f"{file} is empty; {FRESH}.")
    return text


def row_of(cells: Mapping[str, Any], family: str, settings: Mapping[str, Any], where: str) -> Row:
    """One row out of text cells or JSON values.

    Raises UserError with `where` in it for a player, round, number or word GLEE does not have.
    """
    player, number = cells.get("player"), _count(cells.get("round"), "round", where)
    if player == "Nature" and family == "persuasion":
        word = cells.get("round_quality")
        if word not in _QUALITIES:
            raise _wrong(where, "round_quality", word, " or ".join(_QUALITIES))
        worth = _number(cells.get("product_worth"), "product_worth", where)
        return Row("quality", player, number, quality=_QUALITIES[word], worth=worth)
    if player not in PLAYERS:
        raise _wrong(where, "player", player, " or ".join(PLAYERS))
    if family == "persuasion" and player == "Alice":
        if settings["seller_message_type"] == "text":
            return Row("recommendation", player, number, message=_message(cells))
        key, raw = _choice(cells.get("decision"), family, where)
        return Row("recommendation", player, number, choice=key, raw=raw)
    written = _message(cells) if settings.get("messages_allowed") else None
    if not _nothing(cells.get("alice_gain")):
        alice, bob = (_number(cells.get(k), k, where) for k in ("alice_gain", "bob_gain"))
        return Row("offer", player, number, gains=(alice, bob), message=written)
    if not _nothing(cells.get("product_price")):
        price = _number(cells["product_price"], "product_price", where)
        return Row("offer", player, number, price=price, message=written)
    key, raw = _choice(cells.get("decision"), family, where)
    return Row("decision", player, number, choice=key, raw=raw)


def _message(cells: Mapping[str, Any]) -> str | None:
    """What was written where messages are possible: there 'none' is a word somebody typed."""
    message = cells.get("message")
    if not isinstance(message, str) or not message.strip():
        return None
    return message.replace("\r\n", "\n").replace("\r", "\n")


def _nothing(cell: Any) -> bool:
    if isinstance(cell, str):
        return cell.strip() in _NOTHING
    return cell is None or (isinstance(cell, float) and math.isnan(cell))


def _choice(cell: Any, family: str, where: str) -> tuple[str, str]:
    word = cell.strip() if isinstance(cell, str) else cell
    if not isinstance(word, str) or word not in _KEYS[family]:
        raise _wrong(where, "decision", cell, ", ".join(_KEYS[family]))
    return _KEYS[family][word], word


def _number(value: Any, what: str, where: str) -> float:
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise _wrong(where, what, value, "a number")
    return number


def _amount(value: Any, what: str, where: str) -> float:
    number = _number(value, what, where)
    if number < 0:
        raise _wrong(where, what, value, "a number of at least 0")
    return number


def _count(value: Any, what: str, where: str) -> int:
    number = _number(value, what, where)
    if number < 1 or number != int(number):
        raise _wrong(where, what, value, "a whole number from 1")
    return int(number)


def _share(value: Any, what: str, where: str) -> float:
    number = _amount(value, what, where)
    if number > 1:
        raise _wrong(where, what, value, "a number from 0 to 1")
    return number


def _flag(value: Any, what: str, where: str) -> bool:
    if not isinstance(value, bool):
        raise _wrong(where, what, value, "true or false")
    return value


def _kind(value: Any, what: str, where: str) -> str:
    if value not in ("text", "binary"):
        raise _wrong(where, what, value, "text or binary")
    return str(value)


def _wrong(where: str, what: str, value: Any, known: str) -> UserError:
    return UserError(f"{where}: {what} is {str(value)[:60]!r}, but GLEE has {known}; {FRESH}.")


_Check = Callable[[Any, str, str], Any]
_SETTINGS: dict[str, dict[str, _Check]] = {
    "bargaining": {
        "money_to_divide": _amount,
        "max_rounds": _count,
        "complete_information": _flag,
        "messages_allowed": _flag,
        "delta_1": _share,
        "delta_2": _share,
    },
    "negotiation": {
        "seller_value": _amount,
        "buyer_value": _amount,
        "product_price_order": _amount,
        "max_rounds": _count,
        "messages_allowed": _flag,
        "complete_information": _flag,
    },
    "persuasion": {
        "p": _share,
        "v": _amount,
        "c": _amount,
        "product_price": _amount,
        "is_seller_know_cv": _flag,
        "seller_message_type": _kind,
        "is_myopic": _flag,
        "total_rounds": _count,
        "is_buyer_know_p": _flag,
        "allow_buyer_message": _flag,
    },
}


def settings_of(
    family: str, parameters: Mapping[str, Any], deltas: Sequence[Any], where: str
) -> dict[str, Any]:
    """The parameters of a game under GLEE's own names, checked; discount factors in one place.

    `deltas` are those of players 1 and 2 where the players carry them (None where they do not);
    `delta_1` and `delta_2` among the parameters go first. Raises UserError with `where` in it.
    """
    settings = dict(parameters)
    for key, delta in zip(("delta_1", "delta_2"), deltas, strict=False):
        if settings.get(key) is None:
            settings[key] = delta
    return {key: check(settings.get(key), key, where) for key, check in _SETTINGS[family].items()}
