#!/usr/bin/env python3
"""Reference vectors for the embedding models, computed from the published weights in plain numpy.

This is written from the models' own configuration and papers, not from the engine that it judges:
its tokens come from the models' tokenizer.json through the `tokenizers` library, and its arithmetic
is float64 where that is cheap and float32 in the large matrices. It was run once per model; its output
is kept in tests/real/embedding_reference/ and compared with llama-server by tests/real/check_embeddings.py.

EmbeddingGemma: a Gemma 3 text encoder with attention in both directions (in five of six layers only
to tokens at most half the sliding window away), mean over all tokens, two matrices, unit length.
MiniLM: a BERT encoder, mean over all tokens, unit length. Texts are cut for it (MINILM_WORDS).

Needs: pypi:numpy, pypi:safetensors, pypi:tokenizers==0.23.3.
Usage: reference_embeddings.py embeddinggemma|minilm MODEL_FOLDER OUTPUT.json
"""

import json
import math
import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file
from tokenizers import Tokenizer

REFERENCE = Path(__file__).resolve().parent.parent / "tests/real/embedding_reference"

PROMPTS = {
    "embeddinggemma": {"query": "task: search result | query: ", "document": "title: none | text: "},
    "minilm": {"query": "", "document": ""},
}

# MiniLM was made for up to 256 word pieces; longer texts are cut to this many words, which the
# check does in the same way.
MINILM_WORDS = 100


def rms_norm(x, weight, epsilon):
    """x [.., n], weight [n]; Gemma multiplies by one plus its weight."""
    x = x.astype(np.float64)
    scaled = x / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + epsilon)
    return (scaled * (1.0 + weight)).astype(np.float32)


def layer_norm(x, weight, bias, epsilon):
    x = x.astype(np.float64)
    centred = x - np.mean(x, axis=-1, keepdims=True)
    scaled = centred / np.sqrt(np.mean(centred * centred, axis=-1, keepdims=True) + epsilon)
    return (scaled * weight + bias).astype(np.float32)


def softmax(scores):
    scores = scores.astype(np.float64)
    exponents = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return (exponents / exponents.sum(axis=-1, keepdims=True)).astype(np.float32)


def gelu_tanh(x):
    x = x.astype(np.float64)
    inner = math.sqrt(2.0 / math.pi) * (x + 0.044715 * x**3)
    return (0.5 * x * (1.0 + np.tanh(inner))).astype(np.float32)


_erf = np.vectorize(math.erf, otypes=[np.float64])


def gelu_exact(x):
    x = x.astype(np.float64)
    return (0.5 * x * (1.0 + _erf(x / math.sqrt(2.0)))).astype(np.float32)


def rotate(x, base):
    """Rotary positions on x [tokens, heads, size]: dimension i turns together with i + size/2."""
    tokens, _, size = x.shape
    frequencies = base ** (-np.arange(0, size, 2, dtype=np.float64) / size)
    angles = np.arange(tokens, dtype=np.float64)[:, None] * frequencies[None, :]
    cosine, sine = np.cos(angles)[:, None, :], np.sin(angles)[:, None, :]
    first, second = x[..., : size // 2], x[..., size // 2 :]
    turned = np.concatenate([first * cosine - second * sine, second * cosine + first * sine], -1)
    return turned.astype(np.float32)


def unit(vector):
    vector = vector.astype(np.float64)
    return vector / np.linalg.norm(vector)


class EmbeddingGemma:
    def __init__(self, folder):
        self.config = json.loads((folder / "config.json").read_text())
        self.weights = load_file(folder / "model.safetensors")
        self.dense = [load_file(folder / name / "model.safetensors")["linear.weight"]
                      for name in ("2_Dense", "3_Dense")]
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))

    def embed(self, text):
        config, weights = self.config, self.weights
        ids = self.tokenizer.encode(text).ids
        heads, size = config["num_attention_heads"], config["head_dim"]
        groups, epsilon = config["num_key_value_heads"], config["rms_norm_eps"]
        count = len(ids)
        distance = np.abs(np.arange(count)[:, None] - np.arange(count)[None, :])
        near = distance <= config["sliding_window"] // 2

        x = weights["embed_tokens.weight"][ids] * np.float32(math.sqrt(config["hidden_size"]))
        for layer, kind in enumerate(config["layer_types"]):
            def w(name):
                return weights[f"layers.{layer}.{name}.weight"]

            sliding = kind == "sliding_attention"
            base = config["rope_local_base_freq"] if sliding else config["rope_theta"]
            normed = rms_norm(x, w("input_layernorm"), epsilon)
            q = (normed @ w("self_attn.q_proj").T).reshape(count, heads, size)
            k = (normed @ w("self_attn.k_proj").T).reshape(count, groups, size)
            v = (normed @ w("self_attn.v_proj").T).reshape(count, groups, size)
            q = rotate(rms_norm(q, w("self_attn.q_norm"), epsilon), base)
            k = rotate(rms_norm(k, w("self_attn.k_norm"), epsilon), base)
            mixed = np.empty((count, heads, size), np.float32)
            for head in range(heads):
                group = head * groups // heads
                scores = q[:, head] @ k[:, group].T / math.sqrt(config["query_pre_attn_scalar"])
                if sliding:
                    scores = np.where(near, scores, -np.inf)
                mixed[:, head] = softmax(scores) @ v[:, group]
            attention = mixed.reshape(count, heads * size) @ w("self_attn.o_proj").T
            x = x + rms_norm(attention, w("post_attention_layernorm"), epsilon)
            normed = rms_norm(x, w("pre_feedforward_layernorm"), epsilon)
            gated = gelu_tanh(normed @ w("mlp.gate_proj").T) * (normed @ w("mlp.up_proj").T)
            x = x + rms_norm(gated @ w("mlp.down_proj").T, w("post_feedforward_layernorm"), epsilon)
        pooled = rms_norm(x, weights["norm.weight"], epsilon).mean(axis=0, dtype=np.float64)
        for matrix in self.dense:
            pooled = matrix.astype(np.float64) @ pooled
        return ids, unit(pooled)


