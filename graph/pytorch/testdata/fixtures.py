"""Writes the files that the tests read, and fixtures.json with PyTorch's outputs for their weights.

    python -m pip install -r requirements.txt && python fixtures.py

Every parameter is filled with noise derived from its official name, so that a test can compute the expected values.
The networks run in float64.
"""

import collections
import json
import math
import os
import zlib

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

import official

HERE = os.path.dirname(os.path.abspath(__file__))


def noise(seed, count):
    """Values in [-1, 1) that are multiples of 2^-7, which every floating-point type of the fixtures represents exactly."""
    x = np.arange(count, dtype=np.uint32) * np.uint32(2654435761) + np.uint32(seed)
    for _ in range(2):
        x ^= x >> np.uint32(16)
        x *= np.uint32(0x45D9F3B)
    x ^= x >> np.uint32(16)
    return (x >> np.uint32(24)).astype(np.float64) / 2**7 - 1


def fill(model):
    for name, t in model.state_dict().items():
        if t.dtype.is_floating_point:
            v = torch.from_numpy(noise(zlib.crc32(name.encode()), t.numel()).reshape(t.shape))
            if name.endswith("running_var"):
                v = 1 + v / 2
            elif t.dim() == 4:
                v = v * 2.0 ** round(math.log2(math.sqrt(3 / t[0].numel())))
            t.copy_(v)


def run(model, x):
    model = model.double().eval()
    with torch.no_grad():
        y = model(x)
    every = max(1, y.numel() // 200) | 1  # odd, so that it does not sample one column
    return {"output": list(y.shape), "every": every, "values": [float(f"{v:.9g}") for v in y.flatten()[::every].tolist()]}


def old_keys(state, model):
    """Adds the unused entries that PyTorch 0.4 saved for an InstanceNorm."""
    out = collections.OrderedDict()
    norms = {n: m for n, m in model.named_modules() if isinstance(m, nn.InstanceNorm2d)}
    for key, value in state.items():
        out[key] = value
        prefix, part = key.rsplit(".", 1)
        head, number = prefix.rsplit(".", 1)
        norm = f"{head}.{int(number) + 1}"
        if part == "bias" and norm in norms:
            out[norm + ".running_mean"] = torch.full((value.numel(),), 7.0)
            out[norm + ".running_var"] = torch.full((value.numel(),), 9.0)
            out[norm + ".num_batches_tracked"] = torch.tensor(3)
    return out


def data_parallel(state):
    return collections.OrderedDict(("module." + k, v) for k, v in state.items())


def mixed(state):
    """Uses other floating-point types, tensors that share one storage, and tensors with permuted strides."""
    out = collections.OrderedDict()
    flat = torch.cat([v.flatten() for v in state.values()])
    at = 0
    for i, (key, v) in enumerate(state.items()):
        if i % 5 == 0:
            out[key] = v.half()
        elif i % 5 == 1:
            out[key] = v.bfloat16()
        elif i % 5 == 2:
            out[key] = v.double()
        elif i % 5 == 3 and v.dim() == 4:
            out[key] = v.contiguous(memory_format=torch.channels_last)
        else:
            out[key] = flat[at : at + v.numel()].view(v.shape)
        at += v.numel()
    return out


def legacy(state, path):
    torch.save(state, path, _use_new_zipfile_serialization=False)


def protocol4(state, path):
    torch.save(state, path, pickle_protocol=4)


def safetensors(state, path):
    save_file({k: v.contiguous() for k, v in state.items()}, path)


# Name, network, input size, changes to the state dict, function that saves it.
def cases():
    g, d = official.generator, official.discriminator
    same = lambda s, m: s
    yield "resnet_9blocks.pth", g("resnet_9blocks", 3, 3, 2, "instance"), (20, 24), same, torch.save
    yield "resnet_6blocks_old.pth", g("resnet_6blocks", 3, 3, 2, "instance"), (20, 24), lambda s, m: data_parallel(old_keys(s, m)), legacy
    yield "resnet_6blocks_batch_dropout.pth", g("resnet_6blocks", 3, 3, 2, "batch", True), (20, 24), same, torch.save
    yield "resnet_6blocks_none_mixed.pth", g("resnet_6blocks", 1, 3, 2, "none"), (20, 24), lambda s, m: mixed(s), torch.save
    yield "resnet_6blocks_mixed_old.pth", g("resnet_6blocks", 3, 1, 1, "instance"), (20, 24), lambda s, m: mixed(s), legacy
    yield "resnet_6blocks.safetensors", g("resnet_6blocks", 3, 3, 2, "batch"), (20, 24), same, safetensors
    yield "unet_128.pth", g("unet_128", 3, 3, 1, "instance", True), (128, 256), same, torch.save
    yield "unet_128_none.pth", g("unet_128", 3, 3, 1, "none"), (128, 128), lambda s, m: data_parallel(s), protocol4
    yield "unet_256_batch_old.pth", g("unet_256", 3, 3, 1, "batch", True), (256, 256), same, legacy
    yield "basic.pth", d("basic", 3, 2, "instance"), (32, 40), same, torch.save
    yield "n_layers_batch.pth", d("n_layers", 3, 2, "batch", 2), (32, 40), same, torch.save
    yield "pixel.pth", d("pixel", 3, 4, "instance"), (8, 6), same, torch.save
    yield "pixel_none.pth", d("pixel", 1, 4, "none"), (8, 6), same, torch.save


def main():
    results = {}
    for name, model, (h, w), change, save in cases():
        fill(model)
        save(change(model.state_dict(), model), os.path.join(HERE, name))
        channels = next(p for p in model.parameters() if p.dim() == 4).shape[1]
        x = torch.from_numpy(noise(0, channels * h * w).reshape(1, channels, h, w))
        results[name] = {"input": [1, channels, h, w], **run(model, x)}
    lines = [f"{json.dumps(name)}: {json.dumps(r, separators=(',', ':'))}" for name, r in results.items()]
    with open(os.path.join(HERE, "fixtures.json"), "w") as f:
        f.write("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
