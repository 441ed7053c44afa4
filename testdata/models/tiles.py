"""Writes the ONNX models tiles_*.onnx of this folder: small generators with random weights, on which pictures in tiles are tried.

By hand, in an environment with the packages of requirements.txt:  python tiles.py
Each model's comment says what is special about it; the tests rely on it.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FLOAT, HALF = TensorProto.FLOAT, TensorProto.FLOAT16


class Builder:
    def __init__(self, name, opset=17, seed=1, kind=FLOAT):
        self.name, self.opset, self.kind = name, opset, kind
        self.rng = np.random.default_rng(seed)
        self.nodes, self.weights = [], {}

    def weight(self, value):
        name = f"w{len(self.weights)}"
        self.weights[name] = np.asarray(value)
        return name

    def floats(self, value):
        return self.weight(np.asarray(value, np.float16 if self.kind == HALF else np.float32))

    def add(self, op, *inputs, outputs=None, **attributes):
        outputs = outputs or [f"v{len(self.nodes)}"]
        self.nodes.append(helper.make_node(op, list(inputs), outputs, f"n{len(self.nodes)}", **attributes))
        return outputs[0]

    def conv(self, x, cin, cout, k, stride=1, pad=0, **more):
        w = self.rng.normal(0, 1.4 / np.sqrt(cin * k * k), (cout, cin, k, k))
        return self.add("Conv", x, self.floats(w), kernel_shape=[k, k], strides=[stride] * 2, pads=[pad] * 4, **more)

    def up(self, x, cin, cout, k=3):
        w = self.rng.normal(0, 2 / np.sqrt(cin * k * k), (cin, cout, k, k))
        return self.add("ConvTranspose", x, self.floats(w), kernel_shape=[k, k], strides=[2, 2], pads=[1] * 4, output_padding=[k % 2] * 2)

    def reflect(self, x, n):
        if self.opset < 11:
            return self.add("Pad", x, mode="reflect", pads=[0, 0, n, n, 0, 0, n, n])
        return self.add("Pad", x, self.weight(np.array([0, 0, n, n, 0, 0, n, n], np.int64)), mode="reflect")

    def reflect_computed(self, x, n):
        """The pads as PyTorch's exporter leaves them: [n, n, n, n, 0, 0, 0, 0], turned round by operators."""
        int64s = lambda *v: self.weight(np.array(v, np.int64))
        zeros = self.add("ConstantOfShape", int64s(4), value=helper.make_tensor("value", TensorProto.INT64, [1], [0]))
        pads = self.add("Concat", int64s(n, n, n, n), zeros, axis=0)
        pads = self.add("Reshape", pads, int64s(-1, 2))
        pads = self.add("Slice", pads, int64s(-1), int64s(-(2**63) + 1), int64s(0), int64s(-1))
        pads = self.add("Reshape", self.add("Transpose", pads, perm=[1, 0]), int64s(-1))
        return self.add("Pad", x, self.add("Cast", pads, to=TensorProto.INT64), mode="reflect")

    def instance(self, x, c):
        scale, bias = self.rng.uniform(0.7, 1.3, c), self.rng.normal(0, 0.2, c)
        return self.add("InstanceNormalization", x, self.floats(scale), self.floats(bias), epsilon=1e-5)

    def batch(self, x, c):
        r = self.rng
        values = r.uniform(0.7, 1.3, c), r.normal(0, 0.2, c), r.normal(0, 0.2, c), r.uniform(0.5, 1.5, c)
        return self.add("BatchNormalization", x, *[self.floats(v) for v in values], epsilon=1e-5)

    def relu(self, x):
        return self.add("Relu", x)

    def save(self, x, input_type=FLOAT, shape=("N", 3, "H", "W"), out_shape=("N", 3, "H2", "W2"), meta=None):
        self.nodes.append(helper.make_node("Identity", [x], ["output"]))
        graph = helper.make_graph(
            self.nodes, self.name, [helper.make_tensor_value_info("input", input_type, list(shape))],
            [helper.make_tensor_value_info("output", input_type, list(out_shape))],
            [numpy_helper.from_array(v, k) for k, v in self.weights.items()])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=8, producer_name="tiles.py")
        if meta:
            helper.set_model_props(model, {"cyclegan." + k: str(v) for k, v in meta.items()})
        onnx.checker.check_model(model, full_check=True)
        onnx.save(model, f"tiles_{self.name}.onnx")


def resnet(b, norm, blocks=2, pad=None, x="input", tail=True):
    """A generator of the paper's kind, narrow."""
    pad = pad or b.reflect
    x = b.relu(norm(b.conv(pad(x, 3), 3, 8, 7), 8))
    x = b.relu(norm(b.conv(x, 8, 16, 3, 2, 1), 16))
    x = b.relu(norm(b.conv(x, 16, 16, 3, 2, 1), 16))
    for _ in range(blocks):
        y = b.relu(norm(b.conv(pad(x, 1), 16, 16, 3), 16))
        x = b.add("Add", x, norm(b.conv(pad(y, 1), 16, 16, 3), 16))
    x = b.relu(norm(b.up(x, 16, 16), 16))
    x = b.relu(norm(b.up(x, 16, 8), 8))
    x = b.conv(pad(x, 3), 8, 3, 7)
    return b.add("Tanh", x) if tail else x


