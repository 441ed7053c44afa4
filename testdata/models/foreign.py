"""Writes the ONNX models foreign_*.onnx of this folder: models as other makers have them, and some that make no picture of a picture.

By hand, in an environment with the packages of requirements.txt:  python foreign.py
Each model's comment says what it does; the tests rely on it.
"""

import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper, numpy_helper


def node(op, inputs, outputs, **attributes):
    return helper.make_node(op, inputs.split(), outputs.split(), **attributes)


def port(name, *shape, kind=T.FLOAT):
    return helper.make_tensor_value_info(name, kind, list(shape))


def save(name, nodes, inputs, outputs, weights=None, opset=17, ir=8, weights_as_inputs=False, **options):
    tensors = [numpy_helper.from_array(np.asarray(v), k) for k, v in (weights or {}).items()]
    if weights_as_inputs:
        inputs = inputs + [port(t.name, *t.dims, kind=t.data_type) for t in tensors]
    graph = helper.make_graph(nodes, name, inputs, outputs, tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir, producer_name="foreign.py")
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, f"foreign_{name}.onnx", **options)


f32 = lambda *v: np.array(v, np.float32)
to = lambda x, kind, y: node("Cast", x, y, to=kind)

# The negative, of bytes from 0 to 255 with rows first, as TensorFlow's converters write it.
save("bytes", [node("Sub", "white photo", "negative")], [port("photo", "N", "H", "W", 3, kind=T.UINT8)], [port("negative", "N", "H", "W", 3, kind=T.UINT8)],
     {"white": np.array(255, np.uint8)})

# The negative, in half precision from end to end.
save("half", [node("Neg", "photo", "negative")], [port("photo", "N", 3, "H", "W", kind=T.FLOAT16)], [port("negative", "N", 3, "H", "W", kind=T.FLOAT16)])

# A filter in half precision between ports in single precision, with a constant among the nodes; and one in
# which a node makes values in half precision from a shape.
inside = [to("photo", T.FLOAT16, "x"), node("Constant", "", "minus", value=numpy_helper.from_array(np.float16(-1))), node("Conv", "x weight", "filtered"),
          node("LeakyRelu", "filtered", "bent", alpha=0.2), node("Mul", "bent minus", "turned"), to("turned", T.FLOAT, "negative")]
ports = [port("photo", "N", 3, "H", "W")], [port("negative", "N", 3, "H2", "W2")]
weight = {"weight": np.random.default_rng(0).normal(0, 0.3, (3, 3, 3, 3)).astype(np.float16)}
save("half_inside", inside, *ports, weight)
filled = [node("Shape", "photo", "shape"), node("ConstantOfShape", "shape", "zeros", value=numpy_helper.from_array(np.zeros(1, np.float16))), to("photo", T.FLOAT16, "x"),
          node("Sub", "zeros x", "y"), to("y", T.FLOAT, "negative")]
save("half_filled", filled, *ports)

# The negative, in double precision, with rows first by the names of the axes alone.
save("double", [node("Neg", "photo", "negative")], [port("photo", "N", "height", "width", "channels", kind=T.DOUBLE)],
     [port("negative", "a", "b", "c", "d", kind=T.DOUBLE)])

# The negative, of bytes, as values from 0 to 1 that a Clip bounds.
save("mixed", [to("photo", T.FLOAT, "x"), node("Div", "x white", "unit"), node("Sub", "one unit", "y"), node("Clip", "y zero one", "negative")],
     [port("photo", 1, 3, "H", "W", kind=T.UINT8)], [port("negative", 1, 3, "H", "W")], {"white": f32(255), "one": np.float32(1), "zero": np.float32(0)})

# The negative of the luma, in 32-bit whole numbers.
save("whole", [node("Sub", "white photo", "negative")], [port("photo", 1, 1, "H", "W", kind=T.INT32)], [port("negative", 1, 1, "H", "W", kind=T.INT32)],
     {"white": np.array(255, np.int32)})

# Always four pictures: the negative of their mean, four times.
save("four", [node("ReduceMean", "photos", "mean", axes=[0], keepdims=1), node("Neg", "mean", "one"), node("Concat", "one one one one", "negatives", axis=0)],
     [port("photos", 4, 3, "H", "W")], [port("negatives", 4, 3, "H", "W")])

