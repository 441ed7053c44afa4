"""Writes efficientnet.json: what PyTorch computes with EfficientNet-Lite0's trained weights.

    python -m pip install -r requirements.txt && python efficientnet.py WEIGHTS.pth

WEIGHTS.pth is the file that `go run ./third_party install` prints. The network is that of the package
efficientnet_lite_pytorch. The images are the noise of fixtures_test.go, smoothed by repeating each value
over 4x4 pixels, in [-1, 1].
"""

import json
import os
import sys

import numpy as np
import torch
from efficientnet_lite_pytorch import EfficientNet


def noise(seed, count):
    x = np.arange(count, dtype=np.uint32) * np.uint32(2654435761) + np.uint32(seed)
    for _ in range(2):
        x ^= x >> np.uint32(16)
        x *= np.uint32(0x45D9F3B)
    x ^= x >> np.uint32(16)
    return (x >> np.uint32(24)).astype(np.float64) / 128 - 1


def main(path):
    model = EfficientNet.from_name("efficientnet-lite0")
    model.load_state_dict(torch.load(path))
    model = model.double().eval()
    n, h, w = 2, 96, 128
    coarse = noise(0, n * 3 * h * w // 16).reshape(n, 3, h // 4, w // 4)
    x = torch.from_numpy(coarse).repeat_interleave(4, 2).repeat_interleave(4, 3)
    with torch.no_grad():
        y = model.extract_features(((x + 1) * 127.5 - 127) / 128).mean((2, 3))
    result = {"input": [n, 3, h, w], "features": [float(f"{v:.7g}") for v in y.flatten().tolist()]}
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "efficientnet.json"), "w") as f:
        json.dump(result, f)


main(sys.argv[1])
