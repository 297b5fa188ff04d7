"""Line ends in the templates of users: what a line of a template prints is a line, and a line whose
tags print nothing leaves none. Jinja alone drops the line end after every tag, or none.

The source is marked before it is compiled (`Lines`), and what it prints is read by the marks
(`joined`), also where a macro or a {% set %} block prints into a value.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import jinja2
from jinja2.ext import Extension

# Code points that Unicode gives to no character, for use within a program.
_START = "\ufdd0"  # a line starts, so one that ended in a branch that was not taken ends here
_SOFT = "\ufdd1"  # a line ends if anything stands on it
_HARD = "\ufdd2"  # a line ends
_BARE = "\ufdd3"  # a line of tags alone ends, which prints nothing itself
_LAST = "\ufdd4"  # the template ends on a line with tags
_MARK = re.compile(f"[{_START}-{_LAST}]")
_ENDS = re.compile(f"({_START}|{_SOFT}\n|{_HARD}\n|{_BARE}\n?|{_LAST})")
_SPACE = " \t"
_TAGS = ("block_begin", "raw_begin", "raw_end", "comment_begin")
_LEXER = jinja2.Environment()  # without trim_blocks and lstrip_blocks: it leaves white space alone


def unmarked(text: str) -> str:
    """A text of a parsed template as the user wrote it."""
    return _MARK.sub("", text)


def mark_in(text: str) -> str | None:
    """The first character of a text that only this module may use, as U+FDD0; None for none."""
    found = _MARK.search(text)
    return found and f"U+{ord(found[0]):X}"


class Lines(Extension):
    """Marks the lines of a source that holds tags or comments; others stay as they are. The lines
    keep their numbers. Raises TemplateSyntaxError for a source that holds a mark."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        if (mark := mark_in(source)) is not None:
            line = _MARK.split(source)[0].count("\n") + 1
            raise jinja2.TemplateSyntaxError(f"it contains {mark}, which is no character", line)
        lines = list(_lines_of(source))
        if not any(line.tagged or line.noted for line in lines):
            return source
        # A line after one without tags starts where that one ended. A last line that is empty needs
        # a mark: jinja drops a line end at the end of a source.
        starts = [False, *(line.tagged for line in lines[:-2]), *(True for _ in lines[1:2])]
        glued = [False, *(line.glued for line in lines[:-1])]
        return "\n".join(
            line.marked(_START if starts[at] and not glued[at] else "", line is lines[-1])
            for at, line in enumerate(lines)
        )


@dataclass(slots=True)
class _Line:
    """A line of a template. `tagged`: it has a tag; `noted`: a comment; `filled`: it has a text or
    prints a value; `kept`: {%+ stands first; `hard`: it ends in +%}."""

    parts: list[str] = field(default_factory=list)
    begun: bool = False  # with something else than space
    tagged: bool = False
    noted: bool = False
    filled: bool = False
    kept: bool = False
    hard: bool = False

    @property
    def glued(self) -> bool:
        """Only tags, the first of them {%+: jinja prints the space before it, and no line end."""
        return self.kept and not self.filled and not self.hard

    def text(self, text: str) -> None:
        self.parts.append(text)
        if text.strip(_SPACE):
            self.begun, self.filled, self.hard = True, True, False

    def token(self, kind: str, text: str) -> None:
        if kind in _TAGS and not self.begun:
            self.kept = text[2:3] == "+"
            if not self.kept:  # as lstrip_blocks does
                self.parts = [part.strip(_SPACE) for part in self.parts]
        self.parts.append(text)
        self.begun = True
        self.tagged |= kind in _TAGS and kind != "comment_begin"
        self.noted |= kind == "comment_begin"
        self.filled |= kind == "variable_begin"
        self.hard = kind.endswith("_end") and text.rstrip()[-3:-2] == "+"

    def marked(self, start: str, last: bool) -> str:
        """The line with its marks, without its line end."""
        body = "".join(self.parts)
        if self.glued:
            return body
        if not self.filled and (self.tagged or self.noted) and not self.hard:
            return body.rstrip(_SPACE) + _BARE
        if last:
            return start + body + (_LAST if self.tagged else "")
        return start + body + (_SOFT if self.tagged and not self.hard else _HARD)


def _lines_of(source: str) -> Iterator[_Line]:
    """The lines of a source. A line end within a tag, or one that {%- or -%} strips, ends none."""
    line, at = _Line(), 1
    tokens: Iterable[tuple[int, str, str]] = _LEXER.lex(source)
    for number, kind, text in tokens:
        line.parts.append("\n" * (number - at))  # what {%- strips: jinja does so once more
        at = number + text.count("\n")
        if kind == "data":
            first, *rest = text.split("\n")
            line.text(first)
            for one in rest:
                yield line
                line = _Line()
                line.text(one)
        else:
            line.token(kind, text)
    yield line


def joined(pieces: Iterable[str]) -> str:
    """What a template, macro or block prints, its lines ended by the marks."""
    text = "".join(pieces)
    if _MARK.search(text) is None:
        return text
    parts = _ENDS.split(text)
    ended = zip(parts[::2], parts[1::2], strict=False)
    lines = [_line(line, end[0]) for line, end in ended if line or end[0] == _HARD]
    whole = "".join(lines) + parts[-1]
    # The last line has no line end; nor has the one before it, if the last one prints nothing.
    return whole.removesuffix("\n") if parts[-2] == _LAST and not parts[-1] else whole


def _line(line: str, end: str) -> str:
    """What stands on a line before a mark, with its line end."""
    if end != _HARD and not line.strip(_SPACE):
        return ""
    # What a {% filter %} block, {% call %} or recursive loop printed has its line ends already.
    ended = end in (_START, _BARE) and line.endswith("\n")
    return line if ended else line + "\n"
