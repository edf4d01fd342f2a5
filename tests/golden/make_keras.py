#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""make_keras.py -- the fixture of head.kind flat: a small model of layers of Keras, and all that replaying one step takes.

    python3 make_keras.py FOLDER            needs keras, jax, numpy, safetensors

The model is put together as the masked autoencoder of keras.io is: everything from the encoder on stands in the order in
which patches were drawn. What is written is what make_fixtures.py writes, but for the model itself, which Keras has no file
for: model.safetensors and gradients.safetensors have libmim's names and shapes, and libmim's configuration beside them.
All is computed in float64.
"""
import json
import os
import pathlib
import sys

os.environ["KERAS_BACKEND"] = "jax"
import jax                                                                                          # noqa: E402
jax.config.update("jax_enable_x64", True)
import keras                                                                                        # noqa: E402
import numpy as np                                                                                  # noqa: E402
from keras import layers, ops                                                                       # noqa: E402
from safetensors.numpy import save_file                                                             # noqa: E402
keras.config.set_floatx("float64")

BATCH, ROWS, COLS, SIDE, CHANNELS, HIDDEN = 3, 2, 4, 2, 3, 5
PATCHES, PIXELS, SEED, RUN_SEED = ROWS * COLS, SIDE * SIDE * CHANNELS, 21, 1
WIDTH, DEPTH, HEADS, HEAD_WIDTH, INNER = 8, 2, 2, 6, 12
DECODER = {"width": 8, "depth": 1, "heads": 2, "head_width": 3, "hidden": 12}
CONFIG = {
    "image": {"height": ROWS * SIDE, "width": COLS * SIDE, "mean": [0], "deviation": [1], "crop": "none"},
    "encoder": {"patch": SIDE, "width": WIDTH, "depth": DEPTH, "heads": HEADS, "head_width": HEAD_WIDTH, "hidden": INNER,
                "activation_out": 1, "class_token": 0, "mask_token": 0, "positions": "learned"},
    "head": {"kind": "flat", **DECODER}, "masker": {"ratio": HIDDEN / PATCHES},
}


# ---- the order that libmim draws: lib/base/philox.c, lib/train/visible.c ----

def philox(counter, key):
    c, k = list(counter), list(key)
    for _ in range(10):
        p, q = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [q >> 32 ^ c[1] ^ k[0], q & 0xFFFFFFFF, p >> 32 ^ c[3] ^ k[1], p & 0xFFFFFFFF]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return c


def drawn_order(mask, picture):
    stream = 4
    order = [i for i in range(PATCHES) if not mask[i]] + [i for i in range(PATCHES) if mask[i]]
    for first, end in ((0, PATCHES - HIDDEN), (PATCHES - HIDDEN, PATCHES)):
        for i in range(end - 1, first, -1):
            word = philox((i // 4, stream, picture, 0), (RUN_SEED, 0))[i % 4]
            j = first + (word * (i - first + 1) >> 32)
            order[i], order[j] = order[j], order[i]
    return order


# ---- the model ----

class Block(layers.Layer):
    def __init__(self, width, heads, head_width, hidden):
        super().__init__()
        self.norm1, self.norm2 = layers.LayerNormalization(epsilon=1e-6), layers.LayerNormalization(epsilon=1e-6)
        self.attention = layers.MultiHeadAttention(num_heads=heads, key_dim=head_width)
        self.fc1, self.fc2 = layers.Dense(hidden, activation="gelu"), layers.Dense(width, activation="gelu")

    def call(self, x):
        h = self.norm1(x)
        x = x + self.attention(h, h)
        return x + self.fc2(self.fc1(self.norm2(x)))


def as_patches(picture):
    grid = ops.reshape(picture, (-1, ROWS, SIDE, COLS, SIDE, CHANNELS))
    return ops.reshape(ops.transpose(grid, (0, 1, 3, 2, 4, 5)), (-1, PATCHES, PIXELS))


def take(x, which):
    return ops.take_along_axis(x, which[..., None], axis=1)


class Autoencoder(keras.Model):
    def __init__(self):
        super().__init__()
        self.embed, self.places = layers.Dense(WIDTH), layers.Embedding(PATCHES, WIDTH)
        self.token = self.add_weight(shape=(PIXELS,), initializer="random_normal", name="token")
        self.blocks = [Block(WIDTH, HEADS, HEAD_WIDTH, INNER) for _ in range(DEPTH)]
        self.norm = layers.LayerNormalization(epsilon=1e-6)
        d = DECODER
        self.decoder_embed = layers.Dense(d["width"])
        self.decoder_blocks = [Block(d["width"], d["heads"], d["head_width"], d["hidden"]) for _ in range(d["depth"])]
        self.decoder_norm = layers.LayerNormalization(epsilon=1e-6)
        self.flatten = layers.Flatten()
        self.pred = layers.Dense(PATCHES * PIXELS, activation="sigmoid")

    def call(self, inputs):
        picture, order = inputs
        visible, hidden = order[:, :PATCHES - HIDDEN], order[:, PATCHES - HIDDEN:]
        places = self.places(ops.arange(PATCHES))[None] + ops.zeros((BATCH, 1, 1))
        patches = as_patches(picture)
        x = take(self.embed(patches) + places, visible)
        for block in self.blocks:
            x = block(x)
        tokens = self.norm(x)
        masked = self.embed(ops.broadcast_to(self.token, (BATCH, HIDDEN, PIXELS))) + take(places, hidden)
        x = self.decoder_embed(ops.concatenate([tokens + take(places, visible), masked], axis=1))
        for block in self.decoder_blocks:
            x = block(x)
        x = self.pred(self.flatten(self.decoder_norm(x)))
        prediction = as_patches(ops.reshape(x, (-1, ROWS * SIDE, COLS * SIDE, CHANNELS)))
        loss = ops.mean(ops.square(take(prediction, hidden) - take(patches, hidden)))
        return loss, prediction, tokens


# ---- its variables under libmim's names ----

def pixels_first(x):
    """[..., (row, column, channel)] to [..., (channel, row, column)]"""
    x = x.reshape(*x.shape[:-1], SIDE, SIDE, CHANNELS)
    return np.moveaxis(x, -1, -3)


def norm_of(name, layer, get):
    return {name + ".weight": get(layer.gamma), name + ".bias": get(layer.beta)}


def dense_of(name, layer, get):
    return {name + ".weight": get(layer.kernel).T, name + ".bias": get(layer.bias)}


def block_of(name, block, get):
    a = block.attention
    parts = (a.query_dense, a.key_dense, a.value_dense)
    width = get(block.norm1.gamma).size
    qkv = np.concatenate([get(p.kernel).reshape(width, -1).T for p in parts])
    return {name + ".attn.qkv.weight": qkv, name + ".attn.qkv.bias": np.concatenate([get(p.bias).reshape(-1) for p in parts]),
            name + ".attn.proj.weight": get(a.output_dense.kernel).reshape(-1, width).T,
            name + ".attn.proj.bias": get(a.output_dense.bias),
            **norm_of(name + ".norm1", block.norm1, get), **norm_of(name + ".norm2", block.norm2, get),
            **dense_of(name + ".mlp.fc1", block.fc1, get), **dense_of(name + ".mlp.fc2", block.fc2, get)}


def patch_by_patch(x):
    """First dimension from pixels of a picture (row, column, channel) to those of its patches."""
    x = x.reshape(ROWS, SIDE, COLS, SIDE, CHANNELS, *x.shape[1:])
    return x.swapaxes(1, 2).reshape(PATCHES * PIXELS, *x.shape[5:])


def named(m, get):
    all_of = {"encoder.pos_embed": get(m.places.embeddings)[None], "head.mask_token": pixels_first(get(m.token)).reshape(1, 1, -1),
              "encoder.patch_embed.proj.weight": pixels_first(get(m.embed.kernel).T),
              "encoder.patch_embed.proj.bias": get(m.embed.bias),
              "head.decoder_pred.weight": patch_by_patch(get(m.pred.kernel).T),
              "head.decoder_pred.bias": patch_by_patch(get(m.pred.bias)),
              **norm_of("encoder.norm", m.norm, get), **norm_of("head.decoder_norm", m.decoder_norm, get),
              **dense_of("head.decoder_embed", m.decoder_embed, get)}
    for i, block in enumerate(m.blocks):
        all_of.update(block_of(f"encoder.blocks.{i}", block, get))
    for i, block in enumerate(m.decoder_blocks):
        all_of.update(block_of(f"head.decoder_blocks.{i}", block, get))
    return {k: np.ascontiguousarray(v, np.float32) for k, v in all_of.items()}


def main(folder):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    g = np.random.default_rng(SEED)
    picture = g.random((BATCH, ROWS * SIDE, COLS * SIDE, CHANNELS)).astype(np.float32)
    mask = np.zeros((BATCH, PATCHES), np.uint8)
    for row in mask:
        row[g.permutation(PATCHES)[:HIDDEN]] = 1
    order = np.array([drawn_order(row, b) for b, row in enumerate(mask)], np.int64)
    keras.utils.set_random_seed(SEED)
    model, inputs = Autoencoder(), (picture.astype(np.float64), order)
    model(inputs)
    for v in model.trainable_variables:                         # off initial values, and to such as f32 holds
        v.assign((np.array(v.value) + g.normal(size=v.shape) * (0.05 if len(v.shape) > 1 else 0.2)).astype(np.float32))
    values = [v.value for v in model.trainable_variables]

    def loss_of(values):
        out, _ = model.stateless_call(values, [v.value for v in model.non_trainable_variables], inputs)
        return out[0], out

    (loss, (_, prediction, tokens)), slopes = jax.value_and_grad(loss_of, has_aux=True)(values)
    gradients = {id(v): np.array(s) for v, s in zip(model.trainable_variables, slopes)}
    texts = {"mim.config": json.dumps(CONFIG), "mim.naming": "mim", "mim.kind": "trainer"}
    save_file(named(model, lambda v: np.array(v.value)), folder / "model.safetensors", texts)
    save_file(named(model, lambda v: gradients[id(v)]), folder / "gradients.safetensors")
    save_file({"pixel_values": np.ascontiguousarray(picture.transpose(0, 3, 1, 2)), "mask": mask.reshape(BATCH, ROWS, COLS)},
              folder / "inputs.safetensors")
    save_file({"loss": np.array([loss], np.float32), "prediction": np.array(prediction, np.float32),
               "hidden": np.array(tokens, np.float32), "ids_keep": np.ascontiguousarray(order[:, :PATCHES - HIDDEN])},
              folder / "outputs.safetensors")
    about = {"library": f"keras {keras.__version__}", "kind": "flat", "seed": SEED,
             "for": "the masked autoencoder of keras.io: heads of their own width, an activation after the perceptron, one "
                    "layer to all pixels"}
    (folder / "case.json").write_text(json.dumps(about, indent=2) + "\n")
    print(f"keras_flat loss {float(loss):.6f}")


if __name__ == "__main__":
    main(sys.argv[1])
