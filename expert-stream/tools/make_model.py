#!/usr/bin/env python3
"""Synthetic mixture-of-experts models in GGUF, for tests and benchmarks.

tiny ARCHITECTURE FILE   random weights at the smallest shape of the architecture
walk FILE                true expert shapes of Qwen3-30B-A3B or Kimi-K2 with routing forced by construction

The walk: token embeddings are one-hot, one dimension for each step; attention output and experts are
as good as zero, so the residual stays; row t of the router is raised where step t shall use an expert,
a little less for each next one, which gives the order; the output head leads from t to t+1. So greedy
decoding in an unmodified llama-server walks the steps and each layer routes as the table says. Half of
the steps are routed uniformly ("flat"), half with locality ("local"); which half a run walks is said by
its first token. FILE.json beside the model says where they begin and holds the table's provenance.

Needs numpy and gguf. Nothing here is copied from a real model.
"""
import argparse
import json
import os
import pathlib
import sys

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Type

FIRST_WORD = 300  # tokens before are control and byte tokens


def vocabulary(writer: gguf.GGUFWriter, size: int) -> None:
    """A sentencepiece-like vocabulary of bytes and numbered words."""
    tokens, scores, kinds = [], [], []
    for i in range(size):
        if i < 3:
            text, kind = ("<unk>", "<s>", "</s>")[i], (2, 3, 3)[i]
        elif i < 259:
            text, kind = f"<0x{i - 3:02X}>", 6
        else:
            text, kind = f"\u2581w{i}", 1
        tokens.append(text.encode())
        scores.append(-float(i))
        kinds.append(kind)
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores(scores)
    writer.add_token_types(kinds)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_add_bos_token(False)


class Tiny:
    """Collects the tensors of one small model."""

    def __init__(self, architecture: str, path: pathlib.Path, expert_type: Type, seed: int, width: int,
                 expert_width: int, split: int, layers: int, experts: int, used: int):
        self.architecture, self.width, self.expert_width = architecture, width, expert_width
        self.layers, self.experts, self.used, self.expert_type = layers, experts, used, expert_type
        self.random = np.random.default_rng(seed)
        self.writer = gguf.GGUFWriter(path, architecture, split_max_tensors=split)
        self.vocabulary_size = 512
        number, real = self.number, self.real
        number("context_length", 8192)
        number("embedding_length", width)
        number("block_count", layers)
        number("feed_forward_length", 2 * width)
        number("attention.head_count", 4)
        number("attention.head_count_kv", 2)
        number("expert_count", experts)
        number("expert_used_count", used)
        number("vocab_size", self.vocabulary_size)
        real("attention.layer_norm_rms_epsilon", 1e-5)
        vocabulary(self.writer, self.vocabulary_size)
        self.add("token_embd.weight", (self.vocabulary_size, width), Type.F16, 1.0)
        self.add("output_norm.weight", (width,), Type.F32, ones=True)
        self.add("output.weight", (self.vocabulary_size, width), Type.F16, 1.0)

    def number(self, key, value):
        self.writer.add_uint32(f"{self.architecture}.{key}", value)

    def replace(self, key, value):
        self.writer.kv_data[0].pop(f"{self.architecture}.{key}")
        self.number(key, value)

    def real(self, key, value):
        self.writer.add_float32(f"{self.architecture}.{key}", value)

    def add(self, name, shape, kind=Type.F16, scale=None, ones=False):
        """Shape as numpy has it: the reverse of ggml's."""
        if scale is None:
            scale = 1.5 / np.sqrt(shape[-1])
        if ones:
            data = 1 + 0.1 * self.random.standard_normal(shape, dtype=np.float32)
        else:
            data = scale * self.random.standard_normal(shape, dtype=np.float32)
        if kind == Type.F32:
            self.writer.add_tensor(name, data.astype(np.float32))
        elif kind == Type.F16:
            self.writer.add_tensor(name, data.astype(np.float16))
        else:
            self.writer.add_tensor(name, gguf.quants.quantize(data, kind), raw_dtype=kind)

    def attention(self, i, head, norms=None, norm_width=None, bias=False):
        p = f"blk.{i}."
        self.add(p + "attn_norm.weight", (self.width,), Type.F32, ones=True)
        for name, rows in (("q", 4 * head), ("k", 2 * head), ("v", 2 * head)):
            self.add(f"{p}attn_{name}.weight", (rows, self.width))
            if bias:
                self.add(f"{p}attn_{name}.bias", (rows,), Type.F32, 0.1)
        self.add(p + "attn_output.weight", (self.width, 4 * head))
        if norms:
            self.add(p + "attn_q_norm.weight", (norms[0],), Type.F32, ones=True)
            self.add(p + "attn_k_norm.weight", (norms[1],), Type.F32, ones=True)

    def routed(self, i, merged=False, bias=False, probabilities_bias=False, shared=0, names=None):
        p = f"blk.{i}."
        e, w, f, t = self.experts, self.width, self.expert_width, self.expert_type
        self.add(p + "ffn_gate_inp.weight", (e, w), Type.F32, 3 / np.sqrt(w))
        if merged:
            self.add(p + "ffn_gate_up_exps.weight", (e, 2 * f, w), t)
        else:
            self.add(p + "ffn_gate_exps.weight", (e, f, w), t)
            self.add(p + "ffn_up_exps.weight", (e, f, w), t)
        self.add(p + "ffn_down_exps.weight", (e, w, f), t)
        if bias:
            self.add(p + "ffn_gate_inp.bias", (e,), Type.F32, 0.1)
            self.add(p + "ffn_gate_exps.bias", (e, f), Type.F32, 0.1)
            self.add(p + "ffn_up_exps.bias", (e, f), Type.F32, 0.1)
            self.add(p + "ffn_down_exps.bias", (e, w), Type.F32, 0.1)
        if probabilities_bias:
            self.add(p + "exp_probs_b.bias", (e,), Type.F32, 0.05)
        if shared:
            self.add(p + "ffn_gate_shexp.weight", (shared, w))
            self.add(p + "ffn_up_shexp.weight", (shared, w))
            self.add(p + "ffn_down_shexp.weight", (w, shared))

    def dense(self, i):
        p = f"blk.{i}."
        self.add(p + "ffn_gate.weight", (2 * self.width, self.width))
        self.add(p + "ffn_up.weight", (2 * self.width, self.width))
        self.add(p + "ffn_down.weight", (self.width, 2 * self.width))

    def norm(self, name):
        self.add(name, (self.width,), Type.F32, ones=True)

    def finish(self):
        self.writer.write_header_to_file()
        self.writer.write_kv_data_to_file()
        self.writer.write_tensors_to_file()
        self.writer.close()


