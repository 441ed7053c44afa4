"""The training step of step_pytorch.py in TensorFlow's Python, as two tf.functions: one for the generators, one for the
discriminators."""

import itertools
import os
import random

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import safetensors.numpy
import tensorflow as tf

import protocol

LAMBDA, LAMBDA_IDENTITY = 10.0, 5.0
BLOCKS = {"resnet_6blocks": 6, "resnet_9blocks": 9}
RATE, BETA1, BETA2, EPSILON = 2e-4, 0.5, 0.999, 1e-8


class Network:
    """Weights under their official names, in TensorFlow's layout. A bias before InstanceNorm has no effect and is left out."""

    def __init__(self, path):
        self.variables = {}
        for name, value in safetensors.numpy.load_file(path).items():
            self.variables[name] = value

    def keep(self, layer, bias):
        for name in (f"{layer}.weight", f"{layer}.bias") if bias else (f"{layer}.weight",):
            value = self.variables[name]
            if not isinstance(value, tf.Variable):
                self.variables[name] = tf.Variable(value.transpose(2, 3, 1, 0) if value.ndim == 4 else value)

    def conv(self, x, layer, stride=1, pad=0, mirror=0, bias=False):
        self.keep(layer, bias)
        if mirror:
            x = tf.pad(x, [[0, 0], [mirror, mirror], [mirror, mirror], [0, 0]], "REFLECT")
        if pad:
            x = tf.pad(x, [[0, 0], [pad, pad], [pad, pad], [0, 0]])
        x = tf.nn.conv2d(x, self.variables[f"{layer}.weight"], stride, "VALID")
        return tf.nn.bias_add(x, self.variables[f"{layer}.bias"]) if bias else x

    def up(self, x, layer):
        # PyTorch stores the weight of a transposed convolution as [in, out, k, k]; the same transposition makes it [k, k, out, in].
        self.keep(layer, False)
        weight = self.variables[f"{layer}.weight"]
        n, h, w, _ = x.shape
        return tf.nn.conv2d_transpose(x, weight, (n, 2 * h, 2 * w, weight.shape[2]), 2, [[0, 0], [1, 1], [1, 1], [0, 0]])

    def trained(self):
        return [v for v in self.variables.values() if isinstance(v, tf.Variable)]


def norm(x):
    if x.shape[0] == 1:
        c = x.shape[-1]
        return tf.compat.v1.nn.fused_batch_norm(x, tf.ones(c), tf.zeros(c), epsilon=1e-5, is_training=True)[0]
    mean, variance = tf.nn.moments(x, [1, 2], keepdims=True)
    return (x - mean) * tf.math.rsqrt(variance + 1e-5)


class Generator(Network):
    def __init__(self, path, blocks):
        super().__init__(path)
        self.blocks = blocks

    def __call__(self, x):
        x = tf.nn.relu(norm(self.conv(x, "model.1", mirror=3)))
        for i in (4, 7):
            x = tf.nn.relu(norm(self.conv(x, f"model.{i}", stride=2, pad=1)))
        for i in range(10, 10 + self.blocks):
            y = tf.nn.relu(norm(self.conv(x, f"model.{i}.conv_block.1", mirror=1)))
            x += norm(self.conv(y, f"model.{i}.conv_block.5", mirror=1))
        end = 10 + self.blocks
        for i in (end, end + 3):
            x = tf.nn.relu(norm(self.up(x, f"model.{i}")))
        return tf.tanh(self.conv(x, f"model.{end + 7}", mirror=3, bias=True))


class Discriminator(Network):
    def __call__(self, x):
        x = tf.nn.leaky_relu(self.conv(x, "model.0", stride=2, pad=1, bias=True), 0.2)
        for i, stride in ((2, 2), (5, 2), (8, 1)):
            x = tf.nn.leaky_relu(norm(self.conv(x, f"model.{i}", stride=stride, pad=1)), 0.2)
        return self.conv(x, "model.11", pad=1, bias=True)


class Adam:
    """PyTorch's Adam: TensorFlow's op with a rate and epsilon that make both equal."""

    def __init__(self, variables):
        self.variables = variables
        self.moments = [(tf.Variable(tf.zeros_like(v)), tf.Variable(tf.zeros_like(v))) for v in variables]
        self.steps = 0

    def settings(self):
        self.steps += 1
        root = (1 - BETA2**self.steps) ** 0.5
        return tf.constant(RATE * root / (1 - BETA1**self.steps), tf.float32), tf.constant(EPSILON * root, tf.float32)

    def apply(self, gradients, rate, epsilon):
        for v, (m, s), g in zip(self.variables, self.moments, gradients):
            tf.raw_ops.ResourceApplyAdam(var=v.handle, m=m.handle, v=s.handle, beta1_power=0.0, beta2_power=0.0, lr=rate,
                                         beta1=BETA1, beta2=BETA2, epsilon=epsilon, grad=g)


