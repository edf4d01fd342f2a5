#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""open_elsewhere.py -- open a folder that libmim wrote with transformers or timm, and compare what comes out.

    build/tests/golden/export FIXTURE OUT           for each fixture, then
    python3 open_elsewhere.py OUT...                needs torch, transformers, timm, safetensors

OUT holds model.safetensors and config.json, to be opened strictly (a missing or an unknown tensor is a failure), and
features.safetensors: pixel_values and mask as they went in; tokens, and logits or reconstruction, as libmim computed them.
Each must agree to 1e-4 of its largest value. Ends non-zero if one does not.
"""
import json
import pathlib
import sys

import torch
from safetensors.torch import load_file


def with_timm(folder, config, x):
    import timm
    args = {"num_classes": config["num_classes"], **config.get("model_args", {})}
    if config.get("global_pool") is not None:
        args.setdefault("global_pool", config["global_pool"])
    model = timm.create_model(config["architecture"], **args).eval()
    model.load_state_dict(load_file(folder / "model.safetensors"), strict=True)
    tokens = model.forward_features(x)
    return {"tokens": tokens, "logits": model.forward_head(tokens)}


def with_transformers(folder, config, x, mask):
    import transformers
    cls = getattr(transformers, config["architectures"][0])
    model, report = cls.from_pretrained(folder, output_loading_info=True, attn_implementation="eager")
    for what, names in report.items():
        if names:
            raise ValueError(f"{what}: {sorted(map(str, names))}")
    size = model.config.image_size
    size = list(size) if isinstance(size, (list, tuple)) else [size, size]
    options = {} if mask is None else {"bool_masked_pos": mask.flatten(1).bool()}
    if list(x.shape[2:]) != size:
        options["interpolate_pos_encoding"] = True
    body = getattr(model.eval(), model.base_model_prefix)
    tokens = body(x, **options).last_hidden_state
    if mask is None:
        return {"tokens": tokens, "logits": model(x, **options).logits}
    patches = tokens[:, 1:] if model.config.model_type == "vit" else tokens
    stride = model.config.encoder_stride
    grid = patches.transpose(1, 2).reshape(len(x), -1, x.shape[2] // stride, x.shape[3] // stride)
    return {"tokens": tokens, "reconstruction": model.decoder(grid)}


def compare(folder):
    config = json.loads((folder / "config.json").read_text())
    ours = load_file(folder / "features.safetensors")
    x, mask = ours["pixel_values"], ours.get("mask")
    with torch.no_grad():
        if "architecture" in config:
            theirs = with_timm(folder, config, x)
        else:
            theirs = with_transformers(folder, config, x, mask)
    worst = 0.0
    for name, value in theirs.items():
        if name in ours:
            worst = max(worst, ((ours[name] - value.reshape(ours[name].shape)).abs().max() / value.abs().max()).item())
    if "tokens" not in ours or not worst < 1e-4:
        raise ValueError(f"features differ by {worst:.1e}")
    return worst


def main(folders):
    failed = 0
    for folder in map(pathlib.Path, folders):
        try:
            print(f"PASS {folder} features {compare(folder):.1e}")
        except Exception as error:                      # whatever went wrong is this folder's failure, not the run's end
            failed += 1
            print(f"FAIL {folder} {type(error).__name__}: {error}")
    print(f"{len(folders) - failed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
