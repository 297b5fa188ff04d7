"""Which steps are kept, in which order samples are seen, and who is held out."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import tremble
from tests.support.recipes import (
    DPO,
    SFT,
    demonstrations,
    preferences,
    write_lines,
    write_recipe,
)
from tests.support.toys import TEMPLATE, bpe_tokenizer
from tremble.post_training.order import in_training
from tremble.post_training.recipe import read_recipe
from tremble.post_training.record import Known
from tremble.post_training.run import look_at
from tremble.post_training.samples import Sample
from tremble.post_training.steps import kept_steps


@pytest.mark.parametrize(
    ("steps", "count", "kept"),
    [
        (64, 7, (1, 2, 4, 8, 16, 32, 64)),  # powers of 2
        (1000, 4, (1, 10, 100, 1000)),
        (100, 3, (1, 10, 100)),
        (10_000, 5, (1, 10, 100, 1000, 10_000)),
        (3, 8, (1, 2, 3)),  # no more than there are
        (1, 8, (1,)),
        (500, 1, (500,)),  # the last one always
        (10, 9, (1, 2, 3, 4, 5, 6, 7, 8, 10)),  # those that fall together move on
    ],
)
def test_steps_lie_evenly_on_a_logarithmic_scale(
    steps: int, count: int, kept: tuple[int, ...]
) -> None:
    assert kept_steps(steps, count) == kept


@pytest.mark.parametrize("steps", [2, 7, 30, 977])
@pytest.mark.parametrize("count", [2, 5, 12])
def test_as_many_steps_as_asked_for_from_first_to_last(steps: int, count: int) -> None:
    kept = kept_steps(steps, count)
    assert len(set(kept)) == min(steps, count)
    assert kept[-1] == steps and list(kept) == sorted(kept)
    assert kept[0] == 1


def looked(folder: Path, base: Path, **tables: Any) -> Known:
    return look_at(read_recipe(str(write_recipe(folder, base, **tables))), print)


def names(samples: Sequence[Any]) -> list[str]:
    return [(one.item if isinstance(one, Sample) else one).id for one in samples]


def test_every_pass_sees_every_sample_once(base: Path, tmp_path: Path) -> None:
    samples = looked(tmp_path, base).samples[0].training
    order = names(in_training(samples, 25, seed=1))
    assert sorted(order[:10]) == sorted(order[10:20]) == sorted(names(samples))
    assert order[:10] != order[10:20] != names(samples)
    assert len(set(order[20:])) == 5
    assert order == names(in_training(samples, 25, seed=1))
    assert order != names(in_training(samples, 25, seed=2))
    assert order[:7] == names(in_training(samples, 7, seed=1))


def test_the_control_exchanges_half_of_the_pairs_in_all_passes(base: Path, tmp_path: Path) -> None:
    samples = looked(tmp_path, base).samples[1].training
    plain = {one.item.id: one.answers for one in samples}
    order = in_training(samples, 3 * len(samples), seed=5, exchange=True)
    turned = Counter(one.item.id for one in order if one.answers == plain[one.item.id][::-1])
    straight = Counter(one.item.id for one in order if one.answers == plain[one.item.id])
    assert len(turned) == len(straight) == len(samples) // 2
    assert set(turned.values()) == set(straight.values()) == {3}
    other = in_training(samples, len(samples), seed=6, exchange=True)
    assert turned.keys() != {one.item.id for one in other if one.answers != plain[one.item.id]}


@pytest.mark.parametrize("seed", [0, 5])
def test_the_control_sees_the_pairs_in_the_order_of_what_it_controls(
    seed: int, base: Path, tmp_path: Path
) -> None:
    samples = looked(tmp_path, base).samples[1].training
    plain = in_training(samples, 25, seed)
    assert names(in_training(samples, 25, seed, exchange=True)) == names(plain)
    assert len(set(names(plain[:10]))) > 1


def first_turns(samples: Sequence[Any]) -> set[str]:
    items = [one.item if isinstance(one, Sample) else one for one in samples]
    return {item.prompt[0][1] for item in items}


def hh_pairs(count: int) -> list[dict[str, Any]]:
    """As in HH-RLHF: whole conversations, many of which begin alike."""
    made = []
    for n in range(count):
        start = f"\n\nHuman: Opening {n % 17} of many?"
        middle = f"\n\nAssistant: Go on.\n\nHuman: With {n}?" if n % 2 else ""
        made.append(
            {
                "chosen": f"{start}{middle}\n\nAssistant: yes {n}",
                "rejected": f"{start}{middle}\n\nAssistant: no {n}",
            }
        )
    return made


def test_no_first_turn_is_on_both_sides(base: Path, tmp_path: Path) -> None:
    write_lines(tmp_path / "pairs.jsonl", hh_pairs(100))
    seed = [
        {"prompt": f"Opening {n} of many?", "completion": f"yes {n}", "id": f"s{n}"}
        for n in range(17)
    ]
    write_lines(tmp_path / "seed.jsonl", seed)
    dpo = {**DPO, "held_out": 20}
    known = looked(tmp_path, base, sft=SFT, dpo=dpo)
    sft, pairs = known.samples
    assert 20 <= len(pairs.held_out) < 20 + 6  # the last first turn comes with all its pairs
    assert len(pairs.held_out) + len(pairs.training) == 100
    assert not first_turns(pairs.held_out) & first_turns(pairs.training)
    assert not first_turns(pairs.held_out) & first_turns(sft.training)
    assert sft.dropped == {"first turn that is held out": 17 - len(sft.training)}
    assert len(sft.training) == 17 - len(first_turns(pairs.held_out))


def test_what_is_held_out_does_not_depend_on_how_many_are_asked_for(
    base: Path, tmp_path: Path
) -> None:
    write_lines(tmp_path / "pairs.jsonl", hh_pairs(100))
    held, drawn = [], []
    for samples in (10, 40, None):
        asked = {**DPO, "held_out": 20, **({"samples": samples} if samples else {})}
        known = looked(tmp_path, base, dpo=asked)
        held.append(names(known.samples[0].held_out))
        drawn.append(set(names(known.samples[0].training)))
        assert known.samples[0].unused == 100 - len(held[0]) - len(drawn[-1])
    assert held[0] == held[1] == held[2]
    assert [len(one) for one in drawn] == [10, 40, 100 - len(held[0])]
    assert drawn[0] < drawn[1] < drawn[2]
    other = looked(tmp_path, base, align={"seed": 4}, dpo={**DPO, "held_out": 20})
    assert names(other.samples[0].held_out) != held[0]
    more = looked(tmp_path, base, dpo={**DPO, "held_out": 40})
    assert set(held[0]) < set(names(more.samples[0].held_out))


CLOSING = TEMPLATE.replace("{{ message['content'] }}", "{{ message['content'] }}</s>")


@pytest.mark.parametrize("closing", [False, True])
def test_a_sample_is_the_whole_conversation_with_the_end_of_its_turn(
    closing: bool, base: Path, tmp_path: Path
) -> None:
    """Token by token what the tokenizer makes of what its template prints, up to the end of the
    answer's turn: the token that the template has for it, or the end of the text."""
    tokenizer = bpe_tokenizer(template=CLOSING if closing else TEMPLATE)
    (tmp_path / "own.jinja").write_text(CLOSING)
    known = looked(tmp_path, base, align={"template": "own.jinja"} if closing else {})
    for stage in known.samples:
        for one in stage.training:
            turns = [{"role": role, "content": text} for role, text in one.item.prompt]
            for ids, answer in zip(one.answers, one.item.answers, strict=True):
                said = {"role": "assistant", "content": answer}
                whole = tokenizer.apply_chat_template([*turns, said], tokenize=False)
                whole = whole.removesuffix("\n") + ("" if closing else "</s>")
                expected = tokenizer(whole, add_special_tokens=False)["input_ids"]
                assert [*one.prompt, *ids] == expected
                assert ids[-1] == tokenizer.eos_token_id


