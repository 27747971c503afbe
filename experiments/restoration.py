"""A small network that enlarges photographs four times, trained with pixel losses, a feature loss and their mixes.

    python experiments/restoration.py      # writes lossutils/learn/experiments/restoration.json

Trained on patches of seven photographs, judged on the middle of four others. The section "Restoration" shows the table
and repeats two of the runs with fewer steps.
"""

import base64
import io
import json
import pathlib

import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn

from lossutils import feature_loss, ssim_loss
from lossutils.learn import data, features

TRAIN = ["astronaut", "brick", "camera", "coins", "grass", "hubble_deep_field", "immunohistochemistry"]
TEST = ["chelsea", "coffee", "gravel", "rocket"]
SCALE = 4
PATCH = 40
SIDE = 192  # of the test pictures
BORDER = 8  # pixels of them that PSNR, SSIM and the rest leave out
STEPS = 300
LONGER = 900  # L1 and L2 once more
SHARES = [0.0, 0.1, 0.3, 0.6, 0.9, 1.0]  # λ, the share of the feature loss
SEEDS = range(5)
EYE = (slice(28, 92), slice(8, 72))  # of the cat, 64 × 64, in the first test picture
OUT = pathlib.Path(__file__).parent.parent / "lossutils" / "learn" / "experiments" / "restoration.json"


def shrink(images):
    return F.interpolate(images, scale_factor=1 / SCALE, mode="bicubic", antialias=True).clamp(0, 1)


def enlarge(images):
    return F.interpolate(images, scale_factor=SCALE, mode="bicubic")


