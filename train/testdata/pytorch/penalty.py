"""Writes the reference numbers that train/penalty_test.go replays: WGAN-GP's
gradient penalty and its gradient with respect to a discriminator's parameters.

    venv/bin/python penalty.py

See reference.py, next to this, for the environment, what both sides draw, and
the names and layouts in the fixtures. Here picture A is the real one, picture B
the translated one, and D_A judges.
"""

import torch

from reference import (
    CERTAIN, FIRST_TRIES, Case, certainty, computed, draw, kind, kinks, largest, network, ratio, relative,
    tensors_of, weight_layout, write)

CASES = [
    Case("penalty_patch", "paper", 32, 40, 1, dict(netD="basic", ndf=2, batch_size=2, gan_mode="wgangp", lambda_gp=10)),
    Case("penalty_yosemite", "yosemite", 32, 40, 1, dict(ndf=2, batch_size=3, gan_mode="wgangp", lambda_gp=7)),
]


def alphas(case):
    """The share of the real picture in each of a batch's mixtures."""
    return torch.from_numpy((1 + draw(f"{case.name}/alpha", case.options["batch_size"])) / 2)


def penalty(case, dtype):
    """The penalty, its gradients, and BatchNorm's statistics after it."""
    net, parts = network("D_A", case.options)
    net = net.to(dtype).train()
    for module, tensors in parts.named.values():
        if "mean" in tensors:
            tensors.update(gamma=module.weight, beta=module.bias, mean=module.running_mean, variance=module.running_var)
    real, fake = (x.to(dtype) for x in case.pictures(1))
    alpha = alphas(case).float().to(dtype).reshape(-1, 1, 1, 1)
    mixed = (alpha * real + (1 - alpha) * fake).requires_grad_(True)
    scores = net(mixed)
    slope, = torch.autograd.grad(scores, mixed, torch.ones_like(scores), create_graph=True)
    lengths = (slope.reshape(len(slope), -1) + 1e-16).norm(2, dim=1)
    value = case.options["lambda_gp"] * ((lengths - 1) ** 2).mean()
    value.backward()

    out = {}
    for name, role, tensor in tensors_of("D_A", parts):
        if role in ("mean", "variance"):
            out["stat/" + name] = weight_layout(tensor)
        elif tensor.grad is not None:
            out["grad/" + name] = weight_layout(tensor.grad)
    return {"penalty": float(value.detach())}, out


def settle(case):
    """Chooses pictures that leave no rectifier's sign to rounding."""
    best = 0, None
    for case.draws[1] in range(FIRST_TRIES):
        exact, rounded = (kinks.of(lambda: penalty(case, dtype)) for dtype in (torch.float64, torch.float32))
        best = max(best, (certainty(exact, rounded), case.draws[1]), key=lambda pair: pair[0])
        if best[0] > CERTAIN:
            break
    case.draws[1] = best[1]
    print(f"{case.name}: draw {best[1]}, where nothing is nearer to 0 than {best[0]:.1f} errors")


def write_case(case):
    settle(case)
    (losses, tensors), rounded = computed(penalty, case)
    gap = {"losses": largest(ratio(r[0][k], losses[k]) for r in rounded for k in losses)}
    for k in sorted({kind(name) for name in tensors}):
        gap[k] = largest(relative(r[1][name], tensors[name]) for r in rounded for name in tensors if kind(name) == k)
    write(case.name, tensors, {
        "torch": torch.__version__, "preset": case.preset, "options": case.changes,
        "height": case.height, "width": case.width,
        "draws": [case.draws[1]], "losses": losses, "gap": gap,
    })


if __name__ == "__main__":
    torch.set_num_threads(1)
    for case in CASES:
        write_case(case)
