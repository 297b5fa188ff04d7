"""The architectures of the published pairs, and more, as small as they go with all parts at work.

Windows and chunks are eight tokens wide, so that the prompts of the tests go past them, beside a
layer of full attention where the architecture has both kinds; multipliers and soft-caps are
strong enough to matter. DeepSeek, Falcon 3, Yi, SOLAR, TinyLlama and SmolLM 1 and 2 are Llama;
Qwen 1.5, 2, 2.5 and Sailor are Qwen2; CodeGemma is Gemma. MiMo-7B needs code of its own: the
MiMo here is the one that transformers has.
"""

from __future__ import annotations

from typing import Any, NamedTuple

WINDOW = 8  # tokens, of every sliding window and chunk

_BARE: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 4096,
}
_GROUPED: dict[str, Any] = {**_BARE, "num_key_value_heads": 2}
_LLAMA: dict[str, Any] = {**_GROUPED, "head_dim": 8}
_BOTH_KINDS: dict[str, Any] = {
    "sliding_window": WINDOW,
    "layer_types": ["sliding_attention", "full_attention"],
}
_EXPERTS: dict[str, Any] = {"num_experts": 4, "num_experts_per_tok": 2}
_GPT2: dict[str, Any] = {
    "n_embd": 32,
    "n_inner": 48,
    "n_layer": 2,
    "n_head": 4,
    "n_positions": 4096,
}
_LLAMA4: dict[str, Any] = {
    **_LLAMA,
    "intermediate_size_mlp": 48,
    "num_local_experts": 4,
    "interleave_moe_layer_step": 2,
    "no_rope_layers": [1, 0],  # chunked attention with positions, full attention without
    "attention_chunk_size": WINDOW,
}
_MAMBA: dict[str, Any] = {"hidden_size": 32, "num_hidden_layers": 2, "state_size": 8}


class Architecture(NamedTuple):
    """Classes in transformers, the config's arguments, and the factor that initial weights get.

    The factor gives the model opinions, and lets float32 keep log-probabilities to 1e-5 nat;
    recurrences amplify errors, and take a smaller one.
    """

    config: str
    model: str
    arguments: dict[str, Any]
    growth: float = 4.0


def _named(name: str, arguments: dict[str, Any], growth: float = 4.0) -> Architecture:
    return Architecture(f"{name}Config", f"{name}ForCausalLM", arguments, growth)


