"""Task files: both kinds in all their forms, and every fault with line, value and cure."""

from __future__ import annotations

import gzip
import json
import os
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tremble.decisions.record import Decision, Option
from tremble.errors import UserError
from tremble.tasks.task_file import EMPTY, EQUAL, Task, doubled, read_task, shared_with, text_mark

DATA = Path(os.environ.get("TREMBLE_DATA", "nowhere")) / "post_training"
real = pytest.mark.skipif(not DATA.is_dir(), reason="TREMBLE_DATA has no post_training")
Write = Callable[..., Path]
PAIR = {"prompt": "Which is larger, 2 or 3?", "chosen": "3.", "rejected": "2."}
SHOWN = {"prompt": "Say hello.", "completion": "Hello."}


def user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def model(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}


def system(text: str) -> dict[str, str]:
    return {"role": "system", "content": text}


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(*lines: Any, name: str = "task.jsonl") -> Path:
        text = "".join((x if isinstance(x, str) else json.dumps(x)) + "\n" for x in lines)
        path = tmp_path / name
        path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
        return path

    return written


def fault(path: Path, **options: Any) -> str:
    with pytest.raises(UserError) as caught:
        read_task(path, **options)
    return str(caught.value)


TALK = (("user", "Hi."), ("assistant", "Hello!"), ("user", "Bye."))
MESSAGES = [user("Hi."), model("Hello!"), user("Bye.")]
HH = "\n\nHuman: Hi.\n\nAssistant: Hello!\n\nHuman: Bye.\n\nAssistant:"


@pytest.mark.parametrize(
    "line",
    [
        {"prompt": MESSAGES, "chosen": "See you.", "rejected": "No."},
        {"prompt": MESSAGES, "chosen": [model("See you.")], "rejected": [model("No.")]},
        {"prompt": MESSAGES, "chosen": [*MESSAGES, model("See you.")], "rejected": "No."},
        {"chosen": [*MESSAGES, model("See you.")], "rejected": [*MESSAGES, model("No.")]},
        {"chosen": f"{HH} See you.", "rejected": f"{HH} No."},
        {"prompt": HH, "chosen": "See you.", "rejected": "No."},
        {"prompt": f"{HH.lstrip()} ", "chosen": "See you.", "rejected": "No."},
        {"prompt": HH, "chosen": " See you.", "rejected": " No."},
        {"prompt": HH, "chosen": f"{HH} See you.", "rejected": f"{HH} No."},
        {"prompt": HH.lstrip(), "chosen": f"{HH.lstrip()} See you.", "rejected": f"{HH} No."},
        {"prompt": MESSAGES, "chosen": f"{HH} See you.", "rejected": [model("No.")]},
    ],
    ids=[
        *("texts", "messages", "mixed", "implicit", "HH-RLHF", "HH-RLHF prompt"),
        *(
            "without blank lines",
            "a space before answers",
            "whole texts",
            "whole without blank lines",
            "messages and text",
        ),
    ],
)
def test_a_pair_is_the_same_in_every_form(line: dict[str, Any], write: Write) -> None:
    task = read_task(write(line))
    assert task.kind == "pairs"
    (item,) = task.items
    assert item.prompt == TALK
    assert (item.chosen, item.rejected, item.answers) == ("See you.", "No.", ("See you.", "No."))
    assert (item.id, item.subset) == ("task:1", None)


@pytest.mark.parametrize(
    "line",
    [
        {"messages": [*MESSAGES, model("See you.")]},
        {"prompt": MESSAGES, "completion": "See you."},
        {"prompt": MESSAGES, "completion": [model("See you.")]},
        {"prompt": HH, "completion": f"{HH} See you."},
    ],
    ids=["messages", "text", "message", "HH-RLHF"],
)
def test_a_demonstration_is_the_same_in_every_form(line: dict[str, Any], write: Write) -> None:
    task = read_task(write(line, name="shown.jsonl.gz"))
    (item,) = task.items
    assert (task.kind, item.prompt, item.answers) == ("demonstrations", TALK, ("See you.",))
    assert (item.id, item.chosen, item.rejected) == ("shown:1", "See you.", None)


