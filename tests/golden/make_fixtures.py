#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""make_fixtures.py -- golden fixtures: small models of transformers and timm with all that replaying one step takes.

    python3 make_fixtures.py CASES.json FOLDER [NAME ...]       needs torch, transformers, timm, safetensors

Writes FOLDER/NAME for every case, or for those named:

    config.json             the model's configuration, as its library writes it
    model.safetensors       its weights, under the names its library gives them in files
    inputs.safetensors      pixel_values  f32 [batch, channels, height, width], normalised already
                            mask          u8 [batch, rows, cols], 1 = hidden           kinds simmim, mae, beit
                            labels        i64 [batch], or [batch, rows * cols]         kinds classify, beit
                            input_ids     i64 [batch, positions]                       kind igpt
    outputs.safetensors     loss          f32 [1]
                            reconstruction, prediction or logits: what the head returned
                            hidden        what the encoder returned, after its last norm: f32 [batch, tokens, width].
                                          timm's swin: [batch, rows, cols, width]. timm's mean-pooled models: before the
                                          norm that follows the pool. mae: the class token, then the visible tokens as in
                            ids_keep      i64 [batch, visible]                         kind mae
                            stage.K       of encoders of stages: what the last block of stage K gave, before merging;
                            f32 [batch, tokens, width], or as timm's hidden
    gradients.safetensors   d loss / d parameter under the names of model.safetensors, zero for what is not trained
    case.json               which library and version, the kind, what the case is there for

