"""Citations as BibTeX."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

# What LaTeX obeys, as it prints it.
_SPECIAL = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    # As words: BibTeX counts braces, also those behind a backslash.
    "{": r"\textbraceleft{}",
    "}": r"\textbraceright{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
}
# Read as they stand by whoever reads them: links are made of them.
_VERBATIM = ("url", "doi", "eprint", "archiveprefix", "pages")
_UNSAFE = re.compile(r"[^A-Za-z0-9._~:/?=&+,;@()!*'-]")


def bibtex(citations: Iterable[Mapping[str, Any]]) -> str:
    """Entries with an empty line between them, each with what it is cited for above it.

    `citations` as `api.citing` gives them: cites, fill_in (None, or what the user must fill in),
    key, kind, authors, title, year and further fields.
    """
    return "\n\n".join(_entry(one) for one in citations) + "\n"


def escaped(text: str) -> str:
    """A text as LaTeX prints it: what it obeys is written out, white space is one space."""
    return "".join(_SPECIAL.get(character, character) for character in " ".join(text.split()))


def _entry(one: Mapping[str, Any]) -> str:
    fields: dict[str, str] = {}
    if one["authors"]:
        fields["author"] = " and ".join(map(_author, one["authors"]))
    fields["title"] = f"{{{escaped(one['title'])}}}"
    if one["year"] is not None:
        fields["year"] = str(one["year"])
    for name, value in one["fields"].items():
        fields[name] = _verbatim(value) if name in _VERBATIM else escaped(value)
    lines = [f"  {name} = {{{value}}}," for name, value in fields.items()]
    about = [f"% {_comment(line)}" for line in (one["cites"], one["fill_in"]) if line]
    return "\n".join([*about, f"@{one['kind']}{{{one['key']},", *lines, "}"])


def _author(name: str) -> str:
    """A person as it is; an organisation in braces, or it would be taken apart."""
    if name.startswith("{"):
        return f"{{{escaped(name[1:-1])}}}"
    return escaped(name)


def _verbatim(value: str) -> str:
    return _UNSAFE.sub(lambda one: "".join(f"%{byte:02X}" for byte in one[0].encode()), value)


def _comment(text: str) -> str:
    """A line between entries, in which BibTeX takes every @ for the start of an entry."""
    return " ".join(text.split()).replace("@", " at ")
