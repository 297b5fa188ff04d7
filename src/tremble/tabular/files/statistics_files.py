"""Files of SPSS (.sav, .zsav, .por) and Stata (.dta), read by pyreadstat."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from tremble.errors import MissingExtra, UserError
from tremble.tabular.files.cells import cell
from tremble.tabular.files.held import Held
from tremble.tabular.files.streams import first_bytes, refuse_others
from tremble.tabular.files.values import text_of
from tremble.tabular.table import Reading
from tremble.text import one_line

_READERS = {".sav": "read_sav", ".zsav": "read_sav", ".por": "read_por", ".dta": "read_dta"}
_PROGRAM = {".dta": "Stata"}


def opened(path: Path, how: Reading) -> Held:
    """As `open_table`: labels in place of codes unless `how.codes`, labels of variables as texts
    of questions, values that the user defined as missing missing.

    Raises UserError where it is no such file, and MissingExtra without pyreadstat.
    """
    reader = _pyreadstat()
    ending = path.suffix.lower()
    program = _PROGRAM.get(ending, "SPSS")
    own = (".sav", ".zsav") if _READERS[ending] == "read_sav" else (ending,)
    refuse_others(path, own, first_bytes(path))
    try:
        options = {"encoding": how.encoding} if how.encoding and ending != ".por" else {}
        columns, about = _read(getattr(reader, _READERS[ending]), path, options)
    except UnicodeDecodeError as error:
        raise UserError(_wrong_encoding(path)) from error
    except Exception as error:  # of a kind of pyreadstat's own, which only says Exception
        if how.encoding and "character set" in str(error):
            raise UserError(
                f'{str(path)!r}: encoding = "{how.encoding}" is not an encoding of {program} '
                "files; leave it out of [file], or give the right one."
            ) from error
        if "encod" in str(error) or "convert string" in str(error):
            raise UserError(_wrong_encoding(path)) from error
        raise UserError(
            f"{str(path)!r} is not a valid {program} file, or is damaged ({one_line(error)}); "
            f"save it again in {program}, or rename it to the ending for its format."
        ) from error
    labels = {} if how.codes else about.variable_value_labels
    held = [(name, _labelled(values, labels.get(name, {}))) for name, values in columns.items()]
    named = {cell(name) or "": cell(text or "") for name, text in _questions(about).items()}
    questions = {name: text for name, text in named.items() if name and text}
    made = Held(str(path), held, how, "case", questions=questions)
    merged = {
        cell(name) or "": _merged(name, columns[name], labels[name])
        for name in labels
        if name in columns
    }
    made.odd = {name: note for name, note in merged.items() if note}
    return made


def _read(reader: Callable[..., Any], path: Path, options: dict[str, Any]) -> tuple[Any, Any]:
    """Columns by name, and what the file says about them."""
    try:
        columns, about = reader(str(path), output_format="dict", **options)
    except OverflowError:  # a day after the year 9999 keeps none from being read as numbers
        options = {**options, "disable_datetime_conversion": True}
        columns, about = reader(str(path), output_format="dict", **options)
    return columns, about


def _pyreadstat() -> ModuleType:
    try:
        import pyreadstat
    except ImportError as error:
        raise MissingExtra("Reading SPSS and Stata files", "tables") from error
    module: ModuleType = pyreadstat
    return module


def _labelled(values: Sequence[Any], labels: Mapping[Any, str]) -> list[Any]:
    """Values with the label of each in its place, where it has one."""
    if not labels:
        return list(values)
    return [labels.get(value, value) for value in values]


def _merged(name: str, values: Sequence[Any], labels: Mapping[Any, str]) -> str | None:
    """A sentence on values that are one text once labels stand in their place."""
    known: dict[str, list[str]] = {}
    for value in dict.fromkeys(values):
        text, code = text_of(labels.get(value, value)), text_of(value)
        if text is not None and code is not None:
            known.setdefault(text, []).append(code)
    for text, codes in known.items():
        if len(codes) > 1:
            return (
                f"the codes {', '.join(codes)} of {name!r} all have the label {text!r} and count "
                "as one value; codes = true under [file] keeps them apart"
            )
    return None


def _questions(about: Any) -> Mapping[str, str | None]:
    texts: Mapping[str, str | None] = about.column_names_to_labels
    return texts


def _wrong_encoding(path: Path) -> str:
    return (
        f"{str(path)!r} contains texts in a different encoding than it says; give the right one, "
        'such as encoding = "cp1252" under [file].'
    )
