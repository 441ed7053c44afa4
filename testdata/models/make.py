"""Writes the small ONNX models of this folder and conv.png, the reference for conv.onnx.

By hand, in an environment with the packages of requirements.txt:  python make.py
Each model's comment says what it does to a picture; the tests rely on it.
"""

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

FLOAT = TensorProto.FLOAT


def save(name, nodes, inputs, outputs, weights=(), meta=None, opset=17):
    graph = helper.make_graph(
        nodes, name, inputs, outputs, [numpy_helper.from_array(np.asarray(v), k) for k, v in dict(weights).items()]
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8, producer_name="make.py")
    if meta:
        helper.set_model_props(model, {"cyclegan." + k: str(v) for k, v in meta.items()})
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, name + ".onnx")


def tensor(name, *shape, kind=FLOAT):
    return helper.make_tensor_value_info(name, kind, list(shape))


def f32(*values):
    return np.array(values, np.float32)


def ours(**changes):
    """The metadata of our own exports."""
    return {
        "format": 1, "direction": "AtoB", "domain_from": "summer", "domain_to": "winter", "architecture": "resnet_6blocks",
        "train_width": 64, "train_height": 48, "size_multiple": 1, "min_size": 1, "range": "-1,1", "channels": "RGB",
        "step": 1200, "writer": "make.py",
    } | changes


NCHW = lambda name, c=3: tensor(name, "N", c, "H", "W")
NHWC = lambda name, c=3: tensor(name, "N", "H", "W", c)
io = lambda make=NCHW, c=3: ([make("input", c)], [make("output", c)])

# Gives the picture back, and takes sides of a multiple of 4 and at least 8 (which nothing here needs).
save("identity", [helper.make_node("Identity", ["input"], ["output"])], *io(), meta=ours(size_multiple=4, min_size=8))

# The negative of the picture.
save("invert", [helper.make_node("Neg", ["input"], ["output"])], *io(), meta=ours(direction="BtoA", domain_from="winter", domain_to="summer"))

# The negative, and fails where a side is no multiple of 8.
save("multiple8", [
    helper.make_node("SpaceToDepth", ["input"], ["deep"], blocksize=8),
    helper.make_node("Neg", ["deep"], ["negative"]),
    helper.make_node("DepthToSpace", ["negative"], ["output"], blocksize=8, mode="DCR"),
], *io(), meta=ours(size_multiple=8, min_size=16, architecture="unet_128"))

# The negative of the luma.
save("gray", [helper.make_node("Neg", ["input"], ["output"])], *io(c=1), meta=ours(channels="gray"))

# The negative, of another maker: NHWC and values from 0 to 1.
save("nhwc_unit", [helper.make_node("Sub", ["one", "input"], ["output"])], *io(NHWC), weights={"one": f32(1)})

# The negative, of another maker: values from 0 to 255.
save("byte", [helper.make_node("Sub", ["white", "input"], ["output"])], *io(), weights={"white": f32(255)})

# The negative, of another maker, for pictures of 24x16 alone.
save("fixed", [helper.make_node("Neg", ["input"], ["output"])], [tensor("input", 1, 3, 16, 24)], [tensor("output", 1, 3, 16, 24)])

# Keeps the first channel and makes the others black, which tells the order of the channels.
save("first", [helper.make_node("Mul", ["input", "keep"], ["kept"]), helper.make_node("Add", ["kept", "black"], ["output"])], *io(),
     weights={"keep": f32(1, 0, 0).reshape(1, 3, 1, 1), "black": f32(0, -1, -1).reshape(1, 3, 1, 1)})

# A 3x3 convolution with reflected borders and tanh: the reference picture is made with it below.
rng = np.random.default_rng(7)
save("conv", [
    helper.make_node("Pad", ["input", "pads"], ["padded"], mode="reflect"),
    helper.make_node("Conv", ["padded", "weight", "bias"], ["sum"]),
    helper.make_node("Tanh", ["sum"], ["output"]),
], *io(), weights={
    "pads": np.array([0, 0, 1, 1, 0, 0, 1, 1], np.int64),
    "weight": rng.normal(0, 0.35, (3, 3, 3, 3)).astype(np.float32),
    "bias": rng.normal(0, 0.2, 3).astype(np.float32),
}, meta=ours(min_size=2))

# Doubles the size: no picture-to-picture model of ours.
save("double", [helper.make_node("Resize", ["input", "", "scales"], ["output"], mode="nearest")], [NCHW("input")], [tensor("output", "N", 3, "H2", "W2")],
     weights={"scales": f32(1, 1, 2, 2)})

# A classifier: ten numbers in, two out.
save("classify", [helper.make_node("MatMul", ["features", "weight"], ["scores"])], [tensor("features", "N", 10)], [tensor("scores", "N", 2)],
     weights={"weight": np.ones((10, 2), np.float32)})

# Two inputs, two outputs, of which the second is a scalar: sum, and the mean of it.
save("two", [helper.make_node("Add", ["a", "b"], ["sum"]), helper.make_node("ReduceMean", ["sum"], ["mean"], keepdims=0)],
     [tensor("a", "N", 2), tensor("b", "N", 2)], [tensor("sum", "N", 2), tensor("mean")])

# Bytes instead of floats.
save("bytes", [helper.make_node("Identity", ["input"], ["output"])],
     [tensor("input", "N", 3, "H", "W", kind=TensorProto.UINT8)], [tensor("output", "N", 3, "H", "W", kind=TensorProto.UINT8)])

# Gives the picture back after so many rounds that it takes longer than anybody waits.
body = helper.make_graph(
    [helper.make_node("Sin", ["x"], ["y"]), helper.make_node("Identity", ["go"], ["on"])], "body",
    [tensor("i", kind=TensorProto.INT64), tensor("go", kind=TensorProto.BOOL), tensor("x", "N", 3, "H", "W")],
    [tensor("on", kind=TensorProto.BOOL), tensor("y", "N", 3, "H", "W")])
save("slow", [helper.make_node("Loop", ["rounds", "", "input"], ["output"], body=body)], *io(), weights={"rounds": np.array(10**12, np.int64)})

# conv.png: what conv.onnx makes of the picture that the tests draw (testPicture), 23 wide and 17 high.
w, h = 23, 17
x, y = np.meshgrid(np.arange(w), np.arange(h))
picture = np.stack([x * 255 // (w - 1), y * 255 // (h - 1), (x * 37 + y * 91) % 256], -1).astype(np.uint8)
values = (picture.astype(np.float64) / 255 * 2 - 1).astype(np.float32).transpose(2, 0, 1)[None]
session = onnxruntime.InferenceSession("conv.onnx", providers=["CPUExecutionProvider"])
out = session.run(None, {"input": values})[0][0].transpose(1, 2, 0).astype(np.float64)
Image.fromarray(np.floor(np.clip((out + 1) / 2 * 255, 0, 255) + 0.5).astype(np.uint8)).save("conv.png")
