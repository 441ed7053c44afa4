"""Writes the pyramid_* files beside it: PyTorch's outputs and gradients of the generator "pyramid".

    python -m pip install torch==2.15.0 numpy safetensors && python pyramid.py

The networks are small (ngf 8) but complete. Weights are random and not small at the ends, so that every part matters.
Inputs are computed by the same formula in the tests. An output is stored as every Every-th of its values [n, c, h, w].
"""

import json
import math
import os

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import nn

HERE = os.path.dirname(os.path.abspath(__file__))


def conv(i, o):
    return nn.Conv2d(i, o, 3, padding=1, padding_mode="reflect")


class Block(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.conv1, self.conv2 = conv(c, c), conv(c, c)

    def forward(self, x):
        return x + self.conv2(F.leaky_relu(self.conv1(x), 0.2))


class Base(nn.Module):
    def __init__(self, c, f):
        super().__init__()
        self.stem, self.widen = conv(c, f // 4), conv(f // 4, f)
        for i in range(5):
            setattr(self, f"block{i + 1}", Block(f))
        self.narrow, self.out = conv(f, f // 4), conv(f // 4, c)

    def forward(self, x):
        y = F.leaky_relu(self.widen(F.leaky_relu(self.stem(x), 0.2)), 0.2)
        for i in range(5):
            y = getattr(self, f"block{i + 1}")(y)
        return x + self.out(F.leaky_relu(self.narrow(y), 0.2))


class Mask(nn.Module):
    def __init__(self, c, f, blocks):
        super().__init__()
        self.stem, self.blocks, self.out = conv(3 * c, f), blocks, conv(f, 1)
        for i in range(blocks):
            setattr(self, f"block{i + 1}", Block(f))

    def forward(self, x):
        y = F.leaky_relu(self.stem(x), 0.2)
        for i in range(self.blocks):
            y = getattr(self, f"block{i + 1}")(y)
        return self.out(y)


BINOMIAL = torch.tensor([1.0, 4, 6, 4, 1])
BINOMIAL = BINOMIAL[:, None] * BINOMIAL / 256


def down(x):
    return F.conv2d(F.pad(x, (2, 2, 2, 2), "reflect"), BINOMIAL.expand(x.shape[1], 1, 5, 5), stride=2, groups=x.shape[1])


def up(x):
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


def resize(x, size):
    return F.interpolate(x, size=size, mode="bilinear", align_corners=False, antialias=True)


class Pyramid(nn.Module):
    """The names of its weights are those of the generator "pyramid"."""

    def __init__(self, c, f, size):
        super().__init__()
        self.size = size
        self.base = Base(c, f)
        self.levels = []
        side = 64
        while side <= size:
            self.levels.append(f"mask{side}")
            setattr(self, f"mask{side}", Mask(c, f // 2, 3) if side == 64 else Mask(c, f // 4, 0))
            side *= 2

    def level(self, x, n):
        if n == 0:
            return self.base(x)
        low = down(x)
        up_low, up_body = up(low), up(self.level(low, n - 1))
        band = x - up_low
        mask = getattr(self, self.levels[n - 1])(torch.cat([band, up_low, up_body], 1))
        return up_body + band * (1 + mask)

    def forward(self, x):
        h, w = x.shape[2:]
        multiple = self.size // 32

        def side(n):
            units = math.floor(n * self.size / (multiple * min(h, w)) + 0.5)
            return multiple * min(max(units, 1), 8 * self.size // multiple)

        low = resize(x, (side(h), side(w)))
        return (x + resize(self.level(low, len(self.levels)) - low, (h, w))).clamp(-1, 1)


def picture(n, c, h, w):
    b, k, y, x = (np.arange(m).reshape([-1 if i == j else 1 for j in range(4)]) for i, m in enumerate((n, c, h, w)))
    smooth = 0.3 * np.sin(0.07 * y + k + b) * np.cos(0.05 * x - k)
    fine = 0.15 * np.sin(2.1 * y * (k + 1) + 0.3 * x * x) * np.cos(1.7 * x + b)
    return torch.from_numpy((smooth + fine).astype(np.float32))


def random_network(c, f, size):
    torch.manual_seed(size + c)
    net = Pyramid(c, f, size)
    for p in net.parameters():
        fan = p[0].numel() if p.dim() > 1 else 4
        nn.init.normal_(p, 0, (1.3 if c == 1 else 1) / math.sqrt(fan) if p.dim() > 1 else 0.1)
    return net


def main():
    outputs = []
    for c, size, shapes in (
        (3, 128, [(2, 128, 128), (1, 200, 301), (1, 1, 1), (1, 90, 77), (1, 3, 250), (1, 128, 160)]),
        (1, 64, [(2, 64, 64), (1, 301, 80)]),
    ):
        net = random_network(c, 8, size)
        save_file(net.state_dict(), os.path.join(HERE, f"pyramid_{size}.safetensors"))
        for n, h, w in shapes:
            x = picture(n, c, h, w)
            with torch.no_grad():
                y = net(x)
            change = (y - x).std().item() if h * w > 1 else 1
            print(size, (n, c, h, w), f"changes by {change:.2f}, clamped {(y.abs() == 1).float().mean():.3f}")
            assert change > 0.05
            every = max(1, y.numel() // 300) | 1
            values = [float(f"{v:.8g}") for v in y.flatten()[::every].tolist()]
            outputs.append({"size": size, "shape": [n, c, h, w], "every": every, "values": values})
    lines = ",\n".join(json.dumps(o, separators=(",", ":")) for o in outputs)
    with open(os.path.join(HERE, "pyramid_outputs.json"), "w") as f:
        f.write("[\n" + lines + "\n]\n")

    # The gradients of sum(y^3) at the training size.
    net = random_network(1, 8, 64)
    net(picture(2, 1, 64, 64)).pow(3).sum().backward()
    save_file({k: p.grad for k, p in net.named_parameters()}, os.path.join(HERE, "pyramid_64_gradients.safetensors"))


main()
