"""Puts every model of a folder through the ONNX checker; check.sh makes the folder and calls this."""

import glob
import os
import sys

import onnx
from onnx import checker, shape_inference


def axes(value):
    return [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]


def check(path):
    checker.check_model(path, full_check=True)
    model = onnx.load(path)
    # With sizes put in, inference must be able to follow them through every operator. It does not
    # follow the arithmetic with sizes in a pyramid.
    follows = not any(n.op_type == "ReduceMin" for n in model.graph.node)
    size = 256
    for dim, value in zip(model.graph.input[0].type.tensor_type.shape.dim, (3, None, size, size)):
        if value:
            dim.dim_value = value
    inferred = shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
    shapes = {v.name: axes(v) for v in [*inferred.graph.value_info, *inferred.graph.output]}
    for node in inferred.graph.node:
        shape = shapes[node.output[0]]
        if follows and node.output[0] != "output" and not all(isinstance(d, int) and d > 0 for d in shape):
            raise ValueError(f"{path}: no shape is inferred for {node.name}: {shape}")


def main():
    paths = sorted(glob.glob(os.path.join(sys.argv[1], "*.onnx")))
    if not paths:
        sys.exit(f"no .onnx file in {sys.argv[1]}")
    for path in paths:
        check(path)
    print(f"onnx {onnx.__version__}: the checker accepts all {len(paths)} files")


main()