class MiniLm:
    def __init__(self, folder):
        self.config = json.loads((folder / "config.json").read_text())
        self.weights = load_file(folder / "model.safetensors")
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.no_truncation()

    def embed(self, text):
        config, weights = self.config, self.weights
        ids = self.tokenizer.encode(text).ids
        count, heads = len(ids), config["num_attention_heads"]
        size, epsilon = config["hidden_size"] // heads, config["layer_norm_eps"]

        def linear(value, name):
            return value @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

        def norm(value, name):
            return layer_norm(value, weights[f"{name}.weight"], weights[f"{name}.bias"], epsilon)

        x = norm(
            weights["embeddings.word_embeddings.weight"][ids]
            + weights["embeddings.position_embeddings.weight"][:count]
            + weights["embeddings.token_type_embeddings.weight"][0],
            "embeddings.LayerNorm",
        )
        for layer in range(config["num_hidden_layers"]):
            name = f"encoder.layer.{layer}"
            q, k, v = (linear(x, f"{name}.attention.self.{part}").reshape(count, heads, size)
                       for part in ("query", "key", "value"))
            mixed = np.empty_like(q)
            for head in range(heads):
                mixed[:, head] = softmax(q[:, head] @ k[:, head].T / math.sqrt(size)) @ v[:, head]
            attention = linear(mixed.reshape(count, -1), f"{name}.attention.output.dense")
            x = norm(x + attention, f"{name}.attention.output.LayerNorm")
            inner = gelu_exact(linear(x, f"{name}.intermediate.dense"))
            x = norm(x + linear(inner, f"{name}.output.dense"), f"{name}.output.LayerNorm")
        return ids, unit(x.mean(axis=0, dtype=np.float64))


def full_text(model, entry):
    """The text that is embedded, with the model's prompt before it."""
    text = entry["text"] * entry.get("repeat", 1)
    if model == "minilm" and len(text.split(" ")) > MINILM_WORDS:
        text = " ".join(text.split(" ")[:MINILM_WORDS])
    return PROMPTS[model][entry["kind"]] + text


def main(arguments):
    if len(arguments) != 3 or arguments[0] not in PROMPTS:
        print(__doc__.strip().rsplit("\n", 1)[-1], file=sys.stderr)
        return 2
    model, folder, output = arguments[0], Path(arguments[1]), Path(arguments[2])
    encoder = {"embeddinggemma": EmbeddingGemma, "minilm": MiniLm}[model](folder)
    entries = json.loads((REFERENCE / "texts.json").read_text(encoding="utf-8"))["texts"]
    rows = []
    for entry in entries:
        text = full_text(model, entry)
        ids, vector = encoder.embed(text)
        rows.append({"text": text, "tokens": ids, "vector": [float(f"{x:.6g}") for x in vector]})
        print(f"{entry['language']} {entry['kind']:8} {len(ids):5} tokens", file=sys.stderr)
    lines = ",\n".join("  " + json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in rows)
    output.write_text(f'{{"model": "{model}", "rows": [\n{lines}\n]}}\n', encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
