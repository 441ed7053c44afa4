"""Writes the files of other layouts than the official one, and layouts.json with PyTorch's outputs for their weights.

    python -m pip install -r requirements.txt && python layouts.py

The modules are written from the structure of the networks: what the names of their tensors are, and what they compute.
"""

import argparse
import collections
import json
import os

import torch
from torch import nn
from torch.nn import functional as F

import fixtures
import official

seq = nn.Sequential
IN = lambda c, **o: nn.InstanceNorm2d(c, **o)


class Blur(nn.Module):
    """CUT's Downsample: the binomial filter with reflected borders, at every other place."""

    def __init__(self, c):
        super().__init__()
        f = torch.tensor([1.0, 2.0, 1.0])
        f = f[:, None] * f[None]
        self.register_buffer("filt", (f / f.sum())[None, None].repeat(c, 1, 1, 1))

    def forward(self, x):
        return F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), self.filt, stride=2, groups=x.shape[1])


class Enlarge(nn.Module):
    """CUT's Upsample: a transposed convolution with a fixed filter and repeated borders."""

    def __init__(self, c):
        super().__init__()
        f = torch.tensor([1.0, 3.0, 3.0, 1.0])
        f = f[:, None] * f[None]
        self.register_buffer("filt", (f / f.sum() * 4)[None, None].repeat(c, 1, 1, 1))

    def forward(self, x):
        y = F.conv_transpose2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), self.filt, stride=2, padding=2, groups=x.shape[1])
        return y[:, :, 1:-1, 1:-1]


class Block(nn.Module):
    def __init__(self, name, layers):
        super().__init__()
        self.add_module(name, seq(*layers))

    def forward(self, x):
        return x + next(self.children())(x)


class Sequence(nn.Module):
    def __init__(self, layers):
        super().__init__()
        self.model = seq(*layers)

    def forward(self, x):
        return self.model(x)


def block(name, c, norm=IN):
    return Block(name, [nn.ReflectionPad2d(1), nn.Conv2d(c, c, 3), norm(c), nn.ReLU(), nn.ReflectionPad2d(1), nn.Conv2d(c, c, 3), norm(c)])