# Instance normalization, one of ours.
b = Builder("instance")
b.save(resnet(b, b.instance), meta={"format": 1, "size_multiple": 4, "min_size": 8})

# The same kind with running statistics.
b = Builder("batch", seed=2)
b.save(resnet(b, b.batch), meta={"format": 1, "size_multiple": 4, "min_size": 8})

# Of another maker: pads that operators compute, in opset 11, where sums have their axes as attributes.
b = Builder("computed", opset=11, seed=3)
b.save(resnet(b, b.instance, pad=b.reflect_computed))

# Half precision inside, between casts.
b = Builder("half", seed=4, kind=HALF)
x = b.add("Cast", "input", to=HALF)
b.save(b.add("Cast", resnet(b, b.instance, x=x), to=FLOAT), meta={"format": 1, "size_multiple": 4, "min_size": 8})

# Rows and columns first, as TensorFlow's converters write it; sizes change by Resize, and there are skips that are concatenated.
b = Builder("nhwc", seed=5)
x = b.add("Transpose", "input", perm=[0, 3, 1, 2])
x = b.relu(b.instance(b.conv(x, 3, 8, 5, pad=2), 8))
y = b.relu(b.instance(b.conv(x, 8, 16, 3, 2, 1), 16))
y = b.add("Conv", y, b.floats(b.rng.normal(0, 0.1, (16, 16, 3, 3))), auto_pad="SAME_UPPER")
y = b.conv(y, 16, 16, 3, pad=2, dilations=[2, 2])
y = b.add("LeakyRelu", y, alpha=0.2)
y = b.add("Resize", y, "", b.floats([1, 1, 2, 2]), mode="linear", coordinate_transformation_mode="half_pixel")
x = b.conv(b.add("Concat", x, y, axis=1), 24, 12, 3, pad=1)
x = b.add("DepthToSpace", b.add("SpaceToDepth", x, blocksize=2), blocksize=2, mode="CRD")
x = b.add("AveragePool", x, kernel_shape=[3, 3], pads=[1, 1, 1, 1])
x, z = b.add("Split", x, b.weight(np.array([3, 9], np.int64)), axis=1, outputs=["left", "right"]), "right"
z = b.conv(b.relu(z), 9, 3, 1)
x = b.add("Tanh", b.add("Add", x, b.add("Mul", z, b.floats(np.full((1, 3, 1, 1), 0.5)))))
b.save(b.add("Transpose", x, perm=[0, 2, 3, 1]), shape=("N", "H", "W", 3), out_shape=("N", "H2", "W2", 3))

# A picture made larger by its mirror image and cropped again on the way: no layer begins where the picture does.
b = Builder("valid", opset=10, seed=6)
x = b.relu(b.instance(b.conv(b.reflect("input", 8), 3, 8, 3), 8))
for _ in range(2):
    y = b.relu(b.instance(b.conv(x, 8, 8, 3), 8))
    y = b.instance(b.conv(y, 8, 8, 3), 8)
    x = b.add("Add", y, b.add("Slice", x, *[b.weight(np.array(v, np.int64)) for v in ([2, 2], [-2, -2], [2, 3])]))
x = b.add("Resize", b.conv(x, 8, 8, 2, 2), b.floats([1, 1, 2, 2]), mode="nearest")
b.save(b.add("Tanh", b.conv(x, 8, 3, 7)))

# A U-Net, which sees farther than tiles of small sizes can overlap.
b = Builder("unet", seed=7)
skips, x, c = [], "input", 3
for n in (8, 8, 8, 8, 8):
    x = b.conv(x if not skips else b.add("LeakyRelu", x, alpha=0.2), c, n, 4, 2, 1)
    if 0 < len(skips) < 4:
        x = b.instance(x, n)
    skips.append((x, n))
    c = n
for i in (3, 2, 1, 0):
    s, n = skips[i]
    x = b.instance(b.up(b.relu(x), c, n, 4), n)
    x, c = b.add("Concat", x, s, axis=1), 2 * n
b.save(b.add("Tanh", b.up(b.relu(x), c, 3, 4)), meta={"format": 1, "size_multiple": 32, "min_size": 32})

# Looks at the whole picture: what a pixel depends on has no bounds.
b = Builder("global", seed=8)
x = b.relu(b.conv("input", 3, 8, 3, pad=1))
g = b.add("Sigmoid", b.conv(b.add("GlobalAveragePool", x), 8, 8, 1))
b.save(b.add("Tanh", b.conv(b.add("Mul", x, g), 8, 3, 3, pad=1)))
