"""What a stage is trained on: samples as token ids, and which are held out.

Nothing is ever cut: a sample that is too long would lose the end of its answer, and with it the end
of its turn.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

from tremble.errors import UserError
from tremble.post_training.recipe import StageRecipe
from tremble.prompts.chat import Template
from tremble.tasks.task_file import EQUAL, Item, Task, read_task
from tremble.tasks.task_measures import CHOSEN, REJECTED, Floats
from tremble.tasks.task_paths import ItemPaths, task_paths
from tremble.text import counted
from tremble.tokenization.options import Tokenizer, TokenPaths
from tremble.tokenization.trunk import Ids

TOO_LONG: Final = "over max_tokens"
SPECIAL: Final = "special token in the text"
NO_TEMPLATE: Final = "refused by the template or tokenizer"
REPEATED: Final = "repeated line"
SHARED: Final = "first turn that is held out"
IGNORED: Final = -100  # a label that does not count, as transformers has it
_KINDS = {"sft": "demonstrations", "dpo": "pairs"}


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample as token ids: the prompt, and each answer (chosen, rejected; or one) with the end
    of its turn."""

    item: Item
    prompt: Ids
    answers: tuple[Ids, ...]
    paths: tuple[TokenPaths, ...] = field(compare=False, repr=False, default=())

    @property
    def tokens(self) -> int:
        """Of all its sequences, the prompt in each."""
        return sum(len(self.prompt) + len(one) for one in self.answers)

    def exchanged(self) -> Sample:
        """The pair with chosen and rejected exchanged."""
        return Sample(self.item, self.prompt, self.answers[::-1], self.paths[::-1])


@dataclass(frozen=True, slots=True)
class Samples:
    """The samples of a stage: `training`, in the order of the file, and `held_out`. `dropped`: how
    many were left out, by reason; `unused`: how many more there are than the recipe asks for."""

    task: Task
    training: tuple[Sample, ...]
    held_out: tuple[Item, ...]
    dropped: Mapping[str, int]
    unused: int = 0

    @property
    def key(self) -> str:
        """A hash of the token ids of all training samples, in order (16 hexadecimal digits)."""
        return key_of(self.training)


def key_of(samples: Iterable[Sample]) -> str:
    """A hash of the token ids of samples, in their order (16 hexadecimal digits)."""
    digest = sha256()
    for one in samples:
        digest.update(repr((one.prompt, one.answers)).encode())
    return digest.hexdigest()[:16]


def rows_of(order: Sequence[Sample], reference: Floats | None) -> list[dict[str, Any]]:
    """Samples as TRL's collators take them."""
    if reference is None:
        return [
            {
                "input_ids": [*one.prompt, *one.answers[0]],
                "labels": [IGNORED] * len(one.prompt) + list(one.answers[0]),
            }
            for one in order
        ]
    return [
        {
            "prompt_ids": list(one.prompt),
            "chosen_ids": list(one.answers[CHOSEN]),
            "rejected_ids": list(one.answers[REJECTED]),
            "ref_chosen_logps": float(known[CHOSEN]),
            "ref_rejected_logps": float(known[REJECTED]),
        }
        for one, known in zip(order, reference, strict=True)
    ]


def samples_of(
    stage: StageRecipe, tokenizer: Tokenizer, template: Template, max_tokens: int, seed: int
) -> Samples:
    """The samples of a stage, and those that are held out, none of which begins as one of the
    others.

    Raises UserError for a file of the wrong kind, for an item that is in both files, and where
    nothing is left to train on.
    """
    task = _read(stage, stage.data, f"data in [{stage.name}]")
    dropped = Counter({REPEATED: task.repeated, **task.skipped})
    of_all = (tokenizer, template, max_tokens)
    made = list(_tokenised(*of_all, task.items, dropped))
    clusters = in_order({one.item.cluster for one in made}, seed)
    held: tuple[Item, ...]
    if isinstance(stage.held_out, str):
        held = _of_file(stage, made, of_all, dropped)
        training = made
    else:
        apart = _clusters_of(stage, made, clusters)
        held = tuple(one.item for one in made if one.item.cluster in apart)
        training = [one for one in made if one.item.cluster not in apart]
    before = len(training)
    training = _drawn(training, clusters, stage.samples)
    if not training:
        raise _nothing_left(stage, task, dropped, len(held))
    return Samples(task, tuple(training), held, +dropped, before - len(training))


def without(samples: Samples, held_out: Iterable[Item]) -> Samples:
    """The same less the training samples that begin as one that another stage holds out."""
    apart = {one.cluster for one in held_out}
    kept = tuple(one for one in samples.training if one.item.cluster not in apart)
    gone = len(samples.training) - len(kept)
    if not kept:
        raise UserError(
            f"All {counted(gone, 'sample')} of {str(samples.task.path)!r} begin with a turn that "
            "the last stage holds out; hold out less."
        )
    dropped = {**samples.dropped, **({SHARED: gone} if gone else {})}
    return Samples(samples.task, kept, samples.held_out, dropped, samples.unused)


