"""Wordings and controls that users write into their study files, as templates.

A template is given what the built-in wordings are made of (`parts`): a family's words about what
the person could see, and facts about the person. So it goes with every control, and can show
nothing that the person had not seen unless a fact says it (`study.own_check`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tremble.decisions.record import Decision, Option
from tremble.decisions.view import View
from tremble.errors import UserError
from tremble.games.base import Family, family
from tremble.prompts.asked import Asked
from tremble.prompts.conversation import AS_IT_WAS, Conversation, NotApplicable, Telling
from tremble.prompts.other_games import OtherGames
from tremble.prompts.own_facts import Facts, Path
from tremble.prompts.own_labels import names, quoted
from tremble.prompts.own_shown import shows
from tremble.prompts.own_template import SECONDS, MissingCell, NotRendered, rendered
from tremble.prompts.own_trial import (
    FACTS,
    OF_CONTROLS,
    OF_WORDINGS,
    PARTS,
    own_template,
)
from tremble.prompts.parts import Parts, in_json, own_prompt, parts, usable
from tremble.prompts.presentations import view

Variables = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class OwnWording:
    """A wording of the user's own, called as every wording is (`conversation.Formulation`).

    `template` prints the user text, `system` the system text (None: none); `opening` opens the
    answer (None: the decision's own). `file` names the study file in errors. Called, it raises
    NotApplicable where the template needs a fact that a record lacks, or a part of a prompt of the
    user's own that is not known, and UserError for a text that cannot be rendered, that names not
    all options though the standard wording does, or that contains nothing of the history.
    """

    name: str
    template: str
    system: str | None = None
    opening: str | None = None
    file: str = ""

    def texts(self) -> dict[str, str]:
        """Its texts by their keys in a study file."""
        held = {"system": self.system, "template": self.template, "opening": self.opening}
        return {key: text for key, text in held.items() if text is not None}

    @property
    def known(self) -> tuple[str, ...]:
        """The variables that its templates may look at."""
        return OF_WORDINGS

    @property
    def templates(self) -> dict[str, str]:
        """Its templates by their keys in a study file."""
        return {key: text for key, text in self.texts().items() if key != "opening"}

    def __call__(
        self, decision: Decision, presentation: int = 0, told: Telling = AS_IT_WAS
    ) -> Conversation:
        own = own_prompt(decision)
        used = frozenset[str]().union(
            *(own_template(text, OF_WORDINGS).names for text in self.templates.values())
        )
        if own is not None and (unknown := [name for name in PARTS if name in used]):
            raise NotApplicable(
                f"tremble does not know which part of your own prompt is {' or '.join(unknown)}; "
                "its template can use prompt and system"
            )
        pieces = None if own is not None else parts(decision, presentation, told)
        usual = own if pieces is None else pieces.conversation()
        assert usual is not None
        variables = _variables(decision, pieces, usual)
        opening = usual.opening if self.opening is None else self.opening
        said = replace(self._said(decision, variables, usual), opening=opening)
        place = "" if told is AS_IT_WAS else ", under a control,"

        def with_labels(labels: Mapping[str, str]) -> str:
            made = parts(decision, presentation, told, lambda seen: _labelled(seen, labels))
            variables = _variables(decision, made, made.conversation())
            return self._said(decision, variables, usual).words

        named = with_labels if pieces is not None else None
        self._check_labels(decision, said.words, usual, (named, place))
        source = variables["prompt"]
        if source.strip() and not shows(
            said.words,
            source,
            lambda text: self._said(decision, _told(variables, text), usual).words,
        ):
            what = PARTS[1] if pieces is not None else "prompt"
            raise UserError(
                f"{self.file}: the wording {self.name!r}{place} contains nothing of the {what} of "
                f"the decision {decision.id!r}; write {{{{ {what} }}}} in its template."
            )
        return said

    def _said(self, decision: Decision, variables: Variables, usual: Conversation) -> Conversation:
        """What the templates print, in the frame of the standard wording."""
        texts = {
            key: self._rendered(key, text, variables, decision)
            for key, text in self.templates.items()
        }
        if PARTS[0] in variables:  # a part that is empty, as rules under no_rules, leaves no line
            texts = {key: text.strip("\n") for key, text in texts.items()}
        return replace(usual, system=texts.get("system", ""), user=texts["template"])

    def _rendered(self, key: str, text: str, variables: Variables, decision: Decision) -> str:
        what = f"{template_of(key)} of the wording {self.name!r}"
        return _rendered(self.file, what, text, OF_WORDINGS, variables, decision)

    def _check_labels(
        self,
        decision: Decision,
        words: str,
        usual: Conversation,
        of: tuple[Callable[[Mapping[str, str]], str] | None, str],
    ) -> None:
        """Raises UserError where `words` do not name all options though the standard wording does;
        `of`: what prints them under other labels, None for a prompt of the user's own, and where
        that is."""
        labelled, place = of
        labels = [option.label for option in usual.options]
        for label in labels:
            if self._names(words, label, labels, labelled):
                continue
            if all(names(usual.words, one, labels) for one in labels):
                raise UserError(
                    f"{self.file}: the wording {self.name!r}{place} does not name the option "
                    f"{label!r} of the decision {decision.id!r}; write {{{{ answer }}}} or "
                    '{{ options|join(", ") }} in its template.'
                )

    def _names(
        self,
        words: str,
        label: str,
        labels: Sequence[str],
        labelled: Callable[[Mapping[str, str]], str] | None,
    ) -> bool:
        """Whether words name a label. A single character that stands without quotes may be there
        for something else (the 2 of "Round 2"): it counts where it changes with the labels, or
        where the template writes it out."""
        if len(label) > 1 or labelled is None or quoted(words, label):
            return names(words, label, labels)
        others = {one: f"zq{at}zq" for at, one in enumerate(labels)}
        try:
            if others[label] in labelled(others):
                return True
        except UserError:  # a template or family that needs these labels
            pass
        literals = (own_template(text, OF_WORDINGS).literals for text in self.templates.values())
        return any(names(part, label, labels) for some in literals for part in some)


@dataclass(frozen=True, slots=True)
class OwnControl:
    """A control of the user's own, called as every control is: `rules` and `history` print what is
    told in place of a family's words (None: as they are).

    A decision without a history keeps none. Called, it raises NotApplicable where it changes
    nothing of a decision, or needs a fact that the record lacks.
    """

    name: str
    rules: str | None = None
    history: str | None = None
    file: str = ""

    def texts(self) -> dict[str, str]:
        """Its texts by their keys in a study file, all of them templates."""
        held = {"rules": self.rules, "history": self.history}
        return {key: text for key, text in held.items() if text is not None}

    @property
    def known(self) -> tuple[str, ...]:
        return OF_CONTROLS

    @property
    def templates(self) -> dict[str, str]:
        return self.texts()

    def __call__(self, decision: Decision, others: OtherGames | None = None) -> Telling:
        def rules(words: Family, seen: View) -> Sequence[str]:
            if self.rules is None:
                return words.rules(seen)
            text = self._rendered("rules", self.rules, words, seen, decision)
            return [part for part in re.split(r"\n{2,}", text) if part]

        def history(words: Family, seen: View) -> Sequence[str]:
            lines = words.history(seen)
            if self.history is None or not lines:
                return lines
            text = self._rendered("history", self.history, words, seen, decision)
            return text.split("\n") if text else ()

        words = family(decision.family)
        with usable(decision):
            seen = view(decision)
            usual = words.history(seen)
            if self.rules is None and not usual:
                raise NotApplicable("nothing had happened before this decision")
            same = "\n".join(usual) == "\n".join(history(words, seen))
            if same and "\n\n".join(words.rules(seen)) == "\n\n".join(rules(words, seen)):
                raise NotApplicable("it leaves the rules and the history unchanged")
        return Telling(rules=rules, history=history)

    def _rendered(self, key: str, text: str, words: Family, seen: View, decision: Decision) -> str:
        variables = {
            "rules": "\n\n".join(words.rules(seen)),
            "history": "\n".join(words.history(seen)),
            "question": words.question(seen),
            "answer": in_json(seen.options),
            "options": [option.label for option in seen.options],
            FACTS: Facts(decision.person),
        }
        what = f"{template_of(key)} of the control {self.name!r}"
        return _rendered(self.file, what, text, OF_CONTROLS, variables, decision).strip("\n")


@dataclass(frozen=True, slots=True)
class Own:
    """The wordings and controls of one study file."""

    wordings: tuple[OwnWording, ...] = ()
    controls: tuple[OwnControl, ...] = ()

    def wording(self, name: str) -> OwnWording | None:
        return next((one for one in self.wordings if one.name == name), None)

    def control(self, name: str | None) -> OwnControl | None:
        return next((one for one in self.controls if one.name == name), None)

    def of(self, asked: Asked) -> dict[str, OwnWording | OwnControl]:
        """What of that which is asked for is the user's own: by "wording", "control"."""
        both = {"wording": self.wording(asked.wording), "control": self.control(asked.control)}
        return {what: one for what, one in both.items() if one is not None}


NOTHING_OWN = Own()


def template_of(key: str) -> str:
    """What the template of a key is called in errors."""
    return key if key == "template" else f"template of the {key}"


def facts_of(one: OwnWording | OwnControl) -> frozenset[Path]:
    """What its templates look up among the facts."""
    made = (own_template(text, one.known).facts for text in one.templates.values())
    return frozenset[Path]().union(*made)


def _rendered(
    file: str,
    what: str,
    text: str,
    known: tuple[str, ...],
    variables: Variables,
    decision: Decision,
) -> str:
    try:
        return rendered(own_template(text, known).template, variables, SECONDS)
    except MissingCell as error:
        raise NotApplicable(f"it uses {error.name}, which is not in the record") from error
    except NotRendered as error:
        cure = "" if ";" in str(error) else "; print only texts and numbers"
        raise UserError(
            f"{file}: the {what} does not work for the decision {decision.id!r}: {error}{cure}."
        ) from error


def _variables(decision: Decision, pieces: Parts | None, usual: Conversation) -> Variables:
    """What a template is given of a decision; `pieces`: None for a prompt of the user's own."""
    variables = {
        "options": [option.label for option in usual.options],
        FACTS: Facts(decision.person),
        "prompt": usual.user,
        "system": usual.system,
    }
    if pieces is not None:
        variables |= {
            "rules": "\n\n".join(pieces.rules),
            "history": "\n".join(pieces.history),
            "question": pieces.question,
            "answer": pieces.answer,
        }
    return variables


def _told(variables: Variables, text: str) -> Variables:
    """The variables with another history or prompt."""
    return {**variables, **{name: text for name in ("history", "prompt") if name in variables}}


def _labelled(seen: View, labels: Mapping[str, str]) -> View:
    """What is seen, under other labels."""
    shown, rows = (
        tuple(Option(one.key, labels.get(one.label, one.label)) for one in some)
        for some in (seen.options, seen.rows)
    )
    return replace(seen, options=shown, rows=rows)
