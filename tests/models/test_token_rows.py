"""Tokenizers with more tokens, or fewer, than their models have rows."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from tests.support.odd_models import altered, assert_scored_as, copied, refused
from tests.support.toys import bpe_tokenizer, save_tiny, tiny_model
from tremble.engines.open import open_engine
from tremble.errors import UserError
from tremble.models.spec import ModelSpec, RunOptions
from tremble.models.tokenizer import HubTokenizer
from tremble.tokenization.options import option_paths

pytestmark = pytest.mark.usefixtures("one_thread")

HEAD = "lm_head.weight"


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("llama"))


def as_transformers(folder: Path) -> Any:
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


@pytest.mark.parametrize("engine", ["reference", "transformers"])
def test_a_tokenizer_with_more_tokens_than_the_model_has_rows(
    engine: str, llama: Path, tmp_path: Path
) -> None:
    rows = load_file(llama / "model.safetensors")[HEAD].shape[0]
    says = f"has {rows + 1:,} tokens, but the model has rows for {rows:,} ('Ġzzz' is"
    more_tokens = copied(llama, tmp_path / "more")
    path = more_tokens / "tokenizer.json"
    tokenizer = json.loads(path.read_text())
    tokenizer["model"]["vocab"]["Ġzzz"] = rows
    path.write_text(json.dumps(tokenizer))
    assert says in refused(more_tokens, engine)
    # A head may have fewer rows than the embedding; such tokens can be read and not put out.
    wide = copied(more_tokens, tmp_path / "wide")
    model: Any = as_transformers(llama)
    model.model.embed_tokens = torch.nn.Embedding(rows + 1, 32)
    model.save_pretrained(wide)
    altered(wide, None, {"vocab_size": rows + 1})
    assert f"'{HEAD}' " in refused(wide, engine) and f"{rows + 1} x 32" in refused(wide, engine)


def test_a_special_token_that_no_text_holds_needs_no_row(llama: Path, tmp_path: Path) -> None:
    """As the picture's token of Gemma 3, beyond the rows of its models of text; where a template
    prints it, texts hold it."""
    folder = copied(llama, tmp_path / "m")
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    tokenizer.add_special_tokens({"additional_special_tokens": ["<picture>"]})
    tokenizer.save_pretrained(folder)
    assert_scored_as(as_transformers(llama), folder)
    tokenizer.chat_template = "<picture>" + tokenizer.chat_template
    tokenizer.save_pretrained(folder)
    assert "'<picture>' is number" in refused(folder)


@pytest.mark.parametrize("engine", ["reference", "transformers"])
@pytest.mark.parametrize("token", ["<tool_call>", "accept or reject", "yes please", '"!'])
def test_an_added_token_needs_no_row_where_no_prompt_holds_it(
    engine: str, token: str, llama: Path, tmp_path: Path
) -> None:
    """As those for calling tools, beyond the rows of models that were not trained on them. One in
    a prompt, in an option or among the ends of an option is noticed when that is scored."""
    folder = copied(llama, tmp_path / "m")
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    rows = len(tokenizer)
    tokenizer.add_tokens([token])
    tokenizer.chat_template = token + tokenizer.chat_template
    tokenizer.save_pretrained(folder)
    if token == "<tool_call>":
        assert_scored_as(as_transformers(llama), folder)
        return
    prompts = option_paths(
        HubTokenizer(tokenizer), [('{"accept or reject": "', ["yes", "yes please"])]
    )
    opened: Any = open_engine(ModelSpec(str(folder)), RunOptions(engine=engine), lambda _: None)
    with pytest.raises(UserError, match=re.escape(f"has the token {token!r}, number {rows:,}")):
        list(opened.score(prompts))


def test_fewer_tokens_than_rows_are_padding(tmp_path: Path) -> None:
    model = tiny_model("Llama", 480)
    model.save_pretrained(tmp_path)
    bpe_tokenizer().save_pretrained(tmp_path)
    assert_scored_as(model, tmp_path)
