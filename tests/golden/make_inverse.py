#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""make_inverse.py -- fixtures of head.kind inverse_swin: Swin Transformers of timm, SimMIM's mask, stages of timm mirrored.

    python3 make_inverse.py FOLDER          needs torch, timm, safetensors

Writes FOLDER/inverse_swin and FOLDER/inverse_swinv2 as make_fixtures.py does, but for the model itself, which no library has
a file for: model.safetensors and gradients.safetensors have libmim's names, and its configuration beside them. Grids are odd
and windows fill none; the first decoder is narrower than its encoder and begins at the second of three stages.
"""
import json
import pathlib
import sys

import timm
import torch
from safetensors.torch import save_file
from timm.models import swin_transformer, swin_transformer_v2

from make_fixtures import as_stored, draw_mask, draw_pixels, generator, move_off_initial_values, watch_stages

SIDE, HEIGHT, WIDTH, CHANNELS, WINDOW, HIDDEN = 2, 28, 20, 3, 4, 2
CASES = [
    {"name": "inverse_swin", "kind": "swin", "architecture": "swin_tiny_patch4_window7_224", "stages": swin_transformer,
     "width": 8, "depths": [2, 2, 1], "heads": [2, 4, 4], "features": 2, "seed": 301, "batch": 2, "ratio": 0.6, "unit": 2,
     "decoder": {"width": 4, "depths": [1, 2], "stage_heads": [2, 1]}},
    {"name": "inverse_swinv2", "kind": "swinv2", "architecture": "swinv2_tiny_window8_256", "stages": swin_transformer_v2,
     "width": 8, "depths": [2, 1], "heads": [1, 2], "features": 2, "seed": 302, "batch": 2, "ratio": 0.6, "unit": 1,
     "decoder": {"width": 8, "depths": [1, 2], "stage_heads": [2, 1]}},
]


class Expand(torch.nn.Module):
    """[batch, rows, cols, width] to [batch, 2 rows, 2 cols, width / 2], in the order that merging takes 2 x 2 tokens."""
    def __init__(self, width, second):
        super().__init__()
        self.expand, self.second = torch.nn.Linear(width, 2 * width, bias=False), second
        self.norm = torch.nn.LayerNorm(width // 2 if second else width, eps=1e-5)

    def forward(self, x):
        b, rows, cols, width = x.shape
        x = self.expand(x if self.second else self.norm(x))
        x = x.view(b, rows, cols, 2, 2, width // 2).permute(0, 1, 4, 2, 3, 5).reshape(b, 2 * rows, 2 * cols, width // 2)
        return self.norm(x) if self.second else x


class Inverse(torch.nn.Module):
    def __init__(self, case, grids):
        super().__init__()
        d, second = case["decoder"], case["kind"] == "swinv2"
        last, seen = len(d["depths"]) - 1, case["width"] << len(d["depths"]) - 1
        make = case["stages"].SwinTransformerV2Stage if second else case["stages"].SwinTransformerStage
        self.norm = torch.nn.LayerNorm(seen, eps=1e-5)
        fits = d["width"] == case["width"]
        self.decoder_embed = torch.nn.Identity() if fits else torch.nn.Linear(seen, d["width"] << last)
        self.decoder_layers, self.grids = torch.nn.ModuleList(), grids
        for k, (depth, heads) in enumerate(zip(d["depths"], d["stage_heads"])):
            width = d["width"] << last - k
            stage = make(dim=width, out_dim=width, input_resolution=grids[last - k], depth=depth, num_heads=heads,
                         window_size=WINDOW, downsample=False, mlp_ratio=HIDDEN)
            if k < last:
                stage.upsample = Expand(width, second)
            self.decoder_layers.append(stage)
        self.decoder_norm = torch.nn.LayerNorm(d["width"], eps=1e-5)
        self.decoder_pred = torch.nn.Linear(d["width"], CHANNELS * SIDE * SIDE)

    def forward(self, x):
        x = self.decoder_embed(self.norm(x))
        for k, stage in enumerate(self.decoder_layers):
            x = stage(x)
            if hasattr(stage, "upsample"):
                rows, cols = self.grids[len(self.decoder_layers) - 2 - k]
                x = stage.upsample(x)[:, :rows, :cols]
        return self.decoder_pred(self.decoder_norm(x))


class Model(torch.nn.Module):
    def __init__(self, case):
        super().__init__()
        self.encoder = timm.create_model(case["architecture"], num_classes=0, img_size=(HEIGHT, WIDTH), patch_size=SIDE,
                                         window_size=WINDOW, embed_dim=case["width"], depths=case["depths"],
                                         num_heads=case["heads"], mlp_ratio=HIDDEN)
        self.mask_token = torch.nn.Parameter(torch.zeros(1, 1, case["width"]))
        grids = [(HEIGHT // SIDE, WIDTH // SIDE)]
        for _ in case["depths"][1:]:
            grids.append(tuple(-(-side // 2) for side in grids[-1]))
        self.head = Inverse(case, grids)

    def forward(self, x, mask, stages, features):
        e, hidden = self.encoder, mask.bool().unsqueeze(-1)
        x = torch.where(hidden, self.mask_token.unsqueeze(1), e.patch_embed(x))
        tokens = e.norm(e.layers(x))
        return self.head(stages[f"stage.{features}"]), tokens


def patches_of(x):
    """[batch, rows, cols, (channel, row, column)]"""
    b, c, h, w = x.shape
    return x.view(b, c, h // SIDE, SIDE, w // SIDE, SIDE).permute(0, 2, 4, 1, 3, 5).reshape(b, h // SIDE, w // SIDE, -1)


def our_name(name):
    """timm counts a merging to the next stage."""
    if name == "mask_token" or name.startswith("encoder."):
        parts = name.removeprefix("encoder.").split(".")
        if "downsample" in parts:
            parts[1] = str(int(parts[1]) - 1)
        return "encoder." + ".".join(parts)
    return name


def config_of(case):
    d = case["decoder"]
    return {"image": {"height": HEIGHT, "width": WIDTH, "crop": "none"}, "masker": {"ratio": case["ratio"]},
            "encoder": {"kind": case["kind"], "patch": SIDE, "width": case["width"], "depths": case["depths"],
                        "stage_heads": case["heads"], "window": WINDOW, "hidden": HIDDEN * case["width"], "eps": 1e-5},
            "head": {"kind": "inverse_swin", "features": f"stage.{case['features']}", **d}}


def write(case, folder):
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(case["seed"])
    model, g = Model(case).double().eval(), generator(case, 2)
    for module in model.modules():
        if hasattr(module, "fused_attn"):
            module.fused_attn = False
    move_off_initial_values(model, case)
    with torch.no_grad():                                   # such as f32 holds
        for p in model.parameters():
            p.copy_(p.float().double())
    x = draw_pixels(case, CHANNELS, (HEIGHT, WIDTH), g)
    mask = draw_mask(case, HEIGHT // SIDE, WIDTH // SIDE, g)
    stages = watch_stages(model.encoder)
    prediction, tokens = model(x.double(), mask, stages, case["features"])
    where = mask.unsqueeze(-1).double()
    loss = ((prediction - patches_of(x.double())).abs() * where).sum() / (where.sum() * SIDE * SIDE + 1e-5) / CHANNELS
    loss.backward()
    texts = {"mim.config": json.dumps(config_of(case)), "mim.naming": "mim", "mim.kind": "trainer"}
    weights = {our_name(n): p for n, p in model.named_parameters()}
    slopes = {n: torch.zeros_like(p) if p.grad is None else p.grad for n, p in weights.items()}
    save_file(as_stored(weights), folder / "model.safetensors", texts)
    save_file(as_stored(slopes), folder / "gradients.safetensors")
    save_file(as_stored({"pixel_values": x, "mask": mask}), folder / "inputs.safetensors")
    save_file(as_stored({"loss": loss.reshape(1), "prediction": prediction.flatten(1, 2), "hidden": tokens, **stages}),
              folder / "outputs.safetensors")
    about = {"library": f"timm {timm.__version__}", "kind": "inverse_swin", "seed": case["seed"],
             "for": "SimMIM through the encoder's stages mirrored, built of stages of timm"}
    (folder / "case.json").write_text(json.dumps(about, indent=2) + "\n")
    print(f"{case['name']:28s} loss {loss.item():.6f}")


def main(out):
    torch.use_deterministic_algorithms(True)
    for case in CASES:
        write(case, pathlib.Path(out) / case["name"])


if __name__ == "__main__":
    main(sys.argv[1])
