"""The numbers of the embedded aligned model's card: `python scripts/twin_card.py RUN DATA`.

RUN is the folder of `tremble align examples/align/twin.toml`, DATA a folder with files of items
whose names begin with `hhh_alignment` and `self_instruct_user_oriented`, as task files. Written are
the tables of the card, README.md of the model's folder, between their marks. With a third argument,
CHECKPOINT, it is about that checkpoint (a model's name) and printed, not written.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from marked import put_texts

from tremble.engines.open import Engines
from tremble.models.embedded import ALIGNED, GEMMA
from tremble.models.open import open_tokenizer
from tremble.models.spec import ModelSpec, RunOptions
from tremble.prompts.chat import template_of
from tremble.tasks import task_measures as measures
from tremble.tasks.task_file import Task, read_task
from tremble.tasks.task_paths import ItemPaths, prompts_of, task_paths
from tremble.text import decimal

CARD = Path(__file__).parents[1] / "src" / "tremble" / "models" / "gemma_3_270m_aligned"
RESAMPLES, SEED = 10_000, 20261201
Sums = measures.Sums


def scored(names: Sequence[str], files: Sequence[Path]) -> list[tuple[list[ItemPaths], list[Sums]]]:
    """Of each file its items, and their sums under each model, all in Gemma's turns."""
    options = RunOptions()
    tokenizer = open_tokenizer(ModelSpec(GEMMA), options, say).tokenizer
    template = template_of("gemma", tokenizer, GEMMA)
    tasks: list[Task] = [read_task(file, skip=True) for file in files]
    made = [list(task_paths(one.items, tokenizer, template)) for one in tasks]
    engines = Engines(options, say)
    found: list[list[Sums]] = [[] for _ in files]
    for name in names:
        engine = engines.open(ModelSpec(name), more=True)
        for place, items in enumerate(made):
            found[place].append(measures.sums_of(items, engine.score(prompts_of(items))))
    return list(zip(made, found, strict=True))


def interval(values: np.ndarray, clusters: Sequence[str]) -> tuple[float, float, float]:
    """The mean, and a 95% interval by a bootstrap over clusters."""
    _, codes = np.unique(np.array(clusters), return_inverse=True)
    sums, counts = np.bincount(codes, values), np.bincount(codes)
    drawn = np.random.default_rng(SEED).integers(0, len(sums), (RESAMPLES, len(sums)))
    means = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(values.mean()), float(low), float(high)


def right(sums: Sums) -> np.ndarray:
    """[items]: 1 where the chosen answer is likelier, one half in a tie."""
    margin = sums.total[:, measures.CHOSEN] - sums.total[:, measures.REJECTED]
    return np.where(margin == 0, 0.5, (margin > 0).astype(float))


def pairs_rows(items: list[ItemPaths], both: list[Sums], of: np.ndarray) -> list[str]:
    """Cells on some of the pairs: n, shorter, accuracy of both, the difference, by length."""
    base, aligned = both
    clusters = [one.item.cluster for one, kept in zip(items, of, strict=True) if kept]
    lengths = base.tokens[of, measures.CHOSEN] - base.tokens[of, measures.REJECTED]
    shorter = np.where(lengths == 0, 0.5, (lengths < 0).astype(float))
    mean, low, high = interval(right(aligned)[of] - right(base)[of], clusters)
    by_length = [
        decimal(float(right(one)[of][side].mean()))
        for side in (lengths < 0, lengths > 0)
        for one in both
    ]
    return [
        f"{int(of.sum()):,}",
        decimal(float(shorter.mean())),
        decimal(float(right(base)[of].mean())),
        decimal(float(right(aligned)[of].mean())),
        f"{decimal(mean, 3)} [{decimal(low, 3)}, {decimal(high, 3)}]",
        f"{by_length[0]} / {by_length[1]}",
        f"{by_length[2]} / {by_length[3]}",
    ]


def pairs_table(groups: Sequence[tuple[str, list[ItemPaths], list[Sums], np.ndarray]]) -> str:
    head = (
        "| pairs | n | the shorter is right | base | aligned | difference (95% interval) | right "
        "one shorter: base / aligned | right one longer: base / aligned |"
    )
    lines = [head, "|---|---|---|---|---|---|---|---|"]
    for name, items, both, of in groups:
        lines.append(f"| {' | '.join([name, *pairs_rows(items, both, of)])} |")
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> int:
    if len(arguments) not in (2, 3):
        print("usage: python scripts/twin_card.py RUN DATA [CHECKPOINT]", file=sys.stderr)
        return 2
    run, data = map(Path, arguments[:2])
    name = arguments[2] if len(arguments) == 3 else ALIGNED
    kinds = ("hhh_alignment", "self_instruct_user_oriented")
    files = [run / "held_out.jsonl", *(next(data.glob(f"{kind}*.jsonl")) for kind in kinds)]
    (hh, of_hh), (hhh, of_hhh), (_, of_loss) = scored([GEMMA, name], files)
    whole = np.ones(len(hh), dtype=bool)
    groups = [("HH-RLHF, harmless, held out", hh, of_hh, whole)]
    subsets = sorted({one.item.subset or "" for one in hhh})
    groups += [
        (f"HHH, {subset}", hhh, of_hhh, np.array([one.item.subset == subset for one in hhh]))
        for subset in subsets
    ]
    groups.append(("HHH, all", hhh, of_hhh, np.ones(len(hhh), dtype=bool)))
    losses = [measures.loss(one).value for one in of_loss]
    said = (
        "Loss per answer token on the user-oriented instructions of Self-Instruct: base "
        f"{losses[0]:.3f}, aligned {losses[1]:.3f} (nat)."
    )
    texts = {"pairs": pairs_table(groups), "loss": said}
    if len(arguments) == 3:
        print(texts["pairs"], texts["loss"], sep="\n\n")
    else:
        put_texts(CARD / "README.md", texts)
    return 0


def say(sentence: str) -> None:
    print(sentence, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