def resnet(f, blocks, norm=IN):
    """The official structure, which aitorzip's PyTorch-CycleGAN has as well."""
    layers = [nn.ReflectionPad2d(3), nn.Conv2d(3, f, 7), norm(f), nn.ReLU()]
    for c in (f, 2 * f):
        layers += [nn.Conv2d(c, 2 * c, 3, stride=2, padding=1), norm(2 * c), nn.ReLU()]
    layers += [block("conv_block", 4 * f, norm) for _ in range(blocks)]
    for c in (4 * f, 2 * f):
        layers += [nn.ConvTranspose2d(c, c // 2, 3, stride=2, padding=1, output_padding=1), norm(c // 2), nn.ReLU()]
    return Sequence(layers + [nn.ReflectionPad2d(3), nn.Conv2d(f, 3, 7), nn.Tanh()])


def cut(f, blocks):
    layers = [nn.ReflectionPad2d(3), nn.Conv2d(3, f, 7), IN(f), nn.ReLU()]
    for c in (f, 2 * f):
        layers += [nn.Conv2d(c, 2 * c, 3, padding=1), IN(2 * c), nn.ReLU(), Blur(2 * c)]
    layers += [block("conv_block", 4 * f) for _ in range(blocks)]
    for c in (4 * f, 2 * f):
        layers += [Enlarge(c), nn.Conv2d(c, c // 2, 3, padding=1), IN(c // 2), nn.ReLU()]
    return Sequence(layers + [nn.ReflectionPad2d(3), nn.Conv2d(f, 3, 7), nn.Tanh()])


def pytorch_gan(f, blocks):
    layers = [nn.ReflectionPad2d(3), nn.Conv2d(3, f, 7), IN(f), nn.ReLU()]
    for c in (f, 2 * f):
        layers += [nn.Conv2d(c, 2 * c, 3, stride=2, padding=1), IN(2 * c), nn.ReLU()]
    layers += [block("block", 4 * f) for _ in range(blocks)]
    for c in (4 * f, 2 * f):
        layers += [nn.Upsample(scale_factor=2), nn.Conv2d(c, c // 2, 3, padding=1), IN(c // 2), nn.ReLU()]
    return Sequence(layers + [nn.ReflectionPad2d(3), nn.Conv2d(f, 3, 7), nn.Tanh()])


class CourseConv(nn.Module):
    """A convolution of the course, then a norm and a ReLU if it has them. A residual block has two convolutions and one norm module."""

    def __init__(self, conv, norm=None):
        super().__init__()
        if norm is None:
            self.conv = conv
        else:
            self.conv1, self.instancenorm = conv, IN(norm)

    def forward(self, x):
        return self.conv(x) if hasattr(self, "conv") else F.relu(self.instancenorm(self.conv1(x)))


class CourseBlock(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.conv1, self.conv2, self.instancenorm = nn.Conv2d(c, c, 3, padding=1, padding_mode="reflect"), nn.Conv2d(c, c, 3, padding=1, padding_mode="reflect"), IN(c)

    def forward(self, x):
        return x + self.instancenorm(self.conv2(F.relu(self.instancenorm(self.conv1(x)))))


class Course(nn.Module):
    def __init__(self, f):
        super().__init__()
        feature = lambda i, o: CourseConv(nn.Conv2d(i, o, 7, padding=3, padding_mode="reflect"))
        down = lambda c: CourseConv(nn.Conv2d(c, 2 * c, 3, padding=1, stride=2, padding_mode="reflect"), 2 * c)
        up = lambda c: CourseConv(nn.ConvTranspose2d(c, c // 2, 3, stride=2, padding=1, output_padding=1), c // 2)
        self.upfeature, self.contract1, self.contract2 = feature(3, f), down(f), down(2 * f)
        for i in range(9):
            self.add_module(f"res{i}", CourseBlock(4 * f))
        self.expand2, self.expand3, self.downfeature = up(4 * f), up(2 * f), feature(f, 3)

    def forward(self, x):
        return torch.tanh(seq(*self.children())(x))


def fill(model, seed=""):
    """As fixtures.fill, except for fixed filters; with another seed, other weights."""
    kept = {n: b.clone() for n, b in model.named_buffers() if n.endswith("filt")}
    wrapped = nn.Module()
    wrapped.add_module("x" + seed, model)
    fixtures.fill(wrapped)
    for n, b in kept.items():
        model.get_buffer(n).copy_(b)
    return model


def adam(model):
    """An optimizer that has made a step."""
    o = torch.optim.Adam(model.parameters(), lr=0)
    sum(p.sum() for p in model.parameters()).backward()
    o.step()
    return o.state_dict()


def main():
    results = {}

    def case(name, model, save=None, train=False):
        path = os.path.join(fixtures.HERE, name.split()[0])
        if save is not None:
            torch.save(save, path)
        x = torch.from_numpy(fixtures.noise(0, 3 * 20 * 24).reshape(1, 3, 20, 24))
        model = model.double().eval().train(train)
        with torch.no_grad():
            y = model(x)
        every = 7
        results[name] = {"input": [1, 3, 20, 24], "output": list(y.shape), "every": every, "values": [float(f"{v:.9g}") for v in y.flatten()[::every].tolist()]}

    compiled = fill(resnet(1, 4))
    case("layout_compiled.pth", compiled, torch.compile(nn.DataParallel(compiled)).state_dict())
    case("layout_12blocks.pth", fill(resnet(1, 12)), fill(resnet(1, 12)).half().state_dict())
    case("layout_affine.pth", (m := fill(resnet(1, 2, lambda c: IN(c, affine=True)))), m.state_dict())
    case("layout_affine_tracking.pth", (m := fill(resnet(1, 2, lambda c: IN(c, affine=True, track_running_stats=True)))), m.state_dict(), train=True)
    case("layout_cut.pth", (m := fill(cut(1, 2))), m.bfloat16().state_dict())
    case("layout_pytorch_gan.pth", (m := fill(pytorch_gan(1, 2))), m.state_dict())

    ab, ba = fill(Course(1), "ab"), fill(Course(1), "ba")
    case("layout_course.pth AtoB", ab, {"gen_AB": ab.state_dict(), "gen_BA": ba.state_dict(), "disc_A": {}})
    case("layout_course.pth BtoA", ba)

    ab, ba = fill(resnet(1, 2), "ab"), fill(resnet(1, 2), "ba")
    d = official.discriminator("basic", 3, 1, "instance")
    checkpoint = {
        "epoch": 7, "lr": 2e-4, "opt": argparse.Namespace(ngf=1, name="run", sizes=torch.Size([1, 3])), "history": [0.5, {"loss": 1.0}],
        "state_dict": collections.OrderedDict([("netG_A." + k, v) for k, v in ab.float().state_dict().items()] + [("netG_B.module." + k, v) for k, v in ba.float().state_dict().items()]
                                              + [("netD_A." + k, v) for k, v in d.float().state_dict().items()]),
        "optimizer": adam(ab),
    }
    case("layout_checkpoint.pth AtoB", ab, checkpoint)
    case("layout_checkpoint.pth BtoA", ba)

    lines = [f"{json.dumps(name)}: {json.dumps(r, separators=(',', ':'))}" for name, r in results.items()]
    with open(os.path.join(fixtures.HERE, "layouts.json"), "w") as f:
        f.write("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
