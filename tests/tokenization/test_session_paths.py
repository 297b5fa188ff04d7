"""Sessions as trunks: what each response gets is what its prompt, tokenised whole, would get."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.session_tokens import differences, session
from tests.support.toys import GreedyTokenizer
from tremble.errors import UserError
from tremble.models.byte_tokenizer import BOS, ByteTokenizer
from tremble.models.tokenizer import HubTokenizer
from tremble.tokenization.session_paths import SessionPaths
from tremble.tokenization.session_text import Place, SessionText, SessionTokens
from tremble.tokenization.trunk import Stretch

TRIALS = "".join(
    f"Trial {n}: machine {'JF'[n % 2]} paid {n * 7 % 13} points.\nYou press <<{'JF'[n % 3 % 2]}>> "
    f"after {n * 331 % 1000} ms.\n\n"
    for n in range(40)
)
STRANGE = [
    "You say <<  no way  >> and <<don't>> or <<日本 é😀>>; 😀😀<<s>><<</s>>><<yes>> <<a\n\n>>.",
    "<<a>><<b>>x<<c>>",
    "日本語の文章です。" * 30 + "<<日>>" + "😀e\u0301" * 40 + "<<\u0301x>> <<本>>",
    "a" * 200 + "<<a>>" + " " * 70 + "<<b>>" + "\n" * 70 + "<<c>>",
    "Press <<s>> <bos> <s> </s> [CLS] <end> <table> <<<s>>> <<table>> <<bos>>.\n" * 3,
]


@cache
def trained(kind: str) -> HubTokenizer:
    """A small tokenizer of some kind, with control tokens and with words added to it."""
    from tokenizers import (
        AddedToken,
        Tokenizer,
        decoders,
        models,
        normalizers,
        pre_tokenizers,
        trainers,
    )
    from tokenizers import processors as post
    from transformers import PreTrainedTokenizerFast

    special = ["<unk>", "<bos>", "</s>"]
    texts = [TRIALS, *STRANGE, "You press don't yes no >> way << JF pq points paid"] * 3
    if kind.startswith("bytes"):
        inner = Tokenizer(models.BPE())
        inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=kind == "bytes prefix")
        inner.decoder = decoders.ByteLevel()
        inner.post_processor = post.ByteLevel(trim_offsets=True)
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        trainer: Any = trainers.BpeTrainer(
            vocab_size=600, special_tokens=special, initial_alphabet=alphabet
        )
    elif kind == "bpe of whole texts":  # as Gemma's: no pieces
        inner = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True))
        inner.normalizer = normalizers.Replace(" ", "▁")
        inner.pre_tokenizer = pre_tokenizers.Split("\n\n", "isolated")
        trainer = trainers.BpeTrainer(vocab_size=500, special_tokens=special)
        texts = [part for text in texts for part in re.split("<<.*?>>", text)] + ["<<", ">>"] * 9
    elif kind == "bpe with a dummy":  # as Llama's first
        inner = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True))
        inner.normalizer = normalizers.Sequence(
            [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
        )
        trainer = trainers.BpeTrainer(vocab_size=500, special_tokens=special)
        inner.pre_tokenizer = pre_tokenizers.Split("\n", "isolated")
    elif kind == "unigram":
        inner = Tokenizer(models.Unigram())
        inner.normalizer = normalizers.NFKC()
        inner.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
        trainer = trainers.UnigramTrainer(vocab_size=200, special_tokens=special, unk_token="<unk>")
    else:
        inner = Tokenizer(models.WordPiece(unk_token="<unk>"))
        inner.normalizer = normalizers.BertNormalizer()
        inner.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        trainer = trainers.WordPieceTrainer(vocab_size=300, special_tokens=special)
    inner.train_from_iterator(texts, trainer)
    inner.add_tokens([AddedToken("<s>", normalized=False), AddedToken("<table>", lstrip=True)])
    return HubTokenizer(
        PreTrainedTokenizerFast(tokenizer_object=inner, bos_token="<bos>", unk_token="<unk>")
    )


KINDS = ["bytes", "bytes prefix", "bpe of whole texts", "bpe with a dummy", "unigram", "wordpiece"]
READABLE = {"wordpiece", "unigram"}  # of these a text may come to no tokens at all, or unknown ones


def same_as_the_definition(
    tokenizer: Any, text: str, labels: tuple[str, ...] = ()
) -> SessionTokens:
    asked = session(text, labels)
    made = SessionPaths(tokenizer)(asked)
    assert differences(tokenizer.literal(), asked, made) == []
    return made


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("labels", [(), ("J", "F"), ("F", "Fold", "J")])
def test_every_prompt_of_a_long_session_is_as_if_it_were_tokenised_whole(
    kind: str, labels: tuple[str, ...]
) -> None:
    made = same_as_the_definition(trained(kind), TRIALS, labels)
    assert len(made.paths) == 40


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("text", STRANGE)
def test_so_it_is_in_strange_texts(kind: str, text: str) -> None:
    try:
        same_as_the_definition(trained(kind), TRIALS + text)
    except UserError as error:
        assert kind in READABLE and "gives no token" in str(error)


def test_bytes_are_all_on_the_trunk() -> None:
    made = same_as_the_definition(ByteTokenizer(), TRIALS + STRANGE[0] + "<bos><<x>>")
    assert made.branches == 0
    assert made.trunk.ids[0] == BOS and list(made.trunk.ids).count(BOS) == 1


def test_a_mark_that_an_added_token_straddles_is_a_branch() -> None:
    tokenizer = trained("bpe of whole texts")
    made = same_as_the_definition(tokenizer, TRIALS + "Press <<s>> or <<J>>.")
    assert (made.branches, made.added) == (1, 1)
    stray, right = made.paths[-2:]
    assert isinstance(stray.prefix, Stretch) and isinstance(right.prefix, Stretch)
    assert stray.prefix.rest and not right.prefix.rest
    # As many ids as possible are the trunk's: the next one of the trunk is another.
    assert made.trunk.ids[stray.prefix.stop] != stray.prefix.rest[0]
    prefixes = [paths.prefix for paths in made.paths]
    assert all(isinstance(one, Stretch) and one.trunk is made.trunk for one in prefixes)


def test_a_greedy_token_over_either_mark_is_a_branch() -> None:
    tokenizer = GreedyTokenizer(["press", " <<", "b>>", "<<c", "lead "])
    made = same_as_the_definition(tokenizer, "lead press <<a>> press <<b>> press<<c>> <<d>>")
    assert made.branches == 2  # b>> and <<c
    assert made.paths[2].prefix == tuple(made.paths[2].prefix)


def test_control_tokens_in_words_are_letters_unless_the_source_is_asked_for() -> None:
    tokenizer = trained("bytes")
    text = "Say <bos> and <s> and <table> now <<J>> <bos><<F>>"
    control = tokenizer.inner.convert_tokens_to_ids("<bos>")
    added = set(tokenizer.inner.convert_tokens_to_ids(["<s>", "<table>"]))
    plain = same_as_the_definition(tokenizer, text)
    assert control not in plain.trunk.ids and added <= set(plain.trunk.ids.tolist())
    source = SessionPaths(tokenizer, "source")(session(text))
    assert list(source.trunk.ids).count(control) == 2 and plain.added == source.added == 2
    # What the literal one was lent is given back.
    assert control in tokenizer.encode([text])[0]
    assert tokenizer.literal().key != tokenizer.key


def test_control_tokens_that_are_words_of_a_vocabulary_are_spelt() -> None:
    tokenizer = trained("unigram")
    control = set(tokenizer.inner.convert_tokens_to_ids(["<bos>", "</s>"]))
    made = same_as_the_definition(tokenizer, "Say </s> then </s><<J>> and <<F>>" * 20)
    assert control.isdisjoint(made.trunk.ids.tolist())


def test_prompts_that_are_no_beginning_of_the_text_are_branches() -> None:
    tokenizer = trained("bpe of whole texts")
    whole = session(TRIALS).places
    places = []
    for place in whole:
        cut = TRIALS.rindex("\n", 0, place.start) + 1
        places.append(
            Place(place.start, place.response, (), f"<end>\n{TRIALS[cut : place.start]}", cut)
        )
    asked = SessionText(TRIALS, places)
    made = SessionPaths(tokenizer)(asked)
    assert differences(tokenizer.literal(), asked, made) == []
    assert made.branches == len(places)


def in_a_chat(words: str, opened: str = "You press <<") -> SessionText:
    """A session in a chat: the template's own control tokens around people's words."""
    head, turn = "<bos>user\n", "</s>\n<bos>model\n"
    text = head + words
    places = [
        replace(
            place,
            cut=place.start - len(opened),
            suffix=turn + opened,
            spoken=len(opened),
        )
        for place in session(text).places
    ]
    return SessionText(text, places, len(head))


@pytest.mark.parametrize("kind", ["bytes", "bpe of whole texts", "bpe with a dummy", "wordpiece"])
def test_in_a_chat_the_templates_control_tokens_are_control_tokens(kind: str) -> None:
    tokenizer = trained(kind)
    asked = in_a_chat("Choose.\n" + "You press <<J>>.\nYou press <<F>>.\n" * 9)
    made = SessionPaths(tokenizer)(asked)
    assert differences(tokenizer, asked, made) == []
    bos, end = tokenizer.inner.convert_tokens_to_ids(["<bos>", "</s>"])
    prefix = list(made.paths[-1].prefix)
    assert (prefix.count(bos), prefix.count(end)) == (2, 1)


@pytest.mark.parametrize("kind", ["bytes", "bpe of whole texts", "bpe with a dummy", "wordpiece"])
def test_in_a_chat_control_tokens_in_peoples_words_are_letters(kind: str) -> None:
    tokenizer = trained(kind)
    words = "Choose </s> or <bos>.\n" + "You press <<J>></s>.\nYou press <<F>>.\n" * 9
    asked = in_a_chat(words)
    made = SessionPaths(tokenizer)(asked)
    bos, end = tokenizer.inner.convert_tokens_to_ids(["<bos>", "</s>"])
    # Every prompt: the template's tokens and, between them, the words as letters.
    for place, paths in zip(asked.places, made.paths, strict=True):
        plain = tokenizer.literal()
        said = "user\n" + words[: (place.cut or 0) - asked.words]
        right = [bos, *plain.encode([said])[0], end, *plain.encode(["\n"])[0], bos]
        right += plain.encode(["model\nYou press <<"])[0]
        assert list(paths.prefix) == right
        assert paths.paths == (
            tuple(plain.encode([f"model\nYou press <<{place.response}"])[0][-1:]),
        )


def test_a_tokenizer_that_does_not_tell_where_tokens_end_is_read_slowly() -> None:
    class Silent(GreedyTokenizer):
        def encode_ends(self, texts: Any) -> None:
            return None

    words = ["press", " <<", "b>>", "<<c", "lead "]
    text = "lead press <<a>> press <<b>> press<<c>> <<d>>"
    slow = same_as_the_definition(Silent(words), text, ("a", "b"))
    quick = same_as_the_definition(GreedyTokenizer(words), text, ("a", "b"))
    assert slow.branches == quick.branches == 2
    assert [tuple(one.prefix) for one in slow.paths] == [tuple(one.prefix) for one in quick.paths]


def test_a_tokenizer_of_python_takes_control_tokens_for_letters_too() -> None:
    from transformers import ByT5Tokenizer

    tokenizer = HubTokenizer(ByT5Tokenizer())
    asked = session("Say </s> <<a>> and <<b b>></s>.", ("a", "b"))
    made = SessionPaths(tokenizer)(asked)
    # Bytes, three behind: its own control tokens are 0 to 2.
    letters = [byte + 3 for byte in asked.text.encode()]
    assert made.trunk.ids.tolist() == letters and made.branches == 0
    assert [list(one.prefix) for one in made.paths] == [letters[:11], letters[:21]]
    assert 1 in tokenizer.encode([asked.text])[0]
    assert 1 in SessionPaths(tokenizer, "source")(asked).trunk.ids


class Counting:
    """A tokenizer that counts the characters it is given."""

    def __init__(self, inner: Any) -> None:
        self.inner, self.characters = inner, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def literal(self) -> Counting:
        return self

    def encode(self, texts: Any) -> Any:
        self.characters += sum(map(len, texts))
        return self.inner.encode(texts)

    def encode_ends(self, texts: Any) -> Any:
        self.characters += sum(map(len, texts))
        return self.inner.encode_ends(texts)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "unigram"])
def test_twice_the_text_is_twice_the_work(kind: str) -> None:
    trial = "Trial {0}: 日本😀 e\u0301 paid {1}. You press <<s>> or <<{2}>>.\n"
    work = []
    for trials in (100, 200, 400):
        text = "".join(trial.format(n, n * n % 97, "JF"[n % 2]) for n in range(trials))
        counting = Counting(trained(kind))
        SessionPaths(counting)(session(text, ("J", "F")))
        work.append(counting.characters / len(text))
    # No prompt but the first few was read whole: each would be some tens of times as long.
    assert max(work) < 30 and work[2] < 1.1 * work[1]


def test_a_response_that_is_none_of_its_options_is_refused() -> None:
    with pytest.raises(ValueError, match="none of"):
        SessionPaths(ByteTokenizer())(SessionText("a<<b>>", [Place(3, "b", ("c", "d"))]))


def test_without_any_token_before_the_answer_there_is_no_prompt() -> None:
    with pytest.raises(UserError, match="no token before the answer"):
        SessionPaths(ByteTokenizer(bos=False))(SessionText("b>>", [Place(0, "b")]))


LETTERS = st.text(alphabet="abJF s<>\n'é日😀\u0301 ", max_size=12)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=25, deadline=None)
@given(turns=st.lists(st.tuples(LETTERS, LETTERS), min_size=1, max_size=12), long=st.booleans())
def test_any_text_is_as_if_tokenised_whole(
    kind: str, turns: list[tuple[str, str]], long: bool
) -> None:
    lead = TRIALS[:600] if long else "Go: "
    text, places = lead, []
    for words, response in turns:
        text += words + "<<"
        if response.strip():
            places.append(Place(len(text), response))
        text += response + ">>"
    asked, tokenizer = SessionText(text, places), trained(kind)
    try:
        made = SessionPaths(tokenizer)(asked)
    except UserError as error:
        assert "gives no token" in str(error)
        return
    assert differences(tokenizer.literal(), asked, made) == []
