"""Writes guided.json: the reference for package detail, computed with NumPy and PyTorch.

By hand, in an environment with numpy and torch:  python guided.py
"""

import json

import numpy as np
import torch

SIGMA, RADIUS, EPSILON = 1.5, 2, 0.04**2


def mean(plane, weights):
    """The weighted mean of the window around each value, without what is outside the plane."""
    h, w = plane.shape
    r = len(weights) // 2
    result = np.zeros((h, w))
    for y in range(h):
        for x in range(w):
            rows, columns = np.arange(max(y - r, 0), min(y + r + 1, h)), np.arange(max(x - r, 0), min(x + r + 1, w))
            k = np.outer(weights[rows - y + r], weights[columns - x + r])
            result[y, x] = (k * plane[np.ix_(rows, columns)]).sum() / k.sum()
    return result


def guided(small, changed, image):
    """All are channels x height x width, from 0 to 1."""
    reach = int(np.ceil(3 * SIGMA))
    bell = np.exp(-((np.arange(-reach, reach + 1) / SIGMA) ** 2) / 2)
    box = np.ones(2 * RADIUS + 1)
    c, h, w = small.shape
    guide = mean(luma(small), bell)
    change = np.stack([mean(p, bell) for p in changed - small])
    factors, offsets = np.zeros((c, h, w)), np.zeros((c, h, w))
    for y in range(h):
        for x in range(w):
            part = np.s_[max(y - RADIUS, 0) : y + RADIUS + 1, max(x - RADIUS, 0) : x + RADIUS + 1]
            for k in range(c):
                i, d = guide[part].ravel(), change[k][part].ravel()
                (variance, covariance), _ = np.cov(i, d, bias=True)
                factors[k, y, x] = covariance / (variance + EPSILON)
                offsets[k, y, x] = d.mean() - factors[k, y, x] * i.mean()
    scaled = lambda planes: torch.nn.functional.interpolate(
        torch.tensor(np.stack([mean(p, box) for p in planes]))[None], size=image.shape[1:], mode="bilinear", align_corners=False)[0].numpy()
    return image + scaled(factors) * luma(image) + scaled(offsets)


def luma(image):
    return image[0] if len(image) == 1 else np.tensordot([0.299, 0.587, 0.114], image, 1)


rng = np.random.default_rng(3)
cases = []
for channels, (w, h), (W, H) in [(3, (13, 9), (31, 20)), (1, (7, 12), (20, 33)), (3, (1, 5), (3, 17)), (3, (6, 6), (6, 6))]:
    small = rng.integers(0, 256, (channels, h, w)) / 255
    changed = np.round(np.clip(0.7 * small + 0.3 * small[::-1] ** 2 + rng.normal(0, 0.1, small.shape), 0, 1), 5)
    image = rng.integers(0, 65536, (channels, H, W))
    result = np.clip(np.floor(guided(small, changed, image / 65535) * 65535 + 0.5), 0, 65535)
    flat = lambda a: a.ravel().tolist()
    cases.append({
        "channels": channels, "width": w, "height": h, "imageWidth": W, "imageHeight": H,
        "in": flat(np.round(small * 255).astype(int)), "out": flat(changed),
        "image": flat(image), "result": flat(result.astype(int)),
    })
with open("guided.json", "w") as f:
    f.write("[\n" + ",\n".join(json.dumps(c) for c in cases) + "\n]\n")
