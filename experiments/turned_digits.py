"""Digits that lie at any angle are set upright: one small network, twelve losses for its angle.

    python experiments/turned_digits.py      # writes lossutils/learn/experiments/turned_digits.json
    python experiments/turned_digits.py 3 4  # these seeds only, into the same file

All networks of a seed begin with the same two layers and see the same digits, turned by the same angles, in the same
order; the last layer has as many outputs as the loss needs. A loss that predicts a density is read by the angle of
least expected error under that density. The section "A loss of your own in six steps" shows the record.
"""

import json
import math
import pathlib
import sys

import torch
from torch.nn import functional as F

from lossutils.learn import data

SEEDS, EPOCHS, BATCH, UNITS, RATE = range(5), 50, 100, 128, 0.005
TRAIN, VALID = 3500, 500  # digits to learn from, to choose by; the other 1,000 are the test
COMPONENTS, BINS = (1, 2, 4, 8, 16), (18, 36, 72)
NAMES = (
    ["angle", "cos, sin", "1 - cos", "antipode"] + [f"{b} bins" for b in BINS] + [f"mixture {k}" for k in COMPONENTS]
)
GRID = (torch.arange(360) + 0.5) * math.pi / 180 - math.pi  # the middles of 360 cells of one degree
FAR = torch.remainder(GRID[:, None] - GRID + math.pi, 2 * math.pi) - math.pi
BRIEF = ["mixture 1", "mixture 2"]  # of the first seed: also trained for four epochs, for the test
SHOWN = ["36 bins", "mixture 1", "mixture 16"]  # of the first seed: shown on four digits
OUT = pathlib.Path(__file__).parent.parent / "lossutils" / "learn" / "experiments" / "turned_digits.json"


AXIS = (torch.arange(28) - 13.5) / 14  # the coordinate of a pixel, from -1 to 1


def centres(images):
    """The centres of mass (N, 2) of images (N, 1, 28, 28), from -1 to 1."""
    mass = images.sum((1, 2, 3))
    return torch.stack([(images.sum(2) @ AXIS)[:, 0] / mass, (images.sum(3) @ AXIS)[:, 0] / mass], dim=1)


def turned(images, angles):
    """Images (N, 1, 28, 28), each turned about its centre of mass by its angle in radians, then halved: (N, 196)."""
    cos, sin, (right, down) = angles.cos(), angles.sin(), centres(images).T
    theta = torch.stack([cos, -sin, right, sin, cos, down], dim=1).view(-1, 2, 3)
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)
    return F.avg_pool2d(F.grid_sample(images, grid, align_corners=False), 2).flatten(1)


def unit(angle):
    return torch.stack([angle.cos(), angle.sin()], dim=-1)


def log_i0(kappa):
    return torch.log(torch.special.i0e(kappa)) + kappa


def log_density(name, out, angle):
    """The log density that outputs (N, D) give to the angles (N) or (N, M), by radian; None: the loss has none."""
    kind, count = name.split()[-1], name.split()[0]
    angle = angle if angle.dim() == 2 else angle[:, None]
    if kind == "bins":
        place = ((angle + math.pi) * int(count) / (2 * math.pi)).long().clamp(0, int(count) - 1)
        return out.log_softmax(-1).gather(1, place) - math.log(2 * math.pi / int(count))
    if name == "antipode":
        dot = unit(angle) @ out[:, :2, None]
        log_w = torch.stack([F.logsigmoid(out[:, 2:]), F.logsigmoid(-out[:, 2:])], dim=-1)
        both = torch.logsumexp(log_w + torch.cat([dot, -dot], dim=-1), dim=-1)
        return both - log_i0(out[:, :2].norm(dim=1))[:, None] - math.log(2 * math.pi)
    if name.startswith("mixture"):
        k = out.shape[1] // 3
        z = out[:, : 2 * k].view(-1, k, 2)
        parts = unit(angle) @ z.transpose(1, 2) - log_i0(z.norm(dim=2))[:, None] - math.log(2 * math.pi)
        return torch.logsumexp(out[:, None, 2 * k :].log_softmax(-1) + parts, dim=-1)
    return None


def outputs(name):
    own = {"angle": 1, "cos, sin": 2, "1 - cos": 2, "antipode": 3}
    return own.get(name) or (int(name.split()[0]) if "bins" in name else 3 * int(name.split()[1]))


def loss(name, out, angle):
    if name == "angle":
        return (out[:, 0] - angle).square().mean()
    if name == "cos, sin":
        return (out - unit(angle)).square().sum(1).mean()
    if name == "1 - cos":
        return (1 - F.cosine_similarity(out, unit(angle), dim=1)).mean()
    return -log_density(name, out, angle).mean()


def split(seed):
    digits, generator = data.mnist(), torch.Generator().manual_seed(seed)
    images, order = (digits.x / 255).float().view(-1, 1, 28, 28), torch.randperm(5000, generator=generator)
    sets = [images[order[:TRAIN]]]
    for index in (order[TRAIN : TRAIN + VALID].repeat(4), order[TRAIN + VALID :].repeat(2)):
        angle = (2 * torch.rand(len(index), generator=generator) - 1) * math.pi
        sets.append((turned(images[index], angle), angle, digits.y[index]))
    return *sets, generator