# The negative, of pictures without an axis for their number.
save("alone", [node("Neg", "photo", "negative")], [port("photo", 3, "H", "W")], [port("negative", 3, "H", "W")])
save("alone_last", [node("Sub", "white photo", "negative")], [port("photo", "H", "W", 3, kind=T.UINT8)], [port("negative", "H", "W", 3, kind=T.UINT8)],
     {"white": np.array(255, np.uint8)})

# The negative, of pictures of 24x16 alone, rows first.
save("fixed_last", [node("Neg", "photo", "negative")], [port("photo", 1, 16, 24, 3)], [port("negative", 1, 16, 24, 3)])

# Two generators in a file: winter is the negative of summer, and spring is autumn itself. A third output is no picture.
save("pair", [node("Neg", "summer", "winter"), node("Identity", "autumn", "spring"), node("ReduceMean", "autumn", "mood", axes=[1, 2, 3], keepdims=0)],
     [port("summer", "N", 3, "H", "W"), port("autumn", "N", 3, "H", "W")],
     [port("winter", "N", 3, "H", "W"), port("spring", "N", 3, "H", "W"), port("mood", "N")])

# The negative, and scores beside it.
save("scores", [node("Neg", "photo", "negative"), node("ReduceMean", "photo", "scores", axes=[2, 3], keepdims=0)],
     [port("photo", "N", 3, "H", "W")], [port("scores", "N", 3), port("negative", "N", 3, "H", "W")])

# The negative, with the weights among the inputs, as files were before IR version 4; one of them is shaped like a picture.
save("old", [node("Mul", "photo minus", "negative")], [port("photo", 1, 3, -1, -1)], [port("negative", 1, 3, -1, -1)],
     {"minus": np.full((1, 3, 1, 1), -1, np.float32)}, opset=9, ir=3, weights_as_inputs=True)

# The negative, with its weights in a file beside it, as PyTorch's newer exporter writes them: minus one, and behind it what is added, nothing.
save("weights", [node("Mul", "photo minus", "dark"), node("Add", "dark nothing", "negative")], [port("photo", "N", 3, "H", "W")], [port("negative", "N", 3, "H", "W")],
     {"minus": np.full((1, 3, 1, 1), -1, np.float32), "nothing": np.zeros((1, 3, 1, 1), np.float32)},
     save_as_external_data=True, location="foreign_weights.data", size_threshold=0)

# The negative, in the body of an If and of a Loop. The body of "branch" uses weights from outside of it; "body" is the same with weights
# of its own in a file next to it. Each weight has more than 127 bytes: ONNX Runtime keeps those apart from the graph.
minus = {"minus": -np.eye(3, dtype=np.float32).reshape(3, 3, 1, 1), "ones": np.ones((1, 3, 1, 1), np.float32), "wide": np.eye(16, 3, dtype=np.float32).reshape(16, 3, 1, 1),
         "narrow": np.eye(3, 16, dtype=np.float32).reshape(3, 16, 1, 1), "scale": np.ones((1, 16, 1, 1), np.float32)}
negative = [node("Conv", "photo minus", "dark"), node("Conv", "dark wide", "hidden"), node("Mul", "hidden scale", "scaled"), node("Conv", "scaled narrow", "turned")]
tensors = [numpy_helper.from_array(v, k) for k, v in minus.items()]
branch = lambda weights, last: helper.make_graph(negative + [node("Identity", "turned", last)], last, [], [port(last, "N", 3, "H", "W")], weights)
choose = [node("ReduceMean", "photo", "mean", keepdims=0), node("Greater", "mean zero", "bright")]
photo, result = [port("photo", "N", 3, "H", "W")], [port("negative", "N", 3, "H", "W")]
save("branch", choose + [node("If", "bright", "negative", then_branch=branch([], "a"), else_branch=branch([], "b"))], photo, result, {**minus, "zero": np.float32(0)})
save("body", choose + [node("If", "bright", "negative", then_branch=branch(tensors, "a"), else_branch=branch(tensors, "b"))], photo, result, {"zero": np.float32(0)},
     save_as_external_data=True, location="foreign_body.data", size_threshold=0)
step = helper.make_graph(
    [node("Conv", "state wide", "hidden"), node("Mul", "hidden scale", "scaled"), node("Conv", "scaled narrow", "same"), node("Neg", "same", "next"), node("Identity", "go", "on")],
    "step", [port("i", kind=T.INT64), port("go", kind=T.BOOL), port("state", "N", 3, "H", "W")], [port("on", kind=T.BOOL), port("next", "N", 3, "H", "W")])
