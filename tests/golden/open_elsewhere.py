#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""open_elsewhere.py -- have libmim write models in every form, open them with transformers and timm, compare what comes out.

    python3 open_elsewhere.py EXPORT FIXTURE...     needs torch, transformers, timm, safetensors

EXPORT is the program of export.c, FIXTURE a folder of make_fixtures.py; fresh models of some presets are written besides.
Each form must open strictly: a missing or an unknown tensor is a failure, but for the pooler of ViTModel, which libmim does
not have. What export put beside it in features.safetensors must agree to 1e-4 of its largest value: tokens, and of a whole
model logits or reconstruction. Ends non-zero if one does not.
"""
import json
import pathlib
import subprocess
import sys
import tempfile

import torch
from safetensors.torch import load_file

PRESETS = [
    ["simmim_vit_tiny_32", "encoder.depth=2"],
    ["simmim_vit_tiny_32", "encoder.depth=1", "image.height=16", "image.width=40", "encoder.hidden=50", "encoder.width=36"],
    ["simmim_vit_tiny", "encoder.depth=2", "image.height=64", "image.width=64"],
    ["simmim_vit_tiny", "encoder.depth=1", "image.height=96", "image.width=32", "encoder.layer_scale=0"],
    ["simmim_swin_tiny", "image.height=64", "image.width=64", "encoder.width=24", "encoder.depths=[2,2]",
     "encoder.window=4"],
    ["swin_tiny", "image.height=80", "image.width=64", "encoder.width=24", "encoder.depths=[1,2,1]", "head.classes=7"],
    ["simmim_swinv2_tiny", "image.height=64", "image.width=64", "encoder.width=24", "encoder.depths=[2,2]",
     "encoder.window=4", "encoder.table_window=3"],
    ["simmim_swinv2_tiny", "image.height=64", "image.width=64", "encoder.width=24", "encoder.depths=[2,2]",
     "encoder.window=8", "head.target=pixels", "optimizer.rate=0.01",
     "then", "image.height=128", "image.width=128", "encoder.window=16"],
    ["swinv2_tiny", "image.height=80", "image.width=64", "encoder.width=24", "encoder.depths=[1,2,1]", "head.classes=7"],
    ["swinv2_tiny", "image.height=64", "image.width=64", "encoder.width=24", "encoder.depths=[1,2]", "head.classes=7",
     "encoder.activation=relu"],
    ["mae_vit_tiny_32", "encoder.depth=2"],
    ["mae_vit_tiny", "encoder.depth=1", "image.height=112", "image.width=112", "masker.ratio=0.9", "head.target=pixels"],
    ["mae_vit_tiny_32", "encoder.depth=1", "image.height=20", "image.width=20", "image.channels=1", "masker.ratio=0.7"],
    ["vit_tiny", "encoder.depth=1", "image.height=32", "image.width=48", "head.classes=7"],
    ["vit_tiny", "encoder.depth=1", "image.height=32", "image.width=32", "encoder.width=33", "encoder.hidden=50",
     "encoder.pool=mean", "encoder.norm=0", "encoder.pool_norm=1", "encoder.eps=1e-6"],
]
# transformers 5.24 opens what it saved of these with their two norms exchanged: they are read, not written.
ONE_WAY = {"beit_tokens_normed"}


def with_timm(folder, x, whole):
    import timm
    model = timm.create_model(f"local-dir:{folder}", pretrained=True).eval()
    model.load_state_dict(load_file(folder / "model.safetensors"), strict=whole and model.num_classes > 0)
    if tuple(x.shape[2:]) != tuple(model.patch_embed.img_size):     # for these timm resizes tables in its own way
        return {}
    tokens = model.forward_features(x)
    return {"tokens": tokens, "logits": model.forward_head(tokens)}


def check_report(report, headless):
    for what, names in report.items():
        names = sorted(str(n) for n in names if not (headless and what == "missing_keys" and n.startswith("pooler.")))
        if names:
            raise ValueError(f"{what}: {names}")


def mae(model, x, mask):
    """Its noise hides the same patches, and keeps the visible ones in their order."""
    noise = mask.flatten(1).double() + torch.arange(mask[0].numel()) / mask[0].numel() / 2
    out = model(x, noise=noise)
    if not torch.equal(out.mask, mask.flatten(1).to(out.mask)):
        raise ValueError(f"mask_ratio {model.config.mask_ratio} hides another number of patches")
    target, picture = model.patchify(x), out.logits
    if model.config.norm_pix_loss:
        picture = picture * (target.var(-1, keepdim=True) + 1e-6) ** 0.5 + target.mean(-1, keepdim=True)
    return {"tokens": model.vit(x, noise=noise).last_hidden_state, "visible": noise.argsort(1)[:, :int((mask[0] == 0).sum())],
            "reconstruction": model.unpatchify(picture)}


def with_transformers(folder, config, x, mask):
    import transformers
    name = config["architectures"][0]
    model, report = getattr(transformers, name).from_pretrained(folder, output_loading_info=True,
                                                                attn_implementation="eager")
    headless, of_vit, resizes = name.endswith("Model"), name.startswith("ViT"), name.startswith(("ViT", "Swin"))
    check_report(report, headless)
    if name == "ViTMAEForPreTraining":
        return mae(model.eval(), x, mask)
    size = model.config.image_size
    size = list(size) if isinstance(size, (list, tuple)) else [size, size]
    options = {} if mask is None else {"bool_masked_pos": mask.flatten(1).bool()}
    if list(x.shape[2:]) != size and resizes:
        options["interpolate_pos_encoding"] = True
    body = model.eval() if headless else getattr(model, model.base_model_prefix)
    tokens = body(x, **options).last_hidden_state
    if headless:
        return {"tokens": tokens}
    if mask is None or name.startswith("Beit"):
        return {"tokens": tokens, "logits": model(x, **options).logits}
    stride = model.config.encoder_stride
    grid = tokens[:, of_vit:].transpose(1, 2).reshape(len(x), -1, x.shape[2] // stride, x.shape[3] // stride)
    return {"tokens": tokens, "reconstruction": model.decoder(grid)}


def compare(folder, whole):
    config = json.loads((folder / "config.json").read_text())
    ours = load_file(folder / "features.safetensors")
    with torch.no_grad():
        if "architecture" in config:
            theirs = with_timm(folder, ours["pixel_values"], whole)
        else:
            theirs = with_transformers(folder, config, ours["pixel_values"], ours.get("mask"))
    worst = 0.0 if theirs else None
    for name, value in ours.items():
        if theirs and name not in ("pixel_values", "mask"):
            other = theirs[name].reshape(value.shape)
            value, other = value.double(), other.double()
            worst = max(worst, ((value - other).abs().max() / other.abs().max()).item())
    if theirs and not worst < 1e-4:
        raise ValueError(f"features differ by {worst:.1e}")
    return worst


def forms(export, what, out):
    """Each form that export wrote: passed or not, and what there is to say."""
    run = subprocess.run([export, out, *what], capture_output=True, text=True)
    yield run.returncode == 0, f"{what[0]}: mim {run.stdout.rstrip()}{run.stderr.rstrip()}"
    for form in "huggingface", "huggingface_encoder", "timm", "timm_encoder":
        folder = out / form
        if not (folder / "model.safetensors").exists():
            continue
        try:
            worst = compare(folder, not form.endswith("encoder"))
            yield True, f"{what[0]}: {form} " + ("opens" if worst is None else f"{worst:.1e}")
        except Exception as error:                      # whatever went wrong is this form's failure, not the run's end
            yield False, f"{what[0]}: {form} {type(error).__name__}: {error}"


def main(export, fixtures):
    failed = passed = 0
    for what in [[f] for f in fixtures if pathlib.Path(f).name not in ONE_WAY] + PRESETS:
        with tempfile.TemporaryDirectory() as out:
            for good, text in forms(export, what, pathlib.Path(out)):
                passed, failed = passed + good, failed + (not good)
                print("PASS" if good else "FAIL", text)
    print(f"{passed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
