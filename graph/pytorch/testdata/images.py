"""The PyTorch part of images.sh.

    python images.py make FOLDER IMAGE...   writes a randomly initialised 9-block checkpoint, images of 256 pixels, and PyTorch's translations
    python images.py compare FOLDER         compares PyTorch's translations with those in FOLDER/go
"""

import glob
import os
import sys

import numpy as np
import torch
from PIL import Image
from torch import nn

import official


def make(folder, images):
    torch.manual_seed(1)
    net = official.generator("resnet_9blocks", 3, 3, 64, "instance")
    for m in net.modules():
        if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.normal_(m.weight, 0, 0.02)
            nn.init.normal_(m.bias, 0, 0.02)  # the official code starts with zeros, which would be a weaker test
    torch.save(net.state_dict(), os.path.join(folder, "latest_net_G_A.pth"))
    for sub in ("in", "torch", "go"):
        os.makedirs(os.path.join(folder, sub), exist_ok=True)
    for i, path in enumerate(images):
        image = Image.open(path).convert("RGB").resize((256, 256), Image.BICUBIC)
        name = f"{i}.png"
        image.save(os.path.join(folder, "in", name))
        x = torch.from_numpy(np.asarray(image).astype(np.float32) / 255).permute(2, 0, 1)[None]
        with torch.no_grad():
            y = net.eval()((x - 0.5) / 0.5)
        levels = (y[0].permute(1, 2, 0).numpy() + 1) / 2 * 255
        # The official code truncates, which is sometimes one level darker than rounding to the nearest.
        Image.fromarray(levels.astype(np.uint8)).save(os.path.join(folder, "torch", name))
        Image.fromarray(np.rint(levels).astype(np.uint8)).save(os.path.join(folder, "torch", "rounded_" + name))


def compare(folder):
    worst = 0
    for path in sorted(glob.glob(os.path.join(folder, "go", "*.png"))):
        name = os.path.basename(path)
        got = np.asarray(Image.open(path).convert("RGB")).astype(int)
        for kind in ("", "rounded_"):
            want = np.asarray(Image.open(os.path.join(folder, "torch", kind + name))).astype(int)
            d = np.abs(got - want)
            worst = max(worst, d.max())
            print(f"{name} {got.shape}: levels {want.min()} to {want.max()}, deviation {want.std():.1f}; against PyTorch {kind.rstrip('_') or 'as the official code saves'}:"
                  f" largest difference {d.max()}, {(d > 0).mean():.2%} of the values differ")
    if worst > 1:
        sys.exit("images differ by more than one level")


if sys.argv[1] == "make":
    make(sys.argv[2], sys.argv[3:])
else:
    compare(sys.argv[2])
