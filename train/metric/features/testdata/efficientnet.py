"""Writes efficientnet.json: the features of EfficientNet-Lite0 in PyTorch.

    python -m pip install torch==2.15.0 numpy==2.4.6 efficientnet_lite_pytorch==0.1.0
    python efficientnet.py WEIGHTS.pth

WEIGHTS.pth is the file that `go run ./third_party install` prints. The image is that of the function drawn of
features_test.go, of 96x64 pixels with seed 1.
"""

import json
import os
import sys

import numpy as np
import torch
from efficientnet_lite_pytorch import EfficientNet

model = EfficientNet.from_name("efficientnet-lite0")
model.load_state_dict(torch.load(sys.argv[1]))
model = model.double().eval()
w, h, seed = 96, 64, 1
y, x = np.mgrid[:h, :w]
image = np.stack([(x * (5 + seed) + y * 7 * (1 + c) + x * y + 31 * seed) % 256 for c in range(3)])
with torch.no_grad():
    features = model.extract_features(torch.from_numpy((image[None] - 127.0) / 128)).mean((2, 3))[0]
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "efficientnet.json"), "w") as f:
    json.dump([float(f"{v:.7g}") for v in features.tolist()], f, separators=(",", ":"))