class Pool:
    def __init__(self, capacity=50):
        self.capacity, self.images = capacity, []

    def exchange(self, batch):
        shown = []
        for image in tf.split(batch, batch.shape[0]) if batch.shape[0] > 1 else [batch]:
            if len(self.images) < self.capacity:
                self.images.append(image)
            elif random.random() > 0.5:
                i = random.randrange(self.capacity)
                self.images[i], image = image, self.images[i]
            shown.append(image)
        return shown[0] if len(shown) == 1 else tf.concat(shown, 0)


def gan(scores, real):
    return tf.reduce_mean(tf.square(scores - 1.0 if real else scores))


def l1(x, y):
    return tf.reduce_mean(tf.abs(x - y))


class Step:
    def __init__(self, spec):
        blocks = BLOCKS[spec["netG"]]
        self.g_ab, self.g_ba = (Generator(spec["weights"][n], blocks) for n in ("G_AB", "G_BA"))
        self.d_a, self.d_b = (Discriminator(spec["weights"][n]) for n in ("D_A", "D_B"))
        shape = (spec["batch_size"], spec["size"], spec["size"], 3)
        batches = [[tf.constant(np.fromfile(path, np.float32).reshape(shape)) for path in pair] for pair in spec["batches"]]
        for net in (self.g_ab, self.g_ba, self.d_a, self.d_b):
            net(batches[0][0])  # makes its variables
        self.adam_g = Adam(self.g_ab.trained() + self.g_ba.trained())
        self.adam_d = Adam(self.d_a.trained() + self.d_b.trained())
        self.pool_a, self.pool_b = Pool(), Pool()
        self.batches = itertools.cycle(batches)

    @tf.function
    def generators(self, real_a, real_b, rate, epsilon):
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(self.adam_g.variables)
            fake_b = self.g_ab(real_a)
            rec_a = self.g_ba(fake_b)
            fake_a = self.g_ba(real_b)
            rec_b = self.g_ab(fake_a)
            losses = [
                gan(self.d_b(fake_b), True),
                gan(self.d_a(fake_a), True),
                LAMBDA * l1(rec_a, real_a),
                LAMBDA * l1(rec_b, real_b),
                LAMBDA_IDENTITY * l1(self.g_ba(real_a), real_a),
                LAMBDA_IDENTITY * l1(self.g_ab(real_b), real_b),
            ]
            total = tf.add_n(losses)
        self.adam_g.apply(tape.gradient(total, self.adam_g.variables), rate, epsilon)
        return tf.stack(losses), fake_a, fake_b

    @tf.function
    def discriminators(self, real_a, real_b, fake_a, fake_b, rate, epsilon):
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(self.adam_d.variables)
            losses = [0.5 * (gan(d(real), True) + gan(d(fake), False))
                      for d, real, fake in ((self.d_a, real_a, fake_a), (self.d_b, real_b, fake_b))]
            total = tf.add_n(losses)
        self.adam_d.apply(tape.gradient(total, self.adam_d.variables), rate, epsilon)
        return tf.stack(losses)

    def __call__(self):
        real_a, real_b = next(self.batches)
        losses, fake_a, fake_b = self.generators(real_a, real_b, *self.adam_g.settings())
        fake_a, fake_b = self.pool_a.exchange(fake_a), self.pool_b.exchange(fake_b)
        scored = self.discriminators(real_a, real_b, fake_a, fake_b, *self.adam_d.settings())
        return losses.numpy().tolist() + scored.numpy().tolist()


def prepare(spec):
    tf.config.threading.set_intra_op_parallelism_threads(spec["threads"])
    tf.config.threading.set_inter_op_parallelism_threads(spec["threads"])
    if spec["precision"] == "bf16":
        tf.config.optimizer.set_experimental_options({"auto_mixed_precision_onednn_bfloat16": True})
    random.seed(1)
    step = Step(spec)
    losses = [step() for _ in range(spec["check_steps"])]

    def work():
        for _ in range(spec["steps"]):
            step()

    return {"losses": losses, "versions": {"TensorFlow": tf.__version__}}, work


protocol.serve(prepare)
