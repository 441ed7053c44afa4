"""Writes the reference numbers that train/pytorch_test.go replays.

    python3 -m venv venv
    venv/bin/pip install -r requirements.txt
    venv/bin/python reference.py [FIXTURE...]

It takes a few minutes and gives the same fixtures again on the same kind of
processor.

The networks and both training recipes are built here from torch.nn and
torch.optim alone. What the Go side must agree on, and what is written:

  * Weights and pictures are no part of the fixtures. Both sides draw them with
    draw() below from a tensor's name.
  * Tensors have the Go side's names and layouts: [kernel, kernel, in, out] for
    a convolution, [kernel, kernel, out, in] for a transposed one, NHWC for
    pictures. OURS is the permutation of a convolution's weight for both kinds.
  * Reference values are computed in float64 and rounded to float32 at the end.
    Each recipe also runs in float32, in several of PyTorch's ways to compute;
    the largest distance of these from float64 is the gap that is written.

Each fixture is a safetensors file whose metadata "reference" is a JSON object.
The options in it have the names of the Go side's options and are only those
that differ from the preset, so that the preset is under test as well.
"""

import copy
import hashlib
import json
import math
import pathlib
import struct
import sys

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

HERE = pathlib.Path(__file__).parent
OURS = (2, 3, 1, 0)
NETWORKS = ("G_AB", "G_BA", "D_A", "D_B")
STEPS = 5

# How many draws settle() tries for the first step and for each other, and when
# it is content.
FIRST_TRIES, TRIES = 120, 30
CERTAIN = 20
STEADY, STEADY_LOSS = 30_000, 200_000

# float32 as PyTorch computes it by default, then with its own convolutions in
# place of oneDNN's, each with sums split over one thread and over two. (The
# channels_last layout is not among them: with it this version of PyTorch gives
# InstanceNorm's gradient wrongly.)
FLOAT32_WAYS = [{"onednn": onednn, "threads": threads} for onednn in (True, False) for threads in (1, 2)]


# --- what both sides draw ---------------------------------------------------

MASK = (1 << 64) - 1


def draw(name, count):
    """count numbers in [-1, 1): SplitMix64 seeded by the name's FNV-1a hash."""
    seed = 0xCBF29CE484222325
    for byte in name.encode():
        seed = ((seed ^ byte) * 0x100000001B3) & MASK
    with np.errstate(over="ignore"):
        z = np.uint64(seed) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(40)).astype(np.float64) / (1 << 23) - 1


def draw_parameter(name, role, shape):
    """A parameter in our layout. Filters keep activations near unit size, and
    nothing else is left at a value where it has no effect."""
    u = draw(name, math.prod(shape)).reshape(shape)
    match role:
        case "weight":
            # Half the bound at a block's end, or the sums grow from block to block.
            gain = 0.5 if name.endswith(".conv2.weight") else 1.0
            values = u * (gain * math.sqrt(3 / (shape[0] * shape[1] * shape[2])))
        case "gamma":
            values = 1 + 0.3 * u
        case "variance":
            values = 1 + 0.5 * u
        case _:
            values = 0.2 * u
    return values.astype(np.float32)


def draw_pictures(name, n, height, width, channels):
    """[N, C, H, W], drawn in the order [N, H, W, C]."""
    nhwc = draw(name, n * height * width * channels).astype(np.float32).reshape(n, height, width, channels)
    return torch.from_numpy(np.ascontiguousarray(nhwc.transpose(0, 3, 1, 2)))


# --- networks ---------------------------------------------------------------


