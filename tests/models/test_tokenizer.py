"""A tokenizer of the hub: what it is known by, and that a shorter way to it changes nothing."""

from __future__ import annotations

import errno
import tempfile
from pathlib import Path
from typing import Any

import pytest

from tests.support.toys import bpe_tokenizer
from tremble.errors import ModelUnavailable, UserError
from tremble.models.byte_tokenizer import ByteTokenizer
from tremble.models.tokenizer import HubTokenizer


def test_the_key_of_a_tokenizer_is_that_of_its_content(tmp_path: Path) -> None:
    from tokenizers import AddedToken
    from transformers import AutoTokenizer, ByT5Tokenizer, PreTrainedTokenizerFast

    one, same = (HubTokenizer(bpe_tokenizer()) for _ in range(2))
    one.inner.save_pretrained(tmp_path / "saved")
    loaded = HubTokenizer(AutoTokenizer.from_pretrained(tmp_path / "saved"))
    added = bpe_tokenizer()
    added.add_tokens([AddedToken("Option")])
    others: list[Any] = [
        HubTokenizer(bpe_tokenizer(bos=True)),
        HubTokenizer(added),
        ByteTokenizer(),
    ]
    assert one.key == same.key == loaded.key
    assert len({one.key, *(other.key for other in others)}) == 4
    slow = [HubTokenizer(ByT5Tokenizer(extra_ids=count)) for count in (5, 5, 6)]
    assert slow[0].key == slow[1].key != slow[2].key

    class Own(PreTrainedTokenizerFast):  # type: ignore[misc]  # as code of a model
        pass

    foreign = [HubTokenizer(Own(tokenizer_object=one.inner.backend_tokenizer)) for _ in range(2)]
    assert foreign[0].key != foreign[1].key
    assert foreign[0].key == foreign[0].key


def test_a_slow_tokenizer_leaves_nothing_in_the_temporary_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers import ByT5Tokenizer

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    tokenizer = HubTokenizer(ByT5Tokenizer(extra_ids=5))
    assert tokenizer.key
    assert list(tmp_path.iterdir()) == []
    other = HubTokenizer(ByT5Tokenizer(extra_ids=5))

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(other.inner, "save_pretrained", full)
    with pytest.raises(ModelUnavailable, match=r"'ByT5Tokenizer'.*\(No space left.*set TMPDIR"):
        _ = other.key
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    with pytest.raises(UserError, match=r"nowhere.*set TMPDIR"):
        _ = other.key


def test_asking_the_rust_tokenizer_directly_changes_no_id() -> None:
    from transformers import PreTrainedTokenizerFast

    texts = ["<s>Answer: yes", " Option J\n\n\tOption F", "", "é 🙂", 'x</s>{"decision": "no']
    for bos in (True, False):
        tokenizer = HubTokenizer(bpe_tokenizer(bos=bos))
        tokenizer.inner.backend_tokenizer.enable_truncation(2)  # a file may ask for it
        tokenizer = HubTokenizer(tokenizer.inner)
        through = tokenizer.inner(texts, add_special_tokens=False)["input_ids"]
        assert tokenizer.encode(texts) == through
        assert max(map(len, through)) > 2

    class Loud(PreTrainedTokenizerFast):  # type: ignore[misc]
        def _encode_plus(self, text: Any, *rest: Any, **options: Any) -> Any:
            loud = text.upper() if isinstance(text, str) else [one.upper() for one in text]
            return super()._encode_plus(loud, *rest, **options)

    loud = HubTokenizer(Loud(tokenizer_object=bpe_tokenizer().backend_tokenizer))
    assert loud.encode(["yes"]) == loud.encode(["YES"])
