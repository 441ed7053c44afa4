"""CycleGAN's training step in PyTorch, after the official recipe: one Adam for both generators and one for both discriminators,
identity loss, image pools, generators first. D_A discriminates images of A here; the official code calls that network netD_B."""

import itertools
import os
import random

os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "1")  # otherwise idle compiler processes stay

import numpy as np
import torch
from torch.nn import functional as F

import networks
import protocol

LAMBDA, LAMBDA_IDENTITY = 10.0, 5.0


class Pool:
    """Keeps 50 earlier images: see section 4 of the paper."""

    def __init__(self, capacity=50):
        self.capacity, self.images = capacity, []

    def exchange(self, batch):
        shown = []
        for image in batch.split(1):
            if len(self.images) < self.capacity:
                self.images.append(image)
            elif random.random() > 0.5:
                i = random.randrange(self.capacity)
                self.images[i], image = image, self.images[i]
            shown.append(image)
        return shown[0] if len(shown) == 1 else torch.cat(shown)


def gan(scores, real):
    return F.mse_loss(scores, torch.full_like(scores, 1.0 if real else 0.0))


class Step:
    def __init__(self, spec):
        self.layout = torch.channels_last if "channels_last" in spec["contender"] else torch.contiguous_format
        nets = [networks.generator(spec, "G_AB"), networks.generator(spec, "G_BA"),
                networks.discriminator(spec, "D_A"), networks.discriminator(spec, "D_B")]
        nets = [net.train().to(memory_format=self.layout) for net in nets]
        adam = dict(lr=2e-4, betas=(0.5, 0.999), fused=True)
        self.opt_g = torch.optim.Adam(itertools.chain(nets[0].parameters(), nets[1].parameters()), **adam)
        self.opt_d = torch.optim.Adam(itertools.chain(nets[2].parameters(), nets[3].parameters()), **adam)
        self.discriminators = nets[2:]
        if "compile" in spec["contender"]:
            nets = [torch.compile(net) for net in nets]
        self.g_ab, self.g_ba, self.d_a, self.d_b = nets
        self.pool_a, self.pool_b = Pool(), Pool()
        self.autocast = torch.autocast("cpu", dtype=torch.bfloat16, enabled=spec["precision"] == "bf16")
        shape = (spec["batch_size"], spec["size"], spec["size"], 3)
        self.batches = itertools.cycle([
            [torch.from_numpy(np.fromfile(path, np.float32).reshape(shape).transpose(0, 3, 1, 2)).contiguous(memory_format=self.layout)
             for path in pair] for pair in spec["batches"]])

    def __call__(self):
        real_a, real_b = next(self.batches)
        for d in self.discriminators:
            d.requires_grad_(False)
        self.opt_g.zero_grad(set_to_none=True)
        with self.autocast:
            fake_b = self.g_ab(real_a)
            rec_a = self.g_ba(fake_b)
            fake_a = self.g_ba(real_b)
            rec_b = self.g_ab(fake_a)
            losses = [
                gan(self.d_b(fake_b), True),
                gan(self.d_a(fake_a), True),
                LAMBDA * F.l1_loss(rec_a, real_a),
                LAMBDA * F.l1_loss(rec_b, real_b),
                LAMBDA_IDENTITY * F.l1_loss(self.g_ba(real_a), real_a),
                LAMBDA_IDENTITY * F.l1_loss(self.g_ab(real_b), real_b),
            ]
        sum(losses).backward()
        self.opt_g.step()

        for d in self.discriminators:
            d.requires_grad_(True)
        self.opt_d.zero_grad(set_to_none=True)
        for d, real, fake, pool in ((self.d_a, real_a, fake_a, self.pool_a), (self.d_b, real_b, fake_b, self.pool_b)):
            shown = pool.exchange(fake.detach())
            with self.autocast:
                loss = 0.5 * (gan(d(real), True) + gan(d(shown), False))
            loss.backward()
            losses.append(loss)
        self.opt_d.step()
        return [loss.item() for loss in losses]


def prepare(spec):
    torch.set_num_threads(spec["threads"])
    torch.set_flush_denormal(True)
    random.seed(1)
    step = Step(spec)
    losses = [step() for _ in range(spec["check_steps"])]

    def work():
        for _ in range(spec["steps"]):
            step()

    return {"losses": losses, "versions": {"PyTorch": torch.__version__}}, work


protocol.serve(prepare)