def heads(m: Tiny, head: int) -> None:
    m.number("attention.key_length", head)
    m.number("attention.value_length", head)
    m.number("rope.dimension_count", head)


def qwen3moe(m: Tiny) -> None:
    heads(m, 32)
    m.number("expert_feed_forward_length", m.expert_width)
    for i in range(m.layers):
        m.attention(i, 32, norms=(32, 32))
        m.norm(f"blk.{i}.ffn_norm.weight")
        m.routed(i)


def deepseek2(m: Tiny) -> None:
    """The shape of DeepSeek-V3 and Kimi-K2: latent attention, a dense first layer, a shared expert."""
    nope, rope, latent, q_rank, value = 32, 32, 64, 64, 32
    m.replace("attention.head_count_kv", 1)
    m.number("attention.key_length", latent + rope)
    m.number("attention.value_length", latent)
    m.number("attention.key_length_mla", nope + rope)
    m.number("attention.value_length_mla", value)
    m.number("rope.dimension_count", rope)
    m.number("attention.q_lora_rank", q_rank)
    m.number("attention.kv_lora_rank", latent)
    m.number("leading_dense_block_count", 1)
    m.number("expert_feed_forward_length", m.expert_width)
    m.number("expert_shared_count", 1)
    m.real("expert_weights_scale", 2.5)
    m.writer.add_bool("deepseek2.expert_weights_norm", True)
    m.number("expert_gating_func", 2)
    for i in range(m.layers):
        p = f"blk.{i}."
        m.norm(p + "attn_norm.weight")
        m.add(p + "attn_q_a_norm.weight", (q_rank,), Type.F32, ones=True)
        m.add(p + "attn_kv_a_norm.weight", (latent,), Type.F32, ones=True)
        m.add(p + "attn_q_a.weight", (q_rank, m.width))
        m.add(p + "attn_q_b.weight", (4 * (nope + rope), q_rank))
        m.add(p + "attn_kv_a_mqa.weight", (latent + rope, m.width))
        m.add(p + "attn_k_b.weight", (4, latent, nope))
        m.add(p + "attn_v_b.weight", (4, value, latent))
        m.add(p + "attn_output.weight", (m.width, 4 * value))
        m.norm(p + "ffn_norm.weight")
        if i < 1:
            m.dense(i)
        else:
            m.routed(i, probabilities_bias=True, shared=m.expert_width, merged=m.architecture_variant == "merged")