class Enlarger(nn.Module):
    """Bicubic enlargement, and what three convolutions of the small picture add to it."""

    def __init__(self, seed, width=16):
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            sizes = [(3, width, 5), (width, width, 3), (width, 3 * SCALE**2, 3)]
            convolutions = [nn.Conv2d(i, o, k, padding=k // 2, padding_mode="replicate") for i, o, k in sizes]
        bends = nn.LeakyReLU(0.1), nn.LeakyReLU(0.1)  # a narrow network with plain ReLU may die on its first steps
        self.layers = nn.Sequential(convolutions[0], bends[0], convolutions[1], bends[1], convolutions[2])
        nn.init.zeros_(convolutions[2].weight)
        nn.init.zeros_(convolutions[2].bias)  # before training the network is bicubic enlargement
        self.float()

    def forward(self, small):
        return enlarge(small) + F.pixel_shuffle(self.layers(small - 0.5), SCALE)


def first_maps():
    """The pretrained network up to its third map."""
    net = features.efficient_net().float()
    net.network._blocks = net.network._blocks[:3]
    return net


def patches(count=400, seed=0):
    """Patches (count, 3, 40, 40) from random places of the training photographs."""
    generator = torch.Generator().manual_seed(seed)
    photographs = [data.photograph(name) for name in TRAIN]
    found = []
    for i in range(count):
        photograph = photographs[i % len(photographs)]
        top, left = (int(torch.randint(n - PATCH + 1, (1,), generator=generator)) for n in photograph.shape[1:])
        found.append(photograph[:, top : top + PATCH, left : left + PATCH])
    return torch.stack(found)


def test_pictures():
    """The middle of each test photograph, (4, 3, 192, 192)."""
    found = []
    for name in TEST:
        photograph = data.photograph(name)
        top, left = ((n - SIDE) // 2 for n in photograph.shape[1:])
        found.append(photograph[:, top : top + SIDE, left : left + SIDE])
    return torch.stack(found)


class Task:
    """The patches, their features, and the losses of bicubic enlargement, which serve as units."""

    def __init__(self):
        self.net, self.large = first_maps(), patches()
        self.small = shrink(self.large)
        with torch.no_grad():
            bicubic = enlarge(self.small)
            self.maps = self.net(self.large)
            self.units = {
                "L2": F.mse_loss(bicubic, self.large).item(),
                "L1": F.l1_loss(bicubic, self.large).item(),
                "features": feature_loss(self.net(bicubic), self.maps).item(),
            }

    def train(self, seed, share, pixel="L2", steps=STEPS, batch=6):
        """Minimise (1 − share) · pixel loss + share · feature loss, each in its unit, by Adam."""
        model, generator = Enlarger(seed), torch.Generator().manual_seed(seed)
        optimiser = torch.optim.Adam(model.parameters(), lr=2e-3)
        schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.02, steps)
        distance = {"L2": F.mse_loss, "L1": F.l1_loss}[pixel]
        for _ in range(steps):
            i = torch.randint(len(self.large), (batch,), generator=generator)
            answer = model(self.small[i])
            loss = 0.0
            if share < 1:
                loss = loss + (1 - share) * distance(answer, self.large[i]) / self.units[pixel]
            if share > 0:
                maps = [m[i] for m in self.maps]
                loss = loss + share * feature_loss(self.net(answer), maps) / self.units["features"]
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
        return model


class Judge:
    """All columns of the table, for pictures that answer the small test pictures."""

    def __init__(self):
        self.nets = {"trained": features.efficient_net().float(), "random": features.random_net(0).float()}
        self.large = test_pictures()
        self.small = shrink(self.large)
        with torch.no_grad():
            self.maps = {name: net(self.large) for name, net in self.nets.items()}
            self.bicubic = enlarge(self.small).clamp(0, 1)
            self.units = {name: self._distances(self.bicubic, name) for name in self.nets}

    def _distances(self, answer, name):
        pairs = zip(self.nets[name](answer), self.maps[name], strict=True)
        return torch.stack([F.mse_loss(a, b) for a, b in pairs])

    @torch.no_grad()
    def score(self, answer):
        """PSNR, SSIM and so on as means over the pictures; feature distances in units of bicubic's."""
        answer = answer.clamp(0, 1)
        trained, random = (self._distances(answer, name) for name in ("trained", "random"))
        inside = (..., slice(BORDER, -BORDER), slice(BORDER, -BORDER))
        a, b = answer[inside], self.large[inside]
        error = a - b
        mse = error.square().mean((1, 2, 3))
        # the mean error at each of the 16 places of a 4 × 4 cell, apart from the mean of all: a grid
        cells = F.pixel_unshuffle(error, SCALE).unflatten(1, (3, SCALE**2)).mean((3, 4))
        across = [z.diff(dim=-1).abs().mean((1, 2, 3)) for z in (a, b)]
        return {
            "psnr": (-10 * mse.log10()).mean().item(),
            "mse": (255**2 * mse).mean().item(),
            "mae": 255 * error.abs().mean().item(),
            "ssim": 1 - ssim_loss(a, b).item(),
            "features": (trained[:3].sum() / self.units["trained"][:3].sum()).item(),
            "deeper": (trained[3:] / self.units["trained"][3:]).tolist(),
            "random": (random[:3].sum() / self.units["random"][:3].sum()).item(),
            "sharpness": (across[0] / across[1]).mean().item(),
            "grid": 255 * cells.std(2, correction=0).mean().item(),
            "colour": 255 * error.mean((2, 3)).abs().mean().item(),
        }


def eye(answer):
    """The cat's eye of the first picture as a JPEG in base64."""
    pixels = (answer[0].clamp(0, 1) * 255).round().byte().permute(1, 2, 0)[EYE]
    out = io.BytesIO()
    Image.fromarray(pixels.numpy()).save(out, format="JPEG", quality=93, subsampling=0)
    return base64.b64encode(out.getvalue()).decode()


def run(task, judge, seed, share, pixel="L2", steps=STEPS):
    """The scores of one training run, and its answer to the test pictures."""
    model = task.train(seed, share, pixel, steps)
    with torch.no_grad():
        answer = model(judge.small)
    return judge.score(answer), answer


def rounded(scores):
    def short(value):
        return [short(v) for v in value] if isinstance(value, list) else float(f"{value:.5g}")

    return {name: short(value) for name, value in scores.items()}


def main():
    task, judge = Task(), Judge()
    settings = [("L1", 0.0)] + [("L2", share) for share in SHARES]
    rows = [{"pixel": pixel, "share": share, "runs": []} for pixel, share in settings]
    for seed in SEEDS:
        for row in rows:
            scores, answer = run(task, judge, seed, row["share"], row["pixel"])
            row["runs"].append(rounded(scores))
            if seed == 0:
                row["eye"] = eye(answer)
            print(seed, row["pixel"], row["share"], row["runs"][-1], flush=True)
    result = {"steps": STEPS, "seeds": list(SEEDS), "bicubic": rounded(judge.score(judge.bicubic)), "rows": rows}
    result["training"] = rounded(task.units)
    result["longer"] = {"steps": LONGER} | {
        pixel: [rounded(run(task, judge, seed, 0.0, pixel, LONGER)[0]) for seed in SEEDS] for pixel in ("L1", "L2")
    }
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(result) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
