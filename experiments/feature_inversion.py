"""Which photograph has these features? An image is fitted to one map of a network, for each of six depths.

    python experiments/feature_inversion.py      # writes lossutils/learn/experiments/feature_inversion.json

Five seeds, which draw the grey noise of the start; with and without total variation. The section "Feature and style
losses" shows the pictures of the first seed, and repeats one depth.
"""

import base64
import io
import json
import pathlib

import torch
import torch.nn.functional as F
from PIL import Image

from lossutils import feature_loss, total_variation_loss
from lossutils.learn import data, features

SEEDS = range(5)
BLOCKS = (0, 1, 3, 5, 11, 16)  # how many blocks come before each map
STEPS = 60
LONG, LONG_DEPTHS = 300, (0, 3, 5)  # is the curve a matter of the number of steps?
VARIATION = 0.5  # weight of the total variation per number, where it is on
OUT = pathlib.Path(__file__).parent.parent / "lossutils" / "learn" / "experiments" / "feature_inversion.json"


def photograph():
    """The cat's face, (1, 3, 96, 96)."""
    return F.avg_pool2d(data.photograph("chelsea")[None, :, :288, 80:368], 3)


def start(seeds):
    """Grey with faint noise, one image a seed."""
    noise = [torch.randn(3, 96, 96, generator=torch.Generator().manual_seed(seed)) for seed in seeds]
    return 0.5 + 0.05 * torch.stack(noise)


def upto(depth):
    """The network without the blocks behind a depth, which would only cost time."""
    network = features.efficient_net()
    network.network._blocks = network.network._blocks[: BLOCKS[depth]]
    return network


def invert(network, depth, seeds, variation=0.0, steps=STEPS):
    """Images (len(seeds), 3, 96, 96) whose map of that depth comes near to the photograph's."""
    with torch.no_grad():
        target = network(photograph())[depth].expand(len(seeds), -1, -1, -1)
        images = start(seeds)
        first = feature_loss([network(images)[depth]], [target], reduction="none")
    images.requires_grad_()
    optimiser = torch.optim.Adam([images], lr=0.02)
    for _ in range(steps):
        loss = feature_loss([network(images)[depth]], [target], reduction="none") / first
        loss = loss + variation * total_variation_loss(images, reduction="none") / images[0].numel()
        optimiser.zero_grad()
        loss.sum().backward()
        optimiser.step()
        with torch.no_grad():
            images.clamp_(0, 1)
    return images.detach()


@torch.no_grad()
def judge(network, images):
    """For each image its pixels' root mean square error, and the share of the start's distance left at each depth."""
    target, maps = network(photograph()), network(images)
    first = network(start(SEEDS))
    shares = []
    for a, b, c in zip(maps, target, first, strict=True):
        before = feature_loss([c], [b.expand_as(c)])
        shares.append(feature_loss([a], [b.expand_as(a)], reduction="none") / before)
    return (images - photograph()).square().mean((1, 2, 3)).sqrt(), torch.stack(shares, 1)


def packed(image, quality=65):
    """A picture (3, H, W) as WebP in base64."""
    stream = io.BytesIO()
    pixels = (image.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy()
    Image.fromarray(pixels).save(stream, "WEBP", quality=quality, method=6)
    return base64.b64encode(stream.getvalue()).decode()


def longer(network):
    """The errors after five times as many steps, without total variation, at three of the depths."""
    found = {"steps": LONG, "depths": list(LONG_DEPTHS), "rmse": [], "matched": []}
    for depth in LONG_DEPTHS:
        rmse, left = judge(network, invert(upto(depth), depth, SEEDS, steps=LONG))
        found["rmse"].append([round(v, 4) for v in rmse.tolist()])
        found["matched"].append([round(v, 4) for v in left[:, depth].tolist()])
    return found


def main():
    network = features.efficient_net()
    result = {"layers": list(features.LAYERS), "seeds": list(SEEDS), "steps": STEPS, "variation": VARIATION}
    result["start"] = [round(v, 4) for v in judge(network, start(SEEDS))[0].tolist()]
    for name, variation in {"plain": 0.0, "smooth": VARIATION}.items():
        rows = {"rmse": [], "left": [], "picture": []}
        for depth in range(len(features.LAYERS)):
            images = invert(upto(depth), depth, SEEDS, variation)
            rmse, left = judge(network, images)
            rows["rmse"].append([round(v, 4) for v in rmse.tolist()])
            rows["left"].append([[round(v, 4) for v in row] for row in left.tolist()])  # seed → layer
            rows["picture"].append(packed(images[0]))
            print(name, depth, rmse.mean().item(), left.mean(0).tolist(), flush=True)
        result[name] = rows
    result["long"] = longer(network)
    OUT.write_text(json.dumps(result) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