def lessons(seed, epochs):
    """The batches of every epoch, the same for all losses: [(x (35, 100, 196), angle (35, 100)), ...]."""
    images, _, _, generator = split(seed)
    found = []
    for _ in range(epochs):
        order = torch.randperm(TRAIN, generator=generator)
        angle = (2 * torch.rand(TRAIN, generator=generator) - 1) * math.pi
        found.append((turned(images[order], angle).view(-1, BATCH, 196), angle.view(-1, BATCH)))
    return found


def train(seed, name, epochs):
    """The network of one loss after these epochs; the rate falls as if there were EPOCHS of them."""
    torch.manual_seed(seed)
    body = [torch.nn.Linear(196, UNITS), torch.nn.ReLU(), torch.nn.Linear(UNITS, UNITS), torch.nn.ReLU()]
    net = torch.nn.Sequential(*body, torch.nn.Linear(UNITS, outputs(name)))
    optimiser = torch.optim.Adam(net.parameters(), lr=RATE)
    total = EPOCHS * (TRAIN // BATCH)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda t: 1 - t / total)
    for pixels, angles in epochs:
        for x, angle in zip(pixels, angles, strict=True):
            optimiser.zero_grad()
            loss(name, net(x), angle).backward()
            optimiser.step()
            schedule.step()
    return net


def apart(one, other):
    """The angle between two angles, in degrees."""
    return (torch.remainder(one - other + math.pi, 2 * math.pi) - math.pi).abs().rad2deg()


def read(name, out):
    """Angle, expected error (None: the loss has no confidence) and density on GRID (or None) from the outputs."""
    density = log_density(name, out, GRID.expand(len(out), -1))
    if density is not None:
        density = density.softmax(-1)
        expected = density @ FAR.abs()
        best = expected.min(1)
        return GRID[best.indices], best.values, density
    if name == "angle":
        return out[:, 0], None, None
    angle = torch.atan2(out[:, 1], out[:, 0])
    return angle, (-out.norm(dim=1) if name == "cos, sin" else None), None


def judge(name, net, x, angle, y, full=True):
    """What the section's metric says of a network: a dict of numbers, angles in degrees."""
    with torch.no_grad():
        out = net(x)
        guess, doubt, density = read(name, out)
        error = apart(guess, angle)
        found = {"mae": error.mean().item(), "within": 100 * (error < 20).float().mean().item()}
        found["flip"] = 100 * (error > 160).float().mean().item()
        if doubt is not None:
            order = doubt.argsort()
            found["surest"] = error[order[: len(x) * 8 // 10]].mean().item()
        if density is not None:
            found["nll"] = loss(name, out, angle).item()
            mode = apart(GRID[density.argmax(1)], angle)
            found["mode"] = [mode.mean().item(), 100 * (mode < 20).float().mean().item()]
        if not full:
            return found
        found["by class"] = [error[y == c].mean().item() for c in range(10)]
        found["flip by class"] = [100 * (error[y == c] > 160).float().mean().item() for c in range(10)]
        if doubt is not None:
            found["kept"] = [error[order[: len(x) * k // 20]].mean().item() for k in range(1, 21)]
        if density is not None:
            found["expected"] = doubt.mean().rad2deg().item()
            place = ((angle + math.pi).rad2deg()).long().clamp(0, 359)[:, None]
            own = density.gather(1, place)
            denser = (density * (density > own)).sum(1)
            level = (density * (density == own)).sum(1)  # cells as dense as the true one: a set takes a part of them
            found["cover"] = [100 * ((k / 10 - denser) / level).clamp(0, 1).mean().item() for k in range(1, 10)]
    return found


def short(value, digits=4):
    if isinstance(value, dict):
        return {key: short(v, digits) for key, v in value.items()}
    return [short(v, digits) for v in value] if isinstance(value, list) else float(f"{value:.{digits}g}")


def example(net, name, pixels):
    """The density per radian on every fifth degree that the network gives to some digits."""
    with torch.no_grad():
        return log_density(name, net(pixels), GRID[2::5].expand(len(pixels), -1)).exp().tolist()


def add(seed, part):
    """Write a seed's part into the record."""
    found = json.loads(OUT.read_text(encoding="utf-8")) if OUT.exists() else {"runs": {}}
    found |= {"epochs": EPOCHS} | {key: part[key] for key in ("four epochs", "shown") if part[key]}
    found["runs"] = dict(sorted((found["runs"] | {str(seed): part["runs"]}).items()))
    OUT.write_text(json.dumps(found) + "\n", encoding="utf-8")


def main(seeds=SEEDS):
    for seed in seeds:
        _, valid, test, _ = split(seed)
        epochs, part = lessons(seed, EPOCHS), {"runs": {}, "four epochs": {}, "shown": {}}
        for name in NAMES:
            net = train(seed, name, epochs)
            found = {"test": judge(name, net, *test), "valid": judge(name, net, *valid, full=False)}
            part["runs"][name] = short(found)
            print(seed, name, {k: v for k, v in found["test"].items() if not isinstance(v, list)}, flush=True)
            if seed == 0 and name in BRIEF:
                brief = judge(name, train(0, name, epochs[:4]), *valid, full=False)
                part["four epochs"][name] = short(brief)
            if seed == 0 and name in SHOWN:
                one = [int((test[2] == c).nonzero()[0]) for c in (1, 4, 6, 8)]
                part["shown"][name] = short(example(net, name, test[0][one]), 3)
                part["shown"]["angle"] = short(test[1][one].rad2deg().tolist(), 5)
                part["shown"]["pixels"] = (255 * test[0][one]).round().int().tolist()
        add(seed, part)


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]] or SEEDS)
