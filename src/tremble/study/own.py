"""The tables [[wording]] and [[control]] of a study file: templates of the user's own."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from tremble.prompts import controls, formulations
from tremble.prompts.asked import ARMS
from tremble.prompts.controls import CONTROLS
from tremble.prompts.formulations import FORMULATIONS
from tremble.prompts.own_template import NoTemplate
from tremble.prompts.own_trial import own_template
from tremble.prompts.own_wording import Own, OwnControl, OwnWording, template_of
from tremble.settings.reader import Reader
from tremble.study.schema import with_own
from tremble.tokenization.options import READINGS

_WORDS = ("all", "none")  # which mean something in formulations and in include and exclude
_LONGEST = 60  # characters of a name, which is that of a folder


def own_of(where: Reader, content: Mapping[str, Any]) -> Own:
    """The user's own wordings and controls, whose names the schema of `where` knows from then on.

    Raises UserError for a name that cannot be one or is taken, for a template that is none, and for
    a control that changes nothing.
    """
    wordings = where.each(content, "wording")
    controls = where.each(content, "control")
    for table, entries in (("wording", wordings), ("control", controls)):
        for at, entry in enumerate(entries):
            before = [one["name"] for one in entries[:at]]
            before += [one["name"] for one in wordings] if table == "control" else []
            _check_name(where, table, entry["name"], before)
    for entry in controls:
        if entry["rules"] is None and entry["history"] is None:
            where.fail(
                f"the control {entry['name']!r} in [[control]] changes nothing; give it rules, "
                "history or both"
            )
    file = str(where.path)
    own = Own(
        tuple(OwnWording(**entry, file=file) for entry in wordings),
        tuple(OwnControl(**entry, file=file) for entry in controls),
    )
    made: tuple[OwnWording | OwnControl, ...] = (*own.wordings, *own.controls)
    for one in made:
        what = "wording" if isinstance(one, OwnWording) else "control"
        for key, text in one.templates.items():
            whose = f"the {template_of(key)} of the {what} {one.name!r}"
            _check_template(where, whose, text, one.known)
    where.schema = with_own([w.name for w in own.wordings], [c.name for c in own.controls])
    return own


def check_named(where: Reader, own: Own, named: Mapping[str, Collection[str]]) -> None:
    """Raises UserError where a wording or control is defined and not asked for: not `named` under
    "formulations" or "controls"."""
    defined = [("wording", "formulations", one.name) for one in own.wordings]
    defined += [("control", "controls", one.name) for one in own.controls]
    for table, key, name in defined:
        if name not in named[key]:
            listed = ", ".join(f'"{one}"' for one in (*named[key], name))
            where.fail(
                f"the {table} {name!r} in [[{table}]] is not used; write {key} = "
                f"[{listed}] in [study], or remove this [[{table}]]"
            )


def _check_name(where: Reader, table: str, name: str, before: Collection[str]) -> None:
    place = f"name in [[{table}]] is {name!r}"
    if not re.fullmatch(r"[A-Za-z0-9_]+", name):
        where.fail(f"{place}; give a name of letters (A to Z), digits and _")
    if len(name) > _LONGEST:
        where.fail(f"{place}, which has {len(name)} characters; give a name of at most {_LONGEST}")
    taken: dict[str, str] = {
        **dict.fromkeys(_WORDS, "a word with a meaning in study files"),
        **dict.fromkeys(READINGS, "a reading"),
        **dict.fromkeys(ARMS.values(), "an interview (personas)"),
        **dict.fromkeys(controls.EXTENSIONS.names(), "a control of an installed package"),
        **dict.fromkeys(formulations.EXTENSIONS.names(), "a wording of an installed package"),
        **dict.fromkeys(CONTROLS, "a built-in control"),
        **dict.fromkeys(FORMULATIONS, "a built-in wording"),
        # Some file systems take names that differ in capitals alone for one.
        **dict.fromkeys(
            (one.casefold() for one in before), "the name of another wording or control"
        ),
    }
    if name.casefold() in taken:
        where.fail(f"{place}, which is {taken[name.casefold()]}; give it another name")


def _check_template(where: Reader, what: str, text: str, known: tuple[str, ...]) -> None:
    try:
        own_template(text, known)
    except NoTemplate as error:
        cure = "" if ";" in str(error) or str(error).endswith("?") else "; correct it"
        where.fail(f"{what} {str(error).rstrip('.')}{cure}")
