"""Writes fixtures.json: scores by scikit-image, torch-fidelity and a plain numpy SWD of images and features that the tests also make.

    python -m pip install -r requirements.txt && python fixtures.py

The functions below compute images and features from integers. The tests repeat them in Go.
"""

import json
import math
import os

import numpy as np
import scipy.ndimage
import scipy.stats
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
from torch_fidelity.metric_kid import kid_features_to_metric

HERE = os.path.dirname(os.path.abspath(__file__))
MASK = 2**64 - 1
GOLDEN = 0x9E3779B97F4A7C15


def scatter(seed, index):
    """A byte for each index."""
    x = np.asarray(index, np.uint32) * np.uint32(2654435761) + np.uint32(seed * 7919)
    for _ in range(2):
        x = (x ^ (x >> np.uint32(16))) * np.uint32(0x45D9F3B)
    return ((x ^ (x >> np.uint32(16))) >> np.uint32(24)).astype(np.int64)


def picture(w, h, seed, gray=False):
    """A folded ramp with grain, in [height, width, channel]."""
    y, x, c = np.ogrid[0:h, 0:w, 0:3]
    if gray:
        c = 0 * c
    t = (x * (3 + seed % 5) + y * (2 + seed % 3) + (x * y) // (9 + seed % 7) + c * 40 * (1 + seed % 2) + seed * 13) % 510
    t = np.where(t > 255, 510 - t, t)
    t = t + (scatter(seed, (y * w + x) * 3 + c) - 128) // 8
    return np.clip(t, 0, 255).astype(np.uint8)


def disturbed(img, seed, strength, shift):
    n = scatter(seed + 1000, np.arange(img.size)).reshape(img.shape)
    if (img[..., 0] == img[..., 1]).all() and (img[..., 0] == img[..., 2]).all():
        n = n[..., :1]
    return np.clip(img.astype(np.int64) + (n - 128) * strength // 64 + shift, 0, 255).astype(np.uint8)


def pairs():
    out = []
    for w, h, seed, gray, strength, shift in [
        (64, 64, 1, False, 8, 0), (64, 64, 2, False, 64, 10), (33, 47, 3, False, 20, -7), (128, 96, 4, True, 16, 3),
        (11, 11, 5, False, 30, 0), (11, 40, 6, True, 100, 0), (50, 12, 7, False, 1, 0), (64, 64, 8, False, 0, 60), (256, 256, 9, False, 4, -1),
    ]:
        a = picture(w, h, seed, gray)
        b = disturbed(a, seed, strength, shift)
        if seed == 8:
            b = 255 - a
        out.append({
            "w": w, "h": h, "seed": seed, "gray": gray, "strength": strength, "shift": shift, "inverted": seed == 8,
            "psnr": float(peak_signal_noise_ratio(a, b, data_range=255)),
            "ssim": float(structural_similarity(a, b, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, channel_axis=2, data_range=255)),
            "l1": float(np.abs(a / 127.5 - b / 127.5).mean()),
        })
    return out


# The sliced Wasserstein distance of Karras et al. 2018, in float64.


def at(stream, i):
    z = (stream + (i + 1) * GOLDEN) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def stream(seed, *path):
    for p in path:
        seed = at(seed, p)
    return seed


def below(s, i, n):
    return (at(s, i) * n) >> 64


def uniform(s, i):
    return ((at(s, i) >> 11) + 0.5) / 2**53


def normal(s, i):
    return math.sqrt(-2 * math.log(uniform(s, 2 * i))) * math.cos(2 * math.pi * uniform(s, 2 * i + 1))


KERNEL = np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1]) / 256


def halved(img):
    return scipy.ndimage.convolve(img, KERNEL[:, :, None], mode="mirror")[::2, ::2]


def doubled(img, shape):
    spread = np.zeros(shape)
    spread[::2, ::2] = img
    return scipy.ndimage.convolve(spread, 4 * KERNEL[:, :, None], mode="mirror")


