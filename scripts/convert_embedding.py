#!/usr/bin/env python3
"""Embedding models as published (safetensors) to GGUF, for llama-server.

Two recipes: EmbeddingGemma (architecture "gemma-embedding", with the two dense modules that follow
its pooling) and MiniLM (architecture "bert", WordPiece vocabulary). Only numpy, gguf and safetensors
are needed: no torch, no transformers, and the SentencePiece vocabulary is read from its protobuf
here. The tensors are streamed one by one, so memory stays at the size of the largest one. The same
input gives the same bytes (no date, no path, fixed order), so that the result's hash can be pinned.

Sources: the GGUF format description in ggml (docs/gguf.md); the key and tensor names that llama.cpp
v0.5.0 loads for these architectures; sentencepiece_model.proto; the models' own config files.

Usage: convert_embedding.py embeddinggemma|minilm SOURCE_FOLDER OUTPUT.gguf f32|q8_0
"""

import json
import os
import re
import struct
import sys
from pathlib import Path

import gguf
import numpy as np
from safetensors import safe_open

TokenType = gguf.TokenType

# Alignment of tensor data in the file; the format's default.
ALIGNMENT = 32


class ConversionError(Exception):
    """The source folder is not the model that the recipe expects."""


def read_json(folder, name):
    path = folder / name
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConversionError(f"{path} is missing") from None
    except ValueError as error:
        raise ConversionError(f"{path} is not valid JSON: {error}") from None


# --- SentencePiece ---------------------------------------------------------------------------------


def read_varint(data, at):
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise ConversionError("the SentencePiece model ends inside a number")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def protobuf_fields(data):
    """Yields (field number, value) of one protobuf message; nested messages stay bytes."""
    at = 0
    while at < len(data):
        key, at = read_varint(data, at)
        field, wire = key >> 3, key & 7
        if wire == 0:
            value, at = read_varint(data, at)
        elif wire in (1, 2, 5):
            if wire == 2:
                size, at = read_varint(data, at)
            else:
                size = 8 if wire == 1 else 4
            if at + size > len(data):
                raise ConversionError("the SentencePiece model is cut short")
            value = data[at : at + size]
            at += size
        else:
            raise ConversionError(f"the SentencePiece model uses the unknown wire type {wire}")
        yield field, value


def read_sentencepiece(path):
    """Pieces of a SentencePiece model in id order: [(text bytes, score, TokenType)].

    ModelProto.pieces is field 1; in a piece 1 is the text, 2 the score (float), 3 the type, whose
    numbers 1 to 6 (normal, unknown, control, user defined, unused, byte) are those of GGUF.
    """
    pieces = []
    for field, value in protobuf_fields(path.read_bytes()):
        if field != 1:
            continue
        text, score, kind = b"", 0.0, TokenType.NORMAL
        for inner, inner_value in protobuf_fields(value):
            if inner == 1:
                text = inner_value
            elif inner == 2:
                (score,) = struct.unpack("<f", inner_value)
            elif inner == 3:
                kind = TokenType(inner_value)
        pieces.append((text, score, kind))
    if not pieces:
        raise ConversionError(f"{path} holds no pieces")
    return pieces


# --- Recipes ---------------------------------------------------------------------------------------
# A recipe gives the metadata, and a list of (name in GGUF, file, name in that file, what to do).


# What every architecture here states: (key after the architecture's name, its type, key in config.json).
COMMON_SETTINGS = [
    ("block_count", "uint32", "num_hidden_layers"),
    ("context_length", "uint32", "max_position_embeddings"),
    ("embedding_length", "uint32", "hidden_size"),
    ("feed_forward_length", "uint32", "intermediate_size"),
    ("attention.head_count", "uint32", "num_attention_heads"),
]


def add_settings(writer, arch, name, licence, config, settings):
    writer.add_string("general.name", name)
    writer.add_string("general.license", licence)
    for key, kind, source in COMMON_SETTINGS + settings:
        getattr(writer, f"add_{kind}")(f"{arch}.{key}", config[source])


def rename(name, rules):
    for pattern, replacement in rules:
        if re.fullmatch(pattern, name):
            return re.sub(pattern, replacement, name)
    return None


def renamed_tensors(folder, rules, arch, unused=()):
    """[(name in GGUF, file, name in that file)] of the model's own file, without the unused ones."""
    file = folder / "model.safetensors"
    tensors = []
    for name in tensor_names(file):
        if name in unused:
            continue
        target = rename(name, rules)
        if target is None:
            raise ConversionError(f"the tensor {name} has no place in {arch}")
        tensors.append((target, file, name))
    return tensors