save("loop", [helper.make_node("Loop", ["three", "", "photo"], ["negative"], body=step)], photo, result, {**minus, "three": np.int64(3)})

# The negative, by two steps down and up again, and by a skip that needs sides of multiples of 4; a Loop hides both from an analysis. Sides
# must have 8 pixels at least.
shrink = np.zeros((3, 3, 4, 4), np.float32)
around = helper.make_graph(
    [node("Conv", "state shrink", "small", strides=[4, 4]), node("Resize", "small none scales", "large", mode="nearest"), node("Add", "state large", "same"),
     node("Pad", "same border", "padded", mode="reflect"), node("Slice", "padded from to axes", "back"), node("Neg", "back", "next"), node("Identity", "go", "on")],
    "around", [port("i", kind=T.INT64), port("go", kind=T.BOOL), port("state", "N", 3, "H", "W")], [port("on", kind=T.BOOL), port("next", "N", 3, "H", "W")])
save("fours", [helper.make_node("Loop", ["once", "", "photo"], ["negative"], body=around)], photo, result,
     {"shrink": shrink, "none": f32(), "scales": f32(1, 1, 4, 4), "once": np.int64(1), "border": np.array([0, 0, 7, 7, 0, 0, 7, 7], np.int64),
      "from": np.array([7, 7], np.int64), "to": np.array([-7, -7], np.int64), "axes": np.array([2, 3], np.int64)})

# Needs two pictures.
save("photos", [node("Add", "left right", "sum")], [port("left", "N", 3, "H", "W"), port("right", "N", 3, "H", "W")], [port("sum", "N", 3, "H", "W")])

# Tells what is in a picture.
save("classifier", [node("ReduceMean", "photo", "colour", axes=[2, 3], keepdims=0), node("MatMul", "colour weight", "scores")],
     [port("photo", "N", 3, 32, 32)], [port("scores", "N", 10)], {"weight": np.ones((3, 10), np.float32)})

# Marks every place of a picture with one of 21 classes.
save("segments", [node("Conv", "photo weight", "classes")], [port("photo", "N", 3, "H", "W")], [port("classes", "N", 21, "H", "W")],
     {"weight": np.ones((21, 3, 1, 1), np.float32)})

# Makes 24x16 larger.
save("larger", [node("Resize", "photo none scales", "large", mode="nearest")], [port("photo", 1, 3, 16, 24)], [port("large", 1, 3, 32, 48)],
     {"none": f32(), "scales": f32(1, 1, 2, 2)})

# Gives a list of pictures.
save("sequence", [node("SplitToSequence", "photo", "list", axis=0)], [port("photo", "N", 3, "H", "W")],
     [helper.make_tensor_sequence_value_info("list", T.FLOAT, [1, 3, "H", "W"])])

# Reads text.
save("text", [node("Identity", "words", "same")], [port("words", 1, 3, 4, 4, kind=T.STRING)], [port("same", 1, 3, 4, 4, kind=T.STRING)])

# A small generator with the layers of the paper's, in every opset that PyTorch has written: all of them give the same picture.
rng = np.random.default_rng(3)
weights = {
    "pads": np.array([0, 0, 1, 1, 0, 0, 1, 1], np.int64), "scale": rng.uniform(0.7, 1.3, 4).astype(np.float32), "bias": rng.normal(0, 0.2, 4).astype(np.float32),
    "down": rng.normal(0, 0.3, (4, 3, 3, 3)).astype(np.float32), "up": rng.normal(0, 0.3, (4, 3, 3, 3)).astype(np.float32),
}
for opset in range(11, 23):
    save(f"opset_{opset}", [
        node("Pad", "photo pads", "padded", mode="reflect"),
        node("Conv", "padded down", "half", strides=[2, 2]),
        node("InstanceNormalization", "half scale bias", "norm"),
        node("Relu", "norm", "relu"),
        node("ConvTranspose", "relu up", "full", strides=[2, 2], pads=[1, 1, 1, 1], output_padding=[1, 1]),
        node("Tanh", "full", "painted"),
    ], [port("photo", "N", 3, "H", "W")], [port("painted", "N", 3, "H2", "W2")], weights, opset=opset, ir=10 if opset > 20 else 8)
