"""Damaged models: configurations, tokenizers, headers of safetensors and GGUF files, adapters. Each
is refused in one sentence, or gives the numbers of the sound one, or is another model: then under
another key, and with the numbers that transformers itself computes from the same files.

No traceback, no crash, no run without end, and nothing of a model's own code is executed.
"""

from __future__ import annotations

import json
import math
import os
import random
import resource
import shutil
import signal
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from attacks.common import Tally
from attacks.mutants import in_bytes, in_json

SLOW = 60  # seconds: nothing of this size may take longer
MEMORY = 12 * 10**9  # bytes of address space, most of it libraries'
SAME = 1e-6  # nat
PROMPT, LABELS = 'Take it? {"decision": "', ("yes", "no")
RAN = "ran.txt"  # what code of the model's would leave
CODE = f"open({RAN!r}, 'w').close()\n"
CONFIG = "config.json"
_ENTRIES: tuple[dict[str, Any], ...] = (
    {"auto_map": {"AutoConfig": "code.Config", "AutoModelForCausalLM": "code.Model"}},
    {"auto_map": {"AutoTokenizer": ["code.Tokenizer", None]}},
    {"tokenizer_class": "code.Tokenizer"}, {"architectures": ["Nothing"]}, {"model_type": "code"},
    {"architectures": ["GPT2LMHeadModel"]}, {"quantization_config": {"quant_method": "code"}},
    {"attn_implementation": "flash_attention_2"}, {"torch_dtype": "float8"}, {"dtype": "os.system"},
    {"tie_word_embeddings": True}, {"rope_scaling": {"type": "linear", "factor": 2.0}},
    {"base_model_name_or_path": "../elsewhere"}, {"hidden_act": "__import__('os')"},
    {"peft_type": "PROMPT_TUNING"}, {"r": 2}, {"target_modules": ["nothing"]}, {"bias": "all"},
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Kind:
    """A file of a model in a folder, and how it is damaged; opened is the folder's model, with the
    adapter, or the GGUF file."""

    name: str
    file: str
    mutate: Callable[[bytes, random.Random], bytes]
    adapter: bool = False
    gguf: bool = False


def attack(folder: Path, rng: random.Random, count: int) -> list[Tally]:
    """`count` mutants over all kinds, each opened in a process of its own."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    sound = folder / "sound"
    # In a process of its own, too: a thread that had begun here would hold its locks in all others.
    written = _forked(lambda: _write_models(sound) or {}, folder)
    assert written == {}, written
    _warm()
    expected = {key: _opened(sound, *key) for key in _ways()}
    for way, found in expected.items():
        assert "logprobs" in found, (way, found)
    return [
        _Attack(kind, sound, folder / "place", expected).run(rng, -(-count // len(KINDS)))
        for kind in KINDS
    ]


def _ways() -> list[tuple[bool, bool]]:
    return [(False, False), (True, False), (False, True)]


def in_object(content: bytes, rng: random.Random) -> bytes:
    """A JSON file with a value replaced, taken out or named otherwise, or an entry of a stranger's
    put in; at times its bytes damaged."""
    what = rng.randrange(4)
    if what == 0:
        return in_bytes(content, rng)
    if what == 1:
        return json.dumps({**json.loads(content), **rng.choice(_ENTRIES)}).encode()
    return in_json(content, rng)


def in_header(content: bytes, rng: random.Random) -> bytes:
    """A safetensors file whose header is damaged, at times with a length that fits."""
    (length,) = struct.unpack("<Q", content[:8])
    header, rest = content[8 : 8 + length], content[8 + length :]
    what = rng.randrange(5)
    if what == 0:
        return struct.pack("<Q", rng.choice((0, 1, length - 1, length + 8, 2**40))) + content[8:]
    if what == 1:
        return content[: rng.randrange(len(content))]
    if what == 2:
        at = rng.randrange(length)
        header = header[:at] + bytes([header[at] ^ 1 << rng.randrange(8)]) + header[at + 1 :]
    else:
        header = (in_json if what == 3 else _in_entries)(header, rng).strip()
    return struct.pack("<Q", len(header)) + header + rest


def _in_entries(header: bytes, rng: random.Random) -> bytes:
    """Two tensors exchanged in all but their names, or one of another type or shape, twice in the
    file, or without an entry."""
    entries = json.loads(header)
    one, other = rng.sample([name for name in entries if name != "__metadata__"], 2)
    what = rng.randrange(5)
    if what == 0:
        entries[one], entries[other] = entries[other], entries[one]
    elif what == 1:
        entries[one]["dtype"] = rng.choice(("I32", "U32", "F64", "BF16", "F8_E4M3", "BOOL"))
    elif what == 2:
        entries[one]["shape"] = entries[one]["shape"][::-1]
    elif what == 3:
        entries[one]["data_offsets"] = entries[other]["data_offsets"]
    else:
        del entries[one]
    return json.dumps(entries).encode()


def in_gguf(content: bytes, rng: random.Random) -> bytes:
    """A GGUF file with its header damaged: a bit, some bytes, or cut off."""
    end = content.rindex(b"output_norm.weight") + 60  # near the end of its list of tensors
    what = rng.randrange(6)
    if what == 0:
        return content[: rng.randrange(len(content))]
    if what == 1:
        return in_bytes(content[:end], rng) + content[end:]
    at = rng.randrange(end)
    return content[:at] + bytes([content[at] ^ 1 << rng.randrange(8)]) + content[at + 1 :]


KINDS = (
    Kind("configuration", f"model/{CONFIG}", in_object),
    Kind("tokenizer", "model/tokenizer.json", in_object),
    Kind("settings of the tokenizer", "model/tokenizer_config.json", in_object),
    Kind("header of safetensors", "model/model.safetensors", in_header),
    Kind("header of GGUF", "model.gguf", in_gguf, gguf=True),
    Kind("configuration of an adapter", "adapter/adapter_config.json", in_object, adapter=True),
    Kind("header of an adapter", "adapter/adapter_model.safetensors", in_header, adapter=True),
)


def _write_models(folder: Path) -> None:
    """A tiny model as a folder and as GGUF, and an adapter of it."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    from tests.support.gguf_files import as_gguf
    from tests.support.toys import save_tiny

    model = save_tiny(folder / "model")
    as_gguf(model, folder / "model.gguf")
    torch.manual_seed(0)
    config = LoraConfig(r=4, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM")
    adapted = get_peft_model(AutoModelForCausalLM.from_pretrained(model), config)
    for name, weight in adapted.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight)
    adapted.save_pretrained(folder / "adapter")
    (model / "code.py").write_text(CODE, "utf-8")


def _warm() -> None:
    """Imports what a child needs, so that forking is all that it takes."""
    import peft
    import torch
    import transformers.models.llama.modeling_llama
    from transformers import AutoModelForCausalLM, AutoTokenizer

    import tremble.models.convert_gguf
    import tremble.models.gguf

    assert peft and transformers and AutoModelForCausalLM and AutoTokenizer and tremble
    torch.set_num_threads(1)


class _Attack:
    """One kind of damage, again and again."""

    def __init__(
        self, kind: Kind, sound: Path, place: Path, expected: dict[tuple[bool, bool], Any]
    ) -> None:
        self.kind, self.sound, self.place = kind, sound, place
        self.expected = expected[kind.adapter, kind.gguf]
        self.tally = Tally(f"damaged: {kind.name}")

    def run(self, rng: random.Random, count: int) -> Tally:
        content = (self.sound / self.kind.file).read_bytes()
        for number in range(count):
            shutil.rmtree(self.place, ignore_errors=True)
            shutil.copytree(self.sound, self.place)
            mutant = self.kind.mutate(content, rng)
            (self.place / self.kind.file).write_bytes(mutant)
            started = time.perf_counter()
            found = _opened(self.place, self.kind.adapter, self.kind.gguf)
            self.tally.tries += 1
            self._judge(f"{number}: {_changed(content, mutant)}", found, mutant == content)
            self.tally.longest = max(self.tally.longest, time.perf_counter() - started)
        return self.tally

    def _judge(self, where: str, found: dict[str, Any], untouched: bool) -> None:
        if any(self.place.rglob(RAN)):
            self.tally.fail(f"{where}: code of the model was run")
        elif "fault" in found:
            self.tally.fail(f"{where}: {found['fault']}")
        elif "told" in found:
            if untouched or "\n" in found["told"] or not found["told"].endswith((".", "?")):
                self.tally.fail(f"{where}: {found['told']}")
            else:
                self.tally.note("told")
        elif _near(found["logprobs"], self.expected["logprobs"]):
            self.tally.note("the same numbers")
        elif found["key"] == self.expected["key"]:
            self.tally.fail(f"{where}: other numbers under the same key: {found['logprobs']}")
        elif found["own"] is not None and not _near(found["logprobs"], found["own"], 1e-4):
            self.tally.fail(f"{where}: {found['logprobs']}, by transformers {found['own']}")
        else:
            self.tally.note("another model, under its own key")


def _near(one: list[float], other: list[float], most: float = SAME) -> bool:
    return all(
        a == b or (math.isnan(a) and math.isnan(b)) or abs(a - b) <= most
        for a, b in zip(one, other, strict=True)
    )


def _changed(sound: bytes, mutant: bytes) -> str:
    """Where two contents begin to differ, and what stands there."""
    at = next((i for i, (a, b) in enumerate(zip(sound, mutant, strict=False)) if a != b), 0)
    start = max(0, at - 30)
    return f"{sound[start : at + 40]!r} became {mutant[start : at + 40]!r}"


def _opened(folder: Path, adapter: bool, gguf: bool) -> dict[str, Any]:
    """What a model of a folder gives, found in a process of its own: `told`, a refusal; `fault`,
    what may not be; else `logprobs` of the labels, `key`, and `own`, what transformers computes."""

    def look() -> dict[str, Any]:
        signal.setitimer(signal.ITIMER_REAL, SLOW)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        return _look(folder, adapter, gguf)

    return _forked(look, folder)


def _forked(work: Callable[[], dict[str, Any]], within: Path) -> dict[str, Any]:
    """What `work` returns in a process that is forked off this one; `fault` where it fails."""
    within.mkdir(parents=True, exist_ok=True)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        null = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(null, stream)
        try:
            os.chdir(within)
            found = work()
        except BaseException as error:
            found = {"fault": f"{type(error).__name__}: {error}"[:400]}
        with os.fdopen(write, "w") as out:
            json.dump(found, out)
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as said:
        text = said.read()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status == -signal.SIGALRM:
        return {"fault": f"it did not end in {SLOW} s"}
    return json.loads(text) if text else {"fault": f"the process ended with {status}"}


def _look(folder: Path, adapter: bool, gguf: bool) -> dict[str, Any]:
    import tremble.models.gguf
    from tremble.engines.open import open_engine
    from tremble.errors import UserError
    from tremble.models.spec import ModelSpec, RunOptions
    from tremble.tokenization.options import option_paths

    os.environ["TREMBLE_CACHE"] = str(folder / "cache")
    tremble.models.gguf.convert = _convert
    model = folder / ("model.gguf" if gguf else "model")
    spec = ModelSpec(str(model), adapter=str(folder / "adapter") if adapter else None)
    try:
        engine = open_engine(spec, RunOptions(engine="reference"), lambda _: None)
        paths = option_paths(engine.tokenizer, [(PROMPT, LABELS)])
        (score,) = engine.score(paths)
    except UserError as error:
        return {"told": str(error)}
    if score.error is not None:
        return {"told": f"{score.error}."}
    logprobs = [math.nan if value is None else value for value in score.logprobs]
    own = None if gguf else _by_transformers(folder, adapter, paths[0])
    return {"logprobs": logprobs, "key": [engine.identity(), paths[0].key()], "own": own}


def _by_transformers(folder: Path, adapter: bool, paths: Any) -> list[float]:
    """The log-probabilities of the labels, from the same files and ids, without tremble."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(
        folder / "model", dtype=torch.float32, attn_implementation="sdpa"
    ).eval()
    if adapter:
        model = PeftModel.from_pretrained(model, str(folder / "adapter")).eval()
    found = []
    for path in paths.paths:
        ids = torch.tensor([[*paths.prefix, *path]])
        with torch.inference_mode():
            rows = model(input_ids=ids).logits[0].double().log_softmax(-1)
        start = len(paths.prefix) - 1
        found.append(sum(float(rows[start + at, token]) for at, token in enumerate(path)))
    return found


def _convert(gguf: Path, made: Path) -> None:
    """A conversion in this process, which is already one of its own."""
    from tremble.models import conversion, convert_gguf

    try:
        convert_gguf.convert(gguf, made)
    except Exception as error:
        report = json.dumps(convert_gguf.reported(error))
        raise conversion._failure(gguf, 1, report) from error
