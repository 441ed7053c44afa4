"""The official CycleGAN networks as PyTorch modules of the same structure, so that their parameters have the official names.

Written from the networks' description; the other scripts in this folder use it.
"""

import torch
from torch import nn


def make_norm(kind):
    """Returns a function that makes the norm layer, and whether the convolution before it has a bias."""
    if kind == "instance":
        return lambda c: nn.InstanceNorm2d(c, affine=False, track_running_stats=False), True
    if kind == "batch":
        return nn.BatchNorm2d, False
    return lambda c: nn.Identity(), False


class Block(nn.Module):
    def __init__(self, c, norm, dropout):
        super().__init__()
        norm, bias = make_norm(norm)
        first = [nn.ReflectionPad2d(1), nn.Conv2d(c, c, 3, bias=bias), norm(c), nn.ReLU()]
        second = [nn.ReflectionPad2d(1), nn.Conv2d(c, c, 3, bias=bias), norm(c)]
        self.conv_block = nn.Sequential(*first, *([nn.Dropout(0.5)] if dropout else []), *second)

    def forward(self, x):
        return x + self.conv_block(x)


class ResNet(nn.Module):
    def __init__(self, i, o, f, norm, dropout, blocks):
        super().__init__()
        make, bias = make_norm(norm)
        layers = [nn.ReflectionPad2d(3), nn.Conv2d(i, f, 7, bias=bias), make(f), nn.ReLU()]
        for c in (f, 2 * f):
            layers += [nn.Conv2d(c, 2 * c, 3, stride=2, padding=1, bias=bias), make(2 * c), nn.ReLU()]
        layers += [Block(4 * f, norm, dropout) for _ in range(blocks)]
        for c in (4 * f, 2 * f):
            layers += [nn.ConvTranspose2d(c, c // 2, 3, stride=2, padding=1, output_padding=1, bias=bias), make(c // 2), nn.ReLU()]
        self.model = nn.Sequential(*layers, nn.ReflectionPad2d(3), nn.Conv2d(f, o, 7), nn.Tanh())

    def forward(self, x):
        return self.model(x)


class Level(nn.Module):
    """One level of a U-Net. inner is the next level, None for the innermost."""

    def __init__(self, outer_c, inner_c, inner, norm, dropout=False, outermost=None):
        super().__init__()
        make, bias = make_norm(norm)
        self.outermost = outermost is not None
        i, o = outermost or (outer_c, outer_c)
        down = nn.Conv2d(i, inner_c, 4, stride=2, padding=1, bias=bias)
        up = nn.ConvTranspose2d(inner_c * (1 if inner is None else 2), o, 4, stride=2, padding=1, bias=bias or self.outermost)
        if self.outermost:
            layers = [down, inner, nn.ReLU(), up, nn.Tanh()]
        elif inner is None:
            layers = [nn.LeakyReLU(0.2), down, nn.ReLU(), up, make(outer_c)]
        else:
            layers = [nn.LeakyReLU(0.2), down, make(inner_c), inner, nn.ReLU(), up, make(outer_c)]
            layers += [nn.Dropout(0.5)] if dropout else []
        self.model = nn.Sequential(*layers)

    def forward(self, x):
        return self.model(x) if self.outermost else torch.cat([x, self.model(x)], 1)


class UNet(nn.Module):
    def __init__(self, i, o, f, norm, dropout, levels):
        super().__init__()
        inner = Level(8 * f, 8 * f, None, norm)
        for _ in range(levels - 5):
            inner = Level(8 * f, 8 * f, inner, norm, dropout)
        for c in (4 * f, 2 * f, f):
            inner = Level(c, 2 * c, inner, norm)
        self.model = Level(None, f, inner, norm, outermost=(i, o))

    def forward(self, x):
        return self.model(x)


class PatchGAN(nn.Module):
    def __init__(self, i, f, norm, layers):
        super().__init__()
        make, bias = make_norm(norm)
        parts = [nn.Conv2d(i, f, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
        c = f
        for n in range(1, layers + 1):
            out = f * min(2**n, 8)
            parts += [nn.Conv2d(c, out, 4, stride=2 if n < layers else 1, padding=1, bias=bias), make(out), nn.LeakyReLU(0.2)]
            c = out
        self.model = nn.Sequential(*parts, nn.Conv2d(c, 1, 4, stride=1, padding=1))

    def forward(self, x):
        return self.model(x)


class PixelGAN(nn.Module):
    def __init__(self, i, f, norm):
        super().__init__()
        make, bias = make_norm(norm)
        self.net = nn.Sequential(
            nn.Conv2d(i, f, 1), nn.LeakyReLU(0.2),
            nn.Conv2d(f, 2 * f, 1, bias=bias), make(2 * f), nn.LeakyReLU(0.2),
            nn.Conv2d(2 * f, 1, 1, bias=bias),
        )

    def forward(self, x):
        return self.net(x)


def generator(name, i, o, f, norm, dropout=False):
    if name.startswith("resnet"):
        return ResNet(i, o, f, norm, dropout, {"resnet_9blocks": 9, "resnet_6blocks": 6}[name])
    return UNet(i, o, f, norm, dropout, {"unet_256": 8, "unet_128": 7}[name])


def discriminator(name, i, f, norm, layers=3):
    return PixelGAN(i, f, norm) if name == "pixel" else PatchGAN(i, f, norm, layers)