ARCHITECTURES: dict[str, Architecture] = {
    "Llama": _named("Llama", _LLAMA),
    "Llama3": _named(
        "Llama",
        {
            **_LLAMA,
            "rope_parameters": {
                "rope_type": "llama3",
                "rope_theta": 500.0,
                "factor": 8.0,
                "low_freq_factor": 1.0,
                "high_freq_factor": 4.0,
                "original_max_position_embeddings": 64,
            },
        },
    ),
    "Mistral": _named("Mistral", {**_LLAMA, "sliding_window": None}),
    "MistralSliding": _named("Mistral", {**_LLAMA, "sliding_window": WINDOW}),
    "Qwen2": _named("Qwen2", _GROUPED),
    "Qwen2Sliding": _named("Qwen2", {**_GROUPED, **_BOTH_KINDS, "use_sliding_window": True}),
    "Qwen2Moe": _named(
        "Qwen2Moe",
        {
            **_GROUPED,
            **_EXPERTS,
            "moe_intermediate_size": 24,
            "shared_expert_intermediate_size": 24,
        },
    ),
    "Qwen3": _named("Qwen3", _LLAMA),
    "Qwen3Moe": _named("Qwen3Moe", {**_LLAMA, **_EXPERTS, "moe_intermediate_size": 24}),
    "Gemma": _named("Gemma", _LLAMA),
    "Gemma2": _named(
        "Gemma2",
        {
            **_LLAMA,
            **_BOTH_KINDS,
            "query_pre_attn_scalar": 8,
            "attn_logit_softcapping": 0.5,
            "final_logit_softcapping": 3.0,
        },
    ),
    "Gemma3Text": Architecture(
        "Gemma3TextConfig",
        "Gemma3ForCausalLM",
        {**_LLAMA, **_BOTH_KINDS, "query_pre_attn_scalar": 8},
    ),
    "Gemma3": Architecture(
        "Gemma3Config",
        "Gemma3ForConditionalGeneration",
        {
            "text_config": {**_LLAMA, **_BOTH_KINDS, "query_pre_attn_scalar": 8},
            "vision_config": {
                "hidden_size": 8,
                "intermediate_size": 8,
                "num_hidden_layers": 1,
                "num_attention_heads": 1,
                "image_size": 28,
                "patch_size": 14,
            },
            "mm_tokens_per_image": 4,
        },
    ),
    "RecurrentGemma": _named(
        "RecurrentGemma",
        {
            "hidden_size": 32,
            "intermediate_size": 96,
            "num_hidden_layers": 3,
            "num_attention_heads": 4,
            "num_key_value_heads": 1,
            "attention_window_size": WINDOW,
            "logits_soft_cap": 3.0,
        },
        growth=1.5,
    ),
    "FalconH1": _named(
        "FalconH1",
        {
            **_GROUPED,
            "mamba_d_ssm": 32,
            "mamba_n_heads": 4,
            "mamba_d_state": 8,
            "mamba_chunk_size": 16,
            "embedding_multiplier": 2.0,
            "lm_head_multiplier": 0.5,
            "key_multiplier": 0.7,
            "attention_in_multiplier": 0.9,
            "attention_out_multiplier": 0.8,
            "ssm_in_multiplier": 1.5,
            "ssm_out_multiplier": 2.0,
            "ssm_multipliers": [0.8, 2.0, 2.5, 3.0, 0.7],
            "mlp_multipliers": [0.9, 0.6],
        },
    ),
    "Mamba": _named("Mamba", _MAMBA, growth=1.5),
    "FalconMamba": _named("FalconMamba", _MAMBA, growth=1.0),
    "Zamba2": _named(
        "Zamba2",
        {
            **_BARE,
            "num_hidden_layers": 4,
            "layers_block_type": ["linear_attention", "hybrid", "linear_attention", "hybrid"],
            "mamba_d_state": 8,
            "n_mamba_heads": 4,
            "chunk_size": 16,
            "use_mem_rope": True,
            "use_shared_attention_adapter": True,
            "adapter_rank": 4,
            "time_step_min": 0.05,
        },
    ),
    "Olmo": _named("Olmo", {**_BARE, "clip_qkv": 2.0}),
    "Olmo2": _named("Olmo2", _GROUPED),
    "Olmo3": _named("Olmo3", {**_GROUPED, **_BOTH_KINDS}),
    "Olmoe": _named("Olmoe", {**_BARE, **_EXPERTS}),
    "Granite": _named(
        "Granite",
        {
            **_GROUPED,
            "embedding_multiplier": 3.0,
            "attention_multiplier": 0.2,
            "residual_multiplier": 0.6,
            "logits_scaling": 2.0,
        },
    ),
    "GPTBigCode": _named("GPTBigCode", _GPT2),
    "StableLm": _named("StableLm", {**_GROUPED, "use_qkv_bias": True}),
    "StableLmParallel": _named(
        "StableLm", {**_GROUPED, "use_parallel_residual": True, "qk_layernorm": True}
    ),
    "Nemotron": _named("Nemotron", _LLAMA),
    "MiMoV2Flash": _named(
        "MiMoV2Flash",
        {
            **_GROUPED,
            **_BOTH_KINDS,
            "head_dim": 12,
            "v_head_dim": 8,
            "mlp_layer_types": ["dense", "sparse"],
            "moe_intermediate_size": 24,
            "n_routed_experts": 4,
            "num_experts_per_tok": 2,
        },
    ),
    "GPTNeoX": _named("GPTNeoX", _BARE),
    "GPT2": Architecture("GPT2Config", "GPT2LMHeadModel", _GPT2),
    "Phi3": _named("Phi3", {**_GROUPED, "sliding_window": WINDOW}),
    "SmolLM3": _named(
        "SmolLM3",
        {
            **_GROUPED,
            "no_rope_layers": [1, 0],
            "use_sliding_window": True,
            "sliding_window": WINDOW,
        },
    ),
    "Cohere": _named("Cohere", {**_GROUPED, "use_qk_norm": True, "logit_scale": 0.5}),
    "Cohere2": _named("Cohere2", {**_GROUPED, **_BOTH_KINDS, "logit_scale": 0.5}),
    "Mixtral": _named("Mixtral", {**_LLAMA, "num_local_experts": 4}),
    "Llama4": Architecture("Llama4TextConfig", "Llama4ForCausalLM", _LLAMA4),
    # Layers without rotary positions scale queries by their place in the pass from 16 tokens on.
    "Llama4Tempered": Architecture(
        "Llama4TextConfig", "Llama4ForCausalLM", {**_LLAMA4, "floor_scale": 16, "attn_scale": 1.0}
    ),
    "GptOss": _named(
        "GptOss",
        {**_LLAMA, **_BOTH_KINDS, "num_local_experts": 4, "num_experts_per_tok": 2},
    ),
}