def test_what_is_too_long_or_has_special_tokens_is_dropped_and_counted(
    base: Path, tmp_path: Path
) -> None:
    rows = demonstrations(10)
    rows[1]["completion"] = "yes " * 200
    rows[2]["prompt"] = "Say <s> to me."
    rows[3]["completion"] = "yes</s>"
    rows[4]["completion"] = "  "
    rows.append(rows[0])
    write_lines(tmp_path / "seed.jsonl", rows)
    pairs = preferences(12)
    pairs[0]["rejected"] = pairs[0]["chosen"]
    pairs[1]["rejected"] = f" {pairs[1]['chosen']}\n"
    pairs[2]["chosen"] = ""
    write_lines(tmp_path / "pairs.jsonl", pairs)
    known = looked(tmp_path, base, align={"max_tokens": 150}, sft=SFT, dpo={**DPO, "held_out": 0})
    assert known.samples[0].dropped == {
        "over max_tokens": 1,
        "special token in the text": 2,
        "empty answer": 1,
        "repeated line": 1,
    }
    assert known.samples[1].dropped == {"equal answers": 2, "empty answer": 1}
    assert names(known.samples[0].training) == ["s0", *(f"s{n}" for n in range(5, 10))]
    code, out, _ = tremble("align", tmp_path / "recipe.toml", "--plan")
    assert code == 0
    assert "1 over max_tokens" in out and "2 special token in the text" in out
    assert "2 equal answers" in out


