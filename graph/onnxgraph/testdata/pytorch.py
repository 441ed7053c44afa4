"""Writes pytorch.json: what PyTorch computes for the layers and networks of the tests.

    python -m pip install -r pytorch.txt && python pytorch.py

The modules are put together as PyTorch users and the official CycleGAN code do it. Parameters and inputs are filled with
the noise of cases_test.go, cast to float32; the computation itself is in float64.
"""

import json
import math
import os

import numpy as np
import torch
from torch import nn


def noise(seed, count):
    x = np.arange(count, dtype=np.uint32) * np.uint32(2654435761) + np.uint32(seed * 40503 % 2**32)
    x ^= x >> np.uint32(16)
    x *= np.uint32(0x45D9F3B)
    x ^= x >> np.uint32(16)
    x *= np.uint32(0x45D9F3B)
    x ^= x >> np.uint32(16)
    return (x >> np.uint32(8)).astype(np.float64) / 2**23 - 1


def fill(model):
    seed = 0

    def put(tensor, change):
        nonlocal seed
        seed += 1
        values = change(noise(seed, tensor.numel())).astype(np.float32).astype(np.float64)
        tensor.data.copy_(torch.from_numpy(values.reshape(tensor.shape)))

    for m in model.modules():
        if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d)):
            fan = m.in_channels // m.groups * m.kernel_size[0] ** 2 / (m.stride[0] ** 2 if isinstance(m, nn.ConvTranspose2d) else 1)
            put(m.weight, lambda v: v * math.sqrt(3 / fan))
            if m.bias is not None:
                put(m.bias, lambda v: v / 4)
        elif isinstance(m, nn.BatchNorm2d):
            put(m.weight, lambda v: 1 + v / 4)
            put(m.bias, lambda v: v / 4)
            put(m.running_mean, lambda v: v / 4)
            put(m.running_var, lambda v: 1 + v / 2)


class Add(nn.Module):
    def __init__(self, *body):
        super().__init__()
        self.body = nn.Sequential(*body)

    def forward(self, x):
        return x + self.body(x)


class Cat(nn.Module):
    def __init__(self, *body):
        super().__init__()
        self.body = nn.Sequential(*body)

    def forward(self, x):
        return torch.cat([x, self.body(x)], 1)


class Fork(nn.Module):
    def __init__(self, *branches):
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x):
        return torch.cat([b(x) for b in self.branches], 1)


def instance(c):
    return nn.InstanceNorm2d(c, affine=False, track_running_stats=False)


LAYERS = {
    "conv_k7": (2, nn.Conv2d(2, 3, 7, padding=3)),
    "conv_k3_s2_p1": (3, nn.Conv2d(3, 4, 3, stride=2, padding=1)),
    "conv_k4_s2_p1": (3, nn.Conv2d(3, 2, 4, stride=2, padding=1, bias=False)),
    "conv_k1": (3, nn.Conv2d(3, 4, 1)),
    "conv_transpose_k3_s2_p1_op1": (3, nn.ConvTranspose2d(3, 2, 3, stride=2, padding=1, output_padding=1)),
    "conv_transpose_k4_s2_p1": (2, nn.ConvTranspose2d(2, 3, 4, stride=2, padding=1, bias=False)),
    "depthwise_k5": (3, nn.Conv2d(3, 3, 5, padding=2, groups=3)),
    "depthwise_k3_s2_same": (4, nn.Sequential(nn.ZeroPad2d((0, 1, 0, 1)), nn.Conv2d(4, 4, 3, stride=2, groups=4), nn.ReLU6())),
    "zero_pad_1_2": (2, nn.ZeroPad2d((1, 2, 1, 2))),
    "reflect_pad_1": (2, nn.ReflectionPad2d(1)),
    "reflect_pad_4": (2, nn.ReflectionPad2d(4)),
    "upsample_nearest_2": (2, nn.Upsample(scale_factor=2, mode="nearest")),
    "upsample_nearest_3": (2, nn.Upsample(scale_factor=3, mode="nearest")),
    "upsample_bilinear_2": (2, nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)),
    "upsample_bilinear_3": (2, nn.Upsample(scale_factor=3, mode="bilinear", align_corners=False)),
    "instance_norm": (3, instance(3)),
    "batch_norm": (3, nn.BatchNorm2d(3)),
    "relu": (2, nn.ReLU()),
    "leaky_relu": (2, nn.LeakyReLU(0.2)),
    "tanh": (2, nn.Tanh()),
    "clamp": (2, nn.Hardtanh(-0.5, 0.25)),
    "dropout": (2, nn.Dropout(0.5)),
    "global_mean": (3, nn.AdaptiveAvgPool2d(1)),
    "residual": (2, Add(nn.Conv2d(2, 2, 3, padding=1, bias=False), nn.Tanh())),
    "concat": (2, Cat(nn.Conv2d(2, 3, 3, padding=1), nn.ReLU())),
    "fork": (2, Fork(nn.Sequential(nn.Conv2d(2, 1, 3, padding=1), nn.Tanh()), nn.Conv2d(2, 3, 1, bias=False))),
}