GEMMA_SETTINGS = [
    ("attention.head_count_kv", "uint32", "num_key_value_heads"),
    ("attention.key_length", "uint32", "head_dim"),
    ("attention.value_length", "uint32", "head_dim"),
    ("attention.layer_norm_rms_epsilon", "float32", "rms_norm_eps"),
    ("rope.freq_base", "float32", "rope_theta"),
    ("rope.freq_base_swa", "float32", "rope_local_base_freq"),
    ("attention.sliding_window", "uint32", "sliding_window"),
]

GEMMA_TENSORS = [
    (r"embed_tokens\.weight", "token_embd.weight"),
    (r"norm\.weight", "output_norm.weight"),
    (r"layers\.(\d+)\.input_layernorm\.weight", r"blk.\1.attn_norm.weight"),
    (r"layers\.(\d+)\.self_attn\.([qkv])_proj\.weight", r"blk.\1.attn_\2.weight"),
    (r"layers\.(\d+)\.self_attn\.o_proj\.weight", r"blk.\1.attn_output.weight"),
    (r"layers\.(\d+)\.self_attn\.([qk])_norm\.weight", r"blk.\1.attn_\2_norm.weight"),
    (r"layers\.(\d+)\.post_attention_layernorm\.weight", r"blk.\1.post_attention_norm.weight"),
    (r"layers\.(\d+)\.pre_feedforward_layernorm\.weight", r"blk.\1.ffn_norm.weight"),
    (r"layers\.(\d+)\.post_feedforward_layernorm\.weight", r"blk.\1.post_ffw_norm.weight"),
    (r"layers\.(\d+)\.mlp\.(gate|up|down)_proj\.weight", r"blk.\1.ffn_\2.weight"),
]


def gemma_vocabulary(folder, size):
    """Tokens, scores and types of Gemma's vocabulary, cut to the model's `size` rows.

    The tokenizer's added tokens override the SentencePiece entries: special ones (and the reserved
    <unusedN>, <mask>) become control tokens, which text can never produce; the others are matched
    whole before any merging. Merging follows the scores, so an overridden entry gets -1000.
    """
    pieces = read_sentencepiece(folder / "tokenizer.model")
    tokens = [(f"[PAD{i}]".encode(), -10000.0, TokenType.UNUSED) for i in range(size)]
    tokens[: min(size, len(pieces))] = pieces[:size]
    for key, added in read_json(folder, "tokenizer_config.json")["added_tokens_decoder"].items():
        number, text = int(key), added["content"]
        if number >= size:
            continue
        reserved = text in ("<pad>", "<mask>", "<2mass>", "[@BOS@]") or (
            text.startswith("<unused") and text.endswith(">")
        )
        if added.get("special") or reserved:
            tokens[number] = (text.encode(), -1000.0, TokenType.CONTROL)
        else:
            plain = text.replace("\u2581", " ")
            tokens[number] = (plain.encode(), -1000.0, TokenType.USER_DEFINED)
    return tokens


def embeddinggemma(folder, writer):
    config = read_json(folder, "config.json")
    if config.get("architectures") != ["Gemma3TextModel"]:
        raise ConversionError(f"{folder} is not an EmbeddingGemma: {config.get('architectures')}")
    arch = "gemma-embedding"
    add_settings(writer, arch, "EmbeddingGemma 300M", "gemma", config, GEMMA_SETTINGS)
    writer.add_uint32(f"{arch}.pooling_type", pooling_type(folder))

    # Gemma's norms multiply by (1 + weight); llama.cpp multiplies by the weight.
    tensors = [
        (target, file, name, "plus one" if target.endswith("norm.weight") else "")
        for target, file, name in renamed_tensors(folder, GEMMA_TENSORS, arch)
    ]
    for number in (2, 3):
        module = f"{number}_Dense"
        dense = read_json(folder, f"{module}/config.json")
        if dense.get("bias") or not dense["activation_function"].endswith("Identity"):
            raise ConversionError(f"{module} is not the plain matrix that llama.cpp applies")
        writer.add_uint32(f"{arch}.dense_{number}_feat_in", dense["in_features"])
        writer.add_uint32(f"{arch}.dense_{number}_feat_out", dense["out_features"])
        file = folder / module / "model.safetensors"
        tensors.append((f"dense_{number}.weight", file, "linear.weight", ""))

    tokens = gemma_vocabulary(folder, config["vocab_size"])
    writer.add_string("tokenizer.ggml.model", "llama")
    writer.add_string("tokenizer.ggml.pre", "default")
    writer.add_token_list([text for text, _, _ in tokens])
    writer.add_token_scores([score for _, score, _ in tokens])
    writer.add_token_types([int(kind) for _, _, kind in tokens])
    writer.add_bos_token_id(config["bos_token_id"])
    writer.add_eos_token_id(config["eos_token_id"])
    writer.add_pad_token_id(config["pad_token_id"])
    writer.add_unk_token_id(next(i for i, t in enumerate(tokens) if t[0] == b"<unk>"))
    writer.add_add_bos_token(True)
    writer.add_add_eos_token(True)
    writer.add_add_space_prefix(False)
    return tensors


