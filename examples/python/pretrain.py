# SPDX-License-Identifier: MIT
"""pretrain.py -- a few SimMIM steps on random pictures, with the gradients as a numpy array.

    python3 examples/python/pretrain.py build/libmim.so [OUT.safetensors]
"""
import sys
from ctypes import byref, c_int64, c_void_p

import numpy as np

from mim import Mim

COUNT, BATCH, EPOCHS = 256, 64, 5


def pretrain(mim, trainer, pictures):
    with mim.tensors(trainer, "MIM_GRADIENTS") as view:
        gradients = mim.array(view)
        for epoch in range(EPOCHS):
            for first in range(0, len(pictures), BATCH):
                batch = mim.images(pictures[first:first + BATCH])
                ids = np.arange(first, first + batch.count, dtype=np.int64)
                mim.trainer_step(trainer, byref(batch), c_int64(epoch), c_void_p(ids.ctypes.data))
            print(f"epoch {epoch + 1}: loss {mim.metric(trainer, 'loss'):.4f}, "
                  f"gradient {np.linalg.norm(gradients):.4f} in {gradients.size} numbers")


def main(library, out="run.safetensors"):
    random = np.random.default_rng(0)
    coarse = random.integers(0, 256, (COUNT, 3, 4, 4), np.uint8)
    planes = coarse.repeat(8, axis=2).repeat(8, axis=3)                 # 32 x 32, plane by plane
    mim = Mim(library, threads=2)
    with mim.context, mim.make("config_create", b"simmim_vit_tiny_32") as config:
        mim.config_set_i64(config, b"trainer.batch", c_int64(BATCH))
        with mim.make("trainer_create", config, None, None, None, None) as trainer:
            pretrain(mim, trainer, planes.transpose(0, 2, 3, 1))        # strides tell where the channels are
            with mim.tensors(trainer, "MIM_STATE") as state:
                mim.tensors_save(state, out.encode())
                print(f"saved {out}")


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    main(*sys.argv[1:])