def up(resize, i, o, k, bias=False):
    if resize:
        return [nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False), nn.ReflectionPad2d(1), nn.Conv2d(i, o, 3, bias=bias)]
    return [nn.ConvTranspose2d(i, o, k, stride=2, padding=1, output_padding=int(k == 3), bias=bias)]


def resnet(norm, resize, f, blocks):
    def block(c):
        pad, conv = lambda: nn.ReflectionPad2d(1), lambda: nn.Conv2d(c, c, 3, bias=False)
        return Add(pad(), conv(), norm(c), nn.ReLU(), nn.Dropout(0.5), pad(), conv(), norm(c))

    return nn.Sequential(
        nn.ReflectionPad2d(3), nn.Conv2d(3, f, 7, bias=False), norm(f), nn.ReLU(),
        nn.Conv2d(f, 2 * f, 3, stride=2, padding=1, bias=False), norm(2 * f), nn.ReLU(),
        nn.Conv2d(2 * f, 4 * f, 3, stride=2, padding=1, bias=False), norm(4 * f), nn.ReLU(),
        *[block(4 * f) for _ in range(blocks)],
        *up(resize, 4 * f, 2 * f, 3), norm(2 * f), nn.ReLU(),
        *up(resize, 2 * f, f, 3), norm(f), nn.ReLU(),
        nn.ReflectionPad2d(3), nn.Conv2d(f, 3, 7), nn.Tanh(),
    )


def unet(norm, resize, f, downs):
    bias = norm is instance  # the official rule, followed here where no norm takes the bias out again
    widths = [f * min(2**i, 8) for i in range(downs)]

    def level(i):  # 0 is the outermost
        inner = widths[i - 1] if i else 3
        down = lambda b: nn.Conv2d(inner, widths[i], 4, stride=2, padding=1, bias=b)
        if i == 0:
            return [down(bias), level(1), nn.ReLU(), *up(resize, 2 * widths[0], 3, 4, True), nn.Tanh()]
        if i == downs - 1 and resize and bias:  # a norm would turn the constant map, resized from one pixel, to zero
            return Cat(nn.LeakyReLU(0.2), down(bias), nn.ReLU(), *up(resize, widths[i], inner, 4, True))
        if i == downs - 1:
            return Cat(nn.LeakyReLU(0.2), down(bias), nn.ReLU(), *up(resize, widths[i], inner, 4), norm(inner))
        return Cat(nn.LeakyReLU(0.2), down(False), norm(widths[i]), level(i + 1), nn.ReLU(), *up(resize, 2 * widths[i], inner, 4), norm(inner))

    return nn.Sequential(*level(0))


def yosemite(norm, resize, f):
    def conv(i, o):
        return [nn.Conv2d(i, o, 4, stride=2, padding=1, bias=False), norm(o), nn.ReLU()]

    def block(c):
        conv = lambda: nn.Conv2d(c, c, 3, padding=1, bias=False)
        return Add(conv(), norm(c), nn.ReLU(), conv(), norm(c))

    return nn.Sequential(
        *conv(3, f), *conv(f, 2 * f), *conv(2 * f, 4 * f), *[block(4 * f) for _ in range(6)],
        *up(resize, 4 * f, 2 * f, 4), norm(2 * f), nn.ReLU(), *up(resize, 2 * f, f, 4), norm(f), nn.ReLU(),
        *up(resize, f, 3, 4), nn.Tanh(),
    )


def networks(f):
    for norm_name, norm in (("instance", instance), ("batch", nn.BatchNorm2d), ("none", lambda c: nn.Identity())):
        for resize in (False, True):
            name = f"{norm_name}_{'resize' if resize else 'transpose'}"
            yield "resnet_9blocks_" + name, resnet(norm, resize, f, 9), (17, 23)
            yield "resnet_6blocks_" + name, resnet(norm, resize, f, 6), (17, 23)
            yield "unet_256_" + name, unet(norm, resize, f, 8), (256, 512)
            yield "unet_128_" + name, unet(norm, resize, f, 7), (256, 128)
            yield "yosemite_" + name, yosemite(norm, resize, f), (24, 40)
    residual = nn.Sequential(Add(*resnet(instance, True, f, 6)), nn.Hardtanh(-1, 1))
    yield "resnet_6blocks_residual_dropout", residual, (20, 28)


def run(model, n, c, h, w):
    """The output's shape and values, of a large one some 400 spread over it."""
    model = model.double().eval()
    fill(model)
    x = torch.from_numpy(noise(0, n * c * h * w).astype(np.float32).astype(np.float64).reshape(n, c, h, w))
    with torch.no_grad():
        y = model(x)
    stride = 1 if y.numel() < 1000 else y.numel() // 400 | 1  # odd, so that it does not follow one column
    return {"input": [n, c, h, w], "output": list(y.shape), "every": stride, "values": [float(f"{v:.9g}") for v in y.flatten()[::stride].tolist()]}


def main():
    results = {name: run(model, 3, c, 7, 5) for name, (c, model) in LAYERS.items()}
    for name, model, (h, w) in networks(3):
        results[name] = run(model, 1, 3, h, w)
    lines = [f"{json.dumps(name)}: {json.dumps(r, separators=(',', ':'))}" for name, r in results.items()]
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "pytorch.json"), "w") as f:
        f.write("{\n" + ",\n".join(lines) + "\n}\n")


main()
