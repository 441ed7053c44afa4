"""Writes the small ONNX models of this folder, and features.json with the outputs of ONNX Runtime for images that the tests also draw.

    python -m pip install -r requirements.txt && python make.py
"""

import json

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

FLOAT = TensorProto.FLOAT


def save(name, nodes, inputs, outputs, weights=(), meta=None):
    graph = helper.make_graph(nodes, name, inputs, outputs, [numpy_helper.from_array(np.asarray(v), k) for k, v in dict(weights).items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="make.py")
    if meta:
        helper.set_model_props(model, {"cyclegan." + k: v for k, v in meta.items()})
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, name + ".onnx")


def tensor(name, *shape, kind=FLOAT):
    return helper.make_tensor_value_info(name, kind, list(shape))


node = helper.make_node
rng = np.random.default_rng(11)
conv = {
    "scale": np.float32(1 / 128), "w1": rng.normal(0, 0.3, (6, 3, 3, 3)).astype(np.float32), "b1": rng.normal(0, 0.3, 6).astype(np.float32),
    "w2": rng.normal(0, 0.3, (8, 6, 3, 3)).astype(np.float32), "b2": rng.normal(0, 0.3, 8).astype(np.float32),
}
body = [
    node("Mul", ["input", "scale"], ["x"]),
    node("Conv", ["x", "w1", "b1"], ["c1"], strides=[2, 2], pads=[1, 1, 1, 1]), node("Relu", ["c1"], ["r1"]),
    node("Conv", ["r1", "w2", "b2"], ["c2"], strides=[2, 2], pads=[1, 1, 1, 1]), node("Relu", ["c2"], ["r2"]),
]
pooled = body + [node("GlobalAveragePool", ["r2"], ["features"])]

# An extractor like Inception: two convolutions and a mean, any batch and size, values from 0 to 255, [N,8,1,1].
save("tiny", pooled, [tensor("input", "N", 3, "H", "W")], [tensor("features", "N", 8, 1, 1)], conv, {"range": "0,255", "extractor": "tiny test network"})

# The same for three images of 16x12 at a time, without metadata.
save("fixed", pooled, [tensor("input", 3, 3, 12, 16)], [tensor("features", 3, 8, 1, 1)], conv)

# The mean color of NHWC images, [N,3], in the second of two outputs, with a symbolic length.
save("mean", [node("ReduceMean", ["input"], ["mean"], axes=[1, 2], keepdims=0), node("Neg", ["mean"], ["negative"])],
     [tensor("input", "N", "H", "W", 3)], [tensor("negative", "N", "C"), tensor("mean", "N", "C")], meta={"range": "0,1"})

# A map instead of a vector.
save("map", body, [tensor("input", "N", 3, "H", "W")], [tensor("r2", "N", 8, "h", "w")], conv, {"range": "0,255"})

# One mean for all images together.
save("together", [node("ReduceMean", ["input"], ["mean"], axes=[0, 2, 3])], [tensor("input", "N", 3, "H", "W")], [tensor("mean", "M", 3, 1, 1)], meta={"range": "0,255"})

# Not a number, from colours below 1/2.
save("nan", [node("ReduceMean", ["input"], ["mean"], axes=[2, 3], keepdims=0), node("Sub", ["mean", "half"], ["d"]), node("Log", ["d"], ["features"])],
     [tensor("input", "N", 3, "H", "W")], [tensor("features", "N", 3)], {"half": np.float32(0.5)}, {"range": "0,1"})

# Input of bytes, and an invalid range.
save("bytes", [node("Identity", ["input"], ["output"])], [tensor("input", "N", 3, "H", "W", kind=TensorProto.UINT8)], [tensor("output", "N", 3, "H", "W", kind=TensorProto.UINT8)])
save("damaged", pooled, [tensor("input", "N", 3, "H", "W")], [tensor("features", "N", 8, 1, 1)], conv, {"range": "0 to 255"})


def picture(w, h, seed):
    y, x, c = np.ogrid[0:h, 0:w, 0:3]
    return ((x * (5 + seed) + y * 7 * (1 + c) + x * y + 31 * seed) % 256).astype(np.uint8)


sizes = [(16, 12), (16, 12), (16, 12), (16, 12), (20, 9), (16, 12)]
session = onnxruntime.InferenceSession("tiny.onnx", providers=["CPUExecutionProvider"])
values = [
    session.run(None, {"input": picture(w, h, i).astype(np.float32).transpose(2, 0, 1)[None]})[0].flatten().astype(float).tolist() for i, (w, h) in enumerate(sizes)
]
with open("features.json", "w") as f:
    json.dump({"sizes": sizes, "tiny": values}, f)
    f.write("\n")
