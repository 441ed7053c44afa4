"""Writes projected.json: the losses and gradients of a projected discriminator in PyTorch.

    python -m pip install torch==2.15.0 numpy==2.4.6 && python projected.py

The network is written here after Tan and Le 2019 (EfficientNet-Lite0 with TensorFlow's padding) and Sauer
et al. 2021, with one convolution for each convolution and BatchNorm. Weights and images are the noise of
projected_test.go, so that the test needs no trained weights.
"""

import json
import math
import os

import numpy as np
import torch
import torch.nn.functional as F

FILTERS = 8
STAGES = [(1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80), (3, 5, 1, 6, 112), (4, 5, 2, 6, 192), (1, 3, 1, 6, 320)]


def noise(seed, count):
    x = np.arange(count, dtype=np.uint32) * np.uint32(2654435761) + np.uint32(seed * 40503 % 2**32)
    for _ in range(2):
        x ^= x >> np.uint32(16)
        x *= np.uint32(0x45D9F3B)
    x ^= x >> np.uint32(16)
    return (x >> np.uint32(8)).astype(np.float64) / 2**23 - 1


class Weights:
    """Hands out weights in the order of computation, and keeps them by name."""

    def __init__(self):
        self.seed, self.known = 0, {}

    def __call__(self, name, shape, scale, offset=0):
        if name not in self.known:
            self.seed += 1
            values = (noise(self.seed, math.prod(shape)) * scale + offset).astype(np.float32).astype(np.float64)
            self.known[name] = torch.from_numpy(values.reshape(shape)).requires_grad_(name.startswith("head"))
        return self.known[name]


def conv(w, name, x, out, kernel=1, stride=1, groups=1, same=True):
    channels = x.shape[1] // groups
    weight = w(name + ".weight", (out, channels, kernel, kernel), math.sqrt(6 / (channels * kernel**2)))
    bias = w(name + ".bias", (out,), 0.25, 0.1)
    if same:  # TensorFlow's padding
        pads = []
        for side in (x.shape[3], x.shape[2]):
            total = max((math.ceil(side / stride) - 1) * stride + kernel - side, 0)
            pads += [total // 2, total - total // 2]
        x = F.pad(x, pads)
    return F.conv2d(x, weight, bias, stride, 0, 1, groups)


def head(w, name, x):
    y = F.leaky_relu(conv(w, name + ".conv1", x, FILTERS), 0.2)
    y = F.leaky_relu(conv(w, name + ".conv2", y, FILTERS, 3), 0.2)
    return conv(w, name + ".score", y, 1)


def discriminator(w, image):
    """Four maps of scores."""
    w("input.weight", (3, 3, 1, 1), 1)
    w("input.bias", (3,), 0.1)
    x = F.conv2d(image, w.known["input.weight"], w.known["input.bias"])
    x = F.relu6(conv(w, "stem", x, 32, 3, 2))
    block, scores = 0, []
    for repeat, kernel, first, expand, out in STAGES:
        for i in range(repeat):
            name, y, wide = f"block{block}", x, x.shape[1] * expand
            if expand > 1:
                y = F.relu6(conv(w, name + ".expand", y, wide))
            y = F.relu6(conv(w, name + ".depthwise", y, wide, kernel, first if i == 0 else 1, wide))
            y = conv(w, name + ".project", y, out)
            x = x + y if i > 0 else y
            if block in (2, 4, 10, 15):
                scores.append(head(w, f"head{len(scores) + 1}", x))
            block += 1
    return scores


def mean(scores, f):
    return sum(f(s).mean() for s in scores) / len(scores)


def sample(t):
    stride = t.numel() // 100 | 1
    return {"every": stride, "values": [float(f"{v:.7g}") for v in t.flatten()[::stride].tolist()]}


def main():
    n, h, width = 2, 64, 96
    w = Weights()
    image = lambda seed: torch.from_numpy(noise(seed, n * 3 * h * width).reshape(n, 3, h, width))
    real, fake = image(1001), image(1002).requires_grad_(True)
    loss_g = -mean(discriminator(w, fake), lambda s: s)
    (gradient,) = torch.autograd.grad(loss_g, fake)
    loss_d = mean(discriminator(w, real), lambda s: F.relu(1 - s)) + mean(discriminator(w, fake.detach()), lambda s: F.relu(1 + s))
    loss_d.backward()
    result = {"shape": [n, h, width, 3], "generator": loss_g.item(), "discriminator": loss_d.item(), "image": sample(gradient.permute(0, 2, 3, 1))}
    result["heads"] = {
        name: sample(t.grad.permute(2, 3, 1, 0) if t.dim() == 4 else t.grad) for name, t in w.known.items() if name.startswith("head")
    }
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "projected.json"), "w") as f:
        json.dump(result, f, separators=(",", ":"))
    print(loss_g.item(), loss_d.item(), gradient.abs().max().item(), [s.abs().max().item() for s in discriminator(w, real)])


main()