class Parts:
    """Makes layers and remembers them under our names.

    The official code has a bias in every convolution before an InstanceNorm,
    which takes it out again; ours has none. The bias is here, with a value, so
    that the comparison shows that it has no effect."""

    def __init__(self, norm):
        self.norm_kind = norm
        self.named = {}

    def conv(self, name, i, o, kernel, stride, pad, bias=None):
        return self._keep(name, nn.Conv2d(i, o, kernel, stride, pad, bias=self._bias(bias)), bias)

    def up(self, name, i, o, kernel, out_pad=0, bias=None):
        return self._keep(name, nn.ConvTranspose2d(i, o, kernel, 2, 1, out_pad, bias=self._bias(bias)), bias)

    def norm(self, name, channels):
        if self.norm_kind == "instance":
            return nn.InstanceNorm2d(channels)
        layer = nn.BatchNorm2d(channels)
        self.named[name + ".norm"] = (layer, {"gamma": layer.weight, "beta": layer.bias,
                                              "mean": layer.running_mean, "variance": layer.running_var})
        return layer

    def _bias(self, bias):
        return self.norm_kind == "instance" if bias is None else bias

    def _keep(self, name, layer, bias):
        tensors = {"weight": layer.weight}
        if bias:
            tensors["bias"] = layer.bias
        elif layer.bias is not None:
            nn.init.uniform_(layer.bias, -0.1, 0.1)
        self.named[name] = (layer, tensors)
        return layer


class Residual(nn.Module):
    def __init__(self, *body):
        super().__init__()
        self.body = nn.Sequential(*body)

    def forward(self, x):
        return x + self.body(x)


class Skip(nn.Module):
    def __init__(self, *body):
        super().__init__()
        self.body = nn.Sequential(*body)

    def forward(self, x):
        return torch.cat([x, self.body(x)], 1)