def test_what_one_speaker_says_in_two_pieces_is_one_turn(write: Write) -> None:
    head = "\n\nHuman: A\n\nAssistant: B\n\nAssistant: C\n\nHuman: D\n\nAssistant:"
    (item,) = read_task(
        write({"chosen": f"{head} E", "rejected": f"{head} F\n\nAssistant: G"})
    ).items
    assert item.prompt == (("user", "A"), ("assistant", "B\n\nC"), ("user", "D"))
    assert item.answers == ("E", "F\n\nG")


@pytest.mark.parametrize("prompt", ["Human: Hi.", "To Human: Hi.\n\nAssistant:", "Q: Hi?\nA:"])
def test_texts_that_are_no_conversations(prompt: str, write: Write) -> None:
    (item,) = read_task(write({"prompt": prompt, "chosen": "Human: Yes.", "rejected": "No."})).items
    assert item.prompt == (("user", prompt),)
    assert item.answers == ("Human: Yes.", "No.")


def test_items_that_begin_alike_are_one_cluster(write: Write) -> None:
    lines = [
        {**PAIR, "id": 7, "subset": "maths"},
        {**PAIR, "prompt": [system("Be brief."), user(f" {PAIR['prompt']}\n")]},
        {**PAIR, "prompt": [user(PAIR["prompt"]), model("Of what?"), user("Of numbers.")]},
        {**PAIR, "prompt": "Which is larger, 2 or 4?"},
    ]
    task = read_task(write(*lines))
    first, second, third, other = task.items
    assert first.cluster == second.cluster == third.cluster != other.cluster
    assert task.clusters == 2
    assert (first.id, first.subset, first.line) == ("7", "maths", 1)
    assert second.prompt[0] == ("system", "Be brief.")


def test_lines_that_are_repeated_count_once_and_are_counted(write: Write) -> None:
    again = dict(reversed(PAIR.items()))
    task = read_task(write(PAIR, "", again, {**PAIR, "id": "a"}, {**PAIR, "id": "a"}))
    assert [item.id for item in task.items] == ["task:1", "a"]
    assert task.repeated == 2
    assert task.key == read_task(write(PAIR, {**PAIR, "id": "a"})).key
    assert task.key != read_task(write({**PAIR, "chosen": "4."}, {**PAIR, "id": "a"})).key


def test_items_that_say_the_same_under_other_ids(write: Write) -> None:
    turned = {**PAIR, "chosen": PAIR["rejected"], "rejected": f"{PAIR['chosen']} "}
    lines = [PAIR, turned, {**PAIR, "chosen": "3. "}, {**PAIR, "prompt": "Other?"}, PAIR, turned]
    lines.append({**PAIR, "rejected": "1."})
    named = [{**line, "id": name} for line, name in zip(lines, "abcdefg", strict=True)]
    assert doubled(read_task(write(*named)).items) == (["c", "e", "f"], ["b"])
    shown = [{**SHOWN, "id": name} for name in "ab"]
    assert doubled(read_task(write(*shown)).items) == (["b"], [])


def test_what_cannot_be_compared_is_skipped_on_demand(write: Write) -> None:
    lines = [PAIR, {**PAIR, "chosen": " \n"}, {**PAIR, "rejected": "3. "}, {**PAIR, "rejected": ""}]
    task = read_task(write(*lines), skip=True)
    assert len(task.items) == 1
    assert task.skipped == {EMPTY: 2, EQUAL: 1}
    said = fault(write(*lines[1:]), skip=True)
    assert (
        "no item that can be scored (2 lines with empty answer, 1 line with equal answers)" in said
    )


