"""Writes the small ONNX models of this folder. The tests say what each is for.

By hand, in an environment with the packages of ../../../testdata/models/requirements.txt:  python make.py
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def save(name, nodes, inputs, outputs, weights=(), **options):
    graph = helper.make_graph(
        nodes, name, inputs, outputs, [numpy_helper.from_array(np.asarray(v), k) for k, v in dict(weights).items()]
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="make.py")
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, name + ".onnx", **options)


def tensor(name, *shape, kind=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, list(shape))


# Gives every input back: x_uint8 as y_uint8 and so on, for each of the types.
TYPES = {
    "float32": TensorProto.FLOAT, "float64": TensorProto.DOUBLE, "float16": TensorProto.FLOAT16, "bfloat16": TensorProto.BFLOAT16,
    "uint8": TensorProto.UINT8, "int8": TensorProto.INT8, "uint16": TensorProto.UINT16, "int16": TensorProto.INT16,
    "uint32": TensorProto.UINT32, "int32": TensorProto.INT32, "uint64": TensorProto.UINT64, "int64": TensorProto.INT64,
}
save("types", [helper.make_node("Identity", ["x_" + t], ["y_" + t]) for t in TYPES],
     [tensor("x_" + t, "N", kind=k) for t, k in TYPES.items()], [tensor("y_" + t, "N", kind=k) for t, k in TYPES.items()])

# x times gain, which is 2 unless it is given, and the negative of x.
save("optional", [helper.make_node("Mul", ["x", "gain"], ["scaled"]), helper.make_node("Neg", ["x"], ["negative"])],
     [tensor("x", "N"), tensor("gain", 1)], [tensor("scaled", "N"), tensor("negative", "N")], weights={"gain": np.array([2], np.float32)})

# Where the numbers are that are not 0: how many that is depends on them.
save("where", [helper.make_node("NonZero", ["x"], ["places"])], [tensor("x", "N")], [tensor("places", 1, "M", kind=TensorProto.INT64)])

# The numbers above 0, one after the other: float32 of which the shape depends on the values.
save("above", [helper.make_node("Greater", ["x", "zero"], ["is"]), helper.make_node("Compress", ["x", "is"], ["y"], axis=0)],
     [tensor("x", "N")], [tensor("y", "M")], weights={"zero": np.array([0], np.float32)})

# float16 in and out, x plus weights that lie in a file of their own.
save("external", [helper.make_node("Add", ["x", "weight"], ["y"])], [tensor("x", "N", 4, kind=TensorProto.FLOAT16)],
     [tensor("y", "N", 4, kind=TensorProto.FLOAT16)], weights={"weight": np.array([1, 2, 3, 4], np.float16)},
     save_as_external_data=True, location="external.data", size_threshold=0)

# Takes and gives words, which cannot be run.
save("words", [helper.make_node("Identity", ["x"], ["y"])], [tensor("x", "N", kind=TensorProto.STRING)], [tensor("y", "N", kind=TensorProto.STRING)])

# float32 in, words out.
save("wordy", [helper.make_node("Cast", ["x"], ["y"], to=TensorProto.STRING)], [tensor("x", "N")], [tensor("y", "N", kind=TensorProto.STRING)])