def in_order(clusters: Iterable[str], seed: int) -> list[str]:
    """First turns in an order that the seed draws; another one moves none of the others."""
    return sorted(clusters, key=lambda one: sha256(f"{seed}/{one}".encode()).digest())


def _read(stage: StageRecipe, path: str, what: str) -> Task:
    task = read_task(path, skip=True)
    if task.kind != _KINDS[stage.name]:
        raise UserError(
            f"{what} is {path!r}, which holds {task.kind}, but this stage is trained on "
            f"{_KINDS[stage.name]}; give another file, or move it to "
            f"[{'dpo' if stage.name == 'sft' else 'sft'}]."
        )
    return task


def _tokenised(
    tokenizer: Tokenizer,
    template: Template,
    max_tokens: int,
    items: Sequence[Item],
    dropped: Counter[str],
) -> Iterable[Sample]:
    control = frozenset(tokenizer.control)
    for one in task_paths(items, tokenizer, template):
        said = [*(content for _, content in one.item.prompt), *one.item.answers]
        special = any(not control.isdisjoint(ids) for ids in tokenizer.encode(said))
        why = SPECIAL if special else _why_not(one, max_tokens)
        if why is None:
            yield _sample(one)
        else:
            dropped[why] += 1


def _why_not(made: ItemPaths, max_tokens: int) -> str | None:
    if made.refused is not None:
        return NO_TEMPLATE
    if len({(one.paths, one.terminator) for one in made.paths}) < len(made.paths):
        return EQUAL  # for this tokenizer, which may know no capitals
    # An answer has one more token than is computed for its score: the one that closes it.
    return TOO_LONG if max(one.length for one in made.paths) + 1 > max_tokens else None


def _sample(made: ItemPaths) -> Sample:
    answers = tuple((*one.paths[0], *one.terminator) for one in made.paths)
    return Sample(made.item, tuple(made.paths[0].prefix), answers, made.paths)


def _clusters_of(stage: StageRecipe, made: Sequence[Sample], clusters: Sequence[str]) -> set[str]:
    """First turns that are held out: the first ones of their order that hold as many samples as
    asked for, or a few more, since none is on both sides."""
    assert isinstance(stage.held_out, int)
    if stage.held_out >= len(made) > 0:
        raise UserError(
            f"held_out in [{stage.name}] is {stage.held_out}, but {stage.data!r} has only "
            f"{counted(len(made), 'sample')} that can be used; hold out less."
        )
    sizes = Counter(one.item.cluster for one in made)
    apart: set[str] = set()
    count = 0
    for cluster in clusters:
        if count >= stage.held_out:
            break
        apart.add(cluster)
        count += sizes[cluster]
    return apart


def _of_file(
    stage: StageRecipe,
    made: Sequence[Sample],
    of_all: tuple[Tokenizer, Template, int],
    dropped: Counter[str],
) -> tuple[Item, ...]:
    """What a file holds out; what of it is left out is counted. Raises UserError where a training
    sample begins alike."""
    assert isinstance(stage.held_out, str)
    task = _read(stage, stage.held_out, f"held_out in [{stage.name}]")
    apart = Counter({REPEATED: task.repeated, **task.skipped})
    held = list(_tokenised(*of_all, task.items, apart))
    dropped.update({f"{why}, held out": count for why, count in apart.items()})
    places = {one.item.cluster: one.item for one in made}
    both = next((one.item for one in held if one.item.cluster in places), None)
    if both is not None:
        raise UserError(
            f"{both.id!r} in {stage.held_out!r} begins with the same turn as "
            f"{places[both.cluster].id!r} in {stage.data!r}, so it would not be held out; remove "
            "one of the two, or give a number as held_out."
        )
    return tuple(one.item for one in held)


def _drawn(training: Sequence[Sample], clusters: Sequence[str], most: int | None) -> list[Sample]:
    """At most so many, whole first turns as far as they go, in the order of the file."""
    if most is None or most >= len(training):
        return list(training)
    rank = {cluster: number for number, cluster in enumerate(clusters)}
    # From the far end of the order: what is held out comes from the near one, so that asking for
    # more of the one leaves the other as it is as long as there are enough.
    ranked = sorted(range(len(training)), key=lambda at: -rank[training[at].item.cluster])
    return [training[at] for at in sorted(ranked[:most])]


def _nothing_left(stage: StageRecipe, task: Task, dropped: Counter[str], held: int) -> UserError:
    why = [f"{counted(count, 'sample')}: {reason}" for reason, count in (+dropped).items()]
    if held:
        why.append(f"{held} held out")
    return UserError(
        f"No sample of {str(task.path)!r} is left to train on ({'; '.join(why)}); raise "
        f"max_tokens in [align], or give other data in [{stage.name}]."
    )