BAD: dict[str, tuple[Any, str]] = {
    "not JSON": ('{"prompt": ', "not JSON"),
    "no object": ([1], "a JSON list"),
    "NaN": ('{"prompt": "a", "chosen": NaN, "rejected": "b"}', "NaN is not a number"),
    "no rejected": ({"prompt": "a", "chosen": "b"}, "chosen but no rejected"),
    "rejected is null": ({**PAIR, "rejected": None}, "chosen but no rejected"),
    "no chosen": ({"prompt": "a", "rejected": "b"}, "rejected but no chosen"),
    "no answer": ({"prompt": "a", "label": True}, "'prompt', 'label'"),
    "no prompt": ({"completion": "a"}, "completion but no prompt"),
    "both in a line": ({**PAIR, "completion": "a"}, "chosen, as pairs do, and completion"),
    "messages twice": ({"messages": [user("a"), model("b")], "prompt": "a"}, "messages and prompt"),
    "equal": ({**PAIR, "rejected": "3.\n"}, "are equal ('3.')"),
    "empty chosen": ({**PAIR, "chosen": ""}, "the chosen answer is empty"),
    "empty rejected": ({**PAIR, "rejected": [model(" ")]}, "the rejected answer is empty (' ')"),
    "a number": ({**PAIR, "chosen": 3}, "chosen is 3"),
    "no messages": ({**PAIR, "prompt": []}, "prompt is []"),
    "a text in a list": ({**PAIR, "prompt": ["a"]}, "message 1 of prompt is 'a'"),
    "parts": ({**PAIR, "prompt": [{"role": "user", "content": [1]}]}, "is [1]; it must be a text"),
    "role": ({**PAIR, "prompt": [{"role": "tool", "content": "a"}]}, "the role 'tool'"),
    "two user turns": (
        {**PAIR, "prompt": [user("a"), user("b")]},
        "two user turns in a row, messages 1 and 2",
    ),
    "two answers": (
        {**PAIR, "prompt": [user("a"), model("b"), model("c"), user("d")]},
        "two assistant turns in a row, messages 2 and 3",
    ),
    "assistant first": ({**PAIR, "prompt": [model("a"), user("b")]}, "starts with the assistant"),
    "system second": (
        {**PAIR, "prompt": [user("a"), system("b"), user("c")]},
        "message 2 of prompt is the system's",
    ),
    "ends with the answer": ({**PAIR, "prompt": [user("a"), model("b")]}, "ends with 'assistant'"),
    "nobody asks": ({**PAIR, "prompt": [system("a")]}, "ends with 'system'"),
    "an empty turn": ({**PAIR, "prompt": " "}, "message 1 of prompt, the user's, is empty"),
    "not the prompt": (
        {**PAIR, "chosen": [user("other"), model("b")]},
        "2 messages whose beginning is not the prompt",
    ),
    "not the prompt as text": (
        {"prompt": HH, "chosen": "\n\nHuman: other\n\nAssistant: b", "rejected": "c"},
        "2 messages whose beginning is not the prompt",
    ),
    "an answer begun": (
        {**PAIR, "prompt": "\n\nHuman: a\n\nAssistant: b\n\nAssistant:"},
        "the prompt ends in the middle of an answer ('b')",
    ),
    "not the assistant's": ({**PAIR, "chosen": [user("a")]}, "chosen ends with the role 'user'"),
    "other prompts": (
        {"chosen": [user("a"), model("b")], "rejected": [user("A"), model("c")]},
        "differ already in message 1",
    ),
    "other length": (
        {"chosen": [user("a"), model("b")], "rejected": [*MESSAGES, model("c")]},
        "differ already in message 1",
    ),
    "texts alone": ({"chosen": "a", "rejected": "b"}, "no prompt, and chosen is 'a'"),
    "an id": ({**PAIR, "id": ["a"]}, "id is ['a']"),
    "a subset": ({**PAIR, "subset": ""}, "subset is ''"),
}


@pytest.mark.parametrize("name", list(BAD))
def test_bad_input_is_one_sentence_with_file_line_value_and_cure(name: str, write: Write) -> None:
    line, said = BAD[name]
    path = write({**PAIR, "prompt": "Something else?"}, line)
    told = fault(path)
    if name in ("no answer", "no prompt", "messages twice"):  # of another kind, or of none
        told = fault(path := write("", line))
    assert told.startswith(f"{path}, line 2: ")
    assert said in told
    assert re.search(r"; [^;]*\.$", told), "the cure ends the sentence"
    assert "\n" not in told