def glm4moe(m: Tiny) -> None:
    heads(m, 32)
    m.number("expert_feed_forward_length", m.expert_width)
    m.number("expert_shared_count", 1)
    m.number("leading_dense_block_count", 1)
    m.writer.add_bool("glm4moe.expert_weights_norm", True)
    m.real("expert_weights_scale", 1.0)
    for i in range(m.layers):
        m.attention(i, 32, norms=(32, 32), bias=True)
        m.norm(f"blk.{i}.post_attention_norm.weight")
        if i < 1:
            m.dense(i)
        else:
            m.routed(i, probabilities_bias=True, shared=m.expert_width)


def gpt_oss(m: Tiny) -> None:
    heads(m, 32)
    m.number("expert_feed_forward_length", m.expert_width)
    m.number("attention.sliding_window", 128)
    for i in range(m.layers):
        m.attention(i, 32, bias=True)
        m.norm(f"blk.{i}.post_attention_norm.weight")
        m.add(f"blk.{i}.attn_output.bias", (m.width,), Type.F32, 0.1)
        m.add(f"blk.{i}.attn_sinks.weight", (4,), Type.F32, 1.0)
        m.routed(i, bias=True)


def minimax_m2(m: Tiny) -> None:
    heads(m, 32)
    m.replace("feed_forward_length", m.expert_width)
    m.number("expert_feed_forward_length", m.expert_width)
    m.number("expert_gating_func", 2)
    for i in range(m.layers):
        m.attention(i, 32, norms=(4 * 32, 2 * 32))
        m.norm(f"blk.{i}.ffn_norm.weight")
        m.routed(i, probabilities_bias=True)


def llama4(m: Tiny) -> None:
    heads(m, 32)
    m.number("expert_feed_forward_length", m.expert_width)
    m.number("interleave_moe_layer_step", 2)
    for i in range(m.layers):
        m.attention(i, 32)
        m.norm(f"blk.{i}.ffn_norm.weight")
        if (i + 1) % 2:
            m.dense(i)
        else:
            m.routed(i, shared=m.expert_width)


def granitemoe(m: Tiny) -> None:
    heads(m, 32)
    m.replace("feed_forward_length", m.expert_width)
    m.real("logit_scale", 1.0)
    m.real("residual_scale", 0.9)
    m.real("embedding_scale", 1.5)
    m.real("attention.scale", 0.1)
    m.number("expert_shared_feed_forward_length", 64)
    for i in range(m.layers):
        m.attention(i, 32)
        m.norm(f"blk.{i}.ffn_norm.weight")
        m.routed(i, shared=64)


# name → (llama.cpp's architecture, what builds it, shape)
ARCHITECTURES = {
    "qwen3moe": ("qwen3moe", qwen3moe, dict(layers=3, experts=16, used=4)),
    "deepseek2": ("deepseek2", deepseek2, dict(layers=3, experts=24, used=6)),
    "deepseek2-merged": ("deepseek2", deepseek2, dict(layers=3, experts=24, used=6)),
    "glm4moe": ("glm4moe", glm4moe, dict(layers=3, experts=16, used=4)),
    "gpt-oss": ("gpt-oss", gpt_oss, dict(layers=4, experts=16, used=4)),
    "minimax-m2": ("minimax-m2", minimax_m2, dict(layers=3, experts=16, used=4)),
    "llama4": ("llama4", llama4, dict(layers=4, experts=16, used=1)),
    "granitemoe": ("granitemoe", granitemoe, dict(layers=3, experts=20, used=4)),
}


def make_tiny(name: str, path: pathlib.Path, kind: str, seed: int, width: int, expert_width: int, split: int) -> None:
    architecture, build, shape = ARCHITECTURES[name]
    # Parts carry their number in their name, so they are written where they stay.
    temporary = path if split else path.with_name(path.name + ".new")
    model = Tiny(architecture, temporary, Type[kind.upper()], seed, width, expert_width, split, **shape)
    model.architecture_variant = "merged" if name.endswith("-merged") else ""
    build(model)
    model.finish()
    if not split:
        os.replace(temporary, path)