MINILM_SETTINGS = [("attention.layer_norm_epsilon", "float32", "layer_norm_eps")]

MINILM_TENSORS = [
    (r"embeddings\.word_embeddings\.weight", "token_embd.weight"),
    (r"embeddings\.position_embeddings\.weight", "position_embd.weight"),
    (r"embeddings\.token_type_embeddings\.weight", "token_types.weight"),
    (r"embeddings\.LayerNorm\.(weight|bias)", r"token_embd_norm.\1"),
    (r"encoder\.layer\.(\d+)\.attention\.self\.query\.(weight|bias)", r"blk.\1.attn_q.\2"),
    (r"encoder\.layer\.(\d+)\.attention\.self\.key\.(weight|bias)", r"blk.\1.attn_k.\2"),
    (r"encoder\.layer\.(\d+)\.attention\.self\.value\.(weight|bias)", r"blk.\1.attn_v.\2"),
    (r"encoder\.layer\.(\d+)\.attention\.output\.dense\.(weight|bias)", r"blk.\1.attn_output.\2"),
    (
        r"encoder\.layer\.(\d+)\.attention\.output\.LayerNorm\.(weight|bias)",
        r"blk.\1.attn_output_norm.\2",
    ),
    (r"encoder\.layer\.(\d+)\.intermediate\.dense\.(weight|bias)", r"blk.\1.ffn_up.\2"),
    (r"encoder\.layer\.(\d+)\.output\.dense\.(weight|bias)", r"blk.\1.ffn_down.\2"),
    (r"encoder\.layer\.(\d+)\.output\.LayerNorm\.(weight|bias)", r"blk.\1.layer_output_norm.\2"),
]

# Parts of the checkpoint that an embedding does not use.
MINILM_UNUSED = {"embeddings.position_ids", "pooler.dense.weight", "pooler.dense.bias"}


def minilm(folder, writer):
    config = read_json(folder, "config.json")
    if config.get("architectures") != ["BertModel"]:
        raise ConversionError(f"{folder} is not a BERT encoder: {config.get('architectures')}")
    arch = "bert"
    add_settings(writer, arch, "all-MiniLM-L6-v2", "apache-2.0", config, MINILM_SETTINGS)
    writer.add_bool(f"{arch}.attention.causal", False)
    writer.add_uint32(f"{arch}.pooling_type", pooling_type(folder))

    entries = renamed_tensors(folder, MINILM_TENSORS, arch, MINILM_UNUSED)
    tensors = [(target, file, name, "") for target, file, name in entries]

    # WordPiece in llama.cpp marks the beginning of a word where BERT marks its continuation.
    words = (folder / "vocab.txt").read_text(encoding="utf-8").split("\n")
    words = words[: config["vocab_size"]]
    special = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}
    texts, kinds = [], []
    for word in words:
        if word in special:
            texts.append(word)
            kinds.append(TokenType.UNKNOWN if word == "[UNK]" else TokenType.CONTROL)
        else:
            texts.append(word[2:] if word.startswith("##") else "\u2581" + word)
            kinds.append(TokenType.NORMAL)
    writer.add_uint32("tokenizer.ggml.token_type_count", config["type_vocab_size"])
    writer.add_string("tokenizer.ggml.model", "bert")
    writer.add_string("tokenizer.ggml.pre", "default")
    writer.add_token_list(texts)
    writer.add_token_types([int(kind) for kind in kinds])
    writer.add_bos_token_id(words.index("[CLS]"))
    writer.add_eos_token_id(words.index("[SEP]"))
    writer.add_sep_token_id(words.index("[SEP]"))
    writer.add_pad_token_id(words.index("[PAD]"))
    writer.add_unk_token_id(words.index("[UNK]"))
    writer.add_mask_token_id(words.index("[MASK]"))
    return tensors