def laplacian(img):
    levels = [img.astype(np.float64)]
    while min((n + 1) // 2 for n in levels[-1].shape[:2]) >= 16:
        levels.append(halved(levels[-1]))
        levels[-2] = levels[-2] - doubled(levels[-1], levels[-2].shape)
    return levels


def descriptors(pictures, level, seed, count):
    s = stream(seed, 1, level)
    rows = []
    for i, p in enumerate(pictures):
        h, w, _ = p.shape
        for n in range(i * count, (i + 1) * count):
            x, y = below(s, 2 * n, w - 6), below(s, 2 * n + 1, h - 6)
            rows.append(p[y : y + 7, x : x + 7].transpose(2, 0, 1))
    d = np.array(rows)
    d -= d.mean(axis=(0, 2, 3), keepdims=True)
    d /= d.std(axis=(0, 2, 3), keepdims=True)
    return d.reshape(len(d), -1)


def swd_of(real, fake, seed, directions, neighbourhoods):
    s = stream(seed, 0)
    dirs = np.array([[normal(s, d * 147 + i) for i in range(147)] for d in range(directions)])
    dirs /= np.linalg.norm(dirs, axis=1, keepdims=True)
    real, fake = [laplacian(p) for p in real], [laplacian(p) for p in fake]
    out = []
    for level in range(len(real[0])):
        a = descriptors([p[level] for p in real], level, seed, neighbourhoods) @ dirs.T
        b = descriptors([p[level] for p in fake], level, seed, neighbourhoods) @ dirs.T
        if len(a) == len(b):
            d = np.abs(np.sort(a, axis=0) - np.sort(b, axis=0)).mean()
        else:
            d = np.mean([scipy.stats.wasserstein_distance(a[:, j], b[:, j]) for j in range(directions)])
        out.append(float(1000 * d))
    return out


def swd():
    out = []
    for w, h, n_real, n_fake, seed, directions, neighbourhoods in [
        (64, 64, 6, 6, 0, 512, 128), (128, 128, 3, 3, 5, 128, 128), (96, 128, 4, 4, 1, 64, 64), (128, 96, 3, 5, 2, 64, 32), (33, 71, 5, 3, 3, 40, 16), (16, 20, 7, 4, 4, 64, 8),
    ]:
        real = [picture(w, h, 20 + i) for i in range(n_real)]
        fake = [disturbed(picture(w, h, 120 + i), i, 12, 5) for i in range(n_fake)]
        out.append({
            "w": w, "h": h, "n_real": n_real, "n_fake": n_fake, "seed": seed, "directions": directions, "neighbourhoods": neighbourhoods,
            "levels": swd_of(real, fake, seed, directions, neighbourhoods),
        })
    return out


# FID and KID by torch-fidelity.


def features(n, dim, seed):
    """Vectors whose neighbouring values go together, each value exact in float32."""
    v = scatter(seed, np.arange(n * dim)).reshape(n, dim) / 128 - 1
    j = np.arange(dim)
    v[:, 1:] += v[:, :-1] / 2
    return v * (1 + j % 4) / 4 + (j % (3 + seed % 4)) / 8


def features_cases():
    out = []
    for n_real, n_fake, dim, subsets, size in [
        (300, 300, 64, 1, 300), (300, 200, 64, 10, 20), (20, 50, 32, 5, 12), (90, 70, 2, 3, 10), (2, 3, 5, 2, 2), (60, 80, 2048, 2, 30),
    ]:
        seed = dim + n_real
        # float64, since torch-fidelity takes the mean in the type that it is given.
        a, b = torch.from_numpy(features(n_real, dim, seed)), torch.from_numpy(features(n_fake, dim, seed + 1))
        fid = fid_statistics_to_metric(fid_features_to_statistics(a), fid_features_to_statistics(b), False)
        kid = kid_features_to_metric(a, b, kid_subsets=subsets, kid_subset_size=size, rng_seed=2020, verbose=False)
        # The subsets that torch-fidelity has drawn, in its order.
        rng = np.random.RandomState(2020)
        draws = [[rng.choice(n, size, replace=False).tolist() for n in (n_real, n_fake)] for _ in range(subsets)]
        out.append({
            "n_real": n_real, "n_fake": n_fake, "dim": dim, "seed": seed, "draws": draws,
            "fid": fid["frechet_inception_distance"],
            "kid_mean": kid["kernel_inception_distance_mean"], "kid_std": kid["kernel_inception_distance_std"],
        })
    return out


parts = {"pairs": pairs(), "swd": swd(), "features": features_cases()}
with open(os.path.join(HERE, "fixtures.json"), "w") as f:
    f.write("{\n" + ",\n".join(f'"{k}": [\n' + ",\n".join(json.dumps(c) for c in v) + "\n]" for k, v in parts.items()) + "\n}\n")