def flat_table(random, steps, layers, experts, used):
    return np.stack([[random.permutation(experts)[:used] for _ in range(layers)] for _ in range(steps)])


def read_trace(path: pathlib.Path):
    """Layer → step → experts of a recorded trace."""
    layers: dict[int, dict[int, list[int]]] = {}
    for line in path.read_text().splitlines():
        if line.startswith("#") or line.startswith("turn"):
            continue
        _, _, step, layer, _, expert, *_ = line.split(",")
        layers.setdefault(int(layer), {}).setdefault(int(step), []).append(int(expert))
    return layers


def local_table(random, steps, layers, experts, used, trace):
    """Locality: by a chain fitted to a recorded trace, or, without one, by Zipf's law with four of ten
    experts carried over."""
    table = np.zeros((steps, layers, used), dtype=np.int64)
    recorded = read_trace(trace) if trace else None
    for layer in range(layers):
        if recorded:
            source = recorded[sorted(recorded)[layer % len(recorded)]]
            weight = np.full(experts, 0.25)
            kept = total = 0
            before: list[int] = []
            for step in sorted(source):
                for expert in source[step]:
                    weight[expert] += 1
                    kept += expert in before
                    total += 1
                before = source[step]
            carry = kept / max(1, total)
        else:
            weight = 1 / (1 + random.permutation(experts).astype(float))
            carry = 0.4
        chance = weight / weight.sum()
        before = []
        for step in range(steps):
            chosen = [e for e in before if random.random() < carry]
            while len(chosen) < used:
                expert = int(random.choice(experts, p=chance))
                if expert not in chosen:
                    chosen.append(expert)
            random.shuffle(chosen)
            table[step, layer] = chosen
            before = chosen
    return table


def random_blocks(random, kind: Type, rows: int, row_bytes: int) -> np.ndarray:
    """Quantised rows with random weights near zero: random bits under minute scales."""
    data = np.frombuffer(random.bytes(rows * row_bytes), dtype=np.uint8).reshape(rows, row_bytes).copy()
    block, size = gguf.GGML_QUANT_SIZES[kind]
    blocks = data.reshape(-1, size)
    minute = np.frombuffer(np.float16(6e-8).tobytes(), dtype=np.uint8)
    if kind == Type.Q4_K:
        blocks[:, 0:2] = minute
        blocks[:, 2:4] = minute
    elif kind == Type.Q6_K:
        blocks[:, size - 2:] = minute
    elif kind in (Type.Q8_0, Type.IQ1_S):
        blocks[:, 0:2] = minute
    else:
        raise SystemExit(f"no random blocks of {kind.name}")
    return data


# The true expert sizes of a model and what stands around them. Kimi-K2's weights are made in one of its
# public sizes (about 1.6 bits each), so that two layers of 384 experts are 6.6 GB.
SHAPES = {
    "qwen3": dict(architecture="qwen3moe", width=2048, expert_width=768, experts=128, used=8, steps=1024,
                  types=(Type.Q4_K, Type.Q4_K, Type.Q4_K), dense_layers=0),
    "kimi": dict(architecture="deepseek2", width=7168, expert_width=2048, experts=384, used=8, steps=512,
                 types=(Type.IQ1_S, Type.IQ1_S, Type.IQ1_S), dense_layers=1),
}


def blocks(random, shape, kind):
    unit, unit_bytes = gguf.GGML_QUANT_SIZES[kind]
    row = shape[-1] // unit * unit_bytes
    return random_blocks(random, kind, int(np.prod(shape[:-1])), row).reshape(*shape[:-1], row)


def qwen3_attention(writer, plan, layers, width):
    """Grouped-query attention of Qwen3-30B-A3B; as good as zero, as all quantised weights here."""
    heads, kv_heads, head = 32, 4, 128
    for key, value in (("attention.head_count", heads), ("attention.head_count_kv", kv_heads),
                       ("attention.key_length", head), ("attention.value_length", head)):
        writer.add_uint32("qwen3moe." + key, value)
    ones = np.ones(head, dtype=np.float32)
    for i in range(layers):
        p = f"blk.{i}."
        plan(p + "attn_q.weight", (heads * head, width), Type.Q8_0)
        plan(p + "attn_k.weight", (kv_heads * head, width), Type.Q8_0)
        plan(p + "attn_v.weight", (kv_heads * head, width), Type.Q8_0)
        plan(p + "attn_output.weight", (width, heads * head), Type.Q8_0)
        plan(p + "attn_q_norm.weight", (head,), Type.F32, lambda: ones)
        plan(p + "attn_k_norm.weight", (head,), Type.F32, lambda: ones)


