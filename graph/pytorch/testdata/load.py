"""Loads the safetensors files of load.sh strictly into the official modules and compares the outputs.

    python load.py FOLDER
"""

import os
import sys

import torch
from safetensors.torch import load_file

import fixtures


def main():
    folder = sys.argv[1]
    for name, model, (h, w), _, _ in fixtures.cases():
        path = os.path.join(folder, name.rsplit(".", 1)[0] + ".safetensors")
        if not os.path.exists(path):
            continue
        fixtures.fill(model)
        state = {k: v.clone() for k, v in model.state_dict().items()}
        channels = next(p for p in model.parameters() if p.dim() == 4).shape[1]
        x = torch.from_numpy(fixtures.noise(0, channels * h * w).reshape(1, channels, h, w))
        with torch.no_grad():
            before = model.double().eval()(x)
            for t in model.state_dict().values():  # clear the original values
                t.zero_()
            loaded = load_file(path)
            model.float().load_state_dict(loaded, strict=True)
            after = model.double().eval()(x)
        # A bias before an InstanceNorm is written as zeros; everything else is bit-identical.
        changed = [k for k, v in state.items() if not torch.equal(v, loaded[k])]
        cancelled = [k for k in changed if k.endswith(".bias") and not loaded[k].any()]
        if changed != cancelled:
            sys.exit(f"{name}: values differ in {sorted(set(changed) - set(cancelled))}")
        print(f"{name}: loads strictly, {len(state) - len(cancelled)} tensors equal, {len(cancelled)} cancelled biases, outputs differ by {(after - before).abs().max():.1e}")


main()