def resnet_6blocks(p, inputs, outputs, f):
    layers = [nn.ReflectionPad2d(3), p.conv("stem", inputs, f, 7, 1, 0), p.norm("stem", f), nn.ReLU()]
    for i, c in enumerate((f, 2 * f)):
        name = f"down{i + 1}"
        layers += [p.conv(name, c, 2 * c, 3, 2, 1), p.norm(name, 2 * c), nn.ReLU()]
    c = 4 * f
    for i in range(6):
        first, second = f"block{i + 1}.conv1", f"block{i + 1}.conv2"
        layers.append(Residual(
            nn.ReflectionPad2d(1), p.conv(first, c, c, 3, 1, 0), p.norm(first, c), nn.ReLU(),
            nn.ReflectionPad2d(1), p.conv(second, c, c, 3, 1, 0), p.norm(second, c)))
    for i, c in enumerate((4 * f, 2 * f)):
        name = f"up{i + 1}"
        layers += [p.up(name, c, c // 2, 3, 1), p.norm(name, c // 2), nn.ReLU()]
    return nn.Sequential(*layers, nn.ReflectionPad2d(3), p.conv("out", f, outputs, 7, 1, 0, bias=True), nn.Tanh())


def unet_128(p, inputs, outputs, f):
    # The official activations work in place, so what a skip carries is
    # already rectified; the ReLU behind the concatenation makes that the same.
    leaky, relu = (lambda: nn.LeakyReLU(0.2, inplace=True)), (lambda: nn.ReLU(inplace=True))
    width = [None] + [f * min(2 ** i, 8) for i in range(7)]
    inner_bias = p.norm_kind == "instance"
    layers = [leaky(), p.conv("down7", width[6], width[7], 4, 2, 1, bias=inner_bias),
              relu(), p.up("up7", width[7], width[6], 4), p.norm("up7", width[6])]
    for level in range(6, 1, -1):
        outer, here, down, up = width[level - 1], width[level], f"down{level}", f"up{level}"
        layers = [leaky(), p.conv(down, outer, here, 4, 2, 1), p.norm(down, here), Skip(*layers),
                  relu(), p.up(up, 2 * here, outer, 4), p.norm(up, outer)]
    return nn.Sequential(p.conv("down1", inputs, f, 4, 2, 1, bias=inner_bias), Skip(*layers),
                         relu(), p.up("up1", 2 * f, outputs, 4, bias=True), nn.Tanh())


def yosemite_generator(p, inputs, outputs, f):
    layers = []
    for i, (a, b) in enumerate(((inputs, f), (f, 2 * f), (2 * f, 4 * f))):
        name = f"down{i + 1}"
        layers += [p.conv(name, a, b, 4, 2, 1), p.norm(name, b), nn.ReLU()]
    c = 4 * f
    for i in range(6):
        first, second = f"block{i + 1}.conv1", f"block{i + 1}.conv2"
        layers.append(Residual(p.conv(first, c, c, 3, 1, 1), p.norm(first, c), nn.ReLU(),
                               p.conv(second, c, c, 3, 1, 1), p.norm(second, c)))
    return nn.Sequential(*layers,
                         p.up("up1", 4 * f, 2 * f, 4), p.norm("up1", 2 * f), nn.ReLU(),
                         p.up("up2", 2 * f, f, 4), p.norm("up2", f), nn.ReLU(),
                         p.up("up3", f, outputs, 4, bias=False), nn.Tanh())


def patch_discriminator(p, inputs, f, strided):
    layers, c = [p.conv("conv1", inputs, f, 4, 2, 1, bias=True), nn.LeakyReLU(0.2)], f
    for i in range(1, strided + 1):
        name, to = f"conv{i + 1}", f * min(2 ** i, 8)
        layers += [p.conv(name, c, to, 4, 1 if i == strided else 2, 1), p.norm(name, to), nn.LeakyReLU(0.2)]
        c = to
    return nn.Sequential(*layers, p.conv("score", c, 1, 4, 1, 1, bias=True))


def yosemite_discriminator(p, inputs, f):
    layers, c = [], inputs
    for i in range(4):
        name, to = f"conv{i + 1}", f * 2 ** i
        layers += [p.conv(name, c, to, 4, 2, 1), p.norm(name, to), nn.ReLU()]
        c = to
    return nn.Sequential(*layers, p.conv("score", c, 1, 4, 2, 1, bias=False), nn.AdaptiveAvgPool2d(1))


def network(name, options):
    """One of the four networks with its drawn weights, and its parts."""
    torch.manual_seed(1)
    ab = name in ("G_AB", "D_A")
    inputs, outputs = options["input_nc"], options["output_nc"]
    if not ab:
        inputs, outputs = outputs, inputs
    p = Parts(options["norm"])
    if name.startswith("G"):
        make = {"resnet_6blocks": resnet_6blocks, "unet_128": unet_128, "yosemite": yosemite_generator}
        net = make[options["netG"]](p, inputs, outputs, options["ngf"])
    elif options["netD"] == "yosemite":
        net = yosemite_discriminator(p, inputs, options["ndf"])
    else:
        net = patch_discriminator(p, inputs, options["ndf"], {"basic": 3, "n_layers": options["n_layers_D"]}[options["netD"]])
    for layer in net.modules():
        if isinstance(layer, (nn.ReLU, nn.LeakyReLU)):
            layer.register_forward_pre_hook(lambda _, inputs: kinks.see(inputs[0]))
    for full, role, tensor in tensors_of(name, p):
        shape = [tensor.shape[i] for i in OURS] if tensor.dim() == 4 else list(tensor.shape)
        values = torch.from_numpy(draw_parameter(full, role, shape))
        with torch.no_grad():
            tensor.copy_(values.permute(3, 2, 0, 1) if tensor.dim() == 4 else values)
    return net, p


def tensors_of(network_name, parts):
    for layer, (_, tensors) in parts.named.items():
        for role, tensor in tensors.items():
            yield f"{network_name}/{layer}.{role}", role, tensor


def weight_layout(tensor):
    values = tensor.detach().double().numpy().copy()
    return values.transpose(OURS) if values.ndim == 4 else values


def picture_layout(tensor):
    return tensor.detach().double().numpy().transpose(0, 2, 3, 1).copy()


# --- losses -----------------------------------------------------------------


class Kinks:
    """What a computation puts into its rectifiers and absolute values, in the
    order of computation, while it is asked to keep them."""

    def __init__(self):
        self.kept, self.keeping = [], False

    def see(self, x):
        if self.keeping:
            self.kept.append(x.detach().clone())

    def of(self, f):
        self.kept, self.keeping = [], True
        f()
        self.keeping = False
        return self.kept


kinks = Kinks()


def l1_loss(x, y):
    kinks.see(x - y)
    return F.l1_loss(x, y)


def gan_loss(mode, scores, real):
    if mode == "wgangp":
        return -scores.mean() if real else scores.mean()
    target = torch.full_like(scores, 1.0 if real else 0.0)
    if mode == "vanilla":
        return F.binary_cross_entropy_with_logits(scores, target)
    return F.mse_loss(scores, target)


# --- training ---------------------------------------------------------------


class Pool:
    """The official image pool with its coin and its die given: for each
    picture offered to the full pool, None passes it through and a number swaps
    it for the stored picture of that number."""

    def __init__(self, capacity, choices):
        self.capacity, self.choices, self.stored = capacity, list(choices), []

    def query(self, picture):
        if self.capacity == 0:
            return picture
        if len(self.stored) < self.capacity:
            self.stored.append(picture)
            return picture
        choice = self.choices.pop(0)
        if choice is None:
            return picture
        earlier, self.stored[choice] = self.stored[choice], picture
        return earlier


def linear_rule(n_epochs, n_epochs_decay):
    return lambda index: 1 - max(0, index + 1 - n_epochs) / (n_epochs_decay + 1)


class Training:
    def __init__(self, case, dtype):
        self.case, self.o, self.dtype = case, case.options, dtype
        self.nets, self.parts = {}, {}
        for name in NETWORKS:
            net, parts = network(name, self.o)
            # Module.to replaces buffers, so the parts are looked up again.
            net = net.to(dtype)
            for layer, (module, tensors) in parts.named.items():
                if "mean" in tensors:
                    tensors.update(gamma=module.weight, beta=module.bias, mean=module.running_mean, variance=module.running_var)
            self.nets[name], self.parts[name] = net.train(), parts
        params = {name: list(net.parameters()) for name, net in self.nets.items()}
        adam = lambda p: torch.optim.Adam(p, lr=self.o["lr"], betas=(self.o["beta1"], 0.999), eps=1e-8)
        self.opt_g = adam(params["G_AB"] + params["G_BA"])
        if self.o["step_order"] == "D_first":
            self.opt_d = [adam(params["D_A"]), adam(params["D_B"])]
        else:
            self.opt_d = [adam(params["D_A"] + params["D_B"])]
        rule = linear_rule(self.o["n_epochs"], self.o["n_epochs_decay"])
        self.schedules = [torch.optim.lr_scheduler.LambdaLR(opt, rule) for opt in [self.opt_g, *self.opt_d]]
        self.pools = {d: Pool(self.o["pool_size"], case.choices[d]) for d in "AB"}

    def pictures(self, step):
        return [x.to(self.dtype) for x in self.case.pictures(step)]

    def tensors(self):
        for name in NETWORKS:
            yield from tensors_of(name, self.parts[name])

    def step(self, step, update=True):
        """One step, an epoch long. Returns the loss terms and, in the order of
        the networks' use, the translated pictures."""
        a, b = self.pictures(step)
        if self.o["step_order"] == "D_first":
            losses = self.discriminators_first(a, b, update)
        else:
            losses = self.generators_first(a, b, update)
        for schedule in self.schedules if update else []:
            schedule.step()
        return {k: float(v.detach()) for k, v in losses[0].items()}, losses[1]

    def judge(self, name, real, fake):
        d, mode = self.nets[name], self.o["gan_mode"]
        loss = self.o["lambda_D"] * (gan_loss(mode, d(real), True) + gan_loss(mode, d(fake.detach()), False))
        loss.backward()
        return loss

    def generate(self, a, b):
        """The generators' objective, with gradients in the generators only."""
        o, n = self.o, self.nets
        fake_b = n["G_AB"](a)
        rec_a = n["G_BA"](fake_b)
        fake_a = n["G_BA"](b)
        rec_b = n["G_AB"](fake_a)
        zero = torch.zeros((), dtype=self.dtype)
        losses = {"idt_A": zero, "idt_B": zero}
        if o["lambda_identity"] > 0:
            losses["idt_A"] = l1_loss(n["G_BA"](a), a) * o["lambda_A"] * o["lambda_identity"]
            losses["idt_B"] = l1_loss(n["G_AB"](b), b) * o["lambda_B"] * o["lambda_identity"]
        losses["G_AB"] = gan_loss(o["gan_mode"], n["D_B"](fake_b), True)
        losses["G_BA"] = gan_loss(o["gan_mode"], n["D_A"](fake_a), True)
        losses["cycle_A"] = l1_loss(rec_a, a) * o["lambda_A"]
        losses["cycle_B"] = l1_loss(rec_b, b) * o["lambda_B"]
        for name in ("D_A", "D_B"):
            n[name].requires_grad_(False)
        self.opt_g.zero_grad()
        sum(losses.values()).backward()
        for name in ("D_A", "D_B"):
            n[name].requires_grad_(True)
        return losses, {"A": fake_a.detach(), "B": fake_b.detach()}

    def generators_first(self, a, b, update):
        losses, fakes = self.generate(a, b)
        if update:
            self.opt_g.step()
        self.opt_d[0].zero_grad()
        losses["D_A"] = self.judge("D_A", a, self.pools["A"].query(fakes["A"]))
        losses["D_B"] = self.judge("D_B", b, self.pools["B"].query(fakes["B"]))
        if update:
            self.opt_d[0].step()
        return losses, fakes

    def discriminators_first(self, a, b, update):
        losses = {}
        for opt, name, generator, real, source in ((self.opt_d[0], "D_A", "G_BA", a, b), (self.opt_d[1], "D_B", "G_AB", b, a)):
            opt.zero_grad()
            with torch.no_grad():
                fake = self.nets[generator](source)
            losses[name] = self.judge(name, real, fake)
            if update:
                opt.step()
        rest, fakes = self.generate(a, b)
        if update:
            self.opt_g.step()
        return losses | rest, fakes

    def translated(self, step):
        """What the networks make of a step's pictures when they are used, not
        trained: the generators' translations and the discriminators' scores of
        the real pictures."""
        a, b = self.pictures(step)
        out = {}
        for name in NETWORKS:
            net = self.nets[name].eval()
            with torch.no_grad():
                out[name] = net(a if name in ("G_AB", "D_A") else b)
            net.train()
        return out


# --- cases ------------------------------------------------------------------

PAPER = dict(input_nc=3, output_nc=3, batch_size=1, netG="resnet_9blocks", netD="basic", n_layers_D=3, ngf=64, ndf=64,
             norm="instance", gan_mode="lsgan", lambda_A=10, lambda_B=10, lambda_identity=0.5, lambda_D=0.5, pool_size=50,
             step_order="G_first", lr=2e-4, beta1=0.5, n_epochs=100, n_epochs_decay=100)
YOSEMITE = PAPER | dict(netG="yosemite", netD="yosemite", norm="batch", batch_size=16, lambda_identity=0, lambda_D=1,
                        pool_size=0, step_order="D_first", n_epochs=1000, n_epochs_decay=0)
PRESETS = {"paper": PAPER, "yosemite": YOSEMITE}


class Case:
    def __init__(self, name, preset, height, width, stride, changes, choices=None):
        self.name, self.preset, self.changes = name, preset, changes
        self.options = PRESETS[preset] | changes
        self.height, self.width, self.stride = height, width, stride
        self.choices = choices or {"A": [], "B": []}
        self.draws = {}  # which draw of a step's pictures is the one to use

    def pictures(self, step):
        o = self.options
        return [draw_pictures(f"{self.name}/{d}/{step}/{self.draws.get(step, 0)}", o["batch_size"], self.height, self.width, c)
                for d, c in (("A", o["input_nc"]), ("B", o["output_nc"]))]

    def shown(self):
        """For each domain, the steps whose pictures the discriminator sees."""
        out = {}
        for d in "AB":
            pool = Pool(self.options["pool_size"], self.choices[d])
            out[d] = [pool.query(step) for step in range(1, STEPS + 1)]
        return out


# Pools of two are full after two steps; then come swaps, also for a picture
# that was itself swapped in, and pictures that pass.
CHOICES = {"A": [0, None, 0], "B": [None, 1, 1]}
SCHEDULE = dict(n_epochs=2, n_epochs_decay=4)  # the rate falls from the third step on

TRAINED = [
    Case("resnet", "paper", 32, 40, 5, dict(netG="resnet_6blocks", ngf=4, ndf=4, pool_size=2, **SCHEDULE), CHOICES),
    Case("unet", "paper", 128, 128, 47, dict(netG="unet_128", ngf=2, ndf=2, pool_size=2, **SCHEDULE), CHOICES),
    Case("yosemite", "yosemite", 32, 40, 17, dict(ngf=4, ndf=4, batch_size=3, **SCHEDULE)),
]
VARIANTS = [
    Case("vanilla_lambdas", "paper", 32, 40, 5, dict(
        netG="resnet_6blocks", netD="n_layers", n_layers_D=2, ngf=2, ndf=2, gan_mode="vanilla",
        lambda_A=7, lambda_B=3, lambda_identity=0.25)),
    Case("wgangp_gray", "paper", 32, 40, 5, dict(
        netG="resnet_6blocks", netD="n_layers", n_layers_D=1, ngf=2, ndf=2, gan_mode="wgangp",
        input_nc=3, output_nc=1, batch_size=2, lambda_A=4, lambda_identity=0, lambda_D=1)),
]


def settle(case, steps):
    """Chooses pictures for which rounding errors stay rounding errors.

    Where a value is so near 0 that rounding decides its sign, a rectifier's
    or an absolute value's gradient jumps, and Adam's first step, the length of
    which does not depend on the gradient's, goes the other way. A test near
    such places could not tell a wrong formula from a right one. So of some
    draws that one is taken in which everything of this kind is furthest from
    0, in terms of float32's error in its tensor, and in which no loss and no
    gradient is a small difference of large terms."""
    trainings = [Training(case, dtype) for dtype in (torch.float64, torch.float32)]
    for step in range(1, steps + 1):
        best = 0, None, None
        for draw_number in range(FIRST_TRIES if step == 1 else TRIES):
            case.draws[step] = draw_number
            score = math.inf
            # Without the update first: in the order D_first it makes a difference.
            for update in (False, True) if step == 1 else (True,):
                trials = copy.deepcopy(trainings)
                for trial in trials:
                    trial.case = case
                losses = []
                exact, rounded = (kinks.of(lambda: losses.append(trial.step(step, update)[0])) for trial in trials)
                score = min(score, certainty(exact, rounded))
                if any(abs(losses[0][k] - losses[1][k]) * STEADY_LOSS > abs(losses[0][k]) for k in losses[0]):
                    score = 0  # a critic's means that are nearly the same
                if step == 1:
                    pair = [gradients(trial) for trial in trials]
                    score = min(score, certainty(*pair) if steadiness(*pair) > STEADY else 0)
            if score > best[0]:
                best = score, draw_number, trials
            if score > CERTAIN:
                break
        if best[1] is None:
            raise RuntimeError(f"{case.name}: no draw for step {step} will do")
        score, case.draws[step], trainings = best
        print(f"{case.name}: step {step} has draw {case.draws[step]}, where nothing is nearer to 0 than {score:.1f} errors", flush=True)


def gradients(t):
    return [tensor.grad for _, role, tensor in t.tensors() if role not in ("mean", "variance")]


def certainty(exact, rounded):
    """How many errors lie between 0 and the value nearest to it. Exact zeros do
    not count, they are so in any precision."""
    least = math.inf
    for x, y in zip(exact, rounded, strict=True):
        size = x.abs()[x != 0]
        error = root_mean_square((x - y)[x != 0])
        if error > 0:
            least = min(least, float(size.min()) / error)
    return least


def steadiness(exact, rounded):
    """The largest value of a tensor in terms of float32's largest error in it,
    of that tensor where this is least: low where large terms cancel."""
    return min(float(x.abs().max() / (x - y).abs().max()) for x, y in zip(exact, rounded, strict=True) if bool((x != y).any()))


def root_mean_square(x):
    return float(x.double().square().mean().sqrt())


def same_weights(case, dtype):
    """Everything that one step computes without making it."""
    t = Training(case, dtype)
    tensors = {"out/" + name: picture_layout(out) for name, out in t.translated(1).items()}
    losses, fakes = t.step(1, update=False)
    for d, fake in fakes.items():
        tensors["fake/" + d] = picture_layout(fake)
    for name, role, tensor in t.tensors():
        if role in ("mean", "variance"):
            tensors["stat/" + name] = weight_layout(tensor)
        else:
            tensors["grad/" + name] = weight_layout(tensor.grad)
    return losses, tensors


def five_steps(case, dtype):
    t = Training(case, dtype)
    start = {name: weight_layout(tensor) for name, _, tensor in t.tensors()}
    before, steps, tensors = start, [], {}
    for step in range(1, STEPS + 1):
        rates = [opt.param_groups[0]["lr"] for opt in (t.opt_g, t.opt_d[0])]
        losses, fakes = t.step(step)
        for d, fake in fakes.items():
            tensors[f"step{step}/fake/{d}"] = picture_layout(fake)
        after = {name: weight_layout(tensor) for name, _, tensor in t.tensors()}
        lengths = {network_name: math.sqrt(sum(
            float(((after[name] - before[name]) ** 2).sum()) for name, role, _ in tensors_of(network_name, t.parts[network_name])
            if role not in ("mean", "variance"))) for network_name in NETWORKS}
        steps.append({"rate": rates, "losses": losses, "update": lengths})
        before = after
    for name, out in t.translated(1).items():
        tensors["end/out/" + name] = picture_layout(out)
    for name, role, _ in t.tensors():
        # A fifth of the change in every trained parameter, in learning rates.
        if role in ("mean", "variance"):
            tensors["end/stat/" + name] = after[name]
        else:
            tensors["end/change/" + name] = ((after[name] - start[name]) / case.options["lr"]).reshape(-1)[::5]
    return steps, tensors


def largest(values):
    return float(max(values))


def relative(x, reference):
    """The largest difference in terms of the reference's largest value."""
    return float(np.abs(x - reference).max() / max(np.abs(reference).max(), 1e-300))


def computed(f, case):
    """f in float64, and in float32 in each way."""
    exact, rounded = f(case, torch.float64), []
    for way in FLOAT32_WAYS:
        torch.set_num_threads(way["threads"])
        with torch.backends.mkldnn.flags(enabled=way["onednn"]):
            rounded.append(f(case, torch.float32))
    torch.set_num_threads(1)
    return exact, rounded


def ratio(x, reference):
    return abs(x - reference) / abs(reference) if reference else abs(x)


def kind(name):
    """Fixtures keep a gap for each kind of tensor: its name's first parts."""
    return name.split("/")[0]


def write_case(case, trained):
    settle(case, STEPS if trained else 1)
    (losses, tensors), rounded = computed(same_weights, case)
    reference = {
        "torch": torch.__version__, "preset": case.preset, "options": case.changes,
        "height": case.height, "width": case.width, "picture_stride": case.stride,
        "draws": [case.draws[step] for step in sorted(case.draws)],
        "losses": losses,
        "gap": {"losses": largest(ratio(r[0][k], losses[k]) for r in rounded for k in losses)},
    }
    for k in sorted({kind(name) for name in tensors}):
        reference["gap"][k] = largest(relative(r[1][name], tensors[name]) for r in rounded for name in tensors if kind(name) == k)
    if trained:
        (steps, more), rounded = computed(five_steps, case)
        for i, step in enumerate(steps):
            step["gap"] = {
                "losses": largest(ratio(r[0][i]["losses"][k], v) for r in rounded for k, v in step["losses"].items()),
                "update": largest(ratio(r[0][i]["update"][k], v) for r in rounded for k, v in step["update"].items()),
                "fake": largest(relative(r[1][name], more[name]) for r in rounded for name in more if name.startswith(f"step{i + 1}/")),
            }
        reference["steps"] = steps
        reference["shown"] = case.shown()
        end = {}
        for k in ("end/out/", "end/stat/"):
            names = [name for name in more if name.startswith(k)]
            if names:
                end[k.split("/")[1]] = largest(relative(r[1][name], more[name]) for r in rounded for name in names)
        end["change"] = {network_name: largest(change_gap(r[1], more, network_name) for r in rounded) for network_name in NETWORKS}
        reference["end"] = end
        tensors |= more
    for name in tensors:
        if "fake/" in name or "out/G" in name:
            tensors[name] = tensors[name].reshape(-1)[::case.stride]
    write(case.name, tensors, reference)


def change_gap(x, reference, network_name):
    """The root mean square difference of a network's changes."""
    names = [name for name in reference if name.startswith(f"end/change/{network_name}/")]
    square = np.concatenate([(x[name] - reference[name]) ** 2 for name in names])
    return float(np.sqrt(np.mean(square)))


def write_adam():
    """torch.optim.Adam on a discriminator: its gradients, step by step, and
    the weights that it makes of them. Also the learning rates of PyTorch's
    schedulers, epoch by epoch."""
    case = Case("adam", "paper", 32, 40, 1, dict(netD="n_layers", n_layers_D=1, ndf=4, **SCHEDULE))
    o, steps = case.options, 12
    net, parts = network("D_A", o)
    opt = torch.optim.Adam(net.parameters(), lr=o["lr"], betas=(o["beta1"], 0.999), eps=1e-8)
    tensors = {}
    for step in range(1, steps + 1):
        a, b = case.pictures(step)
        opt.zero_grad()
        # Gradients of very different sizes, from where epsilon counts.
        scale = 10.0 ** min(step - 9, 0)
        (scale * (gan_loss("lsgan", net(a), True) + gan_loss("lsgan", net(b), False))).backward()
        for name, _, tensor in tensors_of("D_A", parts):
            tensors[f"grad/{step}/{name}"] = weight_layout(tensor.grad)
        opt.step()
        for name, _, tensor in tensors_of("D_A", parts) if step in (1, steps // 2, steps) else ():
            tensors[f"weight/{step}/{name}"] = weight_layout(tensor)
    write("adam", tensors, {
        "torch": torch.__version__, "preset": case.preset, "options": case.changes,
        "height": case.height, "width": case.width, "count": steps, "rates": rates(),
    })


def rates():
    scheduler = torch.optim.lr_scheduler
    makers = {
        "linear": ({"n_epochs": 4, "n_epochs_decay": 6}, lambda opt: scheduler.LambdaLR(opt, linear_rule(4, 6))),
        "step": ({"lr_decay_iters": 3}, lambda opt: scheduler.StepLR(opt, step_size=3, gamma=0.1)),
        "cosine": ({"n_epochs": 4, "n_epochs_decay": 6}, lambda opt: scheduler.CosineAnnealingLR(opt, T_max=4, eta_min=0)),
    }
    out = []
    for policy, (options, make) in makers.items():
        opt = torch.optim.Adam([torch.zeros(1)], lr=2e-4)
        schedule, values = make(opt), []
        for _ in range(10):
            values.append(opt.param_groups[0]["lr"])
            opt.step()
            schedule.step()
        out.append({"options": options | {"lr_policy": policy}, "rates": values})
    return out


# --- files ------------------------------------------------------------------


def write(name, tensors, reference):
    header, blocks, offset = {"__metadata__": {"reference": json.dumps(reference)}}, [], 0
    for key in sorted(tensors):
        values = np.ascontiguousarray(tensors[key], dtype="<f4")
        header[key] = {"dtype": "F32", "shape": list(values.shape), "data_offsets": [offset, offset + values.nbytes]}
        offset += values.nbytes
        blocks.append(values.tobytes())
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    data = struct.pack("<Q", len(text)) + text + b"".join(blocks)
    (HERE / f"{name}.safetensors").write_bytes(data)
    print(f"{name}: {len(data)} bytes, SHA-256 {hashlib.sha256(data).hexdigest()[:16]}")
    for key in ("gap", "end"):
        if key in reference:
            print(" ", key, json.dumps(reference[key]))
    for step in reference.get("steps", []):
        print("  step gap", json.dumps(step["gap"]))


def main():
    # One thread, so that sums are added up in one order.
    torch.set_num_threads(1)
    wanted = sys.argv[1:]
    for case in TRAINED + VARIANTS:
        if not wanted or case.name in wanted:
            write_case(case, trained=case in TRAINED)
    if not wanted or "adam" in wanted:
        write_adam()


if __name__ == "__main__":
    main()