def kimi_attention(writer, plan, layers, width):
    """Latent attention of Kimi-K2."""
    heads, nope, rope, value, latent, q_rank = 64, 128, 64, 128, 512, 1536
    for key, number in (("attention.head_count", heads), ("attention.head_count_kv", 1),
                        ("attention.key_length", latent + rope), ("attention.value_length", latent),
                        ("attention.key_length_mla", nope + rope), ("attention.value_length_mla", value),
                        ("rope.dimension_count", rope), ("attention.q_lora_rank", q_rank),
                        ("attention.kv_lora_rank", latent), ("leading_dense_block_count", 1),
                        ("expert_shared_count", 1), ("expert_gating_func", 2)):
        writer.add_uint32("deepseek2." + key, number)
    writer.add_bool("deepseek2.expert_weights_norm", True)
    writer.add_float32("deepseek2.expert_weights_scale", 2.5)
    for i in range(layers):
        p = f"blk.{i}."
        plan(p + "attn_q_a_norm.weight", (q_rank,), Type.F32, lambda: np.ones(q_rank, dtype=np.float32))
        plan(p + "attn_kv_a_norm.weight", (latent,), Type.F32, lambda: np.ones(latent, dtype=np.float32))
        plan(p + "attn_q_a.weight", (q_rank, width), Type.Q8_0)
        plan(p + "attn_q_b.weight", (heads * (nope + rope), q_rank), Type.Q8_0)
        plan(p + "attn_kv_a_mqa.weight", (latent + rope, width), Type.Q8_0)
        plan(p + "attn_k_b.weight", (heads, latent, nope), Type.Q8_0)
        plan(p + "attn_v_b.weight", (heads, value, latent), Type.Q8_0)
        plan(p + "attn_output.weight", (width, heads * value), Type.Q8_0)