def test_max_tokens_counts_all_that_is_trained_on(base: Path, tmp_path: Path) -> None:
    """A sample of exactly so many tokens stays, whole."""
    known = looked(tmp_path, base, sft=SFT)
    lengths = [len(one.prompt) + len(one.answers[0]) for one in known.samples[0].training]
    limit = sorted(lengths)[-2]
    cut = looked(tmp_path, base, align={"max_tokens": limit}, sft=SFT)
    kept = [len(one.prompt) + len(one.answers[0]) for one in cut.samples[0].training]
    assert kept == [one for one in lengths if one <= limit] and limit in kept


def test_held_out_of_a_file_is_counted_as_well(base: Path, tmp_path: Path) -> None:
    rows = [{**one, "id": f"h{n}"} for n, one in enumerate(preferences(6, each=1))]
    for n, one in enumerate(rows):
        one["prompt"] = [{"role": "user", "content": f"Another opening {n}?"}]
    rows[0]["rejected"] = rows[0]["chosen"]
    rows[1]["chosen"] = "yes " * 600
    write_lines(tmp_path / "held.jsonl", rows)
    known = looked(tmp_path, base, dpo={**DPO, "held_out": "held.jsonl"})
    assert names(known.samples[0].held_out) == ["h2", "h3", "h4", "h5"]
    assert known.samples[0].dropped == {
        "equal answers, held out": 1,
        "over max_tokens, held out": 1,
    }


def test_answers_that_are_one_for_the_tokenizer_are_left_out(base: Path, tmp_path: Path) -> None:
    """One that knows no capitals: nothing is to be learnt of such a pair."""
    model = shutil.copytree(base, tmp_path / "model")
    tokenizer = json.loads((model / "tokenizer.json").read_text())
    tokenizer["normalizer"] = {"type": "Lowercase"}
    (model / "tokenizer.json").write_text(json.dumps(tokenizer))
    rows = preferences(12)
    for row in rows[:5]:
        row["rejected"] = row["chosen"].upper()
    (tmp_path / "work").mkdir()
    write_lines(tmp_path / "work/pairs.jsonl", rows)
    (samples,) = looked(tmp_path / "work", model, dpo={**DPO, "held_out": 0}).samples
    assert samples.dropped == {"equal answers": 5}
    assert names(samples.training) == [row["id"] for row in rows[5:]]