RECIPES = {"embeddinggemma": ("gemma-embedding", embeddinggemma), "minilm": ("bert", minilm)}

# What stays F32 in a Q8_0 file. MiniLM is so narrow (384) that with all its matrices in Q8_0 a text
# of two words and an emoji came to a cosine of 0.9983; its value and up projections are what matter
# most: with them in F32 the worst of the reference texts is at 0.9996, for 13 MB more.
KEPT_F32 = {
    "bert": r"position_embd\.weight|token_types\.weight|blk\.\d+\.(attn_v|ffn_up)\.weight",
    "gemma-embedding": r"",
}


# --- Writing ---------------------------------------------------------------------------------------


def pooling_type(folder):
    pooling = read_json(folder, "1_Pooling/config.json")
    if pooling.get("pooling_mode_mean_tokens"):
        return int(gguf.PoolingType.MEAN)
    if pooling.get("pooling_mode_cls_token"):
        return int(gguf.PoolingType.CLS)
    raise ConversionError("the model pools neither by mean nor by its first token")


def tensor_names(path):
    if not path.is_file():
        raise ConversionError(f"{path} is missing")
    with safe_open(path, framework="numpy") as file:
        return sorted(file.keys())


def natural_order(name):
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]


def stored_type(arch, target, shape, wanted):
    """Matrices take the wanted type; vectors and what KEPT_F32 names stay F32."""
    if (
        wanted == "q8_0"
        and len(shape) == 2
        and shape[-1] % 32 == 0
        and not re.fullmatch(KEPT_F32[arch], target)
    ):
        return gguf.GGMLQuantizationType.Q8_0
    return gguf.GGMLQuantizationType.F32


def convert(recipe, folder, output, wanted):
    """Writes `output` from the model in `folder`. `wanted` is "f32" or "q8_0".

    The file appears under its name only when it is complete. Raises ConversionError.
    """
    arch, build = RECIPES[recipe]
    temporary = output.with_name(output.name + ".partial")
    writer = gguf.GGUFWriter(temporary, arch)
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    file_type = gguf.LlamaFileType.ALL_F32 if wanted == "f32" else gguf.LlamaFileType.MOSTLY_Q8_0
    writer.add_file_type(file_type)
    tensors = sorted(build(Path(folder), writer), key=lambda entry: natural_order(entry[0]))

    def load(entry):
        _, path, name, change = entry
        with safe_open(path, framework="numpy") as file:
            data = file.get_tensor(name)
        if data.dtype != np.float32:
            raise ConversionError(f"{name} is {data.dtype}, not float32")
        return data + np.float32(1) if change == "plus one" else data

    kinds = {}
    for entry in tensors:
        target, path, name, _ = entry
        with safe_open(path, framework="numpy") as file:
            shape = tuple(file.get_slice(name).get_shape())
        kind = kinds[target] = stored_type(arch, target, shape, wanted)
        if kind == gguf.GGMLQuantizationType.Q8_0:
            stored = gguf.quants.quant_shape_to_byte_shape(shape, kind)
            writer.add_tensor_info(target, stored, np.dtype(np.uint8), int(np.prod(stored)), kind)
        else:
            size = int(np.prod(shape)) * 4
            writer.add_tensor_info(target, shape, np.dtype(np.float32), size)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    for entry in tensors:
        data = load(entry)
        if kinds[entry[0]] == gguf.GGMLQuantizationType.Q8_0:
            data = gguf.quants.quantize(data, kinds[entry[0]])
        writer.write_tensor_data(np.ascontiguousarray(data))
    writer.close()
    os.replace(temporary, output)
    return len(tensors)


def main(arguments):
    if len(arguments) != 4 or arguments[0] not in RECIPES or arguments[3] not in ("f32", "q8_0"):
        print(__doc__.strip().rsplit("\n", 1)[-1], file=sys.stderr)
        return 2
    recipe, folder, output, wanted = arguments
    try:
        count = convert(recipe, Path(folder), Path(output), wanted)
    except (ConversionError, OSError) as error:
        print(f"convert_embedding: {error}", file=sys.stderr)
        return 1
    print(f"{output}: {count} tensors, {Path(output).stat().st_size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
