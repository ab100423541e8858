#!/usr/bin/env python3
"""Writes a small model with a context of 65,536 tokens: words and template of a real one, weights at random.

    synthetic.py REAL_MODEL.gguf OUT.gguf

What it says is no language: whatever was asked it answers " yes", so that there is a first token. What it computes
over a prompt is real, and grows with the square of the length as in any model of its kind (4 layers, 8 heads of 64,
2 of them for keys and values).
"""
import sys

import gguf
import numpy

layers, width, inner, heads, kv_heads, context = 4, 512, 1024, 8, 2, 65_536


def main(source, target):
    reader = gguf.GGUFReader(source)
    writer = gguf.GGUFWriter(target, "llama")
    for field in reader.fields.values():
        if field.name.startswith("tokenizer."):
            kind = field.types[0]
            writer.add_key_value(field.name, field.contents(), kind,
                                 field.types[-1] if kind == gguf.GGUFValueType.ARRAY else None)
    words = reader.fields["tokenizer.ggml.tokens"].contents()
    writer.add_name("Synthetic 64k")
    writer.add_block_count(layers)
    writer.add_context_length(context)
    writer.add_embedding_length(width)
    writer.add_feed_forward_length(inner)
    writer.add_head_count(heads)
    writer.add_head_count_kv(kv_heads)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(1e6)
    writer.add_rope_dimension_count(width // heads)
    writer.add_vocab_size(len(words))
    dice = numpy.random.default_rng(11)

    def add(name, rows, columns, scale=0.02):
        values = (dice.standard_normal((rows, columns)) * scale).astype(numpy.float16)
        writer.add_tensor(name + ".weight", values)
        return values

    def norm(name):
        writer.add_tensor(name + ".weight", numpy.ones(width, dtype=numpy.float32))

    # The first dimension is the same for every word and no layer writes into it; only " yes" reads it.
    embeddings = (dice.standard_normal((len(words), width)) * 0.3).astype(numpy.float16)
    embeddings[:, 0] = 1
    writer.add_tensor("token_embd.weight", embeddings)
    head = (dice.standard_normal((len(words), width)) * 0.001).astype(numpy.float16)
    head[words.index("Ġyes"), 0] = 20
    writer.add_tensor("output.weight", head)
    norm("output_norm")
    keys = kv_heads * width // heads
    for layer in range(layers):
        block = f"blk.{layer}."
        norm(block + "attn_norm")
        norm(block + "ffn_norm")
        add(block + "attn_q", width, width)
        add(block + "attn_k", keys, width)
        add(block + "attn_v", keys, width)
        add(block + "ffn_gate", inner, width)
        add(block + "ffn_up", inner, width)
        for name, columns in (("attn_output", width), ("ffn_down", inner)):
            values = (dice.standard_normal((width, columns)) * 0.005).astype(numpy.float16)
            values[0, :] = 0
            writer.add_tensor(block + name + ".weight", values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