All is computed in float64 (the softmax of transformers in float32) and stored as float32. There is no dropout and no drop
path. Every parameter is moved a little off its initial value, so that no bias, scale or token stays at zero or one.
"""
import json
import pathlib
import shutil
import sys
import tempfile
import types

import torch
from safetensors.torch import load_file, save_file


def pair(value):
    return tuple(value) if isinstance(value, (list, tuple)) else (value, value)


def generator(case, stream):
    return torch.Generator().manual_seed(case["seed"] + stream)


def move_off_initial_values(model, case):
    g = generator(case, 1)
    with torch.no_grad():
        for name, p in model.named_parameters():
            p.add_(torch.randn(p.shape, generator=g, dtype=torch.float64).to(p) * (0.05 if p.ndim > 1 else 0.2))
            if "logit_scale" in case and name.endswith("logit_scale"):
                p.fill_(case["logit_scale"])


def draw_pixels(case, channels, size, g):
    return torch.randn(case["batch"], channels, *size, generator=g, dtype=torch.float64).float()


def draw_mask(case, rows, cols, g):
    """Whole units of unit x unit patches are hidden; a unit that the edge cuts hides what is left of it."""
    unit = case.get("unit", 1)
    unit_rows, unit_cols = -(-rows // unit), -(-cols // unit)
    hidden = int(-(-unit_rows * unit_cols * case["ratio"] // 1))
    mask = torch.zeros(case["batch"], unit_rows * unit_cols, dtype=torch.uint8)
    for picture in mask:
        picture[torch.randperm(len(picture), generator=g)[:hidden]] = 1
    mask = mask.view(case["batch"], unit_rows, unit_cols)
    return mask.repeat_interleave(unit, 1).repeat_interleave(unit, 2)[:, :rows, :cols].contiguous()


def watch_stages(body):
    """What the last block of each stage gives, as it is run."""
    seen = {}

    def keep(name):
        return lambda module, inputs, output: seen.update({name: output[0] if isinstance(output, tuple) else output})
    for k, stage in enumerate(getattr(getattr(body, "encoder", body), "layers", []), 1):
        if hasattr(stage, "blocks"):
            stage.blocks[-1].register_forward_hook(keep(f"stage.{k}"))
    return seen


def as_stored(tensors):
    return {k: (v.detach().float() if v.is_floating_point() else v).contiguous() for k, v in tensors.items()}


# ---- transformers ----

def simmim_of_any_shape(model, case, x, mask, patch):
    """ViT...ForMaskedImageModeling takes pictures for squares of the configured size; this is the same for any."""
    extra = {"interpolate_pos_encoding": True} if "pixels" in case else {}
    tokens = getattr(model, case["body"])(x, bool_masked_pos=mask.flatten(1).bool(), **extra).last_hidden_state
    if case["body"] == "vit":
        tokens = tokens[:, 1:]
    stride = model.config.encoder_stride
    grid = tokens.transpose(1, 2).reshape(len(x), -1, x.shape[2] // stride, x.shape[3] // stride)
    picture = model.decoder(grid)
    where = mask.repeat_interleave(patch[0], 1).repeat_interleave(patch[1], 2).unsqueeze(1).to(x)
    loss = ((x - picture).abs() * where).sum() / (where.sum() + 1e-5) / x.shape[1]
    return types.SimpleNamespace(loss=loss, reconstruction=picture)


def run_igpt(model, case):
    """Position t is predicted from those before it; before the first stands the start token, the last id."""
    config, g = model.config, generator(case, 2)
    start = config.vocab_size - 1
    ids = torch.randint(0, start, (case["batch"], config.n_positions), generator=g)
    out = model(input_ids=torch.cat([torch.full((case["batch"], 1), start), ids[:, :-1]], 1), output_hidden_states=True)
    loss = torch.nn.functional.cross_entropy(out.logits.flatten(0, 1), ids.flatten())
    return loss, {"input_ids": ids}, {"logits": out.logits, "hidden": out.hidden_states[-1]}


def run_picture_model(model, case):
    config, g = model.config, generator(case, 2)
    size, patch = pair(case.get("pixels", config.image_size)), pair(config.patch_size)
    rows, cols = size[0] // patch[0], size[1] // patch[1]
    x = draw_pixels(case, config.num_channels, size, g)
    inputs, outputs, options, labels = {"pixel_values": x}, {}, {}, {}
    if case["kind"] in ("simmim", "beit"):
        inputs["mask"] = draw_mask(case, rows, cols, g)
        options["bool_masked_pos"] = inputs["mask"].flatten(1).bool()
    if case["kind"] == "mae":
        options["noise"] = torch.rand(case["batch"], rows * cols, generator=g, dtype=torch.float64)
    if case["kind"] == "classify":
        inputs["labels"] = labels["labels"] = torch.randint(0, config.num_labels, (case["batch"],), generator=g)
    if case["kind"] == "beit":
        inputs["labels"] = torch.randint(0, config.vocab_size, (case["batch"], rows * cols), generator=g)
        labels["labels"] = inputs["labels"][options["bool_masked_pos"]]
    if "pixels" in case:
        options["interpolate_pos_encoding"] = True
    stages = watch_stages(getattr(model, case["body"]))
    if case["kind"] == "simmim" and (size[0] != size[1] or "pixels" in case):
        out = simmim_of_any_shape(model, case, x.double(), inputs["mask"], patch)
    else:
        out = model(x.double(), **options, **labels)
    if case["kind"] == "mae":
        inputs["mask"] = out.mask.to(torch.uint8).view(case["batch"], rows, cols)
        outputs["prediction"] = out.logits
        outputs["ids_keep"] = options["noise"].argsort(1)[:, :int(rows * cols * (1 - config.mask_ratio))]
    else:
        outputs["reconstruction" if case["kind"] == "simmim" else "logits"] = \
            out.reconstruction if case["kind"] == "simmim" else out.logits
    with torch.no_grad():
        outputs["hidden"] = getattr(model, case["body"])(x.double(), **options).last_hidden_state
    return out.loss, inputs, {**outputs, **stages}


def transformers_case(case, folder):
    import transformers
    config = getattr(transformers, case["config_class"])(**case["config"])
    config._attn_implementation = "eager"
    torch.manual_seed(case["seed"])
    model = getattr(transformers, case["class"])(config).double().eval()
    move_off_initial_values(model, case)
    loss, inputs, outputs = (run_igpt if case["kind"] == "igpt" else run_picture_model)(model, case)
    loss.backward()
    with tempfile.TemporaryDirectory() as tmp:              # in f32, through the library's own writer
        clone = type(model)(config)
        clone.load_state_dict({k: v.float() for k, v in model.state_dict().items()})
        clone.save_pretrained(tmp)
        for file in ("config.json", "model.safetensors"):
            shutil.copy(pathlib.Path(tmp) / file, folder / file)
        with torch.no_grad():                               # and so for the gradients: they get the same names
            for p, q in zip(model.parameters(), clone.parameters()):
                q.copy_(torch.zeros_like(p) if p.grad is None else p.grad)
        clone.save_pretrained(tmp)
        shutil.copy(pathlib.Path(tmp) / "model.safetensors", folder / "gradients.safetensors")
    return loss, inputs, outputs, f"transformers {transformers.__version__}"


# ---- timm ----

def timm_case(case, folder):
    import timm
    args = case["model_args"]
    torch.manual_seed(case["seed"])
    model = timm.create_model(case["architecture"], num_classes=case["num_classes"], **args).double().eval()
    for module in model.modules():
        if hasattr(module, "fused_attn"):
            module.fused_attn = False
    move_off_initial_values(model, case)
    g = generator(case, 2)
    x = draw_pixels(case, args.get("in_chans", 3), pair(args["img_size"]), g)
    labels = torch.randint(0, case["num_classes"], (case["batch"],), generator=g)
    stages = watch_stages(model)
    hidden = model.forward_features(x.double())
    logits = model.forward_head(hidden)
    loss = torch.nn.functional.cross_entropy(logits, labels)
    loss.backward()
    save_file(as_stored(model.state_dict()), folder / "model.safetensors")
    save_file(as_stored({k: torch.zeros_like(p) if p.grad is None else p.grad for k, p in model.named_parameters()}),
              folder / "gradients.safetensors")
    config = {k: case[k] for k in ("architecture", "num_classes", "model_args")}
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    outputs = {"logits": logits, "hidden": hidden, **stages}
    return loss, {"pixel_values": x, "labels": labels}, outputs, f"timm {timm.__version__}"


def write(case, folder):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    make = timm_case if case["library"] == "timm" else transformers_case
    loss, inputs, outputs, version = make(case, folder)
    save_file(as_stored(inputs), folder / "inputs.safetensors")
    save_file(as_stored({"loss": loss.reshape(1), **outputs}), folder / "outputs.safetensors")
    about = {"library": version, "kind": case["kind"], "for": case["for"], "seed": case["seed"]}
    (folder / "case.json").write_text(json.dumps(about, indent=2) + "\n")
    size = sum(f.stat().st_size for f in folder.iterdir())
    print(f"{case['name']:28s} loss {loss.item():.6f}  {-(-size // 1024)} KiB")


def main(cases, out, only):
    torch.use_deterministic_algorithms(True)
    for case in json.loads(pathlib.Path(cases).read_text()):
        if not only or case["name"] in only:
            write(case, pathlib.Path(out) / case["name"])


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