def make_walk(path: pathlib.Path, layers: int, trace, seed: int, name: str) -> None:
    shape = SHAPES[name]
    width, expert_width, experts, used = (shape[k] for k in ("width", "expert_width", "experts", "used"))
    dense, half, architecture = shape["dense_layers"], shape["steps"], shape["architecture"]
    steps = 2 * half
    random = np.random.default_rng(seed)
    table = np.concatenate([flat_table(random, half, layers, experts, used),
                            local_table(random, half, layers, experts, used, trace)])
    size = FIRST_WORD + steps + 4
    size += -size % 32
    temporary = path.with_name(path.name + ".new")
    writer = gguf.GGUFWriter(temporary, architecture, use_temp_file=False)
    for key, value in (("context_length", 8192), ("embedding_length", width), ("block_count", dense + layers),
                       ("feed_forward_length", 2 * width), ("expert_count", experts), ("expert_used_count", used),
                       ("expert_feed_forward_length", expert_width), ("vocab_size", size)):
        writer.add_uint32(f"{architecture}.{key}", value)
    writer.add_float32(f"{architecture}.attention.layer_norm_rms_epsilon", 1e-6)
    writer.add_float32(f"{architecture}.rope.freq_base", 1e6)
    vocabulary(writer, size)

    embedding = np.zeros((size, width), dtype=np.float16)
    output = np.zeros((size, width), dtype=np.float16)
    for step in range(steps):
        embedding[FIRST_WORD + step, step] = 1
        output[FIRST_WORD + step + 1, step] = 1

    # The whole of a large tensor is made when it is written, then forgotten.
    planned = []

    def plan(tensor, tensor_shape, kind, make=None):
        planned.append((tensor, make, kind, tensor_shape))

    ones = np.ones(width, dtype=np.float32)
    plan("token_embd.weight", (size, width), Type.F16, lambda: embedding)
    plan("output_norm.weight", (width,), Type.F32, lambda: ones)
    plan("output.weight", (size, width), Type.F16, lambda: output)
    (qwen3_attention if name == "qwen3" else kimi_attention)(writer, plan, dense + layers, width)
    # What a step's own column is raised by. Normalised, a one-hot row is the root of the width. Scores that pass
    # a sigmoid must not come near one, where they could not be told apart.
    raised, apart = (0.5, 0.01) if name == "qwen3" else (0.035, 0.0015)
    for i in range(dense + layers):
        p = f"blk.{i}."
        plan(p + "attn_norm.weight", (width,), Type.F32, lambda: ones)
        plan(p + "ffn_norm.weight", (width,), Type.F32, lambda: ones)
        if i < dense:
            plan(p + "ffn_gate.weight", (2 * width, width), Type.Q8_0)
            plan(p + "ffn_up.weight", (2 * width, width), Type.Q8_0)
            plan(p + "ffn_down.weight", (width, 2 * width), Type.Q8_0)
            continue
        router = np.zeros((experts, width), dtype=np.float32)
        for step in range(steps):
            router[table[step, i - dense], step] = raised - apart * np.arange(used)
        plan(p + "ffn_gate_inp.weight", (experts, width), Type.F32, lambda router=router: router)
        gate, up, down = shape["types"]
        if name == "qwen3" and i % 4 == 0:
            down = Type.Q6_K  # as the usual mixtures do for some layers
        plan(p + "ffn_gate_exps.weight", (experts, expert_width, width), gate)
        plan(p + "ffn_up_exps.weight", (experts, expert_width, width), up)
        plan(p + "ffn_down_exps.weight", (experts, width, expert_width), down)
        if name == "kimi":
            plan(p + "exp_probs_b.bias", (experts,), Type.F32, lambda: np.zeros(experts, dtype=np.float32))
            plan(p + "ffn_gate_shexp.weight", (expert_width, width), Type.Q8_0)
            plan(p + "ffn_up_shexp.weight", (expert_width, width), Type.Q8_0)
            plan(p + "ffn_down_shexp.weight", (width, expert_width), Type.Q8_0)
    for tensor, _, kind, tensor_shape in planned:
        unit, unit_bytes = gguf.GGML_QUANT_SIZES[kind]
        count = int(np.prod(tensor_shape))
        if kind in (Type.F16, Type.F32):
            dtype = np.dtype(np.float16 if kind == Type.F16 else np.float32)
            writer.add_tensor_info(tensor, tensor_shape, dtype, count * dtype.itemsize)
        else:
            stored = (*tensor_shape[:-1], tensor_shape[-1] // unit * unit_bytes)
            writer.add_tensor_info(tensor, stored, np.dtype(np.uint8), count // unit * unit_bytes, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    for _, make, kind, tensor_shape in planned:
        writer.write_tensor_data(make() if make else blocks(random, tensor_shape, kind))
    writer.close()
    description = {"steps": half, "layers": layers, "first_layer": dense, "experts": experts, "used": used,
                   "flat_first": FIRST_WORD, "local_first": FIRST_WORD + half,
                   "local": f"chain fitted to {trace.name}, extended" if trace else "Zipf, 40 % carried over",
                   "table": table.tolist()}
    path.with_name(path.name + ".json").write_text(json.dumps(description))
    os.replace(temporary, path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    tiny = commands.add_parser("tiny")
    tiny.add_argument("architecture", choices=ARCHITECTURES)
    tiny.add_argument("file", type=pathlib.Path)
    tiny.add_argument("--type", default="q8_0", help="of the experts: f32 f16 bf16 q4_0 q4_1 q5_0 q5_1 q8_0")
    tiny.add_argument("--width", type=int, default=128)
    tiny.add_argument("--expert-width", type=int, default=96)
    tiny.add_argument("--split", type=int, default=0, help="tensors in each file; FILE-00001-of-0000N.gguf then")
    tiny.add_argument("--seed", type=int, default=1)
    walk = commands.add_parser("walk")
    walk.add_argument("file", type=pathlib.Path)
    walk.add_argument("--layers", type=int, default=16, help="about 345 MB each, of kimi 3.4 GB")
    walk.add_argument("--shape", choices=SHAPES, default="qwen3")
    walk.add_argument("--trace", type=pathlib.Path, help="recorded routing to fit the local half to")
    walk.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    arguments.file.parent.mkdir(parents=True, exist_ok=True)
    if arguments.command == "tiny":
        make_tiny(arguments.architecture, arguments.file, arguments.type, arguments.seed, arguments.width,
                  arguments.expert_width, arguments.split)
        if arguments.split:
            return
    else:
        make_walk(arguments.file, arguments.layers, arguments.trace, arguments.seed, arguments.shape)
    print(f"{arguments.file}: {arguments.file.stat().st_size / 1e9:.3f} GB", file=sys.stderr)


if __name__ == "__main__":
    main()
