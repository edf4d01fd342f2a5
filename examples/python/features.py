# SPDX-License-Identifier: MIT
"""features.py -- features of pictures by a trained encoder, from numpy to numpy.

    python3 examples/python/features.py build/libmim.so MODEL PICTURES.npy OUT.npy [OUTPUT]

MODEL: run/state.safetensors of pretrain, or a folder as timm or transformers writes it. PICTURES: [count, height, width,
channels], uint8, uint16 or float32 in 0..1. OUTPUT: "pooled" (if not given), "tokens", "block.8", ...; a row a picture.
"""
import sys
from ctypes import byref

import numpy as np

from mim import Mim

BATCH = 64


def features(mim, encoder, pictures, output):
    rows = []
    with mim.tensors(encoder, "MIM_OUTPUTS") as outputs:
        for first in range(0, len(pictures), BATCH):
            batch = pictures[first:first + BATCH]
            mim.encoder_encode(encoder, byref(mim.images(batch)), output.encode())
            rows.append(mim.array(outputs, output).reshape(len(batch), -1).copy())      # the next encode writes there
    return np.concatenate(rows)


def main(library, model, pictures, out, output="pooled"):
    mim = Mim(library, threads=2)
    with mim.context, mim.make("tensors_open", model.encode()) as weights, \
         mim.make("encoder_create", None, weights) as encoder:
        rows = features(mim, encoder, np.load(pictures), output)
    np.save(out, rows)
    print(f"{out}: {rows.shape[0]} pictures, {rows.shape[1]} numbers each")


if __name__ == "__main__":
    if len(sys.argv) not in (5, 6):
        sys.exit(__doc__)
    main(*sys.argv[1:])
