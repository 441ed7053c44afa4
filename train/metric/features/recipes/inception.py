"""Writes the standard feature extractor of FID and KID as an ONNX model: torch-fidelity's Inception of 2015, its 2,048 features.

    python -m pip install -r requirements.txt && python inception.py -o inception.onnx

The model takes images of any size, float32 [N,3,H,W] with values from 0 to 255, and contains TensorFlow 1's bilinear resize to 299x299,
so that its features equal torch-fidelity's. torch-fidelity downloads the weights (about 90 MB); --weights reads them from its file instead.
--random checks the recipe with random weights. The script compares every model with torch-fidelity on images of several sizes before it
renames the file to its final name.
"""

import argparse
import os
import tempfile

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

SIDE, OPSET = 299, 18


class Trunk(torch.nn.Module):
    """The network from the resize to the classifier, as a list of its parts in order."""

    def __init__(self, net):
        super().__init__()
        parts = dict(net.named_children())
        parts.pop("fc")
        self.parts = torch.nn.Sequential(*parts.values())

    def forward(self, resized):
        return torch.flatten(self.parts(resized), 1)


def front():
    """Resizes without half-pixel centers, and maps values from 0..255 to -1..1."""
    nodes = [
        helper.make_node("Resize", ["input", "", "", "size"], ["large"], mode="linear", coordinate_transformation_mode="asymmetric", axes=[2, 3]),
        helper.make_node("Sub", ["large", "gray"], ["centred"]),
        helper.make_node("Div", ["centred", "gray"], ["resized"]),
    ]
    weights = [numpy_helper.from_array(np.array([SIDE, SIDE], np.int64), "size"), numpy_helper.from_array(np.float32(128), "gray")]
    tensor = lambda name, *shape: helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape))
    graph = helper.make_graph(nodes, "front", [tensor("input", "N", 3, "H", "W")], [tensor("resized", "N", 3, SIDE, SIDE)], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])


def export(net):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "trunk.onnx")
        torch.onnx.export(
            Trunk(net).eval(), (torch.zeros(2, 3, SIDE, SIDE),), path, input_names=["pictures"], output_names=["features"],
            dynamic_shapes=({0: torch.export.Dim("N", min=1)},), opset_version=OPSET, external_data=False, dynamo=True,
        )
        trunk = onnx.load(path)
    first = front()
    first.ir_version = trunk.ir_version
    model = onnx.compose.merge_models(first, trunk, io_map=[("resized", "pictures")])
    model.producer_name = "inception.py"
    onnx.checker.check_model(model)
    return model


def compare(net, path):
    """Returns the largest difference from torch-fidelity, relative to the standard deviation of the features."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(1)
    worst = 0.0
    for n, w, h in [(1, 256, 256), (3, 64, 64), (2, 128, 96), (1, 299, 299), (2, 33, 501)]:
        x, y = np.meshgrid(np.linspace(0, 12, w), np.linspace(0, 9, h))
        smooth = np.stack([128 + 100 * np.sin(x * (1 + c / 3) + y * (i + 1)) for i in range(n) for c in range(3)]).reshape(n, 3, h, w)
        pictures = np.clip(smooth + rng.normal(0, 10, smooth.shape), 0, 255).astype(np.uint8)
        with torch.no_grad():
            want = net(torch.from_numpy(pictures))[0].numpy()
        got = session.run(None, {"input": pictures.astype(np.float32)})[0]
        assert got.shape == want.shape == (n, 2048), (got.shape, want.shape)
        d = np.abs(got - want).max() / want.std()
        worst = max(worst, d)
        print(f"{n} of {w}x{h}: at most {d:.2g} deviations from torch-fidelity (mean {want.mean():.4g}, deviation {want.std():.4g})")
    return worst


def main():
    p = argparse.ArgumentParser()
    p.add_argument("-o", required=True, help="the ONNX file to write")
    p.add_argument("--weights", help="torch-fidelity's weights file; fetched when not given")
    p.add_argument("--random", action="store_true", help="random weights, which make no FID but show that the recipe works")
    a = p.parse_args()
    if a.random:
        torch.manual_seed(1)
        torch.nn.Module.load_state_dict, keep = lambda self, *_, **__: None, torch.nn.Module.load_state_dict
        with tempfile.NamedTemporaryFile(suffix=".pth") as f:
            torch.save({}, f.name)
            net = FeatureExtractorInceptionV3("random", ["2048"], feature_extractor_weights_path=f.name)
        torch.nn.Module.load_state_dict = keep
        for m in net.modules():  # With untrained running statistics the features would vanish.
            if isinstance(m, torch.nn.Conv2d):
                torch.nn.init.kaiming_normal_(m.weight)
            if isinstance(m, torch.nn.BatchNorm2d):
                m.running_mean.normal_(0, 0.1), m.running_var.uniform_(0.8, 1.2), m.weight.data.uniform_(0.8, 1.2), m.bias.data.normal_(0, 0.1)
    else:
        net = FeatureExtractorInceptionV3("standard", ["2048"], feature_extractor_weights_path=a.weights)
    model = export(net)
    name = "random weights, no extractor" if a.random else "Inception 2015, pool3 2048 (torch-fidelity)"
    helper.set_model_props(model, {"cyclegan.range": "0,255", "cyclegan.channels": "RGB", "cyclegan.extractor": name})
    part = a.o + ".part"
    onnx.save(model, part)
    worst = compare(net, part)
    if worst > 1e-3:
        os.remove(part)
        raise SystemExit(f"not written: {worst:.2g} deviations from torch-fidelity are more than rounding makes")
    os.replace(part, a.o)
    print(f"{a.o}: {os.path.getsize(a.o) / 1e6:.0f} MB")


main()