def test_a_table_is_told_by_its_beginning(write: Write, tmp_path: Path) -> None:
    """By what a file holds; a name alone is no fault, and later lines are told as lines."""
    pl.DataFrame([PAIR]).write_parquet(tmp_path / "pairs.jsonl")
    said = fault(tmp_path / "pairs.jsonl")
    assert "this is a Parquet file" in said and 'polars.read_parquet("pairs.jsonl")' in said
    assert "this is a JSON list" in fault(write([PAIR]))
    assert "this is a CSV file" in fault(write("prompt,chosen", name="a.csv.gz"))
    assert "not JSON" in fault(write("prompt,chosen"))
    assert read_task(write(PAIR, name="a.csv")).kind == "pairs"


def test_files_that_hold_no_task(write: Write, tmp_path: Path) -> None:
    assert fault(tmp_path / "none.jsonl").endswith("none.jsonl'; check the path.")
    assert "holds no item; write" in fault(write("", " "))


@pytest.mark.parametrize("first, second", [(PAIR, SHOWN), (SHOWN, PAIR)])
def test_both_kinds_in_one_file(first: Any, second: Any, write: Write) -> None:
    said = fault(write(first, second))
    assert ", line 2: it is one of the " in said
    assert "but line 1 is one of the " in said


def test_two_items_of_one_id(write: Write) -> None:
    said = fault(write({**PAIR, "id": "a"}, {**PAIR, "id": "a", "chosen": "4."}))
    assert "line 2: the id 'a' is also that of line 1" in said


def decision(prompt: str, system_text: str | None = None) -> Decision:
    options = (Option("a", "a"), Option("b", "b"))
    return Decision("d", "mine", "custom", options, prompt=prompt, system=system_text)


def test_prompts_that_are_also_decisions(write: Write) -> None:
    def task(*prompts: Any) -> Task:
        return read_task(
            write(*({**PAIR, "id": n, "prompt": one} for n, one in enumerate(prompts)))
        )

    items = task(
        "Take 3 coins  or leave them?",
        [system("You play."), user("Share 10 coins.")],
        [user("Share 9 coins."), model("No."), user("Why?")],
        "Nobody scores this.",
        "What a game is as a prompt.",
    ).items
    decisions = [
        decision("take 3 coins or\nleave them?"),
        decision("Share 10 coins.", "You play."),
        decision("Share 9 coins."),
    ]
    assert shared_with(items, decisions) == ["0", "1", "2"]
    assert shared_with(items, [], [text_mark("what a game is\n\nas a prompt.")]) == ["4"]
    assert shared_with(items, [], [text_mark("What a game is.")]) == []
    assert shared_with(items, []) == []


@real
def test_the_files_of_post_training_data_are_read_whole() -> None:
    hhh = read_task(DATA / "hhh_alignment.jsonl")
    assert (len(hhh.items), hhh.clusters, hhh.kind) == (221, 100, "pairs")
    assert Counter(item.subset for item in hhh.items) == {
        "helpful": 59,
        "honest": 61,
        "harmless": 58,
        "other": 43,
    }
    assert sum(len(item.prompt) > 1 for item in hhh.items) == 41
    longer = sum(len(item.chosen) > len(item.rejected or "") for item in hhh.items)
    assert longer == 139
    for name, count in (("seed", 175), ("user_oriented_EVAL_ONLY", 252)):
        shown = read_task(DATA / f"self_instruct_{name}.jsonl")
        assert (len(shown.items), shown.kind, shown.repeated) == (count, "demonstrations", 0)
        assert shown.clusters == count


@real
def test_a_published_file_of_conversations_as_text_is_read_whole() -> None:
    path = DATA / "hh_harmless_test.jsonl.gz"
    task = read_task(path, skip=True)
    assert task.skipped == {EMPTY: 4}
    assert len(task.items) + 4 == 2312
    assert "the chosen answer is empty" in fault(path)
    rows = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
    for item in task.items:
        row = rows[(item.line or 0) - 1]
        for side, answer in zip(("chosen", "rejected"), item.answers, strict=True):
            said = "".join(content for _, content in (*item.prompt, ("assistant", answer)))
            words = re.sub(r"\n\n(Human|Assistant):", "", row[side])
            assert "".join(said.split()) == "".join(words.split())
